"""Unfinished bodies: calls whose headers have come and whose body has not.

They hold no thread and no permit. gRPC takes in bytes of those that were asked for, and does not tell how
many: so these are bounded, and the others wait, unread, in its flow control. Connections take turns at being
asked. All networks have equal shares of those that are asked for, and in a network all connections. While
somebody waits who has less than his share, bodies that do not come give way, of those who have more. So who
opens many calls and sends nothing ends his own, and somebody with one slow upload keeps it.
"""

from __future__ import annotations

import collections
import functools
import time
from typing import TYPE_CHECKING

from imgsvc.errors import OverloadedError
from imgsvc.server.callers.addresses import network_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.server.call import Call

    Received = Callable[[Call, "bytes | None"], None]

__all__ = ["Bodies"]

PATIENCE_SECONDS = 0.25
"""What has been sent is there in a fraction of that, unless gRPC has much else to do."""

MAX_WAITING = 8192
"""Calls that are not asked for their bodies yet; an object of a kilobyte each."""


class Bodies:
    """Receives them; all of it on the transport's thread.

    Parameters
    ----------
    most
        That are asked for at a time.
    what
        They are, for those that give way.
    """

    def __init__(self, most: int, what: str = "requests that have not arrived") -> None:
        self._most = most
        self._what = what
        self._asked: dict[Call, float] = {}
        self._waiting: collections.OrderedDict[str, collections.deque[tuple[Call, Received]]] = (
            collections.OrderedDict()
        )
        self._num_waiting = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._asked) + self._num_waiting

    def receive(self, call: Call, received: Received) -> None:
        """Have `received` called with the one message of a call, or None where it never will be there."""
        if not self._num_waiting and len(self._asked) < self._most:
            self._ask(call, received)
            return
        if self._num_waiting >= MAX_WAITING:
            self._refuse_one()
        calls = self._waiting.get(call.peer)
        if calls is None:
            calls = self._waiting[call.peer] = collections.deque()
            self._waiting.move_to_end(call.peer, last=False)  # somebody new is asked next
        calls.append((call, received))
        self._num_waiting += 1
        self._fill()

    def tick(self) -> None:
        """Have some give way, while others wait."""
        self._let_go()
        self._fill()
        if self._num_waiting:
            self._share_out(network_of) or self._share_out(_connection)

    def _share_out(self, group_of: Callable[[str], str]) -> bool:
        """End bodies of groups of peers that have more than their share; return whether others have less."""
        asked = collections.Counter(group_of(call.peer) for call in self._asked)
        waiting: collections.Counter[str] = collections.Counter()
        for peer, calls in self._waiting.items():
            waiting[group_of(peer)] += len(calls)
        share = max(1, self._most // len(asked.keys() | waiting.keys()))
        wanted = sum(min(count, max(share - asked[group], 0)) for group, count in waiting.items())
        hungry = wanted > 0
        of_peer = collections.Counter(call.peer for call in self._asked)
        latest = time.monotonic() - PATIENCE_SECONDS
        late = [call for call, since in self._asked.items() if since <= latest and call.expired is None]
        late.sort(key=lambda call: of_peer[call.peer])  # and those of one peer by their age
        # Where all have one, and there are too many of them, the newest of those that do not come.
        least = share if any(count > share for count in asked.values()) else share - 1
        for call in reversed(late):
            if not wanted:
                break
            if asked[group_of(call.peer)] > least:
                asked[group_of(call.peer)] -= 1
                wanted -= 1
                call.expire(self._gave_way())
        return hungry

    def _ask(self, call: Call, received: Received) -> None:
        self._asked[call] = time.monotonic()

        def there(message: bytes | None) -> None:
            del self._asked[call]
            if self._num_waiting:
                self._fill()
            received(call, message)

        call.rpc.receive(there)

    def _fill(self) -> None:
        while self._num_waiting and len(self._asked) < self._most:
            peer, calls = self._waiting.popitem(last=False)
            call, received = calls.popleft()
            self._num_waiting -= 1
            if calls:
                self._waiting[peer] = calls  # behind the others
            self._ask(call, received)

    def _refuse_one(self) -> None:
        """End the newest of those that wait, of the connection that has the most."""
        peer = max(self._waiting, key=lambda peer: len(self._waiting[peer]))
        call, received = self._waiting[peer].pop()
        if not self._waiting[peer]:
            del self._waiting[peer]
        self._num_waiting -= 1
        call.expire(self._gave_way())
        call.rpc.receive(functools.partial(received, call))  # of an ended call nothing comes, at once

    def _let_go(self) -> None:
        """Have those that were ended while they waited be told so."""
        for peer, calls in list(self._waiting.items()):
            ended = [each for each in calls if each[0].expired is not None]
            for each in ended:
                calls.remove(each)
                call, received = each
                call.rpc.receive(functools.partial(received, call))
            self._num_waiting -= len(ended)
            if not calls:
                del self._waiting[peer]

    def _gave_way(self) -> Exception:
        return OverloadedError(self._what, len(self), self._most)


def _connection(peer: str) -> str:
    """Return a peer, which has a port of its own."""
    return peer
