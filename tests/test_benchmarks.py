"""Which benchmarks run: a short tier by itself, the others where they are asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.needs import ENVOY, OPENCV, RAY, SCIPY, Need
from benchmarks.short.table import shown

ROOT = Path(__file__).parent.parent
FAMILIES = {path.parent.name for path in (ROOT / "benchmarks").glob("*/test_*.py")}


def collected(*arguments):
    """Return the ids of the benchmarks that would run, and all that pytest says."""
    command = [sys.executable, "-m", "pytest", "--benchmark-only", "--collect-only", "-q", *arguments]
    # A worker of pytest-xdist, as this process may be, runs no benchmarks.
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if "::" in line], done.stdout


def families(ids):
    return {name.split("/")[1] for name in ids}


def test_by_itself_a_short_tier_of_every_family_runs():
    ids, _ = collected()
    assert families(ids) == {"short"}
    tests = {name.split("::")[1].partition("[")[0] for name in ids}
    assert tests == {
        "test_cache",
        "test_decode",
        "test_encode",
        "test_kernel",
        "test_pipeline",
        "test_service",
    }


def test_a_folder_or_a_file_is_asked_for_by_its_name():
    assert families(collected("benchmarks/kernels")[0]) == {"kernels"}
    assert families(collected("benchmarks/cache", "benchmarks/codec/test_times.py")[0]) == {"cache", "codec"}
    one = "benchmarks/kernels/test_times.py::test_time[invert-imgsvc-64x64-rgb-1]"
    assert collected(one)[0] == [one]
    assert families(collected("benchmarks")[0]) == {"short"}


def test_thorough_is_all():
    without = {name for name, need in (("scale", ENVOY), ("bulk", RAY)) if not need.is_met()}
    assert families(collected("--thorough")[0]) == FAMILIES - without


def test_floors_are_what_has_one():
    ids, _ = collected("--floors")
    without = set() if RAY.is_met() else {"bulk"}
    assert families(ids) == {"bulk", "kernels", "overload", "recipes", "service", "thumbnails"} - without
    assert not [name for name in ids if "test_times.py" in name or "test_size.py" in name]


def test_who_is_absent_is_one_line():
    _, text = collected("--thorough", "-k", "not observing and not redis and not blake3")
    absent = [need for need in (ENVOY, OPENCV, RAY, SCIPY) if not need.is_met()]
    lines = [line for line in text.splitlines() if line.startswith("without ")]
    assert sorted(line.partition(":")[0] for line in lines) == [f"without {need.name}" for need in absent]


@pytest.mark.parametrize(
    ("modules", "programs", "is_met"),
    [
        (("numpy",), (), True),
        (("numpy", "google.no_such_module"), (), False),
        (("no_such_package.module",), (), False),
        ((), ("no-such-program",), False),
    ],
)
def test_what_is_needed_is_looked_for(modules, programs, is_met):
    assert Need("it", "nothing", modules, programs).is_met() is is_met


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.5e-7, "0.250 µs"), (3.87e-6, "3.87 µs"), (0.1234, "123 ms"), (12.0, "12.0 s")]
)
def test_times_have_three_digits(seconds, text):
    assert shown(seconds) == text
