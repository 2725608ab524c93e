"""TIFF: pixels of every depth and kind, what is refused by its name, and directories without end."""

import io
import itertools
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from imgsvc.codec import Decoded, DecodeLimits, DecodeOptions, EncodeOptions, decode, encode, read_header
from imgsvc.codec import tiff_directory as tags
from imgsvc.errors import InvalidImageError, UndecodableImageError, UnsupportedFormatError
from tests.codec import profiles
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


def of_parts(values, order, parts, *more):
    """Return a TIFF of 16 bits in colour whose strips or tiles are these."""
    height, width, samples = values.shape
    layout = tags.Layout(order, big=False)
    starts = list(itertools.accumulate(map(len, parts), initial=8))[:-1]
    sizes = [len(part) for part in parts]
    is_tiled = any(tag == tags.TILE_WIDTH for tag, *_ in more)
    first, second = (
        (tags.TILE_OFFSETS, tags.TILE_BYTES) if is_tiled else (tags.STRIP_OFFSETS, tags.STRIP_BYTES)
    )
    page = tags.Page({}, layout).replaced(
        (tags.WIDTH, 4, [width]), (tags.HEIGHT, 4, [height]), (tags.BITS, 3, [16] * samples),
        (tags.PHOTOMETRIC, 3, [RGB]), (tags.SAMPLES, 3, [samples]), (first, 4, starts), (second, 4, sizes),
        *([(tags.EXTRA_SAMPLES, 3, [2])] if samples > 3 else []), *more,
    )  # fmt: skip
    begin = b"II*\0" if order == "<" else b"MM\0*"
    return tags.rewritten(b"".join([begin, bytes(4), *parts]), [page], layout)


def compressed(values, order, coding, predictor=1, tile=None):
    """Return a TIFF of 16 bits in colour whose strips, or tiles, are compressed by Deflate, or not at all."""
    height, width, _ = values.shape
    parts = []
    for top in range(0, height, tile or 3):
        for left in range(0, width, tile or width):
            part = values[top : top + (tile or 3), left : left + (tile or width)]
            if tile:
                part = np.pad(part, [(0, tile - part.shape[0]), (0, tile - part.shape[1]), (0, 0)])
            if predictor == 2:
                part = np.diff(part, axis=1, prepend=np.zeros_like(part[:, :1]))
            content = part.astype(f"{order}u2").tobytes()
            parts.append(zlib.compress(content) if coding == 8 else content)
    sides = [(322, 4, [tile]), (323, 4, [tile])] if tile else [(278, 4, [3])]
    return of_parts(values, order, parts, (259, 3, [coding]), (317, 3, [predictor]), *sides)


class TestDeepColours:
    @pytest.fixture(params=[3, 4], ids=["RGB", "RGBA"])
    def values(self, request):
        return np.random.default_rng(2).integers(0, 1 << 16, (20, 37, request.param), np.uint16)

    @pytest.mark.parametrize("planes", [False, True], ids=["pixels", "planes"])
    def test_are_kept(self, values, planes, order):
        extra = {"t338": [2]} if values.shape[2] == 4 else {}
        data = tiff(values, 16, RGB, order=order, planes=planes, **extra)
        assert read_header(data).bits == 16
        kept = decode(data, KEEP)
        assert kept.notes == ()
        np.testing.assert_array_equal(kept.frames[0], values)
        cut = decode(data)
        assert cut.notes == ("16 bits a channel are cut to 8",)
        np.testing.assert_array_equal(cut.frames[0], values >> 8)

    @pytest.mark.parametrize("tile", [None, 16], ids=["strips", "tiles"])
    @pytest.mark.parametrize(("coding", "predictor"), [(1, 1), (8, 1), (8, 2)])
    def test_however_they_are_written(self, values, order, tile, coding, predictor):
        data = compressed(values, order, coding, predictor, tile)
        np.testing.assert_array_equal(decode(data, KEEP).frames[0], values)

    def test_lzw_as_libtiff_has_it(self, values, order):
        """By the decoder for 8 bits: bytes that are pixels of twice as many columns."""
        height, width, samples = values.shape
        inner = values.astype(f"{order}u2").view(np.uint8).reshape(height, width * samples * 2)
        source = by_pillow(inner, "TIFF", compression="tiff_lzw")
        ((start, *_), (size, *_)) = (tags_of(source, tag) for tag in (273, 279))
        data = of_parts(values, order, [source[start : start + size]], (259, 3, [5]), (278, 4, [height]))
        np.testing.assert_array_equal(decode(data, KEEP).frames[0], values)

    def test_planes_that_are_compressed_are_cut(self, values, order):
        planes = np.moveaxis(values, 2, 0).astype(f"{order}u2")
        parts = [zlib.compress(plane.tobytes()) for plane in planes]
        data = of_parts(values, order, parts, (259, 3, [8]), (278, 4, [len(values)]), (284, 3, [2]))
        decoded = decode(data, KEEP)
        np.testing.assert_array_equal(decoded.frames[0], values >> 8)
        assert decoded.notes == ("16 bits a channel are cut to 8",)

    def test_multiplied_by_alpha(self, order):
        values = np.array(
            [[[100, 200, 300, 400], [0, 0, 0, 0], [7, 65535, 9, 65535], [9, 9, 9, 8]]], np.uint16
        )
        kept = decode(tiff(values, 16, RGB, order=order, t338=[1]), KEEP).frames[0]
        expected = [
            [16384, 32768, 49151, 400], [0, 0, 0, 0], [7, 65535, 9, 65535], [65535, 65535, 65535, 8],
        ]  # fmt: skip
        np.testing.assert_array_equal(kept[0], expected)

    def test_a_sample_that_means_nothing(self, order):
        values = np.random.default_rng(2).integers(0, 1 << 16, (3, 5, 4), np.uint16)
        kept = decode(tiff(values, 16, RGB, order=order, t338=[0]), KEEP).frames[0]
        np.testing.assert_array_equal(kept, values[..., :3])

    @pytest.mark.parametrize("effort", [None, 0, 1, 9])
    def test_go_there_and_back(self, values, effort):
        profile = profiles.rgb(profiles.gamma(1.8))
        image = Decoded((values, values[::-1].copy()), icc_profile=profile)
        data = encode(image, "tiff", EncodeOptions(effort=effort))
        with Image.open(io.BytesIO(data)) as opened:
            assert opened.n_frames == 2
            np.testing.assert_array_equal(np.asarray(opened), values >> 8)
        back = decode(data, DecodeOptions(depth="keep", color="keep", frames="all"))
        assert back.icc_profile == profile
        for frame, expected in zip(back.frames, image.frames, strict=True):
            np.testing.assert_array_equal(frame, expected)

    def test_strips_and_efforts(self):
        values = photo(900, 400).astype(np.uint16) * 257
        sizes = {effort: len(encode(values, "tiff", EncodeOptions(effort=effort))) for effort in (0, 1, 9)}
        assert sizes[9] < sizes[1] < sizes[0]
        data = encode(values, "tiff")
        assert data == encode(values, "tiff", EncodeOptions(effort=1))
        assert read_header(data).parts == 3
        np.testing.assert_array_equal(decode(data, KEEP).frames[0], values)

    def test_rows_longer_than_a_strip(self, rng):
        values = rng.integers(0, 1 << 16, (2, 180_000, 3), np.uint16)
        data = encode(values, "tiff", EncodeOptions(effort=0))
        assert read_header(data).parts == 2
        np.testing.assert_array_equal(decode(data, KEEP).frames[0], values)

    def test_every_page_says_what_it_has(self, values):
        """Planar configuration and rows per strip, too, which readers may take for granted."""
        data = encode(Decoded((values, values), icc_profile=profiles.rgb(profiles.gamma(1.8))), "tiff")
        pages = list(tags.walk(data))
        assert len(pages) == 2
        for page in pages:
            assert (page.values(284), page.values(278), page.values(317)) == ((1,), (20,), (2,))
            assert tags.PROFILE in page.entries

    def test_damaged_ones_are_taken_in_part(self, values):
        data = bytearray(compressed(values, "<", 8))
        (*_, last) = tags_of(bytes(data), 273)
        data[last : last + 8] = b"\xff" * 8
        with pytest.raises(UndecodableImageError):
            decode(bytes(data), KEEP)
        decoded = decode(bytes(data), DecodeOptions(depth="keep", damaged="partial"))
        np.testing.assert_array_equal(decoded.frames[0][:18], values[:18])
        assert not decoded.frames[0][18:].any()

    def test_limits_come_first(self):
        data = tiff(np.zeros((40, 60, 3)), 16, RGB)
        with pytest.raises(InvalidImageError, match="60×40 pixels, expected at most 2399"):
            decode(data, KEEP, DecodeLimits(pixels=2399))


def tags_of(data, tag):
    return next(tags.walk(data)).values(tag)


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
