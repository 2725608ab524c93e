"""What is sent: the images, and what comes back if all is right."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Shape = tuple[int, ...]

SHAPES: dict[str, Shape] = {
    "64x64": (64, 64, 3),
    "640x480": (480, 640, 3),
    "1080x797": (797, 1080, 3),
    "4000x3000": (3000, 4000, 3),
}


def noise(shape: Shape) -> Image:
    """Return an image of noise, the same in every process."""
    image = np.random.default_rng(seed=2026).integers(0, 256, shape, np.uint8)
    image.flags.writeable = False
    return image


@functools.cache
def reference(shape: Shape) -> Image:
    """Return what MeanFilter makes of `noise(shape)`: at the border the mean of the neighbours that exist."""
    border = ((1, 1), (1, 1), (0, 0))
    image = noise(shape).astype(np.uint16)
    total, count = (_sum_3x3(np.pad(each, border)) for each in (image, np.ones_like(image)))
    np.floor_divide(total, count, out=total)
    return total.astype(np.uint8)


def _sum_3x3(padded: NDArray[np.uint16]) -> NDArray[np.uint16]:
    rows: NDArray[np.uint16] = padded[:-2] + padded[1:-1] + padded[2:]
    total: NDArray[np.uint16] = rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]
    return total


def check_exact(answer: Image, shape: Shape) -> None:
    """Assert that an answer is what the contract says."""
    np.testing.assert_array_equal(answer, reference(shape))


def check_inside(answer: Image, shape: Shape) -> None:
    """Assert that an answer is close to it: OpenCV mirrors the image at its border, and rounds to nearest."""
    assert answer.shape == shape
    difference = np.subtract(answer, reference(shape), dtype=np.int16)
    assert np.abs(difference[1:-1, 1:-1]).max() <= 1


def check_echo(answer: Image, shape: Shape) -> None:
    """Assert that an answer is what was sent."""
    np.testing.assert_array_equal(answer, noise(shape))
