"""Five operations on 12 megapixels in one call, against five calls."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import imgsvc
from benchmarks.ratio_table import Ratio
from benchmarks.service.floors import is_met
from benchmarks.service.images import noise
from benchmarks.service.others import Others
from benchmarks.service.rounds import in_turn
from benchmarks.service.served_clock import CLOCK, served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.floor import Judge
    from benchmarks.service.contenders import Contender
    from benchmarks.service.fleet import Fleet
    from benchmarks.service.report import Report

ROUNDS = 7
SHAPE = (3000, 4000, 3)
FLOOR = 3.0

PIPELINES = {
    "filters": ("mean_filter", "rotate90 turns=1", "gamma gamma=0.8", "sharpen", "flip axis=1"),
    "pixels": ("mean_filter", "rotate90 turns=2", "gamma gamma=0.8", "adjust contrast=1.2", "flip axis=1"),
    # Half of the calls that it is compared with send a quarter of the pixels only.
    "smaller": ("mean_filter", "resize width=2000", "gamma gamma=0.8", "sharpen", "rotate90 turns=1"),
}


@served
@pytest.mark.parametrize("name", PIPELINES)
def test_pipeline(
    benchmark: Any,
    *,
    contenders: Sequence[Contender],
    fleet: Fleet,
    report: Report,
    judge: Judge,
    name: str,
) -> None:
    operations = PIPELINES[name]
    image = noise(SHAPE)
    imgsvc.tune_allocator()
    with imgsvc.Client(fleet.target(contenders[0].server)) as client:

        def in_one_call() -> np.ndarray[Any, Any]:
            return client.process(image, " | ".join(operations)).array

        def in_five() -> np.ndarray[Any, Any]:
            result: Any = image
            for operation in operations:
                result = client.process(result, operation).array
            return result

        seconds: dict[Any, list[float]] = {in_one_call: [], in_five: []}

        def one_round() -> None:
            for run in in_turn(list(seconds), len(seconds[in_one_call])):
                start = time.perf_counter()
                run()
                seconds[run].append(time.perf_counter() - start)
            CLOCK.advance(seconds[in_one_call][-1])

        assert np.array_equal(in_one_call(), in_five())
        others = Others(fleet.cpu_seconds)
        benchmark.pedantic(one_round, rounds=ROUNDS)
    ratio = Ratio(
        work=f"{SHAPE[1]}x{SHAPE[0]} RGB: {' | '.join(operations)}",
        peer="five calls",
        imgsvc_seconds=seconds[in_one_call],
        peer_seconds=seconds[in_five],
        floor=FLOOR,
        disturbance=others.cpus(),
    )
    report.pipelines.append(ratio)
    quartiles = ratio.quartiles()
    benchmark.extra_info.update(vars(ratio), ratio_quartiles=quartiles)
    judge(f"{quartiles} times as fast, floor {FLOOR}", met=is_met(quartiles, FLOOR))
