"""Cutting an image into chunks of bounded cost, and computing them on several threads until told to stop.

An iteration does one chunk, and before it asks `stop` whether to go on. A kernel that was stopped leaves the
rest of its output as it was, and `stop.stopped` says so.

Each output byte is written by exactly one chunk, and depends on nothing that another chunk computes, so the
result is the same at any number of threads.
"""

from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from imgsvc._stop cimport should_stop, stop_state, stop_state

cdef extern from *:
    """
    #ifdef _OPENMP
    #define IMGSVC_OPENMP 1
    #else
    #define IMGSVC_OPENMP 0
    #endif
    """
    const bint OPENMP "IMGSVC_OPENMP"


cdef enum:
    # Bytes of a chunk of cheap work, about 10 microseconds: next to them asking `stop` is nothing.
    CHUNK_BYTES = 65536
    CACHE_LINE = 64
    LEAST_COLUMNS = 64
    LEAST_ROWS = 16
    ROW_BYTES = 64    # of cheap work that take as long as coming to a row
    LOOK_ROWS = 16    # between two looks at `stop` within a chunk whose rows take long


cdef struct Chunks:
    int64_t height
    int64_t width
    int64_t rows     # of a chunk
    int64_t columns  # of a chunk
    int64_t across
    int64_t count
    bint quick       # all of it is so little work that releasing the GIL, and OpenMP, would take longer


cdef struct Chunk:
    int64_t top
    int64_t bottom
    int64_t left
    int64_t right
    stop_state* stop  # for a chunk that takes long


ctypedef void (*chunk_function)(const void* work, Chunk chunk, char* scratch) noexcept nogil


cdef inline Chunks cut(int64_t height, int64_t width, int64_t rows, int64_t columns) noexcept nogil:
    """Cut into chunks of `rows` x `columns`, counted row by row."""
    cdef Chunks chunks
    chunks.height = height
    chunks.width = width
    chunks.rows = min(rows, height)
    chunks.columns = min(columns, width)
    chunks.across = (width + chunks.columns - 1) // chunks.columns
    chunks.count = chunks.across * ((height + chunks.rows - 1) // chunks.rows)
    chunks.quick = False
    return chunks


cdef inline Chunks chunks_of(
    int64_t height, int64_t width, int64_t pixel_bytes, int64_t multiple
) noexcept nogil:
    """Cut cheap work into chunks of about `CHUNK_BYTES`, of whole rows where these are short enough.

    Each has a `multiple` of rows, but for the last ones.
    """
    # Whole cache lines: a chunk that begins at an odd address is copied at a fifth of the speed.
    cdef int64_t lines = max(CHUNK_BYTES // (multiple * pixel_bytes) // CACHE_LINE, 1)
    cdef int64_t columns = min(width, lines * CACHE_LINE)
    cdef int64_t rows = max(CHUNK_BYTES // (columns * pixel_bytes * multiple), 1) * multiple
    cdef Chunks chunks = cut(height, width, rows, columns)
    chunks.quick = is_quick(height, width * pixel_bytes)
    return chunks


cdef inline bint is_quick(int64_t height, int64_t row_bytes) noexcept nogil:
    """Whether cheap work on so many rows and bytes is done before another thread would have been woken."""
    return height <= CHUNK_BYTES // (row_bytes + ROW_BYTES)


cdef inline void share(Chunks* chunks, int num_threads, int64_t radius) noexcept nogil:
    """Cut finer where there would be less than two chunks for each thread: across first, then down.

    Not so fine that what they look at beyond themselves, up to `radius`, would be more than they are.
    """
    cdef int64_t enough = 2 * num_threads if num_threads > 1 else 1
    while chunks.count < enough and chunks.columns >= 2 * max(LEAST_COLUMNS, 2 * radius):
        chunks[0] = cut(chunks.height, chunks.width, chunks.rows, (chunks.columns + 1) // 2)
    while chunks.count < enough and chunks.rows >= 2 * max(LEAST_ROWS, 2 * radius):
        chunks[0] = cut(chunks.height, chunks.width, (chunks.rows + 1) // 2, chunks.columns)


cdef inline Chunk chunk_at(const Chunks* chunks, int64_t number, stop_state* stop) noexcept nogil:
    cdef Chunk chunk
    chunk.top = number // chunks.across * chunks.rows
    chunk.bottom = min(chunk.top + chunks.rows, chunks.height)
    chunk.left = number % chunks.across * chunks.columns
    chunk.right = min(chunk.left + chunks.columns, chunks.width)
    chunk.stop = stop
    return chunk


cdef inline void compute_in_turn(
    chunk_function function, const void* work, const Chunks* chunks, char* scratch, stop_state* stop
) noexcept nogil:
    cdef int64_t number
    for number in range(chunks.count):
        if should_stop(stop):
            return
        function(work, chunk_at(chunks, number, stop), scratch)


cdef inline int compute(
    chunk_function function,
    const void* work,
    const Chunks* chunks,
    int64_t scratch_bytes,
    int num_threads,
    stop_state* stop,
) except -1:
    """Call `function` once for each chunk, with `scratch_bytes` of memory aligned to a cache line."""
    cdef int threads = <int>min(num_threads, chunks.count)
    cdef int64_t share = (scratch_bytes + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE
    cdef char* memory = NULL
    cdef char* scratch = NULL
    cdef int64_t number
    if share:
        memory = <char*>malloc(threads * share + CACHE_LINE)
        if memory == NULL:
            raise MemoryError(f"{threads * share} bytes of scratch memory")
        scratch = memory + (CACHE_LINE - <int64_t>memory % CACHE_LINE)
    if chunks.quick:
        compute_in_turn(function, work, chunks, scratch, stop)
    elif threads == 1:  # entering OpenMP's region takes longer than a small image
        with nogil:
            compute_in_turn(function, work, chunks, scratch, stop)
    else:
        for number in prange(chunks.count, num_threads=threads, schedule="static", nogil=True):
            if not should_stop(stop):
                function(work, chunk_at(chunks, number, stop), scratch + threadid() * share)
    free(memory)
    return 0
