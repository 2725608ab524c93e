"""What each operation computes, written in the most obvious way."""

import functools
import math

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


FILTERS = {
    "box": (0.5, lambda x: float(-0.5 < x <= 0.5)),
    "bilinear": (1, lambda x: max(1 - abs(x), 0)),
    "bicubic": (2, lambda x: _cubic(abs(x), -0.5)),
    "lanczos": (3, lambda x: _sinc(x) * _sinc(x / 3) if abs(x) < 3 else 0),
}


def _cubic(x, a):
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0


def _sinc(x):
    return math.sin(math.pi * x) / (math.pi * x) if x else 1


@functools.cache
def resize_weights(source, result, resample):
    """For each pixel of the result the first of its window, and the weights."""
    support, function = FILTERS[resample]
    scale = source / result
    stretch = max(scale, 1)
    windows = []
    for x in range(result):
        centre = (x + 0.5) * scale
        start = max(math.floor(centre - support * stretch + 0.5), 0)
        stop = min(math.floor(centre + support * stretch + 0.5), source)
        weights = [function((t - centre + 0.5) / stretch) for t in range(start, stop)]
        whole = [round(weight * 2**38) for weight in weights]
        total = sum(whole)
        windows.append((start, [np.float32(weight / total) for weight in whole]))
    return windows


def resize_rows(image, height, resample):
    result = np.zeros((height, *image.shape[1:]), np.float32)
    for y, (start, weights) in enumerate(resize_weights(image.shape[0], height, resample)):
        for t, weight in enumerate(weights):
            result[y] = result[y] + weight * image[start + t].astype(np.float32)
    return result


def resize(image, width, height, resample):
    if resample == "nearest":
        rows = [(2 * y + 1) * image.shape[0] // (2 * height) for y in range(height)]
        columns = [(2 * x + 1) * image.shape[1] // (2 * width) for x in range(width)]
        return image[rows][:, columns]
    rows = resize_rows(image, height, resample)
    columns = resize_rows(np.swapaxes(rows, 0, 1), width, resample)
    return np.rint(np.clip(np.swapaxes(columns, 0, 1), 0, 255)).astype(np.uint8)
