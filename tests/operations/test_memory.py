"""Kernels read and write nothing beside their images: here a byte beside them ends the process."""

import ctypes
import itertools
import mmap

import numpy as np
import pytest

from imgsvc import _dispatch
from imgsvc._stop import Stop
from imgsvc.operations import WarpAffine
from imgsvc.operations.histogram import histogram
from imgsvc.operations.sampling import TAPS
from tests.operations.every import EVERY
from tests.reference import counts

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


@pytest.mark.parametrize("at_end", [False, True])
def test_nothing_beside_an_image_is_counted(isa, rng, at_end):
    for shape in itertools.chain(SHAPES, *([(*shape, channels) for shape in SHAPES] for channels in (3, 4))):
        image = guarded(shape, at_end=at_end)
        image[...] = rng.integers(0, 256, shape, dtype=np.uint8)
        counted = counts(image)
        np.testing.assert_array_equal(histogram(image, 1, Stop()), counted, err_msg=str(shape))
        rows = image if image.ndim > 2 else image[..., np.newaxis]
        result = guarded((1, 256 * rows.shape[2]), at_end=at_end, dtype=np.uint32)
        kernel = _dispatch.kernels().Histogram(*shape[:2])
        kernel(rows, result.view(np.uint8)[..., np.newaxis], 1, Stop())
        np.testing.assert_array_equal(result.ravel(), counted.ravel(), err_msg=str(shape))


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("resample", TAPS)
def test_warps_that_begin_at_the_last_pixels_touch_nothing_beside_them(isa, rng, resample, at_end):
    """Of which more bytes are read than a pixel has, unless they are the last ones."""
    dtypes = [np.uint8, np.uint16, np.float32] if resample == "nearest" else [np.uint8]
    for channels, dtype, begin in itertools.product((1, 3, 4), dtypes, range(36, 40)):
        image = guarded((5, 40, channels), at_end=at_end, dtype=dtype)
        image[...] = rng.integers(0, 256, image.shape)
        for row in ([0, 1, 0], [0, -1, 4]):
            operation = WarpAffine([[-1, 0, begin], row], resample=resample)
            expected = operation(np.array(image))
            out = guarded(image.shape, at_end=at_end, dtype=dtype)
            operation(image, out=out)
            np.testing.assert_array_equal(out, expected, err_msg=str((channels, dtype, begin)))


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
