"""A folder of photos by `imgsvc-client --timeit`: several at a time, against one after another."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

from PIL import Image as PillowImage

from benchmarks.ratio_table import Ratio
from benchmarks.service.floors import is_met
from benchmarks.service.others import Others
from benchmarks.service.process import ROOT, clean_environment, program
from benchmarks.service.rounds import in_turn
from benchmarks.service.served_clock import CLOCK, served

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.floor import Judge
    from benchmarks.service.contenders import Contender
    from benchmarks.service.fleet import Fleet
    from benchmarks.service.report import Report

ROUNDS = 5

PHOTOS, SIZE = 24, (1080, 797)
FLOOR = 1.6

DEFAULT: tuple[str, ...] = ()
ONE_BY_ONE = ("--concurrency", "1")

CLIENT_SECONDS = 120.0


@served
def test_folder(
    benchmark: Any,
    *,
    contenders: Sequence[Contender],
    fleet: Fleet,
    report: Report,
    judge: Judge,
    tmp_path: Path,
) -> None:
    photos = tmp_path / "photos"
    make_photos(photos)
    command = (
        program("imgsvc-client"), "--timeit", "--mean", "--overwrite",
        "--port", fleet.target(contenders[0].server).rpartition(":")[2],
        "--input", str(photos), "--output", str(tmp_path / "filtered"),
    )  # fmt: skip
    seconds: dict[tuple[str, ...], list[float]] = {DEFAULT: [], ONE_BY_ONE: []}

    def one_round() -> None:
        for options in in_turn(list(seconds), len(seconds[DEFAULT])):
            seconds[options].append(seconds_per_image(*command, *options))
        CLOCK.advance(seconds[DEFAULT][-1])

    others = Others(fleet.cpu_seconds)
    seconds_per_image(*command)  # warms up: files, programs, the server
    benchmark.pedantic(one_round, rounds=ROUNDS)
    report.folder = Ratio(
        work=f"{PHOTOS} photos of {SIZE[0]}x{SIZE[1]}",
        peer=" ".join(ONE_BY_ONE),
        imgsvc_seconds=seconds[DEFAULT],
        peer_seconds=seconds[ONE_BY_ONE],
        floor=FLOOR,
        disturbance=others.cpus(),
    )
    quartiles = report.folder.quartiles()
    benchmark.extra_info.update(vars(report.folder), ratio_quartiles=quartiles)
    judge(f"{quartiles} times as fast, floor {FLOOR}", met=is_met(quartiles, FLOOR))


def make_photos(folder: Path) -> None:
    """Fill a new folder with JPEG files."""
    folder.mkdir()
    with PillowImage.open(ROOT / "examples" / "photo.jpg") as example:
        photo = example.resize(SIZE)
    for number in range(PHOTOS):
        photo.save(folder / f"{number:02}.jpg", quality=90)


def seconds_per_image(*command: str) -> float:
    """Run the client, and return what it reports: reading, filtering and writing, without its own start."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=clean_environment(),
        timeout=CLIENT_SECONDS,
        check=False,
    )
    # Not the seconds: they come with two digits behind the point, of which there is nothing before it.
    rate = re.search(rf"^{PHOTOS} images done, 0 failed.* ([\d.]+) images/s", done.stdout, re.MULTILINE)
    assert rate, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return 1 / float(rate[1])
