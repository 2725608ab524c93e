"""The families of kernels, a file each, and what they share; ``_kernels.pyx`` compiles all of it.

An image is (rows, columns, channels) with contiguous rows; the stride between rows is free, and may be
negative. A family's functions cut their image into chunks of bounded cost and compute these with ``prange``
(``chunks.pxd``). A row function takes ``__restrict__`` pointers and stays out of line (``rows.pxd``): with
both, gcc knows that nothing aliases and vectorises; without either it may fall back to scalar code.
"""
