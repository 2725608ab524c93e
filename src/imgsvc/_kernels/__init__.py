"""The kernels: a module each family, once for each instruction set that it is built for.

Nothing is validated here: ``imgsvc.operations`` has done that. An image is (rows, columns, channels) with
contiguous rows; the stride between rows is free, and may be negative. A kernel cuts its image into chunks of
bounded cost and computes them with ``prange`` (``chunks.pxd``). Each output byte is written by exactly one
chunk, and depends on nothing that another chunk computes, so the result is the same at any number of threads.

A row function takes ``__restrict__`` pointers and stays out of line (``rows.pxd``): with both, gcc knows that
nothing aliases and vectorises; without either it may fall back to scalar code.
"""
