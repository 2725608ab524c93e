/* Registers as wide as the CPU has them, and the instructions on integers that every x86-64 has, by one name. */

#ifndef IMGSVC_VECTORS_H
#define IMGSVC_VECTORS_H

#include <stdint.h>

#define IMGSVC_INLINE static inline __attribute__((always_inline))

#if defined(__AVX2__)
#include <immintrin.h>
enum { IMGSVC_VECTOR_BYTES = 32 };
typedef __m256i imgsvc_integers;
#define IMGSVC_VECTORS 1
#define IMGSVC_I(operation) _mm256_##operation
#define IMGSVC_LOAD(p) _mm256_loadu_si256((const __m256i *)(p))
#define IMGSVC_STORE(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#else
enum { IMGSVC_VECTOR_BYTES = 16 };
#if defined(__SSE2__)
#include <emmintrin.h>
#if defined(__SSSE3__)
#include <tmmintrin.h>
#endif
typedef __m128i imgsvc_integers;
#define IMGSVC_VECTORS 1
#define IMGSVC_I(operation) _mm_##operation
#define IMGSVC_LOAD(p) _mm_loadu_si128((const __m128i *)(p))
#define IMGSVC_STORE(p, v) _mm_storeu_si128((__m128i *)(p), v)
#endif
#endif

enum { IMGSVC_I16_LANES = IMGSVC_VECTOR_BYTES / 2 };

#ifdef IMGSVC_VECTORS

/* 32 or 16 bytes of two vectors of integers below 256, in order. */
IMGSVC_INLINE imgsvc_integers imgsvc_packed(imgsvc_integers low, imgsvc_integers high)
{
    const imgsvc_integers packed = IMGSVC_I(packus_epi16)(low, high);
#ifdef __AVX2__
    return _mm256_permute4x64_epi64(packed, 0xD8);
#else
    return packed;
#endif
}

#endif

#endif
