"""Image files: a target for each format."""

from __future__ import annotations

import functools
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fuzz.target import Target
from imgsvc.codec import FORMATS, DecodeLimits, DecodeOptions, decode, read_header
from imgsvc.errors import InvalidInputError
from tests.codec.encoded import every_kind, jpeg_of_scans, photo
from tests.codec.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imgsvc.codec import Header

__all__ = ["CODECS"]

LIMITS = DecodeLimits(pixels=1 << 18, frames=8, total_pixels=1 << 19)
OPTIONS = (
    DecodeOptions(),
    DecodeOptions(depth="keep", color="keep", frames="all", auto_orient=False),
    DecodeOptions(depth="keep", frames="all"),
    DecodeOptions(damaged="partial"),
    DecodeOptions(depth="keep", frames="all", damaged="partial"),
)
MOST_SECONDS = 2.0
"""Of a core, for one way to decode an image within the limits, the fuzzer's own share included."""

MOST_BYTES = 96 << 20
"""More than any kind of file takes for so many pixels, and what libraries keep."""
DTYPES = {np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32)}
PNG_SIGNATURE = 8


def check(data: bytes) -> None:
    """Read a header, and decode in several ways, within limits."""
    try:
        header = read_header(data)
    except InvalidInputError:
        header = None
    for options in OPTIONS:
        check_costs(functools.partial(check_decoding, data, options, None))
    if header is not None:
        check_costs(functools.partial(check_decoding, data, OPTIONS[0], header))


def check_costs(decoding: Callable[[], None]) -> None:
    """Decode, and look at what that took."""
    before = _reset_peak()
    start = time.process_time()
    decoding()
    seconds = time.process_time() - start
    assert seconds <= MOST_SECONDS, f"{seconds:.1f} s"
    if before is not None:
        taken = _memory("VmHWM:") - before
        assert taken <= MOST_BYTES, f"{taken >> 20} MiB"


def _reset_peak() -> int | None:
    """Forget the most memory that this process has had; return what it has, where the system tells that."""
    try:
        Path("/proc/self/clear_refs").write_text("5", "ascii")
        return _memory("VmRSS:")
    except OSError:
        return None


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


def check_decoding(data: bytes, options: DecodeOptions, header: Header | None) -> None:
    """Decode; with a header also no larger than need be."""
    try:
        decoded = decode(data, options, LIMITS, at_least=None if header is None else (8, 8), header=header)
    except InvalidInputError:
        return
    every = options.frames == "all"
    assert 1 <= len(decoded.frames) <= (LIMITS.frames if every else 1)
    assert len(decoded.durations) == len(decoded.frames)
    pixels = [frame.shape[0] * frame.shape[1] for frame in decoded.frames]
    assert min(pixels) > 0
    assert max(pixels) <= LIMITS.pixels
    assert sum(pixels) <= LIMITS.total_pixels
    for frame in decoded.frames:
        assert frame.flags.c_contiguous
        assert frame.dtype in DTYPES
        assert frame.shape[2:] in {(), (3,), (4,)}


def check_png(data: bytes) -> None:
    """As `check`; and once more with right checksums, without which nearly nothing would be looked at."""
    check(data)
    check(with_checksums(data))


def with_checksums(data: bytes) -> bytes:
    """Return a PNG file with what its checksums should be."""
    content = bytearray(data)
    at = PNG_SIGNATURE
    while at + 12 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        if end + 4 > len(content):
            break
        content[end : end + 4] = zlib.crc32(content[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(content)


def seeds(name: str) -> Iterable[bytes]:
    """Return files of a format, by real encoders and by hand, of every kind that is served."""
    image = photo(12, 16)
    kinds = every_kind(12, 16) | {f"{kind} of kinds": make(image) for kind, make in KINDS.items()}
    kinds["jpeg of scans"] = jpeg_of_scans(16, 12, 12)
    kinds["jpeg of more scans"] = jpeg_of_scans(16, 12, 200)
    return [data for kind, data in kinds.items() if kind.split()[0] == name]


CODECS = tuple(
    Target(name, check_png if name == "png" else check, functools.partial(seeds, name), 1 << 13)
    for name in FORMATS
)
