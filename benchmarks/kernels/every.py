"""All that is benchmarked."""

from __future__ import annotations

from benchmarks.kernels import channels, filters, means, moves, pixels, resizing

CASES = (*means.CASES, *filters.CASES, *resizing.CASES, *pixels.CASES, *channels.CASES, *moves.CASES)
