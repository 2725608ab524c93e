"""The mean over a square window, by sums that run down the columns."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

from imgsvc.kernels.alpha cimport is_opaque, make_opaque
from imgsvc.kernels.borders cimport (
    CONSTANT, NOWHERE, REFLECT, REFLECT101, REPLICATE, WRAP, Border, Rule, row_with_border, source_index,
)
from imgsvc.kernels.chunks cimport LOOK_ROWS, Chunk, Chunks, compute, cut, share
from imgsvc.kernels.image cimport AHEAD, Image, at, prefetch
from imgsvc.kernels.rows cimport row_function
from imgsvc._stop cimport should_stop, stop_state

cdef extern from "sums.h":
    void sum_of "imgsvc_sum"(
        const uint16_t* src, int64_t step, int64_t count, uint16_t* dst, int64_t n
    ) noexcept nogil
    void mean_of "imgsvc_mean"(
        const uint16_t* src, int64_t step, int64_t count, uint16_t half, uint16_t multiplier, int shift,
        uint8_t* dst, int64_t n
    ) noexcept nogil

cdef extern from "running.h":
    ctypedef struct Division "imgsvc_division":
        uint32_t half        # what rounds: half the window's pixels
        uint32_t multiplier  # (sum + half) * multiplier >> shift is the mean
        int shift
        float inverse        # of the window's pixels, where that is exact enough to multiply by; otherwise 0

    void running_means "imgsvc_running_means"(
        const uint32_t* columns, int64_t window, const Division* by, uint8_t* dst, int64_t n, int64_t channels
    ) noexcept nogil

cdef extern from "alpha_means.h":
    void weighted_enter "imgsvc_weighted_enter"(
        int32_t* columns, const uint8_t* entering, int64_t n
    ) noexcept nogil
    void weighted_exchange "imgsvc_weighted_exchange"(
        int32_t* columns, const uint8_t* entering, const uint8_t* leaving, int64_t n
    ) noexcept nogil
    void weighted_run "imgsvc_weighted_run"(
        const int32_t* columns, int64_t window, int32_t* sums, int64_t n
    ) noexcept nogil
    void weighted_quotients "imgsvc_weighted_quotients"(
        const int32_t* sums, int64_t terms, int32_t count, uint8_t* dst, int64_t n
    ) noexcept nogil
    void weighted_means "imgsvc_weighted_means"(
        const int32_t* columns, int64_t window, uint8_t* dst, int64_t n
    ) noexcept nogil

# What the sums are kept in: the narrower, the faster.
ctypedef fused total:
    uint16_t
    uint32_t

cdef enum:
    TILE = 2048         # elements of a row at a time
    FEWEST_ROWS = 256   # of a chunk; its first one costs as much as the window is high
    MOST_ROWS = 4096
    QUICK_ELEMENTS = 1 << 15
    WIDEST_IN_FLOAT = 121
    WIDEST_OF_TERMS = 3  # whose sums are made anew for each pixel, where colours are weighted by alpha
    LANES = 64          # elements that scratch rows are a multiple of
    SCRATCH_ROWS = 2    # sums of columns, and of three of these each
    WEIGHTED_SCRATCH_ROWS = 3  # sums of columns, and along them; bytes of two rows


cdef struct Box:
    # Parameters.
    Border border
    int64_t radius
    Division division    # the multiplier and the shift of it
    bint narrow          # sums fit uint16, and those of products of bytes 24 bits
    bint weighted        # colours by their alpha
    # What follows from them and the images.
    Image src
    Image dst
    int64_t pitch        # elements from a scratch row to the next


cdef struct Sides:
    # What the windows of a chunk meet: columns of the image, from `left` on, and some before and after it.
    int64_t left
    int64_t inside
    int64_t before
    int64_t after
    int64_t* sources  # for those outside: which of the columns that are met is seen there


cdef inline int box_blur(
    Box work, const Image* src, const Image* dst, int num_threads, stop_state* stop
) except -1:
    """Write the mean over the square of `work.radius` around each pixel, rounded to nearest.

    With `work.weighted`, pixels are RGBA.
    """
    cdef int64_t window = 2 * work.radius + 1
    cdef int64_t rows = min(max(FEWEST_ROWS, 8 * window), MOST_ROWS)
    cdef Chunks chunks = cut(src.height, src.width, rows, max(TILE // src.channels, 2 * window))
    share(&chunks, num_threads, work.radius)
    # A pixel beyond the border takes some 16 times as long as one that lies inside.
    chunks.quick = (src.height + window) * (
        src.width * src.channels + 16 * window + 64
    ) <= QUICK_ELEMENTS >> (2 * work.weighted)
    work.src = src[0]
    work.dst = dst[0]
    work.division.half = <uint32_t>(window * window // 2)
    work.division.inverse = <float>1.0 / <float>(window * window) if window <= WIDEST_IN_FLOAT else <float>0.0
    work.pitch = ((chunks.columns + 2 * work.radius) * src.channels // LANES + 1) * LANES
    return compute(
        box_chunk,
        &work,
        &chunks,
        work.pitch * scratch_rows_bytes(&work) + 2 * work.radius * <int64_t>sizeof(int64_t),
        num_threads,
        stop,
    )


cdef inline int64_t scratch_rows_bytes(const Box* work) noexcept nogil:
    """Bytes of an element in all scratch rows together."""
    if work.weighted:
        return WEIGHTED_SCRATCH_ROWS * sizeof(uint32_t)
    return SCRATCH_ROWS * <int64_t>(sizeof(uint16_t) if work.narrow else sizeof(uint32_t))


cdef inline void box_chunk(const void* work, Chunk chunk, char* scratch) noexcept nogil:
    cdef const Box* job = <const Box*>work
    cdef int64_t y
    if job.weighted and not is_opaque_around(job, chunk, <uint8_t*>scratch):
        weighted_box_rows(job, chunk, <int32_t*>scratch)
        return
    if job.narrow:
        box_rows(job, chunk, <uint16_t*>scratch)
    else:
        box_rows(job, chunk, <uint32_t*>scratch)
    if job.weighted and job.border.rule == CONSTANT:  # of which only its colours are zeros
        for y in range(chunk.top, chunk.bottom):
            make_opaque(at(&job.dst, y, chunk.left), chunk.right - chunk.left)


cdef inline void box_rows(const Box* job, Chunk chunk, total* columns) noexcept nogil:
    """Row by row: `columns` has the sums down the window's height, of all pixels that its width meets.

    Of those outside the image it is known once for all which pixel of a row they are.
    """
    cdef int64_t channels = job.src.channels
    cdef int64_t n = (chunk.right - chunk.left) * channels
    cdef total* sums = columns + job.pitch
    cdef Sides sides = sides_of(job, chunk, <int64_t*>(sums + job.pitch))
    cdef int64_t y
    memset(columns, 0, (sides.before + sides.inside + sides.after) * channels * sizeof(total))
    for y in range(chunk.top - job.radius, chunk.top + job.radius + 1):
        if (y - chunk.top) % LOOK_ROWS == 0 and should_stop(chunk.stop):
            return
        exchange(job, columns, &sides, row_or_null(job, y), NULL)
    for y in range(chunk.top, chunk.bottom):
        if (y - chunk.top) % LOOK_ROWS == 0 and should_stop(chunk.stop):
            return
        extend(job, columns, &sides)
        means(job, columns, sums, at(&job.dst, y, chunk.left), n)
        if y + 1 < chunk.bottom:
            prefetch(
                &job.src, y + job.radius + 1 + AHEAD, sides.left, sides.left + sides.inside
            )
            exchange(
                job, columns, &sides, row_or_null(job, y + job.radius + 1), row_or_null(job, y - job.radius)
            )


cdef inline const uint8_t* row_or_null(const Box* job, int64_t y) noexcept nogil:
    """The row that is seen at `y`; NULL for one of zeros."""
    cdef int64_t row = source_index(y, job.src.height, job.border.rule)
    return NULL if row == NOWHERE else at(&job.src, row, 0)


cdef inline Sides sides_of(const Box* job, Chunk chunk, int64_t* sources) noexcept nogil:
    cdef int64_t begin = chunk.left - job.radius
    cdef int64_t end = chunk.right + job.radius
    cdef Sides sides
    cdef int64_t x
    sides.left = max(begin, 0)
    sides.inside = min(end, job.src.width) - sides.left
    sides.before = sides.left - begin
    sides.after = end - sides.left - sides.inside
    sides.sources = sources
    if seen_inside(job.border.rule):
        for x in range(sides.before):
            sources[x] = source_index(begin + x, job.src.width, job.border.rule) - begin
        for x in range(sides.after):
            sources[sides.before + x] = (
                source_index(job.src.width + x, job.src.width, job.border.rule) - begin
            )
    return sides


cdef inline bint seen_inside(Rule rule) noexcept nogil:
    """Whether all that is seen outside the image is also among the columns that are met inside."""
    return rule == REPLICATE or rule == REFLECT or rule == REFLECT101


cdef inline void means(
    const Box* job, const total* columns, total* sums, uint8_t* dst, int64_t n
) noexcept nogil:
    """The means along a row whose columns have been added up."""
    cdef int64_t channels = job.src.channels
    cdef int64_t window = 2 * job.radius + 1
    if total is uint32_t:
        running_means(columns, window, &job.division, dst, n, channels)
    elif window % 3 == 0 and window > 3:  # sums of three, and then of these
        sum_of(columns, channels, 3, sums, n + (window - 3) * channels)
        narrow_means(job, sums, 3 * channels, window // 3, dst, n)
    else:
        narrow_means(job, columns, channels, window, dst, n)


cdef inline void narrow_means(
    const Box* job, const uint16_t* sums, int64_t step, int64_t count, uint8_t* dst, int64_t n
) noexcept nogil:
    """The means of `count` sums, which are `step` apart."""
    mean_of(
        sums, step, count, <uint16_t>job.division.half, <uint16_t>job.division.multiplier,
        job.division.shift - 16, dst, n
    )


cdef inline void exchange(
    const Box* job, total* columns, const Sides* sides, const uint8_t* entering, const uint8_t* leaving
) noexcept nogil:
    """Add one row to the sums, and take another from them; each may be NULL."""
    exchange_run(job, columns, sides.before, sides.left, sides.inside, entering, leaving)
    if job.border.rule == WRAP:
        exchange_outside(job, columns, 0, sides.left - sides.before, sides.before, entering, leaving)
        exchange_outside(
            job, columns, sides.before + sides.inside, sides.left + sides.inside, sides.after, entering,
            leaving,
        )


cdef inline void exchange_outside(
    const Box* job,
    total* columns,
    int64_t first,
    int64_t x,
    int64_t count,
    const uint8_t* entering,
    const uint8_t* leaving,
) noexcept nogil:
    """The same for `count` columns from `x` on of an image that begins again where it ends."""
    cdef int64_t done = 0
    cdef int64_t source, run
    while done < count:
        source = source_index(x + done, job.src.width, WRAP)
        run = min(count - done, job.src.width - source)
        exchange_run(job, columns, first + done, source, run, entering, leaving)
        done += run


cdef inline void exchange_run(
    const Box* job,
    total* columns,
    int64_t first,
    int64_t source,
    int64_t count,
    const uint8_t* entering,
    const uint8_t* leaving,
) noexcept nogil:
    """The same for `count` columns of the image from `source` on, whose sums are at `first`."""
    cdef int64_t channels = job.src.channels
    cdef total* sums = columns + first * channels
    cdef int64_t skipped = source * channels
    if entering != NULL and leaving != NULL:
        add_and_subtract(sums, entering + skipped, leaving + skipped, count * channels)
    elif entering != NULL:
        add(sums, entering + skipped, count * channels)
    elif leaving != NULL:
        subtract(sums, leaving + skipped, count * channels)


cdef inline void extend(const Box* job, total* columns, const Sides* sides) noexcept nogil:
    """Copy the sums of columns inside to where they are seen outside."""
    cdef int64_t channels = job.src.channels
    cdef total* column = columns
    cdef const total* source
    cdef int64_t x
    if not seen_inside(job.border.rule):
        return
    for x in range(sides.before + sides.after):
        if x == sides.before:
            column += sides.inside * channels
        source = columns + sides.sources[x] * channels
        column[0] = source[0]
        if channels > 1:
            column[1] = source[1]
            column[2] = source[2]
        if channels > 3:
            column[3] = source[3]
        column += channels


cdef inline row_function add(total* columns, const uint8_t* row, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        columns[i] = <total>(columns[i] + row[i])


cdef inline row_function subtract(total* columns, const uint8_t* row, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        columns[i] = <total>(columns[i] - row[i])


cdef inline row_function add_and_subtract(
    total* columns, const uint8_t* entering, const uint8_t* leaving, int64_t n
) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        columns[i] = <total>(columns[i] + entering[i] - leaving[i])


cdef inline bint is_opaque_around(const Box* job, Chunk chunk, uint8_t* spare) noexcept nogil:
    """Whether all that the windows of a chunk see is opaque; also if it was told to stop."""
    cdef int64_t left = chunk.left - job.radius
    cdef int64_t right = chunk.right + job.radius
    cdef int64_t y
    for y in range(chunk.top - job.radius, chunk.bottom + job.radius):
        if (y - chunk.top) % LOOK_ROWS == 0 and should_stop(chunk.stop):
            return True
        if not is_opaque(row_with_border(&job.src, y, left, right, &job.border, spare), right - left):
            return False
    return True


cdef inline void weighted_box_rows(const Box* job, Chunk chunk, int32_t* columns) noexcept nogil:
    """As `box_rows`, with sums of colours times alpha, and of alphas."""
    cdef int64_t window = 2 * job.radius + 1
    cdef int64_t left = chunk.left - job.radius
    cdef int64_t right = chunk.right + job.radius
    cdef int64_t n = chunk.right - chunk.left
    cdef int32_t* sums = columns + job.pitch
    cdef uint8_t* spare = <uint8_t*>(sums + job.pitch)
    cdef uint8_t* spare_too = spare + job.pitch
    cdef const uint8_t* entering
    cdef const uint8_t* leaving
    cdef int64_t y
    memset(columns, 0, job.pitch * sizeof(int32_t))
    for y in range(chunk.top - job.radius, chunk.top + job.radius + 1):
        if (y - chunk.top) % LOOK_ROWS == 0 and should_stop(chunk.stop):
            return
        weighted_enter(columns, row_with_border(&job.src, y, left, right, &job.border, spare), right - left)
    for y in range(chunk.top, chunk.bottom):
        if (y - chunk.top) % LOOK_ROWS == 0 and should_stop(chunk.stop):
            return
        if window <= WIDEST_OF_TERMS:
            weighted_quotients(columns, window, <int32_t>(window * window), at(&job.dst, y, chunk.left), n)
        elif job.narrow:
            weighted_run(columns, window, sums, n)
            weighted_quotients(sums, 1, <int32_t>(window * window), at(&job.dst, y, chunk.left), n)
        else:
            weighted_means(columns, window, at(&job.dst, y, chunk.left), n)
        if y + 1 < chunk.bottom:
            prefetch(&job.src, y + job.radius + 1 + AHEAD, left, right)
            prefetch(&job.src, y - job.radius + AHEAD, left, right)
            entering = row_with_border(&job.src, y + job.radius + 1, left, right, &job.border, spare)
            leaving = row_with_border(&job.src, y - job.radius, left, right, &job.border, spare_too)
            weighted_exchange(columns, entering, leaving, right - left)
