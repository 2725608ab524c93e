"""What the kernels' scratch memory comes to: the arithmetic of ``compute`` in ``kernels/chunks.pxd``."""

from __future__ import annotations

CACHE_LINE = 64


def rounded_up(number: int, multiple: int) -> int:
    """Return the least multiple that is not below `number`."""
    return -(-number // multiple) * multiple


def for_threads(scratch_bytes: int, num_threads: int) -> int:
    """Return what `compute` allocates if it has work for all threads, and each needs `scratch_bytes`."""
    return num_threads * rounded_up(scratch_bytes, CACHE_LINE) + CACHE_LINE


def channels_of(shape: tuple[int, ...]) -> int:
    """Return how many channels an image of `shape` has."""
    return shape[2] if len(shape) > 2 else 1
