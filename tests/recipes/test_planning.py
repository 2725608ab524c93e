"""What plans are made for, and what is refused before one is."""

import struct

import numpy as np
import pytest
from PIL import Image

import imgsvc
from imgsvc.codec import DecodeOptions, decode
from imgsvc.errors import InvalidImageError, LimitExceededError
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.recipe import Output, Recipe
from imgsvc.recipes.source import ImageFile
from tests.codec.encoded import by_pillow

DESCRIPTOR = struct.pack("<BHHHH", 0x2C, 0, 0, 40, 30)


def far_frame():
    """Return a GIF whose second frame lies mostly beyond the canvas."""
    frames = [Image.fromarray(np.full((30, 40), value, np.uint8)) for value in (10, 200)]
    data = bytearray(by_pillow(np.asarray(frames[0]), "GIF", save_all=True, append_images=frames[1:]))
    struct.pack_into("<HH", data, data.rindex(DESCRIPTOR) + 5, 60_000, 50_000)
    return bytes(data)


def planned(data, frames):
    recipe = Recipe((), (Output(),), DecodeOptions(frames=frames))
    return plan_recipe(ImageFile(memoryview(data)), recipe, Limits())


def test_what_is_decoded_and_not_shown_has_the_limit_of_what_is():
    with pytest.raises(LimitExceededError, match="3000000000 pixels of a page, tile or canvas"):
        planned(far_frame(), "all")


def test_what_lies_behind_the_first_frame_costs_nothing():
    assert planned(far_frame(), "first").num_bytes < 1 << 20


@pytest.mark.parametrize("fit", ["cover", "contain", "inside", "outside"])
@pytest.mark.parametrize("size", [(1601, 1203), (801, 1999)])
def test_fits_are_of_the_whole_image_where_a_file_is_decoded_smaller(fit, size):
    ramp = np.linspace(0, 255, size[0])[None, :] * np.ones((size[1], 1))
    data = by_pillow(np.dstack([ramp, ramp.T[::-1][:, ::-1].T, ramp]).astype(np.uint8), "JPEG", quality=95)
    steps = f"resize 100x90 {fit} northeast"
    smaller, whole = (
        imgsvc.process(data, steps, output="raw", decoding=DecodeOptions(shrink_on_load=shrink)).array
        for shrink in (True, False)
    )
    assert smaller.shape == whole.shape
    assert np.abs(smaller.astype(int) - whole).max() <= 3


def pages(*images):
    """Return a TIFF of pages that may differ."""
    return by_pillow(
        images[0], "TIFF", save_all=True, append_images=[Image.fromarray(image) for image in images[1:]]
    )


SMALL, LARGE = np.full((40, 60, 3), 100, np.uint8), np.full((400, 600, 3), 100, np.uint8)
GRAY = np.full((40, 60), 100, np.uint8)
DEEP = np.full((40, 60), 9000, np.uint16)


ALL = DecodeOptions(frames="all", depth="keep")


@pytest.mark.parametrize("output", ["tiff", "webp"])
@pytest.mark.parametrize("images", [(SMALL, LARGE), (LARGE, SMALL)], ids=["larger", "smaller"])
@pytest.mark.parametrize("steps", ["gaussian_blur sigma=2", "rotate90 1", ""])
def test_frames_of_other_sizes_are_refused(images, output, steps):
    """A kernel would go by the plan for the first: beyond the others' pixels."""
    with pytest.raises(
        InvalidImageError, match=r"^image: frames of (60×40|600×400) with 3 channels uint8 and of"
    ):
        imgsvc.process(pages(*images), steps, output=output, decoding=ALL)
    assert imgsvc.process(pages(*images), steps, output="png").format == "png"


@pytest.mark.parametrize("steps", ["rotate90 1", "convert | rotate90 1", ""])
def test_frames_of_other_depths_are_refused(steps):
    with pytest.raises(
        InvalidImageError, match="^image: frames of 60×40 gray uint16 and of 60×40 gray uint8"
    ):
        imgsvc.process(pages(DEEP, GRAY), steps, output="tiff", decoding=ALL)


@pytest.mark.parametrize("images", [(SMALL, GRAY), (GRAY, DEEP)], ids=["gray", "deeper"])
def test_frames_that_become_like_the_first(images):
    result = imgsvc.process(pages(*images), "rotate90 1", output="tiff", decoding=ALL)
    kinds = {(frame.shape, frame.dtype) for frame in decode(bytes(result.data), ALL).frames}
    assert kinds == {((60, 40, *images[0].shape[2:]), images[0].dtype)}


def test_a_plan_is_for_images_of_one_kind():
    plan = imgsvc.Pipeline("gaussian_blur sigma=2").plan(SMALL.shape)
    for src, out in ((LARGE, np.empty_like(SMALL)), (SMALL, np.empty_like(LARGE)), (GRAY, GRAY.copy())):
        with pytest.raises(InvalidImageError, match="as planned"):
            plan.run(src, out)
