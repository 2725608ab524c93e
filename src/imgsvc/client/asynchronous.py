"""A client for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np

from imgsvc._images import array_of
from imgsvc.client import nl_image
from imgsvc.client.asynchronous_stream import AsyncBatchRun
from imgsvc.client.exchange import (
    check_gps,
    check_operand,
    describe_body,
    operation_recipe,
    pixels_of,
    plan_bodies,
    read,
    request_body,
    results_by_name,
    single_result,
)
from imgsvc.client.flow import MAX_IN_FLIGHT, Flow
from imgsvc.client.methods import OperationMethods
from imgsvc.client.options import Connection, check_timeout
from imgsvc.client.paths import BATCH, DESCRIBE, HEALTH, INFO, OPERATIONS, PLAN, PROCESS
from imgsvc.client.reports import health_request, read_health, read_operations, read_plan, read_server
from imgsvc.client.retrying import Attempts
from imgsvc.config import DEFAULT_PORT
from imgsvc.errors import RequestRefusedError, ServiceError, ServiceUnavailableError
from imgsvc.operations.parameters import integer
from imgsvc.processing.given import is_slow, read_given
from imgsvc.processing.request import make_recipe, outputs_of
from imgsvc.processing.result import Result
from imgsvc.wire.description import read_description
from imgsvc.wire.process import read_response

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import TypeVar

    import grpc.aio
    from typing_extensions import Unpack

    from imgsvc._images import Image, ImageLike
    from imgsvc.client.options import Compression, Metadata, Tls
    from imgsvc.client.reports import OperationReport, PlanReport, ServerReport
    from imgsvc.codec import DecodeOptions
    from imgsvc.errors import ImgsvcError
    from imgsvc.operations import Operation
    from imgsvc.processing.given import Given
    from imgsvc.processing.request import DecodeKeywords, Keywords, PipelineLike
    from imgsvc.recipes.description import Description
    from imgsvc.recipes.recipe import Output, OutputFormat, Recipe

    T = TypeVar("T")

__all__ = ["AsyncClient"]

COPIED_AT_ONCE = 1 << 18
"""Bytes of pixels that are copied sooner than a thread takes them over."""


class AsyncClient(OperationMethods[Awaitable["Image"]]):
    """As `Client`, with methods to be awaited; it belongs to the event loop that it is first used in.

    `process_many` takes an iterable or an asynchronous one, and is asynchronously iterated. Use it as an
    asynchronous context manager, or `close` it. Requests are read and put together in threads.

    Parameters
    ----------
    target, timeout, compression, tls, token, retries
        As of `Client`.

    Examples
    --------
    >>> async with AsyncClient("localhost:50051") as client:  # doctest: +SKIP
    ...     small = await client.process("photo.jpg", "resize width=256", output="webp")
    """

    def __init__(
        self,
        target: str | Sequence[str] = f"localhost:{DEFAULT_PORT}",
        *,
        timeout: float | None = 60.0,
        compression: Compression = "none",
        tls: bool | Tls = False,
        token: str | os.PathLike[str] | None = None,
        retries: int = 3,
    ) -> None:
        self._connection = Connection(
            target, timeout=timeout, compression=compression, tls=tls, token=token, retries=retries
        )
        self._opened: grpc.aio.Channel | None = None
        self._methods: dict[str, Any] = {}
        self._closed = False

    @property
    def target(self) -> str:
        """Where the server is, as gRPC names it."""
        return self._connection.target

    async def process(
        self,
        image: ImageLike,
        pipeline: PipelineLike | None = None,
        *,
        output: Output | OutputFormat | None = None,
        decoding: DecodeOptions | None = None,
        preset: str = "",
        timeout: float | None = None,
        **options: Unpack[Keywords],
    ) -> Result:
        """Have the server run a pipeline on an image; see `Client.process`."""
        recipe = make_recipe(pipeline, output, decoding, preset, options)
        limit = self._connection.seconds(timeout)
        given, body = await _prepared(image, lambda: _request(image, recipe))
        answer = await self._call(PROCESS, body, limit)
        result = single_result(read(read_response, answer), given, recipe)
        if isinstance(result, Result):
            return result
        raise result

    async def process_outputs(
        self,
        image: ImageLike,
        pipeline: PipelineLike | None = None,
        *,
        outputs: Mapping[str, Output | OutputFormat],
        decoding: DecodeOptions | None = None,
        preset: str = "",
        timeout: float | None = None,
        **options: Unpack[DecodeKeywords],
    ) -> dict[str, Result | ServiceError]:
        """Have the server make several outputs of an image; see `Client.process_outputs`."""
        recipe = make_recipe(pipeline, outputs_of(outputs), decoding, preset, options)
        limit = self._connection.seconds(timeout)
        given, body = await _prepared(image, lambda: _request(image, recipe))
        return results_by_name(await self._call(PROCESS, body, limit), given, recipe)

    def process_many(
        self,
        images: Iterable[ImageLike | tuple[Any, ImageLike]]
        | AsyncIterable[ImageLike | tuple[Any, ImageLike]],
        pipeline: PipelineLike | None = None,
        *,
        output: Output | OutputFormat | None = None,
        decoding: DecodeOptions | None = None,
        preset: str = "",
        in_flight: int = 32,
        ordered: bool = False,
        timeout: float | None = None,
        **options: Unpack[Keywords],
    ) -> AsyncIterator[tuple[Any, Result | ImgsvcError]]:
        """Run a pipeline on many images over one stream; see `Client.process_many`.

        An iterable that is not asynchronous is asked for its images in the event loop, and should not wait.
        """
        recipe = make_recipe(pipeline, output, decoding, preset, options)
        flow = Flow(integer("in_flight", in_flight, 1, MAX_IN_FLIGHT), recipe, ordered=ordered)
        limit = self._connection.seconds(timeout)
        self._check_open()
        run = AsyncBatchRun(
            self._start_batch, images, recipe, flow, timeout=limit, retries=self._connection.retries
        )
        return run.results()

    async def plan(
        self,
        image: ImageLike,
        pipeline: PipelineLike | None = None,
        *,
        output: Output | OutputFormat | Mapping[str, Output | OutputFormat] | None = None,
        decoding: DecodeOptions | None = None,
        preset: str = "",
        timeout: float | None = None,
        **options: Unpack[Keywords],
    ) -> PlanReport:
        """Ask what `process` would do, in what time and memory; see `Client.plan`."""
        recipe = make_recipe(pipeline, output, decoding, preset, options)
        limit = self._connection.seconds(timeout)
        beginning, *whole = await _prepared(image, lambda: plan_bodies(image, recipe))
        if whole:
            with contextlib.suppress(RequestRefusedError):
                return read(read_plan, await self._call(PLAN, beginning, limit))
            beginning = whole[0]
        return read(read_plan, await self._call(PLAN, beginning, limit))

    async def describe(
        self, image: ImageLike, *, gps: bool = False, timeout: float | None = None
    ) -> Description:
        """Have the server say what an image is; see `Client.describe`."""
        gps = check_gps(gps)
        limit = self._connection.seconds(timeout)
        body = await _prepared(image, lambda: describe_body(read_given(image), gps=gps))
        return read(read_description, await self._call(DESCRIBE, body, limit))

    async def list_operations(self, *, timeout: float | None = None) -> tuple[OperationReport, ...]:
        """Ask which operations the server has."""
        return read(read_operations, await self._call(OPERATIONS, b"", self._connection.seconds(timeout)))

    async def server_info(self, *, timeout: float | None = None) -> ServerReport:
        """Ask what the server is: versions, formats, limits, presets."""
        return read(read_server, await self._call(INFO, b"", self._connection.seconds(timeout)))

    async def health(self, service: str = "", *, timeout: float | None = None) -> str:
        """Ask how the server is: ``"SERVING"``, or ``"NOT_SERVING"`` where it wants no calls just now.

        Parameters
        ----------
        service
            One of its services, such as ``"imgsvc.v1.ImageService"``; by default all of it.
        """
        return read(
            read_health, await self._call(HEALTH, health_request(service), self._connection.seconds(timeout))
        )

    async def wait_until_ready(self, timeout: float = 5.0) -> None:
        """Return when the server can be reached; see `Client.wait_until_ready`."""
        check_timeout(timeout)
        try:
            await asyncio.wait_for(self._channel().channel_ready(), timeout)
        except asyncio.TimeoutError:
            details = f"no server answers at {self.target} within {timeout:g} s"
            raise ServiceUnavailableError(grpc.StatusCode.UNAVAILABLE, details) from None

    async def close(self) -> None:
        """Close the connection; calls in flight are cancelled."""
        self._closed = True
        if self._opened is not None:
            await self._opened.close()

    def __reduce__(self) -> tuple[Callable[..., AsyncClient], tuple[Any, ...]]:
        """Return what makes another client of the same settings."""
        return functools.partial(type(self), **self._connection.settings), ()

    async def __aenter__(self) -> AsyncClient:
        """Return this client."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        await self.close()

    async def _run(
        self, operation: Operation, given: ImageLike, timeout: float | None, *, writable: bool
    ) -> Image:
        limit = self._connection.seconds(timeout)
        image = given if isinstance(given, np.ndarray) else await asyncio.to_thread(array_of, given)
        path = nl_image.method_of(operation, image)
        if path is None:
            operand, recipe = check_operand(image, operation), operation_recipe(operation)
            body = await _prepared(image, lambda: request_body(operand, recipe))
            answer = pixels_of(await self._call(PROCESS, body, limit), operation, image.shape)
        else:
            image = nl_image.check_carried(image)
            body = await _prepared(image, lambda: nl_image.request_body(operation, image))
            answer = nl_image.pixels_of(
                await self._call(path, body, limit), operation.output_shape(image.shape)
            )
        return answer.copy() if writable else answer

    async def send(self, method: str, body: bytes, *, timeout: float | None = None) -> list[bytes]:
        """Send a request as it is, and return the answers; see `Client.send`."""
        limit = self._connection.seconds(timeout)
        # `stream_stream` says of a call that is refused at once only that nothing could be written.
        call: Any = self._channel().unary_stream(method)

        async def once(left: float | None, metadata: Metadata | None) -> list[bytes]:
            return [answer async for answer in call(body, timeout=left, metadata=metadata)]

        return await self._attempted(once, limit, method)

    async def _call(self, path: str, body: bytes, timeout: float | None) -> bytes:
        channel = self._channel()
        method = self._methods.get(path) or self._methods.setdefault(path, channel.unary_unary(path))

        async def once(left: float | None, metadata: Metadata | None) -> bytes:
            answer: bytes = await method(body, timeout=left, metadata=metadata)
            return answer

        return await self._attempted(once, timeout, path)

    async def _attempted(
        self, call: Callable[[float | None, Metadata | None], Awaitable[T]], timeout: float | None, path: str
    ) -> T:
        """Return what a call does, in one of several attempts where the server goes away."""
        attempts = Attempts(self._connection.retries, timeout, path)
        while True:
            try:
                return await call(attempts.left, self._connection.metadata())
            except grpc.RpcError as error:
                seconds = attempts.seconds_after(error)
            await asyncio.sleep(seconds)
            self._check_open()

    def _start_batch(self, messages: AsyncIterator[bytes]) -> Any:
        method: Any = self._channel().stream_stream(BATCH)
        return method(messages, metadata=self._connection.metadata())

    def _channel(self) -> grpc.aio.Channel:
        """Return the channel, which is opened in the event loop that runs now."""
        self._check_open()
        if self._opened is None:
            self._opened = self._connection.asynchronous_channel()
        return self._opened

    def _check_open(self) -> None:
        if self._closed:
            raise ServiceError(grpc.StatusCode.CANCELLED, "this client is closed")


def _request(image: ImageLike, recipe: Recipe) -> tuple[Given, bytes]:
    given = read_given(image)
    return given, request_body(given, recipe)


async def _prepared(image: ImageLike, make: Callable[[], T]) -> T:
    """Return what `make` makes of an image; in a thread where that takes long, for the loop to go on."""
    if is_slow(image) or getattr(image, "nbytes", 0) > COPIED_AT_ONCE:
        return await asyncio.to_thread(make)
    return make()
