"""imgsvc and a peer in turn, against the figures to reach: the fair comparison on a noisy machine."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.disturbance import Disturbance
from benchmarks.kernels.every import CASES
from benchmarks.kernels.images import SHAPES, SMALL, WITH_ALPHA, make_image
from benchmarks.kernels.pace import first_result, rounds_within, timed
from benchmarks.kernels.peers import OpenCV, plain_copy
from benchmarks.kernels.table import KernelRatio
from imgsvc import _dispatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.floor import Judge
    from benchmarks.kernels.case import Case
    from benchmarks.kernels.peers import Call, Peer

THREADS = (1, 2)

BUDGET, LEAST, MOST = 0.6, 5, 31
"""Seconds of the rounds, and how many they may be."""

WARM_UP = 0.004
"""Seconds of calls before a timed one: the other's threads stop spinning, and the caches are its own. A call
that takes longer by a multiple needs none."""

LONG = 0.05

SMALL_FLOOR = 1 / 1.5
"""For a small image, with the whole call being timed."""


def comparisons() -> Iterator[Any]:
    """Yield who is compared on what, image by image."""
    for image in (*SHAPES, *WITH_ALPHA):
        for case in CASES:
            for peer in case.peers_in_turn():
                if image not in case.images or (image == SMALL and not isinstance(peer, OpenCV)):
                    continue
                for threads in THREADS[:1] if image == SMALL else THREADS:
                    name = f"{case.name}-{peer.full_name}-{image}-{threads}"
                    yield pytest.param(case, peer, image, threads, id=name, marks=peer.marks)


@pytest.mark.parametrize(("case", "peer", "image", "threads"), list(comparisons()))
def test_ratio(
    *,
    # Any: of what is used here pytest-benchmark leaves half untyped.
    benchmark: Any,
    ratios: list[KernelRatio],
    judge: Judge,
    case: Case,
    peer: Peer,
    image: str,
    threads: int,
) -> None:
    own, others = case.own_call(image, threads), case.peers_call(peer, image, threads)
    copy = plain_copy_of(case, image)
    own_result, own_seconds = first_result(own)
    peers_result, peers_seconds = first_result(others)
    case.check(image, own_result)
    case.check(image, peers_result, peer.levels, peer.inset)
    del own_result, peers_result

    round_seconds = sum(
        seconds if seconds > LONG else seconds + max(seconds, WARM_UP)
        for seconds in (own_seconds, peers_seconds)
    )
    peer_seconds: list[float] = []
    copy_seconds: list[float] = []

    def others_turn() -> None:
        if copy is not None:
            copy()
            copy_seconds.append(timed(copy)[1])
        warm_up(others, peers_seconds)
        peer_seconds.append(timed(others)[1])
        warm_up(own, own_seconds)

    benchmark.group = f"in turn with others, {image}"
    disturbance = Disturbance()
    benchmark.pedantic(own, setup=others_turn, rounds=rounds_within(BUDGET, round_seconds, LEAST, MOST))

    ratio = KernelRatio(
        work=case.title,
        peer=peer.title,
        imgsvc_seconds=benchmark.stats.stats.data,
        peer_seconds=peer_seconds,
        floor=floor(peer, image, threads),
        disturbance=disturbance.cpus(),
        image=image,
        threads=threads,
        copy_seconds=copy_seconds,
        counts=image != SMALL and peer.floors[THREADS.index(threads)] is not None,
    )
    ratios.append(ratio)
    benchmark.extra_info["ratio"] = ratio.record() | {"version": peer.version, "isa": _dispatch.isa()}
    if ratio.floor is not None:
        _, reached, _ = ratio.quartiles()
        judge(f"{reached:.2f} times as fast, floor {ratio.floor:.2f}", met=reached >= ratio.floor)


def floor(peer: Peer, image: str, threads: int) -> float | None:
    """Return the figure to reach."""
    assert peer.floors is not None
    return SMALL_FLOOR if image == SMALL else peer.floors[THREADS.index(threads)]


def plain_copy_of(case: Case, image: str) -> Call | None:
    """Return a copy of as many bytes as the case reads and as it writes, if these are the same number."""
    src = make_image(image)
    if case.empty_result(image).nbytes != src.nbytes:
        return None
    return functools.partial(plain_copy, src, np.empty_like(src))


def warm_up(call: Call, seconds: float) -> None:
    """Bring the machine to the state that a call, which takes so many seconds, meets among its like."""
    start = time.perf_counter()
    while seconds < LONG and time.perf_counter() < start + WARM_UP:
        call()
