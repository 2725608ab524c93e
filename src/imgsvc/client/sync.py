"""A client that waits for each answer."""

from __future__ import annotations

import contextlib
import functools
import time
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from imgsvc._images import array_of
from imgsvc.client import nl_image
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
from imgsvc.client.stream import BatchRun
from imgsvc.config import DEFAULT_PORT
from imgsvc.errors import RequestRefusedError, ServiceError, ServiceUnavailableError
from imgsvc.operations.parameters import integer
from imgsvc.processing.given import read_given
from imgsvc.processing.request import make_recipe, outputs_of
from imgsvc.processing.result import Result
from imgsvc.wire.description import read_description
from imgsvc.wire.process import read_response

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Unpack

    from imgsvc._images import Image, ImageLike
    from imgsvc.client.options import Compression, Metadata, Tls
    from imgsvc.client.reports import OperationReport, PlanReport, ServerReport
    from imgsvc.codec import DecodeOptions
    from imgsvc.errors import ImgsvcError
    from imgsvc.operations import Operation
    from imgsvc.processing.request import DecodeKeywords, Keywords, PipelineLike
    from imgsvc.recipes.description import Description
    from imgsvc.recipes.recipe import Output, OutputFormat

    UnaryMethod = grpc.UnaryUnaryMultiCallable[bytes, bytes]
    BatchMethod = grpc.StreamStreamMultiCallable[bytes, bytes]

__all__ = ["Client"]

T = TypeVar("T")


class Client(OperationMethods["Image"]):
    """A connection to a server of `imgsvc.v1`, or of NLImageService: imgsvc's or any other.

    It holds one channel and may be used from many threads at once. Use it as a context manager, or `close`
    it.

    Parameters
    ----------
    target : str or sequence of str
        Where the server is: ``"host:port"``, or ``"unix:/path"`` for a Unix socket. A name may have several
        addresses: each call goes to the next one that is healthy, and the name is looked up again when a
        connection ends. Of a list of several, names are looked up once, and the first address of each counts.
    timeout : float or None
        Seconds that a call may take before it raises ServiceTimeoutError; None waits for ever.
    compression : {"none", "gzip", "deflate"}
        How requests are compressed. It pays on slow networks only.
    tls : bool or Tls
        Whether the connection is encrypted, and how.
    token : str or path, optional
        Goes with each call as ``authorization: Bearer ...``. A path (not a str) is that of a file, which is
        read again when it changes. Only with TLS, or to this machine.
    retries : int
        How often a call is made again, 0 to 4 times, where the server could not be reached or went away, and
        `timeout` allows it: calls change nothing there. The times between grow from 0.1 s to 2 s. Behind a
        balancer that retries, 0 is enough for all but `process_many`.

    Raises
    ------
    InvalidParameterError
        One of these is not what it should be.
    ServiceUnavailableError
        The name of one of several servers is not known.

    Examples
    --------
    >>> with Client("localhost:50051") as client:  # doctest: +SKIP
    ...     client.process("photo.jpg", "resize width=256", output="webp").save("small.webp")
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
        self._channel = self._connection.channel()
        # Bytes as they are: `imgsvc.wire` makes and reads them.
        paths = (PROCESS, PLAN, DESCRIBE, OPERATIONS, INFO, HEALTH, *nl_image.METHODS.values())
        self._methods: dict[str, UnaryMethod] = {path: self._channel.unary_unary(path) for path in paths}
        self._batch: BatchMethod = self._channel.stream_stream(BATCH)
        self._closed = False

    @property
    def target(self) -> str:
        """Where the server is, as gRPC names it."""
        return self._connection.target

    def process(
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
        """Have the server run a pipeline on an image.

        Parameters
        ----------
        image
            An array of uint8, uint16 or float32, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or an
            object with ``__array__``; an image file: its path, its bytes, or the file itself, open for
            reading bytes, which is read from where it stands; a Pillow image; or a `Result`.
        pipeline : Pipeline, str, or operations, optional
            What is done, such as ``"resize width=800 | sharpen"``.
        output : Output or str, optional
            What comes out: a format such as ``"jpeg"``, ``"raw"`` for pixels, or an `Output` with more.
            By default pixels for pixels, and for a file one of the same format.
        decoding : imgsvc.codec.DecodeOptions, optional
            How the file becomes pixels.
        preset : str
            The name of a pipeline that the server knows, which goes before `pipeline`.
        timeout : float, optional
            Seconds that this call may take; by default the client's.
        **options
            The fields of `Output` and of `DecodeOptions` by their names, such as ``quality=80``: they go over
            `output` and `decoding`.

        Raises
        ------
        InvalidImageError, InvalidParameterError, ImageReadError
            The image, or what shall be done, is none; nothing was sent.
        RequestRefusedError, ServiceUnavailableError, ServiceTimeoutError, ServiceError
            The call failed; each carries the gRPC status as `code`.
        """
        recipe = make_recipe(pipeline, output, decoding, preset, options)
        limit = self._connection.seconds(timeout)
        given = read_given(image)
        answer = self._call(PROCESS, request_body(given, recipe), limit)
        result = single_result(read(read_response, answer), given, recipe)
        if isinstance(result, Result):
            return result
        raise result

    def process_outputs(
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
        """Have the server decode an image once and make several outputs of it, each by its name.

        An output that could not be made is the error that says why. Where none could be made, the first one's
        error is raised. Otherwise as `process`; options of outputs are in the `Output` that they are for.
        """
        recipe = make_recipe(pipeline, outputs_of(outputs), decoding, preset, options)
        limit = self._connection.seconds(timeout)
        given = read_given(image)
        return results_by_name(self._call(PROCESS, request_body(given, recipe), limit), given, recipe)

    def process_many(
        self,
        images: Iterable[ImageLike | tuple[Any, ImageLike]],
        pipeline: PipelineLike | None = None,
        *,
        output: Output | OutputFormat | None = None,
        decoding: DecodeOptions | None = None,
        preset: str = "",
        in_flight: int = 32,
        ordered: bool = False,
        timeout: float | None = None,
        **options: Unpack[Keywords],
    ) -> Iterator[tuple[Any, Result | ImgsvcError]]:
        """Run a pipeline on many images over one stream, and yield the results as they finish.

        Parameters
        ----------
        images
            Images as `process` takes them, or tuples of something that the result is found by, and an image.
            It is iterated in a thread of its own, no further ahead than `in_flight`.
        in_flight : int
            How many images, from 1 to 1024, may be under way at a time; also not more than some 64 MiB of
            them. Results that nobody has taken yet count.
        ordered : bool
            Whether results come in the order of the images, rather than as they finish.
        timeout : float, optional
            Seconds without any result after which it fails; by default the client's.
        pipeline, output, decoding, preset, options
            As of `process`; the same for all.

        Yields
        ------
        tuple
            What the image came with, or else its number from 0 on; and its result, or the error that says why
            there is none. One bad image does not stop the others.

        Raises
        ------
        InvalidParameterError
            One of these is not what it should be.
        RequestRefusedError, ServiceUnavailableError, ServiceTimeoutError, ServiceError
            The stream failed. Where the server went away, images without results are first sent again, up to
            the client's `retries` times in a row.
        """
        recipe = make_recipe(pipeline, output, decoding, preset, options)
        flow = Flow(integer("in_flight", in_flight, 1, MAX_IN_FLIGHT), recipe, ordered=ordered)
        limit = self._connection.seconds(timeout)
        self._check_open()
        run = BatchRun(
            self._start_batch, images, recipe, flow, timeout=limit, retries=self._connection.retries
        )
        return run.results()

    def plan(
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
        """Ask what `process` would do, in what time and memory, and whether the server would take it.

        Pixels are not sent, and of a file its beginning, as long as that is enough: it is not for all frames.
        `output` may also be what `process_outputs` takes.
        """
        recipe = make_recipe(pipeline, output, decoding, preset, options)
        limit = self._connection.seconds(timeout)
        beginning, *whole = plan_bodies(image, recipe)
        if whole:
            with contextlib.suppress(RequestRefusedError):
                return read(read_plan, self._call(PLAN, beginning, limit))
            beginning = whole[0]
        return read(read_plan, self._call(PLAN, beginning, limit))

    def describe(self, image: ImageLike, *, gps: bool = False, timeout: float | None = None) -> Description:
        """Have the server say what an image is, as `imgsvc.describe` does.

        Parameters
        ----------
        image
            As `process` takes it; a file is sent whole.
        gps : bool
            Whether to say where it was taken, too: of a server that was started with ``--allow-gps``.
        timeout : float, optional
            Seconds that this call may take; by default the client's.

        Raises
        ------
        InvalidImageError, InvalidParameterError, ImageReadError
            The image is none; nothing was sent.
        RequestRefusedError, ServiceUnavailableError, ServiceTimeoutError, ServiceError
            The call failed; each carries the gRPC status as `code`. A server that is older than this method
            has UNIMPLEMENTED.
        """
        gps = check_gps(gps)
        limit = self._connection.seconds(timeout)
        return read(read_description, self._call(DESCRIBE, describe_body(read_given(image), gps=gps), limit))

    def list_operations(self, *, timeout: float | None = None) -> tuple[OperationReport, ...]:
        """Ask which operations the server has."""
        return read(read_operations, self._call(OPERATIONS, b"", self._connection.seconds(timeout)))

    def server_info(self, *, timeout: float | None = None) -> ServerReport:
        """Ask what the server is: versions, formats, limits, presets."""
        return read(read_server, self._call(INFO, b"", self._connection.seconds(timeout)))

    def health(self, service: str = "", *, timeout: float | None = None) -> str:
        """Ask how the server is: ``"SERVING"``, or ``"NOT_SERVING"`` where it wants no calls just now.

        Parameters
        ----------
        service
            One of its services, such as ``"imgsvc.v1.ImageService"``; by default all of it.
        """
        return read(
            read_health, self._call(HEALTH, health_request(service), self._connection.seconds(timeout))
        )

    def wait_until_ready(self, timeout: float = 5.0) -> None:
        """Return when the server can be reached.

        Raises
        ------
        ServiceUnavailableError
            It cannot after `timeout` seconds.
        InvalidParameterError
            `timeout` is no number of seconds.
        """
        check_timeout(timeout)
        self._check_open()
        try:
            grpc.channel_ready_future(self._channel).result(timeout)
        except grpc.FutureTimeoutError:
            details = f"no server answers at {self.target} within {timeout:g} s"
            raise ServiceUnavailableError(grpc.StatusCode.UNAVAILABLE, details) from None

    def close(self) -> None:
        """Close the connection; calls in flight are cancelled."""
        self._closed = True
        self._channel.close()

    def __reduce__(self) -> tuple[Callable[..., Client], tuple[Any, ...]]:
        """Return what makes another client of the same settings: workers of pools get one each."""
        return functools.partial(type(self), **self._connection.settings), ()

    def __enter__(self) -> Client:
        """Return this client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _run(self, operation: Operation, given: ImageLike, timeout: float | None, *, writable: bool) -> Image:
        limit = self._connection.seconds(timeout)
        image = array_of(given)
        path = nl_image.method_of(operation, image)
        if path is None:
            body = request_body(check_operand(image, operation), operation_recipe(operation))
            answer = pixels_of(self._call(PROCESS, body, limit), operation, image.shape)
        else:
            body = nl_image.request_body(operation, nl_image.check_carried(image))
            answer = nl_image.pixels_of(self._call(path, body, limit), operation.output_shape(image.shape))
        return answer.copy() if writable else answer

    def send(self, method: str, body: bytes, *, timeout: float | None = None) -> list[bytes]:
        """Send a request as it is, and return the answers: of all methods but ``ProcessBatch`` there is one.

        Parameters
        ----------
        method
            Its full name: ``"/imgsvc.v1.ImageService/Process"``.
        body
            The message.
        timeout : float, optional
            Seconds that it may take; by default the client's.

        Raises
        ------
        RequestRefusedError, ServiceUnavailableError, ServiceTimeoutError, ServiceError
            The call failed; each carries the gRPC status as `code`.
        """
        self._check_open()
        limit = self._connection.seconds(timeout)
        call: BatchMethod = self._channel.stream_stream(method)
        return self._attempted(
            lambda left, metadata: list(call(iter([body]), timeout=left, metadata=metadata)),
            limit,
            method,
        )

    def _call(self, path: str, body: bytes, timeout: float | None) -> bytes:
        method = self._methods[path]
        return self._attempted(
            lambda left, metadata: method(body, timeout=left, metadata=metadata), timeout, path
        )

    def _attempted(
        self, call: Callable[[float | None, Metadata | None], T], timeout: float | None, path: str
    ) -> T:
        """Return what a call does, in one of several attempts where the server goes away."""
        self._check_open()
        attempts = Attempts(self._connection.retries, timeout, path)
        while True:
            try:
                return call(attempts.left, self._connection.metadata())
            except grpc.RpcError as error:
                seconds = attempts.seconds_after(error)
            time.sleep(seconds)
            self._check_open()

    def _start_batch(self, messages: Iterator[bytes]) -> Any:
        self._check_open()
        return self._batch(messages, metadata=self._connection.metadata())

    def _check_open(self) -> None:
        if self._closed:
            raise ServiceError(grpc.StatusCode.CANCELLED, "this client is closed")
