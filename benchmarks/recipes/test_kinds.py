"""Decoding all kinds of files beside what `Plan` predicts: none takes three times as long, and no photo half.

``pytest benchmarks/recipes --benchmark-only -k kinds`` shows the table; ``--floors`` holds it. Each kind is
decoded as a photo, flat, and as noise, which are as far apart as images of one size can be.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.recipes.test_prediction import measured, photo, prediction
from imgsvc.codec import encode
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.recipe import RAW, Output, Recipe
from imgsvc.recipes.source import ImageFile
from tests.codec import profiles
from tests.codec.encoded import AVIF, by_pillow, jpeg_of_scans, tiff

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.floor import Judge
    from benchmarks.recipes.conftest import Predicted
    from imgsvc.recipes.prediction import Prediction

__all__ = ["prediction"]

WIDTH, HEIGHT = 2000, 1500
SLOWEST, MOST_PREDICTED = 3.0, 2.0
OTHER_PROFILE = profiles.rgb(profiles.gamma(1.8), profiles.P3_COLUMNS)


def with_alpha(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.dstack([image, image[..., 0]])


def in_mode(mode: str, image: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(image).convert(mode)


def deep(image: NDArray[np.uint8]) -> NDArray[np.uint16]:
    return image.astype(np.uint16) * 257


KINDS: dict[str, Callable[[NDArray[np.uint8]], bytes]] = {
    "jpeg": lambda image: by_pillow(image, "JPEG", quality=90),
    "jpeg 4:4:4": lambda image: by_pillow(image, "JPEG", quality=95, subsampling=0),
    "jpeg progressive": lambda image: by_pillow(image, "JPEG", quality=85, progressive=True),
    "jpeg gray": lambda image: by_pillow(image[..., 0], "JPEG"),
    "jpeg of inks": lambda image: by_pillow(in_mode("CMYK", image), "JPEG"),
    "jpeg with a profile": lambda image: by_pillow(image, "JPEG", icc_profile=OTHER_PROFILE),
    "png": lambda image: by_pillow(image, "PNG"),
    "png by imgsvc": lambda image: encode(image, "png"),
    "png palette": lambda image: by_pillow(in_mode("P", image), "PNG"),
    "png palette with alpha": lambda image: by_pillow(
        in_mode("P", image), "PNG", transparency=bytes(range(256))
    ),
    "png gray": lambda image: by_pillow(image[..., 0], "PNG"),
    "png gray with a key": lambda image: by_pillow(image[..., 0], "PNG", transparency=7),
    "png gray with alpha": lambda image: by_pillow(in_mode("LA", image), "PNG"),
    "png 1 bit": lambda image: by_pillow(in_mode("1", image), "PNG"),
    "png rgba": lambda image: by_pillow(with_alpha(image), "PNG"),
    "png gray 16": lambda image: encode(deep(image[..., 0]), "png"),
    "png rgb 16": lambda image: encode(deep(image), "png"),
    "webp": lambda image: by_pillow(image, "WEBP", method=0),
    "webp with alpha": lambda image: by_pillow(with_alpha(image), "WEBP", method=0),
    "webp lossless": lambda image: by_pillow(image, "WEBP", lossless=True, method=0, quality=0),
    **{
        f"tiff {name}": functools.partial(by_pillow, name="TIFF", compression=name)
        for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma")
    },
    "tiff fax": lambda image: by_pillow(in_mode("1", image), "TIFF", compression="group4"),
    "tiff 12 bits": lambda image: tiff(deep(image[:200, :, :1]) >> 4, 12, 1),
    "tiff 16 bits in planes": lambda image: tiff(deep(image), 16, 2, planes=True),
    "tiff 16 bits with alpha": lambda image: tiff(deep(image[..., :2]), 16, 1, _338=[2]),
    "gif": lambda image: by_pillow(in_mode("P", image), "GIF"),
    "bmp": lambda image: by_pillow(image, "BMP"),
}
if AVIF:
    KINDS["avif"] = lambda image: by_pillow(image, "AVIF", speed=10)

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
