/* Bytes replaced by a table of 256: sixteen tables of 16, which AVX2 looks up in registers.
 *
 * The plain loop does the rest, and everything elsewhere. Both give the same bytes.
 */
#ifndef IMGSVC_LOOKUP_H
#define IMGSVC_LOOKUP_H

#include <stdint.h>
#include <string.h>

#include "vectors.h"

enum { IMGSVC_ONE_TABLE = 0, IMGSVC_BY_CHANNEL = 256 }; /* from a channel's table to the next one's */

/* Whole pixels. With `keep_alpha` their fourth byte stays. Bytes are loaded and stored eight at a time: gcc otherwise
 * gathers vectors byte by byte, which is slower. */
IMGSVC_INLINE void imgsvc_lookup_plain(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t n, const uint8_t *__restrict__ tables,
    const int64_t channels, const int64_t step, const int keep_alpha)
{
    int64_t i = 0;
    for (; i + 8 * channels <= n; i += 8 * channels)
        for (int64_t word = 0; word < 8 * channels; word += 8) {
            uint64_t values, found = 0;
            memcpy(&values, src + i + word, 8);
#pragma GCC unroll 8
            for (int byte = 0; byte < 8; byte++) {
                const int shift = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 8 * byte : 56 - 8 * byte;
                const int64_t channel = (word + byte) % channels;
                const uint64_t value = values >> shift & 255;
                found |= (keep_alpha && channel == 3 ? value : tables[step * channel + value]) << shift;
            }
            memcpy(dst + i + word, &found, 8);
        }
    for (; i < n; i++) {
        const int64_t channel = i % channels;
        dst[i] = keep_alpha && channel == 3 ? src[i] : tables[step * channel + src[i]];
    }
}

#ifdef __AVX2__

/* 32 bytes to look up: their low halves, and bits of their high halves on top, which is where a blend looks. */
typedef struct {
    __m256i low, bit_4, bit_5, bit_6, bit_7;
} imgsvc_places;

IMGSVC_INLINE __m256i imgsvc_lookup_in_16(const uint8_t *table, const imgsvc_places *places)
{
    const __m128i values = _mm_loadu_si128((const __m128i *)table);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(values), places->low);
}

IMGSVC_INLINE __m256i imgsvc_lookup_in_64(const uint8_t *table, const imgsvc_places *places)
{
    const __m256i lower = _mm256_blendv_epi8(
        imgsvc_lookup_in_16(table, places), imgsvc_lookup_in_16(table + 16, places), places->bit_4);
    const __m256i upper = _mm256_blendv_epi8(
        imgsvc_lookup_in_16(table + 32, places), imgsvc_lookup_in_16(table + 48, places), places->bit_4);
    return _mm256_blendv_epi8(lower, upper, places->bit_5);
}

IMGSVC_INLINE __m256i imgsvc_lookup_in_256(const uint8_t *table, __m256i bytes)
{
    /* Shifts of words move bits between bytes, but none to the top of one. */
    const imgsvc_places places = {
        _mm256_and_si256(bytes, _mm256_set1_epi8(15)), _mm256_slli_epi16(bytes, 3),
        _mm256_slli_epi16(bytes, 2), _mm256_slli_epi16(bytes, 1), bytes};
    const __m256i lower = _mm256_blendv_epi8(
        imgsvc_lookup_in_64(table, &places), imgsvc_lookup_in_64(table + 64, &places), places.bit_6);
    const __m256i upper = _mm256_blendv_epi8(
        imgsvc_lookup_in_64(table + 128, &places), imgsvc_lookup_in_64(table + 192, &places), places.bit_6);
    return _mm256_blendv_epi8(lower, upper, places.bit_7);
}

#endif

/* dst[i] = table[src[i]] */
__attribute__((noinline)) static void imgsvc_lookup(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t n, const uint8_t *__restrict__ table)
{
    int64_t i = 0;
#ifdef __AVX2__
    for (; i + 32 <= n; i += 32)
        IMGSVC_STORE(dst + i, imgsvc_lookup_in_256(table, IMGSVC_LOAD(src + i)));
#endif
    imgsvc_lookup_plain(src + i, dst + i, n - i, table, 1, IMGSVC_ONE_TABLE, 0);
}

/* The same for RGBA, whose alpha stays. */
__attribute__((noinline)) static void imgsvc_lookup_colours(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t n, const uint8_t *__restrict__ table)
{
    int64_t i = 0;
#ifdef __AVX2__
    const __m256i alpha = _mm256_set1_epi32((int32_t)0xff000000);
    for (; i + 32 <= n; i += 32) {
        const __m256i pixels = IMGSVC_LOAD(src + i);
        IMGSVC_STORE(dst + i, _mm256_blendv_epi8(imgsvc_lookup_in_256(table, pixels), pixels, alpha));
    }
#endif
    imgsvc_lookup_plain(src + i, dst + i, n - i, table, 4, IMGSVC_ONE_TABLE, 1);
}

/* dst[i] = tables[i % channels][src[i]], for 3 or 4 channels */
__attribute__((noinline)) static void imgsvc_lookup_channels(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t n, const uint8_t *__restrict__ tables,
    int64_t channels)
{
    if (channels == 3)
        imgsvc_lookup_plain(src, dst, n, tables, 3, IMGSVC_BY_CHANNEL, 0);
    else
        imgsvc_lookup_plain(src, dst, n, tables, 4, IMGSVC_BY_CHANNEL, 0);
}

#endif
