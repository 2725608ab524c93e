"""Batches over one stream: 2,000 JPEG files against Pillow in a loop, small arrays against single calls."""

from __future__ import annotations

import io
import os
import time
from typing import TYPE_CHECKING, Any

from PIL import Image as PillowImage

import imgsvc
from benchmarks.ratio_table import Ratio
from benchmarks.service.floors import BATCH_FLOOR, is_met
from benchmarks.service.images import SHAPES, noise
from benchmarks.service.others import Others
from benchmarks.service.process import ROOT
from benchmarks.service.rounds import in_turn
from benchmarks.service.served_clock import CLOCK, served

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.floor import Judge
    from benchmarks.service.contenders import Contender
    from benchmarks.service.fleet import Fleet
    from benchmarks.service.report import Report

ROUNDS = 3
FILES = 2000
SIZES = (
    (640, 480),
    (800, 600),
    (1080, 797),
    (1280, 960),
    (1600, 1200),
    (480, 640),
    (960, 1280),
    (1200, 1600),
)
DIFFERENT = 64
WIDTH, QUALITY = 256, 85
SMALL_ROUNDS, SMALL = 7, 1000


@served
def test_batch(
    benchmark: Any,
    *,
    contenders: Sequence[Contender],
    fleet: Fleet,
    report: Report,
    judge: Judge,
    tmp_path: Path,
) -> None:
    paths = make_files(tmp_path)
    with imgsvc.Client(fleet.target(contenders[0].server)) as client:

        def by_imgsvc() -> None:
            output = imgsvc.Output("jpeg", quality=QUALITY)
            widths = [
                result.width
                for _, result in client.process_many(paths, f"resize width={WIDTH}", output=output)
                if isinstance(result, imgsvc.Result)
            ]
            assert widths == [WIDTH] * FILES

        def by_resize() -> None:
            for path in paths:
                with PillowImage.open(path) as image:
                    thumbnail = image.resize(thumbnail_size(image), PillowImage.Resampling.BILINEAR)
                    thumbnail.save(io.BytesIO(), "JPEG", quality=QUALITY)

        def by_thumbnail() -> None:  # decodes no more than it needs, as imgsvc does
            for path in paths:
                with PillowImage.open(path) as image:
                    image.thumbnail(thumbnail_size(image), PillowImage.Resampling.BILINEAR)
                    image.save(io.BytesIO(), "JPEG", quality=QUALITY)

        seconds: dict[Any, list[float]] = {by_imgsvc: [], by_resize: [], by_thumbnail: []}

        def one_round() -> None:
            for run in in_turn(list(seconds), len(seconds[by_imgsvc])):
                start = time.perf_counter()
                run()
                seconds[run].append((time.perf_counter() - start) / FILES)
            CLOCK.advance(seconds[by_imgsvc][-1])

        by_imgsvc()  # warms up
        others = Others(fleet.cpu_seconds)
        benchmark.pedantic(one_round, rounds=ROUNDS)
        disturbance = others.cpus()
    megapixels = sum(width * height for width, height in SIZES) / len(SIZES) / 1e6
    work = f"{FILES} JPEG files of {megapixels:.1f} megapixels to {WIDTH} columns"
    cores = float(os.cpu_count() or 1)
    resize = Ratio(
        work, "Pillow's open, resize, save", seconds[by_imgsvc], seconds[by_resize], cores, disturbance
    )
    # No floor: shown because it is what those who know Pillow write.
    thumbnail = Ratio(
        work, "Pillow's open, thumbnail, save", seconds[by_imgsvc], seconds[by_thumbnail], 0.0, disturbance
    )
    report.batches += [resize, thumbnail]
    benchmark.extra_info.update(vars(resize), ratio_quartiles=resize.quartiles())
    benchmark.extra_info["thumbnail_quartiles"] = thumbnail.quartiles()
    judge(f"{resize.quartiles()} times as fast, floor {cores}", met=is_met(resize.quartiles(), cores))


@served
def test_small(
    benchmark: Any, *, contenders: Sequence[Contender], fleet: Fleet, report: Report, judge: Judge
) -> None:
    image = noise(SHAPES["64x64"])
    with imgsvc.Client(fleet.target(contenders[0].server)) as client:

        def in_a_batch() -> None:
            results = client.process_many([image] * SMALL, "mean_filter")
            assert sum(isinstance(result, imgsvc.Result) for _, result in results) == SMALL

        def one_by_one() -> None:
            for _ in range(SMALL):
                client.process(image, "mean_filter")

        seconds: dict[Any, list[float]] = {in_a_batch: [], one_by_one: []}

        def one_round() -> None:
            for run in in_turn(list(seconds), len(seconds[in_a_batch])):
                start = time.perf_counter()
                run()
                seconds[run].append((time.perf_counter() - start) / SMALL)
            CLOCK.advance(seconds[in_a_batch][-1])

        in_a_batch()  # warms up
        others = Others(fleet.cpu_seconds)
        benchmark.pedantic(one_round, rounds=SMALL_ROUNDS)
        disturbance = others.cpus()
    ratio = Ratio(
        f"{SMALL} arrays of 64×64",
        "Process",
        seconds[in_a_batch],
        seconds[one_by_one],
        BATCH_FLOOR,
        disturbance,
    )
    report.batches.append(ratio)
    benchmark.extra_info.update(vars(ratio), ratio_quartiles=ratio.quartiles())
    judge(
        f"{ratio.quartiles()} times as many as one by one, floor {BATCH_FLOOR}",
        met=is_met(ratio.quartiles(), BATCH_FLOOR),
    )


def thumbnail_size(image: PillowImage.Image) -> tuple[int, int]:
    """Return the size of a thumbnail."""
    return WIDTH, round(image.height * WIDTH / image.width)


def make_files(folder: Path) -> list[Path]:
    """Fill a folder with JPEG files; every so many are alike, since making them takes longest."""
    paths = [folder / f"{number:04}.jpg" for number in range(FILES)]
    with PillowImage.open(ROOT / "examples" / "photo.jpg") as photo:
        for number, path in enumerate(paths[:DIFFERENT]):
            # Another part of the photo each time.
            left, top = number % 8 * 10, number // 8 * 10
            part = photo.crop((left, top, left + photo.width - 80, top + photo.height - 80))
            part.resize(SIZES[number % len(SIZES)]).save(path, quality=90)
    contents = [path.read_bytes() for path in paths[:DIFFERENT]]
    for number, path in enumerate(paths[DIFFERENT:], DIFFERENT):
        path.write_bytes(contents[number % DIFFERENT])
    return paths
