"""The bounds of what operations take beside their images hold, and are not far from it."""

import subprocess
import sys
import tracemalloc

import pytest

from imgsvc.operations import filters

# Takes all memory that may be had, so that a kernel's allocation fails and says how large it would have been.
REFUSED = """
import ctypes, re, resource, sys
import numpy as np
from imgsvc._stop import Stop
from imgsvc.operations import BoxBlur, Convolve, GaussianBlur, Resize, Sharpen

THREADS = 3
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.mallopt(-8, 1)  # M_ARENA_MAX: no thread has memory of its own
stop = Stop()
unlimited = resource.getrlimit(resource.RLIMIT_AS)


def refused(operation, src, dst):
    taken = []
    resource.setrlimit(resource.RLIMIT_AS, (1 << 20, unlimited[1]))
    try:
        for size in (1 << 20, 1 << 16, 1 << 12):
            while block := libc.malloc(size):
                taken.append(block)
        operation.apply(src, dst, THREADS, stop)
    except MemoryError as error:
        return error
    finally:
        for block in taken:
            libc.free(block)
        resource.setrlimit(resource.RLIMIT_AS, unlimited)


operations = [
    BoxBlur(1), BoxBlur(9), BoxBlur(300), GaussianBlur(0.5), GaussianBlur(4), GaussianBlur(50), Sharpen(7.3),
    Convolve(np.arange(9).reshape(3, 3)), Convolve(np.ones((31, 31))),
    Convolve(np.random.default_rng(0).random((31, 30))),
    Resize(width=50, height=30), Resize(width=1500, height=1000, resample="lanczos"),
]
for operation in operations:
    for shape in [(800, 900, 1), (600, 1300, 3), (700, 2100, 4), (1200, 300, 3)]:
        src = np.zeros(shape, np.uint8)
        dst = np.zeros(operation.output_shape(shape), np.uint8)
        operation.apply(src, dst, THREADS, stop)  # tables that are kept are made
        bound = operation.scratch_bytes(shape, THREADS)
        message = str(refused(operation, src, dst))
        match = re.fullmatch("([0-9]+) bytes of scratch memory", message)
        assert match or bound < 1 << 16, (operation, shape, message)
        if match:
            print(operation.name, shape, int(match[1]), bound)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory, and malloc, are the GNU C library's")
def test_the_kernels_scratch_memory():
    run = subprocess.run(
        [sys.executable, "-c", REFUSED], check=False, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr
    cases = [line.rsplit(maxsplit=2) for line in run.stdout.splitlines()]
    assert len(cases) >= 40
    for case, taken, bound in cases:
        assert int(taken) + 64 <= int(bound), case
        if not case.startswith("resize"):  # of which the tables are counted too, and are there already
            assert int(bound) <= 4 * int(taken), case


@pytest.mark.parametrize(
    ("source", "result", "name"),
    [
        (4000, 320, "lanczos"),
        (320, 4000, "lanczos"),
        (60000, 100, "lanczos"),
        (60000, 2, "box"),
        (60000, 1, "lanczos"),
        (300_000, 10_000, "bicubic"),
        (100, 200_000, "bilinear"),
        (100, 500_000, "box"),
        (500_000, 500_000, "box"),
    ],
)
def test_tables_of_windows(source, result, name):
    tracemalloc.start()
    try:
        filters._windows(source, result, name)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    taps = filters.most_taps(source, result, name)
    bound = filters.windows_bytes(source, result, name) + filters.making_bytes(result, taps)
    assert peak <= bound <= 5 * peak


@pytest.mark.parametrize("result", [1, 1000, 300_000])
def test_tables_of_places(result):
    tracemalloc.start()
    try:
        filters._nearest(777, result)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= filters.nearest_bytes(result) + filters.making_bytes(result, 1)
