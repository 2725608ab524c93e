from benchmarks.kernels import channels, filters, means, moves, pixels, resizing, warps

CASES = (
    *means.CASES,
    *filters.CASES,
    *resizing.CASES,
    *pixels.CASES,
    *channels.CASES,
    *moves.CASES,
    *warps.CASES,
)
