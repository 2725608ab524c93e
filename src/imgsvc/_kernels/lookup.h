/* Bytes replaced by a table of 256: sixteen tables of 16, which AVX2 looks up in registers.
 *
 * The plain loops do the rest, and everything elsewhere. Both give the same bytes.
 */
#ifndef IMGSVC_LOOKUP_H
#define IMGSVC_LOOKUP_H

#include <stdint.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#define IMGSVC_LOOKUP_INLINE static inline __attribute__((always_inline))

IMGSVC_LOOKUP_INLINE void imgsvc_lookup_plain(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t n, const uint8_t *__restrict__ tables,
    const int64_t channels)
{
    for (int64_t i = 0; i < n; i += channels)
        for (int64_t channel = 0; channel < channels; channel++)
            dst[i + channel] = tables[256 * channel + src[i + channel]];
}

#ifdef __AVX2__

IMGSVC_LOOKUP_INLINE __m256i imgsvc_load_32(const uint8_t *src)
{
    return _mm256_loadu_si256((const __m256i *)src);
}

IMGSVC_LOOKUP_INLINE void imgsvc_store_32(uint8_t *dst, __m256i bytes)
{
    _mm256_storeu_si256((__m256i *)dst, bytes);
}

/* The low half of a byte picks from all sixteen tables; the bits of its high half halve their number four times.
 * A blend looks at the top bit of each byte alone, which a shift of words puts there. */
IMGSVC_LOOKUP_INLINE __m256i imgsvc_lookup_32(const uint8_t *table, __m256i bytes)
{
    const __m256i low = _mm256_and_si256(bytes, _mm256_set1_epi8(15));
    const __m256i bit_4 = _mm256_slli_epi16(bytes, 3);
    const __m256i bit_5 = _mm256_slli_epi16(bytes, 2);
    const __m256i bit_6 = _mm256_slli_epi16(bytes, 1);
    __m256i found[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        const __m128i part = _mm_loadu_si128((const __m128i *)(table + 16 * i));
        found[i] = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(part), low);
    }
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2)
        found[i] = _mm256_blendv_epi8(found[i], found[i + 1], bit_4);
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4)
        found[i] = _mm256_blendv_epi8(found[i], found[i + 2], bit_5);
#pragma GCC unroll 2
    for (int i = 0; i < 16; i += 8)
        found[i] = _mm256_blendv_epi8(found[i], found[i + 4], bit_6);
    return _mm256_blendv_epi8(found[0], found[8], bytes);
}

#endif

/* dst[i] = table[src[i]] */
__attribute__((noinline)) static void imgsvc_lookup(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t n, const uint8_t *__restrict__ table)
{
    int64_t i = 0;
#ifdef __AVX2__
    for (; i + 32 <= n; i += 32)
        imgsvc_store_32(dst + i, imgsvc_lookup_32(table, imgsvc_load_32(src + i)));
#endif
    imgsvc_lookup_plain(src + i, dst + i, n - i, table, 1);
}

/* The same for whole RGBA pixels, whose alpha stays. */
__attribute__((noinline)) static void imgsvc_lookup_colours(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t n, const uint8_t *__restrict__ table)
{
    int64_t i = 0;
#ifdef __AVX2__
    const __m256i alpha = _mm256_set1_epi32((int32_t)0xff000000);
    for (; i + 32 <= n; i += 32) {
        const __m256i pixels = imgsvc_load_32(src + i);
        imgsvc_store_32(dst + i, _mm256_blendv_epi8(imgsvc_lookup_32(table, pixels), pixels, alpha));
    }
#endif
    for (; i < n; i += 4) {
        imgsvc_lookup_plain(src + i, dst + i, 3, table, 1);
        dst[i + 3] = src[i + 3];
    }
}

/* dst[i] = tables[i % channels][src[i]], for 3 or 4 channels */
__attribute__((noinline)) static void imgsvc_lookup_channels(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t n, const uint8_t *__restrict__ tables,
    int64_t channels)
{
    if (channels == 3)
        imgsvc_lookup_plain(src, dst, n, tables, 3);
    else
        imgsvc_lookup_plain(src, dst, n, tables, 4);
}

#endif
