"""A folder of photos by tasks of Ray Data, in a cluster that runs, against `batch --embedded`."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from benchmarks.needs import RAY
from benchmarks.ratio_table import Ratio
from benchmarks.service.process import ROOT, clean_environment, program
from benchmarks.service.rounds import in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.floor import Judge

PHOTOS = int(os.environ.get("IMGSVC_BULK_PHOTOS", "5000"))
ROUNDS = int(os.environ.get("IMGSVC_BULK_ROUNDS", "3"))
DIFFERENT, SIZE = 50, (1600, 1200)
FLOOR = 1 / 1.5
WORK = ("--pipeline", "resize width=256", "--format", "webp", "--json")


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster with all cores."""
    import ray  # noqa: PLC0415 - may be missing

    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of JPEGs, of which some differ, and the others are links to these."""
    folder = tmp_path_factory.mktemp("photos")
    with Image.open(ROOT / "examples" / "photo.jpg") as photo:
        large = photo.resize(SIZE)
    for number in range(PHOTOS):
        path = folder / f"{number:05}.jpg"
        if number < DIFFERENT:
            large.rotate(number).save(path, quality=85)
        else:
            os.link(folder / f"{number % DIFFERENT:05}.jpg", path)
    return folder


@RAY.mark
@pytest.mark.filterwarnings("default")
def test_folder(
    benchmark: Any, *, cluster: str, photos: Path, report: list[Ratio], judge: Judge, tmp_path: Path
) -> None:
    ways = {"ray": ("--engine", "ray", "--address", cluster), "stream": ("--embedded",)}
    seconds: dict[str, list[float]] = {way: [] for way in ways}

    def one_round() -> None:
        number = len(seconds["ray"])
        for way in in_turn(list(ways), number):
            done = batch(photos, tmp_path / f"{way}-{number}", *ways[way])
            assert (done["done"], done["failed"]) == (PHOTOS, 0)
            seconds[way].append(done["seconds"])

    batch(photos, tmp_path / "warm", *ways["ray"])  # starts workers
    benchmark.pedantic(one_round, rounds=ROUNDS)
    ratio = Ratio(
        work=f"{PHOTOS} JPEGs of {SIZE[0]}x{SIZE[1]} to WebP 256 wide",
        peer="batch --embedded",
        imgsvc_seconds=seconds["ray"],
        peer_seconds=seconds["stream"],
        floor=FLOOR,
        disturbance=None,
    )
    report.append(ratio)
    quartiles = ratio.quartiles()
    benchmark.extra_info.update(vars(ratio), ratio_quartiles=quartiles)
    judge(f"{quartiles} times as fast, floor {FLOOR:.2f}", met=quartiles[1] >= FLOOR)


def batch(source: Path, target: Path, *options: str) -> dict[str, Any]:
    """Run a batch, and return what it reports."""
    command = [program("imgsvc-client"), "batch", source, target, *options, *WORK]
    done = subprocess.run(command, env=clean_environment(), stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
