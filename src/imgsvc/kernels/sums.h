/* Sums of neighbours in a row of 16-bit integers, as many as they may be, in registers; and their mean. */

#ifndef IMGSVC_SUMS_H
#define IMGSVC_SUMS_H

#include <stdint.h>
#include <string.h>

#include "vectors.h"

#ifdef IMGSVC_VECTORS

enum { IMGSVC_SUM_VECTORS = 4 };

IMGSVC_INLINE void imgsvc_sum_block(
    const uint16_t *src, int64_t step, int64_t count, imgsvc_integers start, imgsvc_integers sums[IMGSVC_SUM_VECTORS])
{
#pragma GCC unroll 4
    for (int v = 0; v < IMGSVC_SUM_VECTORS; v++)
        sums[v] = start;
    for (int64_t k = 0; k < count; k++) {
#pragma GCC unroll 4
        for (int v = 0; v < IMGSVC_SUM_VECTORS; v++)
            sums[v] = IMGSVC_I(add_epi16)(sums[v], IMGSVC_LOAD(src + k * step + v * IMGSVC_I16_LANES));
    }
}

#endif

/* dst[i] = src[i] + src[i + step] + ..., `count` of them. */
__attribute__((noinline, unused)) static void imgsvc_sum(
    const uint16_t *__restrict__ src, int64_t step, int64_t count, uint16_t *__restrict__ dst, int64_t n)
{
    int64_t i = 0;
#ifdef IMGSVC_VECTORS
    for (; i + IMGSVC_SUM_VECTORS * IMGSVC_I16_LANES <= n; i += IMGSVC_SUM_VECTORS * IMGSVC_I16_LANES) {
        imgsvc_integers sums[IMGSVC_SUM_VECTORS];
        imgsvc_sum_block(src + i, step, count, IMGSVC_I(set1_epi16)(0), sums);
#pragma GCC unroll 4
        for (int v = 0; v < IMGSVC_SUM_VECTORS; v++)
            IMGSVC_STORE(dst + i + v * IMGSVC_I16_LANES, sums[v]);
    }
#endif
    for (; i < n; i++) {
        uint16_t sum = 0;
        for (int64_t k = 0; k < count; k++)
            sum = (uint16_t)(sum + src[i + k * step]);
        dst[i] = sum;
    }
}

/* dst[i] = (half + src[i] + src[i + step] + ...) * multiplier / 2**(16 + shift), `count` of them, rounded down. */
__attribute__((noinline, unused)) static void imgsvc_mean(
    const uint16_t *__restrict__ src, int64_t step, int64_t count, uint16_t half, uint16_t multiplier, int shift,
    uint8_t *__restrict__ dst, int64_t n)
{
    int64_t i = 0;
#ifdef IMGSVC_VECTORS
    const imgsvc_integers halves = IMGSVC_I(set1_epi16)((int16_t)half);
    const imgsvc_integers multipliers = IMGSVC_I(set1_epi16)((int16_t)multiplier);
    for (; i + IMGSVC_SUM_VECTORS * IMGSVC_I16_LANES <= n; i += IMGSVC_SUM_VECTORS * IMGSVC_I16_LANES) {
        imgsvc_integers sums[IMGSVC_SUM_VECTORS];
        imgsvc_sum_block(src + i, step, count, halves, sums);
#pragma GCC unroll 4
        for (int v = 0; v < IMGSVC_SUM_VECTORS; v++)
            sums[v] = IMGSVC_I(srli_epi16)(IMGSVC_I(mulhi_epu16)(sums[v], multipliers), shift);
#pragma GCC unroll 2
        for (int v = 0; v < IMGSVC_SUM_VECTORS; v += 2)
            IMGSVC_STORE(dst + i + v * IMGSVC_I16_LANES, imgsvc_packed(sums[v], sums[v + 1]));
    }
#endif
    for (; i < n; i++) {
        uint16_t sum = half;
        for (int64_t k = 0; k < count; k++)
            sum = (uint16_t)(sum + src[i + k * step]);
        dst[i] = (uint8_t)((((uint32_t)sum * multiplier) >> 16) >> shift);
    }
}

#endif
