"""Kernels read and write nothing beside their images: here a byte beside them ends the process."""

import ctypes
import itertools
import mmap

import numpy as np
import pytest

from tests.operations.every import EVERY

PAGE = mmap.PAGESIZE
PROT_NONE = 0

# With tiles left over on every side, and without.
SHAPES = [
    (1, 1), (1, 2), (4, 4), (4, 5), (4, 6), (5, 4), (6, 5), (7, 9), (16, 16), (17, 33), (64, 64),
    (257, 35), (5, 600), (600, 5), (3, 1030),
]  # fmt: skip


def guarded(shape, *, at_end, dtype=np.uint8):
    """Return an array of a shape that begins, or ends, right beside memory that may not be touched."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    inner = -(-size // PAGE) * PAGE
    pages = np.frombuffer(mmap.mmap(-1, inner + 2 * PAGE), np.uint8)
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    for start in (0, PAGE + inner):
        assert protect(ctypes.c_void_p(pages.ctypes.data + start), ctypes.c_size_t(PAGE), PROT_NONE) == 0
    start = PAGE + inner - size if at_end else PAGE
    return pages[start : start + size].view(dtype).reshape(shape)


@EVERY
@pytest.mark.parametrize("at_end", [False, True])
def test_nothing_beside_the_images_is_touched(isa, rng, operation, at_end):
    for shape in itertools.chain(SHAPES, *([(*shape, channels) for shape in SHAPES] for channels in (3, 4))):
        image = guarded(shape, at_end=at_end)
        image[...] = rng.integers(0, 256, shape, dtype=np.uint8)
        expected = operation(np.array(image))
        out = guarded(expected.shape, at_end=at_end)
        operation(image, out=out)
        np.testing.assert_array_equal(out, expected, err_msg=str(shape))


@EVERY
def test_strides_of_axes_of_length_one_are_not_walked(isa, rng, operation):
    memory = rng.integers(0, 256, 4000, dtype=np.uint8)
    for shape, strides in [
        ((1, 50, 3), (10**15, 3, 1)),
        ((50, 1, 3), (3, 10**14, 1)),
        ((1, 1, 3), (-(10**12), 10**12, 1)),
        ((5, 7, 1), (7, 1, 10**13)),
        ((1, 7), (-(10**9), 1)),
        ((7, 1), (0, 10**9)),
    ]:
        view = np.lib.stride_tricks.as_strided(memory, shape, strides)
        np.testing.assert_array_equal(operation(view), operation(np.array(view)))
