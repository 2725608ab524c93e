"""Engine of batches that sends images over one stream to a server, perhaps one in this process."""

from __future__ import annotations

import collections
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from imgsvc.client.commands.batch_items import PAUSE_SECONDS, check_fits, named
from imgsvc.client.commands.files import file_of
from imgsvc.errors import ImgsvcError, ServiceUnavailableError, StoreAccessError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from imgsvc.client.commands.batch_items import Image, Item, Tally
    from imgsvc.client.commands.work import Work
    from imgsvc.client.sync import Client
    from imgsvc.places import Place
    from imgsvc.processing.result import Result

__all__ = ["Stream"]


class Stream:
    """Images on their way over a stream.

    Parameters
    ----------
    client
        Of the server.
    work, source, target, replace
        What is done, where images are read and results are written, and whether these replace others.
    workers
        Threads that read and write files.
    in_flight, retries
        Images that are under way at a time; how often those are sent again that a busy server turned down.
    """

    def __init__(
        self,
        client: Client,
        work: Work,
        source: Place,
        target: Place,
        *,
        replace: bool,
        workers: int,
        in_flight: int,
        retries: int,
    ) -> None:
        self._client = client
        self._work = work
        self._source = source
        self._target = target
        self._replace = replace
        self._workers = workers
        self._in_flight = in_flight
        self._retries = retries
        self._started: dict[Item, float] = {}

    def items(self, images: Sequence[Image]) -> list[Item]:
        """Return images with the names of their results."""
        return named(self._source, images, self._work.format, self._workers)

    def run(self, items: Sequence[Item], tally: Tally, bar: Any) -> None:
        """Send all of them, and those that a busy server has turned down again, a few times."""
        with ThreadPoolExecutor(self._workers) as pool:
            for attempts_left in reversed(range(self._retries + 1)):
                turned_down = self._round(pool, items, tally, bar)
                items = [item for item, _ in turned_down]
                if not items:
                    return
                if attempts_left:
                    time.sleep(PAUSE_SECONDS)
            for item, error in turned_down:
                tally.fail(item.name, error)

    def _round(
        self, pool: ThreadPoolExecutor, items: Iterable[Item], tally: Tally, bar: Any
    ) -> list[tuple[Item, ImgsvcError]]:
        """Send images once; return those that it was the wrong time for."""
        turned_down: list[tuple[Item, ImgsvcError]] = []
        writing: collections.deque[tuple[Item, float, Result, Future[None]]] = collections.deque()
        results = self._client.process_many(
            self._read(pool, items, tally),
            self._work.pipeline,
            output=self._work.output(),
            preset=self._work.preset,
            decoding=self._work.decoding(),
            in_flight=self._in_flight,
        )
        try:
            for item, result in results:
                if isinstance(result, ServiceUnavailableError):
                    turned_down.append((item, result))
                elif isinstance(result, ImgsvcError):
                    tally.fail(item.name, result)
                else:
                    seconds = time.perf_counter() - self._started.pop(item)
                    writing.append((item, seconds, result, pool.submit(self._write, item, result)))
                while len(writing) > self._workers:
                    self._written(*writing.popleft(), tally)
                bar.update(tally.ended - bar.n)
        finally:  # also of results that came before a stream failed
            self._written_all(writing, tally)
            bar.update(tally.ended - bar.n)
        return turned_down

    def _read(
        self, pool: ThreadPoolExecutor, items: Iterable[Item], tally: Tally
    ) -> Iterator[tuple[Item, bytes]]:
        """Yield images with their bytes, which several threads read ahead."""
        reading: collections.deque[tuple[Item, Future[bytes]]] = collections.deque()
        for item in items:
            reading.append((item, pool.submit(self._source.read, item.name)))
            if len(reading) > self._workers:
                yield from self._content_of(*reading.popleft(), tally)
        while reading:
            yield from self._content_of(*reading.popleft(), tally)

    def _content_of(self, item: Item, reading: Future[bytes], tally: Tally) -> Iterator[tuple[Item, bytes]]:
        try:
            content = reading.result()
        except StoreAccessError:
            raise
        except ImgsvcError as error:
            tally.fail(item.name, error)
            return
        tally.bytes_in += len(content)
        self._started[item] = time.perf_counter()
        yield item, content

    def _write(self, item: Item, result: Result) -> None:
        check_fits(item.output, result.format)
        self._target.write(item.output, file_of(result), replace=self._replace)

    def _written_all(
        self, writing: collections.deque[tuple[Item, float, Result, Future[None]]], tally: Tally
    ) -> None:
        """Count all of them, also after one that the store lets nobody write."""
        locked_out: StoreAccessError | None = None
        while writing:
            try:
                self._written(*writing.popleft(), tally)
            except StoreAccessError as error:
                locked_out = error
        if locked_out is not None:
            raise locked_out

    def _written(
        self, item: Item, seconds: float, result: Result, writing: Future[None], tally: Tally
    ) -> None:
        try:
            writing.result()
        except StoreAccessError:
            raise
        except ImgsvcError as error:
            tally.fail(item.name, error)
        else:
            tally.succeed(seconds, len(result.data or b""), result.notes)
