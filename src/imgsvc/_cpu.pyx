"""Which builds of the kernels there are, and which of them this CPU can run."""

cdef extern from *:
    """
    #include <string.h>
    #include "imgsvc_isas.h"

    /* X macros: __builtin_cpu_supports takes a literal, never a variable. */
    #define IMGSVC_NAME(isa) isa,
    static const char *const imgsvc_isas[] = { IMGSVC_ISAS(IMGSVC_NAME) 0 };

    static int imgsvc_cpu_supports(const char *name) {
        (void)name;
    #define IMGSVC_ASK(isa) if (strcmp(name, isa) == 0) return __builtin_cpu_supports(isa) != 0;
        IMGSVC_ISAS(IMGSVC_ASK)
        return 0;
    }
    """
    const char* const imgsvc_isas[]
    int imgsvc_cpu_supports(const char* name) noexcept


def built_isas():
    """Return the instruction sets that the kernels were built for beside the baseline, slowest first."""
    names = []
    cdef Py_ssize_t i = 0
    while imgsvc_isas[i] is not NULL:
        names.append(imgsvc_isas[i].decode("ascii"))
        i += 1
    return tuple(names)


def supports(isa):
    """Return whether this CPU, and the operating system on it, run code built for `isa`."""
    cdef bytes name = isa.encode("ascii", "replace")
    return imgsvc_cpu_supports(name) != 0
