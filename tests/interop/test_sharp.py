"""Fits beside sharp's: the cases of ``tests/operations/test_fitting.py``, and where it differs and why."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.operations.test_fitting import CASES

NODE = Path(__file__).parent / "node"

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed"),
    pytest.mark.skipif(
        not (NODE / "node_modules" / "sharp").is_dir(),
        reason="its packages are not installed: npm install --prefix tests/interop/node",
    ),
]

# The size that sharp 0.35 gives the result, by source, size that is asked for, fit and whether it may grow.
OTHERWISE = {
    # It cuts to what is asked for where it can, and leaves a side that is too small: the ratio is lost.
    ((100, 50), (300, 300), "cover", False): (100, 50),
    ((1000, 50), (300, 300), "cover", False): (300, 50),
    ((50, 1000), (400, 200), "cover", False): (50, 200),
    # It rounds 2.5 up, and not to even.
    ((4, 2), (5, 9), "inside", True): (5, 3),
}


def test_the_same_but_where_it_is_known_to_differ():
    asked = [dict(zip(("source", "asked", "fit", "enlarge"), case[:4], strict=True)) for case in CASES]
    done = subprocess.run(
        ["node", NODE / "sharp.js"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for case, answer in zip(CASES, json.loads(done.stdout), strict=True):
        source, wanted, fit, enlarge, size, place, canvas = case
        theirs = {name: tuple(value) for name, value in answer.items()}
        other = OTHERWISE.get((source, wanted, fit, enlarge))
        if other is not None:
            assert theirs["size"] == other != canvas
            continue
        seen = tuple(min(side, whole) for side, whole in zip(size, canvas, strict=True))
        begin = tuple(max(before, 0) for before in place)
        assert theirs == {"size": canvas, "place": begin, "seen": seen}, case
