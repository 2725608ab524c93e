/* When a kernel should stop: a flag that another thread may set, and a deadline on the monotonic clock. */

#ifndef IMGSVC_STOP_H
#define IMGSVC_STOP_H

#include <stdint.h>
#include <time.h>

typedef struct {
    int64_t deadline; /* nanoseconds */
    int cancelled;    /* set from outside */
    int stopped;      /* set by a kernel that left work undone */
} imgsvc_stop_state;

static inline int64_t imgsvc_monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Relaxed: nothing else is read because of what the flags say. */
static inline int imgsvc_get(const int *flag) { return __atomic_load_n(flag, __ATOMIC_RELAXED); }
static inline void imgsvc_set(int *flag) { __atomic_store_n(flag, 1, __ATOMIC_RELAXED); }

/* Whether to leave the next chunk undone. Costs some 30 ns: ask once a chunk. */
static inline int imgsvc_should_stop(imgsvc_stop_state *state) {
    if (imgsvc_get(&state->stopped)) return 1;
    if (!imgsvc_get(&state->cancelled) && (state->deadline == INT64_MAX || imgsvc_monotonic() < state->deadline))
        return 0;
    imgsvc_set(&state->stopped);
    return 1;
}

#endif
