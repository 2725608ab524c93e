/* Colours to gray: a weighted sum of three channels, rounded to nearest, ties to even.
 *
 * AVX2 does 32 pixels at a time, SSE2 16, and a plain loop what neither is there for. All give the same bytes.
 */
#ifndef IMGSVC_GRAYSCALE_H
#define IMGSVC_GRAYSCALE_H

#include <stdint.h>
#include <string.h>

#include "vectors.h"

/* Of 1 << IMGSVC_GRAY_BITS: ITU-R BT.601's 0.299, 0.587 and 0.114. They fit into int16, as pmaddwd wants them. */
enum { IMGSVC_RED = 9798, IMGSVC_GREEN = 19235, IMGSVC_BLUE = 3735, IMGSVC_GRAY_BITS = 15 };
/* With the lowest bit of the quotient added to it, it makes the shift round ties to even. */
enum { IMGSVC_GRAY_HALF = (1 << (IMGSVC_GRAY_BITS - 1)) - 1 };

#if defined(__AVX2__)

/* Pixels of a block, the first of the last group that is loaded at once, and the bytes of such a load. */
enum { IMGSVC_GRAY_BLOCK = 32, IMGSVC_GRAY_LAST = 28, IMGSVC_GRAY_LOAD = 16 };

/* Four pixels from each of two places, 16 bytes of which are read, as eight words of 32 bits. */
IMGSVC_INLINE __m256i imgsvc_gray_8(const uint8_t *low, const uint8_t *high, const int64_t channels)
{
    const int g = (int)channels; /* a pixel further */
    const __m128i red_green = _mm_setr_epi8(
        0, -1, 1, -1, g, -1, g + 1, -1, 2 * g, -1, 2 * g + 1, -1, 3 * g, -1, 3 * g + 1, -1);
    const __m128i blue = _mm_setr_epi8(
        2, -1, -1, -1, g + 2, -1, -1, -1, 2 * g + 2, -1, -1, -1, 3 * g + 2, -1, -1, -1);
    const __m256i pixels = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)low)), _mm_loadu_si128((const __m128i *)high), 1);
    const __m256i sum = _mm256_add_epi32(
        _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, _mm256_broadcastsi128_si256(red_green)),
                          _mm256_set1_epi32(IMGSVC_GREEN << 16 | IMGSVC_RED)),
        _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, _mm256_broadcastsi128_si256(blue)),
                          _mm256_set1_epi32(IMGSVC_BLUE)));
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(sum, IMGSVC_GRAY_BITS), _mm256_set1_epi32(1));
    return _mm256_srli_epi32(
        _mm256_add_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(IMGSVC_GRAY_HALF)), odd), IMGSVC_GRAY_BITS);
}

/* 32 pixels. Packing works on the halves of a vector apart, so each takes its own sixteen pixels. */
IMGSVC_INLINE void imgsvc_gray_block(const uint8_t *src, uint8_t *dst, const int64_t channels)
{
    const uint8_t *half = src + 16 * channels;
    const int64_t four = 4 * channels;
    const __m256i a = imgsvc_gray_8(src, half, channels);
    const __m256i b = imgsvc_gray_8(src + four, half + four, channels);
    const __m256i c = imgsvc_gray_8(src + 2 * four, half + 2 * four, channels);
    const __m256i d = imgsvc_gray_8(src + 3 * four, half + 3 * four, channels);
    _mm256_storeu_si256(
        (__m256i *)dst, _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d)));
}

#elif defined(__SSE2__)

enum { IMGSVC_GRAY_BLOCK = 16, IMGSVC_GRAY_LAST = 15, IMGSVC_GRAY_LOAD = 4 };

/* Four pixels, each of which is loaded with the byte after it, as four words of 32 bits. */
IMGSVC_INLINE __m128i imgsvc_gray_4(const uint8_t *src, const int64_t channels)
{
    int32_t pixel[4];
    for (int64_t i = 0; i < 4; i++)
        memcpy(&pixel[i], src + i * channels, 4);
    const __m128i pixels = _mm_setr_epi32(pixel[0], pixel[1], pixel[2], pixel[3]);
    const __m128i red_blue = _mm_and_si128(pixels, _mm_set1_epi32(0x00ff00ff));
    const __m128i green = _mm_and_si128(_mm_srli_epi32(pixels, 8), _mm_set1_epi32(0xff));
    const __m128i sum = _mm_add_epi32(
        _mm_madd_epi16(red_blue, _mm_set1_epi32(IMGSVC_BLUE << 16 | IMGSVC_RED)),
        _mm_madd_epi16(green, _mm_set1_epi32(IMGSVC_GREEN)));
    const __m128i odd = _mm_and_si128(_mm_srli_epi32(sum, IMGSVC_GRAY_BITS), _mm_set1_epi32(1));
    return _mm_srli_epi32(
        _mm_add_epi32(_mm_add_epi32(sum, _mm_set1_epi32(IMGSVC_GRAY_HALF)), odd), IMGSVC_GRAY_BITS);
}

IMGSVC_INLINE void imgsvc_gray_block(const uint8_t *src, uint8_t *dst, const int64_t channels)
{
    const int64_t four = 4 * channels;
    const __m128i a = imgsvc_gray_4(src, channels), b = imgsvc_gray_4(src + four, channels);
    const __m128i c = imgsvc_gray_4(src + 2 * four, channels), d = imgsvc_gray_4(src + 3 * four, channels);
    _mm_storeu_si128((__m128i *)dst, _mm_packus_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d)));
}

#endif

#ifdef __SSE2__

/* No byte beside the row is read: the last pixels go through a copy. */
IMGSVC_INLINE void imgsvc_gray_row(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width, const int64_t channels)
{
    const int64_t reach = IMGSVC_GRAY_LAST * channels + IMGSVC_GRAY_LOAD; /* bytes that a block reads */
    int64_t x = 0;
    for (; (width - x) * channels >= reach; x += IMGSVC_GRAY_BLOCK)
        imgsvc_gray_block(src + x * channels, dst + x, channels);
    while (x < width) {
        uint8_t pixels[4 * IMGSVC_GRAY_BLOCK] = {0}, gray[IMGSVC_GRAY_BLOCK];
        const int64_t rest = width - x < IMGSVC_GRAY_BLOCK ? width - x : IMGSVC_GRAY_BLOCK;
        memcpy(pixels, src + x * channels, (size_t)(rest * channels));
        imgsvc_gray_block(pixels, gray, channels);
        memcpy(dst + x, gray, (size_t)rest);
        x += rest;
    }
}

#else

IMGSVC_INLINE void imgsvc_gray_row(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width, const int64_t channels)
{
    for (int64_t x = 0; x < width; x++) {
        const uint8_t *pixel = src + x * channels;
        const uint32_t sum = IMGSVC_RED * pixel[0] + IMGSVC_GREEN * pixel[1] + IMGSVC_BLUE * pixel[2];
        dst[x] = (uint8_t)((sum + IMGSVC_GRAY_HALF + (sum >> IMGSVC_GRAY_BITS & 1)) >> IMGSVC_GRAY_BITS);
    }
}

#endif

/* For 3 or 4 channels, of which the fourth does not count. */
__attribute__((noinline)) static void imgsvc_grayscale(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width, int64_t channels)
{
    if (channels == 3)
        imgsvc_gray_row(src, dst, width, 3);
    else
        imgsvc_gray_row(src, dst, width, 4);
}

#endif
