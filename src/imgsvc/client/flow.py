"""The items of a batch on their way: what is to be sent, what is under way, what has come back."""

from __future__ import annotations

import collections
import dataclasses
from typing import TYPE_CHECKING, Any

from imgsvc.client.exchange import read, single_result
from imgsvc.client.failures import broken_answer, status_error
from imgsvc.errors import ImgsvcError
from imgsvc.processing.given import copy_pixels
from imgsvc.recipes.results import FailedResult
from imgsvc.wire.process import draft_batch_request, read_batch_response

if TYPE_CHECKING:
    from imgsvc.processing.given import Given
    from imgsvc.processing.result import Result
    from imgsvc.recipes import results
    from imgsvc.recipes.recipe import Recipe

    Outcome = tuple[Any, Result | ImgsvcError]

__all__ = ["MAX_IN_FLIGHT", "Flow", "batch_body", "key_and_image"]

MAX_IN_FLIGHT = 1024
PACKED_BYTES = 1 << 18
"""Small images share a message up to here."""
HELD_BYTES = 1 << 26
"""Of images under way no more are taken beyond this, so large ones are few at a time."""


@dataclasses.dataclass(frozen=True)
class _Item:
    key: Any
    given: Given


class Flow:
    """What a batch consists of at a time, bounded; it waits for nothing, and its users hold a lock.

    Parameters
    ----------
    in_flight
        How many items there may be at a time, until their results are taken.
    recipe
        What is done with each.
    ordered
        Whether results are given in the order of the items.
    """

    def __init__(self, in_flight: int, recipe: Recipe, *, ordered: bool) -> None:
        self.exhausted = False
        """Whether there will be no more items."""
        self.unanswered: dict[int, _Item] = {}
        self._in_flight = in_flight
        self._recipe = recipe
        self._ordered = ordered
        self._waiting: collections.deque[int] = collections.deque()
        self._ready: dict[int, Outcome] = {}
        self._num_bytes = 0
        self._added = 0
        self._given_out = 0

    @property
    def has_room(self) -> bool:
        """Whether another item may be added."""
        count = len(self.unanswered) + len(self._ready)
        return count < self._in_flight and self._num_bytes < HELD_BYTES

    @property
    def has_work(self) -> bool:
        """Whether there is something to be sent."""
        return bool(self._waiting)

    @property
    def is_finished(self) -> bool:
        """Whether all results have been taken, and no more will come."""
        return self.exhausted and not self.unanswered and not self._ready

    def add(self, key: Any, given: Given | ImgsvcError) -> None:
        """Take an item, or what is wrong with it."""
        number = self._added
        self._added += 1
        if isinstance(given, ImgsvcError):
            self._ready[number] = key, given
            return
        self.unanswered[number] = _Item(key, given)
        self._num_bytes += given.num_bytes
        self._waiting.append(number)

    def pick(self) -> list[tuple[str, Given]]:
        """Return the items that go into the next message."""
        picked: list[tuple[str, Given]] = []
        size = 0
        while self._waiting:
            given = self.unanswered[self._waiting[0]].given
            size += given.num_bytes
            if picked and size > PACKED_BYTES:
                break
            picked.append((str(self._waiting.popleft()), given))
        return picked

    def answer(self, body: bytes) -> int:
        """Take a message of results, and return how many there are: one without any is no progress.

        Raises
        ------
        ServiceError
            It is none, or of items that were not sent.
        """
        answered = read(read_batch_response, body)
        for name, result in answered:
            number = int(name) if name.isdecimal() else -1
            item = self.unanswered.pop(number, None)
            if item is None:
                raise broken_answer(f"it is of an item {name!r} that was not sent")
            self._num_bytes -= item.given.num_bytes
            self._ready[number] = item.key, self._outcome(result, item.given)
        return len(answered)

    def send_again(self) -> None:
        """Have everything sent again that has no result yet."""
        self._waiting = collections.deque(sorted(self.unanswered))

    def take(self) -> Outcome | None:
        """Return the next result that is there."""
        if not self._ready:
            return None
        if not self._ordered:
            return self._ready.pop(next(iter(self._ready)))
        outcome = self._ready.pop(self._given_out, None)
        self._given_out += outcome is not None
        return outcome

    def _outcome(self, result: list[results.Result] | FailedResult, given: Given) -> Result | ImgsvcError:
        if isinstance(result, FailedResult):
            return status_error(result.code, result.message, result.field)
        return single_result(result, given, self._recipe)


def batch_body(items: list[tuple[str, Given]], recipe: Recipe | None) -> bytes:
    """Return a `ProcessBatchRequest`; a stream's first has the recipe."""
    draft, rooms = draft_batch_request([(name, given.source) for name, given in items], recipe)
    pixels = [given.pixels for _, given in items if given.pixels is not None]
    for image, room in zip(pixels, rooms, strict=True):
        copy_pixels(image, room)
    return draft.finish()


def key_and_image(item: Any, number: int) -> tuple[Any, Any]:
    """Return what an item's result is found by, its number unless it brings something, and the image."""
    return item if isinstance(item, tuple) and len(item) == 2 else (number, item)
