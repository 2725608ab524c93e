"""What each operation computes, written in the most obvious way."""

import math
from fractions import Fraction

import numpy as np


def mean_filter(image):
    height, width = image.shape[:2]
    result = np.empty_like(image)
    for y in range(height):
        for x in range(width):
            window = image[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].astype(int)
            count = window.shape[0] * window.shape[1]
            result[y, x] = window.sum(axis=(0, 1)) // count
    return result


def mean_filter_large(image):
    """The same by nine shifted images, for sizes where the loops above take too long."""
    height, width = image.shape[:2]
    total = np.zeros(image.shape, int)
    count = np.zeros(image.shape, int)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            target = np.s_[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
            source = np.s_[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)]
            total[target] += image[source]
            count[target] += 1
    return (total // count).astype(np.uint8)


def rotate90(image, turns):
    return np.ascontiguousarray(np.rot90(image, turns))


NUMPY_MODES = {
    "constant": "constant",
    "replicate": "edge",
    "reflect": "symmetric",
    "reflect101": "reflect",
    "wrap": "wrap",
}


def pad(image, left, top, right, bottom, border):
    widths = ((top, bottom), (left, right)) + ((0, 0),) * (image.ndim - 2)
    return np.pad(image, widths, mode=NUMPY_MODES[border])


def lut(image, table):
    if table.ndim == 1:
        return table[image]
    if image.ndim == 2:
        return table[0][image]
    return np.stack([row[image[..., channel]] for channel, row in enumerate(table)], axis=-1)


def of_colours(function, image):
    """Replace each value by what a function of one value makes of it, but for alpha."""
    result = np.array([function(value) for value in range(256)], np.uint8)[image]
    if image.shape[2:] == (4,):
        result[..., 3] = image[..., 3]
    return result


def half_even(number):
    """Round an exact number to nearest, ties to even."""
    below = math.floor(number)
    if number - below == Fraction(1, 2):
        return below + below % 2
    return math.floor(number + Fraction(1, 2))


def adjust(image, brightness, contrast):
    middle = Fraction(255, 2)

    def adjusted(value):
        exact = Fraction(contrast) * (value - middle) + middle + Fraction(brightness)
        return min(max(half_even(exact), 0), 255)

    return of_colours(adjusted, image)


def gamma(image, exponent):
    return of_colours(lambda value: round(255 * (value / 255) ** exponent), image)


def threshold(image, level):
    return of_colours(lambda value: 255 if value > level else 0, image)


def grayscale(image):
    if image.shape[2:] in {(), (1,)}:
        return image.reshape(image.shape[:2])
    quotient, rest = np.divmod(image[..., :3].astype(int) @ [9798, 19235, 3735], 32768)
    return (quotient + ((rest > 16384) | ((rest == 16384) & (quotient % 2 == 1)))).astype(np.uint8)
