"""One stream of a batch: who reads it, who works on its items, and who sends their results.

It has two threads. The reader takes a message, and puts its items to work while there is room: for items of
this stream, and for bytes in the server. When there is none it does not read, gRPC's flow control holds the
client back, and memory stays bounded. The sender sends what has finished.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import queue
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError

from imgsvc.errors import InvalidInputError, OverloadedError, StoppedError
from imgsvc.recipes.recipe import Recipe
from imgsvc.server.batch_items import MAX_ID_BYTES, Items, Sent, failed_item
from imgsvc.server.caller import caller_of
from imgsvc.server.failure import fail, note_failure
from imgsvc.server.record import QUEUE, Request
from imgsvc.server.refusals import (
    Abandoned,
    IncompleteBody,
    NotAMessage,
    NotTaken,
    Refusal,
    StreamTooOld,
)
from imgsvc.server.timer import Timed
from imgsvc.v1.recipe_pb2 import Recipe as RecipeMessage
from imgsvc.wire.captured import batch_of_one
from imgsvc.wire.process import BATCH_REQUEST
from imgsvc.wire.recipe import read_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imgsvc.server.batch import BatchStreams
    from imgsvc.server.overload.admission import Entry
    from imgsvc.server.record import Record
    from imgsvc.v1.image_service_pb2 import BatchItem

__all__ = ["Stream"]

JOINED_BYTES = 1 << 18
"""Results that have finished share a message up to here: a message costs as much as a small image."""

WAIT = 0.1


class Stream:
    """One stream.

    What is under way is the reader, until it has read the last message, and each item, until its result has
    been sent; after that the stream ends.
    """

    def __init__(
        self,
        streams: BatchStreams,
        messages: Iterator[bytes],
        context: grpc.ServicerContext,
        entry: Entry,
        record: Record,
    ) -> None:
        self._of = streams
        self._messages = messages
        self._context = context
        self._entry = entry
        self._record = record
        record.peer = context.peer()
        record.note(QUEUE, record.begun, time.monotonic())
        self._finished: queue.SimpleQueue[Sent | _End] = queue.SimpleQueue()
        self._room = threading.Semaphore(streams.max_items)
        self._under_way = 1
        self._read_all = False
        self._items = Items(
            streams.processing, streams.cores, streams.backlog, context=context, entry=entry, record=record
        )
        self._caller: str | None = None
        self._complete = False
        self._half_closed = False
        self._broken_off: Exception = Abandoned(StoppedError(cancelled=True), 0.0)
        self._draining: Refusal | None = None
        self._lock = threading.Lock()
        self._recipe: Recipe | InvalidInputError = Recipe()
        self._recipe_message = RecipeMessage()
        self._reading = Timed(context, math.inf, f"stream: nothing came for {streams.timeout:g} s")
        self._sending = Timed(context, math.inf, NotTaken.text(streams.timeout))
        self._age = _Age(self, context, streams.max_seconds)

    def results(self) -> Iterator[bytes]:
        """Yield messages of results; this runs on the sender's thread."""
        of = self._of
        of.begin(self)
        for timed in (self._reading, self._sending, self._age):
            of.timer.start(timed)
        if not self._context.add_callback(self._ended):
            self._ended()
        try:
            of.gate.identify(self._context, self._record, self._entry)
            self._take_share(caller_of(self._record))
        except (OverloadedError, Refusal) as refusal:
            self._finished.put(_End(refusal))
            self._release()  # nobody will read
        else:
            of.readers.submit(self._read)
        try:
            yield from self._send()
            if self._items.cached is not None:
                self._items.cached.tell(self._context)
            self._complete = True
        finally:
            of.end(self)
            self._record.answered = time.monotonic()
            self._release()

    def drain(self, reason: Refusal) -> None:
        """Take no more, and end when what was read is done."""
        with self._lock:
            self._draining = reason
            idle = self._under_way <= 1
        if idle:
            self._finished.put(_End(reason))

    def _take_share(self, caller: str) -> None:
        self._entry.belong_to(caller)
        self._of.share.take(caller)
        self._caller = caller

    # The sender's thread.

    def _send(self) -> Iterator[bytes]:
        while True:
            sent, end = self._next()
            if sent:
                self._sending.end = time.monotonic() + self._of.timeout
                message = sent[0].message if len(sent) == 1 else b"".join(each.message for each in sent)
                self._record.answer_bytes += len(message)
                yield message
                self._sending.pause()
                for each in sent:
                    self._entry.give_back(each.num_bytes)
                    self._room.release()
                end = end or self._leave(len(sent))
            if end is not None:
                if end.error is not None:
                    fail(self._record, self._context, end.error)
                return

    def _next(self) -> tuple[list[Sent], _End | None]:
        """Wait for a result; return it with what else has finished, or the end."""
        first = self._finished.get()
        sent: list[Sent] = []
        size = 0
        while isinstance(first, Sent):
            sent.append(first)
            size += len(first.message)
            if size >= JOINED_BYTES:
                return sent, None
            try:
                first = self._finished.get_nowait()
            except queue.Empty:
                return sent, None
        return sent, first

    def _leave(self, count: int) -> _End | None:
        """Note that so much is under way no more; return the end if it has come."""
        with self._lock:
            self._under_way -= count
            if self._under_way == 0:  # of a drained stream messages may be left that nobody has read
                return _End(None if self._half_closed else self._draining)
            if self._under_way == 1 and not self._read_all:  # the reader waits, and may wait for ever
                if self._draining:
                    return _End(self._draining)
                self._reading.end = time.monotonic() + self._of.timeout
        return None

    # The reader's thread.

    def _read(self) -> None:
        end: _End | None = None
        try:
            for body in self._bodies():
                self._take(body)
        except grpc.RpcError as error:  # the call is over, or the message over the limit
            error.__traceback__ = None  # gRPC's state of the call keeps the error, and its frames that state
            end = _End(IncompleteBody(grpc.StatusCode.CANCELLED, "the stream broke off"))
        except Exception as error:  # noqa: BLE001 - whatever comes, the server answers and lives on
            end = _End(NotAMessage() if isinstance(error, DecodeError) else error)
        finally:
            self._reading.pause()
            with self._lock:
                self._read_all = True
            end = end or self._leave(1)
            if end is not None:
                self._finished.put(end)
            self._release()

    def _bodies(self) -> Iterator[bytes]:
        while not (self._items.over or self._draining):
            with self._lock:
                if self._under_way == 1:
                    self._reading.end = time.monotonic() + self._of.timeout
            body = next(self._messages, None)
            self._reading.pause()
            if body is None:
                self._half_closed = True
                return
            yield body

    def _take(self, body: bytes) -> None:
        """Put the items of a message to work, each when there is room for it."""
        if not self._entry.hold_when_possible(len(body), self._items.is_over, share=2):
            return
        self._record.request_bytes += len(body)
        opened = BATCH_REQUEST.open(body)
        message = opened.message
        if message.HasField("recipe"):
            self._recipe = self._read_recipe(message.recipe)
            self._recipe_message = message.recipe
        if not message.items:
            self._entry.give_back(len(body))
            return
        held = _Body(self._entry, len(body), len(message.items))
        with self._lock:
            self._under_way += len(message.items)
        for item in message.items:
            if not self._wait_for_turn():
                return
            recipe = self._read_recipe(item.recipe) if item.HasField("recipe") else self._recipe
            record = self._record.of_item(item.id[:MAX_ID_BYTES])
            if self._of.observers.captures:
                alone = functools.partial(batch_of_one, self._recipe_message, item, opened.payload)
                record.request = Request(len(body), alone)
            self._of.items.submit(self._item, item, opened.payload, recipe, held, record)

    def _wait_for_turn(self) -> bool:
        """Wait for room for one more item, and for its caller's quota; return False if the stream is over.

        Items are never refused for pixels: a batch is held back to as many a second as there may be. One that
        is to end is not.
        """
        while not self._room.acquire(timeout=WAIT):
            if self._items.over:
                return False
        account = self._entry.account
        while account is not None and not self._draining and (seconds := account.seconds_in_debt()):
            time.sleep(min(seconds, WAIT))
            if self._items.over:
                return False
        return True

    def _read_recipe(self, message: Any) -> Recipe | InvalidInputError:
        try:
            return read_recipe(message, self._of.processing.presets)
        except InvalidInputError as error:
            return error

    # The threads that work on items.

    def _item(
        self,
        item: BatchItem,
        payload: Callable[[bytes], memoryview],
        recipe: Recipe | InvalidInputError,
        held: _Body,
        record: Record,
    ) -> None:
        try:
            record.note(QUEUE, record.begun, time.monotonic())
            sent = self._items.result(item, payload, recipe, record)
        except StoppedError as error:  # and so is the stream
            note_failure(record, Abandoned(error, record.core_seconds))
            return
        except Exception as error:  # noqa: BLE001 - one bad item is one bad result
            sent = Sent(failed_item(record, error), 0)
        finally:
            held.item_done()
            self._of.observers.finished(record)
        self._finished.put(sent)

    # gRPC's thread.

    def _ended(self) -> None:
        of = self._of
        self._items.stop()
        for timed in (self._reading, self._sending, self._age):
            of.timer.stop(timed)
        if self._sending.expired:
            self._broken_off = NotTaken(of.timeout)
        elif self._reading.expired:
            self._broken_off = IncompleteBody(grpc.StatusCode.DEADLINE_EXCEEDED, self._reading.details)
        else:
            self._broken_off = Abandoned(StoppedError(cancelled=True), self._items.core_seconds)
        self._finished.put(_End(self._broken_off))
        of.free_place()
        self._release()

    def _release(self) -> None:
        if self._entry.release():
            if self._caller is not None:
                self._of.share.give_back(self._caller)
            self._record.core_seconds = self._items.core_seconds
            if not self._complete and self._record.code == "OK":  # gRPC forgets a sender that it need not ask
                note_failure(self._record, self._broken_off)
            self._of.observers.finished(self._record)


@dataclasses.dataclass
class _Body:
    """A message whose bytes count until the last of its items is done."""

    entry: Entry
    size: int
    items: int
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def item_done(self) -> None:
        with self.lock:
            self.items -= 1
            if self.items:
                return
        self.entry.give_back(self.size)


class _End:
    """What the reader says last: nothing, or why the stream ends early."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error


class _Age(Timed):
    """When a stream has been open for long enough."""

    def __init__(self, stream: Stream, context: grpc.ServicerContext, seconds: float) -> None:
        super().__init__(context, time.monotonic() + seconds, "")
        self._stream = weakref.ref(stream)  # which holds this
        self._seconds = seconds

    def late(self) -> None:
        stream = self._stream()
        if stream is not None:
            stream.drain(StreamTooOld(self._seconds))
