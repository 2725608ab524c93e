"""Histograms: against NumPy's counting."""

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsvc import _dispatch
from imgsvc._images import as_rows
from imgsvc._stop import Stop
from imgsvc.errors import StoppedError
from imgsvc.operations.histogram import MOST_COLUMNS, TILE_BYTES, histogram, histogram_bytes
from tests.operations.images import CHANNELS, CHUNK_SHAPES, EDGE_SHAPES, THREADS, images, per_isa
from tests.reference import counts

TILE_SHAPES = [
    (rows, columns + more, channels)
    for channels in (1, 3, 4)
    for rows, columns in ((1, MOST_COLUMNS), (2, MOST_COLUMNS), (TILE_BYTES // (100 * channels) + 1, 100))
    for more in (-1, 0, 1)
]
"""Around the tiles."""


@per_isa
@given(image=images, threads=st.sampled_from(THREADS))
def test_against_numpy(isa, image, threads):
    np.testing.assert_array_equal(histogram(image, threads, Stop()), counts(image))


@pytest.mark.parametrize("threads", [1, 2, None])
def test_odd_sizes(isa, rng, threads):
    shapes = [(*shape, *channels) for shape in EDGE_SHAPES for channels in CHANNELS]
    for shape in [*shapes, *CHUNK_SHAPES, *TILE_SHAPES]:
        image = rng.integers(0, 256, shape, np.uint8)
        np.testing.assert_array_equal(histogram(image, threads, Stop()), counts(image), err_msg=str(shape))


@pytest.mark.parametrize("threads", [1, 2])
def test_any_strides(isa, rng, threads):
    image = rng.integers(0, 256, (700, 900, 4), np.uint8)
    views = [
        image[::-1],
        image[:, ::-1],
        image[::3, 5:-7],
        image[..., :3],
        image[..., 1],
        image[1:, ::2, 2:3],
    ]
    for view in [*views, image.transpose(1, 0, 2), np.broadcast_to(image[:1, :1], (999, 999, 4))]:
        np.testing.assert_array_equal(histogram(view, threads, Stop()), counts(view))


def test_one_value_alone(isa):
    """All increments are of the same count."""
    for channels in CHANNELS:
        image = np.full((301, 503, *channels), 255, np.uint8)
        for count in histogram(image, 1, Stop()).tolist():
            assert count == [0] * 255 + [301 * 503]


def test_more_pixels_than_32_bits_count(monkeypatch):
    """Each tile counts by itself; their sums have 64 bits."""

    class Full:
        """What a kernel would say of tiles that are as large as they can be."""

        def __init__(self, rows, columns):
            self.pixels = rows * columns

        def __call__(self, src, dst, num_threads, stop):
            dst[...] = 255
            assert self.pixels < 1 << 32

    monkeypatch.setattr(_dispatch.kernels(), "Histogram", Full)
    counts = histogram(np.zeros((5000, 300), np.uint8), 1, Stop())
    assert set(counts.ravel().tolist()) == {-(-5000 // (TILE_BYTES // 300)) * 0xFFFFFFFF}


def test_tiles_of_the_kernel(isa, rng):
    """A row for each, row by row."""
    image = rng.integers(0, 256, (11, 17, 3), np.uint8)
    result = np.empty((3 * 4, 3 * 256), np.uint32)
    _dispatch.kernels().Histogram(4, 5)(image, as_rows(result.view(np.uint8)), 2, Stop())
    tiles = [image[4 * i : 4 * i + 4, 5 * j : 5 * j + 5] for i in range(3) for j in range(4)]
    for row, tile in zip(result.reshape(12, 3, 256), tiles, strict=True):
        np.testing.assert_array_equal(row, counts(tile))


@pytest.mark.parametrize("shape", [(1, 1), (9, 9, 4), (2000, 3000, 3), (1, 3_000_000), (70_000, 2, 4)])
def test_memory(shape):
    image = np.zeros(shape, np.uint8)
    histogram(image, 1, Stop())
    tracemalloc.start()
    try:
        histogram(image, 1, Stop())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= histogram_bytes(shape, 1) + 4096 <= 2 * peak + (128 << 10)  # the kernel's is not seen


@pytest.mark.parametrize("shape", [(3, 3), (500, 500, 3)])
def test_it_stops_before_it_begins(shape):
    stop = Stop()
    stop.cancel()
    with pytest.raises(StoppedError, match="cancelled"):
        histogram(np.zeros(shape, np.uint8), 1, stop)


@pytest.mark.parametrize("threads", [1, 2])
def test_it_stops_on_its_way(threads):
    """All of it would take a quarter of a minute."""
    image = np.broadcast_to(np.arange(1 << 16).astype(np.uint8), (1 << 20, 1 << 16))
    start = time.monotonic()
    with pytest.raises(StoppedError, match="deadline"):
        histogram(image, threads, Stop(0.01))
    assert time.monotonic() - start < 5
