"""The helper program: decodes and encodes what takes long, in a process that can be ended.

A decoder in C cannot be interrupted, and a thread that is in one cannot be ended. `imgsvc.codec.helpers`
starts this program and talks to it over a socket: a message is JSON, and a descriptor of memory that has the
bytes.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import json
import mmap
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np

from imgsvc.codec.decode_options import DecodeLimits, DecodeOptions
from imgsvc.codec.decoding import Decoded, decode
from imgsvc.codec.encoding import EncodeOptions, encode
from imgsvc.errors import InvalidInputError
from imgsvc.operations import Flatten

__all__ = ["MESSAGE_BYTES", "decoded_of", "main", "parts_of", "received", "send"]

MESSAGE_BYTES = 1 << 17
"""JSON is smaller: what may be long is in memory."""

IDLE_SECONDS = 60.0
PR_SET_PDEATHSIG = 1
IN_BYTES = {"frames", "icc_profile", "exif", "others"}
IN_JSON = [field.name for field in dataclasses.fields(Decoded) if field.name not in IN_BYTES]
FIRST_TO_GO = "1000"
"""Where memory runs out: before the server, which can say what has become of the call."""


def main(descriptor: int) -> None:
    """Answer requests until nobody is there to send any, or none has come for a minute."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they are for the server, which may still want an answer
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, "ascii")
    Flatten()(np.zeros((1, 1, 4), np.uint8))  # what loads the kernels: they are no part of a request's memory
    base = _address_space()
    with socket.socket(fileno=descriptor) as connection:
        connection.settimeout(IDLE_SECONDS)
        send(connection, {}, [])
        while True:
            try:
                message = received(connection)
            except TimeoutError:
                return
            if message is None:
                return
            request, memory = message
            _limit(base, request)
            try:
                answer, parts = _answered(request, memory)
            except InvalidInputError as error:
                answer = {
                    "error": type(error).__name__,
                    "of": [error.field, str(error.value), error.expected],
                }
                parts = []
            except MemoryError:
                answer, parts = {"error": "MemoryError"}, []
            del message, memory
            send(connection, answer, parts)
            del answer, parts


def _answered(request: dict[str, Any], memory: memoryview) -> tuple[dict[str, Any], list[Any]]:
    if request["what"] == "decode":
        at_least = request["at_least"]
        decoded = decode(
            memory,
            DecodeOptions(**request["options"]),
            DecodeLimits(**request["limits"]),
            at_least=None if at_least is None else (at_least[0], at_least[1]),
        )
        return parts_of(decoded)
    options = request["options"]
    file = encode(decoded_of(request["image"], memory), request["format"], EncodeOptions(**options))
    return {"size": len(file)}, [file]


def parts_of(image: Decoded) -> tuple[dict[str, Any], list[Any]]:
    """Return what an image is in JSON, and in bytes."""
    told = {name: getattr(image, name) for name in IN_JSON}
    told["shapes"] = [frame.shape for frame in image.frames]
    told["dtype"] = image.frames[0].dtype.str
    texts = [image.icc_profile, image.exif, *(content for _, content in image.others)]
    told["sizes"] = [None if each is None else len(each) for each in texts]
    told["others"] = [kind for kind, _ in image.others]
    frames = [np.ascontiguousarray(frame).reshape(-1).view(np.uint8).data for frame in image.frames]
    return told, [*frames, *(text or b"" for text in texts)]


def decoded_of(told: dict[str, Any], memory: memoryview) -> Decoded:
    """Return an image of `parts_of`; its frames are views of the memory."""
    dtype, position, frames = np.dtype(told["dtype"]), 0, []
    for shape in told["shapes"]:
        frames.append(np.ndarray(shape, dtype, memory, position))
        position += frames[-1].nbytes
    texts: list[bytes | None] = []
    for size in told["sizes"]:
        texts.append(None if size is None else bytes(memory[position : position + size]))
        position += size or 0
    profile, exif, *contents = texts
    others = tuple((kind, content or b"") for kind, content in zip(told["others"], contents, strict=True))
    said: dict[str, Any] = {
        name: tuple(told[name]) if isinstance(told[name], list) else told[name] for name in IN_JSON
    }
    return Decoded(frames=tuple(frames), icc_profile=profile, exif=exif, others=others, **said)


def send(connection: socket.socket, told: dict[str, Any], parts: list[Any]) -> None:
    """Send a message, with its bytes in memory that the other side gets a descriptor of."""
    descriptor = os.memfd_create("imgsvc", os.MFD_CLOEXEC)
    try:
        for part in parts:
            left = memoryview(part)
            while left:
                left = left[os.write(descriptor, left) :]
        socket.send_fds(connection, [json.dumps(told).encode()], [descriptor])
    finally:
        os.close(descriptor)


def received(connection: socket.socket) -> tuple[dict[str, Any], memoryview] | None:
    """Return a message, and a view of its bytes; None where the other side has gone."""
    body, descriptors, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 1)
    if not body:
        return None
    [descriptor] = descriptors
    try:
        size = os.fstat(descriptor).st_size
        memory = memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)) if size else memoryview(b"")
    finally:
        os.close(descriptor)
    told: dict[str, Any] = json.loads(body)
    return told, memory


def _limit(base: int, request: dict[str, Any]) -> None:
    """Let this process take so much memory and time for a request; beyond that the system ends it."""
    most = base + int(request["most_bytes"])
    _set_limit(resource.RLIMIT_AS, most)
    spent = resource.getrusage(resource.RUSAGE_SELF)
    _set_limit(resource.RLIMIT_CPU, int(spent.ru_utime + spent.ru_stime + request["most_seconds"]) + 1)


def _set_limit(kind: int, soft: int) -> None:
    _, hard = resource.getrlimit(kind)
    with contextlib.suppress(OSError, ValueError):  # a filter of system calls may forbid it
        resource.setrlimit(kind, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _address_space() -> int:
    pages, *_ = Path("/proc/self/statm").read_text("ascii").split()
    return int(pages) * resource.getpagesize()


if __name__ == "__main__":
    main(int(sys.argv[1]))
