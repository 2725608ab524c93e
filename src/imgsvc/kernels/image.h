/* An image as the kernels see it: rows of contiguous pixels, some bytes apart. */

#ifndef IMGSVC_IMAGE_H
#define IMGSVC_IMAGE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    uint8_t *data; /* of row 0 */
    int64_t height, width, channels; /* channels of bytes: of deep pixels as many as they have bytes */
    int64_t stride; /* bytes from a row to the next; may be negative */
} imgsvc_image;

/* The address of pixel (y, x). A build for debugging ends the process where there is none. */
static inline uint8_t *imgsvc_at(const imgsvc_image *image, int64_t y, int64_t x)
{
#ifdef IMGSVC_BOUNDS_CHECK
    if (y < 0 || y >= image->height || x < 0 || x >= image->width) {
        fprintf(stderr, "imgsvc: pixel (%lld, %lld) of an image of %lld x %lld\n", (long long)y, (long long)x,
                (long long)image->height, (long long)image->width);
        abort();
    }
#endif
    return image->data + y * image->stride + x * image->channels;
}

/* Have pixels `left` to `right` of row y brought into the cache, as far as they are inside. A tile's rows are so short, and
 * so far apart, that processors do not see which one comes next.
 *
 * Inlined always: gcc takes a function that does nothing else for one that does nothing, and leaves out its calls. */
static inline __attribute__((always_inline)) void imgsvc_prefetch(
    const imgsvc_image *image, int64_t y, int64_t left, int64_t right)
{
    if (left < 0)
        left = 0;
    if (right > image->width)
        right = image->width;
    if (y < 0 || y >= image->height)
        return;
    const uint8_t *row = image->data + y * image->stride;
    for (int64_t i = left * image->channels; i < right * image->channels; i += 64)
        __builtin_prefetch(row + i);
}

enum { IMGSVC_MOST_PREFETCHED = 32 }; /* rows at a time: more would be gone from the cache before they are looked at */

/* The same for rows `top` to `bottom`, or as many of them as are worth it. */
static inline __attribute__((always_inline)) void imgsvc_prefetch_rows(
    const imgsvc_image *image, int64_t top, int64_t bottom, int64_t left, int64_t right)
{
    if (bottom > top + IMGSVC_MOST_PREFETCHED)
        bottom = top + IMGSVC_MOST_PREFETCHED;
    for (int64_t y = top; y < bottom; y++)
        imgsvc_prefetch(image, y, left, right);
}

#endif
