"""Prepared requests: what is known of a request before it runs, and how it then runs.

A request is prepared once for each distinct recipe, shape, dtype, profile and option, and kept: the next one
that says the same is found by its bytes without its pixels, so that nothing is parsed, checked or planned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from imgsvc.cache.cache import Made
from imgsvc.server.overload.price import Price

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.server.call import Work

__all__ = ["Method", "Prepared", "Reporting"]


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

    @property
    def at_once(self) -> bool:
        """Whether it takes no longer than to hand it to another thread."""

    def cache_key(self, owner: str) -> bytes | None:
        """Return what its answer is found by in the result cache; None where it is not to be kept.

        It hashes the image, so ask for it where that is worth it. `owner` is whom the answer is for, empty
        for everybody.
        """

    def run(self, call: Work, item: str | None = None) -> Made:
        """Compute the answer; with `item`, the message of a batch that has it as the result of that item.

        Raises
        ------
        InvalidInputError
            The image turned out to be damaged.
        StoppedError
            The job was stopped.
        """


class Method(Protocol):
    """A method whose requests are prepared.

    Attributes
    ----------
    on_invalid_input
        Makes an answer of the text of an error, for contracts that have such answers; None for a status.
    """

    @property
    def on_invalid_input(self) -> Callable[[str], bytes] | None:
        """See above."""

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


class Reporting:
    """A method that is not about one image, and tells something: see `Method`.

    Parameters
    ----------
    answer
        Makes an answer of a message, on a worker.
    """

    on_invalid_input = None

    def __init__(self, answer: Callable[[bytes, Work], bytes]) -> None:
        self._answer = answer

    def find(self, _body: bytes) -> None:
        """Return None: nothing is kept."""

    def prepare(self, body: bytes) -> Report:
        """Return a request as it came."""
        return Report(self._answer, body)


class Report:
    """A request of `Reporting`; see `Prepared`."""

    price = Price(0, 0.0, 0)
    num_bytes = answer_bytes = 0
    at_once = False

    def __init__(self, answer: Callable[[bytes, Work], bytes], body: bytes) -> None:
        self._answer = answer
        self._body = body

    def cache_key(self, _owner: str) -> None:
        """Return None: what it tells changes."""

    def run(self, call: Work, item: str | None = None) -> Made:  # noqa: ARG002 - no batch has it
        """Make the answer."""
        return Made(self._answer(self._body, call))
