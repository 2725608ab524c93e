"""TIFF: pixels of every depth and kind, what is refused by its name, and directories without end."""

import io
import struct
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from imgsvc.codec import DecodeOptions, decode, read_header
from imgsvc.errors import UndecodableImageError, UnsupportedFormatError
from tests.codec.attacks import many_directories
from tests.codec.encoded import by_pillow, photo, tiff

INVERTED, GRAY, RGB, CMYK = 0, 1, 2, 5
KEEP = DecodeOptions(depth="keep")
EXPECTED = "expected an image with 8 or 16 unsigned bits a channel, or floats"


@pytest.fixture(params=["<", ">"], ids=["little", "big"])
def order(request):
    return request.param


@pytest.mark.parametrize("photometric", [GRAY, INVERTED])
@pytest.mark.parametrize("bits", [1, 2, 4, 8, 10, 12, 14, 16])
class TestGray:
    """Of every depth, black or white being 0."""

    def values(self, bits):
        most = (1 << bits) - 1
        return np.array([[0, most, most // 2, most // 3, 1, 0, most, most - 1]]), most

    def test_is_scaled_by_its_depth(self, bits, photometric, order):
        values, most = self.values(bits)
        decoded = decode(tiff(values[..., None], bits, photometric, order=order))
        expected = np.rint(values * 255 / most)
        expected = 255 - expected if photometric == INVERTED else expected
        assert np.abs(decoded.frames[0].astype(int) - expected).max() <= 1
        deep = ("16 bits are rounded to 8: the values were 0 to 65535 of 65535",)
        assert decoded.notes == (deep if bits > 8 else ())

    def test_is_kept(self, bits, photometric):
        if bits <= 8:
            return
        values, most = self.values(bits)
        kept = decode(tiff(values[..., None], bits, photometric), KEEP).frames[0]
        expected = np.rint(values * 65535 / most)
        np.testing.assert_array_equal(kept, 65535 - expected if photometric == INVERTED else expected)


def test_a_note_names_the_values_that_were_there():
    """12 bits in 16 become nearly black."""
    decoded = decode(tiff(np.array([[[0], [4095]]]), 16, GRAY))
    assert decoded.frames[0].tolist() == [[0, 16]]
    assert decoded.notes == ("16 bits are rounded to 8: the values were 0 to 4095 of 65535",)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planes", [False, True], ids=["pairs", "planes"])
class TestGrayWithAlpha:
    PAIRS = np.array([[[0, 0], [100, 200], [255, 255], [30, 60]]], np.uint16)

    def file(self, bits, planes, pairs, order="<", **tags):
        return tiff(pairs * (257 if bits == 16 else 1), bits, GRAY, planes=planes, order=order, **tags)

    def test_plain(self, bits, planes, order):
        decoded = decode(self.file(bits, planes, self.PAIRS, order, t338=[2]))
        np.testing.assert_array_equal(decoded.frames[0][..., 0], self.PAIRS[..., 0])
        np.testing.assert_array_equal(decoded.frames[0][..., 3], self.PAIRS[..., 1])

    def test_that_does_not_say_so(self, bits, planes):
        assert decode(self.file(bits, planes, self.PAIRS)).frames[0].shape == (1, 4, 4)

    def test_multiplied_by_alpha(self, bits, planes):
        decoded = decode(self.file(bits, planes, self.PAIRS, t338=[1]))
        expected = [0, round(100 * 255 / 200), 255, round(30 * 255 / 60)]
        assert np.abs(decoded.frames[0][0, :, 0].astype(int) - expected).max() <= 1
        np.testing.assert_array_equal(decoded.frames[0][..., 3], self.PAIRS[..., 1])


@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("bits", [8, 16])
def test_planes_are_as_pixels(bits, samples, order):
    rng = np.random.default_rng(1)
    values = rng.integers(0, 1 << bits, (5, 7, samples))
    tags = {"t338": [2]} if samples == 4 else {}
    whole, planes = (decode(tiff(values, bits, RGB, planes=p, order=order, **tags)) for p in (False, True))
    np.testing.assert_array_equal(whole.frames[0], planes.frames[0])
    np.testing.assert_array_equal(planes.frames[0], values >> bits - 8)
    assert whole.notes == planes.notes


def test_a_fourth_sample_that_nobody_names_is_alpha():
    values = np.dstack([photo(), photo()[..., 0]])
    data = tiff(values, 8, RGB)
    assert read_header(data).channels == 4
    np.testing.assert_array_equal(decode(data).frames[0], values)


def test_fewer_depths_than_samples():
    values = np.dstack([photo(), photo()[..., 0]])
    data = bytearray(tiff(values, 8, RGB, t338=[2]))
    at = data.index(struct.pack("<HHL", 258, 3, 4))
    struct.pack_into("<L", data, at + 4, 3)
    np.testing.assert_array_equal(decode(bytes(data)).frames[0], values)


@pytest.mark.parametrize(
    ("arguments", "tags", "kind"),
    [
        ((np.zeros((2, 2, 3)), 32, RGB), {"t339": [3, 3, 3]}, "of 32-bit floating RGB pixels"),
        ((np.zeros((2, 2, 5)), 8, CMYK), {"t338": [2]}, "of CMYK with alpha"),
        ((np.zeros((2, 2, 8)), 8, GRAY), {}, "of 8 samples a pixel in gray"),
        ((np.zeros((2, 2, 8)), 8, RGB), {}, "of 8 samples a pixel in RGB"),
        ((np.zeros((2, 2, 1)), 6, GRAY), {}, "of 6-bit gray pixels"),
        ((np.zeros((2, 2, 1)), 14, GRAY), {"t259": [5]}, "of 14-bit gray pixels that are compressed"),
        ((np.zeros((2, 2, 1)), 16, GRAY), {"t339": [2]}, "of 16-bit signed or wide integer gray pixels"),
        ((np.zeros((2, 2, 1)), 8, 32845), {}, "of colours number 32845"),
        ((np.zeros((2, 2, 1)), 8, GRAY), {"t259": [34887]}, "with LERC compression"),
        ((np.zeros((2, 2, 1)), 8, GRAY), {"t259": [50001]}, "with WebP compression"),
        ((np.zeros((2, 2, 1)), 8, GRAY), {"t259": [34712]}, "with JPEG 2000 compression"),
        ((np.zeros((2, 2, 1)), 8, GRAY), {"t259": [60000]}, "with number 60000 compression"),
        ((np.zeros((2, 2, 2)), 4, GRAY), {}, "of 4-bit gray pixels with alpha"),
    ],
)
def test_what_is_not_served_is_named(arguments, tags, kind):
    """And not called damaged."""
    data = tiff(*arguments, **tags)
    for attempt in (read_header, decode):
        with pytest.raises(UnsupportedFormatError) as caught:
            attempt(data)
        assert str(caught.value) == f"image: a TIFF {kind}, {EXPECTED}"


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_streams_that_are_progressive_are_not_served(progressive):
    """They go over their pixels as often as they like."""
    stream = by_pillow(photo()[..., 0], "JPEG", progressive=progressive)
    height, width = photo().shape[:2]
    behind = 8 + len(stream) + len(stream) % 2
    file = struct.pack("<2sHL", b"II", 42, behind) + stream + b"\0" * (len(stream) % 2)
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 7), (262, 3, 1, 1),
        (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, len(stream)),
    ]  # fmt: skip
    file += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHLL", *tag) for tag in tags) + bytes(4)
    if not progressive:
        np.testing.assert_array_equal(decode(file).frames[0], decode(stream).frames[0])
        return
    with pytest.raises(UnsupportedFormatError, match="a TIFF of progressive JPEG"):
        decode(file)


class TestBehindTheFirstPage:
    def damaged(self, name):
        data = tiff(photo(), 8, RGB, pages=2)
        at = data.rindex(struct.pack("<HHLL", 259, 3, 1, 1)) + 8
        if name == "cut":
            return data[: at - 8]
        return data[:at] + struct.pack("<L", 34887) + data[at + 4 :]

    @pytest.mark.parametrize("name", ["cut", "unserved"])
    def test_nothing_refuses_it(self, name):
        data = self.damaged(name)
        np.testing.assert_array_equal(decode(data).frames[0], photo())
        assert read_header(data, frames="first").shape == photo().shape
        with pytest.raises((UndecodableImageError, UnsupportedFormatError)):
            decode(data, DecodeOptions(frames="all"))


class TestSharedBytes:
    def test_of_directories(self):
        data = many_directories(1 << 20)
        for attempt in (read_header, decode):
            tracemalloc.start()
            with pytest.raises(UndecodableImageError, match="its directories share their bytes"):
                attempt(data)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 6 * len(data)

    def test_of_overlapping_directories(self):
        """Each has four thousand entries, and begins two bytes behind the one before."""
        body = bytearray(200_000)
        file = struct.pack("<2sHL", b"II", 42, 8) + bytes(body)
        file = bytearray(file)
        for start in range(8, 8 + 2 * 1000, 2):
            struct.pack_into("<H", file, start, 4096)
        with pytest.raises(UndecodableImageError):
            decode(bytes(file), DecodeOptions(frames="all"))

    def test_of_strips(self):
        """Each row of pixels is read from the same large strip."""
        rows = 2000
        image = Image.fromarray(np.zeros((rows, 10), np.uint8))
        buffer = io.BytesIO()
        image.save(buffer, "TIFF", compression="tiff_adobe_deflate")
        strip = buffer.getvalue()[8:].ljust(100_000, b"\0")
        file = bytearray(struct.pack("<2sHL", b"II", 42, 8 + len(strip)) + strip)
        behind = len(file) + 2 + 9 * 12 + 4
        tags = [
            (256, 4, 1, 10), (257, 4, 1, rows), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1),
            (273, 4, rows, behind), (277, 3, 1, 1), (278, 4, 1, 1), (279, 4, rows, behind + 4 * rows),
        ]  # fmt: skip
        file += struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHLL", *tag) for tag in tags) + bytes(4)
        file += struct.pack(f"<{rows}L", *[8] * rows) + struct.pack(f"<{rows}L", *[len(strip)] * rows)
        with pytest.raises(UndecodableImageError, match="its strips share their bytes"):
            decode(bytes(file))

    def test_a_few_are_harmless(self):
        """As of pages that have one table of depths between them."""
        decoded = decode(tiff(photo(), 8, RGB, pages=3), DecodeOptions(frames="all"))
        assert len(decoded.frames) == 3
        for frame in decoded.frames:
            np.testing.assert_array_equal(frame, photo())
