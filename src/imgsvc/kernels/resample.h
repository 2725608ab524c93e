/* The two passes of a separable resampling. */
#ifndef IMGSVC_RESAMPLE_H
#define IMGSVC_RESAMPLE_H

#include "alpha.h"
#include "taps.h"

enum {
    IMGSVC_GROUP = 16,     /* rows of the result that the second pass computes side by side */
    IMGSVC_TAP_BATCH = 64, /* rows of the source at a time: each is a page, and CPUs remember few of them */
};

/* A run of `n` bytes of one row of the result, from rows of the source, `stride` bytes apart. */
__attribute__((noinline)) static void imgsvc_weigh_rows(
    const uint8_t *src, int64_t stride, const float *weights, int64_t count, float *__restrict__ sums, int64_t n)
{
    const int64_t block = IMGSVC_MOST_VECTORS * IMGSVC_F32_LANES;
    for (int64_t done = 0; done < count; done += IMGSVC_TAP_BATCH) {
        const int64_t batch = count - done < IMGSVC_TAP_BATCH ? count - done : IMGSVC_TAP_BATCH;
        const int go_on = done > 0;
        int64_t i = 0;
        for (; i + block <= n; i += block)
            imgsvc_add_taps(0, src + i, stride, weights, batch, go_on, 0, sums + i, 1, IMGSVC_MOST_VECTORS);
        for (; i + IMGSVC_F32_LANES <= n; i += IMGSVC_F32_LANES)
            imgsvc_add_taps(0, src + i, stride, weights, batch, go_on, 0, sums + i, 1, 1);
        for (; i < n; i++) {
            float sum = go_on ? sums[i] : 0;
            for (int64_t t = 0; t < batch; t++)
                sum = sum + weights[t] * (float)src[i + t * stride];
            sums[i] = sum;
        }
        src += batch * stride;
        weights += batch;
    }
}

/* The same of rows of floats, of which no more than IMGSVC_TAP_BATCH; from `sums` on, or from 0. */
__attribute__((noinline)) static void imgsvc_weigh_float_rows(
    const float *src, int64_t stride, const float *weights, int64_t count, int go_on, float *__restrict__ sums,
    int64_t n)
{
    const int64_t block = IMGSVC_MOST_VECTORS * IMGSVC_F32_LANES;
    int64_t i = 0;
    for (; i + block <= n; i += block)
        imgsvc_add_taps(0, src + i, stride, weights, count, go_on, 0, sums + i, 0, IMGSVC_MOST_VECTORS);
    for (; i + IMGSVC_F32_LANES <= n; i += IMGSVC_F32_LANES)
        imgsvc_add_taps(0, src + i, stride, weights, count, go_on, 0, sums + i, 0, 1);
    for (; i < n; i++) {
        float sum = go_on ? sums[i] : 0;
        for (int64_t t = 0; t < count; t++)
            sum = sum + weights[t] * *(const float *)((const char *)(src + i) + t * stride);
        sums[i] = sum;
    }
}

/* The windows of an axis: of which pixels each of the result is the sum. */
typedef struct {
    const int64_t *starts, *counts;
    const float *weights; /* `most` for each pixel of the result */
    int64_t most;
} imgsvc_windows;

/* Columns `first` to `last` of the result, as far as they need columns `begin` to `end` of `taps`. Both have pixels of
 * channels x group floats. */
IMGSVC_INLINE void imgsvc_weigh_columns_of(
    const float *taps, int64_t begin, int64_t end, const imgsvc_windows *windows, float *sums, int64_t first,
    int64_t last, const int channels)
{
    enum { GROUP_VECTORS = IMGSVC_GROUP / IMGSVC_F32_LANES };
    const int pixel = channels * IMGSVC_GROUP;
    const int blocks = (channels * GROUP_VECTORS + IMGSVC_MOST_VECTORS - 1) / IMGSVC_MOST_VECTORS;
    const int vectors = channels * GROUP_VECTORS / blocks;
    for (int64_t x = first; x < last; x++) {
        const int64_t start = windows->starts[x], stop = start + windows->counts[x];
        const int64_t from = start > begin ? start : begin, to = stop < end ? stop : end;
        const float *weights = windows->weights + x * windows->most + (from - start);
        for (int b = 0; b < blocks; b++)
            imgsvc_add_taps(
                0, taps + (from - begin) * pixel + b * vectors * IMGSVC_F32_LANES, pixel * (int64_t)sizeof(float),
                weights, to - from, from > start, 0, sums + (x - first) * pixel + b * vectors * IMGSVC_F32_LANES, 0,
                vectors);
    }
}

__attribute__((noinline)) static void imgsvc_weigh_columns(
    const float *taps, int64_t begin, int64_t end, const imgsvc_windows *windows, float *sums, int64_t first,
    int64_t last, int64_t channels)
{
    if (channels == 1)
        imgsvc_weigh_columns_of(taps, begin, end, windows, sums, first, last, 1);
    else if (channels == 3)
        imgsvc_weigh_columns_of(taps, begin, end, windows, sums, first, last, 3);
    else
        imgsvc_weigh_columns_of(taps, begin, end, windows, sums, first, last, 4);
}

/* Divides sums of columns `first` to `last`, of RGBA weighted by alpha, by what alphas are a part of: what the same
 * windows make of `whites`, which are what those of rows make of 255. Pixels have 4 x group floats. */
__attribute__((noinline, unused)) static void imgsvc_unpremultiply_columns(
    const imgsvc_windows *windows, const float *whites, float *sums, int64_t first, int64_t last)
{
    enum { GROUP_VECTORS = IMGSVC_GROUP / IMGSVC_F32_LANES };
    for (int64_t x = first; x < last; x++, sums += 4 * IMGSVC_GROUP) {
        const float *weights = windows->weights + x * windows->most;
        float white[IMGSVC_GROUP];
        imgsvc_add_taps(0, whites, 0, weights, windows->counts[x], 0, 0, white, 0, GROUP_VECTORS);
        for (int v = 0; v < GROUP_VECTORS; v++) {
            const int64_t at = v * IMGSVC_F32_LANES;
            imgsvc_f32s alphas, colours, factors;
            memcpy(&factors, white + at, sizeof factors);
            memcpy(&alphas, sums + 3 * IMGSVC_GROUP + at, sizeof alphas);
            factors /= alphas;
            factors = (imgsvc_f32s)((imgsvc_i32s)factors & (alphas > (imgsvc_f32s){} + 0.5f));
#pragma GCC unroll 3
            for (int channel = 0; channel < 3; channel++) {
                memcpy(&colours, sums + channel * IMGSVC_GROUP + at, sizeof colours);
                colours *= factors;
                memcpy(sums + channel * IMGSVC_GROUP + at, &colours, sizeof colours);
            }
        }
    }
}

#endif
