"""Decoding and encoding 12 million pixels, beside Pillow."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.codec.pillow import pillow_decode, pillow_encode
from imgsvc.codec import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from pytest_benchmark.fixture import BenchmarkFixture

HEIGHT, WIDTH = 3000, 4000
THUMBNAIL = (400, 300)
ROUNDS = 3


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """Smooth colours with the noise of a camera."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    rng = np.random.default_rng(0)
    planes = [np.sin(x / 90 + phase) * 60 + np.cos(y / 70 - phase) * 50 + 128 for phase in (0, 1, 2)]
    noisy = np.stack(planes, -1) + rng.normal(0, 2, (HEIGHT, WIDTH, 3)).astype(np.float32)
    return noisy.clip(0, 255).astype(np.uint8)


def pillow_draft(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", THUMBNAIL)
        return np.asarray(image)


@pytest.mark.parametrize("who", ["imgsvc", "pillow"])
@pytest.mark.parametrize("name", ["jpeg", "png"])
def test_encode(benchmark: BenchmarkFixture, photo: NDArray[np.uint8], name: str, who: str) -> None:
    benchmark.group = f"encode {name}, 4000x3000"
    call = encode if who == "imgsvc" else pillow_encode
    data = benchmark.pedantic(call, (photo, name), rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info["bytes"] = len(data)


@pytest.mark.parametrize("who", ["imgsvc", "pillow"])
@pytest.mark.parametrize("name", ["jpeg", "png"])
def test_decode(benchmark: BenchmarkFixture, photo: NDArray[np.uint8], name: str, who: str) -> None:
    benchmark.group = f"decode {name}, 4000x3000"
    data = pillow_encode(photo, name)
    call: Callable[[bytes], Any] = decode if who == "imgsvc" else pillow_decode
    benchmark.pedantic(call, (data,), rounds=ROUNDS, warmup_rounds=1)


@pytest.mark.parametrize("who", ["imgsvc", "pillow"])
def test_decode_for_a_thumbnail(benchmark: BenchmarkFixture, photo: NDArray[np.uint8], who: str) -> None:
    benchmark.group = "decode jpeg, 4000x3000 to 500x375"
    data = pillow_encode(photo, "jpeg")
    if who == "imgsvc":
        result = benchmark.pedantic(
            lambda: decode(data, at_least=THUMBNAIL).frames[0], rounds=ROUNDS, warmup_rounds=1
        )
    else:
        result = benchmark.pedantic(pillow_draft, (data,), rounds=ROUNDS, warmup_rounds=1)
    assert result.shape == (375, 500, 3)
