"""GIF: its blocks."""

from __future__ import annotations

import struct

from imgsvc.codec.source import FIRST_ALONE, DamageError, Source, ends_early

MOST_BLOCKS, LEAST_BLOCK = 20_000, 64
"""So many blocks, and more where they have so many bytes: nearly all that are written have 255."""

EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
CONTROL, APPLICATION = 0xF9, 0xFF
LOOPS = b"NETSCAPE2.0"


def read(data: bytes, frames: int, *, whole: bool, partial: bool) -> Source:
    """Look through the blocks, and count up to `frames` images; what lies behind the first refuses none."""
    if len(data) < 13:
        raise ends_early()
    found = _Images(data, frames)
    try:
        found.walk()
    except (IndexError, struct.error):
        if found.count == 0:
            raise ends_early() from None
    except DamageError:
        if found.count == 0 or (whole and frames > FIRST_ALONE and not partial):
            raise
    if found.count == 0:
        raise DamageError("it has no pixels")
    channels = 4 if found.transparent else 1 if found.gray and found.count == 1 else 3
    size = struct.pack("<HH", found.far_width, found.far_height)
    return Source(
        "gif",
        found.width,
        found.height,
        channels,
        b"".join([data[:6], size, data[10:]]) if whole else b"",
        frames=found.count,
        loop=found.loop,
        window=(0, 0),
        largest_part=found.far_width * found.far_height,
    )


class _Images:
    """What is found in the blocks.

    Attributes
    ----------
    width, height
        Of the first image with what is left of it and above: others are clipped to that.
    far_width, far_height
        With the others that are decoded, which Pillow is told: it has no clipping.
    count
        Of images.
    loop
        How often they are shown; 0 is for ever.
    transparent, gray
        What the colours of the first image are.
    """

    def __init__(self, data: bytes, most: int) -> None:
        self._data = data
        self._most = most
        self._blocks = Blocks(data)
        self.width, self.height, self._flags = struct.unpack_from("<HHB", data, 6)
        self.far_width, self.far_height = self.width, self.height
        self.count, self.loop = 0, 1
        self.transparent = self.gray = False

    def walk(self) -> None:
        """Look at all of them."""
        data, position, palette = self._data, 13, b""
        if self._flags & 0x80:
            palette, position = _palette(data, position, self._flags)
        while self.count < self._most:
            kind = data[position]
            if kind == TRAILER:
                break
            if kind == EXTENSION:
                position = self._extension(position)
            elif kind == IMAGE:
                position = self._image(position, palette)
            elif kind == 0:  # filler that some writers leave
                position += 1
                self._blocks.spend()
            else:
                raise DamageError("a block is of no known kind")

    def _extension(self, position: int) -> int:
        data, label = self._data, self._data[position + 1]
        if label == CONTROL and self.count == 0 and data[position + 2] == 4:
            self.transparent = bool(data[position + 3] & 1)
        if label == APPLICATION and data[position + 3 : position + 14] == LOOPS:
            (again,) = struct.unpack_from("<H", data, position + 16)
            self.loop = again + 1 if again else 0
        return self._blocks.after(position + 2)

    def _image(self, position: int, palette: bytes) -> int:
        data = self._data
        left, top, columns, rows, flags = struct.unpack_from("<HHHHB", data, position + 1)
        position += 10
        if flags & 0x80:
            palette, position = _palette(data, position, flags)
        if self.count == 0:
            self.width, self.height = max(self.width, left + columns), max(self.height, top + rows)
            self.far_width, self.far_height = self.width, self.height
            self.gray = _is_gray(palette)
        elif self._most > FIRST_ALONE:
            self.far_width = max(self.far_width, left + columns)
            self.far_height = max(self.far_height, top + rows)
        self.count += 1
        return self._blocks.after(position + 1)


class Blocks:
    """The chains of blocks of up to 255 bytes, walked no further than is reasonable."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.most = self.left = MOST_BLOCKS + len(data) // LEAST_BLOCK

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
            raise DamageError(f"it has more than {self.most} blocks")


def _palette(data: bytes, position: int, flags: int) -> tuple[bytes, int]:
    end = position + (6 << (flags & 7))
    return data[position:end], end


def _is_gray(palette: bytes) -> bool:
    return palette[::3] == palette[1::3] == palette[2::3]
