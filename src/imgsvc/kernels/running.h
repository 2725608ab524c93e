/* Means along a row by a running sum: what a window gains on one side is added, what it loses on the other taken away.
 *
 * Each sum needs the one before, which is a chain that no compiler vectorises. In a register of eight the sums of the
 * differences take two steps or three, and the chain goes from register to register.
 */
#ifndef IMGSVC_RUNNING_H
#define IMGSVC_RUNNING_H

#include <stdint.h>

#include "vectors.h"

/* How to divide a window's sum: by a float, unless `inverse` is 0; otherwise (sum + half) * multiplier >> shift. */
typedef struct {
    uint32_t half, multiplier;
    int shift;
    float inverse;
} imgsvc_division;

IMGSVC_INLINE uint8_t imgsvc_divided(uint32_t sum, const imgsvc_division *by, const int in_float)
{
    /* With d pixels the quotient plus 1 / 2d is at least 1 / 2d from an integer. A float holds the dividend, as it is
     * below 2**22, and the product is off by 255.5 * 2**-23 at most, which is less while d < 16400. */
    if (in_float)
        return (uint8_t)(int32_t)(((float)(int32_t)(sum + by->half) + 0.5f) * by->inverse);
    return (uint8_t)(((uint64_t)(sum + by->half) * by->multiplier) >> by->shift);
}

#ifdef __AVX2__

IMGSVC_INLINE __m256i imgsvc_lanes_up(__m256i values, const int lanes)
{
    const __m256i from = _mm256_setr_epi32(
        0 - lanes, 1 - lanes, 2 - lanes, 3 - lanes, 4 - lanes, 5 - lanes, 6 - lanes, 7 - lanes);
    /* Lanes from below the first are zero. */
    return _mm256_andnot_si256(_mm256_srai_epi32(from, 31), _mm256_permutevar8x32_epi32(values, from));
}

/* Sums of each lane and those below it that are whole pixels away. */
IMGSVC_INLINE __m256i imgsvc_sums_of_lanes(__m256i values, const int channels)
{
    if (channels == 3)
        return _mm256_add_epi32(
            _mm256_add_epi32(values, imgsvc_lanes_up(values, 3)), imgsvc_lanes_up(values, 6));
    for (int lanes = channels; lanes < 8; lanes *= 2)
        values = _mm256_add_epi32(values, imgsvc_lanes_up(values, lanes));
    return values;
}

IMGSVC_INLINE __m256i imgsvc_divided_lanes(__m256i sums, const imgsvc_division *by, const int in_float)
{
    sums = _mm256_add_epi32(sums, _mm256_set1_epi32((int32_t)by->half));
    if (in_float) {
        const __m256 dividends = _mm256_add_ps(_mm256_cvtepi32_ps(sums), _mm256_set1_ps(0.5f));
        return _mm256_cvttps_epi32(_mm256_mul_ps(dividends, _mm256_set1_ps(by->inverse)));
    }
    const __m256i multipliers = _mm256_set1_epi64x(by->multiplier);
    const __m128i shift = _mm_cvtsi32_si128(by->shift);
    const __m256i even = _mm256_srl_epi64(_mm256_mul_epu32(sums, multipliers), shift);
    const __m256i odd = _mm256_srl_epi64(_mm256_mul_epu32(_mm256_srli_epi64(sums, 32), multipliers), shift);
    return _mm256_or_si256(even, _mm256_slli_epi64(odd, 32));
}

#endif

/* The sum of each channel over `n` elements: in 24 sums, whose number is a multiple of any number of channels. */
IMGSVC_INLINE void imgsvc_first_sums(const uint32_t *columns, int64_t n, uint32_t sums[4], const int channels)
{
    uint32_t partial[24] = {0};
    int64_t i = 0;
    for (; i + 24 <= n; i += 24)
        for (int k = 0; k < 24; k++)
            partial[k] += columns[i + k];
#pragma GCC unroll 24
    for (int k = 0; k < 24; k++)
        sums[k % channels] += partial[k];
    for (int c = 0; i < n; i++, c = c + 1 < channels ? c + 1 : 0)
        sums[c] += columns[i];
}

IMGSVC_INLINE void imgsvc_running_means_of(
    const uint32_t *columns, int64_t window, const imgsvc_division *by, uint8_t *dst, int64_t n, const int channels,
    const int in_float)
{
    const uint32_t *leaving = columns, *entering = columns + window * channels;
    uint32_t sums[4] = {0, 0, 0, 0};
    int64_t i = 0;
    imgsvc_first_sums(columns, window * channels, sums, channels);
    for (int c = 0; c < channels; c++)
        dst[c] = imgsvc_divided(sums[c], by, in_float);
    dst += channels;
    n -= channels;
#ifdef __AVX2__
    /* The last lanes of the register before: one for each channel. */
    uint32_t last[8] = {0};
    for (int c = 0; c < channels; c++)
        last[8 - channels + c] = sums[c];
    const int a = 8 - channels;
    const __m256i from = _mm256_setr_epi32(
        a, a + 1 % channels, a + 2 % channels, a + 3 % channels, a + 4 % channels, a + 5 % channels, a + 6 % channels,
        a + 7 % channels);
    __m256i running = IMGSVC_LOAD(last);
#define IMGSVC_NEXT(k) \
    running = _mm256_add_epi32( \
        _mm256_permutevar8x32_epi32(running, from), \
        imgsvc_sums_of_lanes(_mm256_sub_epi32(IMGSVC_LOAD(entering + (k)), IMGSVC_LOAD(leaving + (k))), channels))
    for (; i + 32 <= n; i += 32) {
        __m256i means[4];
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++) {
            IMGSVC_NEXT(i + 8 * v);
            means[v] = imgsvc_divided_lanes(running, by, in_float);
        }
        const __m256i words = _mm256_packus_epi16(
            _mm256_packus_epi32(means[0], means[1]), _mm256_packus_epi32(means[2], means[3]));
        IMGSVC_STORE(dst + i, _mm256_permutevar8x32_epi32(words, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
    }
    for (; i + 8 <= n; i += 8) {
        IMGSVC_NEXT(i);
        const __m256i means = imgsvc_divided_lanes(running, by, in_float);
        const __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(means), _mm256_extracti128_si256(means, 1));
        _mm_storel_epi64((__m128i *)(dst + i), _mm_packus_epi16(words, words));
    }
#undef IMGSVC_NEXT
    IMGSVC_STORE(last, running);
    for (int c = 0; c < channels; c++)
        sums[c] = last[8 - channels + c];
#endif
    for (int c = 0; i < n; i++, c = c + 1 < channels ? c + 1 : 0) {
        sums[c] += entering[i] - leaving[i];
        dst[i] = imgsvc_divided(sums[c], by, in_float);
    }
}

/* dst[i] = the mean of `window` pixels, of which `columns` has the sums down their columns; `n` elements of whole
 * pixels. */
__attribute__((noinline)) static void imgsvc_running_means(
    const uint32_t *__restrict__ columns, int64_t window, const imgsvc_division *by, uint8_t *__restrict__ dst,
    int64_t n, int64_t channels)
{
    const int in_float = by->inverse > 0;
    if (channels == 1 && in_float)
        imgsvc_running_means_of(columns, window, by, dst, n, 1, 1);
    else if (channels == 1)
        imgsvc_running_means_of(columns, window, by, dst, n, 1, 0);
    else if (channels == 3 && in_float)
        imgsvc_running_means_of(columns, window, by, dst, n, 3, 1);
    else if (channels == 3)
        imgsvc_running_means_of(columns, window, by, dst, n, 3, 0);
    else if (in_float)
        imgsvc_running_means_of(columns, window, by, dst, n, 4, 1);
    else
        imgsvc_running_means_of(columns, window, by, dst, n, 4, 0);
}

#endif
