"""What each operation computes, written in the most obvious way."""

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
