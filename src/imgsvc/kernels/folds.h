/* Sums of a symmetric filter: the two pixels on either side share a weight, and are added before they are weighted.
 *
 * gcc has the instructions for it (pmulhrsw, pmaddwd), but does not find them for sums whose number of terms it does
 * not know. Both functions have a plain loop that does the same.
 */
#ifndef IMGSVC_FOLDS_H
#define IMGSVC_FOLDS_H

#include <stdint.h>

#include "vectors.h"

enum {
    IMGSVC_FOLD_LANES = 16, /* rows are padded to a multiple of them */
    IMGSVC_SHORT_BITS = 15, /* all weights together, both sides, are 2 to that power */
    IMGSVC_LONG_BITS = 17,
};

#ifdef IMGSVC_VECTORS

/* a * b / 2**15, to nearest, ties up. */
IMGSVC_INLINE imgsvc_integers imgsvc_product(imgsvc_integers a, imgsvc_integers b)
{
#if defined(__AVX2__) || defined(__SSSE3__)
    return IMGSVC_I(mulhrs_epi16)(a, b);
#else
    const imgsvc_integers fraction = IMGSVC_I(srli_epi16)(IMGSVC_I(mullo_epi16)(a, b), 14);
    return IMGSVC_I(add_epi16)(
        IMGSVC_I(slli_epi16)(IMGSVC_I(mulhi_epi16)(a, b), 1),
        IMGSVC_I(srli_epi16)(IMGSVC_I(add_epi16)(fraction, IMGSVC_I(set1_epi16)(1)), 1));
#endif
}

/* 64ths to integers: to nearest, ties to even. */
IMGSVC_INLINE imgsvc_integers imgsvc_integer(imgsvc_integers values)
{
    const imgsvc_integers almost_half = IMGSVC_I(set1_epi16)(31);
    const imgsvc_integers odd = IMGSVC_I(srli_epi16)(IMGSVC_I(slli_epi16)(values, 9), 15);
    return IMGSVC_I(srli_epi16)(IMGSVC_I(add_epi16)(IMGSVC_I(add_epi16)(values, almost_half), odd), 6);
}

IMGSVC_INLINE imgsvc_integers imgsvc_both(const int16_t *left, const int16_t *right)
{
    return IMGSVC_I(add_epi16)(IMGSVC_LOAD(left), IMGSVC_LOAD(right));
}

IMGSVC_INLINE void imgsvc_fold_short_block(
    const int16_t *const *lefts, const int16_t *const *rights, const int16_t *weights, int64_t count, int16_t *dst,
    uint8_t *bytes, int64_t begin, const int vectors)
{
    const int64_t lanes = IMGSVC_I16_LANES;
    imgsvc_integers sums[8];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
        sums[v] = IMGSVC_I(set1_epi16)(0);
    for (int64_t k = 0; k < count; k++) {
        const int16_t *left = lefts[k] + begin, *right = rights[k] + begin;
        const imgsvc_integers weight = IMGSVC_I(set1_epi16)(weights[k]);
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++)
            sums[v] = IMGSVC_I(add_epi16)(
                sums[v], imgsvc_product(imgsvc_both(left + v * lanes, right + v * lanes), weight));
    }
    if (bytes) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v += 2)
            IMGSVC_STORE(
                bytes + begin + v * lanes, imgsvc_packed(imgsvc_integer(sums[v]), imgsvc_integer(sums[v + 1])));
        return;
    }
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
        IMGSVC_STORE(dst + begin + v * lanes, sums[v]);
}

IMGSVC_INLINE void imgsvc_fold_long_block(
    const int16_t *const *lefts, const int16_t *const *rights, const int16_t *weights, int64_t count, int16_t *dst,
    int64_t begin, const int vectors)
{
    const int64_t lanes = IMGSVC_I16_LANES;
    imgsvc_integers low[4], high[4];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        low[v] = high[v] = IMGSVC_I(set1_epi32)(1 << (IMGSVC_LONG_BITS - 1));
    for (int64_t k = 0; k < count; k += 2) {
        const int16_t *left = lefts[k] + begin, *right = rights[k] + begin;
        const int16_t *next_left = lefts[k + 1] + begin, *next_right = rights[k + 1] + begin;
        const imgsvc_integers pair =
            IMGSVC_I(set1_epi32)((int32_t)((uint32_t)(uint16_t)weights[k + 1] << 16 | (uint16_t)weights[k]));
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            const imgsvc_integers first = imgsvc_both(left + v * lanes, right + v * lanes);
            const imgsvc_integers second = imgsvc_both(next_left + v * lanes, next_right + v * lanes);
            low[v] = IMGSVC_I(add_epi32)(
                low[v], IMGSVC_I(madd_epi16)(IMGSVC_I(unpacklo_epi16)(first, second), pair));
            high[v] = IMGSVC_I(add_epi32)(
                high[v], IMGSVC_I(madd_epi16)(IMGSVC_I(unpackhi_epi16)(first, second), pair));
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        IMGSVC_STORE(
            dst + begin + v * lanes,
            IMGSVC_I(packs_epi32)(
                IMGSVC_I(srai_epi32)(low[v], IMGSVC_LONG_BITS), IMGSVC_I(srai_epi32)(high[v], IMGSVC_LONG_BITS)));
}

#endif

/* dst[i] = sum of weights[k] * (lefts[k][i] + rights[k][i]) / 2**15, each product to nearest, ties up. `n` is a
 * multiple of the lanes; sums of two, and the result, fit int16. */
__attribute__((noinline, unused)) static void imgsvc_fold_short(
    const int16_t *const *lefts, const int16_t *const *rights, const int16_t *weights, int64_t count, int16_t *dst,
    int64_t n)
{
    int64_t i = 0;
#ifdef IMGSVC_VECTORS
    const int64_t lanes = IMGSVC_I16_LANES;
    for (; i + 8 * lanes <= n; i += 8 * lanes)
        imgsvc_fold_short_block(lefts, rights, weights, count, dst, 0, i, 8);
    for (; i + 2 * lanes <= n; i += 2 * lanes)
        imgsvc_fold_short_block(lefts, rights, weights, count, dst, 0, i, 2);
    for (; i < n; i += lanes)
        imgsvc_fold_short_block(lefts, rights, weights, count, dst, 0, i, 1);
#endif
    for (; i < n; i++) {
        int32_t sum = 0;
        for (int64_t k = 0; k < count; k++)
            sum += (weights[k] * (lefts[k][i] + rights[k][i]) + (1 << (IMGSVC_SHORT_BITS - 1))) >> IMGSVC_SHORT_BITS;
        dst[i] = (int16_t)sum;
    }
}

/* The same of 64ths, rounded to bytes, as far as blocks fit into `n`; returns how many there are. */
__attribute__((noinline, unused)) static int64_t imgsvc_fold_short_to_bytes(
    const int16_t *const *lefts, const int16_t *const *rights, const int16_t *weights, int64_t count, uint8_t *dst,
    int64_t n)
{
    int64_t i = 0;
#ifdef IMGSVC_VECTORS
    for (; i + 8 * IMGSVC_I16_LANES <= n; i += 8 * IMGSVC_I16_LANES)
        imgsvc_fold_short_block(lefts, rights, weights, count, 0, dst, i, 8);
#else
    (void)lefts, (void)rights, (void)weights, (void)count, (void)dst, (void)n;
#endif
    return i;
}

/* dst[i] = sum of weights[k] * (lefts[k][i] + rights[k][i]) / 2**17, all of it to nearest, ties up. `count` is even. */
__attribute__((noinline, unused)) static void imgsvc_fold_long(
    const int16_t *const *lefts, const int16_t *const *rights, const int16_t *weights, int64_t count, int16_t *dst,
    int64_t n)
{
    int64_t i = 0;
#ifdef IMGSVC_VECTORS
    const int64_t lanes = IMGSVC_I16_LANES;
    for (; i + 4 * lanes <= n; i += 4 * lanes)
        imgsvc_fold_long_block(lefts, rights, weights, count, dst, i, 4);
    for (; i < n; i += lanes)
        imgsvc_fold_long_block(lefts, rights, weights, count, dst, i, 1);
#endif
    for (; i < n; i++) {
        uint32_t sum = 1 << (IMGSVC_LONG_BITS - 1); /* what lies in the padding may overflow */
        for (int64_t k = 0; k < count; k++)
            sum += (uint32_t)(weights[k] * (lefts[k][i] + rights[k][i]));
        dst[i] = (int16_t)((int32_t)sum >> IMGSVC_LONG_BITS);
    }
}

#endif
