"""Whether a call comes from somebody who may make it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from imgsvc.errors import ConfigurationError
from imgsvc.server.callers.caller import Caller
from imgsvc.server.callers.known import Known, read_callers
from imgsvc.server.refusals import NoCaller, NotAllowed
from imgsvc.stubs import nl_image_service_pb2
from imgsvc.v1 import image_service_pb2

if TYPE_CHECKING:
    from imgsvc.config import ServerConfig
    from imgsvc.server.call import Call
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

    Raises
    ------
    ConfigurationError
        The file is missing or wrong.
    """

    def __init__(self, path: str, config: ServerConfig, files: WatchedFiles) -> None:
        self._path = path
        self._demands_certificates = config.tls_client_ca is not None
        self._known = Known({})
        self._callers: dict[str, Caller] = {}
        files.add([path], self._load)

    @property
    def has_keys(self) -> bool:
        """Whether somebody has a key, which TLS should hide."""
        return self._known.have_keys

    def identify(self, call: Call) -> None:
        """Find out who calls, by the key in the metadata or else by the certificate that gRPC has verified.

        The call is this caller's then.

        Raises
        ------
        Refusal
            It is nobody who is known, or somebody who may not call this.
        """
        given = [value for key, value in call.rpc.metadata if key == AUTHORIZATION]
        if given:
            scheme, _, key = str(given[0]).partition(" ")
            if len(given) > 1 or scheme.lower() != SCHEME:
                raise NoCaller("no key")
            entry, reason = self._known.by_key(key.strip()), "unknown key"
        elif self._known.have_certificates:
            names = call.rpc.certificate_names()
            entry, reason = self._known.by_certificate(names), "unknown certificate" if names else "no key"
        else:
            raise NoCaller("no key")
        caller = None if entry is None else self._callers.get(entry.name)
        if entry is None or caller is None:  # or the file was read again between two looks at it
            raise NoCaller(reason)
        call.flow, call.caller = caller, entry.name
        if call.method in IMAGE_METHODS and call.method not in entry.methods:
            raise NotAllowed(call.caller, call.method)

    def _load(self) -> None:
        known = read_callers(self._path, IMAGE_METHODS)
        if known.have_certificates and not self._demands_certificates:
            first = next(caller for caller in known.callers.values() if caller.certificates)
            raise ConfigurationError(
                f"{self._path}: [{first.name}] certificates: expected --tls-client-ca, to have them verified"
            )
        callers = {}
        for name, entry in known.callers.items():
            callers[name] = self._callers.get(name) or Caller(name, entry)
            callers[name].replace(entry)
        self._known, self._callers = known, callers
        log.info("callers: %d in %s", len(callers), self._path)
