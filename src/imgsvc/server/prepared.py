"""Prepared requests: what is known of a request before it runs, and how it then runs.

A request is prepared once for each distinct recipe, shape, dtype, profile and option, and kept: the next one
that says the same is found by its bytes without its pixels, so that nothing is parsed, checked or planned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.cache.cache import Made
    from imgsvc.runtime.cores import Job
    from imgsvc.server.caching import Caching
    from imgsvc.server.calls import Answer, Call
    from imgsvc.server.overload.price import Price

__all__ = ["Method", "Prepared", "Running", "answering"]

T = TypeVar("T")


class Notes(Protocol):
    """What the times of a request are told."""

    def note(self, stage: str, start: float, end: float) -> None:
        """Take a stage; on the monotonic clock."""


class Running(Protocol):
    """A call, or an item of a batch, as it computes."""

    @property
    def job(self) -> Job:
        """What stops it."""

    @property
    def record(self) -> Notes:
        """What is told of it."""

    def compute(self, function: Callable[[int], T], num_bytes: int, most: int | None = None) -> T:
        """Return what `function` does with the threads that it is granted; see `Cores.run`."""


class Prepared(Protocol):
    """One request, before it runs."""

    @property
    def price(self) -> Price:
        """What it will take."""

    @property
    def num_bytes(self) -> int:
        """The bytes of its image, which its `cache_key` is made of."""

    @property
    def answer_bytes(self) -> int:
        """About how large its answer will be."""

    def cache_key(self, owner: str) -> bytes | None:
        """Return what its answer is found by in the result cache; None where it is not to be kept.

        It hashes the image, so ask for it where that is worth it. `owner` is whom the answer is for, empty
        for everybody.
        """

    def run(self, call: Running, item: str | None = None) -> Made:
        """Compute the answer; with `item`, the message of a batch that has it as the result of that item.

        Raises
        ------
        InvalidInputError
            The image turned out to be damaged.
        StoppedError
            The job was stopped.
        """


class Method(Protocol):
    """A method whose requests are prepared."""

    def find(self, body: bytes) -> Prepared | None:
        """Return a request if others like it were prepared before; takes microseconds and never fails."""

    def prepare(self, body: bytes) -> Prepared:
        """Return a request that was parsed, checked and planned, and keep that for others like it.

        Raises
        ------
        google.protobuf.message.DecodeError
            `body` is no such message.
        InvalidInputError
            What it asks for cannot be.
        """


def answering(method: Method, caching: Caching | None) -> Answer:
    """Return what answers the calls of a method: found or prepared, looked for, admitted, run."""

    def answer(body: bytes, call: Call) -> bytes:
        prepared = method.find(body) or method.prepare(body)
        if caching is not None:
            key = caching.key(prepared, call.record)
            if key is not None:
                return caching.answer(key, call, prepared.price, lambda: prepared.run(call))
        call.admit(prepared.price)
        return prepared.run(call).message

    return answer
