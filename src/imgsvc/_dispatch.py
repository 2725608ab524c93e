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

if TYPE_CHECKING:
    from types import ModuleType
    from typing import Protocol

    import numpy as np
    from numpy.typing import NDArray

    from imgsvc._stop import Stop

    class Kernel(Protocol):
        """What every kernel that makes one image of another looks like."""

        def __call__(
            self, src: NDArray[np.uint8], dst: NDArray[np.uint8], num_threads: int, stop: Stop
        ) -> None: ...

    class Kernels(Protocol):
        """A build of ``_kernels.pyx``."""

        openmp: bool
        copy: Kernel
        mean_3x3: Kernel
        mirror: Kernel
        transpose: Kernel


BASELINE = "baseline"


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


@functools.cache
def kernels() -> Kernels:
    """Import and return the kernels for `isa()`; the choice is made once a process."""
    return cast("Kernels", load(isa()))


def load(isa_name: str) -> ModuleType:
    """Import the kernels built for one of `usable_isas()`."""
    suffix = "" if isa_name == BASELINE else re.sub(r"\W", "_", f"_{isa_name}")
    return importlib.import_module(f"imgsvc._kernels{suffix}")
