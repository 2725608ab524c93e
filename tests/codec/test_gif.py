"""GIF with transparent pixels: as good as without, and animations that come back as they were."""

import io
import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgsvc.codec import Decoded, DecodeOptions, decode, encode
from tests.codec.encoded import photo

PHOTO = Path(__file__).parents[2] / "examples" / "photo.jpg"
ALL = DecodeOptions(frames="all")


def written(pixels):
    """Return what Pillow reads of a GIF of these, in RGBA."""
    return np.asarray(Image.open(io.BytesIO(encode(pixels, "gif"))).convert("RGBA"))


def psnr(image, expected, where):
    return 10 * np.log10(255**2 / np.square(image.astype(float) - expected)[where].mean())


def alphas():
    height, width = 400, 600
    y, x = np.mgrid[:height, :width]
    yield "a corner", np.where((y < 20) & (x < 20), 0, 255)
    yield "a quarter", np.where((y < 200) & (x < 300), 0, 255)
    yield "what is around", np.where((y - 200) ** 2 + (x - 300) ** 2 > 190**2, 0, 255)
    yield "soft", x * 255 // width


@pytest.mark.parametrize("alpha", [pytest.param(each, id=name) for name, each in alphas()])
def test_colours_are_as_good_as_without_alpha(alpha):
    rgb = decode(PHOTO.read_bytes()).frames[0][:400, :600]
    opaque = alpha >= 128
    found = written(np.dstack([rgb, alpha.astype(np.uint8)]))
    np.testing.assert_array_equal(found[..., 3], np.where(opaque, 255, 0))
    assert psnr(found[..., :3], rgb, opaque) > psnr(written(rgb)[..., :3], rgb, opaque) - 0.5


def test_an_opaque_image_is_written_as_rgb():
    rgb = photo()
    assert encode(np.dstack([rgb, np.full(rgb.shape[:2], 128, np.uint8)]), "gif") == encode(rgb, "gif")


def test_what_is_not_seen_takes_no_colours(rng):
    """255 colours are all kept, among as many as there can be that nobody sees."""
    colours = rng.integers(0, 256, (255, 3), np.uint8)
    seen = colours[np.arange(255 * 8).reshape(40, 51) % 255]
    image = np.dstack([seen, np.full(seen.shape[:2], 255, np.uint8)])
    noise = rng.integers(0, 256, (40, 51, 4), np.uint8)
    noise[..., 3] //= 2
    found = written(np.hstack([image, noise]))
    np.testing.assert_array_equal(found[:, :51], image)
    assert not found[:, 51:, 3].any()


def test_nothing_but_transparency():
    assert not written(np.zeros((3, 5, 4), np.uint8))[..., 3].any()
    assert written(np.full((1, 1, 4), 127, np.uint8)).shape == (1, 1, 4)


OPAQUE = np.dstack([photo(), np.full((40, 60), 255, np.uint8)])
EMPTY = np.zeros_like(OPAQUE)
HALF = OPAQUE.copy()
HALF[:, 30:, 3] = 0
CORNER = OPAQUE[:, ::-1].copy()
CORNER[10:, :, 3] = 0
FRAMES = {"O": OPAQUE, "E": EMPTY, "H": HALF, "C": CORNER}


@pytest.mark.parametrize("names", ["OE", "EO", "EOE", "OEH", "HOH", "EHOE", "HCEC", "OHC", "CHO", "EHEH"])
def test_animations(names):
    frames = tuple(FRAMES[name] for name in names)
    decoded = decode(encode(Decoded(frames, durations=(50,) * len(frames)), "gif"), ALL)
    assert decoded.durations == (50,) * len(frames)
    for found, expected in zip(decoded.frames, frames, strict=True):
        np.testing.assert_array_equal(found[..., 3], expected[..., 3])
        difference = np.abs(found[..., :3].astype(int) - expected[..., :3])[expected[..., 3] > 0]
        assert difference.size == 0 or difference.mean() < 6


@pytest.mark.parametrize("colours", [1, 2, 3, 4, 8, 16, 32, 64, 100, 128, 255])
@pytest.mark.parametrize("opaque_first", [True, False])
def test_an_opaque_frame_beside_one_that_is_seen_through(rng, colours, opaque_first):
    """Each has just the colours that it came with, however many of 255 numbers these need."""
    palette = np.unique(rng.integers(0, 256, (colours, 3), np.uint8), axis=0)
    numbers = np.resize(np.arange(len(palette)), (64, 64))
    opaque = np.dstack([palette[numbers], np.full((64, 64), 255, np.uint8)])
    through = opaque.copy()
    through[:10] = 0
    frames = (opaque, through) if opaque_first else (through, opaque)
    decoded = decode(encode(Decoded(frames, durations=(50, 50)), "gif"), ALL)
    np.testing.assert_array_equal(decoded.frames, frames)


KINDS = list(itertools.permutations(["gray", "rgb", "opaque", "through"], 3))


@pytest.mark.parametrize("kinds", KINDS, ids="-".join)
def test_frames_of_several_kinds(rng, kinds):
    gray = np.resize(rng.integers(0, 256, 40, np.uint8), (32, 32))
    rgb = np.dstack([gray, gray[::-1], gray])
    opaque = np.dstack([rgb[:, ::-1], np.full_like(gray, 255)])
    through = opaque.copy()
    through[:10] = 0
    frames = [{"gray": gray, "rgb": rgb, "opaque": opaque, "through": through}[kind] for kind in kinds]
    decoded = decode(encode(frames, "gif"), ALL)
    for found, frame in zip(decoded.frames, frames, strict=True):
        colours = np.dstack([frame] * 3) if frame.ndim == 2 else frame[..., :3]
        np.testing.assert_array_equal(found[..., :3], colours)
        if "through" in kinds:
            alpha = frame[..., 3] if frame.shape[2:] == (4,) else np.full_like(gray, 255)
            np.testing.assert_array_equal(found[..., 3], alpha)
