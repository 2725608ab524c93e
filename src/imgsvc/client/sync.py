"""A client of NLImageService that waits for each answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError

from imgsvc._images import COLOR_RANK, check_image
from imgsvc._targets import is_local
from imgsvc.client.failures import service_error
from imgsvc.config import DEFAULT_PORT
from imgsvc.errors import (
    InvalidImageError,
    InvalidParameterError,
    RequestRefusedError,
    ServiceError,
    ServiceUnavailableError,
)
from imgsvc.operations import MeanFilter, Operation, Rotate90
from imgsvc.stubs.nl_image_service_pb2 import DESCRIPTOR
from imgsvc.wire.nl_image import draft_image, draft_rotate_request, read_answer

if TYPE_CHECKING:
    from types import TracebackType

    from imgsvc._images import Image
    from imgsvc.wire.nl_image import DraftedImage

    Method = grpc.UnaryUnaryMultiCallable[bytes, bytes]

__all__ = ["Client"]

SERVICE = DESCRIPTOR.services_by_name["NLImageService"].full_name

COMPRESSION = {
    "none": grpc.Compression.NoCompression,
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Deflate,
}
RGBA_CHANNELS = 4
# Of large images a kernel makes a copy in half the time that NumPy takes, of small ones NumPy.
COPY = Rotate90(0)
COPIED_BY_NUMPY = 1 << 16
# protobuf ends at 2 GiB; the message around the pixels takes a few bytes.
MAX_PIXEL_BYTES = 2**31 - 1 - 64
# A year: gRPC takes what does not fit its clock for a deadline that has passed.
MAX_TIMEOUT = 365 * 86400

OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class Client:
    """A connection to a server of NLImageService: imgsvc's or any other.

    It holds one channel and may be used from many threads at once. Use it as a context manager, or `close`
    it.

    Parameters
    ----------
    target : str
        Where the server is: ``"host:port"``, or ``"unix:/path"`` for a Unix socket.
    timeout : float or None
        Seconds that a call may take before it raises ServiceTimeoutError; None waits for ever.
    compression : {"none", "gzip", "deflate"}
        How requests are compressed. It pays on slow networks only.

    Raises
    ------
    InvalidParameterError
        `target`, `timeout` or `compression` is not one of these.

    Examples
    --------
    >>> with Client("localhost:50051") as client:  # doctest: +SKIP
    ...     filtered = client.mean_filter(image)
    """

    def __init__(
        self,
        target: str = f"localhost:{DEFAULT_PORT}",
        *,
        timeout: float | None = 60.0,
        compression: str = "none",
    ) -> None:
        if not isinstance(target, str) or not target:
            raise InvalidParameterError("target", repr(target), "host:port or unix:/path")
        if compression not in tuple(COMPRESSION):
            raise InvalidParameterError("compression", repr(compression), f"one of {', '.join(COMPRESSION)}")
        self.target = target
        self._timeout = _check_timeout(timeout)
        options = (*OPTIONS, ("grpc.enable_http_proxy", 0)) if is_local(target) else OPTIONS
        self._channel = grpc.insecure_channel(target, options=options, compression=COMPRESSION[compression])
        # Bytes as they are: `imgsvc.wire` makes and reads them.
        self._mean_filter: Method = self._channel.unary_unary(f"/{SERVICE}/MeanFilter")
        self._rotate_image: Method = self._channel.unary_unary(f"/{SERVICE}/RotateImage")
        self._closed = False

    def mean_filter(self, image: Image, *, timeout: float | None = None, writable: bool = False) -> Image:
        """Return what `imgsvc.mean_filter` does, computed by the server.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W), (H, W, 1) or (H, W, 3)
            The contract carries gray and RGB images. Any strides.
        timeout : float, optional
            Seconds that this call may take; by default the client's.
        writable : bool
            The result is a read-only view of the answer's bytes; this makes it a writable copy.

        Returns
        -------
        ndarray of uint8
            Of the image's shape.

        Raises
        ------
        InvalidImageError
            The contract cannot carry the array; nothing was sent.
        RequestRefusedError, ServiceUnavailableError, ServiceTimeoutError, ServiceError
            The call failed; each carries the gRPC status as `code`.
        """
        image = _check_carried(image)
        draft = draft_image(image.shape)
        return self._call(self._mean_filter, draft, image, MeanFilter(), timeout=timeout, writable=writable)

    def rotate90(
        self, image: Image, turns: int = 1, *, timeout: float | None = None, writable: bool = False
    ) -> Image:
        """Return what `imgsvc.rotate90` does, computed by the server.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W), (H, W, 1) or (H, W, 3)
            The contract carries gray and RGB images. Any strides.
        turns : int
            The number of quarter turns counter-clockwise, taken modulo 4.
        timeout : float, optional
            Seconds that this call may take; by default the client's.
        writable : bool
            The result is a read-only view of the answer's bytes; this makes it a writable copy.

        Returns
        -------
        ndarray of uint8
            With rows and columns exchanged for an odd number of turns.

        Raises
        ------
        InvalidImageError, InvalidParameterError
            The contract cannot carry the array, or `turns` is no integer; nothing was sent.
        RequestRefusedError, ServiceUnavailableError, ServiceTimeoutError, ServiceError
            The call failed; each carries the gRPC status as `code`.
        """
        image = _check_carried(image)
        operation = Rotate90(turns)
        draft = draft_rotate_request(operation, image.shape)
        return self._call(self._rotate_image, draft, image, operation, timeout=timeout, writable=writable)

    def wait_until_ready(self, timeout: float = 5.0) -> None:
        """Return when the server can be reached.

        Raises
        ------
        ServiceUnavailableError
            It cannot after `timeout` seconds.
        InvalidParameterError
            `timeout` is no number of seconds.
        """
        _check_timeout(timeout)
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

    def __enter__(self) -> Client:
        """Return this client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _call(
        self,
        method: Method,
        draft: DraftedImage,
        image: Image,
        operation: Operation,
        *,
        timeout: float | None,
        writable: bool,
    ) -> Image:
        limit = self._timeout if timeout is None else _check_timeout(timeout)
        self._check_open()
        if image.size <= COPIED_BY_NUMPY:
            draft.pixels[...] = image
        else:
            COPY(image, out=draft.pixels, num_threads=1)
        try:
            answer = method(draft.finish(), timeout=limit)
        except grpc.RpcError as error:
            raise service_error(error) from error
        result = _pixels(answer, operation.output_shape(image.shape))
        return result.copy() if writable else result

    def _check_open(self) -> None:
        if self._closed:
            raise ServiceError(grpc.StatusCode.CANCELLED, "this client is closed")


def _check_timeout(timeout: float | None) -> float | None:
    given: object = timeout
    if timeout is None or (isinstance(given, int | float) and 0 < timeout <= MAX_TIMEOUT):
        return timeout
    raise InvalidParameterError("timeout", repr(timeout), f"seconds above 0, up to {MAX_TIMEOUT}, or None")


def _check_carried(image: Image) -> Image:
    """Return `image` if the contract can carry it."""
    image = check_image(image)
    if image.ndim == COLOR_RANK and image.shape[2] == RGBA_CHANNELS:
        expected = "gray or RGB: the contract has no alpha, and image[..., :3] drops it"
        raise InvalidImageError("image.shape", image.shape, expected)
    if image.size > MAX_PIXEL_BYTES:
        raise InvalidImageError(
            "image", f"{image.size} bytes", f"at most {MAX_PIXEL_BYTES}: a message ends there"
        )
    return image


def _pixels(body: bytes, shape: tuple[int, ...]) -> Image:
    """Return the pixels of an answer that must have the given shape."""
    try:
        answer = read_answer(body)
    except DecodeError as error:
        raise ServiceError(grpc.StatusCode.INTERNAL, "the server's answer is no NLImage") from error
    except InvalidImageError as error:
        raise ServiceError(grpc.StatusCode.INTERNAL, f"the server's answer is no image: {error}") from error
    if isinstance(answer, str):  # other servers' way to fail, and imgsvc's where it is asked to
        reason = answer or "the server gave no reason"
        raise RequestRefusedError(grpc.StatusCode.INVALID_ARGUMENT, reason)
    if answer.shape[:2] != shape[:2] or answer.size != math.prod(shape):
        reason = f"the server's answer has shape {answer.shape}, expected {shape}"
        raise ServiceError(grpc.StatusCode.INTERNAL, reason)
    return answer.reshape(shape)
