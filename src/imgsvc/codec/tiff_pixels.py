"""TIFF's kinds of pixels: which are served, what Pillow is told of them, and what it then gives."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from imgsvc.codec import jpeg
from imgsvc.codec import tiff_directory as tags
from imgsvc.codec.source import DamageError, UnservedError, ends_early
from imgsvc.codec.tiff_directory import LONG, SHARED_BYTES, SHORT, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

__all__ = [
    "Kind",
    "Stored",
    "check",
    "check_streams",
    "halve",
    "is_made_anew",
    "made_anew",
    "places",
    "readable",
    "slowest_coding",
    "values",
]

INVERTED, GRAY, RGB, INDEXED, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
GRAYS = {GRAY, INVERTED}
UINT, FLOAT = 1, 3
UNSPECIFIED, PREMULTIPLIED, ALPHA = 0, 1, 2
SEPARATE, REVERSED = 2, 2
PLAIN = 1
DEEP = 16
ODD, KNOWN_ODD = {10, 12, 14}, 12
"""Bits of a sample that Pillow does not know, but for one, in one byte order."""

COLOURS = {INVERTED: 1, GRAY: 1, INDEXED: 1, RGB: 3, CMYK: 4, YCBCR: 3, LAB: 3}
"""Samples of a pixel without extra ones."""

DEPTHS = {
    INVERTED: {1, 2, 4, 8, 16, *ODD}, GRAY: {1, 2, 4, 8, 16, *ODD}, INDEXED: {1, 2, 4, 8}, RGB: {8, 16},
    CMYK: {8, 16}, YCBCR: {8}, LAB: {8},
}  # fmt: skip
NAMES = {
    INVERTED: "gray", GRAY: "gray", INDEXED: "indexed", RGB: "RGB", CMYK: "CMYK", YCBCR: "YCbCr", LAB: "Lab",
}  # fmt: skip
COMPRESSIONS = {
    1: "plain", 2: "fax", 3: "fax", 4: "fax", 5: "lzw", 6: "jpeg", 7: "jpeg", 8: "deflate", 32771: "plain",
    32773: "packbits", 32809: "thunderscan", 32946: "deflate", 34925: "lzma", 50000: "zstd",
}  # fmt: skip
CODINGS = ("plain", "packbits", "zstd", "jpeg", "lzw", "deflate", "thunderscan", "fax", "lzma")
"""From the fastest to the slowest, by the pixel."""

OTHER_COMPRESSIONS = {
    34676: "LogLuv", 34677: "LogLuv", 34712: "JPEG 2000", 34887: "LERC", 50001: "WebP", 50002: "JPEG XL",
}  # fmt: skip
MOST_SAMPLES, MOST_STREAMS = 6, 10_000
BLOCK_PIXELS = 1 << 16
SHARING = 8
"""Times the bytes of a file that its strips have at most: some writers have one for all that are empty."""

MOST, MOST_DEEP = 255, 65535


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a page says of its pixels.

    Attributes
    ----------
    photometric, samples, bits, number, extra
        As its tags have them: colours, samples of a pixel and bits of a sample, integers or floats, and what
        samples beyond the colours are.
    planes
        Whether each sample has its own strips.
    compressed
        Whether strips are.
    """

    photometric: int
    samples: int
    bits: int
    number: int
    extra: tuple[int, ...]
    planes: bool
    compressed: bool

    @classmethod
    def of(cls, page: Page) -> Kind:
        """Return that of a page."""
        return cls(
            photometric=page.value(tags.PHOTOMETRIC),
            samples=page.value(tags.SAMPLES, 1),
            bits=max(page.values(tags.BITS) or (1,)),
            number=max(page.values(tags.SAMPLE_FORMAT) or (UINT,)),
            extra=page.values(tags.EXTRA_SAMPLES),
            planes=page.value(tags.PLANES, 1) == SEPARATE,
            compressed=page.value(tags.COMPRESSION, PLAIN) != PLAIN,
        )

    @property
    def is_gray(self) -> bool:
        """Whether its colours are gray."""
        return self.photometric in GRAYS

    @property
    def channels(self) -> int:
        """Of what is decoded: 1, 3 or 4."""
        if self.is_gray:
            return 4 if self.samples == 2 and self.extra[:1] != (UNSPECIFIED,) else 1
        unsaid = self.photometric == RGB and self.samples == 4 and not self.extra
        alpha = self.photometric in {RGB, INDEXED} and not {PREMULTIPLIED, ALPHA}.isdisjoint(self.extra)
        return 4 if alpha or unsaid else 3

    @property
    def kept_bits(self) -> int:
        """Of what is decoded, where depths are kept."""
        if self.photometric == RGB and self.bits == DEEP:
            # Of planes that are compressed Pillow gives one byte alone, which is the high one.
            return DEEP if self.samples in {3, 4} and not (self.planes and self.compressed) else 8
        if not self.is_gray or self.samples > 1 or self.bits <= 8:
            return 8
        return 32 if self.number == FLOAT else 16


def check(page: Page, num_bytes: int) -> None:
    """Look whether a page of a file of so many bytes is served.

    Raises
    ------
    UnservedError
        Its pixels are sound and are not; the error names them.
    DamageError
        Its strips have more bytes than there can be.
    """
    compression = page.value(tags.COMPRESSION, PLAIN)
    if compression not in COMPRESSIONS:
        name = OTHER_COMPRESSIONS.get(compression, f"number {compression}")
        raise UnservedError(f"TIFF with {name} compression")
    kind = Kind.of(page)
    _check_kind(kind)
    if (
        kind.is_gray
        and kind.samples == 2
        and kind.bits == DEEP
        and page.value(tags.PREDICTOR, PLAIN) != PLAIN
    ):
        raise UnservedError("TIFF of 16-bit gray pixels with alpha and a predictor")
    known = kind.bits == KNOWN_ODD and page.layout.order == "<"
    if kind.bits in ODD and compression != PLAIN and not known:
        raise UnservedError(f"TIFF of {kind.bits}-bit gray pixels that are compressed")
    # Each is read as a whole, however few pixels it has.
    lengths = page.values(tags.STRIP_BYTES) or page.values(tags.TILE_BYTES)
    if sum(lengths) > SHARING * num_bytes + SHARED_BYTES:
        raise DamageError("its strips share their bytes")


def check_streams(data: bytes, page: Page) -> None:
    """Look whether a page's JPEG streams are served; raises UnservedError of others.

    A progressive one goes over its pixels as often as it likes, which nobody has looked at.
    """
    if COMPRESSIONS[page.value(tags.COMPRESSION, PLAIN)] != "jpeg":
        return
    streams = set(places(page))
    if len(streams) > MOST_STREAMS:
        raise UnservedError(f"TIFF of more than {MOST_STREAMS} JPEG streams")
    if any(jpeg.is_progressive(data, start) for start in streams):
        raise UnservedError("TIFF of progressive JPEG")


def _check_kind(kind: Kind) -> None:
    if kind.photometric not in COLOURS:
        raise UnservedError(f"TIFF of colours number {kind.photometric}")
    name = NAMES[kind.photometric]
    if kind.number != UINT:
        if kind.number != FLOAT or kind.bits != 32 or not kind.is_gray or kind.samples != 1:
            what = "floating" if kind.number == FLOAT else "signed or wide integer"
            raise UnservedError(f"TIFF of {kind.bits}-bit {what} {name} pixels")
    elif kind.bits not in DEPTHS[kind.photometric]:
        what = "signed or wide integer " if kind.bits > 16 else ""
        raise UnservedError(f"TIFF of {kind.bits}-bit {what}{name} pixels")
    others = kind.samples - COLOURS[kind.photometric]
    most = 1 if kind.photometric in {*GRAYS, INDEXED} else MOST_SAMPLES - COLOURS[kind.photometric]
    if not 0 <= others <= most:
        raise UnservedError(f"TIFF of {kind.samples} samples a pixel in {name}")
    if kind.photometric == CMYK and not {PREMULTIPLIED, ALPHA}.isdisjoint(kind.extra):
        raise UnservedError("TIFF of CMYK with alpha")
    if others and kind.is_gray and kind.bits not in {8, 16}:
        raise UnservedError(f"TIFF of {kind.bits}-bit gray pixels with alpha")


@dataclasses.dataclass(frozen=True)
class Stored:
    """How a page has its pixels, where Pillow gives them otherwise.

    Attributes
    ----------
    bits
        Of a sample.
    inverted
        Whether 0 is white, which Pillow knows up to 8 bits.
    pairs
        Whether they are gray and alpha of 16 bits each, which Pillow is told to be the four bytes of CMYK.
    planes
        Whether they are gray and alpha by themselves, which Pillow is told to be two pages.
    halves
        Whether they are colours of 16 bits, of which Pillow gives one byte at a time.
    premultiplied
        Whether they are already multiplied by alpha.
    order
        Of their bytes.
    """

    bits: int
    inverted: bool
    pairs: bool
    planes: bool
    halves: bool
    premultiplied: bool
    order: str

    @classmethod
    def of(cls, page: Page) -> Stored:
        """Return how a page has them."""
        kind = Kind.of(page)
        two = kind.is_gray and kind.samples == 2
        return cls(
            bits=kind.bits,
            inverted=kind.photometric == INVERTED and kind.bits > 8,
            pairs=two and kind.bits == 16 and not kind.planes,
            planes=two and kind.planes,
            halves=not kind.is_gray and kind.kept_bits == DEEP,
            premultiplied=kind.extra[:1] == (PREMULTIPLIED,),
            order=page.layout.order,
        )


def slowest_coding(pages: Sequence[Page]) -> str:
    """Return how the pixels of that page are written whose way takes longest, of `CODINGS`."""
    codings = {COMPRESSIONS[page.value(tags.COMPRESSION, PLAIN)] for page in pages}
    return max(codings, key=CODINGS.index)


def places(page: Page) -> Sequence[int]:
    """Return where the strips or tiles of a page are."""
    return page.values(tags.STRIP_OFFSETS) or page.values(tags.TILE_OFFSETS)


def is_made_anew(page: Page) -> bool:
    """Return whether `made_anew` writes its pixels anew."""
    if page.value(tags.COMPRESSION, PLAIN) != PLAIN:
        return False
    kind = Kind.of(page)
    return kind.bits in ODD or (kind.planes and kind.samples > 2 and kind.bits == DEEP)


def made_anew(data: bytes, pages: Sequence[Page]) -> tuple[bytes, list[Page]]:
    """Return a file with other strips behind it where Pillow errs on those that are there, or knows no such.

    That is where they are not compressed: planes of 16 bits, which are mixed, and samples of odd depths, each
    of which gets 16 bits.
    """
    pieces, made = [data], []
    position = len(data)
    for page in pages:
        kind = Kind.of(page)
        if not is_made_anew(page):
            made.append(page)
            continue
        anew = _widened(data, page, kind) if kind.bits in ODD else _mixed(data, page)
        made.append(
            page.replaced(
                (tags.BITS, SHORT, [DEEP] * kind.samples),
                (tags.STRIP_OFFSETS, LONG, [position]),
                (tags.STRIP_BYTES, LONG, [len(anew)]),
                (tags.ROWS_PER_STRIP, LONG, [page.value(tags.HEIGHT)]),
                (tags.PLANES, SHORT, [1]),
                without=(tags.FILL_ORDER,),
            )
        )
        pieces.append(anew)
        position += len(anew)
    return b"".join(pieces) if len(pieces) > 1 else data, made


def _strips(data: bytes, page: Page, num_bytes: int) -> bytes:
    """Return the first bytes of all strips together."""
    if tags.TILE_OFFSETS in page.entries:
        raise UnservedError("TIFF of such pixels in tiles that are not compressed")
    places = zip(page.values(tags.STRIP_OFFSETS), page.values(tags.STRIP_BYTES), strict=False)
    strips = b"".join([data[start : start + length] for start, length in places])
    if len(strips) < num_bytes:
        raise ends_early()
    return strips[:num_bytes]


def _mixed(data: bytes, page: Page) -> bytes:
    """Return the samples of each pixel side by side."""
    samples = page.value(tags.SAMPLES, 1)
    size = page.value(tags.WIDTH) * page.value(tags.HEIGHT)
    planes = np.frombuffer(_strips(data, page, 2 * size * samples), f"{page.layout.order}u2")
    return np.ascontiguousarray(planes.reshape(samples, size).T).tobytes()


def _widened(data: bytes, page: Page, kind: Kind) -> bytes:
    """Return samples of which each row begins with a byte as such of 16 bits."""
    width, height = page.value(tags.WIDTH), page.value(tags.HEIGHT)
    row_bytes = -(-width * kind.bits // 8)
    rows = np.frombuffer(_strips(data, page, row_bytes * height), np.uint8).reshape(height, row_bytes)
    wide = np.zeros((height, width), f"{page.layout.order}u2")
    order: Literal["big", "little"] = "little" if page.value(tags.FILL_ORDER, 1) == REVERSED else "big"
    step = max(1, BLOCK_PIXELS // width)  # not all at once: bits take eight times their bytes
    for first in range(0, height, step):
        block, values = rows[first : first + step], wide[first : first + step]
        bits = np.unpackbits(block, axis=1, bitorder=order)[:, : width * kind.bits]
        for place in range(kind.bits):
            values[:] = (values << 1) | bits[:, place :: kind.bits]
    return wide.tobytes()


def readable(pages: Sequence[Page]) -> list[Page]:
    """Return the pages that Pillow is told of."""
    if not any(Stored.of(page).planes for page in pages):
        return [_known(page) for page in pages]
    if len(pages) > 1:
        raise UnservedError("TIFF of several pages and planes of gray and alpha")
    return [_plane(pages[0], index) for index in range(2)]


def _known(page: Page) -> Page:
    """Return a page as Pillow knows it."""
    samples, bits = page.value(tags.SAMPLES, 1), page.values(tags.BITS)
    if 1 < len(bits) < samples:
        page = page.replaced((tags.BITS, SHORT, [*bits, *bits[-1:] * (samples - len(bits))]))
    kind = Kind.of(page)
    if kind.is_gray and samples == 2 and not kind.extra:
        page = page.replaced((tags.EXTRA_SAMPLES, SHORT, [ALPHA]))
    stored = Stored.of(page)
    if stored.inverted:  # which is done here
        page = page.replaced((tags.PHOTOMETRIC, SHORT, [GRAY]))
    if not stored.pairs:
        return page
    return page.replaced(
        (tags.PHOTOMETRIC, SHORT, [CMYK]),
        (tags.SAMPLES, SHORT, [4]),
        (tags.BITS, SHORT, [8, 8, 8, 8]),
        without=(tags.EXTRA_SAMPLES, tags.SAMPLE_FORMAT),
    )


def _plane(page: Page, index: int) -> Page:
    """Return one of two planes as a page."""
    numbers: list[tuple[int, int, Sequence[int]]] = [
        (tags.SAMPLES, SHORT, [1]),
        (tags.BITS, SHORT, page.values(tags.BITS)[:1] or [1]),
    ]
    if Stored.of(page).inverted:
        numbers.append((tags.PHOTOMETRIC, SHORT, [GRAY]))
    for tag in (tags.STRIP_OFFSETS, tags.STRIP_BYTES, tags.TILE_OFFSETS, tags.TILE_BYTES):
        all_of_them = page.values(tag)
        half = len(all_of_them) // 2
        if half:
            numbers.append((tag, page.entries[tag].kind, all_of_them[index * half : (index + 1) * half]))
    return page.replaced(*numbers, without=(tags.EXTRA_SAMPLES, tags.SAMPLE_FORMAT, tags.PLANES))


def halve(image: ImageFile, other: ImageFile) -> None:
    """Let two pictures of the same page, still to be decoded, have the high and the low bytes of values.

    Pillow has no colours of 16 bits: it keeps one byte of each value, and may be told which.
    """
    for picture, is_high in ((image, True), (other, False)):
        tiles: list[Any] = []
        for tile in picture.tile:
            *place, (mode, *others) = tuple[Any, ...](tile)
            channels, order = mode.split(";16")
            if order == "N":
                order = "L" if sys.byteorder == "little" else "B"
            kept = order if is_high else {"L": "B", "B": "L"}[order]
            # Of what was multiplied by alpha Pillow would divide the bytes, one by one.
            told: Any = *place, (f"{channels.upper()};16{kept}", *others)
            tiles.append(told if type(tile) is tuple else type(tile)(*told))  # as older Pillows have it
        picture.tile = tiles


def _whole(high: Image.Image, low: Image.Image, stored: Stored) -> NDArray[np.uint16]:
    """Return values whose bytes two pictures have, as they were before they were multiplied by alpha."""
    values = np.asarray(high).astype(np.uint16)
    values <<= 8
    values |= np.asarray(low)
    if stored.premultiplied:
        step = max(1, BLOCK_PIXELS // values.shape[1])
        for first in range(0, len(values), step):
            block = values[first : first + step]
            block[..., :3] = _divided(block[..., :3], block[..., 3:], MOST_DEEP)
    return values


def values(
    image: Image.Image, stored: Stored, low: Image.Image | None = None
) -> tuple[Image.Image, NDArray[Any] | None, NDArray[np.uint8] | None]:
    """Return a picture, its values where they have more than 8 bits, and alpha that the picture has not.

    Parameters
    ----------
    low
        Of colours that have been through `halve`: the other picture.
    """
    if low is not None and stored.halves:
        return image, _whole(image, low, stored), None
    first, second = np.asarray(image), None
    if stored.planes:
        image.seek(1)
        image.load()
        second = np.asarray(image)
    elif stored.pairs and image.mode == "CMYK":
        pairs = np.ascontiguousarray(first).view(f"{stored.order}u2")
        first, second = pairs[..., 0], pairs[..., 1]
    if second is None and image.mode != "F" and not image.mode.startswith("I"):
        return image, None, None
    most = (1 << stored.bits) - 1
    if image.mode != "F":
        first = _of_most(first, most, MOST_DEEP if stored.bits > 8 else MOST)
        first = np.bitwise_not(first) if stored.inverted else first
    if second is None:
        return image, first, None
    if stored.premultiplied:
        first = _divided(first, second, most)
    alpha = _of_most(second, most, MOST)
    return (image, first, alpha) if stored.bits > 8 else (Image.fromarray(first), None, alpha)


def _of_most(numbers: NDArray[Any], most: int, new_most: int) -> NDArray[Any]:
    """Return numbers of up to `most` as such of up to `new_most`, rounded to the nearest."""
    dtype = np.uint16 if new_most > MOST else np.uint8
    if most == new_most:
        return numbers.astype(dtype)
    return ((numbers.astype(np.uint32) * new_most + most // 2) // most).astype(dtype)


def _divided(numbers: NDArray[Any], alpha: NDArray[Any], most: int) -> NDArray[Any]:
    """Return numbers that were multiplied by alpha as they were before."""
    whole = np.maximum(alpha.astype(np.uint32), 1)
    divided: NDArray[Any] = np.minimum((numbers.astype(np.uint32) * most + whole // 2) // whole, most)
    return divided.astype(numbers.dtype)
