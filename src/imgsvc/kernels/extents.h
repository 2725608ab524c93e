/* Where along a row pixels differ from a background. */

#ifndef IMGSVC_EXTENTS_H
#define IMGSVC_EXTENTS_H

#include <stdint.h>
#include <string.h>

#include "vectors.h"

enum {
    IMGSVC_EXTENT_BLOCK = 192, /* bytes that are compared at a time: whole vectors, and whole pixels of 1, 3 and 4 */
    IMGSVC_OPAQUE_LEVEL = 255
};

typedef struct {
    uint8_t background[IMGSVC_EXTENT_BLOCK]; /* the pixel again and again */
    int64_t channels;
    int threshold;
} imgsvc_extents;

/* Whether a pixel differs by more than the threshold in a channel; with alpha, colours by what is seen of them. */
IMGSVC_INLINE int imgsvc_differs(const uint8_t *pixel, const imgsvc_extents *work)
{
    const uint8_t *other = work->background;
    int differs = 0;
    if (work->channels == 4) {
        const int alpha = pixel[3], other_alpha = other[3], most = IMGSVC_OPAQUE_LEVEL * work->threshold;
        for (int i = 0; i < 3; i++) {
            const int difference = pixel[i] * alpha - other[i] * other_alpha;
            differs |= difference > most || -difference > most;
        }
        return differs || alpha - other_alpha > work->threshold || other_alpha - alpha > work->threshold;
    }
    for (int64_t i = 0; i < work->channels; i++)
        differs |= pixel[i] - other[i] > work->threshold || other[i] - pixel[i] > work->threshold;
    return differs;
}

/* Whether a byte of a block differs by more than the threshold. */
IMGSVC_INLINE int imgsvc_block_differs(const uint8_t *row, const imgsvc_extents *work)
{
    const uint8_t most = (uint8_t)work->threshold;
    uint8_t differs = 0;
    for (int i = 0; i < IMGSVC_EXTENT_BLOCK; i++) {
        const uint8_t a = row[i], b = work->background[i];
        differs |= (uint8_t)(a > b ? a - b : b - a) > most;
    }
    return differs;
}

/* The first and the last pixel of a row that differs; its width and -1 where none does. */
__attribute__((noinline)) static void imgsvc_extent(
    const uint8_t *row, int64_t width, const imgsvc_extents *work, int32_t extent[2])
{
    const int64_t channels = work->channels, pixels = IMGSVC_EXTENT_BLOCK / channels;
    const int blocks = channels != 4; /* what is seen of colours is no difference of bytes */
    int64_t first = 0, last = width - 1;
    while (first < width) {
        if (blocks && first + pixels <= width && !imgsvc_block_differs(row + first * channels, work)) {
            first += pixels;
            continue;
        }
        const int64_t end = first + pixels < width ? first + pixels : width;
        while (first < end && !imgsvc_differs(row + first * channels, work))
            first++;
        if (first < end)
            break;
    }
    while (last > first) {
        if (blocks && last - first >= pixels && !imgsvc_block_differs(row + (last - pixels + 1) * channels, work)) {
            last -= pixels;
            continue;
        }
        const int64_t begin = last - first >= pixels ? last - pixels : first;
        while (last > begin && !imgsvc_differs(row + last * channels, work))
            last--;
        if (last > begin)
            break;
    }
    extent[0] = (int32_t)first;
    extent[1] = first < width ? (int32_t)last : -1;
}

#endif
