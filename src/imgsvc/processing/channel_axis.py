"""Channel axis: gray pixels come back as (H, W, 1) where they came so, as from the functions on arrays."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from imgsvc.operations import Grayscale
from imgsvc.processing.result import Result

if TYPE_CHECKING:
    from typing import TypeVar

    from imgsvc.processing.given import Given
    from imgsvc.recipes.recipe import Recipe

    T = TypeVar("T")

__all__ = ["with_channel_axis"]

GRAY_RANK = 2


def with_channel_axis(result: T, given: Given, recipe: Recipe) -> T:
    """Return a result for an image, gray pixels as (H, W, 1) where the image was; messages know no such axis.

    `Grayscale` gives (H, W) of every image. What a server's preset does is not known here.
    """
    if not given.has_channel_axis or not isinstance(result, Result):
        return result
    if result.pixels is None or result.pixels.ndim != GRAY_RANK:
        return result
    operations = list(recipe.pipeline.operations)
    for output in recipe.outputs:
        if output.name == result.name:
            operations += output.pipeline.operations
    if any(isinstance(each, Grayscale) for each in operations):
        return result
    return dataclasses.replace(result, pixels=result.pixels[:, :, np.newaxis])
