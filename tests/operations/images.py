"""The images that operations are tested on: what Hypothesis draws, and shapes around tiles and chunks."""

import itertools

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

THREADS = (1, 2, 3, 8)

MOST_VALUES = 1 << 26
"""Of a result in a test: a line that is turned by any angle, with all of it, becomes a plane."""

images = (
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([(), (1,), (3,), (4,)]))
    .map(lambda t: (t[0], t[1], *t[2]))
    .flatmap(lambda shape: hnp.arrays(np.uint8, shape))
)
# Each instruction set has an instance of a test's class to itself.
per_isa = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
)
DEPTHS = [np.dtype(np.uint8), np.dtype(np.uint16), np.dtype(np.float32)]
deep_images = st.tuples(
    st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3, 4]), st.sampled_from(DEPTHS)
).flatmap(
    # Of any bits: NaN of every kind, too.
    lambda t: hnp.arrays(np.uint8, (t[0], t[1], t[2] * t[3].itemsize)).map(lambda values: values.view(t[3]))
)

# Around the tile of the mean filter (1024 bytes of a row) and the blocks of the rotation (64 x 32 pixels).
EDGE_SHAPES = [
    (1, 1), (1, 2), (2, 1), (2, 2), (1, 5), (5, 1), (3, 3), (2, 7), (7, 2),
    (3, 341), (3, 342), (4, 343), (5, 1024), (5, 1025), (2, 1026), (3, 2051), (1, 3000), (3000, 1),
    (15, 16), (16, 17), (255, 31), (256, 32), (257, 33), (300, 529), (513, 5), (5, 515), (64, 1), (1, 32),
]  # fmt: skip
CHANNELS = [(), (1,), (3,), (4,)]
# Around the chunks of 64 KiB: pairs of rows of the mean filter, and rows; columns of gray, RGB and RGBA.
CHUNK_SHAPES = [
    (rows, columns // channels + more, channels)
    for rows, columns, channels in itertools.product((1, 2, 5), (32768, 65536), (1, 3, 4))
    for more in (-1, 0, 1, 2)
] + [(65537, 1, 1), (33000, 2, 3), (4097, 16, 1), (130, 513, 4)]  # fmt: skip
