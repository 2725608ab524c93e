"""Five operations as one piece of work, and one after another: in the library, and through the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import imgsvc
from benchmarks.service.contenders import served_by_python
from benchmarks.service.images import SHAPES, noise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from benchmarks.service.fleet import Fleet
    from benchmarks.short.contest import Contest

    Image = NDArray[np.uint8]

IMAGE = "1080x797"
OPERATIONS = ("mean_filter", "rotate90 turns=1", "gamma gamma=0.8", "sharpen", "flip axis=1")
STEPS = {"at once": (" | ".join(OPERATIONS),), "one by one": OPERATIONS}


@pytest.fixture(scope="session")
def served(fleet: Fleet) -> Iterator[imgsvc.Client]:
    """A client of a server with its defaults."""
    imgsvc.tune_allocator()
    with imgsvc.Client(fleet.target(served_by_python()[0].server)) as client:
        yield client


@pytest.mark.parametrize("who", STEPS, ids=["imgsvc", "imgsvc-one-by-one"])
@pytest.mark.parametrize("where", ["library", "service"])
def test_pipeline(contest: Contest, served: imgsvc.Client, where: str, who: str) -> None:
    pipelines, image = [imgsvc.Pipeline(text) for text in STEPS[who]], noise(SHAPES[IMAGE])
    run: Callable[[imgsvc.Pipeline, Image], Any] = {
        "library": lambda pipeline, image: pipeline.run(image, num_threads=1),
        "service": lambda pipeline, image: served.process(image, pipeline).array,
    }[where]

    def call() -> Image:
        result: Image = image
        for pipeline in pipelines:
            result = run(pipeline, result)
        return result

    result = contest.time(f"pipeline, {IMAGE} RGB", f"five operations, {where}", who, lambda: call)
    np.testing.assert_array_equal(result, imgsvc.Pipeline(OPERATIONS).run(image))
