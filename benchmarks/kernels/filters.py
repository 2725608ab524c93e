"""Weighted sums over a window.

Pillow repeats the edge, or leaves the outermost pixels as they are, and takes several box blurs for a
Gaussian one; its kernels stand upside down. SciPy cuts after each of two passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFilter

from benchmarks.kernels.case import Case
from benchmarks.kernels.peers import OpenCV, Pillow, SciPy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.kernels.images import Image
    from benchmarks.kernels.peers import Floors, Peer

    Weights = NDArray[np.float32]

LARGEST_OF_PILLOW = 5


def dense_weights(side: int) -> Weights:
    """Return weights that add up to 1 and are no product of a column and a row."""
    weights = np.random.default_rng(side).uniform(-0.2, 1, (side, side))
    return (weights / weights.sum()).astype(np.float32)


def separable_weights(side: int) -> Weights:
    """Return weights that are the product of a column and a row."""
    line = np.random.default_rng(side).uniform(0.2, 1, side)
    line /= line.sum()
    return np.outer(line, line).astype(np.float32)


def correlate(ndimage: Any, src: Image, weights: Weights) -> Image:
    """Correlate with SciPy, rounded and clamped."""
    weights = weights.reshape(*weights.shape, *(1,) * (src.ndim - 2))
    result = ndimage.correlate(src, weights, np.float32, mode="mirror")
    clamped: Image = np.clip(np.rint(result, out=result), 0, 255, out=result).astype(np.uint8)
    return clamped


def convolution(side: int, floors: Floors) -> Case:
    """Return the case of dense weights."""
    weights = dense_weights(side)
    peers: list[Peer] = [
        OpenCV(lambda cv2, src, out: cv2.filter2D(src, -1, weights, out), levels=1, floors=floors),
        SciPy(lambda ndimage, src, _: correlate(ndimage, src, weights), levels=1),
    ]
    if side <= LARGEST_OF_PILLOW:
        kernel = ImageFilter.Kernel((side, side), weights[::-1].ravel().tolist(), scale=1)
        peers.append(Pillow(lambda image, _: image.filter(kernel), levels=1, inset=side // 2))
    return Case(
        f"convolve-{side}x{side}",
        f"convolution {side}×{side}",
        "convolve",
        tuple(peers),
        {"weights": weights},
    )


def separable_convolution(side: int) -> Case:
    """Return the case of weights that two passes apply."""
    weights = separable_weights(side)
    column, row = weights[:, side // 2] / weights[side // 2, side // 2], weights[side // 2]
    return Case(
        f"convolve-separable-{side}x{side}",
        f"convolution {side}×{side}, separable",
        "convolve",
        (
            OpenCV(
                lambda cv2, src, out: cv2.sepFilter2D(src, -1, row, column, out),
                levels=1,
                floors=(None, None),
                name="sepFilter2D",
            ),
            OpenCV(
                lambda cv2, src, out: cv2.filter2D(src, -1, weights, out),
                levels=1,
                floors=(None, None),
                name="filter2D",
            ),
        ),
        {"weights": weights},
    )


def gaussian(sigma: int, floors: Floors) -> Case:
    """Return the case of a Gaussian blur; Pillow's is farther from it the narrower it is."""
    return Case(
        f"gaussian_blur-{sigma}",
        f"Gaussian blur, sigma {sigma}",
        "gaussian_blur",
        (
            OpenCV(lambda cv2, src, out: cv2.GaussianBlur(src, (0, 0), sigma, out), levels=2, floors=floors),
            Pillow(lambda image, _: image.filter(ImageFilter.GaussianBlur(sigma)), levels=6, inset=4 * sigma),
            SciPy(
                lambda ndimage, src, out: ndimage.gaussian_filter(
                    src, sigma, output=out, mode="mirror", axes=(0, 1)
                ),
                levels=3,
            ),
        ),
        {"sigma": sigma},
    )


def sharpen_by_opencv(cv2: Any, src: Image, out: Image) -> Image:
    """Mask with a Gaussian blur."""
    sharpened: Image = cv2.addWeighted(src, 2, cv2.GaussianBlur(src, (0, 0), 1), -1, 0, out)
    return sharpened


def sharpen_by_pillow(image: PillowImage.Image, _: Image) -> PillowImage.Image:
    """Mask with what Pillow takes for a Gaussian blur."""
    return image.filter(ImageFilter.UnsharpMask(radius=1, percent=100, threshold=0))


CASES = (
    convolution(3, floors=(1.5, 1.3)),
    convolution(5, floors=(1.9, 1.8)),
    convolution(7, floors=(2.0, 1.8)),
    separable_convolution(5),
    gaussian(1, floors=(1.0, 1.2)),
    gaussian(2, floors=(1.2, 1.5)),
    gaussian(10, floors=(1.5, 2.0)),
    Case(
        "sharpen",
        "unsharp mask, sigma 1",
        "sharpen",
        (
            OpenCV(sharpen_by_opencv, levels=2, floors=(None, None)),
            Pillow(sharpen_by_pillow, levels=8, inset=4, floors=(None, None)),
        ),
        {"sigma": 1.0, "amount": 1.0, "threshold": 0},
    ),
)
