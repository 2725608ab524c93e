"""Everybody by himself: seconds of each contender, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.kernels.every import CASES
from benchmarks.kernels.images import SHAPES, SMALL
from benchmarks.kernels.pace import first_result, rounds_within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

    from benchmarks.kernels.case import Case
    from benchmarks.kernels.peers import Peer

THREADS = (1, 2)
IMAGES = ("4000x3000-rgb", "4000x3000-gray", "640x480-rgb", SMALL)

BUDGET = 0.15
"""Seconds of the rounds of a benchmark."""

LEAST, LEAST_OF_ONE_THREAD, MOST = 5, 1, 200
"""Those who know one thread take long and are far behind: a rough figure does."""

ITERATIONS_WITHIN = 0.0005
"""Seconds: calls shorter than that are timed several at a time."""

ONE_THREADED_IMAGES = ("4000x3000-rgb", "640x480-rgb")
LARGEST_OF_SLOW = 640 * 480


def benchmarks() -> Iterator[Any]:
    """Yield who does what on what. Those of one table follow one another: they meet the same weather."""
    for case in CASES:
        for image in IMAGES:
            if image not in case.images:
                continue
            for threads in THREADS:
                for peer in (None, *case.peers):
                    if peer is None or runs(peer, image, threads):
                        name = "imgsvc" if peer is None else peer.full_name
                        yield pytest.param(
                            case,
                            peer,
                            image,
                            threads,
                            id=f"{case.name}-{name}-{image}-{threads}",
                            marks=peer.marks if peer else (),
                        )


def runs(peer: Peer, image: str, threads: int) -> bool:
    """Whether a peer's figure is worth its time."""
    height, width = SHAPES[image][:2]
    return (
        threads in peer.threads
        and (len(peer.threads) > 1 or image in ONE_THREADED_IMAGES)
        and not (peer.is_slow and height * width > LARGEST_OF_SLOW)
    )


@pytest.mark.parametrize(("case", "peer", "image", "threads"), list(benchmarks()))
def test_time(benchmark: BenchmarkFixture, case: Case, peer: Peer | None, image: str, threads: int) -> None:
    benchmark.group = f"{case.title}, {image}, threads: {threads}"
    if peer is None:
        call = case.own_call(image, threads)
        result, seconds = first_result(call)
        case.check(image, result)
    else:
        call = case.peers_call(peer, image, threads)
        result, seconds = first_result(call)
        case.check(image, result, peer.levels, peer.inset)

    iterations = rounds_within(ITERATIONS_WITHIN, seconds, 1, 100)
    least = LEAST if peer is None or len(peer.threads) > 1 else LEAST_OF_ONE_THREAD
    rounds = rounds_within(BUDGET, seconds * iterations, least, MOST)
    benchmark.pedantic(call, iterations=iterations, rounds=rounds)
