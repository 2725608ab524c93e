"""What is done with one image of a batch."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING

from imgsvc.errors import InvalidInputError, InvalidParameterError, StoppedError
from imgsvc.recipes.results import FailedResult
from imgsvc.server.caching import CachedItems
from imgsvc.server.call import QUEUE
from imgsvc.server.limiter import NOTED_SECONDS
from imgsvc.wire.image import payload_field
from imgsvc.wire.process import batch_response_around, draft_batch_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.recipes.recipe import Recipe
    from imgsvc.server.call import Call, Item
    from imgsvc.server.image_service import Processing
    from imgsvc.server.limiter import Limiter
    from imgsvc.server.overload.price import Price
    from imgsvc.v1.image_service_pb2 import BatchItem

__all__ = ["MAX_ID_BYTES", "Items", "Sent"]

MAX_ID_BYTES = 256


@dataclasses.dataclass(frozen=True)
class Sent:
    """A result on its way out, and what it holds until it is gone."""

    message: bytes
    num_bytes: int


class Items:
    """The items of one stream: each is worked on by one of several threads, and all can be stopped.

    Parameters
    ----------
    processing, limiter
        The server's.
    call
        The stream's.

    Attributes
    ----------
    cached : CachedItems or None
        Which of them were found; None without a cache.
    core_seconds : float
        What they have cost the cores.
    over : bool
        Whether `stop` has been called.
    """

    def __init__(self, processing: Processing, limiter: Limiter, call: Call) -> None:
        self._processing = processing
        self._limiter = limiter
        self._call = call
        self._at_work: set[Item] = set()
        self._lock = threading.Lock()
        self.cached = None if processing.caching is None else CachedItems(processing.caching)
        self.core_seconds = 0.0
        self.over = False

    def stop(self) -> None:
        """End those that are worked on, and begin no more."""
        with self._lock:
            self.over = True
            items = list(self._at_work)
        for item in items:
            item.cancel()

    def is_over(self) -> bool:
        """Return whether `stop` has been called."""
        return self.over

    def result(
        self,
        message: BatchItem,
        payload: Callable[[bytes], memoryview],
        recipe: Recipe | InvalidInputError,
        item: Item,
    ) -> Sent:
        """Return what comes of an item.

        Raises
        ------
        InvalidInputError
            Nothing can; the stream goes on.
        StoppedError
            `stop` has been called, or the stream's deadline has passed.
        """
        if self.over:
            raise StoppedError(cancelled=True)
        if len(message.id) > MAX_ID_BYTES:
            raise InvalidParameterError("id", f"{len(message.id)} characters", f"at most {MAX_ID_BYTES}")
        if isinstance(recipe, InvalidInputError):
            raise recipe.with_traceback(None)  # or each item would add to it
        item.request_bytes = len(payload(payload_field(message.image)))
        prepared = self._processing.prepare_item(message, payload, recipe)
        price = prepared.price
        item.pixels = price.pixels
        with self._lock:
            self._at_work.add(item)
            if self.is_over():  # since
                item.cancel()
        limiter = self._limiter
        held, answer = 0, b""

        def admit(price: Price) -> None:
            nonlocal held
            start = time.monotonic()
            self._admit(price, item.request_bytes)
            if (end := time.monotonic()) - start > NOTED_SECONDS:
                item.note(QUEUE, start, end)
            held += price.num_bytes
            item.predicted = price.core_seconds
            limiter.add(item)

        try:
            key = self.cached and self.cached.key(prepared, item)
            if self.cached and key:
                response = self.cached.answer(
                    key, item, price=price, admit=admit, compute=lambda: prepared.run(item)
                )
                answer = batch_response_around(message.id, response)
            else:
                admit(price)
                answer = prepared.run(item, message.id).message
        except BaseException:
            limiter.give_back(self._call, held)
            raise
        finally:
            with self._lock:
                self._at_work.discard(item)
                self.core_seconds += item.core_seconds
            limiter.leave(item, finished=bool(answer))
            if item.stop.stopped:
                limiter.cores.note_waste(item)
        item.answer_bytes = len(answer)
        limiter.give_back(self._call, held - (kept := min(held, len(answer))))
        return Sent(answer, kept)

    def failed(self, item: Item, error: Exception) -> Sent:
        """Note what an item failed with, and return it as its result."""
        code = item.fail(error)
        draft, _ = draft_batch_response(
            [(item.item, FailedResult("", code.value[0], item.details, item.field))]
        )
        item.answer_bytes = len(answer := draft.finish())
        return Sent(answer, 0)

    def _admit(self, price: Price, request_bytes: int) -> None:
        """Wait for what an item will take; called once it is planned, before anything is allocated.

        Raises
        ------
        LimitExceededError
            The server never will have it.
        OverloadedError
            Nor will it as things are.
        StoppedError
            The stream has ended.
        """
        limiter, count = self._limiter, price.num_bytes
        if not limiter.hold_when_possible(self._call, count, self.is_over, beside=request_bytes):
            raise StoppedError(cancelled=True)
        self._call.flow.spend(price.pixels)
