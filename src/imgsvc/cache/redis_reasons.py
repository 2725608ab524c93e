"""Reasons why a Redis is not asked, in the words of the log."""

from __future__ import annotations

import ssl

__all__ = ["reason_of"]

MOST = 200
"""Characters of what others say."""

HUNG_UP = (
    "it ended the connection after TLS's handshake, as it does when it trusts no certificate of the client "
    "(ssl_certfile), or is given none"
)


def reason_of(error: Exception, *, greeting_tls: bool = False) -> str:
    """Return in one line what an error of redis-py's means.

    Parameters
    ----------
    error
        The error.
    greeting_tls
        Whether it came of the first words over TLS: only then it is told that a client's certificate is not
        taken, and often by nothing but the end of the connection.
    """
    cause = error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {cause.verify_message}"
    if greeting_tls and _is_hang_up(error, cause):
        return HUNG_UP
    return " ".join(str(error).split())[:MOST] or type(error).__name__


def _is_hang_up(error: Exception, cause: BaseException | None) -> bool:
    if isinstance(cause, ssl.SSLError):
        return isinstance(cause, ssl.SSLEOFError) or "ALERT" in (cause.reason or "")
    return isinstance(cause, ConnectionError) or "closed by server" in str(error)
