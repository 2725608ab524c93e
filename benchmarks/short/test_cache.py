"""A result cache in memory: calls without one, calls that are not found in it, and calls that are."""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.cache.serving import LOOK_FOR_ALL, MARK_BYTES, MEMORY, mark, request_of, serving, told
from benchmarks.service.images import SHAPES, noise
from benchmarks.service.served_clock import CLOCK
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.recipe import Recipe
from imgsvc.recipes.source import RawImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cache.serving import Call
    from benchmarks.short.contest import Contest

ROUNDS, WARM_UP_ROUNDS = 20, 5
KEPT_SECONDS = 10.0
PIPELINE = "gaussian_blur 2"
KINDS = {"off": None, "miss": "miss", "hit": "hit"}
"""What the server tells of a call, of each kind."""


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Call]]:
    """Calls to a server without a cache, and to one that looks for all in its memory."""
    folder = tmp_path_factory.mktemp("servers")
    with contextlib.ExitStack() as stack:
        off = stack.enter_context(serving(folder, "off"))
        memory = stack.enter_context(serving(folder, "memory", *MEMORY, *LOOK_FOR_ALL))
        yield {"off": off, "miss": memory, "hit": memory}


@pytest.mark.benchmark(timer=CLOCK)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"imgsvc-{kind}")
@pytest.mark.parametrize("size", ["64x64", "1080x797"])
def test_cache(contest: Contest, servers: dict[str, Call], size: str, kind: str) -> None:
    image = noise(SHAPES[size]).copy()
    call, recipe = servers[kind], Recipe(Pipeline(PIPELINE))
    numbers = itertools.repeat(0) if kind == "hit" else itertools.count(1)

    def answer() -> str | bytes | None:
        """Make a call, which alone takes time, and return what is told of it."""
        image.reshape(-1)[:MARK_BYTES] = np.frombuffer(mark(next(numbers)), np.uint8)
        body = request_of(RawImage(image.shape, image.dtype, image), recipe)
        start = time.perf_counter()
        _, answered = call.with_call(body)
        CLOCK.advance(time.perf_counter() - start)
        return told(answered)

    def one_round() -> None:
        assert answer() == KINDS[kind]

    def prepare() -> Callable[[], None]:
        end = time.monotonic() + KEPT_SECONDS
        while answer() != KINDS[kind]:
            assert time.monotonic() < end, "it is not kept"
        for _ in range(WARM_UP_ROUNDS):
            one_round()
        return one_round

    work = f"{PIPELINE} of {size} RGB"
    contest.enter("result cache in memory", work, kind, prepare(), prepare, rounds=ROUNDS, timer=CLOCK)
