"""The verdict of ci/soak: what is flat passes, what grows does not."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "ci"))

from soaking.samples import MIB, Sample, growth, sample  # noqa: E402

FLAT = [Sample(100 * MIB + noise * MIB, 9, 40) for noise in (0, 3, 1, 2, 0, 4)]


def test_what_is_flat_passes():
    assert growth(FLAT) == []


@pytest.mark.parametrize(
    ("last", "fault"),
    [
        (Sample(140 * MIB, 9, 40), "resident grew from 108003328 to 146800640, expected at most "),
        (Sample(100 * MIB, 14, 40), "descriptors grew from 9 to 14, expected at most 13"),
        (Sample(100 * MIB, 9, 43), "threads grew from 40 to 43, expected at most 42"),
    ],
)
def test_what_grows_does_not(last, fault):
    [told] = growth([*FLAT[:4], last, last])
    assert told.startswith(fault)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_a_sample_is_of_the_process():
    with Path(os.devnull).open() as more:
        before = sample(os.getpid())
        with Path(os.devnull).open():
            assert sample(os.getpid()).descriptors == before.descriptors + 1
        assert more.fileno() >= 0
    assert before.resident > 10 * MIB
    assert before.threads >= 1
