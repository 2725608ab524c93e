"""A piece of work that is benchmarked: an operation of imgsvc with its parameters, and who else does it."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any

import numpy as np

import imgsvc
from benchmarks.kernels.images import SHAPES, make_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.kernels.images import Image, Shape
    from benchmarks.kernels.peers import Call, Peer


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One piece of work.

    Parameters
    ----------
    name, title
        What it is called in the name of a benchmark, and in a table.
    operation
        The name of imgsvc's function. It is looked up late: an old revision may not have it.
    peers
        The others. The first is the usual choice.
    parameters
        Those of imgsvc's function.
    images
        Names of the images that it is for.
    """

    name: str
    title: str
    operation: str
    peers: tuple[Peer, ...] = dataclasses.field(repr=False)
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    images: tuple[str, ...] = tuple(SHAPES)

    def parameters_for(self, shape: Shape) -> Mapping[str, Any]:
        """Return the parameters for an image of `shape`."""
        del shape
        return self.parameters

    def own_call(self, image: str, threads: int) -> Call:
        """Prepare imgsvc's call."""
        src, out = make_image(image), self.empty_result(image)
        function = functools.partial(
            getattr(imgsvc, self.operation), **self.parameters_for(src.shape), num_threads=threads
        )
        return lambda: function(src, out=out)

    def peers_call(self, peer: Peer, image: str, threads: int) -> Call:
        """Prepare a peer's call."""
        return peer.call(make_image(image), self.empty_result(image), threads)

    def empty_result(self, image: str) -> Image:
        """Return an array for a result."""
        return np.empty_like(reference(self, image))

    def check(self, image: str, result: Any, levels: int = 0, inset: int = 0) -> None:
        """Assert that a result is imgsvc's, or as far from it as it may be."""
        expected = np.atleast_3d(reference(self, image))
        result = np.atleast_3d(np.asarray(result))
        assert result.shape == expected.shape
        inside = np.s_[inset : expected.shape[0] - inset, inset : expected.shape[1] - inset]
        result, expected = result[inside], expected[inside]
        assert (np.maximum(result, expected) - np.minimum(result, expected)).max(initial=0) <= levels

    def peers_in_turn(self) -> Iterator[Peer]:
        """Yield the peers that imgsvc is timed in turn with."""
        return (peer for peer in self.peers if peer.floors is not None)


@functools.lru_cache(maxsize=1)
def reference(case: Case, image: str) -> Image:
    """Return imgsvc's result with one thread, which its tests compare with an obvious one."""
    src = make_image(image)
    result: Image = getattr(imgsvc, case.operation)(src, **case.parameters_for(src.shape), num_threads=1)
    return result
