/* Rows and blocks of pixels of any size: 1, 3 or 4 channels of 1, 2 or 4 bytes.
 *
 * The plain loops are always inlined with a size that is a constant, so that a pixel is a load and a store or two.
 * Pixels of 6 and of 12 bytes move with what is beside them, 8 and 16 bytes at a time: the move of the neighbour, which
 * comes after, puts that right, and the last one is exact. Strides are in bytes and may be negative.
 */
#ifndef IMGSVC_MOVES_H
#define IMGSVC_MOVES_H

#include <stdint.h>
#include <string.h>

#include "shuffle.h"

/* dst[width - 1 - x] = src[x] */
IMGSVC_INLINE void imgsvc_mirror_plain(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width, const int64_t pixel)
{
    for (int64_t x = 0; x < width; x++)
        memcpy(dst + pixel * (width - 1 - x), src + pixel * x, (size_t)pixel);
}

/* The same, `moved` bytes at a time, of which the last are the pixel. */
IMGSVC_INLINE void imgsvc_mirror_with_neighbour(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width, const int64_t pixel, const int64_t moved)
{
    const int64_t before = moved - pixel;
    memcpy(dst + pixel * (width - 1), src, (size_t)pixel);
    for (int64_t x = 1; x < width - 1; x++)
        memcpy(dst + pixel * (width - 1 - x) - before, src + pixel * x - before, (size_t)moved);
    memcpy(dst, src + pixel * (width - 1), (size_t)pixel);
}

__attribute__((noinline)) static void imgsvc_mirror(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t width, int64_t pixel)
{
    switch (pixel) {
    case 1: imgsvc_mirror_plain(src, dst, width, 1); break;
    case 2: imgsvc_mirror_plain(src, dst, width, 2); break;
    case 3: imgsvc_mirror_rgb(src, dst, width); break;
    case 4: imgsvc_mirror_plain(src, dst, width, 4); break;
    case 6: imgsvc_mirror_rgb16(src, dst, width); break;
    case 8: imgsvc_mirror_plain(src, dst, width, 8); break;
    case 12: imgsvc_mirror_with_neighbour(src, dst, width, 12, 16); break;
    case 16: imgsvc_mirror_plain(src, dst, width, 16); break;
    }
}

/* dst[x] = src[columns[x]] */
IMGSVC_INLINE void imgsvc_select_plain(
    const uint8_t *__restrict__ src, const int64_t *__restrict__ columns, uint8_t *__restrict__ dst, int64_t width,
    const int64_t pixel)
{
    for (int64_t x = 0; x < width; x++)
        memcpy(dst + pixel * x, src + pixel * columns[x], (size_t)pixel);
}

__attribute__((noinline)) static void imgsvc_select(
    const uint8_t *__restrict__ src, const int64_t *__restrict__ columns, uint8_t *__restrict__ dst, int64_t width,
    int64_t pixel)
{
    switch (pixel) {
    case 1: imgsvc_select_plain(src, columns, dst, width, 1); break;
    case 2: imgsvc_select_plain(src, columns, dst, width, 2); break;
    case 3: imgsvc_select_plain(src, columns, dst, width, 3); break;
    case 4: imgsvc_select_plain(src, columns, dst, width, 4); break;
    case 6: imgsvc_select_plain(src, columns, dst, width, 6); break;
    case 8: imgsvc_select_plain(src, columns, dst, width, 8); break;
    case 12: imgsvc_select_plain(src, columns, dst, width, 12); break;
    case 16: imgsvc_select_plain(src, columns, dst, width, 16); break;
    }
}

/* dst = src, a single pixel. */
IMGSVC_INLINE void imgsvc_put_pixel(const uint8_t *src, uint8_t *dst, int64_t pixel)
{
    switch (pixel) {
    case 1: *dst = *src; break;
    case 2: memcpy(dst, src, 2); break;
    case 3: memcpy(dst, src, 3); break;
    case 4: memcpy(dst, src, 4); break;
    case 6: memcpy(dst, src, 6); break;
    case 8: memcpy(dst, src, 8); break;
    case 12: memcpy(dst, src, 12); break;
    case 16: memcpy(dst, src, 16); break;
    }
}

IMGSVC_INLINE void imgsvc_repeat_plain(const uint8_t *src, uint8_t *dst, int64_t count, const int64_t pixel)
{
    for (int64_t x = 0; x < count; x++)
        memcpy(dst + pixel * x, src, (size_t)pixel);
}

/* dst[x] = src, a single pixel, `count` times. */
IMGSVC_INLINE void imgsvc_repeat(const uint8_t *src, uint8_t *dst, int64_t count, int64_t pixel)
{
    switch (pixel) {
    case 1: memset(dst, *src, (size_t)count); break;
    case 2: imgsvc_repeat_plain(src, dst, count, 2); break;
    case 3: imgsvc_repeat_plain(src, dst, count, 3); break;
    case 4: imgsvc_repeat_plain(src, dst, count, 4); break;
    case 6: imgsvc_repeat_plain(src, dst, count, 6); break;
    case 8: imgsvc_repeat_plain(src, dst, count, 8); break;
    case 12: imgsvc_repeat_plain(src, dst, count, 12); break;
    case 16: imgsvc_repeat_plain(src, dst, count, 16); break;
    }
}

/* dst[x][y] = src[y][x] for a block, `together` of its columns at a time, since they lie side by side in a row: `moved`
 * bytes for a pixel, of which the first are its own. `spare` says how many bytes of the image's rows lie right of the
 * block: none is read past. */
IMGSVC_INLINE void imgsvc_transpose_together(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t rows, int64_t columns, int64_t src_stride,
    int64_t dst_stride, int64_t spare, const int64_t pixel, const int64_t moved, const int64_t together)
{
    int64_t x = 0;
    for (; x + together <= columns && pixel * (columns - x - together + 1) + spare >= moved; x += together) {
        const uint8_t *s = src + pixel * x;
        uint8_t *d = dst + x * dst_stride;
        for (int64_t y = 0; y < rows - 1; y++)
            for (int64_t i = 0; i < together; i++)
                memcpy(d + i * dst_stride + pixel * y, s + y * src_stride + pixel * i, (size_t)moved);
        imgsvc_transpose_plain(
            s + (rows - 1) * src_stride, d + pixel * (rows - 1), 1, together, src_stride, dst_stride, pixel);
    }
    imgsvc_transpose_plain(
        src + pixel * x, dst + x * dst_stride, rows, columns - x, src_stride, dst_stride, pixel);
}

/* Rows of a block of which the first cache, of 64 sets of 8 lines, holds a line each; fewer where the rows lie so that
 * they share 8 sets. */
IMGSVC_INLINE int64_t imgsvc_rows_cached(int64_t stride)
{
    return stride % 512 ? 128 : 64;
}

__attribute__((noinline)) static void imgsvc_transpose(
    const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t rows, int64_t columns, int64_t src_stride,
    int64_t dst_stride, int64_t spare, int64_t pixel)
{
    switch (pixel) {
    case 1: imgsvc_transpose_gray(src, dst, rows, columns, src_stride, dst_stride); break;
    case 3: imgsvc_transpose_rgb(src, dst, rows, columns, src_stride, dst_stride, spare); break;
    case 6: imgsvc_transpose_together(src, dst, rows, columns, src_stride, dst_stride, spare, 6, 8, 2); break;
    case 8: imgsvc_transpose_together(src, dst, rows, columns, src_stride, dst_stride, spare, 8, 8, 4); break;
    case 12: imgsvc_transpose_together(src, dst, rows, columns, src_stride, dst_stride, spare, 12, 16, 2); break;
    case 16: imgsvc_transpose_together(src, dst, rows, columns, src_stride, dst_stride, spare, 16, 16, 4); break;
    default: {
        const int64_t most = imgsvc_rows_cached(src_stride);
        for (int64_t y = 0; y < rows; y += most) {
            const int64_t part = rows - y < most ? rows - y : most;
            if (pixel == 2)
                imgsvc_transpose_gray16(
                    src + y * src_stride, dst + 2 * y, part, columns, src_stride, dst_stride);
            else
                imgsvc_transpose_rgba(src + y * src_stride, dst + 4 * y, part, columns, src_stride, dst_stride);
        }
    }
    }
}

#endif
