"""Who may connect, and what others on the way can read."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from imgsvc._options import boolean, text
from imgsvc.config.option import option
from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    from imgsvc.config.listening import Listening

__all__ = ["Security"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Security:
    """who may connect."""

    tls_cert: str | None = option(
        None, text, "certificate chain of the TCP port, PEM; read again when it changes", metavar="FILE"
    )
    tls_key: str | None = option(None, text, "its private key, PEM without a passphrase", metavar="FILE")
    tls_client_ca: str | None = option(
        None, text, "demand a client certificate that one of these has signed, PEM", metavar="FILE"
    )
    require_tls: bool = option(
        False, boolean, "do not start where others could read what is sent beyond this machine"
    )
    callers: str | None = option(
        None,
        text,
        "TOML file with who may call, and how much; read again when it changes",
        metavar="FILE",
    )
    trusted_proxies: str | None = option(
        None,
        text,
        "addresses and networks of proxies whose x-forwarded-for is believed, with commas between; unix for"
        " those behind the Unix socket",
        metavar="NETWORKS",
    )
    health_needs_key: bool = option(False, boolean, "answer health checks of callers only")
    reflection: bool = option(True, boolean, "serve reflection, to callers where there are any (default: on)")

    def __post_init__(self) -> None:
        """Check what one option cannot tell by itself."""
        if (self.tls_cert is None) != (self.tls_key is None):
            given, missing = ("cert", "key") if self.tls_cert else ("key", "cert")
            raise ConfigurationError(
                f"--tls-{given}: {self.tls_cert or self.tls_key}, expected --tls-{missing} beside it"
            )
        if self.tls_client_ca is not None and not self.tls:
            raise ConfigurationError(
                f"--tls-client-ca: {self.tls_client_ca}, expected --tls-cert and --tls-key beside it"
            )
        listening: Listening = self  # type: ignore[assignment]  # every configuration is both
        if self.tls and not listening.listens_on_tcp:
            raise ConfigurationError(
                f"--tls-cert: {self.tls_cert}, expected --host or --port beside it: a Unix socket has no TLS"
            )
        if self.health_needs_key and self.callers is None:
            raise ConfigurationError("--health-needs-key: true, expected --callers beside it")

    @property
    def tls(self) -> bool:
        """Whether the TCP port is encrypted."""
        return self.tls_cert is not None
