"""Whether it is worth to look for a result: calls that are found, that are not, and without a cache.

``pytest benchmarks/cache --benchmark-only`` shows the table, of a client that waits for each answer. What the
rule decides (`imgsvc.cache.rule`) stands beside what would have been right. Next to the line it may be wrong:
the time of a call on an idle machine is not all that it costs.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import imgsvc
from benchmarks.cache.conftest import Looked
from benchmarks.cache.serving import LOOK_FOR_ALL, MARK_BYTES, MEMORY, mark, request_of, serving, told
from benchmarks.disturbance import Disturbance
from benchmarks.needs import REDIS
from benchmarks.service.process import Process, program
from benchmarks.service.rounds import in_turn
from imgsvc.codec import encode
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.recipe import Output, Recipe
from imgsvc.recipes.source import ImageFile, RawImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.cache.serving import Call

ROUNDS, LARGE_ROUNDS, LARGE_BYTES = 31, 9, 8 << 20
KEPT_SECONDS = 10.0
STORES = ("memory", pytest.param("redis", marks=REDIS.mark))
SHAPES = {"64x64": (64, 64, 3), "640x480": (480, 640, 3), "4000x2500": (2500, 4000, 3)}
"""The largest is nearly as much as is kept in Redis."""
PIPELINES = ("invert", "mean", "gaussian_blur 2", "mean | gaussian_blur 2 | sharpen | gamma 0.8 | rotate90 1")
FIVE = "five operations"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Call]]:
    """Calls to servers: without a cache, and for each store one that looks for all, and one by its rule."""
    folder = tmp_path_factory.mktemp("servers")
    stores = {"memory": MEMORY}
    with contextlib.ExitStack() as stack:
        if REDIS.is_met():
            socket = folder / "redis"
            command = [program("redis-server"), "--port", "0", "--unixsocket", str(socket), "--save", ""]
            stack.enter_context(Process(command, {}, folder / "redis.log"))
            while not socket.exists():
                time.sleep(0.01)
            # The largest results take longer than Redis has by default.
            stores["redis"] = ("--cache", "redis", "--cache-redis-url", f"unix://{socket}")
            stores["redis"] += ("--cache-redis-timeout", "1")
        calls = {"off": stack.enter_context(serving(folder, "off"))}
        for store, options in stores.items():
            everything = serving(folder, f"{store}-all", *options, *LOOK_FOR_ALL)
            calls[f"{store}, all"] = stack.enter_context(everything)
            calls[store] = stack.enter_context(serving(folder, store, *options))
        yield calls


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("size", SHAPES)
@pytest.mark.parametrize("pipeline", PIPELINES, ids=lambda text: text if "|" not in text else FIVE)
def test_pixels(
    benchmark: Any, servers: dict[str, Call], looked: list[Looked], *, pipeline: str, size: str, store: str
) -> None:
    image = np.random.default_rng(1).integers(0, 256, SHAPES[size], np.uint8)
    recipe = Recipe(Pipeline(pipeline))

    def request(number: int) -> bytes:
        image.reshape(-1)[:MARK_BYTES] = np.frombuffer(mark(number), np.uint8)
        return request_of(RawImage(image.shape, image.dtype, image), recipe)

    name = FIVE if "|" in pipeline else pipeline
    measure(benchmark, servers, looked, store=store, request=request, work=f"{size}: {name}")


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_thumbnails(
    benchmark: Any, servers: dict[str, Call], looked: list[Looked], kind: str, store: str
) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
    photo = encode(imgsvc.resize(noise, width=1600, height=1200, resample="bicubic"), kind)
    recipe = Recipe(Pipeline("resize width=256 resample=lanczos | sharpen"), (Output("webp"),))

    def request(number: int) -> bytes:
        return request_of(ImageFile(photo + mark(number)), recipe)  # what comes after its end is left alone

    work = f"{kind} 1600x1200: WebP thumbnail"
    measure(benchmark, servers, looked, store=store, request=request, work=work)


def measure(
    benchmark: Any,
    servers: dict[str, Call],
    looked: list[Looked],
    *,
    store: str,
    request: Callable[[int], bytes],
    work: str,
) -> None:
    """Time calls of three kinds in turn; `request` makes another one for each number."""
    numbers = itertools.count(1)
    times: dict[str, list[float]] = {"off": [], "miss": [], "hit": []}

    def one(kind: str, body: bytes) -> float:
        call = servers["off" if kind == "off" else f"{store}, all"]
        start = time.perf_counter()
        _, answered = call.with_call(body)
        seconds = time.perf_counter() - start
        assert told(answered) == (None if kind == "off" else kind)
        return seconds

    def one_round() -> None:
        kept = request(next(numbers))
        end = time.monotonic() + KEPT_SECONDS
        while told(servers[f"{store}, all"].with_call(kept)[1]) != "hit":  # it is on its way into Redis
            assert time.monotonic() < end, "it is not kept"
        servers["off"].with_call(kept)  # has as lately been at work as the other
        for kind in in_turn(list(times), len(times["off"])):
            times[kind].append(one(kind, kept if kind == "hit" else request(next(numbers))))

    looked_for = told(servers[store].with_call(request(next(numbers)))[1]) is not None
    one_round()  # warms up
    for each in times.values():
        each.clear()
    disturbance = Disturbance()
    large = len(request(next(numbers))) > LARGE_BYTES
    benchmark.pedantic(one_round, rounds=LARGE_ROUNDS if large else ROUNDS)
    row = Looked(work, store, times["off"], times["miss"], times["hit"], looked_for, disturbance.cpus())
    looked.append(row)
    benchmark.extra_info.update(vars(row), gain=row.gain)
