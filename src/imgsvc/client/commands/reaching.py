"""Why a server cannot be reached, in plain words: gRPC passes on those of its TLS library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from imgsvc.client.failures import NO_METHOD
from imgsvc.client.paths import SERVICE
from imgsvc.errors import ServiceError, ServiceTimeoutError, ServiceUnavailableError

if TYPE_CHECKING:
    from imgsvc.client.sync import Client

__all__ = ["reaching_advice", "wait_for"]

REASON_SECONDS = 5.0
"""More than all retries of a call take."""

HANDSHAKE: dict[str, str] = {
    "unable to get local issuer certificate": (
        "an authority has signed the server's certificate that this client does not trust: "
        "--tls-ca names the file of the right one"
    ),
    "self-signed certificate": (
        "the server has signed its certificate by itself: --tls-ca takes that certificate's file, to trust it"
    ),
    "certificate has expired": "the server's certificate has expired: whoever runs it must renew it",
    "certificate is not yet valid": "the server's certificate is not valid yet: is the clock right here?",
    "Hostname Verification Check failed": (
        "the server's certificate is for another name: call it by that, or give it with --tls-server-name"
    ),
    "WRONG_VERSION_NUMBER": "what answers there has no TLS: leave out the --tls options",
    "Socket closed": (
        "something is there, and hangs up: does it have TLS (--tls-ca), or want a certificate of this client "
        "(--tls-cert and --tls-key)?"
    ),
}
"""What gRPC says of a connection that came to nothing, and what that means."""

# What gRPC and Client.wait_until_ready say of a server that is not there.
UNREACHABLE = ("failed to connect", "no server answers", "errors resolving", "DNS resolution failed")

CREDENTIALS = {
    "authorization: no key": "give one by --token-file, IMGSVC_TOKEN_FILE or IMGSVC_TOKEN",
    "authorization: unknown key": "is it this server's, and has it not been revoked?",
}


OLDER_OR_OTHER = (
    "is it imgsvc-server, and no older than this client? One of NLImageService alone does --mean and "
    "--rotate by themselves, of gray and RGB"
)


def reaching_advice(error: ServiceError) -> str:
    """Return what to do about a server that cannot be reached, or does not know its caller or the call."""
    if error.details.startswith(f"{NO_METHOD}/{SERVICE}/"):
        return f"; {OLDER_OR_OTHER}"
    if error.code is grpc.StatusCode.UNAUTHENTICATED:
        known = CREDENTIALS.items()
        return next((f"; {advice}" for text, advice in known if error.details.startswith(text)), "")
    if isinstance(error, ServiceUnavailableError) and error.details.startswith(UNREACHABLE):
        return f"; {_handshake_advice(error) or 'is imgsvc-server running there? --embedded needs none'}"
    return ""


def _handshake_advice(error: ServiceError) -> str:
    return next((advice for text, advice in HANDSHAKE.items() if text in error.details), "")


def wait_for(client: Client, seconds: float) -> None:
    """Wait until a server can be reached; raise ServiceUnavailableError with the reason if it cannot.

    While it waits for a connection, gRPC does not say why there is none: a call does.
    """
    try:
        client.wait_until_ready(seconds)
    except ServiceUnavailableError as timeout:
        try:
            client.health(timeout=REASON_SECONDS)
        except ServiceUnavailableError as reason:
            raise (reason if _handshake_advice(reason) else timeout) from None
        except ServiceTimeoutError:
            raise timeout from None
        except ServiceError:
            pass  # it answers, if only now
