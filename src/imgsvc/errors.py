"""Every exception that imgsvc raises on purpose.

::

    ImgsvcError
    ├── InvalidInputError (ValueError)   field, value and limit of what was refused
    │   ├── InvalidImageError            pixels: dtype, shape, size, overlap
    │   │   └── UndecodableImageError    an encoded image that is damaged or cut short
    │   ├── UnsupportedFormatError       an encoded image of a kind that is not served here
    │   ├── InvalidParameterError        an operation's parameter or an option of a call
    │   └── LimitExceededError           more than the server takes of something
    ├── ConfigurationError               flags, environment variables, what this machine lacks
    ├── AddressError                     a port or socket that cannot be listened on
    ├── OverloadedError                  the server has no room for one more request
    ├── StoppedError                     work that was cancelled, or not done by its deadline
    ├── ImageFileError                   a file on its way in or out
    │   ├── ImageReadError
    │   ├── ImageWriteError
    │   │   └── ImageExistsError         a file that nobody said to replace
    │   └── StoreAccessError             an object store that takes no credentials of ours
    ├── ClusterError                     a cluster that does tasks, and went away
    └── ServiceError                     what a server answered, with the gRPC status
        ├── RequestRefusedError          the request itself is at fault
        ├── ServiceUnavailableError      no server, or one that is overloaded or shutting down
        └── ServiceTimeoutError (TimeoutError)
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AddressError",
    "ClusterError",
    "ConfigurationError",
    "ImageExistsError",
    "ImageFileError",
    "ImageReadError",
    "ImageWriteError",
    "ImgsvcError",
    "InvalidImageError",
    "InvalidInputError",
    "InvalidParameterError",
    "LimitExceededError",
    "OverloadedError",
    "RequestRefusedError",
    "ServiceError",
    "ServiceTimeoutError",
    "ServiceUnavailableError",
    "StoppedError",
    "StoreAccessError",
    "UndecodableImageError",
    "UnsupportedFormatError",
]


SHOWN_CHARACTERS = 80


class ImgsvcError(Exception):
    """The base of every exception that imgsvc raises on purpose."""

    def __reduce__(self) -> tuple[Callable[..., ImgsvcError], tuple[Any, ...]]:
        """Return what makes it again in another process: its text and attributes, not what it was made of."""
        return _unpickled, (type(self), self.args, self.__dict__)


def _unpickled(kind: type[ImgsvcError], args: tuple[Any, ...], attributes: dict[str, Any]) -> ImgsvcError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(attributes)
    return error


class InvalidInputError(ImgsvcError, ValueError):
    """A value from outside that cannot be worked with.

    Parameters
    ----------
    field
        What was wrong, by the name its sender knows it by, e.g. ``"image.width"``.
    value
        What it was, in a few words.
    expected
        What it must be, and how to get there where that is not obvious.
    """

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: {value}, expected {expected}")
        self.field = field
        self.value = value
        self.expected = expected


class InvalidImageError(InvalidInputError):
    """An image whose dtype, shape, size or memory an operation cannot take."""


class UndecodableImageError(InvalidImageError):
    """An encoded image that is damaged or cut short."""


class UnsupportedFormatError(InvalidInputError):
    """An encoded image of a known kind that is not decoded or encoded here."""


class InvalidParameterError(InvalidInputError):
    """A parameter of an operation, or an option of a call, that is out of range."""


class LimitExceededError(InvalidInputError):
    """A request that is beyond one of the server's limits by itself.

    Parameters
    ----------
    field, value, limit, unit
        What of it, how much it is, how much there may be, and of what.
    """

    def __init__(self, field: str, value: int, limit: int, unit: str) -> None:
        super().__init__(field, f"{value} {unit}", f"at most {limit}")
        self.amount = value
        self.limit = limit


def shown(value: object) -> str:
    """Return a value from outside as a message shows it: in one line, and not the whole of a long one."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001 - an int of more digits than Python prints, or a stranger's own repr
        return f"something of type {type(value).__name__}"
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


class ConfigurationError(ImgsvcError):
    """A flag, an environment variable or a machine that imgsvc cannot run with."""


class AddressError(ImgsvcError):
    """An address that the server cannot listen on."""


class OverloadedError(ImgsvcError):
    """The server's load leaves no room for one more request.

    Parameters
    ----------
    field, value, limit
        Which limit was met, what this request would have made of it, and the limit.
    retry_after
        Seconds until there is likely to be room.
    """

    def __init__(self, field: str, value: float, limit: float, retry_after: float = 1.0) -> None:
        super().__init__(
            f"the server is busy: {field} would be {value}, the limit is {limit}; try again later"
        )
        self.field = field
        self.value = value
        self.retry_after = retry_after


class StoppedError(ImgsvcError):
    """Work that was stopped before it was done.

    Parameters
    ----------
    cancelled
        Whether somebody said so; otherwise its deadline has passed.
    """

    def __init__(self, *, cancelled: bool) -> None:
        super().__init__(
            "cancelled before the result was ready" if cancelled else "not ready by its deadline"
        )
        self.cancelled = cancelled


class ImageFileError(ImgsvcError):
    """An image file that cannot be read or written."""


class ImageReadError(ImageFileError):
    """A file that is missing, no image, damaged or too large."""


class ImageWriteError(ImageFileError):
    """A file that cannot be written: an unknown extension, no such folder, no permission."""


class ImageExistsError(ImageWriteError):
    """A file that is there, and is not to be replaced."""


class StoreAccessError(ImageFileError):
    """An object store takes no such credentials, has no such bucket, or does not answer any more."""


class ClusterError(ImgsvcError):
    """A cluster that does tasks, and failed or went away."""


class ServiceError(ImgsvcError):
    """A call that a server failed.

    Parameters
    ----------
    code
        The gRPC status, a `grpc.StatusCode`.
    details
        What the server, or gRPC, says of it.
    field
        What of the request is at fault, such as ``"recipe.operations[2].resize.width"``, where the server
        says so by itself.
    """

    def __init__(self, code: enum.Enum, details: str, field: str = "") -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details
        self.field = field


class RequestRefusedError(ServiceError):
    """The server refuses the request for what it is: sending it again does not help."""


class ServiceUnavailableError(ServiceError):
    """No server answers, or one that is overloaded or shutting down: try again later or elsewhere.

    Parameters
    ----------
    code, details, field
        As of ServiceError.
    retry_after
        Seconds after which an overloaded server expects to have room; None where it does not say.
    """

    def __init__(
        self, code: enum.Enum, details: str, field: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(code, details, field)
        self.retry_after = retry_after


class ServiceTimeoutError(ServiceError, TimeoutError):
    """No answer within the deadline."""
