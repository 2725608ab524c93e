/* Lines of a result, whose pixels have their places along lines of a source: nearest, or between its pixels. */
#ifndef IMGSVC_WARP_H
#define IMGSVC_WARP_H

#include "interpolate.h"

enum {
    IMGSVC_PREFETCHED = 2, /* of so many pixels one is prefetched for a row below */
    IMGSVC_WINDOW = 16,    /* bytes of a row of a window, and how many rows it has at most */
    IMGSVC_WINDOW_ROWS = 9,

    /* Pixels that are put together for a tap's neighbourhood, as an image of up to four rows. */
    IMGSVC_PATCH_STRIDE = 16,
    IMGSVC_PATCH_BYTES = 4 * IMGSVC_PATCH_STRIDE,
};

typedef struct {
    int64_t taps;             /* a side: 1, 2 or 4 */
    int weighted;             /* colours of RGBA, by their alpha */
    const int16_t *weights;   /* for each fraction of 2**-7 those of all taps of a side */
    int64_t ahead;            /* bytes of the source to what a row some rows below looks at, about */
    int64_t last_window;      /* the last column where a window of the source begins; negative: there is no room */
    int64_t last_row;
} imgsvc_interpolation;

IMGSVC_INLINE void imgsvc_take_eight(
    const uint8_t *src, const int64_t offsets[IMGSVC_EIGHT], uint8_t *dst, const int64_t pixel)
{
    /* Pixels of such sizes come with what is beside them, which the next one's move puts right. */
    const int64_t moved = imgsvc_bytes_read(1, pixel);
#pragma GCC unroll 8
    for (int j = 0; j < IMGSVC_EIGHT - 1; j++)
        memcpy(dst + pixel * j, src + offsets[IMGSVC_NTH(j)], (size_t)moved);
    memcpy(dst + pixel * 7, src + offsets[IMGSVC_NTH(7)], (size_t)pixel);
}

/* `n` pixels, eight at least, whose taps are all inside; the last ones some of them a second time. */
IMGSVC_INLINE void imgsvc_warp_line(
    const uint8_t *src, int64_t stride, const imgsvc_line *line, int64_t ahead, const int16_t *weights,
    uint8_t *dst, int64_t n, const int64_t taps, const int64_t pixel, const int weighted)
{
    int64_t offsets[IMGSVC_EIGHT];
#ifdef __AVX2__
    imgsvc_eight_places places = imgsvc_places_from(line, 0);
    const __m256i x_step = _mm256_set1_epi64x(imgsvc_place(0, line->x_step, IMGSVC_EIGHT));
    const __m256i y_step = _mm256_set1_epi64x(imgsvc_place(0, line->y_step, IMGSVC_EIGHT));
#endif
    for (int64_t x = 0; x < n; x += IMGSVC_EIGHT) {
        if (x > n - IMGSVC_EIGHT)
            x = n - IMGSVC_EIGHT;
#ifdef __AVX2__
        if (x % IMGSVC_EIGHT)
            places = imgsvc_places_from(line, x);
#else
        const imgsvc_eight_places places = imgsvc_places_from(line, x);
#endif
        imgsvc_offsets(&places, stride, pixel, offsets);
        for (int j = 0; j < IMGSVC_EIGHT; j += IMGSVC_PREFETCHED)
            __builtin_prefetch((const void *)((uintptr_t)src + (uintptr_t)(offsets[IMGSVC_NTH(j)] + ahead)));
        if (taps == 1)
            imgsvc_take_eight(src, offsets, dst + pixel * x, pixel);
        else
            imgsvc_interpolate_eight(src, offsets, stride, &places, weights, dst + pixel * x, taps, pixel, weighted);
#ifdef __AVX2__
        imgsvc_advance(&places, x_step, y_step);
#endif
    }
}

#ifdef __AVX2__

/* How many rows of a window have the taps of any eight pixels of a line, of two by two; 0: they are no window. */
IMGSVC_INLINE int64_t imgsvc_window_rows(const imgsvc_line *line)
{
    const int64_t across = line->x_step < 0 ? -line->x_step : line->x_step;
    const int64_t down = line->y_step < 0 ? -line->y_step : line->y_step;
    const int64_t most = (int64_t)2 << IMGSVC_PLACE_BITS;
    /* From the first pixel to the last, one more where the fractions carry, one for the tap behind, and itself. */
    if (across > most || down > most || imgsvc_whole((IMGSVC_EIGHT - 1) * across) + 3 > IMGSVC_WINDOW)
        return 0;
    const int64_t rows = imgsvc_whole((IMGSVC_EIGHT - 1) * down) + 3;
    return rows > IMGSVC_WINDOW_ROWS ? 0 : rows;
}

/* Of eight gray pixels two by two taps each, out of a window: each of its rows is moved to where it is one of them. */
IMGSVC_INLINE __m256i imgsvc_taps_of_window(
    const uint8_t *window, int64_t stride, int64_t rows, __m256i x, __m256i y)
{
    const __m256i first = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12));
    const __m256i columns = _mm256_add_epi8(_mm256_shuffle_epi8(x, first), _mm256_set1_epi32(0x01000100));
    const __m256i twice = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 0, 1, 4, 5, 4, 5, 8, 9, 8, 9, 12, 13, 12, 13));
    const __m256i of_rows = _mm256_add_epi16(_mm256_shuffle_epi8(y, twice), _mm256_set1_epi32(1 << 16));
    __m256i taps = _mm256_setzero_si256(), row = _mm256_setzero_si256();
    for (int64_t k = 0; k < rows; k++) {
        const __m256i bytes = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(window + k * stride)));
        taps = _mm256_or_si256(
            taps, _mm256_and_si256(_mm256_shuffle_epi8(bytes, columns), _mm256_cmpeq_epi16(of_rows, row)));
        row = _mm256_add_epi16(row, _mm256_set1_epi16(1));
    }
    return taps;
}

/* What imgsvc_warp_line does for gray and two by two taps, where lines are so flat that a window has those of eight. */
__attribute__((noinline)) static void imgsvc_warp_gray_line(
    const uint8_t *src, int64_t stride, const imgsvc_line *line, const imgsvc_interpolation *interpolation,
    int64_t rows, uint8_t *dst, int64_t n)
{
    const int64_t last_left = interpolation->last_window, last_top = interpolation->last_row - rows + 1;
    const int64_t ahead = interpolation->ahead, ahead_below = ahead + (rows - 2) * stride;
    const int64_t across = imgsvc_place(0, line->x_step, IMGSVC_EIGHT), down = imgsvc_place(0, line->y_step, IMGSVC_EIGHT);
    const __m256i x_step = _mm256_set1_epi64x(across), y_step = _mm256_set1_epi64x(down);
    /* The places of those of the first eight that are the farthest to the left, and to the top. */
    const int64_t first_left = imgsvc_place(line->x, line->x_step, line->x_step < 0 ? IMGSVC_EIGHT - 1 : 0);
    const int64_t first_top = imgsvc_place(line->y, line->y_step, line->y_step < 0 ? IMGSVC_EIGHT - 1 : 0);
    imgsvc_eight_places places = imgsvc_places_from(line, 0);
    int64_t left_place = first_left, top_place = first_top;
    for (int64_t x = 0; x < n; x += IMGSVC_EIGHT) {
        if (x > n - IMGSVC_EIGHT) {
            x = n - IMGSVC_EIGHT;
            places = imgsvc_places_from(line, x);
            left_place = imgsvc_place(first_left, line->x_step, x);
            top_place = imgsvc_place(first_top, line->y_step, x);
        }
        int64_t left = imgsvc_whole(left_place), top = imgsvc_whole(top_place);
        left = left < last_left ? left : last_left;
        top = top < last_top ? top : last_top;
        const uint8_t *window = src + top * stride + left;
        __builtin_prefetch((const void *)((uintptr_t)window + (uintptr_t)ahead));
        __builtin_prefetch((const void *)((uintptr_t)window + (uintptr_t)ahead_below));
        const __m256i columns = (__m256i)_mm256_shuffle_ps((__m256)places.x[0], (__m256)places.x[1], 0xDD);
        const __m256i lines = (__m256i)_mm256_shuffle_ps((__m256)places.y[0], (__m256)places.y[1], 0xDD);
        const __m256i taps = imgsvc_taps_of_window(
            window, stride, rows, _mm256_sub_epi32(columns, _mm256_set1_epi32((int32_t)left)),
            _mm256_sub_epi32(lines, _mm256_set1_epi32((int32_t)top)));
        imgsvc_put_eight_gray(
            imgsvc_bilinear_sums(
                taps, imgsvc_bilinear_across(imgsvc_eight_fractions(places.x)),
                imgsvc_bilinear_down(imgsvc_eight_fractions(places.y))),
            dst + x);
        imgsvc_advance(&places, x_step, y_step);
        left_place = imgsvc_place(left_place, across, 1);
        top_place = imgsvc_place(top_place, down, 1);
    }
}

#endif

/* Calls `function` with what comes before, and with taps, channels and whether colours are weighted as constants. */
#define IMGSVC_BY_INTERPOLATION(function, taps, channels, weighted, ...) \
    do { \
        if ((taps) == 2) \
            switch (channels) { \
            case 1: function(__VA_ARGS__, 2, 1, 0); break; \
            case 3: function(__VA_ARGS__, 2, 3, 0); break; \
            case 4: function(__VA_ARGS__, 2, 4, weighted); break; \
            } \
        else \
            switch (channels) { \
            case 1: function(__VA_ARGS__, 4, 1, 0); break; \
            case 3: function(__VA_ARGS__, 4, 3, 0); break; \
            case 4: function(__VA_ARGS__, 4, 4, weighted); break; \
            } \
    } while (0)

__attribute__((noinline)) static void imgsvc_warp_inside(
    const uint8_t *src, int64_t stride, int64_t pixel, const imgsvc_line *line,
    const imgsvc_interpolation *interpolation, uint8_t *dst, int64_t n)
{
    const int16_t *weights = interpolation->weights;
#ifdef __AVX2__
    const int64_t rows = interpolation->taps == 2 && pixel == 1 ? imgsvc_window_rows(line) : 0;
    if (rows && interpolation->last_window >= 0 && interpolation->last_row + 1 >= rows) {
        imgsvc_warp_gray_line(src, stride, line, interpolation, rows, dst, n);
        return;
    }
#endif
    if (interpolation->taps == 1)
        switch (pixel) {
        case 1: imgsvc_warp_line(src, stride, line, interpolation->ahead, 0, dst, n, 1, 1, 0); break;
        case 2: imgsvc_warp_line(src, stride, line, interpolation->ahead, 0, dst, n, 1, 2, 0); break;
        case 3: imgsvc_warp_line(src, stride, line, interpolation->ahead, 0, dst, n, 1, 3, 0); break;
        case 4: imgsvc_warp_line(src, stride, line, interpolation->ahead, 0, dst, n, 1, 4, 0); break;
        case 6: imgsvc_warp_line(src, stride, line, interpolation->ahead, 0, dst, n, 1, 6, 0); break;
        case 8: imgsvc_warp_line(src, stride, line, interpolation->ahead, 0, dst, n, 1, 8, 0); break;
        case 12: imgsvc_warp_line(src, stride, line, interpolation->ahead, 0, dst, n, 1, 12, 0); break;
        case 16: imgsvc_warp_line(src, stride, line, interpolation->ahead, 0, dst, n, 1, 16, 0); break;
        }
    else
        IMGSVC_BY_INTERPOLATION(
            imgsvc_warp_line, interpolation->taps, pixel, interpolation->weighted, src, stride, line,
            interpolation->ahead, weights, dst, n);
}

IMGSVC_INLINE void imgsvc_warp_eight_patches(
    const uint8_t *patches, const imgsvc_line *line, const int16_t *weights, uint8_t *dst, int64_t n,
    const int64_t taps, const int64_t channels, const int weighted)
{
    uint8_t pixels[4 * IMGSVC_EIGHT];
    int64_t offsets[IMGSVC_EIGHT];
    const imgsvc_eight_places places = imgsvc_places_from(line, 0);
    for (int j = 0; j < IMGSVC_EIGHT; j++)
        offsets[IMGSVC_NTH(j)] = (int64_t)j * IMGSVC_PATCH_BYTES;
    imgsvc_interpolate_eight(
        patches, offsets, IMGSVC_PATCH_STRIDE, &places, weights, pixels, taps, channels, weighted);
    memcpy(dst, pixels, (size_t)(channels * n));
}

/* `n` pixels, eight at most, whose taps have been put together: a patch for each. */
__attribute__((noinline)) static void imgsvc_warp_patches(
    const uint8_t *patches, int64_t channels, const imgsvc_line *line, const imgsvc_interpolation *interpolation,
    uint8_t *dst, int64_t n)
{
    IMGSVC_BY_INTERPOLATION(
        imgsvc_warp_eight_patches, interpolation->taps, channels, interpolation->weighted, patches, line,
        interpolation->weights, dst, n);
}

#endif
