/* Means of colours weighted by alpha, sum(alpha c) / sum(alpha), which are exact: quotients of integers. */

#ifndef IMGSVC_ALPHA_MEANS_H
#define IMGSVC_ALPHA_MEANS_H

#include "alpha.h"

/* Generic, for compilers split them where the CPU has no such vectors: a pixel each. */
typedef int32_t imgsvc_i32x4 __attribute__((vector_size(16)));
typedef double imgsvc_f64x4 __attribute__((vector_size(32)));

/* Products of colours and alpha, and alphas; as floats they are exact, and so are sums below 2**24. */
IMGSVC_INLINE imgsvc_f32s imgsvc_weighted(const uint8_t *pixels)
{
    const imgsvc_f32s values = imgsvc_widened(pixels);
    return values * imgsvc_factors((imgsvc_i32s)imgsvc_alphas(values), 1);
}

/* dst[i] = values[i], which are integers below 256, for the lanes of four vectors. */
IMGSVC_INLINE void imgsvc_put_bytes(const imgsvc_f32s values[4], uint8_t *dst)
{
#if defined(__AVX2__)
    __m256i words[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++)
        words[v] = _mm256_cvttps_epi32((__m256)values[v]);
    const __m256i bytes = _mm256_packus_epi16(
        _mm256_packs_epi32(words[0], words[1]), _mm256_packs_epi32(words[2], words[3]));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    IMGSVC_STORE(dst, _mm256_permutevar8x32_epi32(bytes, order));
#elif defined(__SSE2__) && !defined(__AVX__)
    __m128i words[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++)
        words[v] = _mm_cvttps_epi32((__m128)values[v]);
    IMGSVC_STORE(
        dst, _mm_packus_epi16(_mm_packs_epi32(words[0], words[1]), _mm_packs_epi32(words[2], words[3])));
#else
    for (int i = 0; i < 4 * IMGSVC_F32_LANES; i++)
        dst[i] = (uint8_t)(int32_t)values[i / IMGSVC_F32_LANES][i % IMGSVC_F32_LANES];
#endif
}

/* The sums down the columns of three rows, for two that follow one another: `first` and `second`. */
__attribute__((noinline, unused)) static void imgsvc_weighted_columns(
    const uint8_t *above, const uint8_t *first, const uint8_t *second, const uint8_t *below, float *upper,
    float *lower, int64_t n)
{
    int64_t x = 0;
    IMGSVC_WHOLE_VECTORS(x, n) {
        const imgsvc_f32s shared = imgsvc_weighted(first + 4 * x) + imgsvc_weighted(second + 4 * x);
        const imgsvc_f32s sums[2] = {
            imgsvc_weighted(above + 4 * x) + shared, shared + imgsvc_weighted(below + 4 * x)};
        memcpy(upper + 4 * x, &sums[0], sizeof sums[0]);
        memcpy(lower + 4 * x, &sums[1], sizeof sums[1]);
    }
    for (int64_t i = 4 * x; i < 4 * n; i++) {
        const int64_t alpha = i | 3;
        const float shared = (float)(first[i] * (i == alpha ? 1 : first[alpha]))
                             + (float)(second[i] * (i == alpha ? 1 : second[alpha]));
        upper[i] = (float)(above[i] * (i == alpha ? 1 : above[alpha])) + shared;
        lower[i] = shared + (float)(below[i] * (i == alpha ? 1 : below[alpha]));
    }
}

/* A pixel of sums over `count` pixels, divided and rounded down. */
IMGSVC_INLINE void imgsvc_weighted_floor(const float sums[4], int32_t count, uint8_t *dst)
{
    const int32_t alphas = (int32_t)sums[3];
    for (int i = 0; i < 3; i++)
        dst[i] = (uint8_t)(alphas < count ? 0 : (int32_t)sums[i] / alphas);
    dst[3] = (uint8_t)(alphas / count);
}

/* Means of three neighbours' sums each, rounded down; `count` pixels have a part in each.
 *
 * A quotient of N by D, of which there are at most 9 * 255, is an integer or at least 1 / D away from one; so
 * (N + 1/2) / D is at least 1 / 2D away, and computed with an error of 256 * 2**-23 at most, which is less. */
__attribute__((noinline, unused)) static void imgsvc_weighted_floors(
    const float *sums, int32_t count, uint8_t *dst, int64_t n)
{
    const float reciprocal = 1.0f / (float)count, least = (float)count - 0.5f;
    int64_t x = 0;
    for (; x + 4 * IMGSVC_F32_PIXELS <= n; x += 4 * IMGSVC_F32_PIXELS) {
        imgsvc_f32s means[4];
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            const float *at = sums + 4 * x + v * IMGSVC_F32_LANES;
            const imgsvc_f32s total = imgsvc_load(at, 0, 0) + imgsvc_load(at + 4, 0, 0) + imgsvc_load(at + 8, 0, 0);
            const imgsvc_f32s alphas = imgsvc_alphas(total), factors = 1.0f / alphas;
            means[v] = (total + 0.5f)
                       * imgsvc_factors((imgsvc_i32s)factors & (alphas > (imgsvc_f32s){} + least), reciprocal);
        }
        imgsvc_put_bytes(means, dst + 4 * x);
    }
    for (; x < n; x++) {
        float total[4];
        for (int i = 0; i < 4; i++)
            total[i] = sums[4 * x + i] + sums[4 * x + 4 + i] + sums[4 * x + 8 + i];
        imgsvc_weighted_floor(total, count, dst + 4 * x);
    }
}

/* Adds a row to the sums of columns. */
__attribute__((noinline, unused)) static void imgsvc_weighted_enter(
    int32_t *columns, const uint8_t *entering, int64_t n)
{
    int64_t x = 0;
    imgsvc_i32s sums;
    IMGSVC_WHOLE_VECTORS(x, n) {
        memcpy(&sums, columns + 4 * x, sizeof sums);
        sums += __builtin_convertvector(imgsvc_weighted(entering + 4 * x), imgsvc_i32s);
        memcpy(columns + 4 * x, &sums, sizeof sums);
    }
    for (int64_t i = 4 * x; i < 4 * n; i++)
        columns[i] += entering[i] * (i % 4 == 3 ? 1 : entering[i | 3]);
}

/* Adds a row to the sums of columns, and takes another away. Their pixels side by side are what pmaddwd multiplies:
 * (c of one, c of the other) * (alpha of the one, -alpha of the other). */
__attribute__((noinline, unused)) static void imgsvc_weighted_exchange(
    int32_t *columns, const uint8_t *entering, const uint8_t *leaving, int64_t n)
{
    int64_t i = 0;
#ifdef IMGSVC_VECTORS
    const imgsvc_integers signs = IMGSVC_I(set1_epi32)((int32_t)0xFFFF0001);
    for (; i + IMGSVC_F32_LANES <= 4 * n; i += IMGSVC_F32_LANES) {
#ifdef __AVX2__
        const imgsvc_integers pairs = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(
            _mm_loadl_epi64((const __m128i *)(entering + i)), _mm_loadl_epi64((const __m128i *)(leaving + i))));
        const imgsvc_integers alphas = _mm256_sign_epi16(_mm256_shuffle_epi32(pairs, 0xFF), signs);
        const imgsvc_integers factors = _mm256_blend_epi32(alphas, signs, 0x88);
#else
        int32_t one, other;
        memcpy(&one, entering + i, 4);
        memcpy(&other, leaving + i, 4);
        const __m128i pairs = _mm_unpacklo_epi8(
            _mm_unpacklo_epi8(_mm_cvtsi32_si128(one), _mm_cvtsi32_si128(other)), _mm_setzero_si128());
        const __m128i alphas = _mm_mullo_epi16(_mm_shuffle_epi32(pairs, 0xFF), signs);
        const __m128i colours = (__m128i)IMGSVC_COLOURS;
        const __m128i factors = _mm_or_si128(_mm_and_si128(alphas, colours), _mm_andnot_si128(colours, signs));
#endif
        const imgsvc_integers sums = IMGSVC_LOAD(columns + i);
        IMGSVC_STORE(columns + i, IMGSVC_I(add_epi32)(sums, IMGSVC_I(madd_epi16)(pairs, factors)));
    }
#endif
    for (; i < 4 * n; i++) {
        const int64_t alpha = i | 3;
        columns[i] += entering[i] * (i == alpha ? 1 : entering[alpha]);
        columns[i] -= leaving[i] * (i == alpha ? 1 : leaving[alpha]);
    }
}

/* sums[x] = columns[x] + ... + columns[x + window - 1], by pixels. */
__attribute__((noinline, unused)) static void imgsvc_weighted_run(
    const int32_t *columns, int64_t window, int32_t *sums, int64_t n)
{
    imgsvc_i32x4 sum = {0}, column;
    for (int64_t x = 0; x < window - 1; x++) {
        memcpy(&column, columns + 4 * x, sizeof column);
        sum += column;
    }
    for (int64_t x = 0; x < n; x++) {
        memcpy(&column, columns + 4 * (x + window - 1), sizeof column);
        sum += column;
        memcpy(sums + 4 * x, &sum, sizeof sum);
        memcpy(&column, columns + 4 * x, sizeof column);
        sum -= column;
    }
}

/* Means of `count` pixels, an odd number, whose sums, of `terms` that follow one another, are below 2**24: to nearest,
 * ties up.
 *
 * The first quotient is right or by 1 too small: before it is rounded it is too small by a part of 2**20, as the
 * roundings on its way make it too large by less. Its product with the divisor is at most 2**24 too, and so what is
 * left of the dividend is exact and tells. */
__attribute__((noinline, unused)) static void imgsvc_weighted_quotients(
    const int32_t *sums, int64_t terms, int32_t count, uint8_t *dst, int64_t n)
{
    const float shift = 0x1.8p23f; /* beyond it there are no fractions */
    const float smaller = 1 - 0x1p-20f;
    const imgsvc_f32s one = (imgsvc_f32s){} + 1.0f, least = (imgsvc_f32s){} + 0.5f * (float)count;
    int64_t x = 0;
    for (; x + 4 * IMGSVC_F32_PIXELS <= n; x += 4 * IMGSVC_F32_PIXELS) {
        imgsvc_f32s means[4];
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            imgsvc_i32s total = {0}, term;
            for (int64_t k = 0; k < terms; k++) {
                memcpy(&term, sums + 4 * (x + k) + v * IMGSVC_F32_LANES, sizeof term);
                total += term;
            }
            const imgsvc_f32s dividends = __builtin_convertvector(total, imgsvc_f32s);
            const imgsvc_f32s alphas = imgsvc_alphas(dividends);
            const imgsvc_f32s divisors = imgsvc_factors((imgsvc_i32s)alphas, (float)count);
            const imgsvc_f32s quotients = (dividends * (smaller / divisors) + shift) - shift;
            const imgsvc_f32s rests = dividends - quotients * divisors;
            const imgsvc_f32s nearest = quotients + (imgsvc_f32s)((rests + rests >= divisors) & (imgsvc_i32s)one);
            const imgsvc_i32s visible = (alphas > least) | ~IMGSVC_COLOURS;
            means[v] = (imgsvc_f32s)((imgsvc_i32s)nearest & visible);
        }
        imgsvc_put_bytes(means, dst + 4 * x);
    }
    for (; x < n; x++) {
        int32_t total[4] = {0};
        for (int64_t i = 0; i < 4 * terms; i++)
            total[i % 4] += sums[4 * x + i];
        for (int i = 0; i < 3; i++)
            dst[4 * x + i] = (uint8_t)(2 * total[3] < count ? 0 : (2 * total[i] + total[3]) / (2 * total[3]));
        dst[4 * x + 3] = (uint8_t)((2 * total[3] + count) / (2 * count));
    }
}

/* The same of any windows, in doubles, which hold the sums: as (2 N + D + 1/2) / 2D, which is at least 1 / 4D away
 * from an integer, and computed with an error below 2**-43. */
__attribute__((noinline, unused)) static void imgsvc_weighted_means(
    const int32_t *columns, int64_t window, uint8_t *dst, int64_t n)
{
    const double count = (double)(window * window);
    imgsvc_f64x4 sum = {0};
    imgsvc_i32x4 column;
    for (int64_t x = 0; x < window - 1; x++) {
        memcpy(&column, columns + 4 * x, sizeof column);
        sum += __builtin_convertvector(column, imgsvc_f64x4);
    }
    for (int64_t x = 0; x < n; x++) {
        memcpy(&column, columns + 4 * (x + window - 1), sizeof column);
        sum += __builtin_convertvector(column, imgsvc_f64x4);
        const double alphas = sum[3], factor = 2 * alphas > count ? 0.5 / alphas : 0;
        const imgsvc_f64x4 halves = {alphas + 0.5, alphas + 0.5, alphas + 0.5, count + 0.5};
        const imgsvc_f64x4 factors = {factor, factor, factor, 0.5 / count};
        const imgsvc_i32x4 means = __builtin_convertvector((2.0 * sum + halves) * factors, imgsvc_i32x4);
        for (int i = 0; i < 4; i++)
            dst[4 * x + i] = (uint8_t)means[i];
        memcpy(&column, columns + 4 * x, sizeof column);
        sum -= __builtin_convertvector(column, imgsvc_f64x4);
    }
}

#endif
