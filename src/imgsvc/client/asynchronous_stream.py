"""A batch of images over a stream, with asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any

import grpc

from imgsvc.client.failures import service_error
from imgsvc.client.flow import batch_body, key_and_image
from imgsvc.client.paths import BATCH
from imgsvc.client.retrying import Attempts, ended_early, no_progress, was_idle
from imgsvc.errors import ImgsvcError, ServiceError
from imgsvc.processing.given import is_slow, read_given

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from imgsvc.client.flow import Flow, Outcome
    from imgsvc.recipes.recipe import Recipe

__all__ = ["AsyncBatchRun"]


class AsyncBatchRun:
    """One batch; as `imgsvc.client.stream.BatchRun`, with tasks in place of its threads.

    Between two awaits nothing else runs, so there is no lock.
    """

    def __init__(
        self,
        start: Callable[[AsyncIterator[bytes]], Any],
        images: Iterable[Any] | AsyncIterable[Any],
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
        self._changes: list[asyncio.Future[None]] = []
        self._stream = 0
        self._failure: BaseException | None = None
        self._progress = 0.0

    async def results(self) -> AsyncIterator[Outcome]:
        """Yield each result as it comes; what is under way is cancelled where nobody asks for more."""
        self._made_progress()
        tasks = [asyncio.ensure_future(self._guard(work)) for work in (self._take_images, self._receive)]
        try:
            while (outcome := await self._next()) is not None:
                yield outcome
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _next(self) -> Outcome | None:
        while True:
            outcome = self._flow.take()
            if outcome is not None:
                self._tell()
                return outcome
            if self._failure is not None:
                raise self._failure
            if self._flow.is_finished:
                return None
            await self._change(self._seconds_left())

    def _seconds_left(self) -> float | None:
        if self._timeout is None or not self._flow.unanswered:
            return None
        left = self._progress + self._timeout - asyncio.get_running_loop().time()
        if left <= 0:
            raise no_progress(self._timeout, len(self._flow.unanswered))
        return left

    async def _guard(self, work: Callable[[], Any]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - the caller gets it
            self._failure = self._failure or error
            self._tell()

    async def _take_images(self) -> None:
        number = 0
        async for item in _iterate(self._images):
            key, image = key_and_image(item, number)
            number += 1
            try:
                # A file is read elsewhere: the loop has others to serve meanwhile.
                slow = is_slow(image)
                given: Any = await asyncio.to_thread(read_given, image) if slow else read_given(image)
            except ImgsvcError as error:
                given = error
            self._flow.add(key, given)
            self._made_progress()
            self._tell()
            await self._until(lambda: self._flow.has_room)
        self._flow.exhausted = True
        self._tell()

    async def _receive(self) -> None:
        while True:
            await self._until(lambda: self._flow.has_work or self._flow.is_finished)
            if self._flow.is_finished:
                return
            try:
                await self._receive_all()
            except ServiceError as error:
                await asyncio.sleep(self._attempts.seconds_before_next(error))
                self._flow.send_again()
                self._made_progress()

    async def _receive_all(self) -> None:
        """Take the results of one stream, to its end."""
        self._stream += 1
        call = self._start(self._messages(self._stream))
        try:
            async for body in call:
                if self._flow.answer(body):
                    self._attempts.restart()
                    self._made_progress()
                self._tell()
        except grpc.RpcError as error:
            failure = service_error(error, BATCH)
            if was_idle(failure) and not self._flow.unanswered:
                return  # another stream is opened when there are images again
            raise failure from error
        finally:
            call.cancel()
            self._stream += 1  # nobody asks its messages any more
            self._tell()
        if self._flow.unanswered or not self._flow.exhausted:
            raise ended_early()

    async def _messages(self, stream: int) -> AsyncIterator[bytes]:
        recipe: Recipe | None = self._recipe
        while True:
            await self._until(lambda: self._stream != stream or self._flow.has_work or self._flow.exhausted)
            if self._stream != stream or not self._flow.has_work:
                return
            yield batch_body(self._flow.pick(), recipe)
            recipe = None

    def _made_progress(self) -> None:
        self._progress = asyncio.get_running_loop().time()

    def _tell(self) -> None:
        """Wake up who waits for a change."""
        changes, self._changes = self._changes, []
        for change in changes:
            if not change.done():
                change.set_result(None)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._change(None)

    async def _change(self, seconds: float | None) -> None:
        """Wait for the next change, or for so long."""
        change = asyncio.get_running_loop().create_future()
        self._changes.append(change)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(change, seconds)


async def _iterate(images: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(images, AsyncIterable):
        async for image in images:
            yield image
    else:
        for image in images:
            yield image
            await asyncio.sleep(0)
