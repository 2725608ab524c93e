/* Copying runs of bytes: rows, which are too short for a call of memcpy to be nothing beside them.
 *
 * Nor does this ever take `rep movsb`, as glibc's memcpy does for long runs: on Zen 3 that takes ten times as long where
 * `dst` begins up to 31 bytes after `src` in its page.
 */
#ifndef IMGSVC_COPY_H
#define IMGSVC_COPY_H

#include <stdint.h>
#include <string.h>

#include "vectors.h"

IMGSVC_INLINE void imgsvc_copy(const uint8_t *__restrict__ src, uint8_t *__restrict__ dst, int64_t n)
{
#ifdef IMGSVC_VECTORS
    int64_t i = 0;
    for (; i + 4 * IMGSVC_VECTOR_BYTES <= n; i += 4 * IMGSVC_VECTOR_BYTES) {
        imgsvc_integers values[4];
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++)
            values[v] = IMGSVC_LOAD(src + i + v * IMGSVC_VECTOR_BYTES);
#pragma GCC unroll 4
        for (int v = 0; v < 4; v++)
            IMGSVC_STORE(dst + i + v * IMGSVC_VECTOR_BYTES, values[v]);
    }
    for (; i + IMGSVC_VECTOR_BYTES <= n; i += IMGSVC_VECTOR_BYTES)
        IMGSVC_STORE(dst + i, IMGSVC_LOAD(src + i));
    if (i < n && n >= IMGSVC_VECTOR_BYTES) /* the last ones, some of them a second time */
        IMGSVC_STORE(dst + n - IMGSVC_VECTOR_BYTES, IMGSVC_LOAD(src + n - IMGSVC_VECTOR_BYTES));
    else if (i < n)
        memcpy(dst + i, src + i, (size_t)(n - i));
#else
    memcpy(dst, src, (size_t)n);
#endif
}

#endif
