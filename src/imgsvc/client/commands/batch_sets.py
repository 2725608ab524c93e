"""Engine of batches that makes a responsive set of each image, in a call each."""

from __future__ import annotations

import collections
import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc

from imgsvc.client.commands.batch_items import PAUSE_SECONDS, Item
from imgsvc.client.commands.files import file_of, result_name
from imgsvc.client.commands.variants import processed
from imgsvc.codec import format_of_name
from imgsvc.errors import (
    ConfigurationError,
    ImgsvcError,
    InvalidInputError,
    RequestRefusedError,
    ServiceUnavailableError,
    StoreAccessError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from imgsvc.client.commands.batch_items import Image, Tally
    from imgsvc.client.commands.variants import Made, Variants
    from imgsvc.client.commands.work import Work
    from imgsvc.client.sync import Client
    from imgsvc.places import Place
    from imgsvc.recipes.recipe import Output

__all__ = ["Sets"]

HEADER_BYTES = 1 << 17
"""Of an image, which nearly always say how wide it is; where they do not, all of it is read."""

ENDS = (StoreAccessError, ConfigurationError)
"""Errors that are not about an image."""


@dataclasses.dataclass(frozen=True)
class Set:
    """What became of an image: bytes that went in and out, seconds, notes, and the first error."""

    bytes_in: int = 0
    bytes_out: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: ImgsvcError | None = None


class Sets:
    """Images on their way, each in a call with several outputs.

    Parameters
    ----------
    client, work, variants
        Of the server; what is done; the widths and formats.
    source, target, replace
        Where images are read and results are written, and whether these replace others.
    workers
        Threads, each with an image.
    retries
        How often an image is sent again that a busy server turned down.
    """

    def __init__(
        self,
        client: Client,
        work: Work,
        variants: Variants,
        source: Place,
        target: Place,
        *,
        replace: bool,
        workers: int,
        retries: int,
    ) -> None:
        self._client = client
        self._work = work
        self._variants = variants
        self._source = source
        self._target = target
        self._replace = replace
        self._workers = workers
        self._retries = retries

    def items(self, images: Sequence[Image]) -> list[Item]:
        """Return images with the names of all results, which depend on how wide each image is."""
        with ThreadPoolExecutor(self._workers) as pool:
            return list(pool.map(self._item, images))

    def run(self, items: Sequence[Item], tally: Tally, bar: Any) -> None:
        """Make all of them.

        Raises
        ------
        ServiceUnavailableError, StoreAccessError, ConfigurationError
            The server has gone, the store lets nobody in, or a preset cannot be: the rest is not done.
        """
        with ThreadPoolExecutor(self._workers) as pool:
            waiting: collections.deque[tuple[Item, Future[Set]]] = collections.deque()
            try:
                for item in items:
                    waiting.append((item, pool.submit(self._made, item)))
                    if len(waiting) > 2 * self._workers:
                        self._count(*waiting.popleft(), tally, bar)
                while waiting:
                    self._count(*waiting.popleft(), tally, bar)
            finally:
                for _, made in waiting:
                    made.cancel()

    def _item(self, image: Image) -> Item:
        name, output = image
        try:
            try:
                names = list(self._outputs(name, output, self._source.beginning(name, HEADER_BYTES)))
            except (InvalidInputError, RequestRefusedError):
                names = list(self._outputs(name, output, self._source.read(name)))
        except ENDS:
            raise
        except ImgsvcError as error:
            if _has_gone(error):
                raise
            # Making it says why there is none.
            return Item(name, output or result_name(name, self._work.format), base=output)
        return Item(name, names[0], tuple(names[1:]), output)

    def _outputs(self, name: str, output: str | None, data: bytes) -> dict[str, Output]:
        kind = format_of_name(output) if output is not None else None
        return self._variants.of_file(output or name, data, self._work, self._client, kind)

    def _count(self, item: Item, making: Future[Set], tally: Tally, bar: Any) -> None:
        made = making.result()
        tally.bytes_in += made.bytes_in
        if made.error is not None:
            tally.fail(item.name, made.error)
        else:
            tally.succeed(made.seconds, made.bytes_out, made.notes)
        bar.update(tally.ended - bar.n)

    def _made(self, item: Item) -> Set:
        try:
            data = self._source.read(item.name)
            start = time.perf_counter()
            given = self._missing(item, data)
            made = self._results(data, given)
            seconds = time.perf_counter() - start
            written, error = self._written(made)
        except ENDS:
            raise
        except ImgsvcError as reason:
            if _has_gone(reason):
                raise
            return Set(error=reason)
        notes = dict.fromkeys(note for result in written for note in result.notes)
        size = sum(len(result.data or b"") for result in written)
        return Set(len(data), size, seconds, tuple(notes), error)

    def _missing(self, item: Item, data: bytes) -> dict[str, Output]:
        """Return the outputs of an item: those that are there already it does not name."""
        every = self._outputs(item.name, item.base, data)
        return {name: output for name, output in every.items() if name in item.outputs} or every

    def _results(self, data: bytes, outputs: dict[str, Output]) -> dict[str, Made]:
        for attempts_left in reversed(range(self._retries + 1)):
            try:
                return processed(self._client, data, outputs, self._work)
            except ServiceUnavailableError as error:
                if _has_gone(error) or not attempts_left:
                    raise
            time.sleep(PAUSE_SECONDS)
        raise AssertionError("the last attempt returns or raises")

    def _written(self, made: dict[str, Made]) -> tuple[list[Any], ImgsvcError | None]:
        """Write what there is; return that, and the first error."""
        written, errors = [], []
        for name, result in made.items():
            try:
                if isinstance(result, ImgsvcError):
                    raise result
                self._target.write(name, file_of(result), replace=self._replace)
            except ENDS:
                raise
            except ImgsvcError as error:
                errors.append(error)
            else:
                written.append(result)
        return written, errors[0] if errors else None


def _has_gone(error: ImgsvcError) -> bool:
    """Return whether there is no server to send anything to, after the client's own attempts."""
    return isinstance(error, ServiceUnavailableError) and error.code is grpc.StatusCode.UNAVAILABLE
