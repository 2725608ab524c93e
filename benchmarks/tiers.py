"""Which benchmarks run: a short tier by itself, and what takes longer or judges where it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

BENCHMARKS = Path(__file__).parent
SHORT = BENCHMARKS / "short"


def is_collected(path: Path, config: pytest.Config) -> bool:
    """Whether benchmarks are collected from a file or folder: short ones, and what is asked for."""
    family = BENCHMARKS / path.relative_to(BENCHMARKS).parts[0] if path != BENCHMARKS else path
    if family in (BENCHMARKS, SHORT) or family.is_file() or is_all_asked_for(config):
        return True
    return any(asked.is_relative_to(family) for asked in _asked_for(config))


def is_all_asked_for(config: pytest.Config) -> bool:
    """Whether an option asks for more than the short tier."""
    return bool(config.getoption("thorough") or config.getoption("floors"))


def is_short(config: pytest.Config) -> bool:
    """Whether the short tier is all that runs."""
    return not is_all_asked_for(config) and all(
        SHORT.is_relative_to(asked) or asked.is_relative_to(SHORT) for asked in _asked_for(config)
    )


def _asked_for(config: pytest.Config) -> list[Path]:
    """Return the files and folders of the command line, or those that pytest takes without any."""
    folder = config.invocation_params.dir
    return [(folder / argument.partition("::")[0]).resolve() for argument in config.args]
