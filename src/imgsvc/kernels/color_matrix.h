/* Weighted sums of a pixel's red, green and blue: a matrix of three rows, each of three weights and what is added.
 *
 * Each product and each sum is rounded to float by itself, in one order, and the last one to the nearest integer, ties
 * to even. AVX2 does 8 pixels at a time, SSE2 four, and plain loops over planes, which gcc vectorises, what neither is
 * there for. All give the same bytes.
 */
#ifndef IMGSVC_COLOR_MATRIX_H
#define IMGSVC_COLOR_MATRIX_H

#include <stdint.h>
#include <string.h>

#include "vectors.h"

/* Where a channel is in a pixel of gray is where all of them are. */
#define IMGSVC_PLACE(channels, channel) ((channels) == 1 ? 0 : (channel))

#ifdef __AVX2__

/* Pixels of a block, and the bytes of a load or a store of four of them. */
enum { IMGSVC_MIXED = 8, IMGSVC_MIXED_BYTES = 16 };

/* A byte of each pixel as floats. */
IMGSVC_INLINE __m256 imgsvc_channel(__m256i pixels, const int64_t channels, const int64_t channel)
{
    const int first = (int)IMGSVC_PLACE(channels, channel), g = (int)channels;
    const __m128i places = _mm_setr_epi8(
        (char)first, -1, -1, -1, (char)(g + first), -1, -1, -1, (char)(2 * g + first), -1, -1, -1,
        (char)(3 * g + first), -1, -1, -1);
    return _mm256_cvtepi32_ps(_mm256_shuffle_epi8(pixels, _mm256_broadcastsi128_si256(places)));
}

/* To add nothing takes as long as to add something. */
IMGSVC_INLINE __m256i imgsvc_mixed(const float *row, __m256 red, __m256 green, __m256 blue, const int adds)
{
    __m256 sum = _mm256_mul_ps(_mm256_set1_ps(row[0]), red);
    if (adds)
        sum = _mm256_add_ps(_mm256_set1_ps(row[3]), sum);
    sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_set1_ps(row[1]), green));
    sum = _mm256_add_ps(sum, _mm256_mul_ps(_mm256_set1_ps(row[2]), blue));
    return _mm256_cvtps_epi32(sum);
}

/* 8 pixels, four in each half of a vector. Four bytes beyond those of RGB are written. */
IMGSVC_INLINE void imgsvc_mix_block(
    const uint8_t *src, uint8_t *dst, const float *matrix, const int64_t channels, const int64_t result,
    const int adds)
{
    const __m256i pixels = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)src)),
        _mm_loadu_si128((const __m128i *)(src + 4 * channels)), 1);
    const __m256 red = imgsvc_channel(pixels, channels, 0), green = imgsvc_channel(pixels, channels, 1);
    const __m256 blue = imgsvc_channel(pixels, channels, 2);
    const __m256i alpha = channels == 4 ? _mm256_srli_epi32(pixels, 24) : pixels;
    const __m256i red_green = _mm256_packs_epi32(
        imgsvc_mixed(matrix, red, green, blue, adds), imgsvc_mixed(matrix + 4, red, green, blue, adds));
    const __m256i blue_alpha = _mm256_packs_epi32(imgsvc_mixed(matrix + 8, red, green, blue, adds), alpha);
    const __m256i planes = _mm256_packus_epi16(red_green, blue_alpha);
    if (result == 4) {
        const __m128i woven = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        IMGSVC_STORE(dst, _mm256_shuffle_epi8(planes, _mm256_broadcastsi128_si256(woven)));
    } else {
        const __m128i woven = _mm_setr_epi8(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, -1, -1, -1, -1);
        const __m256i mixed = _mm256_shuffle_epi8(planes, _mm256_broadcastsi128_si256(woven));
        _mm_storeu_si128((__m128i *)dst, _mm256_castsi256_si128(mixed));
        _mm_storeu_si128((__m128i *)(dst + 12), _mm256_extracti128_si256(mixed, 1));
    }
}

#elif defined(__SSE2__)

/* Pixels of a block, and how many bytes beyond four of them are read or written. */
enum { IMGSVC_MIXED = 4, IMGSVC_MIXED_BYTES = 1 };

/* A pixel, whose colours are the lanes of a vector, and so are the sums; alpha stays. */
IMGSVC_INLINE __m128i imgsvc_mix_pixel(
    const uint8_t *src, const __m128 columns[4], const int64_t channels, const int adds)
{
    const __m128i zero = _mm_setzero_si128();
    int32_t four = channels == 1 ? src[0] * 0x010101 : 0;
    if (channels > 1)
        memcpy(&four, src, 4);
    const __m128i values = _mm_unpacklo_epi16(_mm_unpacklo_epi8(_mm_cvtsi32_si128(four), zero), zero);
    const __m128 pixel = _mm_cvtepi32_ps(values);
    __m128 sums = _mm_mul_ps(columns[0], _mm_shuffle_ps(pixel, pixel, 0x00));
    if (adds)
        sums = _mm_add_ps(columns[3], sums);
    sums = _mm_add_ps(sums, _mm_mul_ps(columns[1], _mm_shuffle_ps(pixel, pixel, 0x55)));
    sums = _mm_add_ps(sums, _mm_mul_ps(columns[2], _mm_shuffle_ps(pixel, pixel, 0xAA)));
    const __m128i mixed = _mm_cvtps_epi32(sums);
    return channels == 4 ? _mm_or_si128(mixed, _mm_and_si128(values, _mm_setr_epi32(0, 0, 0, -1))) : mixed;
}

IMGSVC_INLINE void imgsvc_mix_block(
    const uint8_t *src, uint8_t *dst, const float *matrix, const int64_t channels, const int64_t result,
    const int adds)
{
    __m128 columns[4];
    for (int column = 0; column < 4; column++)
        columns[column] = _mm_setr_ps(matrix[column], matrix[4 + column], matrix[8 + column], 0);
    const __m128i low = _mm_packs_epi32(
        imgsvc_mix_pixel(src, columns, channels, adds), imgsvc_mix_pixel(src + channels, columns, channels, adds));
    const __m128i high = _mm_packs_epi32(
        imgsvc_mix_pixel(src + 2 * channels, columns, channels, adds),
        imgsvc_mix_pixel(src + 3 * channels, columns, channels, adds));
    uint8_t mixed[16];
    IMGSVC_STORE(mixed, _mm_packus_epi16(low, high));
    if (result == 4)
        memcpy(dst, mixed, 16);
    else
        for (int64_t i = 0; i < 4; i++)
            memcpy(dst + 3 * i, mixed + 4 * i, 4);
}

#endif

#ifdef __SSE2__

/* No byte beside the row is read or written: the last pixels go through a copy. */
IMGSVC_INLINE void imgsvc_mix_row(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width, const float *matrix,
    const int64_t channels, const int64_t result, const int adds)
{
    const int64_t fewer = channels < result ? channels : result;
    int64_t x = 0;
    for (; (width - x) * fewer >= 4 * fewer + IMGSVC_MIXED_BYTES; x += IMGSVC_MIXED)
        imgsvc_mix_block(src + x * channels, dst + x * result, matrix, channels, result, adds);
    while (x < width) {
        uint8_t pixels[4 * IMGSVC_MIXED] = {0}, mixed[4 * IMGSVC_MIXED];
        const int64_t rest = width - x < IMGSVC_MIXED ? width - x : IMGSVC_MIXED;
        memcpy(pixels, src + x * channels, (size_t)(rest * channels));
        imgsvc_mix_block(pixels, mixed, matrix, channels, result, adds);
        memcpy(dst + x * result, mixed, (size_t)(rest * result));
        x += rest;
    }
}

#else

enum { IMGSVC_MIXED = 64 };

/* The sum is clamped first: beyond 2**23 a float has no bits for fractions, so that adding 1.5 * 2**23 rounds. */
IMGSVC_INLINE void imgsvc_mix_plane(
    const float *__restrict__ row, float (*__restrict__ planes)[IMGSVC_MIXED], uint8_t *__restrict__ mixed)
{
    for (int64_t i = 0; i < IMGSVC_MIXED; i++) {
        float sum = row[3] + row[0] * planes[0][i];
        sum = sum + row[1] * planes[1][i];
        sum = sum + row[2] * planes[2][i];
        sum = sum > 0 ? sum : 0;
        sum = (sum < 255 ? sum : 255) + 12582912.0f;
        uint32_t bits;
        memcpy(&bits, &sum, sizeof bits);
        mixed[i] = (uint8_t)bits;
    }
}

IMGSVC_INLINE void imgsvc_mix_row(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width, const float *matrix,
    const int64_t channels, const int64_t result, const int adds)
{
    float planes[3][IMGSVC_MIXED] = {{0}};
    uint8_t mixed[3][IMGSVC_MIXED];
    for (int64_t x = 0; x < width; x += IMGSVC_MIXED) {
        const int64_t pixels = width - x < IMGSVC_MIXED ? width - x : IMGSVC_MIXED;
        for (int64_t i = 0; i < pixels; i++)
            for (int64_t channel = 0; channel < 3; channel++)
                planes[channel][i] = src[(x + i) * channels + IMGSVC_PLACE(channels, channel)];
        for (int64_t channel = 0; channel < 3; channel++)
            imgsvc_mix_plane(matrix + 4 * channel, planes, mixed[channel]);
        for (int64_t i = 0; i < pixels; i++) {
            for (int64_t channel = 0; channel < 3; channel++)
                dst[(x + i) * result + channel] = mixed[channel][i];
            if (result == 4)
                dst[(x + i) * result + 3] = src[(x + i) * channels + 3];
        }
    }
}

#endif

/* For 3 channels, for 4, of which the last stays, and for one, which counts as three that are equal. */
__attribute__((noinline)) static void imgsvc_mix_colours(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width, const float *matrix,
    int64_t channels)
{
    const int adds = matrix[3] != 0 || matrix[7] != 0 || matrix[11] != 0;
    if (channels == 3 && adds)
        imgsvc_mix_row(src, dst, width, matrix, 3, 3, 1);
    else if (channels == 3)
        imgsvc_mix_row(src, dst, width, matrix, 3, 3, 0);
    else if (channels == 4 && adds)
        imgsvc_mix_row(src, dst, width, matrix, 4, 4, 1);
    else if (channels == 4)
        imgsvc_mix_row(src, dst, width, matrix, 4, 4, 0);
    else
        imgsvc_mix_row(src, dst, width, matrix, 1, 3, 1);
}

#endif
