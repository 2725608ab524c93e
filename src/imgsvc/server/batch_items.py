"""What is done with one image of a batch."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING

from imgsvc.errors import InvalidInputError, InvalidParameterError, StoppedError
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.results import FailedResult
from imgsvc.runtime.cores import Job
from imgsvc.server.caching import CachedItems
from imgsvc.server.caller import caller_of
from imgsvc.server.calls import NOTED_SECONDS
from imgsvc.server.failure import note_failure
from imgsvc.server.record import QUEUE
from imgsvc.wire.image import read_source
from imgsvc.wire.process import batch_response_around, draft_batch_response, draft_response

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from imgsvc.cache.cache import Made
    from imgsvc.recipes.recipe import Recipe
    from imgsvc.runtime.cores import Cores
    from imgsvc.server.image_service import Drafted, Processing
    from imgsvc.server.overload.admission import Entry
    from imgsvc.server.overload.backlog import Backlog
    from imgsvc.server.overload.price import Price
    from imgsvc.server.record import Record
    from imgsvc.v1.image_service_pb2 import BatchItem

__all__ = ["MAX_ID_BYTES", "Items", "Sent", "failed_item"]

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
    processing, cores, backlog
        The server's.
    context, entry, record
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

    def __init__(
        self,
        processing: Processing,
        cores: Cores,
        backlog: Backlog,
        *,
        context: grpc.ServicerContext,
        entry: Entry,
        record: Record,
    ) -> None:
        self._processing = processing
        self._cores = cores
        self._backlog = backlog
        self._context = context
        self._entry = entry
        self._record = record
        self._jobs: set[Job] = set()
        self._lock = threading.Lock()
        self.cached = None if processing.caching is None else CachedItems(processing.caching)
        self.core_seconds = 0.0
        self.over = False

    def stop(self) -> None:
        """End those that are worked on, and begin no more."""
        with self._lock:
            self.over = True
            jobs = list(self._jobs)
        for job in jobs:
            job.cancel()

    def is_over(self) -> bool:
        """Return whether `stop` has been called."""
        return self.over

    def result(
        self,
        item: BatchItem,
        payload: Callable[[bytes], memoryview],
        recipe: Recipe | InvalidInputError,
        record: Record,
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
        if len(item.id) > MAX_ID_BYTES:
            raise InvalidParameterError("id", f"{len(item.id)} characters", f"at most {MAX_ID_BYTES}")
        if isinstance(recipe, InvalidInputError):
            raise recipe.with_traceback(None)  # or each item would add to it
        source = read_source(item.image, payload, "image")
        record.request_bytes = source.num_bytes
        plan = plan_recipe(source, recipe, self._processing.limits)
        price = self._processing.pricing.recipe(plan)
        record.pixels = price.pixels
        job = Job(self._context.time_remaining(), record.note, caller_of(self._record), batch=True)
        with self._lock:
            self._jobs.add(job)
            if self.is_over():  # since
                job.cancel()
        held, message = 0, b""

        def admit(price: Price) -> None:
            nonlocal held
            start = time.monotonic()
            self._admit(price)
            if (end := time.monotonic()) - start > NOTED_SECONDS:
                record.note(QUEUE, start, end)
            held += price.num_bytes
            job.predicted = price.core_seconds
            self._backlog.add(job)

        def run(draft: Drafted) -> Made:
            return self._processing.run(
                plan, source, recipe, cores=self._cores, job=job, draft=draft, note=record.note
            )

        try:
            key = self.cached and self.cached.key(plan, source, price, record)
            if self.cached and key:
                response = self.cached.answer(
                    key, record, job, price=price, admit=admit, compute=lambda: run(draft_response)
                )
                message = batch_response_around(item.id, response)
            else:
                admit(price)
                message = run(lambda results: draft_batch_response([(item.id, results)])).message
        except BaseException:
            self._entry.give_back(held)
            raise
        finally:
            with self._lock:
                self._jobs.discard(job)
                self.core_seconds += job.core_seconds
            record.core_seconds = job.core_seconds
            self._backlog.leave(job, finished=bool(message))
            if job.stop.stopped:
                self._cores.note_waste(job)
        record.answer_bytes = len(message)
        self._entry.give_back(held - (kept := min(held, len(message))))
        return Sent(message, kept)

    def _admit(self, price: Price) -> None:
        """Wait for what an item will take; called once it is planned, before anything is allocated.

        Raises
        ------
        LimitExceededError
            The server never will have it.
        StoppedError
            The stream has ended.
        """
        if not self._entry.hold_when_possible(price.num_bytes, self.is_over):
            raise StoppedError(cancelled=True)
        if self._entry.account is not None:
            self._entry.account.spend(price.pixels)


def failed_item(record: Record, error: Exception) -> bytes:
    """Note what an item failed with, and return it as its result."""
    code = note_failure(record, error)
    draft, _ = draft_batch_response(
        [(record.item, FailedResult("", code.value[0], record.details, record.field))]
    )
    record.answer_bytes = len(answer := draft.finish())
    return answer
