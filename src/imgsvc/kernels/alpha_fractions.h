/* Colours weighted by alpha as 64ths of levels in int16, and floats of these, divided by alpha again. */

#ifndef IMGSVC_ALPHA_FRACTIONS_H
#define IMGSVC_ALPHA_FRACTIONS_H

#include "alpha.h"

/* dst = round(64 c alpha / 255), and 64 alpha; there are no ties. The product's quotient by 255 is taken first, and
 * then that of 64 times the rest, so that all of it fits 16 bits. */
__attribute__((noinline, unused)) static void imgsvc_premultiply_fractions(
    const uint8_t *__restrict__ src, int16_t *__restrict__ dst, int64_t n)
{
    int64_t i = 0;
#ifdef IMGSVC_VECTORS
    const imgsvc_integers reciprocal = IMGSVC_I(set1_epi16)((int16_t)0x8081); /* over 2**23, of 255 */
    const imgsvc_integers divisor = IMGSVC_I(set1_epi16)(255), half = IMGSVC_I(set1_epi16)(127);
    const imgsvc_integers of_alpha = IMGSVC_I(set1_epi64x)((int64_t)255 << 48);
    const imgsvc_integers colours = IMGSVC_I(set1_epi64x)(0x0000FFFFFFFFFFFF);
    for (; i + IMGSVC_I16_LANES <= 4 * n; i += IMGSVC_I16_LANES) {
#ifdef __AVX2__
        const imgsvc_integers values = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(src + i)));
#else
        const imgsvc_integers values =
            _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)(src + i)), _mm_setzero_si128());
#endif
        const imgsvc_integers alphas = IMGSVC_I(shufflehi_epi16)(IMGSVC_I(shufflelo_epi16)(values, 0xFF), 0xFF);
#ifdef __AVX2__
        const imgsvc_integers factors = _mm256_or_si256(_mm256_and_si256(alphas, colours), of_alpha);
#else
        const imgsvc_integers factors = _mm_or_si128(_mm_and_si128(alphas, colours), of_alpha);
#endif
        const imgsvc_integers products = IMGSVC_I(mullo_epi16)(values, factors);
        const imgsvc_integers whole = IMGSVC_I(srli_epi16)(IMGSVC_I(mulhi_epu16)(products, reciprocal), 7);
        const imgsvc_integers rest = IMGSVC_I(sub_epi16)(products, IMGSVC_I(mullo_epi16)(whole, divisor));
        const imgsvc_integers part = IMGSVC_I(srli_epi16)(
            IMGSVC_I(mulhi_epu16)(IMGSVC_I(add_epi16)(IMGSVC_I(slli_epi16)(rest, 6), half), reciprocal), 7);
        IMGSVC_STORE(dst + i, IMGSVC_I(add_epi16)(IMGSVC_I(slli_epi16)(whole, 6), part));
    }
#endif
    for (; i < 4 * n; i++) {
        const int64_t alpha = i | 3;
        dst[i] = (int16_t)(i == alpha ? 64 * src[i] : (64 * src[i] * src[alpha] + 127) / 255);
    }
}

IMGSVC_INLINE imgsvc_f32s imgsvc_fractions(const int16_t *values)
{
#if defined(__AVX2__)
    return (imgsvc_f32s)_mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)values)));
#elif defined(__SSE2__) && !defined(__AVX__)
    const __m128i four = _mm_loadl_epi64((const __m128i *)values);
    return (imgsvc_f32s)_mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(four, four), 16));
#else
    imgsvc_f32s floats;
    for (int i = 0; i < IMGSVC_F32_LANES; i++)
        floats[i] = values[i];
    return floats;
#endif
}

/* Bits of what is to be seen: all alphas, and colours where the blurred alpha does not round to 0. */
IMGSVC_INLINE imgsvc_i32s imgsvc_visible(imgsvc_f32s pixels, float least)
{
    return (imgsvc_alphas(pixels) > (imgsvc_f32s){} + least) | ~IMGSVC_COLOURS;
}

IMGSVC_INLINE imgsvc_f32s imgsvc_levels(const int16_t *blurred, float white, float of_alpha)
{
    return imgsvc_unpremultiplied(imgsvc_fractions(blurred), white, 32, of_alpha) * (1.0f / 64);
}

/* dst = levels: where the alpha is above 32, colours * (white / alpha) / 64, elsewhere 0; and alpha / 64. */
__attribute__((noinline, unused)) static void imgsvc_unpremultiply_fractions(
    const int16_t *__restrict__ src, float *__restrict__ dst, int64_t n, float white)
{
    int64_t x = 0;
    imgsvc_f32s levels;
    IMGSVC_WHOLE_VECTORS(x, n) {
        levels = imgsvc_levels(src + 4 * x, white, 1);
        memcpy(dst + 4 * x, &levels, sizeof levels);
    }
    if (x < n) {
        int16_t last[IMGSVC_F32_LANES] = {0};
        memcpy(last, src + 4 * x, 4 * sizeof(int16_t));
        levels = imgsvc_levels(last, white, 1);
        memcpy(dst + 4 * x, &levels, 4 * sizeof(float));
    }
}

typedef struct {
    float amount, threshold;
    float white;    /* what the blur makes of 255, in 64ths */
    float of_alpha; /* 64 * 255 / white */
} imgsvc_sharpening;

/* Pixels and what differs from them, which for a colour is nothing where the blur has no alpha. */
IMGSVC_INLINE imgsvc_f32s imgsvc_sharpened(
    const uint8_t *src, const int16_t *blurred, const imgsvc_sharpening *sharpening)
{
    const imgsvc_f32s pixels = imgsvc_widened(src);
    const imgsvc_f32s difference = pixels - imgsvc_levels(blurred, sharpening->white, sharpening->of_alpha);
    const imgsvc_f32s size = (imgsvc_f32s)((imgsvc_i32s)difference & INT32_MAX);
    const imgsvc_i32s counts = (size > (imgsvc_f32s){} + sharpening->threshold)
                               & imgsvc_visible(imgsvc_fractions(blurred), 32);
    const imgsvc_f32s result =
        pixels + (imgsvc_f32s)((imgsvc_i32s)(sharpening->amount * difference) & counts);
    return (imgsvc_f32s)((imgsvc_i32s)result & imgsvc_visible(result, 0.5f));
}

/* dst = src + amount * (src - blurred), in levels, where that is above the threshold; colours 0 where alpha is. */
__attribute__((noinline, unused)) static void imgsvc_sharpen_weighted(
    const uint8_t *__restrict__ src, const int16_t *__restrict__ blurred, float *__restrict__ dst, int64_t n,
    imgsvc_sharpening sharpening)
{
    int64_t x = 0;
    imgsvc_f32s levels;
    IMGSVC_WHOLE_VECTORS(x, n) {
        levels = imgsvc_sharpened(src + 4 * x, blurred + 4 * x, &sharpening);
        memcpy(dst + 4 * x, &levels, sizeof levels);
    }
    if (x < n) {
        uint8_t last[IMGSVC_F32_LANES] = {0};
        int16_t last_blurred[IMGSVC_F32_LANES] = {0};
        memcpy(last, src + 4 * x, 4);
        memcpy(last_blurred, blurred + 4 * x, 4 * sizeof(int16_t));
        levels = imgsvc_sharpened(last, last_blurred, &sharpening);
        memcpy(dst + 4 * x, &levels, 4 * sizeof(float));
    }
}

#endif
