"""What one caller may have of something that all share: three quarters, so that the others find some."""

from __future__ import annotations

import threading

from imgsvc.errors import OverloadedError

__all__ = ["Share"]


class Share:
    """Counts what each caller has.

    Parameters
    ----------
    what
        Is counted, as a refusal names it.
    limit
        How many there are for all. Of three or fewer one caller may have all.
    """

    def __init__(self, what: str, limit: int) -> None:
        self._what = f"{what} of a caller"
        self._most = limit - limit // 4
        self._taken: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def taken(self) -> dict[str, int]:
        """What each caller has."""
        return dict(self._taken)

    def check(self, caller: str) -> None:
        """Raise what `take` would now, and count nothing."""
        count = self._taken.get(caller, 0) + 1
        if count > self._most:
            raise OverloadedError(self._what, count, self._most)

    def take(self, caller: str) -> None:
        """Count one more for a caller.

        Raises
        ------
        OverloadedError
            It has as many as one may have.
        """
        with self._lock:
            self.check(caller)
            self._taken[caller] = self._taken.get(caller, 0) + 1

    def give_back(self, caller: str) -> None:
        """Count one less."""
        with self._lock:
            count = self._taken.pop(caller) - 1
            if count:
                self._taken[caller] = count
