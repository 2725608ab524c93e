"""The library's operations on images of each size, beside whom people would call otherwise, on one thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.kernels.every import CASES
from benchmarks.kernels.images import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.kernels.case import Case
    from benchmarks.kernels.peers import Peer
    from benchmarks.short.contest import Contest

THREADS = 1


def benchmarks() -> Iterator[Any]:
    """Yield who does what on what, image by image."""
    for image in SHAPES:
        for case in CASES:
            if image not in case.images:
                continue
            for peer in (None, case.peers[0]):
                name = f"{image}-{case.name}-{peer.full_name if peer else 'imgsvc'}"
                yield pytest.param(image, case, peer, id=name, marks=peer.marks if peer else ())


@pytest.mark.parametrize(("image", "case", "peer"), list(benchmarks()))
def test_kernel(contest: Contest, image: str, case: Case, peer: Peer | None) -> None:
    family = f"{image}, one thread"
    if peer is None:
        result = contest.time(family, case.title, "imgsvc", lambda: case.own_call(image, THREADS))
        case.check(image, result)
    else:
        result = contest.time(family, case.title, peer.title, lambda: case.peers_call(peer, image, THREADS))
        case.check(image, result, peer.levels, peer.inset)
