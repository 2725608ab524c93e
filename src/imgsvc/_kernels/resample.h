/* The two passes of a separable resampling, as weighted sums of vectors.
 *
 * The sums of a block stay in registers while its taps go by. Plain C otherwise: vectors are as wide as the CPU has
 * them.
 */
#ifndef IMGSVC_RESAMPLE_H
#define IMGSVC_RESAMPLE_H

#include "taps.h"

#ifdef __SSE2__
#include <immintrin.h>
#endif

enum {
    IMGSVC_GROUP = 16,     /* rows of the result that the second pass computes side by side */
    IMGSVC_TAP_BATCH = 64, /* rows of the source at a time: each is a page, and CPUs remember few of them */
};

/* gcc widens vectors of few bytes one by one, so x86 is told how. */
IMGSVC_ALWAYS_INLINE imgsvc_f32s imgsvc_widened(const uint8_t *bytes)
{
#if defined(__AVX2__)
    return (imgsvc_f32s)_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)bytes)));
#elif defined(__SSE2__) && !defined(__AVX__)
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    const __m128i zero = _mm_setzero_si128(), words = _mm_unpacklo_epi8(_mm_cvtsi32_si128(four), zero);
    return (imgsvc_f32s)_mm_cvtepi32_ps(_mm_unpacklo_epi16(words, zero));
#else
    imgsvc_f32s floats;
    for (int i = 0; i < IMGSVC_F32_LANES; i++)
        floats[i] = bytes[i];
    return floats;
#endif
}

IMGSVC_ALWAYS_INLINE imgsvc_f32s imgsvc_load(const void *values, int64_t v, const int bytes)
{
    imgsvc_f32s floats;
    if (bytes)
        return imgsvc_widened((const uint8_t *)values + v * IMGSVC_F32_LANES);
    memcpy(&floats, (const float *)values + v * IMGSVC_F32_LANES, sizeof floats);
    return floats;
}

/* sums[i] = ((s + weights[0] * taps[0][i]) + weights[1] * taps[1][i]) + ..., each product and each sum rounded to
 * float by itself, in that order; s is 0, or sums[i] in order to go on. Taps are `step` bytes apart. */
IMGSVC_ALWAYS_INLINE void imgsvc_add_taps(
    const void *taps, int64_t step, const float *weights, int64_t count, float *sums, int go_on, const int bytes,
    const int vectors)
{
    imgsvc_f32s totals[IMGSVC_MOST_VECTORS];
    for (int v = 0; v < vectors; v++)
        totals[v] = go_on ? imgsvc_load(sums, v, 0) : (imgsvc_f32s){};
    for (int64_t t = 0; t < count; t++) {
        const void *tap = (const uint8_t *)taps + t * step;
        const imgsvc_f32s weight = (imgsvc_f32s){} + weights[t];
        for (int v = 0; v < vectors; v++)
            totals[v] = totals[v] + weight * imgsvc_load(tap, v, bytes);
    }
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
        memcpy(sums + v * IMGSVC_F32_LANES, &totals[v], sizeof totals[v]);
}

/* A run of `n` bytes of one row of the result, from rows of the source, `stride` bytes apart. */
__attribute__((noinline)) static void imgsvc_weigh_rows(
    const uint8_t *src, int64_t stride, const float *weights, int64_t count, float *__restrict__ sums, int64_t n)
{
    const int64_t block = IMGSVC_MOST_VECTORS * IMGSVC_F32_LANES;
    for (int64_t done = 0; done < count; done += IMGSVC_TAP_BATCH) {
        const int64_t batch = count - done < IMGSVC_TAP_BATCH ? count - done : IMGSVC_TAP_BATCH;
        const int go_on = done > 0;
        int64_t i = 0;
        for (; i + block <= n; i += block)
            imgsvc_add_taps(src + i, stride, weights, batch, sums + i, go_on, 1, IMGSVC_MOST_VECTORS);
        for (; i + IMGSVC_F32_LANES <= n; i += IMGSVC_F32_LANES)
            imgsvc_add_taps(src + i, stride, weights, batch, sums + i, go_on, 1, 1);
        for (; i < n; i++) {
            float sum = go_on ? sums[i] : 0;
            for (int64_t t = 0; t < batch; t++)
                sum = sum + weights[t] * (float)src[i + t * stride];
            sums[i] = sum;
        }
        src += batch * stride;
        weights += batch;
    }
}

/* The windows of an axis: of which pixels each of the result is the sum. */
typedef struct {
    const int64_t *starts, *counts;
    const float *weights; /* `most` for each pixel of the result */
    int64_t most;
} imgsvc_windows;

/* Columns `first` to `last` of the result, as far as they need columns `begin` to `end` of `taps`. Both have pixels of
 * channels x group floats. */
IMGSVC_ALWAYS_INLINE void imgsvc_weigh_columns_of(
    const float *taps, int64_t begin, int64_t end, const imgsvc_windows *windows, float *sums, int64_t first,
    int64_t last, const int channels)
{
    enum { GROUP_VECTORS = IMGSVC_GROUP / IMGSVC_F32_LANES };
    const int pixel = channels * IMGSVC_GROUP;
    const int blocks = (channels * GROUP_VECTORS + IMGSVC_MOST_VECTORS - 1) / IMGSVC_MOST_VECTORS;
    const int vectors = channels * GROUP_VECTORS / blocks;
    for (int64_t x = first; x < last; x++) {
        const int64_t start = windows->starts[x], stop = start + windows->counts[x];
        const int64_t from = start > begin ? start : begin, to = stop < end ? stop : end;
        const float *weights = windows->weights + x * windows->most + (from - start);
        for (int b = 0; b < blocks; b++)
            imgsvc_add_taps(
                taps + (from - begin) * pixel + b * vectors * IMGSVC_F32_LANES, pixel * (int64_t)sizeof(float),
                weights, to - from, sums + (x - first) * pixel + b * vectors * IMGSVC_F32_LANES, from > start, 0,
                vectors);
    }
}

__attribute__((noinline)) static void imgsvc_weigh_columns(
    const float *taps, int64_t begin, int64_t end, const imgsvc_windows *windows, float *sums, int64_t first,
    int64_t last, int64_t channels)
{
    if (channels == 1)
        imgsvc_weigh_columns_of(taps, begin, end, windows, sums, first, last, 1);
    else if (channels == 3)
        imgsvc_weigh_columns_of(taps, begin, end, windows, sums, first, last, 3);
    else
        imgsvc_weigh_columns_of(taps, begin, end, windows, sums, first, last, 4);
}

/* Sums rounded to nearest, ties to even, and clamped to bytes; `n` is a multiple of the group. */
__attribute__((noinline)) static void imgsvc_to_bytes(
    const float *__restrict__ sums, uint8_t *__restrict__ dst, int64_t n)
{
#ifdef __SSE2__
    for (int64_t i = 0; i < n; i += IMGSVC_GROUP) {
        __m128i values[4];
        for (int v = 0; v < 4; v++)
            values[v] = _mm_cvtps_epi32(_mm_loadu_ps(sums + i + 4 * v));
        /* Both ways of packing clamp. */
        _mm_storeu_si128(
            (__m128i *)(dst + i),
            _mm_packus_epi16(_mm_packs_epi32(values[0], values[1]), _mm_packs_epi32(values[2], values[3])));
    }
#else
    const float round = 12582912; /* 1.5 * 2**23: added to a small float it leaves no bits for a fraction */
    for (int64_t i = 0; i < n; i++) {
        const int32_t value = (int32_t)((sums[i] + round) - round);
        dst[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
#endif
}

#endif
