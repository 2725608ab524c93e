"""A server from start to stop."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import grpc

from imgsvc._dispatch import kernels
from imgsvc.pipeline.presets import load_presets
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.prediction import Prediction
from imgsvc.runtime.allocator import QuietTrim
from imgsvc.runtime.cores import Cores
from imgsvc.runtime.pools import start_pool
from imgsvc.server.batch import BatchStreams
from imgsvc.server.caching import open_cache
from imgsvc.server.callers.access import Access
from imgsvc.server.callers.guard import Guarded
from imgsvc.server.calls import UnaryCalls
from imgsvc.server.gate import Gate
from imgsvc.server.health import SERVICE_NAME as HEALTH
from imgsvc.server.health import Health
from imgsvc.server.image_service import SERVICE_NAME as IMAGE_SERVICE
from imgsvc.server.image_service import Processing, image_methods
from imgsvc.server.listening.connections import connection_options
from imgsvc.server.listening.hang_up import hang_up
from imgsvc.server.listening.listen import listen
from imgsvc.server.listening.tls import Certificates
from imgsvc.server.metrics.parts import Parts
from imgsvc.server.nl_image_service import SERVICE_NAME, nl_image_methods
from imgsvc.server.observing import Observing
from imgsvc.server.overload.admission import Admission
from imgsvc.server.overload.backlog import Backlog
from imgsvc.server.overload.congestion import Congestion
from imgsvc.server.overload.price import Pricing
from imgsvc.server.readiness import SHUTTING_DOWN, STARTING, Readiness
from imgsvc.server.reflection import SERVICE_NAME as REFLECTION
from imgsvc.server.reflection import Reflection
from imgsvc.server.refusals import ShuttingDown
from imgsvc.server.reports import Reports
from imgsvc.server.timer import CallTimer
from imgsvc.server.unknown import UnknownMethods
from imgsvc.server.warm_up import warm_up
from imgsvc.server.watched_files import WatchedFiles
from imgsvc.server.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from imgsvc.config import ServerConfig
    from imgsvc.server.logs import LineLog

log = logging.getLogger("imgsvc.server")

COMPRESSION = {
    "none": grpc.Compression.NoCompression,
    "gzip": grpc.Compression.Gzip,
    "deflate": grpc.Compression.Deflate,
}

# For calls that are no image calls, once these have finished.
LAST_CALLS_SECONDS = 0.5


class Server:
    """One gRPC server in this process.

    Parameters
    ----------
    config
        What it listens on and what it accepts.
    lines
        The log of this process, for calls; None for what `logging` does in it.

    Raises
    ------
    AddressError
        It cannot listen where it should; raised when made, so nothing runs yet.
    ConfigurationError
        ``IMGSVC_ISA`` names kernels that are not there or that this CPU cannot run; or a file that an option
        names is missing or wrong.

    Attributes
    ----------
    addresses : tuple of str
        What it is bound to, as a client writes it: ``"127.0.0.1:50051"``, ``"unix:/run/imgsvc.sock"``.
    readiness : Readiness
        Whether it wants calls.
    access : Access or None
        Who may call; None for anybody.
    """

    def __init__(self, config: ServerConfig, lines: LineLog | None = None) -> None:
        kernels()  # before anything listens: a wrong IMGSVC_ISA would fail every call
        self._config = config
        self._files = WatchedFiles()
        certificates = Certificates(config, self._files) if config.tls else None
        self._default_pool = start_pool(1, "grpc")  # for nothing: each method has its own
        self._server = grpc.server(
            self._default_pool,
            options=(
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", config.max_message_bytes),
                ("grpc.max_send_message_length", -1),
                *connection_options(config),
            ),
            compression=COMPRESSION[config.compression],
        )
        self.addresses = listen(self._server, config, certificates)
        self._admission = Admission(
            config.max_calls,
            config.byte_budget,
            wait_seconds=config.max_queue_seconds,
            max_waiting=config.num_workers // 2,
        )
        self._cores = Cores(config.num_cores)
        self.backlog = Backlog(config.num_cores, config.max_queue_seconds)
        self.congestion = Congestion(config.num_cores, config.max_queue_seconds)
        self.readiness = Readiness()
        self._observing = Observing(config, lines, self.readiness)
        self._observers = self._observing.observers
        self.access = Access(config.callers, config, self._files, self._observers) if config.callers else None
        gate = Gate(self._admission, self.access)
        self._trim = QuietTrim(self._admission.quiet_since)
        self._timer = CallTimer(tick=config.body_timeout / 4)
        limits = Limits(
            pixels=config.max_pixels,
            frames=config.max_frames,
            operations=config.max_operations,
            weights=config.max_weights,
            output_bytes=config.max_output_bytes,
            decode_bytes=config.max_decode_bytes,
        )
        presets = load_presets(config.presets) if config.presets else {}
        self._prediction = Prediction()
        pricing = Pricing(self._prediction)
        self._caching = open_cache(config, self._prediction)
        self._processing = processing = Processing(limits, presets, pricing, self._caching)
        reports = Reports(config, limits, presets, self._prediction)
        self._images = UnaryCalls(
            nl_image_methods(pricing, self._caching, null_image_errors=config.null_image_errors)
            | image_methods(processing, reports),
            gate,
            self._cores,
            self._timer,
            self._observers,
            workers=Workers(config.num_workers, self.congestion),
            backlog=self.backlog,
            timeout=config.body_timeout,
        )
        self._batches = BatchStreams(
            processing,
            gate,
            self._cores,
            self._timer,
            self._observers,
            backlog=self.backlog,
            timeout=config.body_timeout,
            num_cores=config.num_cores,
            max_streams=config.max_streams,
            max_items=config.num_stream_items,
            max_seconds=config.max_stream_seconds,
        )
        check = None if self.access is None else self.access.check
        self._health = Health(
            self._timer,
            (SERVICE_NAME, IMAGE_SERVICE),
            self._observers,
            self.readiness,
            check=check if config.health_needs_key else None,
        )
        self._reflection = Reflection(self._observers, check) if config.reflection else None
        self._unknown = UnknownMethods(self._observers)
        self._server.add_generic_rpc_handlers(
            (self._images, self._batches, *self._other_services(), self._unknown)
        )

    def warm_up(self) -> None:
        """Measure what requests take here, and run small ones, while nothing else runs: before `start`."""
        self._prediction.calibrate()
        warm_up(self._processing, self._cores)

    def listen_privately(self, target: str) -> None:
        """Listen on a Unix socket too that others cannot reach, without encryption: before `start`."""
        self._server.add_insecure_port(target)

    def start(self) -> None:
        """Serve, on threads of its own, and be ready."""
        self._files.start()
        parts = self._admission, self._cores, self.backlog, self.congestion, self.readiness, self._caching
        self._observing.start(Parts(*parts))
        self._server.start()
        self.readiness.rise(STARTING)

    def stop(self, grace: float | None = None) -> int:
        """Be ready no more, refuse image calls, let those in flight finish, and stop.

        Calls are refused `drain_delay` seconds after it has said that it is not ready.

        Parameters
        ----------
        grace
            Seconds for calls in flight; by default the configuration's.

        Returns
        -------
        int
            How many calls were cut off.
        """
        self.readiness.fall(SHUTTING_DOWN)
        self._health.notify()
        time.sleep(self._config.drain_delay)
        self._admission.close()
        self._batches.drain()
        cut_off = self._admission.wait_until_idle(self._config.grace if grace is None else grace)
        if cut_off:
            self._timer.end_all(ShuttingDown())
            self._admission.wait_until_idle(LAST_CALLS_SECONDS)
        hang_up(self.addresses, LAST_CALLS_SECONDS)
        self._server.stop(None).wait()
        for part in (
            self._images,
            self._batches,
            self._health,
            self._reflection,
            self._unknown,
            self.access,
            self._cores,
            self._timer,
            self._trim,
            self._files,
            self._observing,
        ):
            if part is not None:
                part.close()
        self._default_pool.shutdown()
        if self._caching is not None:
            log.info("cache: %s", self._caching.counted())
            self._caching.close()
        log.info(
            "core seconds: %.1f, of which for calls that nobody waited for: %.3f",
            self._cores.core_seconds,
            self._cores.wasted_core_seconds,
        )
        return cut_off

    def _other_services(self) -> Iterator[grpc.GenericRpcHandler]:
        """Yield the services that are not about images: open to all, or to callers."""
        closed = self._config.health_needs_key
        yield self._guarded(HEALTH, self._health) if closed else self._health
        if self._reflection is not None:
            yield self._guarded(REFLECTION, self._reflection)

    def _guarded(self, service: str, handler: grpc.GenericRpcHandler) -> grpc.GenericRpcHandler:
        return handler if self.access is None else Guarded(service, handler, self.access)

    def __enter__(self) -> Server:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()
