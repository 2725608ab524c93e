"""A request before the first one: what is loaded, compiled or allocated once is there when callers come."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from imgsvc.codec import encode, formats
from imgsvc.errors import InvalidInputError
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.recipe import Output, Recipe
from imgsvc.recipes.source import ImageFile
from imgsvc.server.call import Work
from imgsvc.server.prepared_recipe import run_recipe
from imgsvc.wire.process import draft_response

if TYPE_CHECKING:
    from imgsvc.server.image_service import Processing
    from imgsvc.server.limiter import Limiter

__all__ = ["warm_up"]

SIDE = 16
PIPELINE = Pipeline("mean_filter")


def warm_up(processing: Processing, limiter: Limiter) -> None:
    """Run a small image from each format into each, as requests do; it takes some tens of milliseconds."""
    image = np.zeros((SIDE, SIDE), np.uint8)
    kinds = [info.name for info in formats().values() if info.decodes and info.encodes]
    recipe = Recipe(PIPELINE, tuple(Output(kind, name=kind) for kind in kinds))
    for kind in kinds:
        source = ImageFile(encode(image, kind))
        with contextlib.suppress(InvalidInputError):  # beyond a limit, which then is a very small one
            plan = plan_recipe(source, recipe, processing.limits)
            work = Work("")
            work.limiter = limiter
            run_recipe(plan, source, recipe, processing.limits, call=work, draft=draft_response)
