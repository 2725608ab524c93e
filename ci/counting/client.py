"""A client that makes one call for each line on its stdin: python -m counting.client TARGET KIND.

It says so on its stdout before each, when what came before it is done.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

import imgsvc

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE = np.zeros((64, 64, 3), np.uint8)
WARM_UP = 50


def _turns() -> Iterator[None]:
    yield from [None] * WARM_UP
    while True:
        print("ready", flush=True)
        if not sys.stdin.readline():
            return
        yield


def main() -> None:
    """Call until stdin ends."""
    target, kind = sys.argv[1:]
    with imgsvc.Client(target) as client:
        if kind == "item":
            images = (IMAGE for _ in _turns())
            for _, result in client.process_many(images, "invert", in_flight=1):
                assert isinstance(result, imgsvc.Result), result  # noqa: S101 - a failed call is not counted
            return
        for _ in _turns():
            if kind == "mean-filter":
                client.mean_filter(IMAGE)
            else:
                client.process(IMAGE, "invert")


if __name__ == "__main__":
    main()
