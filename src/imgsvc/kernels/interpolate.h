/* Pixels between those of a source, which are their taps: weighed two by two, or four by four.
 *
 * Places are multiples of 2**-32 of a pixel, half of the last bit of a fraction added, and advance by as many for each
 * pixel of the result. With AVX2 eight pixels are computed at once, whose taps lie anywhere; the plain code does the
 * same elsewhere. All sums are integers, so both give the same bytes.
 */
#ifndef IMGSVC_INTERPOLATE_H
#define IMGSVC_INTERPOLATE_H

#include <stdint.h>
#include <string.h>

#include "image.h"
#include "vectors.h"

enum {
    IMGSVC_PLACE_BITS = 32,
    IMGSVC_FRACTION_BITS = 7,
    IMGSVC_EIGHT = 8, /* pixels at a time */

    /* Of the sums: those of a weight each across and down. */
    IMGSVC_BILINEAR_BITS = 2 * IMGSVC_FRACTION_BITS,
    IMGSVC_BICUBIC_BITS = 2 * 11,
};

typedef struct {
    int64_t x, y;             /* of the first pixel */
    int64_t x_step, y_step;
} imgsvc_line;

typedef double imgsvc_four_doubles __attribute__((vector_size(32)));

/* The place of a pixel. That of one behind the last may be too far away for 64 bits, and is not looked at. */
IMGSVC_INLINE int64_t imgsvc_place(int64_t start, int64_t step, int64_t pixel)
{
    return (int64_t)((uint64_t)start + (uint64_t)step * (uint64_t)pixel);
}

IMGSVC_INLINE int64_t imgsvc_whole(int64_t place)
{
    return place >> IMGSVC_PLACE_BITS;
}

IMGSVC_INLINE int64_t imgsvc_fraction(int64_t place)
{
    return (int64_t)((uint64_t)place >> (IMGSVC_PLACE_BITS - IMGSVC_FRACTION_BITS)) & ((1 << IMGSVC_FRACTION_BITS) - 1);
}

/* How many bytes are read where a pixel's taps in a row begin. */
IMGSVC_INLINE int64_t imgsvc_bytes_read(int64_t taps, int64_t pixel)
{
    switch (taps) {
    case 1: return pixel == 3 ? 4 : pixel == 6 ? 8 : pixel == 12 ? 16 : pixel;
    case 2: return pixel == 1 ? 2 : 8;
    default: return pixel == 1 ? 4 : 16;
    }
}

IMGSVC_INLINE uint8_t imgsvc_clamped(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* A pixel, from taps that are `stride` bytes apart from row to row: one exact sum, rounded to nearest, ties up. */
IMGSVC_INLINE void imgsvc_weigh_pixel(
    const uint8_t *src, int64_t stride, const int16_t *across, const int16_t *down, uint8_t *dst, const int64_t taps,
    const int64_t channels)
{
    const int bits = taps == 2 ? IMGSVC_BILINEAR_BITS : IMGSVC_BICUBIC_BITS;
    for (int64_t c = 0; c < channels; c++) {
        int32_t sum = 1 << (bits - 1);
        for (int64_t t = 0; t < taps; t++) {
            const uint8_t *row = src + t * stride + c;
            int32_t of_row = 0;
            for (int64_t s = 0; s < taps; s++)
                of_row += across[s] * row[s * channels];
            sum += down[t] * of_row;
        }
        dst[c] = imgsvc_clamped(sum >> bits);
    }
}

IMGSVC_INLINE imgsvc_four_doubles imgsvc_doubles(const uint8_t *pixel)
{
#ifdef __AVX2__
    int32_t four;
    memcpy(&four, pixel, sizeof four);
    return (imgsvc_four_doubles)_mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)));
#else
    return (imgsvc_four_doubles){pixel[0], pixel[1], pixel[2], pixel[3]};
#endif
}

/* The same of RGBA, with colours weighted by alpha. The sums are integers below 2**53, and a quotient of theirs is an
 * integer or farther from one than it is rounded. */
IMGSVC_INLINE void imgsvc_weigh_colours(
    const uint8_t *src, int64_t stride, const int16_t *across, const int16_t *down, uint8_t *dst, const int64_t taps)
{
    const int bits = taps == 2 ? IMGSVC_BILINEAR_BITS : IMGSVC_BICUBIC_BITS;
    imgsvc_four_doubles sums = {0};
    for (int64_t t = 0; t < taps; t++) {
        for (int64_t s = 0; s < taps; s++) {
            const uint8_t *pixel = src + t * stride + 4 * s;
            imgsvc_four_doubles values = imgsvc_doubles(pixel);
            values[3] = 1;
            sums += values * (double)(down[t] * across[s] * pixel[3]);
        }
    }
    const double alphas = sums[3];
    const int32_t alpha = imgsvc_clamped(((int32_t)alphas + (1 << (bits - 1))) >> bits);
    const imgsvc_four_doubles quotients = (2 * sums + alphas) / (2 * alphas);
    for (int c = 0; c < 3; c++)
        dst[c] = alpha && quotients[c] > 0 ? (uint8_t)(quotients[c] < 255 ? quotients[c] : 255) : 0;
    dst[3] = (uint8_t)alpha;
}

IMGSVC_INLINE void imgsvc_put_interpolated(
    const uint8_t *src, int64_t stride, int64_t fraction_x, int64_t fraction_y, const int16_t *weights, uint8_t *dst,
    const int64_t taps, const int64_t channels, const int weighted)
{
    const int16_t *across = weights + taps * fraction_x, *down = weights + taps * fraction_y;
    if (weighted)
        imgsvc_weigh_colours(src, stride, across, down, dst, taps);
    else
        imgsvc_weigh_pixel(src, stride, across, down, dst, taps, channels);
}

#ifdef __AVX2__

/* Places of eight pixels: in each vector those of 0 1 4 5 and of 2 3 6 7, whose halves then come in order. */
typedef struct {
    __m256i x[2], y[2];
} imgsvc_eight_places;

/* Where pixel j is in there. */
#define IMGSVC_NTH(j) (((j) & 1) | ((j) & 2) << 1 | ((j) & 4) >> 1)

IMGSVC_INLINE __m256i imgsvc_four_places(int64_t start, int64_t step, int64_t first)
{
    return _mm256_setr_epi64x(
        imgsvc_place(start, step, first), imgsvc_place(start, step, first + 1), imgsvc_place(start, step, first + 4),
        imgsvc_place(start, step, first + 5));
}

IMGSVC_INLINE imgsvc_eight_places imgsvc_places_from(const imgsvc_line *line, int64_t first)
{
    imgsvc_eight_places places;
    for (int half = 0; half < 2; half++) {
        places.x[half] = imgsvc_four_places(line->x, line->x_step, first + 2 * half);
        places.y[half] = imgsvc_four_places(line->y, line->y_step, first + 2 * half);
    }
    return places;
}

IMGSVC_INLINE void imgsvc_advance(imgsvc_eight_places *places, __m256i x_step, __m256i y_step)
{
    for (int half = 0; half < 2; half++) {
        places->x[half] = _mm256_add_epi64(places->x[half], x_step);
        places->y[half] = _mm256_add_epi64(places->y[half], y_step);
    }
}

/* Bytes from the first pixel of the source to those at `places`. */
IMGSVC_INLINE void imgsvc_offsets(
    const imgsvc_eight_places *places, int64_t stride, const int64_t pixel, int64_t offsets[IMGSVC_EIGHT])
{
    for (int half = 0; half < 2; half++) {
        const __m256i columns = _mm256_srli_epi64(places->x[half], IMGSVC_PLACE_BITS);
        const __m256i rows = _mm256_srli_epi64(places->y[half], IMGSVC_PLACE_BITS);
        IMGSVC_STORE(offsets + 4 * half, _mm256_add_epi64(
            _mm256_mul_epi32(rows, _mm256_set1_epi64x(stride)), _mm256_mul_epi32(columns, _mm256_set1_epi64x(pixel))));
    }
}

IMGSVC_INLINE __m256i imgsvc_eight_fractions(const __m256i places[2])
{
    const __m256 low = _mm256_shuffle_ps((__m256)places[0], (__m256)places[1], 0x88);
    return _mm256_srli_epi32((__m256i)low, IMGSVC_PLACE_BITS - IMGSVC_FRACTION_BITS);
}

/* Two pixels' values from four sums each, in 32 bits, eight pixels in all: [0 | 4], [1 | 5], [2 | 6] and [3 | 7]. */
IMGSVC_INLINE void imgsvc_put_eight(const __m256i sums[4], uint8_t *dst, const int64_t channels)
{
    const __m256i packed =
        _mm256_packus_epi16(_mm256_packs_epi32(sums[0], sums[1]), _mm256_packs_epi32(sums[2], sums[3]));
    if (channels == 4) {
        IMGSVC_STORE(dst, packed);
        return;
    }
    const __m256i without = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    const __m256i together = _mm256_permutevar8x32_epi32(
        _mm256_shuffle_epi8(packed, without), _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
    _mm_storeu_si128((__m128i *)dst, _mm256_castsi256_si128(together));
    _mm_storel_epi64((__m128i *)(dst + 16), _mm256_extracti128_si256(together, 1));
}

/* The same for a single value each, in order. */
IMGSVC_INLINE void imgsvc_put_eight_gray(__m256i sums, uint8_t *dst)
{
    const __m256i words = _mm256_packs_epi32(sums, sums), bytes = _mm256_packus_epi16(words, words);
    _mm_storel_epi64(
        (__m128i *)dst, _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)));
}

/* Two taps of a row, and the two below. */
IMGSVC_INLINE uint32_t imgsvc_gray_taps(const uint8_t *src, int64_t stride)
{
    uint16_t above, below;
    memcpy(&above, src, 2);
    memcpy(&below, src + stride, 2);
    return above | (uint32_t)below << 16;
}

/* Eight bytes of a row, and of that below. */
IMGSVC_INLINE __m128i imgsvc_two_rows(const uint8_t *src, int64_t stride)
{
    int64_t below;
    memcpy(&below, src + stride, 8);
    return _mm_insert_epi64(_mm_loadl_epi64((const __m128i *)src), below, 1);
}

/* A weight each for two taps: (1 - f, f) in bytes and twice, and in 16 bits. */
IMGSVC_INLINE __m256i imgsvc_bilinear_across(__m256i fractions)
{
    const __m256i four = _mm256_shuffle_epi8(fractions, _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12)));
    return _mm256_add_epi8(
        _mm256_sign_epi8(four, _mm256_set1_epi32(0x01FF01FF)), _mm256_set1_epi32(0x00010001 << IMGSVC_FRACTION_BITS));
}

IMGSVC_INLINE __m256i imgsvc_bilinear_down(__m256i fractions)
{
    const __m256i one = _mm256_set1_epi32(1 << IMGSVC_FRACTION_BITS);
    return _mm256_add_epi32(_mm256_sub_epi32(_mm256_slli_epi32(fractions, 16), fractions), one);
}

/* Sums of two by two taps, those of the upper row first; for each as many weights.
 *
 * pmaddubsw multiplies weights, up to 128, by values from -128 to 127, of which both are left of the sum. */
IMGSVC_INLINE __m256i imgsvc_bilinear_sums(__m256i taps, __m256i across, __m256i down)
{
    const __m256i rounding =
        _mm256_set1_epi32((1 << (IMGSVC_BILINEAR_BITS - 1)) + (128 << IMGSVC_BILINEAR_BITS));
    const __m256i rows = _mm256_maddubs_epi16(across, _mm256_xor_si256(taps, _mm256_set1_epi8((char)0x80)));
    return _mm256_srli_epi32(_mm256_add_epi32(_mm256_madd_epi16(rows, down), rounding), IMGSVC_BILINEAR_BITS);
}

/* Bits of the alphas of RGBA. */
#define IMGSVC_ALPHA_BITS _mm256_set1_epi32((int32_t)0xFF000000)

/* Eight pixels from two by two taps; returns whether all of RGBA are opaque. */
IMGSVC_INLINE int imgsvc_bilinear_eight(
    const uint8_t *src, const int64_t offsets[IMGSVC_EIGHT], int64_t stride, __m256i fractions_x, __m256i fractions_y,
    uint8_t *dst, const int64_t channels)
{
    const __m256i across = imgsvc_bilinear_across(fractions_x), down = imgsvc_bilinear_down(fractions_y);
    if (channels == 1) {
        uint64_t pairs[IMGSVC_EIGHT / 2];
#pragma GCC unroll 4
        for (int pair = 0; pair < IMGSVC_EIGHT / 2; pair++)
            pairs[pair] = imgsvc_gray_taps(src + offsets[IMGSVC_NTH(2 * pair)], stride)
                          | (uint64_t)imgsvc_gray_taps(src + offsets[IMGSVC_NTH(2 * pair + 1)], stride) << 32;
        const __m256i taps = _mm256_setr_epi64x(
            (int64_t)pairs[0], (int64_t)pairs[1], (int64_t)pairs[2], (int64_t)pairs[3]);
        imgsvc_put_eight_gray(imgsvc_bilinear_sums(taps, across, down), dst);
        return 1;
    }
    /* Both taps of the upper row, and of the lower one, channel by channel. */
    const __m256i order = _mm256_broadcastsi128_si256(
        channels == 3 ? _mm_setr_epi8(0, 3, 8, 11, 1, 4, 9, 12, 2, 5, 10, 13, -1, -1, -1, -1)
                      : _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __m256i all = _mm256_set1_epi32(-1), sums[4];
#define IMGSVC_PAIR(j) \
    { \
        const __m256i taps = _mm256_inserti128_si256( \
            _mm256_castsi128_si256(imgsvc_two_rows(src + offsets[IMGSVC_NTH(j)], stride)), \
            imgsvc_two_rows(src + offsets[IMGSVC_NTH(j + 4)], stride), 1); \
        sums[j] = imgsvc_bilinear_sums( \
            _mm256_shuffle_epi8(taps, order), _mm256_shuffle_epi32(across, 0x55 * j), \
            _mm256_shuffle_epi32(down, 0x55 * j)); \
        all = _mm256_and_si256(all, taps); \
    }
    IMGSVC_PAIR(0)
    IMGSVC_PAIR(1)
    IMGSVC_PAIR(2)
    IMGSVC_PAIR(3)
#undef IMGSVC_PAIR
    imgsvc_put_eight(sums, dst, channels);
    return _mm256_testc_si256(all, IMGSVC_ALPHA_BITS);
}

IMGSVC_INLINE __m256i imgsvc_two_loads(const void *low, const void *high)
{
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)low)), _mm_loadu_si128((const __m128i *)high), 1);
}

/* Four weights in the low half of an entry for each of two pixels. */
IMGSVC_INLINE __m256i imgsvc_two_weights(const int16_t *weights, int32_t low, int32_t high)
{
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadl_epi64((const __m128i *)(weights + 4 * low))),
        _mm_loadl_epi64((const __m128i *)(weights + 4 * high)), 1);
}

/* Two pixels' sums from four by four taps; `all` keeps what bits all taps have. */
IMGSVC_INLINE __m256i imgsvc_bicubic_pair(
    const uint8_t *one, const uint8_t *other, int64_t stride, __m256i across, __m256i down, __m256i *all,
    const int64_t channels)
{
    /* The first two taps of a row, channel by channel, in 16 bits; and the other two. */
    const __m256i first = _mm256_broadcastsi128_si256(
        channels == 3 ? _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1)
                      : _mm_setr_epi8(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1));
    const __m256i last = _mm256_broadcastsi128_si256(
        channels == 3 ? _mm_setr_epi8(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1)
                      : _mm_setr_epi8(8, -1, 12, -1, 9, -1, 13, -1, 10, -1, 14, -1, 11, -1, 15, -1));
    const __m256i first_weights = _mm256_shuffle_epi32(across, 0x00), last_weights = _mm256_shuffle_epi32(across, 0x55);
    __m256i sum = _mm256_set1_epi32(1 << (IMGSVC_BICUBIC_BITS - 1));
#define IMGSVC_ROW(t) \
    { \
        const __m256i taps = imgsvc_two_loads(one + t * stride, other + t * stride); \
        const __m256i row = _mm256_add_epi32( \
            _mm256_madd_epi16(_mm256_shuffle_epi8(taps, first), first_weights), \
            _mm256_madd_epi16(_mm256_shuffle_epi8(taps, last), last_weights)); \
        sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(row, _mm256_shuffle_epi32(down, 0x55 * t))); \
        *all = _mm256_and_si256(*all, taps); \
    }
    IMGSVC_ROW(0)
    IMGSVC_ROW(1)
    IMGSVC_ROW(2)
    IMGSVC_ROW(3)
#undef IMGSVC_ROW
    return _mm256_srai_epi32(sum, IMGSVC_BICUBIC_BITS);
}

/* A gray pixel's sum from four by four taps, in eight parts. */
IMGSVC_INLINE __m256i imgsvc_bicubic_gray(
    const uint8_t *src, int64_t stride, const int16_t *across, const int16_t *down)
{
    int32_t rows[4];
    int64_t weights;
    for (int t = 0; t < 4; t++)
        memcpy(&rows[t], src + t * stride, 4);
    memcpy(&weights, across, 8);
    const __m256i taps = _mm256_cvtepu8_epi16(_mm_setr_epi32(rows[0], rows[1], rows[2], rows[3]));
    const __m256i sums = _mm256_madd_epi16(taps, _mm256_set1_epi64x(weights));
    const __m128i four = _mm_cvtepi16_epi32(_mm_loadl_epi64((const __m128i *)down));
    return _mm256_mullo_epi32(
        sums, _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(four), _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)));
}

/* Eight pixels from four by four taps; returns whether all of RGBA are opaque. */
IMGSVC_INLINE int imgsvc_bicubic_eight(
    const uint8_t *src, const int64_t offsets[IMGSVC_EIGHT], int64_t stride, __m256i fractions_x, __m256i fractions_y,
    const int16_t *weights, uint8_t *dst, const int64_t channels)
{
    int32_t x[IMGSVC_EIGHT], y[IMGSVC_EIGHT];
    IMGSVC_STORE(x, fractions_x);
    IMGSVC_STORE(y, fractions_y);
    if (channels == 1) {
        __m256i parts[IMGSVC_EIGHT];
#pragma GCC unroll 8
        for (int j = 0; j < IMGSVC_EIGHT; j++)
            parts[j] = imgsvc_bicubic_gray(
                src + offsets[IMGSVC_NTH(j)], stride, weights + 4 * x[j], weights + 4 * y[j]);
        const __m256i low = _mm256_hadd_epi32(
            _mm256_hadd_epi32(parts[0], parts[1]), _mm256_hadd_epi32(parts[2], parts[3]));
        const __m256i high = _mm256_hadd_epi32(
            _mm256_hadd_epi32(parts[4], parts[5]), _mm256_hadd_epi32(parts[6], parts[7]));
        const __m256i sums = _mm256_add_epi32(
            _mm256_permute2x128_si256(low, high, 0x20), _mm256_permute2x128_si256(low, high, 0x31));
        imgsvc_put_eight_gray(
            _mm256_srai_epi32(
                _mm256_add_epi32(sums, _mm256_set1_epi32(1 << (IMGSVC_BICUBIC_BITS - 1))), IMGSVC_BICUBIC_BITS),
            dst);
        return 1;
    }
    __m256i all = _mm256_set1_epi32(-1), sums[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        const __m256i down = imgsvc_two_weights(weights, y[j], y[j + 4]);
        sums[j] = imgsvc_bicubic_pair(
            src + offsets[IMGSVC_NTH(j)], src + offsets[IMGSVC_NTH(j + 4)], stride,
            imgsvc_two_weights(weights, x[j], x[j + 4]),
            /* The sign of 16 bits is that of 32. */
            _mm256_srai_epi32(_mm256_unpacklo_epi16(down, down), 16), &all, channels);
    }
    imgsvc_put_eight(sums, dst, channels);
    return _mm256_testc_si256(all, IMGSVC_ALPHA_BITS);
}

/* Eight pixels; `offsets` say where their taps begin. */
IMGSVC_INLINE void imgsvc_interpolate_eight(
    const uint8_t *src, const int64_t offsets[IMGSVC_EIGHT], int64_t stride, const imgsvc_eight_places *places,
    const int16_t *weights, uint8_t *dst, const int64_t taps, const int64_t channels, const int weighted)
{
    const __m256i x = imgsvc_eight_fractions(places->x), y = imgsvc_eight_fractions(places->y);
    const int opaque = taps == 2 ? imgsvc_bilinear_eight(src, offsets, stride, x, y, dst, channels)
                                 : imgsvc_bicubic_eight(src, offsets, stride, x, y, weights, dst, channels);
    if (weighted && !opaque) {
        int32_t fractions_x[IMGSVC_EIGHT], fractions_y[IMGSVC_EIGHT];
        IMGSVC_STORE(fractions_x, x);
        IMGSVC_STORE(fractions_y, y);
        for (int j = 0; j < IMGSVC_EIGHT; j++)
            imgsvc_put_interpolated(
                src + offsets[IMGSVC_NTH(j)], stride, fractions_x[j], fractions_y[j], weights, dst + 4 * j, taps, 4, 1);
    }
}

#else

typedef imgsvc_line imgsvc_eight_places;

#define IMGSVC_NTH(j) (j)

IMGSVC_INLINE void imgsvc_interpolate_eight(
    const uint8_t *src, const int64_t offsets[IMGSVC_EIGHT], int64_t stride, const imgsvc_eight_places *places,
    const int16_t *weights, uint8_t *dst, const int64_t taps, const int64_t channels, const int weighted)
{
    for (int j = 0; j < IMGSVC_EIGHT; j++)
        imgsvc_put_interpolated(
            src + offsets[j], stride, imgsvc_fraction(imgsvc_place(places->x, places->x_step, j)),
            imgsvc_fraction(imgsvc_place(places->y, places->y_step, j)), weights, dst + channels * j, taps, channels,
            weighted);
}

IMGSVC_INLINE imgsvc_eight_places imgsvc_places_from(const imgsvc_line *line, int64_t first)
{
    imgsvc_eight_places places = *line;
    places.x = imgsvc_place(line->x, line->x_step, first);
    places.y = imgsvc_place(line->y, line->y_step, first);
    return places;
}

IMGSVC_INLINE void imgsvc_offsets(
    const imgsvc_eight_places *places, int64_t stride, const int64_t pixel, int64_t offsets[IMGSVC_EIGHT])
{
    for (int j = 0; j < IMGSVC_EIGHT; j++)
        offsets[j] = imgsvc_whole(imgsvc_place(places->y, places->y_step, j)) * stride
                     + imgsvc_whole(imgsvc_place(places->x, places->x_step, j)) * pixel;
}

#endif

#endif
