/* An image as the kernels see it: rows of contiguous pixels, some bytes apart. */

#ifndef IMGSVC_IMAGE_H
#define IMGSVC_IMAGE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct {
    uint8_t *data; /* of row 0 */
    int64_t height, width, channels;
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

#endif
