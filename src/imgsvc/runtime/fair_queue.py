"""Whose turn is next: that of the caller who has had least, of those who wait.

Start-time fair queueing (Goyal, Vin and Cheng, 1996), on two levels: among callers, and among the kinds of
work of each. What a turn costs is charged when it begins, as predicted, and put right when it ends. Who comes
after a pause starts where the others are, and has saved nothing up.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable

__all__ = ["FairQueue", "Kind", "Shares"]

T = TypeVar("T")
K = TypeVar("K", bound="Hashable")

MAX_KNOWN = 1024
"""Takers that are remembered before those with nothing to their debit are forgotten."""


class Kind(NamedTuple):
    """What work of one caller is told apart by."""

    long: bool = False
    batch: bool = False


class Shares(Generic[K]):
    """What each of several takers has had."""

    def __init__(self) -> None:
        self._had: dict[K, float] = {}
        self._now = 0.0

    def next(self, takers: Collection[K]) -> K:
        """Return the one of `takers` that has had least, the first of equals."""
        had, now = self._had, self._now
        if len(takers) == 1:
            (chosen,) = takers
        else:
            chosen = min(takers, key=lambda taker: max(had.get(taker, now), now))
        self._now = max(had.get(chosen, now), now)
        return chosen

    def charge(self, taker: K, amount: float) -> None:
        """Note that a taker has had so much more, or, if it is negative, less."""
        self._had[taker] = max(self._had.get(taker, self._now), self._now) + amount
        if len(self._had) > MAX_KNOWN:
            self._had = {each: had for each, had in self._had.items() if had > self._now}


class FairQueue(Generic[T]):
    """A queue of what waits, by its caller and kind; not safe for threads by itself."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, dict[Kind, collections.deque[T]]] = {}
        self._callers: Shares[Hashable] = Shares()
        self._kinds: dict[Hashable, Shares[Kind]] = {}
        self._length = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return self._length

    def put(self, item: T, caller: Hashable, kind: Kind) -> None:
        """Let an item wait."""
        self._waiting.setdefault(caller, {}).setdefault(kind, collections.deque()).append(item)
        self._length += 1

    def take(self, *, with_long: bool = True) -> T | None:
        """Return the next item, of those that are not long unless `with_long`; None if there is none."""
        waiting = self._waiting
        takers: Collection[Hashable] = waiting
        if not with_long:
            takers = [caller for caller, kinds in waiting.items() if any(not kind.long for kind in kinds)]
        if not takers:
            return None
        caller = self._callers.next(takers)
        kinds: Collection[Kind] = waiting[caller]
        if not with_long:
            kinds = [kind for kind in kinds if not kind.long]
        kind = self._shares(caller).next(kinds)
        item = waiting[caller][kind].popleft()
        self._tidy(caller, kind)
        return item

    def remove(self, item: T, caller: Hashable, kind: Kind) -> None:
        """Let an item wait no more."""
        self._waiting[caller][kind].remove(item)
        self._tidy(caller, kind)

    def charge(self, caller: Hashable, kind: Kind, amount: float) -> None:
        """Note what a caller has had, for work of a kind."""
        self._callers.charge(caller, amount)
        self._shares(caller).charge(kind, amount)

    def _shares(self, caller: Hashable) -> Shares[Kind]:
        shares = self._kinds.get(caller)
        if shares is None:
            if len(self._kinds) > MAX_KNOWN:
                self._kinds = {each: self._kinds[each] for each in self._waiting if each in self._kinds}
            shares = self._kinds[caller] = Shares()
        return shares

    def _tidy(self, caller: Hashable, kind: Kind) -> None:
        self._length -= 1
        kinds = self._waiting[caller]
        if not kinds[kind]:
            del kinds[kind]
            if not kinds:
                del self._waiting[caller]
