"""Call: one RPC, or one item of a batch, from its first byte to the line of the log."""

from __future__ import annotations

import itertools
import math
import secrets
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from imgsvc.runtime.cores import Job
from imgsvc.server.callers.caller import Caller
from imgsvc.server.failure import failure_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import grpc

    from imgsvc.server.limiter import Limiter
    from imgsvc.server.overload.price import Price
    from imgsvc.server.transport import Rpc

__all__ = [
    "CACHE",
    "COMPUTE",
    "DECODE",
    "ENCODE",
    "QUEUE",
    "RECEIVE",
    "SEND",
    "TOTAL",
    "Call",
    "Item",
    "Request",
    "Work",
]

T = TypeVar("T")

SECRETS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
"""Whatever is made of records, these are in none: also those that are meant for a proxy."""

REQUEST_ID = "x-request-id"
MAX_ID = 64

QUEUE, RECEIVE, DECODE, COMPUTE, ENCODE, SEND = "queue", "receive", "decode", "compute", "encode", "send"
CACHE = "cache"
TOTAL = "total"
"""Stages, and all together. What operations take together is the time to compute."""

NO_OPERATIONS = {QUEUE, RECEIVE, CACHE, DECODE, ENCODE}

_process = secrets.token_hex(4)
_numbers = itertools.count(1)


NOBODY = Caller("")
"""Whom calls are counted for until it is known who makes them."""


class Request(NamedTuple):
    """A message, or what one can be made of, and how many bytes that keeps in memory."""

    num_bytes: int
    body: Callable[[], bytes]


class Work(Job):
    """What is done for one image, and what is told of it when it is over.

    Attributes
    ----------
    method
        As the call names it: ``"/imgsvc.v1.ImageService/Process"``.
    peer
        Its client's address.
    caller
        Who it is, by the name that the operator gave; empty for anybody.
    flow
        Whom it is counted for, in whose queue it stands.
    begun, answered, ended
        On the monotonic clock: when its headers had come, when its answer was made, and when that was gone.
    request_bytes, answer_bytes
        The sizes of its messages.
    id
        The caller's ``x-request-id``, or a new one; items have that of their stream.
    code
        The name of its gRPC status.
    field, value, details
        What a failed call is said to have failed for, and what its caller is told.
    overloaded
        Whether it was refused for the server's load.
    error_id, exception
        Of an error that nobody foresaw: what its caller can name it by, and where it came from.
    stages
        Name, start and end of what took its time, on the monotonic clock: `QUEUE`, `RECEIVE`, `CACHE`,
        `DECODE`, operations by their names, `ENCODE`.
    pixels
        Of its price: those of its image, or of its outputs if they have more.
    cache
        ``"hit"``, ``"miss"``, or empty where the result cache was not asked.
    metadata
        The call's, but for what proves who calls.
    request, captured
        The message, where it may be kept if the call fails, and the name of the file that it is kept in.
    span, trace_id
        What tracing has made of it, and the name of its trace.
    stream, item
        Of an item: its stream's call, and the caller's id of it.
    held, held_bodies
        The bytes of the server's budget that it has, and those of them that are of requests.
    limiter
        Which has let it in.
    """

    __slots__ = (
        *("answer_bytes", "answered", "begun", "cache", "caller", "captured", "code", "details"),
        *(
            "ended",
            "error_id",
            "exception",
            "field",
            "held",
            "held_bodies",
            "id",
            "item",
            "limiter",
            "metadata",
            "method",
            "overloaded",
        ),
        *("peer", "pixels", "request", "request_bytes", "span", "stages", "stream", "trace_id", "value"),
    )

    def __init__(self, method: str, seconds: float | None = None, *, batch: bool = False) -> None:
        super().__init__(seconds, batch=batch)
        self.method = method
        self.begun = time.monotonic()
        self.peer = self.caller = self.item = self.field = self.value = self.details = ""
        self.error_id = self.exception = self.cache = self.captured = self.trace_id = ""
        self.code = "OK"
        self.id = ""
        self.flow: Caller = NOBODY
        self.limiter: Limiter | None = None
        self.answered = self.ended = 0.0
        self.request_bytes = self.answer_bytes = self.pixels = 0
        self.held = self.held_bodies = 0
        self.overloaded = False
        self.stages: list[tuple[str, float, float]] = []
        self.metadata: Sequence[tuple[str, str | bytes]] = ()
        self.request: Request | None = None
        self.span: object = None
        self.stream: Call | None = None

    def note(self, stage: str, start: float, end: float) -> None:
        """Note a stage."""
        self.stages.append((stage, start, end))

    def compute(self, function: Callable[[int], T], num_bytes: int, most: int | None = None) -> T:
        """Return what `function` does with the threads that it is granted; see `Cores.run`."""
        assert self.limiter is not None  # noqa: S101 - for the type checker: it was let in
        return self.limiter.cores.run(function, num_bytes, self, most)

    @property
    def computes_alone(self) -> bool:
        """Whether nobody else has a core, or waits for one."""
        assert self.limiter is not None  # noqa: S101 - for the type checker: it was let in
        cores = self.limiter.cores
        return not cores.in_use and not cores.waiting

    @property
    def waited(self) -> float:
        """The seconds that it has waited so far for this server, and not for its caller."""
        return sum([end - start for stage, start, end in self.stages if stage == QUEUE])

    def seconds(self) -> dict[str, float]:
        """Return how long the stages took, the way of the answer (``send``), and all of it (``total``)."""
        seconds: dict[str, float] = {}
        for stage, start, end in self.stages:
            name = stage if stage in NO_OPERATIONS else COMPUTE
            seconds[name] = seconds.get(name, 0.0) + end - start
        seconds[SEND] = self.ended - self.answered
        seconds[TOTAL] = self.ended - self.begun
        return seconds

    def fail(self, error: Exception) -> grpc.StatusCode:
        """Note what it failed with, and return its status; the error loses its traceback."""
        failure = failure_of(error)
        self.code = failure.code.name
        self.field, self.value, self.details = failure.field, failure.value, failure.details
        self.error_id, self.exception = failure.error_id, failure.exception
        self.overloaded = failure.overloaded
        return failure.code


class Item(Work):
    """One image of a batch."""

    __slots__ = ()

    def __init__(self, stream: Call, item: str) -> None:
        super().__init__(stream.method, stream.stop.remaining, batch=True)
        self.flow, self.peer, self.caller = stream.flow, stream.peer, stream.caller
        self.id = stream.id
        self.limiter = stream.limiter
        self.stream = stream
        self.item = item


class Call(Work):
    """One RPC.

    It is over when all who have to do with it have left it: the wire, and whoever computes.

    Attributes
    ----------
    rpc
        On the wire.
    deadline
        Its client's, on the monotonic clock; infinity for none.
    due, due_to
        When it is ended, on the monotonic clock, if it has not come further by then, and with which details.
    expired
        The error that it was ended with before its time.
    over
        Whether its client has gone, or got its answer.
    watched
        Whether a cancellation is known at once.
    trailing
        Metadata that go with the status.
    if_cut_off
        What it failed with if its client did not wait for what it was told.
    on_closed, on_end
        Called when its client has gone or got its answer, and when it is over.
    """

    __slots__ = (
        "_holders",
        "_lock",
        "deadline",
        "due",
        "due_to",
        "expired",
        "if_cut_off",
        "on_closed",
        "on_end",
        "over",
        "rpc",
        "trailing",
        "watched",
    )

    def __init__(self, rpc: Rpc) -> None:
        deadline = rpc.deadline
        super().__init__(rpc.method, None if deadline == math.inf else deadline - time.monotonic())
        self.deadline = deadline
        self.rpc = rpc
        self.peer = rpc.peer
        self.metadata = [pair for pair in rpc.metadata if pair[0] not in SECRETS]
        self.id = _id_of(rpc.metadata)
        self.due = math.inf
        self.due_to: Callable[[], Exception | None] | None = None
        self.expired: Exception | None = None
        self.over = self.watched = False
        self.if_cut_off: Exception | None = None
        self.trailing: tuple[tuple[str, str | bytes], ...] = ()
        self.on_closed: Callable[[], None] | None = None
        self.on_end: Callable[[Call], None] | None = None
        self._holders = 1
        self._lock = threading.Lock()

    def charge(self, price: Price) -> None:
        """Take what its work will take, before anything is allocated; see `Limiter.charge`."""
        if self.limiter is not None:
            self.limiter.charge(self, price)

    @property
    def remaining(self) -> float:
        """The seconds to its deadline."""
        return self.deadline - time.monotonic()

    def hold(self) -> None:
        """Have it not be over before `leave` was called once more."""
        with self._lock:
            self._holders += 1

    def leave(self) -> None:
        """Have no more to do with it."""
        with self._lock:
            self._holders -= 1
            if self._holders:
                return
        if self.on_end is not None:
            self.on_end(self)

    def wait_until(self, due: float, error: Callable[[], Exception | None]) -> None:
        """Be ended with what `error` returns, if anything, unless `wait_no_more` was called by then."""
        self.due_to = error
        self.due = due

    def wait_no_more(self) -> None:
        """Take any time."""
        self.due = math.inf

    def expire(self, error: Exception) -> None:
        """End it with an error, whatever it does; once."""
        if self.expired is None and not self.over:
            self.due = math.inf
            self.expired = error
            failure = failure_of(error)
            self.rpc.cancel(failure.code.value[0], failure.details)


def _id_of(metadata: Sequence[tuple[str, str | bytes]]) -> str:
    """Return the id that a caller gave, or one that no other call has: a counter behind the process's own."""
    for key, value in metadata:
        if key == REQUEST_ID and isinstance(value, str) and 0 < len(value) <= MAX_ID and value.isprintable():
            return value
    return f"{_process}-{next(_numbers):08x}"
