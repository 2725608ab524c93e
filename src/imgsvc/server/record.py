"""What is known of one call: filled in on its way, read when it is over."""

from __future__ import annotations

import dataclasses
import itertools
import secrets
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import grpc

__all__ = [
    "CACHE",
    "COMPUTE",
    "DECODE",
    "ENCODE",
    "QUEUE",
    "RECEIVE",
    "SEND",
    "TOTAL",
    "Record",
    "Request",
    "begin",
]

REQUEST_ID = "x-request-id"
MAX_ID = 64
SECRETS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
"""Whatever is made of records, these are in none: also those that are meant for a proxy."""

QUEUE, RECEIVE, DECODE, COMPUTE, ENCODE, SEND = "queue", "receive", "decode", "compute", "encode", "send"
CACHE = "cache"
TOTAL = "total"
"""Stages, and all together. What operations take together is the time to compute."""

NO_OPERATIONS = {QUEUE, RECEIVE, CACHE, DECODE, ENCODE}

_process = secrets.token_hex(4)
_numbers = itertools.count(1)


def _new_id() -> str:
    """Return an id that no other call has: a counter is enough, with what tells this process from others."""
    return f"{_process}-{next(_numbers):08x}"


class Request(NamedTuple):
    """A message, or what one can be made of, and how many bytes that keeps in memory."""

    num_bytes: int
    body: Callable[[], bytes]


@dataclasses.dataclass(slots=True)
class Record:
    """One call, or one item of a batch.

    Attributes
    ----------
    method
        As the call names it: ``"/imgsvc.v1.ImageService/Process"``.
    peer
        Its address, noted at the start: gRPC forgets that of a call that was cancelled.
    caller
        Who it is, by the name that the operator gave; empty for anybody.
    begun, answered, ended
        On the monotonic clock: when its headers had come, when its answer was made, and when that was gone.
    request_bytes, answer_bytes
        The sizes of its messages.
    id
        The caller's ``x-request-id``, or a new one; items have that of their stream.
    stream, item
        Of an item: the record of its stream, and the caller's id of it.
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
    core_seconds
        What it has cost the cores.
    cache
        ``"hit"``, ``"miss"``, or empty where the result cache was not asked.
    metadata
        The call's, but for what proves who calls.
    request, captured
        The message, where it may be kept if the call fails, and the name of the file that it is kept in.
    span, trace_id
        What tracing has made of it, and the name of its trace.
    """

    method: str
    peer: str = ""
    caller: str = ""
    begun: float = dataclasses.field(default_factory=time.monotonic)
    request_bytes: int = 0
    answer_bytes: int = 0
    id: str = dataclasses.field(default_factory=_new_id)
    stream: Record | None = None
    item: str = ""
    answered: float = 0.0
    ended: float = 0.0
    code: str = "OK"
    field: str = ""
    value: str = ""
    details: str = ""
    overloaded: bool = False
    error_id: str = ""
    exception: str = ""
    stages: list[tuple[str, float, float]] = dataclasses.field(default_factory=list)
    pixels: int = 0
    core_seconds: float = 0.0
    cache: str = ""
    metadata: Sequence[tuple[str, str | bytes]] = dataclasses.field(default=(), repr=False)
    request: Request | None = dataclasses.field(default=None, repr=False)
    captured: str = ""
    span: object = None
    trace_id: str = ""

    def note(self, stage: str, start: float, end: float) -> None:
        """Note a stage."""
        self.stages.append((stage, start, end))

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

    def of_item(self, item: str) -> Record:
        """Return the record of an item of this stream, which begins now."""
        return Record(self.method, self.peer, self.caller, id=self.id, stream=self, item=item)


def begin(details: grpc.HandlerCallDetails) -> Record:
    """Return the record of a call whose headers have come."""
    given = details.invocation_metadata or ()
    metadata: Sequence[tuple[str, str | bytes]] = [pair for pair in given if pair[0] not in SECRETS]
    for key, value in metadata:
        if key == REQUEST_ID and isinstance(value, str) and 0 < len(value) <= MAX_ID and value.isprintable():
            return Record(details.method, id=value, metadata=metadata)
    return Record(details.method, metadata=metadata)
