"""What plans are made for, and what is refused before one is."""

import struct

import numpy as np
import pytest
from PIL import Image

import imgsvc
from imgsvc.codec import DecodeOptions
from imgsvc.errors import LimitExceededError
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
