"""The build of the kernels that this CPU runs best, or the one that ``IMGSVC_ISA`` names.

A build for a CPU that this is not would die with SIGILL while it is imported, so the CPU is asked first.
"""

from __future__ import annotations

import functools
import importlib
import os
import re
from typing import TYPE_CHECKING, cast

from imgsvc import _cpu
from imgsvc.errors import ConfigurationError

BASELINE = "baseline"


class Kernels:
    """A build of the kernels, to a type checker, for which a module is no type: all have the first one's."""

    if TYPE_CHECKING:
        from imgsvc._kernels import (  # noqa: PLC0415 - they are attributes
            BoxBlur,
            ColorMatrix,
            Convert,
            Convolve,
            Copy,
            Extents,
            Flatten,
            GaussianBlur,
            Grayscale,
            Histogram,
            Invert,
            Lookup,
            MeanFilter,
            Mirror,
            Pad,
            QuarterTurn,
            Resample,
            Select,
            Sharpen,
            Threshold,
            Transpose,
            Warp,
            openmp,
        )


def usable_isas() -> tuple[str, ...]:
    """Return the instruction sets that are built and that this CPU runs, slowest first."""
    return (BASELINE, *filter(_cpu.supports, _cpu.built_isas()))


def isa() -> str:
    """Return the instruction set whose kernels run.

    Raises
    ------
    ConfigurationError
        ``IMGSVC_ISA`` names one that is not built or that this CPU lacks.
    """
    usable = usable_isas()
    asked = os.environ.get("IMGSVC_ISA")
    if not asked:
        return usable[-1]
    if asked not in usable:
        why = "this CPU lacks it" if asked in _cpu.built_isas() else "no kernels are built for it"
        raise ConfigurationError(f"IMGSVC_ISA: {asked!r}: {why}, expected one of {', '.join(usable)}")
    return asked


def load(isa: str) -> Kernels:
    """Return the kernels of one build.

    Parameters
    ----------
    isa
        One of `usable_isas()`.
    """
    suffix = "" if isa == BASELINE else re.sub(r"\W", "_", f"_{isa}")
    return cast("Kernels", importlib.import_module(f"imgsvc._kernels{suffix}"))


@functools.cache
def kernels() -> Kernels:
    """Return the kernels for `isa()`; the choice is made once a process."""
    return load(isa())
