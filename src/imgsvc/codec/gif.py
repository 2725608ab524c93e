"""GIF: its blocks."""

from __future__ import annotations

import struct

from imgsvc.codec.source import DamageError, Source, ends_early

MOST_BLOCKS = 2_000_000
"""Of up to 255 bytes each: half a gigabyte, or some 0.3 s of looking through short ones."""

EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
CONTROL, APPLICATION = 0xF9, 0xFF
LOOPS = b"NETSCAPE2.0"


def read(data: bytes, frames: int, *, whole: bool) -> Source:  # noqa: PLR0912 - a kind of block each
    """Look through the blocks, and count up to `frames` images."""
    if len(data) < 13:
        raise ends_early()
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13
    palette = b""
    if flags & 0x80:
        palette, position = _palette(data, position, flags)
    blocks = Blocks(data)
    count = loop = 0
    transparent = False
    gray = False
    try:
        while count < frames:
            kind = data[position]
            if kind == TRAILER:
                break
            if kind == EXTENSION:
                label = data[position + 1]
                if label == CONTROL and count == 0 and data[position + 2] == 4:
                    transparent = bool(data[position + 3] & 1)
                if label == APPLICATION and data[position + 3 : position + 14] == LOOPS:
                    (loop,) = struct.unpack_from("<H", data, position + 16)
                position = blocks.after(position + 2)
            elif kind == IMAGE:
                left, top, columns, rows, flags = struct.unpack_from("<HHHHB", data, position + 1)
                position += 10
                own = palette
                if flags & 0x80:
                    own, position = _palette(data, position, flags)
                if count == 0:
                    width, height = max(width, left + columns), max(height, top + rows)
                    gray = _is_gray(own)
                elif left + columns > width or top + rows > height:
                    raise DamageError(f"frame {count + 1} reaches beyond the image")
                count += 1
                position = blocks.after(position + 1)
            elif kind == 0:  # filler that some writers leave
                position += 1
                blocks.spend()
            else:
                raise DamageError("a block is of no known kind")
    except (IndexError, struct.error):
        if count == 0:
            raise ends_early() from None
    if count == 0:
        raise DamageError("it has no pixels")
    channels = 4 if transparent else 1 if gray and count == 1 else 3
    return Source("gif", width, height, channels, data if whole else b"", frames=count, loop=loop)


class Blocks:
    """The chains of blocks of up to 255 bytes, walked no further than is reasonable."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = MOST_BLOCKS

    def after(self, position: int) -> int:
        """Return the position behind the chain that begins there."""
        data = self.data
        while size := data[position]:
            position += size + 1
            self.spend()
        return position + 1

    def spend(self) -> None:
        """Count a block."""
        self.left -= 1
        if not self.left:
            raise DamageError(f"it has more than {MOST_BLOCKS} blocks")


def _palette(data: bytes, position: int, flags: int) -> tuple[bytes, int]:
    end = position + (6 << (flags & 7))
    return data[position:end], end


def _is_gray(palette: bytes) -> bool:
    return palette[::3] == palette[1::3] == palette[2::3]
