/* Moves of pixels that gcc does not vectorise: blocks transposed, rows of 3-byte pixels mirrored.
 *
 * Where the compiler has generic vectors and the CPU the shuffles, pixels go through registers; the plain loops
 * do the rest, and everything elsewhere. Both give the same bytes. Strides are in bytes and may be negative.
 */
#ifndef IMGSVC_SHUFFLE_H
#define IMGSVC_SHUFFLE_H

#include <stdint.h>
#include <string.h>

#include "vectors.h"

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector) && (defined(__SSE2__) || defined(__ARM_NEON))
#define IMGSVC_SHUFFLE __builtin_shufflevector
#endif
#endif
/* Before SSSE3, x86 shuffles bytes one by one. */
#if defined(IMGSVC_SHUFFLE) && (defined(__SSSE3__) || defined(__ARM_NEON))
#define IMGSVC_SHUFFLE_RGB 1
#endif

/* dst[x][y] = src[y][x] for a block: each of its columns becomes a run of dst. */
IMGSVC_INLINE void imgsvc_transpose_plain(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t rows, int64_t columns,
    int64_t src_stride, int64_t dst_stride, const int64_t pixel)
{
    for (int64_t x = 0; x < columns; x++)
        for (int64_t y = 0; y < rows; y++)
            memcpy(dst + x * dst_stride + pixel * y, src + y * src_stride + pixel * x, (size_t)pixel);
}

#ifdef IMGSVC_SHUFFLE

typedef uint8_t imgsvc_u8x16 __attribute__((vector_size(16)));
typedef uint16_t imgsvc_u16x8 __attribute__((vector_size(16)));
typedef uint32_t imgsvc_u32x4 __attribute__((vector_size(16)));

/* 16 x 16 bytes: four rounds, each of which interleaves row i with row i + 8. */
IMGSVC_INLINE void imgsvc_tile_gray(const uint8_t *src, uint8_t *dst, int64_t src_stride, int64_t dst_stride)
{
    imgsvc_u8x16 a[16], b[16];
    for (int i = 0; i < 16; i++)
        memcpy(&a[i], src + i * src_stride, 16);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 8; i++) {
            b[2 * i] = IMGSVC_SHUFFLE(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            b[2 * i + 1] = IMGSVC_SHUFFLE(
                a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        memcpy(a, b, sizeof a);
    }
    for (int i = 0; i < 16; i++)
        memcpy(dst + i * dst_stride, &a[i], 16);
}

/* 8 x 8 values of 16 bits, in three such rounds. */
IMGSVC_INLINE void imgsvc_tile_gray16(const uint8_t *src, uint8_t *dst, int64_t src_stride, int64_t dst_stride)
{
    imgsvc_u16x8 a[8], b[8];
    for (int i = 0; i < 8; i++)
        memcpy(&a[i], src + i * src_stride, 16);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++) {
            b[2 * i] = IMGSVC_SHUFFLE(a[i], a[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
            b[2 * i + 1] = IMGSVC_SHUFFLE(a[i], a[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
        }
        memcpy(a, b, sizeof a);
    }
    for (int i = 0; i < 8; i++)
        memcpy(dst + i * dst_stride, &a[i], 16);
}

/* 4 x 4 words of 32 bits, in place. */
IMGSVC_INLINE void imgsvc_transpose_words(imgsvc_u32x4 r[4])
{
    const imgsvc_u32x4 a = IMGSVC_SHUFFLE(r[0], r[1], 0, 4, 1, 5), b = IMGSVC_SHUFFLE(r[2], r[3], 0, 4, 1, 5);
    const imgsvc_u32x4 c = IMGSVC_SHUFFLE(r[0], r[1], 2, 6, 3, 7), d = IMGSVC_SHUFFLE(r[2], r[3], 2, 6, 3, 7);
    r[0] = IMGSVC_SHUFFLE(a, b, 0, 1, 4, 5);
    r[1] = IMGSVC_SHUFFLE(a, b, 2, 3, 6, 7);
    r[2] = IMGSVC_SHUFFLE(c, d, 0, 1, 4, 5);
    r[3] = IMGSVC_SHUFFLE(c, d, 2, 3, 6, 7);
}

IMGSVC_INLINE void imgsvc_tile_rgba(const uint8_t *src, uint8_t *dst, int64_t src_stride, int64_t dst_stride)
{
    imgsvc_u32x4 r[4];
    for (int i = 0; i < 4; i++)
        memcpy(&r[i], src + i * src_stride, 16);
    imgsvc_transpose_words(r);
    for (int i = 0; i < 4; i++)
        memcpy(dst + i * dst_stride, &r[i], 16);
}

#endif

#ifdef IMGSVC_SHUFFLE_RGB

/* 4 x 4 pixels of 3 bytes: reads 16 bytes of each row, and writes `bytes` of each, 12 or, faster, 16. */
IMGSVC_INLINE void imgsvc_tile_rgb(
    const uint8_t *src, uint8_t *dst, int64_t src_stride, int64_t dst_stride, const size_t bytes)
{
    imgsvc_u32x4 r[4];
    for (int i = 0; i < 4; i++) {
        imgsvc_u8x16 row;
        memcpy(&row, src + i * src_stride, 16);
        r[i] = (imgsvc_u32x4)IMGSVC_SHUFFLE(row, row, 0, 1, 2, 15, 3, 4, 5, 15, 6, 7, 8, 15, 9, 10, 11, 15);
    }
    imgsvc_transpose_words(r);
    for (int i = 0; i < 4; i++) {
        const imgsvc_u8x16 row = (imgsvc_u8x16)r[i];
        const imgsvc_u8x16 packed =
            IMGSVC_SHUFFLE(row, row, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
        memcpy(dst + i * dst_stride, &packed, bytes);
    }
}

#endif

__attribute__((noinline)) static void imgsvc_transpose_gray(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t rows, int64_t columns,
    int64_t src_stride, int64_t dst_stride)
{
    int64_t x = 0, y = 0;
#ifdef IMGSVC_SHUFFLE
    for (; x + 16 <= columns; x += 16)
        for (y = 0; y + 16 <= rows; y += 16)
            imgsvc_tile_gray(src + y * src_stride + x, dst + x * dst_stride + y, src_stride, dst_stride);
    y = rows / 16 * 16;
    imgsvc_transpose_plain(src + y * src_stride, dst + y, rows - y, x, src_stride, dst_stride, 1);
#endif
    imgsvc_transpose_plain(src + x, dst + x * dst_stride, rows, columns - x, src_stride, dst_stride, 1);
}

__attribute__((noinline)) static void imgsvc_transpose_gray16(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t rows, int64_t columns,
    int64_t src_stride, int64_t dst_stride)
{
    int64_t x = 0, y = 0;
#ifdef IMGSVC_SHUFFLE
    for (; x + 8 <= columns; x += 8)
        for (y = 0; y + 8 <= rows; y += 8)
            imgsvc_tile_gray16(src + y * src_stride + 2 * x, dst + x * dst_stride + 2 * y, src_stride, dst_stride);
    y = rows / 8 * 8;
    imgsvc_transpose_plain(src + y * src_stride, dst + 2 * y, rows - y, x, src_stride, dst_stride, 2);
#endif
    imgsvc_transpose_plain(src + 2 * x, dst + x * dst_stride, rows, columns - x, src_stride, dst_stride, 2);
}

__attribute__((noinline)) static void imgsvc_transpose_rgba(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t rows, int64_t columns,
    int64_t src_stride, int64_t dst_stride)
{
    int64_t x = 0, y = 0;
#ifdef IMGSVC_SHUFFLE
    for (; x + 4 <= columns; x += 4)
        for (y = 0; y + 4 <= rows; y += 4)
            imgsvc_tile_rgba(src + y * src_stride + 4 * x, dst + x * dst_stride + 4 * y, src_stride, dst_stride);
    y = rows / 4 * 4;
    imgsvc_transpose_plain(src + y * src_stride, dst + 4 * y, rows - y, x, src_stride, dst_stride, 4);
#endif
    imgsvc_transpose_plain(src + 4 * x, dst + x * dst_stride, rows, columns - x, src_stride, dst_stride, 4);
}

/* A pixel moves with a byte or four of its neighbour, which the neighbour's own move puts right; the last move
 * of a run is exact. `spare` says how many bytes of the image's rows lie right of the block: none is read past. */
__attribute__((noinline)) static void imgsvc_transpose_rgb(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t rows, int64_t columns,
    int64_t src_stride, int64_t dst_stride, int64_t spare)
{
    int64_t x = 0, y = 0;
#ifdef IMGSVC_SHUFFLE_RGB
    const int64_t tiled = rows / 4 * 4;
    if (tiled) {
        for (; x + 4 <= columns && 3 * (columns - x) + spare >= 16; x += 4) {
            const uint8_t *s = src + 3 * x;
            uint8_t *d = dst + x * dst_stride;
            for (y = 0; y < tiled - 4; y += 4)
                imgsvc_tile_rgb(s + y * src_stride, d + 3 * y, src_stride, dst_stride, 16);
            imgsvc_tile_rgb(s + y * src_stride, d + 3 * y, src_stride, dst_stride, 12);
        }
        imgsvc_transpose_plain(
            src + tiled * src_stride, dst + 3 * tiled, rows - tiled, x, src_stride, dst_stride, 3);
    }
#endif
    for (; x < columns && 3 * (columns - x) + spare >= 4; x++) {
        const uint8_t *s = src + 3 * x;
        uint8_t *d = dst + x * dst_stride;
        for (y = 0; y < rows - 1; y++)
            memcpy(d + 3 * y, s + y * src_stride, 4);
        memcpy(d + 3 * y, s + y * src_stride, 3);
    }
    imgsvc_transpose_plain(src + 3 * x, dst + x * dst_stride, rows, columns - x, src_stride, dst_stride, 3);
}

/* dst[width - 1 - x] = src[x]: 16 pixels are three vectors, each of which becomes parts of two or three. */
__attribute__((noinline)) static void imgsvc_mirror_rgb(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width)
{
    int64_t x = 0;
#ifdef IMGSVC_SHUFFLE_RGB
    for (; x + 16 <= width; x += 16) {
        uint8_t *mirrored = dst + 3 * (width - 16 - x);
        imgsvc_u8x16 a, b, c;
        memcpy(&a, src + 3 * x, 16);
        memcpy(&b, src + 3 * x + 16, 16);
        memcpy(&c, src + 3 * x + 32, 16);
        const imgsvc_u8x16 first =
            IMGSVC_SHUFFLE(b, c, 29, 30, 31, 26, 27, 28, 23, 24, 25, 20, 21, 22, 17, 18, 19, 14);
        /* Its second byte is the only one that is in c. */
        const imgsvc_u8x16 nearly =
            IMGSVC_SHUFFLE(a, b, 31, -1, 27, 28, 29, 24, 25, 26, 21, 22, 23, 18, 19, 20, 15, 16);
        const imgsvc_u8x16 second = IMGSVC_SHUFFLE(nearly, c, 0, 16, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const imgsvc_u8x16 third =
            IMGSVC_SHUFFLE(a, b, 17, 12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2);
        memcpy(mirrored, &first, 16);
        memcpy(mirrored + 16, &second, 16);
        memcpy(mirrored + 32, &third, 16);
    }
#endif
    for (; x < width; x++)
        memcpy(dst + 3 * (width - 1 - x), src + 3 * x, 3);
}

/* The same for pixels of three times 16 bits, 8 of them at a time. */
__attribute__((noinline)) static void imgsvc_mirror_rgb16(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width)
{
    int64_t x = 0;
#ifdef IMGSVC_SHUFFLE_RGB
    for (; x + 8 <= width; x += 8) {
        uint8_t *mirrored = dst + 6 * (width - 8 - x);
        imgsvc_u16x8 a, b, c;
        memcpy(&a, src + 6 * x, 16);
        memcpy(&b, src + 6 * x + 16, 16);
        memcpy(&c, src + 6 * x + 32, 16);
        const imgsvc_u16x8 first = IMGSVC_SHUFFLE(b, c, 13, 14, 15, 10, 11, 12, 7, 8);
        /* 17 12 13 14 9 10 11 6 of all three: the first is the only one that is in c. */
        const imgsvc_u16x8 nearly = IMGSVC_SHUFFLE(a, b, -1, 12, 13, 14, 9, 10, 11, 6);
        const imgsvc_u16x8 second = IMGSVC_SHUFFLE(nearly, c, 9, 1, 2, 3, 4, 5, 6, 7);
        const imgsvc_u16x8 third = IMGSVC_SHUFFLE(a, b, 7, 8, 3, 4, 5, 0, 1, 2);
        memcpy(mirrored, &first, 16);
        memcpy(mirrored + 16, &second, 16);
        memcpy(mirrored + 32, &third, 16);
    }
#endif
    for (; x < width; x++)
        memcpy(dst + 6 * (width - 1 - x), src + 6 * x, 6);
}

#endif
