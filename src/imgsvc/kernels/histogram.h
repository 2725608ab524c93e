/* How often each value is there, by channel. */

#ifndef IMGSVC_HISTOGRAM_H
#define IMGSVC_HISTOGRAM_H

#include <stdint.h>
#include <string.h>

#include "vectors.h"

/* Of each channel, for one pixel in four each: a value that comes again at once would have to be loaded from a store
 * that is still on its way. */
enum { IMGSVC_TABLES = 4, IMGSVC_VALUES = 256 };

typedef uint32_t imgsvc_counts[IMGSVC_VALUES];

IMGSVC_INLINE void imgsvc_count_pixels(const uint8_t *row, int64_t width, imgsvc_counts *tables, const int channels)
{
    int64_t x = 0;
    for (; x + IMGSVC_TABLES <= width; x += IMGSVC_TABLES) {
#pragma GCC unroll 16
        for (int i = 0; i < IMGSVC_TABLES * channels; i++)
            tables[i][row[i]]++;
        row += IMGSVC_TABLES * channels;
    }
    for (; x < width; x++, row += channels)
        for (int i = 0; i < channels; i++)
            tables[i][row[i]]++;
}

/* Count the values of a row of 1, 3 or 4 channels: of pixel i in table i % 4 of theirs. */
__attribute__((noinline)) static void imgsvc_count(
    const uint8_t *row, int64_t width, int64_t channels, imgsvc_counts *tables)
{
    if (channels == 1)
        imgsvc_count_pixels(row, width, tables, 1);
    else if (channels == 3)
        imgsvc_count_pixels(row, width, tables, 3);
    else
        imgsvc_count_pixels(row, width, tables, 4);
}

/* The sums of the tables of each channel. */
__attribute__((noinline)) static void imgsvc_sum_tables(
    imgsvc_counts *tables, int64_t channels, imgsvc_counts *counts)
{
    memcpy(counts, tables, (size_t)channels * sizeof *counts);
    for (int64_t i = channels; i < IMGSVC_TABLES * channels; i++)
        for (int value = 0; value < IMGSVC_VALUES; value++)
            counts[i % channels][value] += tables[i][value];
}

#endif
