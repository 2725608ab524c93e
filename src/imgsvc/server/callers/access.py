"""Whether a call comes from somebody who may make it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from imgsvc.errors import ConfigurationError
from imgsvc.server.callers.account import Account
from imgsvc.server.callers.denials import Denials
from imgsvc.server.callers.known import Known, read_callers
from imgsvc.server.refusals import NoCaller, NotAllowed
from imgsvc.stubs import nl_image_service_pb2
from imgsvc.v1 import image_service_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import grpc

    from imgsvc.config import ServerConfig
    from imgsvc.server.observers import Observers
    from imgsvc.server.record import Record
    from imgsvc.server.watched_files import WatchedFiles

__all__ = ["IMAGE_METHODS", "Access"]

log = logging.getLogger("imgsvc.server")

IMAGE_METHODS = frozenset(
    f"/{service.full_name}/{method.name}"
    for file in (nl_image_service_pb2.DESCRIPTOR, image_service_pb2.DESCRIPTOR)
    for service in file.services_by_name.values()
    for method in service.methods
)
AUTHORIZATION, SCHEME = "authorization", "bearer"
COMMON_NAME, ALTERNATIVE_NAME = "x509_common_name", "x509_subject_alternative_name"


class Access:
    """Knows the callers, as their file has them now.

    Parameters
    ----------
    path
        Of the file.
    config
        The server's.
    files
        Has it read again when it changes.
    observers
        See the calls of those who are not let in.

    Raises
    ------
    ConfigurationError
        The file is missing or wrong.
    """

    def __init__(self, path: str, config: ServerConfig, files: WatchedFiles, observers: Observers) -> None:
        self._path = path
        self._demands_certificates = config.tls_client_ca is not None
        self._known = Known({})
        self._accounts: dict[str, Account] = {}
        files.add([path], self._load)
        self._denials = Denials(observers)

    @property
    def has_keys(self) -> bool:
        """Whether somebody has a key, which TLS should hide."""
        return self._known.have_keys

    def by_key(self, metadata: Sequence[tuple[str, str | bytes]], record: Record) -> Account | None:
        """Return the account of the caller whose key is in a call's metadata; note in its record who it is.

        None if there is no key, and the caller may be known by its certificate: see `by_certificate`.

        Raises
        ------
        Refusal
            There is none that is known, or the caller may not call this.
        """
        given = [value for key, value in metadata if key == AUTHORIZATION]
        if not given:
            if self._known.have_certificates:
                return None
            raise NoCaller("no key")
        scheme, _, key = str(given[0]).partition(" ")
        if len(given) > 1 or scheme.lower() != SCHEME:
            raise NoCaller("no key")
        caller = self._known.by_key(key.strip())
        if caller is None:
            raise NoCaller("unknown key")
        return self._account(caller.name, record, "unknown key")

    def by_certificate(self, context: grpc.ServicerContext, record: Record) -> Account:
        """Return the account of the caller whose certificate gRPC has verified; see `by_key`.

        Raises
        ------
        Refusal
            It is nobody's, or the caller may not call this.
        """
        names = list(_names(context))
        caller = self._known.by_certificate(names)
        if caller is None:
            raise NoCaller("unknown certificate" if names else "no key")
        return self._account(caller.name, record, "unknown certificate")

    def denial(self, record: Record, error: Exception) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """Return what refuses a call of somebody who may not make it; None if that is not why."""
        return self._denials.handler(record, error) if isinstance(error, NoCaller | NotAllowed) else None

    def check(self, context: grpc.ServicerContext, record: Record) -> None:
        """Raise a Refusal unless a call comes from a caller, whichever."""
        if self.by_key(context.invocation_metadata() or (), record) is None:
            self.by_certificate(context, record)

    def close(self) -> None:
        """Tell those who wait for their refusals."""
        self._denials.close()

    def _account(self, name: str, record: Record, otherwise: str) -> Account:
        account = self._accounts.get(name)
        if account is None:  # the file was read again between two looks at it
            raise NoCaller(otherwise)
        record.caller = name
        if record.method in IMAGE_METHODS and record.method not in account.caller.methods:
            raise NotAllowed(name, record.method)
        return account

    def _load(self) -> None:
        known = read_callers(self._path, IMAGE_METHODS)
        if known.have_certificates and not self._demands_certificates:
            first = next(caller for caller in known.callers.values() if caller.certificates)
            raise ConfigurationError(
                f"{self._path}: [{first.name}] certificates: expected --tls-client-ca, to have them verified"
            )
        accounts = {}
        for name, caller in known.callers.items():
            accounts[name] = self._accounts.get(name) or Account(caller)
            accounts[name].replace(caller)
        self._known, self._accounts = known, accounts
        log.info("callers: %d in %s", len(accounts), self._path)


def _names(context: grpc.ServicerContext) -> Iterator[str]:
    """Yield the names in a client's certificate; none where it has none, or TLS does not verify any."""
    found = context.auth_context()
    for kind in (COMMON_NAME, ALTERNATIVE_NAME):
        for name in found.get(kind, ()):
            yield name.decode("utf-8", "replace")  # type: ignore[attr-defined]  # bytes, whatever the stubs say
