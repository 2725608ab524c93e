/* How many cores the affinity mask of this thread leaves it; 0 where the system does not say. */

#ifndef IMGSVC_AFFINITY_H
#define IMGSVC_AFFINITY_H

#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { IMGSVC_MOST_CORES = 8192 }; /* more than Linux is built for */

static inline int imgsvc_affinity(void)
{
    unsigned long mask[IMGSVC_MOST_CORES / (8 * sizeof(unsigned long))];
    const long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    int cores = 0;
    for (long i = 0; i < bytes / (long)sizeof *mask; i++)
        cores += __builtin_popcountl(mask[i]);
    return cores;
}
#else
static inline int imgsvc_affinity(void) { return 0; }
#endif

#endif
