"""gzip messages, inflated within the limits: gRPC's own inflating is switched off.

It would inflate whatever comes up to the limit of a message, on its own threads, and before anybody could
count the bytes. What comes compressed begins with `1f 8b`, which begins no protobuf message: a tag of field 3
and of a wire type that there is not.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import grpc

from imgsvc.runtime.cores import AT_ONCE_BYTES
from imgsvc.server.refusals import NotAMessage, Refusal

if TYPE_CHECKING:
    from imgsvc.server.call import Call
    from imgsvc.server.limiter import Limiter

__all__ = ["MessageTooLong", "inflate", "inflate_small", "is_gzip"]

MAGIC = b"\x1f\x8b"
TRAILER_BYTES = 4
GZIP = 31
"""For zlib: the window of 32 KiB, in gzip's wrapping."""


class MessageTooLong(Refusal):
    """A message that is beyond the limit once it is inflated; in the words of gRPC itself."""

    def __init__(self, size: int, most: int) -> None:
        details = f"Received message larger than max ({size} vs. {most})"
        super().__init__(grpc.StatusCode.RESOURCE_EXHAUSTED, "message", f"{size} bytes", details)


def is_gzip(body: bytes) -> bool:
    """Return whether a message is compressed."""
    return body[:2] == MAGIC


def inflate(body: bytes, most: int, call: Call, limiter: Limiter) -> bytes:
    """Return a message of a call, whose bytes are then counted for it.

    Raises
    ------
    MessageTooLong
        It has more than `most` bytes.
    NotAMessage
        It is no gzip, or says another size than it has.
    OverloadedError
        There is no room for it now.
    """
    size = _size(body, most)
    limiter.hold_body(call, size)
    call.request_bytes = len(body) + size
    return call.compute(lambda _: _inflated(body, size), AT_ONCE_BYTES + 1, 1)


def inflate_small(body: bytes, most: int) -> bytes:
    """Return a message that has `most` bytes, which are few; raises as `inflate`."""
    return _inflated(body, _size(body, most))


def _size(body: bytes, most: int) -> int:
    """Return how many bytes a message says that it has, which is believed no further than `_inflated`."""
    size = int.from_bytes(body[-TRAILER_BYTES:], "little")
    if size > most:
        raise MessageTooLong(size, most)
    return size


def _inflated(body: bytes, size: int) -> bytes:
    inflater = zlib.decompressobj(GZIP)
    try:
        message = inflater.decompress(body, max(size, 1))
        # The end of the stream may be still to be read when all bytes are there.
        more = inflater.decompress(inflater.unconsumed_tail, 1) if not inflater.eof else b""
    except zlib.error:
        raise NotAMessage from None
    if more or len(message) != size or not inflater.eof or inflater.unused_data:
        raise NotAMessage
    return message
