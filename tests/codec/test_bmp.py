"""BMP: bit fields and run-length code, and what Pillow decodes as before."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgsvc.codec import DecodeLimits, decode, read_header
from imgsvc.errors import InvalidImageError, UndecodableImageError, UnsupportedFormatError
from tests.codec.encoded import by_pillow, photo

RLE8, RLE4, FIELDS, FIELDS_WITH_ALPHA = 1, 2, 3, 6
EOL, END = b"\0\0", b"\0\1"
PALETTE = [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 8, 7)]


def bmp(width, height, bits, compression, body, *, masks=(), palette=(), size=40):
    """Return a file whose masks are in the header where there is room for them, and else behind it."""
    header = struct.pack("<LllHHLLllLL", size, width, height, 1, bits, compression, 0, 0, 0, len(palette), 0)
    header += struct.pack(f"<{len(masks)}L", *masks)
    header = header.ljust(size, b"\0") + b"".join(
        bytes([blue, green, red, 0]) for red, green, blue in palette
    )
    start = 14 + len(header)
    return struct.pack("<2sLHHL", b"BM", start + len(body), 0, 0, start) + header + body


def of_fields(pixels, masks, bits=16, **others):
    """Return a file of pixels, each a number of 16 or 32 bits."""
    rows = [np.array(row, f"<u{bits // 8}").tobytes() for row in pixels[::-1]]
    body = b"".join(row + b"\0" * (-len(row) % 4) for row in rows)
    compression = others.pop("compression", FIELDS)
    return bmp(len(pixels[0]), len(pixels), bits, compression, body, masks=masks, **others)


class TestFields:
    @pytest.mark.parametrize(
        ("masks", "bits"),
        [
            ((0xF800, 0x7E0, 0x1F), 16),
            ((0x7C00, 0x3E0, 0x1F), 16),
            ((0xF00, 0xF0, 0xF), 16),
            ((0x3FF00000, 0xFFC00, 0x3FF), 32),
            ((0xFF0000, 0xFF00, 0xFF), 32),
            ((0xFF, 0xFF00, 0xFF0000), 32),
            ((0xFFFFF000, 0xF00, 0xFF), 32),
            ((0x7C00, 0, 0x1F), 16),
        ],
    )
    def test_of_every_width(self, masks, bits):
        rng = np.random.default_rng(1)
        pixels = rng.integers(0, 1 << bits, (3, 5), np.uint64)
        decoded = decode(of_fields(pixels, masks, bits)).frames[0]
        assert decoded.shape == (3, 5, 3)
        for channel, mask in enumerate(masks):
            low = mask & -mask or 1
            values = (pixels & np.uint64(mask)) // np.uint64(low)
            expected = np.rint(values * 255 / (mask // low or 1))
            np.testing.assert_array_equal(decoded[..., channel], expected)

    @pytest.mark.parametrize(
        ("masks", "bits", "size", "compression"),
        [
            ((0x7C00, 0x3E0, 0x1F, 0x8000), 16, 124, FIELDS),
            ((0xF00, 0xF0, 0xF, 0xF000), 16, 56, FIELDS),
            ((0xF00, 0xF0, 0xF, 0xF000), 16, 40, FIELDS_WITH_ALPHA),
            ((0xFF0000, 0xFF00, 0xFF, 0xFF000000), 32, 108, FIELDS),
        ],
    )
    def test_with_alpha(self, masks, bits, size, compression):
        alpha = masks[3]
        data = of_fields([[alpha | 1, 1, alpha & -alpha]], masks, bits, size=size, compression=compression)
        assert read_header(data).channels == 4
        most = alpha // (alpha & -alpha)
        assert decode(data).frames[0][0, :, 3].tolist() == [255, 0, round(255 / most)]

    def test_alpha_that_nobody_filled_in(self):
        data = of_fields([[0x1F, 0x3E0]], (0x7C00, 0x3E0, 0x1F, 0x8000), size=124)
        assert decode(data).frames[0][0].tolist() == [[0, 0, 255, 255], [0, 255, 0, 255]]

    def test_5_5_5_without_masks(self):
        data = of_fields([[0x7C00, 0x3E0, 0x1F]], (), compression=0)
        assert decode(data).frames[0][0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]

    def test_from_the_top(self):
        data = bytearray(of_fields([[0x1F], [0x3E0]], (0x7C00, 0x3E0, 0x1F)))
        struct.pack_into("<l", data, 22, -2)
        assert decode(bytes(data)).frames[0][:, 0].tolist() == [[0, 255, 0], [0, 0, 255]]

    def test_with_gaps(self):
        with pytest.raises(UndecodableImageError, match="a bit field has gaps"):
            decode(of_fields([[1]], (0x7C01, 0x3E0, 0x1F)))

    def test_too_few_pixels(self):
        data = of_fields([[1, 2], [3, 4]], (0x7C00, 0x3E0, 0x1F))
        with pytest.raises(UndecodableImageError, match="ends too early"):
            decode(data[:-1])


class TestRuns:
    def decoded(self, code, width=6, height=3, bits=8):
        data = bmp(width, height, bits, RLE8 if bits == 8 else RLE4, code, palette=PALETTE)
        pixels = decode(data).frames[0]
        assert pixels.shape == (height, width, 3)
        return [[PALETTE.index(tuple(map(int, pixel))) for pixel in row] for row in pixels]

    def test_runs_and_absolute_ones(self):
        code = bytes([3, 1, 3, 2]) + EOL + bytes([0, 5, 1, 2, 3, 1, 2, 0, 1, 3]) + EOL + bytes([6, 4]) + END
        assert self.decoded(code) == [[4] * 6, [1, 2, 3, 1, 2, 3], [1, 1, 1, 2, 2, 2]]

    def test_of_halves(self):
        code = (
            bytes([5, 0x12, 1, 0x30])
            + EOL
            + bytes([0, 5, 0x12, 0x31, 0x20, 0])
            + EOL
            + bytes([6, 0x44])
            + END
        )
        assert self.decoded(code, bits=4) == [[4] * 6, [1, 2, 3, 1, 2, 0], [1, 2, 1, 2, 1, 3]]

    def test_what_is_left_out(self):
        code = bytes([1, 1]) + EOL + bytes([0, 2, 2, 0]) + bytes([1, 3]) + END
        assert self.decoded(code) == [[0] * 6, [0, 0, 3, 0, 0, 0], [1, 0, 0, 0, 0, 0]]

    def test_what_is_too_long(self):
        code = bytes([255, 1]) + bytes([0, 4, 1, 2, 3, 4]) + EOL + bytes([0, 2, 255, 0, 9, 2]) + END
        assert self.decoded(code) == [[0] * 6, [0] * 6, [1] * 6]

    def test_rows_beyond_the_last(self):
        assert self.decoded((bytes([6, 1]) + EOL) * 5) == [[1] * 6] * 3

    def test_without_an_end(self):
        with pytest.raises(UndecodableImageError, match="ends too early"):
            self.decoded(bytes([6, 1]) + EOL + bytes([0, 200, 1]))

    def test_the_same_as_pillow(self):
        picture = Image.fromarray(photo()).quantize(200)
        indices = np.asarray(picture)
        code = (
            b"".join(b"".join(bytes([1, int(index)]) for index in row) + EOL for row in indices[::-1]) + END
        )
        palette = [tuple(picture.getpalette()[3 * index : 3 * index + 3]) for index in range(200)]
        data = bmp(*picture.size, 8, RLE8, code, palette=palette)
        np.testing.assert_array_equal(decode(data).frames[0], np.asarray(picture.convert("RGB")))

    @given(st.binary(max_size=200), st.integers(1, 9), st.integers(1, 9), st.sampled_from([8, 4]))
    def test_whatever_comes(self, code, width, height, bits):
        data = bmp(width, height, bits, RLE8 if bits == 8 else RLE4, code, palette=PALETTE)
        try:
            pixels = decode(data).frames[0]
        except UndecodableImageError:
            return
        assert pixels.shape == (height, width, 3)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (bmp(2, 2, 0, 4, b""), "a BMP that holds a JPEG"),
        (bmp(2, 2, 0, 5, b""), "a BMP that holds a PNG"),
        (bmp(2, 2, 1, 3, b"", size=64), "a BMP of OS/2 with a compression of its own"),
    ],
)
def test_what_is_not_served_is_named(data, kind):
    with pytest.raises(UnsupportedFormatError, match=kind):
        read_header(data)


def test_sizes_are_looked_at_before_anything_is_allocated():
    for data in (
        bmp(60_000, 60_000, 8, RLE8, EOL * 60_000, palette=PALETTE),
        bmp(60_000, 60_000, 32, FIELDS, b"", masks=(0xFF0000, 0xFF00, 0xFF)),
    ):
        with pytest.raises(InvalidImageError, match="60000×60000 pixels"):
            decode(data, limits=DecodeLimits())


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_plain_ones(mode):
    image = Image.fromarray(photo()).convert(mode)
    expected = image.convert("L" if mode in {"1", "L"} else "RGB")
    np.testing.assert_array_equal(decode(by_pillow(image, "BMP")).frames[0], np.asarray(expected))
