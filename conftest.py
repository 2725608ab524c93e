"""Tests and benchmarks apart: `pytest` runs the tests, `pytest --benchmark-only` the benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect only the one kind: neither waits for the other, or needs what the other imports."""
    left_out = ROOT / ("tests" if _benchmark_only(config) else "benchmarks")
    return True if collection_path.is_relative_to(left_out) else None


def pytest_report_header(config: pytest.Config) -> str | None:
    """Tell somebody who asks for benchmarks, and would see none, what is missing."""
    return None if _benchmark_only(config) else "benchmarks: left out, --benchmark-only runs them"


def _benchmark_only(config: pytest.Config) -> bool:
    return bool(config.getoption("benchmark_only", default=False))
