/* Weighted sums of rows that are shifted against each other: a filter's taps.
 *
 * The sums of a block of a row stay in registers while the taps go by, which gcc does not find by itself when their
 * number is not known. Plain C otherwise: vectors are as wide as the CPU has them.
 */
#ifndef IMGSVC_TAPS_H
#define IMGSVC_TAPS_H

#include <stdint.h>
#include <string.h>

#include "vectors.h"

enum { IMGSVC_F32_LANES = IMGSVC_VECTOR_BYTES / 4, IMGSVC_MOST_VECTORS = 8 };

typedef float imgsvc_f32s __attribute__((vector_size(IMGSVC_VECTOR_BYTES)));

/* gcc widens vectors of few bytes one by one, so x86 is told how. */
IMGSVC_INLINE imgsvc_f32s imgsvc_widened(const uint8_t *bytes)
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

IMGSVC_INLINE imgsvc_f32s imgsvc_load(const void *values, int64_t v, const int bytes)
{
    imgsvc_f32s floats;
    if (bytes)
        return imgsvc_widened((const uint8_t *)values + v * IMGSVC_F32_LANES);
    memcpy(&floats, (const float *)values + v * IMGSVC_F32_LANES, sizeof floats);
    return floats;
}

/* sums[i] = ((s + weights[0] * taps[0][i]) + weights[1] * taps[1][i]) + ..., each product and each sum rounded to
 * float by itself, in that order: the same bits on every CPU. `s` is `start`, or sums[i] in order to go on. Taps are
 * floats `step` bytes beyond where `rows` point, or floats or bytes that are `step` bytes apart, from `first` on. */
IMGSVC_INLINE void imgsvc_add_taps(
    const float *const *rows, const void *first, int64_t step, const float *weights, int64_t count, int go_on,
    float start, float *sums, const int bytes, const int vectors)
{
    imgsvc_f32s totals[IMGSVC_MOST_VECTORS];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
        totals[v] = go_on ? imgsvc_load(sums, v, 0) : (imgsvc_f32s){} + start;
    for (int64_t t = 0; t < count; t++) {
        const void *tap = rows ? (const uint8_t *)rows[t] + step : (const uint8_t *)first + t * step;
        const imgsvc_f32s weight = (imgsvc_f32s){} + weights[t];
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++)
            totals[v] = totals[v] + weight * imgsvc_load(tap, v, bytes);
    }
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
        memcpy(sums + v * IMGSVC_F32_LANES, &totals[v], sizeof totals[v]);
}

#define IMGSVC_ADD_ROWS(vectors) \
    imgsvc_add_taps(taps, 0, i * (int64_t)sizeof(float), weights, count, 0, start, dst + i, 0, vectors)

/* dst[i] = ((start + weights[0] * taps[0][i]) + weights[1] * taps[1][i]) + ... */
__attribute__((noinline, unused)) static void imgsvc_weigh(
    const float *const *taps, const float *weights, int64_t count, float start, float *dst, int64_t n)
{
    int64_t i = 0;
    for (; i + IMGSVC_MOST_VECTORS * IMGSVC_F32_LANES <= n; i += IMGSVC_MOST_VECTORS * IMGSVC_F32_LANES)
        IMGSVC_ADD_ROWS(8);
    switch ((n - i) / IMGSVC_F32_LANES) {
    case 7: IMGSVC_ADD_ROWS(7); break;
    case 6: IMGSVC_ADD_ROWS(6); break;
    case 5: IMGSVC_ADD_ROWS(5); break;
    case 4: IMGSVC_ADD_ROWS(4); break;
    case 3: IMGSVC_ADD_ROWS(3); break;
    case 2: IMGSVC_ADD_ROWS(2); break;
    case 1: IMGSVC_ADD_ROWS(1); break;
    default: break;
    }
    for (i = n / IMGSVC_F32_LANES * IMGSVC_F32_LANES; i < n; i++) {
        float sum = start;
        for (int64_t t = 0; t < count; t++)
            sum = sum + weights[t] * taps[t][i];
        dst[i] = sum;
    }
}

#endif
