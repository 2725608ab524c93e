"""Colours in short, by their formulas."""

import numpy as np
import pytest

from imgsvc.recipes.colors import average_color, dominant_colors


def image(*pixels):
    return np.array([pixels], np.uint8)


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (image((0, 1, 2), (1, 2, 3)), (1, 2, 3)),  # ties up
        (image((0, 0, 0), (0, 0, 0), (1, 2, 255)), (0, 1, 85)),
        (image(10, 11), (11, 11, 11)),
        (image((10,), (13,)), (12, 12, 12)),
        (image((200, 0, 0, 255), (0, 100, 0, 0)), (200, 0, 0)),
        (image((200, 0, 0, 3), (0, 100, 0, 1)), (150, 25, 0)),
        (image((200, 0, 0, 0)), None),
    ],
)
def test_averages(pixels, expected):
    assert average_color(pixels) == expected


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (image((255, 0, 0), (0, 0, 255), (250, 0, 1)), [((253, 0, 1), 667), ((0, 0, 255), 333)]),
        (
            image((40, 0, 0), (0, 0, 40), (0, 40, 0)),
            [((0, 0, 40), 333), ((0, 40, 0), 333), ((40, 0, 0), 333)],
        ),
        (image((31, 31, 31), (32, 32, 32)), [((31, 31, 31), 500), ((32, 32, 32), 500)]),
        (image((200, 0, 0, 1), (0, 0, 200, 3), (9, 9, 9, 0)), [((0, 0, 200), 750), ((200, 0, 0), 250)]),
        (image(100, 101, 102, 250), [((101, 101, 101), 750), ((250, 250, 250), 250)]),
        (image(*range(0, 256, 32)), [((value,) * 3, 125) for value in range(0, 160, 32)]),
        (image((1, 2, 3, 0)), []),
    ],
)
def test_dominant_ones(pixels, expected):
    assert [tuple(each) for each in dominant_colors(pixels)] == expected
