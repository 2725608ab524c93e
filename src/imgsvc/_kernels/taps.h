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

IMGSVC_INLINE void imgsvc_weigh_block(
    const float *const *taps, const float *weights, int64_t count, float start, float *dst, int64_t begin,
    const int vectors)
{
    imgsvc_f32s sums[IMGSVC_MOST_VECTORS];
    for (int v = 0; v < vectors; v++)
        sums[v] = (imgsvc_f32s){} + start;
    for (int64_t t = 0; t < count; t++) {
        const float *tap = taps[t] + begin;
        const imgsvc_f32s weight = (imgsvc_f32s){} + weights[t];
        for (int v = 0; v < vectors; v++) {
            imgsvc_f32s values;
            memcpy(&values, tap + v * IMGSVC_F32_LANES, sizeof values);
            sums[v] = sums[v] + weight * values;
        }
    }
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
        memcpy(dst + begin + v * IMGSVC_F32_LANES, &sums[v], sizeof sums[v]);
}

/* dst[i] = (((start + weights[0] * taps[0][i]) + weights[1] * taps[1][i]) + ...), each product and each sum rounded
 * to float by itself, in that order: the same bits on every CPU. */
__attribute__((noinline, unused)) static void imgsvc_weigh(
    const float *const *taps, const float *weights, int64_t count, float start, float *dst, int64_t n)
{
    int64_t i = 0;
    for (; i + IMGSVC_MOST_VECTORS * IMGSVC_F32_LANES <= n; i += IMGSVC_MOST_VECTORS * IMGSVC_F32_LANES)
        imgsvc_weigh_block(taps, weights, count, start, dst, i, 8);
    switch ((n - i) / IMGSVC_F32_LANES) {
    case 7: imgsvc_weigh_block(taps, weights, count, start, dst, i, 7); break;
    case 6: imgsvc_weigh_block(taps, weights, count, start, dst, i, 6); break;
    case 5: imgsvc_weigh_block(taps, weights, count, start, dst, i, 5); break;
    case 4: imgsvc_weigh_block(taps, weights, count, start, dst, i, 4); break;
    case 3: imgsvc_weigh_block(taps, weights, count, start, dst, i, 3); break;
    case 2: imgsvc_weigh_block(taps, weights, count, start, dst, i, 2); break;
    case 1: imgsvc_weigh_block(taps, weights, count, start, dst, i, 1); break;
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
