"""A training pipeline: six things between files and arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import imgsvc

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Array = NDArray[Any]

# Gray is repeated, alpha laid over white, and what is RGB stays as it is.
RGB = "flatten | color_matrix [[1,0,0],[0,1,0],[0,0,1]]"


def letterboxed(path: str, side: int = 640) -> tuple[Array, imgsvc.Placement]:
    """Return all of an image in a gray square, as detectors take it, and what leads their boxes back."""
    # In OpenCV: a resize, four sums, and copyMakeBorder; and all of it backwards for the boxes.
    result = imgsvc.process(path, f"letterbox {side}x{side} | {RGB}", output="raw")
    return result.array, result.placement


def center_crop(path: str, side: int = 224) -> Array:
    """Return the middle of an image, in RGB."""
    # In torchvision: Compose([Resize(224), CenterCrop(224)]), after Image.open(path).convert("RGB")
    steps = f"resize {side}x{side} cover resample=bicubic | {RGB}"
    return imgsvc.process(path, steps, output="raw").array


def normalized(path: str) -> Array:
    """Return channels first, floats from 0 to 1."""
    # In torchvision: ToTensor()
    return imgsvc.convert(center_crop(path), "float32").transpose(2, 0, 1)


def augmented(image: Array, rng: np.random.Generator) -> Array:
    """Return a mirror image or not, with another brightness and contrast, and a blur."""
    # In albumentations: a Compose of three.
    steps = [imgsvc.operations.Flip(1)] if rng.random() < 0.5 else []
    adjust = imgsvc.operations.Adjust(brightness=rng.uniform(-20, 20), contrast=rng.uniform(0.8, 1.2))
    return imgsvc.Pipeline([*steps, adjust, imgsvc.operations.GaussianBlur(rng.uniform(0.3, 1.5))])(image)


def batch(paths: Iterable[str], side: int = 224) -> Array:
    """Return many images in one array: decoding and kernels release the GIL."""
    # In PyTorch: a DataLoader with worker processes.
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only here

    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(lambda path: center_crop(path, side), paths)))


def eight_bits(image: Array | str, low: int, high: int) -> Array:
    """Return a window of 16-bit values as bytes, as of a microscope; of an array or a file."""
    # In NumPy alone: a reader of files, and clip, rint and astype, with an array of floats for each.
    values = imgsvc.process(image, "convert float32", output="raw", depth="keep").array * 65535
    return imgsvc.convert((values - low) / (high - low), "uint8")
