"""One stream of a batch: what is read of it, what is worked on, and what is sent.

It has no thread. A message is asked for while there is room for its items: of this stream, and for bytes in
the server. When there is none it is not, gRPC's flow control holds the client back, and memory stays bounded.
Whoever has done an item sends its result, with those that have gathered.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import math
import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError

from imgsvc.errors import InvalidInputError, StoppedError
from imgsvc.recipes.recipe import Recipe
from imgsvc.server.batch_items import MAX_ID_BYTES, Items, Sent
from imgsvc.server.call import QUEUE, Item, Request
from imgsvc.server.inflate import inflate, is_gzip
from imgsvc.server.refusals import (
    Abandoned,
    IncompleteBody,
    NotAMessage,
    NotTaken,
    StreamTooOld,
)
from imgsvc.v1.recipe_pb2 import Recipe as RecipeMessage
from imgsvc.wire.captured import batch_of_one
from imgsvc.wire.process import BATCH_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.server.batch import BatchStreams
    from imgsvc.server.call import Call
    from imgsvc.server.refusals import Refusal
    from imgsvc.v1.image_service_pb2 import BatchItem

__all__ = ["Stream"]

JOINED_BYTES = 1 << 18
"""Results that have finished share a message up to here: a message costs as much as a small image."""


@dataclasses.dataclass
class _Body:
    """A message whose bytes count until the last of its items is done."""

    size: int
    items: int


class _Todo:
    """An item that is still to be worked on."""

    __slots__ = ("body", "item", "message", "payload", "recipe")

    def __init__(
        self,
        item: Item,
        message: BatchItem,
        payload: Callable[[bytes], memoryview],
        recipe: Recipe | InvalidInputError,
        body: _Body,
    ) -> None:
        self.item = item
        self.message = message
        self.payload = payload
        self.recipe = recipe
        self.body = body


class Stream:
    """One stream.

    Parameters
    ----------
    streams
        All of the server.
    call
        Its own, which has a permit.
    """

    def __init__(self, streams: BatchStreams, call: Call) -> None:
        self._of = streams
        self._call = call
        self._lock = threading.Lock()
        self._items = Items(streams.processing, streams.limiter, call)
        self._todo: collections.deque[_Todo] = collections.deque()
        self._results: collections.deque[Sent] = collections.deque()
        self._held_back: bytes | None = None  # a message for which there is no room yet
        self._under_way = 0  # items, from their message until their result has been sent
        self._at_work = 0
        self._reading = self._taking = self._sending = self._half_closed = self._ended = False
        self._draining: Refusal | None = None
        self._error: Exception | None = None
        self._inflating = 0.0  # core seconds, beside those of the items
        self._recipe: Recipe | InvalidInputError = Recipe()
        self._recipe_message = RecipeMessage()
        self._old_at = call.begun + streams.max_seconds
        self._idle_at = self._stuck_at = math.inf

    def begin(self) -> None:
        """Read the first message."""
        with self._lock:
            self._go_on()

    def go_on(self) -> None:
        """Do what can be done, now that there may be room."""
        with self._lock:
            if self._held_back is not None and not self._taking:
                self._have_taken(self._held_back)
            else:
                self._go_on()

    def drain(self, reason: Refusal) -> None:
        """Take no more, and end when what was read is done."""
        with self._lock:
            self._draining = self._draining or reason
            self._go_on()

    def stop(self) -> None:
        """End what is worked on: nobody waits for it any more."""
        self._items.stop()
        with self._lock:
            self._ended = True
            dropped, self._todo = self._todo, collections.deque()
            self._results.clear()
            self._held_back = None
        call = self._call
        call.core_seconds = self._inflating + self._items.core_seconds
        if call.expired is None and not call.answered:
            call.fail(Abandoned(StoppedError(cancelled=call.remaining > 0), call.core_seconds))
            call.answered = time.monotonic()
        del dropped

    # With the lock held.

    def _go_on(self) -> None:
        """Put items to work, ask for a message, send, or end: whatever is to be done next."""
        if self._ended:
            return
        self._put_to_work()
        if not self._sending and self._results:
            self._send()
        busy = self._todo or self._taking or self._held_back is not None
        may_read = not (busy or self._reading or self._half_closed or self._draining or self._error)
        if may_read and self._under_way < self._of.max_items:
            self._reading = True
            self._call.rpc.receive(self._received)
        over = self._half_closed or self._draining is not None
        if self._error is not None and not self._sending:
            self._end(self._error)
        elif over and not busy and not self._under_way:
            # Of a drained stream messages may be left that nobody has read.
            self._end(None if self._half_closed else self._draining)
        self._set_due()

    def _have_taken(self, body: bytes) -> None:
        if self._ended:  # and the call may be over, which would keep what is held for it
            return
        self._taking = True
        self._call.hold()
        self._of.workers.submit(self._take, body)

    def _put_to_work(self) -> None:
        caller = self._call.flow
        while self._todo and self._at_work < self._of.max_items:
            if self._draining is None and caller.seconds_in_debt():
                return  # items are never refused for pixels: a batch is held back
            self._at_work += 1
            self._call.hold()
            self._of.workers.submit(self._work, self._todo.popleft())

    def _send(self) -> None:
        sent, size = [], 0
        while self._results and size < JOINED_BYTES:
            sent.append(self._results.popleft())
            size += len(sent[-1].message)
        message = sent[0].message if len(sent) == 1 else b"".join([each.message for each in sent])
        self._call.answer_bytes += len(message)
        self._sending = True
        self._stuck_at = time.monotonic() + self._of.timeout
        self._call.rpc.send(
            message, functools.partial(self._sent, len(sent), sum(each.num_bytes for each in sent))
        )

    def _end(self, error: Exception | None) -> None:
        self._ended = True
        self._items.stop()
        call = self._call
        call.core_seconds = self._inflating + self._items.core_seconds
        if self._items.cached is not None:
            call.trailing = self._items.cached.metadata()
        if error is not None:
            self._of.calls.fail(call, error)
        else:
            call.answered = time.monotonic()
            call.wait_until(call.answered + self._of.timeout, self._not_taken)
            self._of.calls.finish(call, 0, "", call.trailing or None)

    def _set_due(self) -> None:
        if self._ended:
            return
        idle = self._reading and not self._under_way
        if not idle:
            self._idle_at = math.inf
        elif self._idle_at == math.inf:
            self._idle_at = time.monotonic() + self._of.timeout
        due = min(self._idle_at, self._stuck_at)
        if self._draining is None:
            due = min(due, self._old_at)
        self._call.wait_until(due, self._late)

    # On the transport's thread.

    def _received(self, body: bytes | None) -> None:
        with self._lock:
            self._reading = False
            if body is None:
                self._half_closed = True
                self._go_on()
                return
            self._have_taken(body)
            self._set_due()

    def _sent(self, count: int, num_bytes: int) -> None:
        self._of.limiter.give_back(self._call, num_bytes)
        with self._lock:
            self._sending = False
            self._stuck_at = math.inf
            self._under_way -= count
            self._at_work -= count
            self._go_on()

    def _late(self) -> Exception | None:
        """Return what is late; called when it is due."""
        now, timeout = time.monotonic(), self._of.timeout
        if self._stuck_at <= now:
            return NotTaken(timeout)
        if self._idle_at <= now:
            details = f"stream: nothing came for {timeout:g} s"
            return IncompleteBody(grpc.StatusCode.DEADLINE_EXCEEDED, details)
        if self._old_at <= now:
            self.drain(StreamTooOld(self._of.max_seconds))
        return None

    def _not_taken(self) -> Exception:
        return NotTaken(self._of.timeout)

    # On a worker.

    def _take(self, body: bytes) -> None:
        """Take the items of a message, if there is room for its bytes."""
        error, todo = None, None
        try:
            todo = None if self._ended else self._open(body)
        except Exception as raised:  # noqa: BLE001 - whatever comes, the server answers and lives on
            error = NotAMessage() if isinstance(raised, DecodeError) else raised
        with self._lock:
            self._taking = False
            if error is not None:
                self._error = error
            self._held_back = body if todo is None and error is None and not self._ended else None
            if todo and not self._ended:
                self._todo.extend(todo)
                self._under_way += len(todo)
            self._go_on()
        self._call.leave()

    def _open(self, body: bytes) -> list[_Todo] | None:
        """Return the items of a message; None where there is no room for its bytes."""
        call, limiter = self._call, self._of.limiter
        size = len(body)
        if not limiter.hold_now(call, size, is_body=True):
            return None
        if is_gzip(body):
            before = call.request_bytes
            body = inflate(body, self._of.max_bytes, call, self._of.limiter)
            call.request_bytes = before
            self._inflating = call.core_seconds
            size += len(body)
        call.request_bytes += size
        opened = BATCH_REQUEST.open(body)
        message = opened.message
        if message.HasField("recipe"):
            self._recipe = self._read_recipe(message.recipe)
            self._recipe_message = message.recipe
        if not message.items:
            limiter.give_back(call, size, is_body=True)
            return []
        held = _Body(size, len(message.items))
        return [self._todo_of(item, opened.payload, held) for item in message.items]

    def _todo_of(self, message: BatchItem, payload: Callable[[bytes], memoryview], body: _Body) -> _Todo:
        recipe = self._read_recipe(message.recipe) if message.HasField("recipe") else self._recipe
        item = Item(self._call, message.id[:MAX_ID_BYTES])
        if self._of.observers.captures:
            alone = functools.partial(batch_of_one, self._recipe_message, message, payload)
            item.request = Request(body.size, alone)
        return _Todo(item, message, payload, recipe, body)

    def _read_recipe(self, message: Any) -> Recipe | InvalidInputError:
        try:
            return self._of.processing.read_recipe(message)
        except InvalidInputError as error:
            return error

    def _work(self, todo: _Todo) -> None:
        item = todo.item
        item.note(QUEUE, item.begun, time.monotonic())
        sent = None
        try:
            sent = self._items.result(todo.message, todo.payload, todo.recipe, item)
        except StoppedError as error:  # and so is the stream
            item.fail(Abandoned(error, item.core_seconds))
        except Exception as error:  # noqa: BLE001 - one bad item is one bad result
            sent = self._items.failed(item, error)
        with self._lock:
            todo.body.items -= 1
            done = not todo.body.items
            if sent is not None and not self._ended:
                self._results.append(sent)
            self._go_on()
        if done:
            self._of.limiter.give_back(self._call, todo.body.size, is_body=True)
        self._of.observers.finished(item)
        self._call.leave()
