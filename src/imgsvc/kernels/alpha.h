/* Colours weighted by alpha, and divided by it again: pixels of four values, the last of which is alpha.
 *
 * gcc does not find out that a value belongs to three others. A vector holds whole pixels; a last one that does not
 * fill a vector goes through a buffer. What the CPU has no instructions for is a plain loop.
 */
#ifndef IMGSVC_ALPHA_H
#define IMGSVC_ALPHA_H

#include <stdint.h>
#include <string.h>

#include "taps.h"

enum { IMGSVC_F32_PIXELS = IMGSVC_F32_LANES / 4 };

typedef int32_t imgsvc_i32s __attribute__((vector_size(IMGSVC_VECTOR_BYTES)));

/* Bits of all colours, and of none of the alphas. */
#ifdef __AVX2__
#define IMGSVC_COLOURS ((imgsvc_i32s){-1, -1, -1, 0, -1, -1, -1, 0})
#else
#define IMGSVC_COLOURS ((imgsvc_i32s){-1, -1, -1, 0})
#endif

/* Whether `n` pixels are opaque: four vectors at a time, since each has to wait for the one before. */
__attribute__((noinline, unused)) static int imgsvc_opaque(const uint8_t *pixels, int64_t n)
{
    enum { AT_ONCE = 4 };
    const imgsvc_i32s none = {0};
    imgsvc_i32s all[AT_ONCE] = {~none, ~none, ~none, ~none}, some;
    uint32_t rest = UINT32_MAX, pixel;
    int64_t i = 0;
    for (; i + AT_ONCE * IMGSVC_F32_LANES <= n; i += AT_ONCE * IMGSVC_F32_LANES) {
#pragma GCC unroll 4
        for (int v = 0; v < AT_ONCE; v++) {
            memcpy(&some, pixels + 4 * (i + v * IMGSVC_F32_LANES), sizeof some);
            all[v] &= some;
        }
    }
    all[0] &= all[1] & all[2] & all[3];
    for (int lane = 0; lane < IMGSVC_F32_LANES; lane++)
        rest &= (uint32_t)all[0][lane];
    for (; i < n; i++) {
        memcpy(&pixel, pixels + 4 * i, 4);
        rest &= pixel;
    }
    uint8_t values[4];
    memcpy(values, &rest, 4);
    return values[3] == 255;
}

/* Makes `n` pixels opaque. */
__attribute__((noinline, unused)) static void imgsvc_make_opaque(uint8_t *pixels, int64_t n)
{
    const uint8_t opaque[4] = {0, 0, 0, 255};
    uint32_t alpha, pixel;
    memcpy(&alpha, opaque, 4);
    for (int64_t i = 0; i < n; i++) {
        memcpy(&pixel, pixels + 4 * i, 4);
        pixel |= alpha;
        memcpy(pixels + 4 * i, &pixel, 4);
    }
}

/* Each pixel's alpha, in the place of all four of its values. */
IMGSVC_INLINE imgsvc_f32s imgsvc_alphas(imgsvc_f32s pixels)
{
#if defined(__AVX2__)
    return (imgsvc_f32s)_mm256_permute_ps((__m256)pixels, 0xFF);
#elif defined(__SSE2__) && !defined(__AVX__)
    return (imgsvc_f32s)_mm_shuffle_ps((__m128)pixels, (__m128)pixels, 0xFF);
#else
    imgsvc_f32s alphas;
    for (int i = 0; i < IMGSVC_F32_LANES; i++)
        alphas[i] = pixels[i | 3];
    return alphas;
#endif
}

/* `factors`, but for alphas `of_alpha`. */
IMGSVC_INLINE imgsvc_f32s imgsvc_factors(imgsvc_i32s factors, float of_alpha)
{
    const imgsvc_f32s others = (imgsvc_f32s){} + of_alpha;
#ifdef __AVX2__
    return (imgsvc_f32s)_mm256_blend_ps((__m256)factors, (__m256)others, 0x88);
#else
    return (imgsvc_f32s)((factors & IMGSVC_COLOURS) | ((imgsvc_i32s)others & ~IMGSVC_COLOURS));
#endif
}

IMGSVC_INLINE imgsvc_f32s imgsvc_unpremultiplied(imgsvc_f32s pixels, float white, float least, float of_alpha)
{
    const imgsvc_f32s alphas = imgsvc_alphas(pixels);
    const imgsvc_f32s factors = ((imgsvc_f32s){} + white) / alphas;
    return pixels * imgsvc_factors((imgsvc_i32s)factors & (alphas > (imgsvc_f32s){} + least), of_alpha);
}

/* As long as there are pixels from `x` on, of `n`, that fill a vector. */
#define IMGSVC_WHOLE_VECTORS(x, n) for (; (x) + IMGSVC_F32_PIXELS <= (n); (x) += IMGSVC_F32_PIXELS)

IMGSVC_INLINE void imgsvc_premultiply_vector(const uint8_t *src, float *dst)
{
    /* The two add up to 1/255, the first with so few bits that its product is exact: the sum is alpha / 255 as it is
     * rounded, of each of the 256. A division takes longer. */
    const float most = 0x1.01p-8f, rest = 0x1.010102p-24f;
    const imgsvc_f32s pixels = imgsvc_widened(src), alphas = imgsvc_alphas(pixels);
    const imgsvc_f32s products = pixels * imgsvc_factors((imgsvc_i32s)(alphas * most + alphas * rest), 1);
    memcpy(dst, &products, sizeof products);
}

#ifdef __AVX2__

/* The same for eight pixels, whose quotients are taken at once. */
IMGSVC_INLINE void imgsvc_premultiply_eight(const uint8_t *src, float *dst)
{
    const __m256 most = _mm256_set1_ps(0x1.01p-8f), rest = _mm256_set1_ps(0x1.010102p-24f);
    const __m256 alphas = _mm256_cvtepi32_ps(_mm256_srli_epi32(IMGSVC_LOAD(src), 24));
    const __m256 quotients = _mm256_add_ps(_mm256_mul_ps(alphas, most), _mm256_mul_ps(alphas, rest));
    const __m256 one = _mm256_set1_ps(1);
    __m256i pixel = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
#pragma GCC unroll 4
    for (int v = 0; v < 4; v++) {
        const __m256 factors = _mm256_blend_ps(_mm256_permutevar8x32_ps(quotients, pixel), one, 0x88);
        _mm256_storeu_ps(dst + 8 * v, _mm256_mul_ps((__m256)imgsvc_widened(src + 8 * v), factors));
        pixel = _mm256_add_epi32(pixel, _mm256_set1_epi32(2));
    }
}

#endif

/* Colours become c * (alpha / 255), the quotient and the product rounded each by itself; alpha stays. */
__attribute__((noinline, unused)) static void imgsvc_premultiply_floats(
    const uint8_t *__restrict__ src, float *__restrict__ dst, int64_t n)
{
    int64_t x = 0;
#ifdef __AVX2__
    for (; x + 8 <= n; x += 8)
        imgsvc_premultiply_eight(src + 4 * x, dst + 4 * x);
#endif
    IMGSVC_WHOLE_VECTORS(x, n)
        imgsvc_premultiply_vector(src + 4 * x, dst + 4 * x);
    if (x < n) {
        uint8_t last[IMGSVC_F32_LANES] = {0};
        float products[IMGSVC_F32_LANES];
        memcpy(last, src + 4 * x, 4);
        imgsvc_premultiply_vector(last, products);
        memcpy(dst + 4 * x, products, 4 * sizeof(float));
    }
}

/* In place: where the sum of alphas is above 1/2, colours are multiplied by white / it; elsewhere they become 0. */
__attribute__((noinline, unused)) static void imgsvc_unpremultiply_floats(float *sums, int64_t n, float white)
{
    int64_t x = 0;
    imgsvc_f32s pixels;
    IMGSVC_WHOLE_VECTORS(x, n) {
        memcpy(&pixels, sums + 4 * x, sizeof pixels);
        pixels = imgsvc_unpremultiplied(pixels, white, 0.5f, 1);
        memcpy(sums + 4 * x, &pixels, sizeof pixels);
    }
    if (x < n) {
        pixels = (imgsvc_f32s){};
        memcpy(&pixels, sums + 4 * x, 4 * sizeof(float));
        pixels = imgsvc_unpremultiplied(pixels, white, 0.5f, 1);
        memcpy(sums + 4 * x, &pixels, 4 * sizeof(float));
    }
}

#endif
