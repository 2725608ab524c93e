"""Why a call ends though its image is not at fault: each with a status, and field and value for the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from imgsvc.errors import StoppedError


class Refusal(Exception):  # noqa: N818 - most are nobody's error
    """The base: a status, what the log calls the cause, and the details that the caller is told."""

    def __init__(self, code: grpc.StatusCode, field: str, value: str, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.field = field
        self.value = value


class ShuttingDown(Refusal):
    """The server takes no more image calls."""

    def __init__(self) -> None:
        details = "the server is shutting down: try again, here or elsewhere"
        super().__init__(grpc.StatusCode.UNAVAILABLE, "server", "shutting down", details)


class StreamTooOld(Refusal):
    """A stream has been open for as long as one may be."""

    def __init__(self, seconds: float) -> None:
        details = f"stream: open for {seconds:g} s, expected to end by then: go on in another one"
        super().__init__(grpc.StatusCode.UNAVAILABLE, "stream", f"open for {seconds:g} s", details)


class UnknownMethod(Refusal):
    """No service has this method; in the words of gRPC itself."""

    def __init__(self, method: str) -> None:
        super().__init__(grpc.StatusCode.UNIMPLEMENTED, "method", repr(method), "Method not found!")


class UnknownService(Refusal):
    """Health is asked about a service that is none."""

    def __init__(self, service: str) -> None:
        super().__init__(grpc.StatusCode.NOT_FOUND, "service", repr(service[:80]), "no such service")


class LongMessage(Refusal):
    """A message larger than those that its method has use for."""

    def __init__(self, size: int, most: int) -> None:
        details = f"message: {size} bytes, expected at most {most}"
        super().__init__(grpc.StatusCode.INVALID_ARGUMENT, "message", f"{size} bytes", details)


class TooManyWatchers(Refusal):
    """Health is watched by as many as may be."""

    def __init__(self, limit: int) -> None:
        details = f"calls of Watch: more than {limit}, expected fewer: ask with Check"
        super().__init__(grpc.StatusCode.RESOURCE_EXHAUSTED, "calls of Watch", f"more than {limit}", details)


class IncompleteBody(Refusal):
    """The one message of a call did not arrive."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(code, "body", "incomplete", details)


class NoMessage(Refusal):
    """A call without a message; in the words of gRPC's own unary server."""

    def __init__(self, method: str) -> None:
        details = f'"{method}" requires exactly one request message.'
        super().__init__(grpc.StatusCode.UNIMPLEMENTED, "body", "no message", details)


class StreamEnded(Refusal):
    """A stream whose place later ones needed, or whose client takes no answers."""

    def __init__(self) -> None:
        details = "stream: ended when later ones needed its place"
        super().__init__(grpc.StatusCode.UNAVAILABLE, "stream", "ended", details)


class NotTaken(Refusal):
    """A client did not take its answer."""

    def __init__(self, seconds: float) -> None:
        super().__init__(grpc.StatusCode.DEADLINE_EXCEEDED, "answer", "not taken", self.text(seconds))

    @staticmethod
    def text(seconds: float) -> str:
        """Return what the client is told, who had so long."""
        return f"answer: not taken within {seconds:g} s"


class NotAMessage(Refusal):
    """Bytes that are not the message they should be; as grpcio's own deserialization answers."""

    def __init__(self) -> None:
        details = "Exception deserializing request!"
        super().__init__(grpc.StatusCode.INTERNAL, "body", "not a message", details)


class TooLate(Refusal):
    """The deadline leaves less time than the work takes, even if it does not wait."""

    def __init__(self, seconds: float, remaining: float) -> None:
        details = f"deadline: {max(remaining, 0.0):.3g} s are left, and the work takes about {seconds:.3g} s"
        code = grpc.StatusCode.DEADLINE_EXCEEDED
        super().__init__(code, "deadline", f"{remaining:.3g}", details)


class Abandoned(Refusal):
    """The client went away, or its deadline passed, before the answer was ready."""

    def __init__(self, stopped: StoppedError, core_seconds: float) -> None:
        code = grpc.StatusCode.CANCELLED if stopped.cancelled else grpc.StatusCode.DEADLINE_EXCEEDED
        super().__init__(code, "core seconds", f"{core_seconds:.3f}", str(stopped))


class NoCaller(Refusal):
    """A call of nobody whom the server knows; what it came with is not told, and not logged."""

    def __init__(self, reason: str) -> None:
        details = f"authorization: {reason}, expected 'Bearer KEY' with a key that this server knows"
        super().__init__(grpc.StatusCode.UNAUTHENTICATED, reason, "authorization", details)


class NotAllowed(Refusal):
    """A method that a caller may not call."""

    def __init__(self, caller: str, method: str) -> None:
        details = f"method: {method}, expected one that caller {caller} may call"
        super().__init__(grpc.StatusCode.PERMISSION_DENIED, "method of a caller", method, details)


class NoGps(Refusal):
    """Where a photo was taken is asked of a server that does not tell."""

    def __init__(self) -> None:
        details = "gps: true, expected false: this server was not started with --allow-gps"
        super().__init__(grpc.StatusCode.PERMISSION_DENIED, "gps", "true", details)


class OverQuota(Refusal):
    """More than a caller may have at a time.

    Parameters
    ----------
    field, value, details
        What it has too much of, how much, and what it is told.
    retry_after
        Seconds until it may try again.
    """

    def __init__(self, field: str, value: str, details: str, retry_after: float) -> None:
        super().__init__(grpc.StatusCode.RESOURCE_EXHAUSTED, field, value, details)
        self.retry_after = retry_after
