"""Gray images, whose taps come from rows of a window, are as channels of RGB, whose taps are taken singly."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgsvc
from tests.operations.images import per_isa
from tests.operations.test_memory import guarded

steps = st.floats(-2.2, 2.2, allow_subnormal=False) | st.sampled_from([0, 1, -1, 2, -2, 0.5, 1 / 7, 15 / 7])


def as_rgb(image, matrix, size):
    """Return the gray image as it is in RGB; `matrix` leads from the result to the image."""
    rgb = np.repeat(image[..., np.newaxis], 3, axis=2)
    return imgsvc.warp_affine(rgb, matrix, width=size[1], height=size[0], border="replicate")[..., 0]


def inverse(across, down, at):
    """Return the matrix by which pixels of the result come from places with these steps."""
    (a, d), (b, e) = across, down
    area = a * e - b * d
    c, f = at
    rows = [[e, -b, b * f - c * e], [-d, a, c * d - a * f]]
    return [[each / area for each in row] for row in rows]


@per_isa
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 70)), across=st.tuples(steps, steps),
    down=st.tuples(steps, steps), at=st.tuples(st.floats(-5, 60), st.floats(-5, 40)),
    size=st.tuples(st.integers(1, 12), st.integers(1, 60)), seed=st.integers(0, 99), mirrored=st.booleans(),
)  # fmt: skip
def test_any_steps(isa, shape, across, down, at, size, seed, mirrored):
    across = across if max(map(abs, across)) > 1e-3 else (1, 0)
    if abs(across[0] * down[1] - across[1] * down[0]) < 1e-6:
        down = (-across[1], across[0])
    image = np.random.default_rng(seed).integers(0, 256, (shape[0], shape[1] + 3), dtype=np.uint8)[
        :, : shape[1]
    ]
    image = image[::-1] if mirrored else image
    matrix = inverse(across, down, at)
    result = imgsvc.warp_affine(image, matrix, width=size[1], height=size[0], border="replicate")
    np.testing.assert_array_equal(result, as_rgb(image, matrix, size))


@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("degrees", [*range(0, 360, 15), 0.01, 89.99, 179.99, 269.99])
@pytest.mark.parametrize("shape", [(3, 16), (10, 17), (9, 15), (64, 64), (40, 200)], ids=str)
def test_no_byte_beside_the_image_is_read(isa, degrees, shape, at_end):
    image = guarded(shape, at_end=at_end)
    image[:] = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    matrix = inverse((c, s), (-s, c), (x - c * x + s * y, y - s * x - c * y))
    result = imgsvc.warp_affine(image, matrix, border="replicate")
    np.testing.assert_array_equal(result, as_rgb(image, matrix, shape))
