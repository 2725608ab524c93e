"""A batch of images over a stream, with threads."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

import grpc

from imgsvc.client.failures import service_error
from imgsvc.client.flow import batch_body, key_and_image
from imgsvc.client.paths import BATCH
from imgsvc.client.retrying import Attempts, ended_early, no_progress, was_idle
from imgsvc.errors import ImgsvcError, ServiceError
from imgsvc.processing.given import read_given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from imgsvc.client.flow import Flow, Outcome
    from imgsvc.processing.given import Given
    from imgsvc.recipes.recipe import Recipe

    class Call(Protocol):
        """A stream of answers."""

        def __iter__(self) -> Iterator[bytes]: ...
        def cancel(self) -> object: ...


__all__ = ["BatchRun"]


class BatchRun:
    """One batch.

    A thread of its own takes the images, another the results; gRPC takes the messages in a third, no faster
    than the server reads. The caller waits for results in its own.

    Parameters
    ----------
    start
        Opens a stream for an iterator of messages.
    images, recipe, flow
        What is sent.
    timeout
        Seconds without a result after which it fails.
    retries
        How often it is taken up again, without a result in between, where the server went away.
    """

    def __init__(
        self,
        start: Callable[[Iterator[bytes]], Call],
        images: Iterable[Any],
        recipe: Recipe,
        flow: Flow,
        *,
        timeout: float | None,
        retries: int,
    ) -> None:
        self._start = start
        self._images = images
        self._recipe = recipe
        self._flow = flow
        self._timeout = timeout
        self._attempts = Attempts(retries)
        self._changed = threading.Condition()
        self._stream = 0
        self._call: Call | None = None
        self._failure: BaseException | None = None
        self._closed = False
        self._progress = time.monotonic()

    def results(self) -> Iterator[Outcome]:
        """Yield each result as it comes; what is under way is cancelled where nobody asks for more."""
        for work in (self._take_images, self._receive):
            threading.Thread(target=work, name="imgsvc-batch", daemon=True).start()
        try:
            while (outcome := self._next()) is not None:
                yield outcome
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify_all()
                call = self._call
            if call is not None:
                call.cancel()

    def _next(self) -> Outcome | None:
        with self._changed:
            while True:
                outcome = self._flow.take()
                if outcome is not None:
                    self._changed.notify_all()
                    return outcome
                if self._failure is not None:
                    raise self._failure
                if self._flow.is_finished:
                    return None
                self._changed.wait(self._seconds_left())

    def _seconds_left(self) -> float | None:
        if self._timeout is None or not self._flow.unanswered:
            return None
        left = self._progress + self._timeout - time.monotonic()
        if left <= 0:
            raise no_progress(self._timeout, len(self._flow.unanswered))
        return left

    def _take_images(self) -> None:
        try:
            images = iter(self._images)
            number = 0
            while self._wait_until(lambda: self._flow.has_room):
                try:
                    item = next(images)
                except StopIteration:
                    break
                key, image = key_and_image(item, number)
                number += 1
                try:
                    given: Given | ImgsvcError = read_given(image)
                except ImgsvcError as error:
                    given = error
                with self._changed:
                    self._flow.add(key, given)
                    self._progress = time.monotonic()
                    self._changed.notify_all()
        except BaseException as error:  # noqa: BLE001 - whatever the caller's iterable raises, the caller gets
            self._fail(error)
        with self._changed:
            self._flow.exhausted = True
            self._changed.notify_all()

    def _wait_until(self, condition: Callable[[], bool]) -> bool:
        """Return True when it is so, or False when all is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or condition())
            return not self._is_over

    @property
    def _is_over(self) -> bool:
        return self._closed or self._failure is not None

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def _receive(self) -> None:
        try:
            while self._wait_until(lambda: self._flow.has_work or self._flow.is_finished):
                if self._flow.is_finished:
                    return
                try:
                    self._receive_all()
                except ServiceError as error:
                    self._wait_before_retry(error)
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            self._fail(error)

    def _receive_all(self) -> None:
        """Take the results of one stream, to its end."""
        with self._changed:
            self._stream += 1
            self._call = call = self._start(self._messages(self._stream))
        try:
            for body in call:
                with self._changed:
                    if self._flow.answer(body):
                        self._progress = time.monotonic()
                        self._attempts.restart()
                    self._changed.notify_all()
        except grpc.RpcError as error:
            failure = service_error(error, BATCH)
            with self._changed:
                if was_idle(failure) and not self._flow.unanswered:
                    return  # another stream is opened when there are images again
            raise failure from error
        finally:
            call.cancel()
            with self._changed:
                self._stream += 1  # nobody asks its messages any more
                self._changed.notify_all()
        if self._flow.unanswered or not self._flow.exhausted:
            raise ended_early()

    def _wait_before_retry(self, error: ServiceError) -> None:
        with self._changed:
            if self._is_over:
                return
            seconds = self._attempts.seconds_before_next(error)
            self._changed.wait_for(lambda: self._is_over, seconds)
            self._flow.send_again()
            self._progress = time.monotonic()

    def _messages(self, stream: int) -> Iterator[bytes]:
        recipe: Recipe | None = self._recipe
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: (
                        self._is_over or self._stream != stream or self._flow.has_work or self._flow.exhausted
                    )
                )
                if self._is_over or self._stream != stream or not self._flow.has_work:
                    return
                items = self._flow.pick()
            yield batch_body(items, recipe)
            recipe = None
