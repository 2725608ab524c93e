"""All that looks at calls, as the configuration says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from imgsvc.server.access_log import AccessLog
from imgsvc.server.capture import open_capture
from imgsvc.server.metrics import open_metrics
from imgsvc.server.observers import Observer, Observers
from imgsvc.server.overload.saturation import Saturation
from imgsvc.server.tracing import open_tracing
from imgsvc.stubs import nl_image_service_pb2
from imgsvc.v1 import image_service_pb2

if TYPE_CHECKING:
    from imgsvc.config import ServerConfig
    from imgsvc.server.logs import LineLog
    from imgsvc.server.metrics.parts import Parts
    from imgsvc.server.readiness import Readiness

__all__ = ["Observing"]

METHODS = tuple(
    f"/{service.full_name}/{method.name}"
    for file in (nl_image_service_pb2, image_service_pb2, health_pb2, reflection_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
)


class Observing:
    """The observers of a server, and what they need.

    Parameters
    ----------
    config
        What it is to tell, and where.
    lines
        The log of this process; None for what `logging` does in it.
    readiness
        Falls while the server is saturated.

    Raises
    ------
    AddressError
        It cannot listen where it should.
    ConfigurationError
        An extra is not installed, or the folder for requests is not what it should be.
    """

    def __init__(self, config: ServerConfig, lines: LineLog | None, readiness: Readiness) -> None:
        # A log that hangs may hold up everything after it, and it names the traces and files of others.
        chosen: list[Observer] = []
        if config.unready_after:
            chosen.append(Saturation(readiness, config.unready_after, config.ready_again_after))
        self._metrics = open_metrics(config, METHODS)
        if self._metrics is not None:
            chosen.append(self._metrics.calls)
        tracing = open_tracing(config)
        if tracing is not None:
            chosen.append(tracing)
        capture = open_capture(config)
        if capture is not None:
            chosen.append(capture)
        chosen.append(AccessLog(every=config.access_log, lines=lines))
        self.observers = Observers(chosen, capture)

    def start(self, parts: Parts) -> None:
        """Tell of these parts of the server from now on."""
        if self._metrics is not None:
            self._metrics.start(parts, self.observers)

    def close(self) -> None:
        """Show the last records, and end the threads."""
        self.observers.close()
        if self._metrics is not None:
            self._metrics.close()
