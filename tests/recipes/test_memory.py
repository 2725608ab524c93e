"""What recipes take of memory beside what is planned: each in a process whose peak the system knows."""

import json
import subprocess
import sys

import numpy as np
import pytest

from imgsvc.codec import encode, formats
from tests.codec.encoded import by_pillow, jpeg_of_scans, photo
from tests.codec.kinds import KINDS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")

SLACK = 6 << 20
"""Of the interpreter, its allocator, and what libraries keep."""

PROGRAM = """
import dataclasses, json, sys
import numpy as np
from pathlib import Path
from imgsvc.codec import DecodeOptions, decode, encode, format_of
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.recipe import Output, Recipe
from imgsvc.recipes.running import OneCore, RecipeRun
from imgsvc.recipes.source import ImageFile
from imgsvc._stop import Stop

path, decoding, output = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
if "background" in output:
    output["background"] = tuple(output["background"])

def run(data):
    recipe = Recipe((), (Output(**output),), DecodeOptions(**decoding))
    source = ImageFile(memoryview(data))
    plan = plan_recipe(source, recipe, Limits())
    job = RecipeRun(plan, source, options=recipe.decoding, limits=Limits(), compute=OneCore(), stop=Stop())
    [result] = job.run()
    if isinstance(result, Exception):
        raise result
    if output["format"] == "raw":
        job.write([np.empty(result.shape, result.dtype)])
    return plan

def of(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))

small = encode(np.zeros((16, 16, 3), np.uint8), "png")
run(small)  # loads what is needed
data = Path(path).read_bytes()
decode(encode(np.zeros((16, 16, 3), np.uint8), format_of(data)))
Path("/proc/self/clear_refs").write_text("5")
before = of("VmRSS:")
plan = run(data)
print(json.dumps([of("VmHWM:") - before, plan.num_bytes + plan.input.file_copies * len(data)]))
"""


def taken_and_planned(path, data, decoding=None, output=None):
    path.write_bytes(data)
    arguments = [json.dumps(decoding or {}), json.dumps(output or {"format": "raw"})]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, path, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


IMAGE = photo(1500, 2000)
SMALLER = photo(600, 800)


@pytest.mark.parametrize("kind", KINDS)
def test_decoding(kind, tmp_path):
    decodings = [{}, {"depth": "keep"}] if " 16" in kind else [{}]
    for decoding in decodings:
        taken, planned = taken_and_planned(tmp_path / "file", KINDS[kind](IMAGE), decoding)
        assert taken < planned + SLACK


def test_decoding_many_scans(tmp_path):
    taken, planned = taken_and_planned(tmp_path / "file", jpeg_of_scans(2000, 1500, 12))
    assert taken < planned + SLACK


@pytest.mark.parametrize("name", [name for name, info in formats().items() if info.animated and info.encodes])
def test_animations(name, tmp_path):
    file = encode([np.roll(SMALLER, 9 * index, 1) for index in range(8)], name)
    for decoding, output in (({}, "raw"), ({"frames": "all"}, "webp"), ({"frames": "all"}, name)):
        taken, planned = taken_and_planned(tmp_path / "file", file, decoding, {"format": output})
        assert taken < planned + SLACK


OUTPUTS = [
    *({"format": name} for name, info in formats().items() if info.encodes),
    {"format": "jpeg", "progressive": True},
    {"format": "jpeg", "effort": 9},
    {"format": "jpeg", "subsampling": "4:4:4"},
    {"format": "jpeg", "subsampling": "4:4:4", "progressive": True},
    {"format": "png", "effort": 6},
    {"format": "png", "palette": True},
    {"format": "webp", "effort": 6},
    {"format": "webp", "lossless": True},
    {"format": "webp", "lossless": True, "effort": 5},
    *({"format": "avif", "effort": effort} for effort in (0, 3, 5) if formats()["avif"].encodes),
    {"format": "tiff", "effort": 0},
]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("output", OUTPUTS, ids=lambda each: " ".join(map(str, each.values())))
def test_encoding(output, channels, tmp_path):
    pixels = np.dstack([SMALLER, SMALLER[..., 0]])[..., :channels] if channels > 1 else SMALLER[..., 0]
    taken, planned = taken_and_planned(tmp_path / "file", by_pillow(pixels, "PNG"), {}, output)
    assert taken < planned + SLACK


@pytest.mark.parametrize("output", [{"format": "png"}, {"format": "tiff"}, {"format": "tiff", "effort": 0}])
def test_encoding_16_bits(output, tmp_path):
    deep = SMALLER.astype(np.uint16) * 257
    taken, planned = taken_and_planned(tmp_path / "file", encode(deep, "png"), {"depth": "keep"}, output)
    assert taken < planned + SLACK
