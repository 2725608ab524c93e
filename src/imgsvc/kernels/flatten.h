/* RGBA over a colour: (c * alpha + below * (255 - alpha)) / 255, rounded to nearest; there are no ties.
 *
 * A vector of words at a time, where the CPU has them, and a plain loop for the rest. Both give the same bytes.
 */
#ifndef IMGSVC_FLATTEN_H
#define IMGSVC_FLATTEN_H

#include <stdint.h>
#include <string.h>

#include "vectors.h"

/* For t = product + 128, at most 65153, (t + t / 256) / 256 is the quotient by 255, rounded to nearest. */
IMGSVC_INLINE void imgsvc_flatten_plain(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width, const uint8_t *below)
{
    for (int64_t x = 0; x < width; x++)
        for (int64_t channel = 0; channel < 3; channel++) {
            const uint32_t alpha = src[4 * x + 3];
            const uint32_t sum = src[4 * x + channel] * alpha + below[channel] * (255 - alpha) + 128;
            dst[3 * x + channel] = (uint8_t)((sum + (sum >> 8)) >> 8);
        }
}

#ifdef IMGSVC_VECTORS

/* The same for words, modulo 65536: (c - below) * alpha + (255 * below + 128). */
IMGSVC_INLINE imgsvc_integers imgsvc_over(
    imgsvc_integers words, imgsvc_integers below, imgsvc_integers clear)
{
    const imgsvc_integers alpha = IMGSVC_I(shufflehi_epi16)(IMGSVC_I(shufflelo_epi16)(words, 0xFF), 0xFF);
    const imgsvc_integers sum =
        IMGSVC_I(add_epi16)(IMGSVC_I(mullo_epi16)(IMGSVC_I(sub_epi16)(words, below), alpha), clear);
    return IMGSVC_I(srli_epi16)(IMGSVC_I(add_epi16)(sum, IMGSVC_I(srli_epi16)(sum, 8)), 8);
}

/* Writes four bytes of each pixel, the last of which is that of the next one. */
IMGSVC_INLINE void imgsvc_store_colours(uint8_t *dst, imgsvc_integers pixels)
{
#ifdef __AVX2__
    const __m128i colours = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    const __m256i packed = _mm256_shuffle_epi8(pixels, _mm256_broadcastsi128_si256(colours));
    _mm_storeu_si128((__m128i *)dst, _mm256_castsi256_si128(packed));
    _mm_storeu_si128((__m128i *)(dst + 12), _mm256_extracti128_si256(packed, 1));
#else
    uint8_t bytes[IMGSVC_VECTOR_BYTES];
    IMGSVC_STORE(bytes, pixels);
    for (int64_t i = 0; i < IMGSVC_VECTOR_BYTES / 4; i++)
        memcpy(dst + 3 * i, bytes + 4 * i, 4);
#endif
}

#endif

__attribute__((noinline)) static void imgsvc_flatten(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width, const uint8_t *background)
{
    int64_t x = 0;
#ifdef IMGSVC_VECTORS
    enum { PIXELS = IMGSVC_VECTOR_BYTES / 4, SPARE = 2 }; /* what is stored beside these is of so many */
    int16_t colour[IMGSVC_I16_LANES], uncovered[IMGSVC_I16_LANES];
    for (int i = 0; i < IMGSVC_I16_LANES; i++) {
        colour[i] = i % 4 < 3 ? background[i % 4] : 0;
        uncovered[i] = (int16_t)(uint16_t)(255 * colour[i] + 128);
    }
    const imgsvc_integers zero = {0};
    const imgsvc_integers below = IMGSVC_LOAD(colour), clear = IMGSVC_LOAD(uncovered);
    for (; x + PIXELS + SPARE <= width; x += PIXELS) {
        const imgsvc_integers pixels = IMGSVC_LOAD(src + 4 * x);
        imgsvc_store_colours(dst + 3 * x, IMGSVC_I(packus_epi16)(
            imgsvc_over(IMGSVC_I(unpacklo_epi8)(pixels, zero), below, clear),
            imgsvc_over(IMGSVC_I(unpackhi_epi8)(pixels, zero), below, clear)));
    }
#endif
    imgsvc_flatten_plain(src + 4 * x, dst + 3 * x, width - x, background);
}

#endif
