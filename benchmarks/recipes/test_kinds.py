"""Decoding all kinds of files beside what `Plan` predicts: none takes three times as long, and no photo half.

``pytest benchmarks/recipes --benchmark-only -k kinds`` shows the table; ``--floors`` holds it. Each kind is
decoded as a photo, flat, and as noise, which are as far apart as images of one size can be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.recipes.test_prediction import measured, photo, prediction
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.recipe import RAW, Output, Recipe
from imgsvc.recipes.source import ImageFile
from tests.codec.encoded import jpeg_of_scans
from tests.codec.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.floor import Judge
    from benchmarks.recipes.conftest import Predicted
    from imgsvc.recipes.prediction import Prediction

__all__ = ["prediction"]

WIDTH, HEIGHT = 2000, 1500
SLOWEST, MOST_PREDICTED = 3.0, 2.0


PICTURES: dict[str, Callable[[], NDArray[np.uint8]]] = {
    "photo": lambda: photo(WIDTH, HEIGHT),
    "flat": lambda: np.full((HEIGHT, WIDTH, 3), 77, np.uint8),
    "noise": lambda: np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8),
}


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("kind", KINDS)
def test_kinds(
    benchmark: Any,
    *,
    prediction: Prediction,
    predicted: list[Predicted],
    judge: Judge,
    kind: str,
    picture: str,
) -> None:
    data = KINDS[kind](PICTURES[picture]())
    row = decoded(benchmark, prediction, data, f"{kind}, {picture}")
    predicted.append(row)
    met = row.factor >= 1 / SLOWEST and (picture != "photo" or row.factor <= MOST_PREDICTED)
    judge(f"{row.work}: predicted {row.factor:.2f} times what it took", met=met)


@pytest.mark.parametrize("scans", [11, 51, 99])
def test_kinds_of_many_scans(
    benchmark: Any, *, prediction: Prediction, predicted: list[Predicted], judge: Judge, scans: int
) -> None:
    data = jpeg_of_scans(WIDTH, HEIGHT, scans)
    row = decoded(benchmark, prediction, data, f"jpeg of {scans} scans")
    predicted.append(row)
    judge(f"{row.work}: predicted {row.factor:.2f} times what it took", met=row.factor >= 1 / SLOWEST)


def decoded(benchmark: Any, prediction: Prediction, data: bytes, name: str) -> Predicted:
    recipe = Recipe(Pipeline(), (Output(RAW),))
    return measured(benchmark, prediction, ImageFile(data), recipe, f"{WIDTH}x{HEIGHT}: {name}")
