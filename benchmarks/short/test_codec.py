"""Decoding and encoding a photo in every format, beside Pillow where it has the same options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.codec.pillow import PILLOW_OPTIONS, pillow_decode, pillow_encode
from benchmarks.service.process import ROOT
from imgsvc.codec import decode, encode, formats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from benchmarks.short.contest import Contest

SIZE = (640, 480)


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """A photo."""
    with Image.open(ROOT / "examples" / "photo.jpg") as image:
        return np.asarray(image.convert("RGB").resize(SIZE))


def contestants() -> Iterator[Any]:
    """Yield the formats, and who knows them."""
    for each in formats().values():
        if each.encodes and each.decodes:
            yield pytest.param(each.name, "imgsvc", id=f"{each.name}-imgsvc")
            if each.name in PILLOW_OPTIONS:
                yield pytest.param(each.name, "Pillow", id=f"{each.name}-pillow")


each_contestant = pytest.mark.parametrize(("name", "who"), list(contestants()))
FAMILY = f"codecs, {SIZE[0]}x{SIZE[1]} RGB"


@each_contestant
def test_decode(contest: Contest, photo: NDArray[np.uint8], name: str, who: str) -> None:
    data, decoder = encode(photo, name), decode if who == "imgsvc" else pillow_decode
    contest.time(FAMILY, f"decode {name}", who, lambda: lambda: decoder(data))


@each_contestant
def test_encode(contest: Contest, photo: NDArray[np.uint8], name: str, who: str) -> None:
    encoder = encode if who == "imgsvc" else pillow_encode
    data = contest.time(FAMILY, f"encode {name}", who, lambda: lambda: encoder(photo, name))
    contest.benchmark.extra_info["bytes"] = len(data)
