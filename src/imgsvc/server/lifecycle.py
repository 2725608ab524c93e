"""A server from start to stop."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from imgsvc._dispatch import kernels
from imgsvc.codec.helpers import Helpers
from imgsvc.pipeline.presets import load_presets
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.prediction import Prediction
from imgsvc.runtime.allocator import QuietTrim
from imgsvc.runtime.fair_pool import start_fair_pool
from imgsvc.server.batch import METHOD as PROCESS_BATCH
from imgsvc.server.batch import BatchStreams
from imgsvc.server.bodies import Bodies
from imgsvc.server.caching import open_cache
from imgsvc.server.callers.access import Access
from imgsvc.server.context import ServerContext
from imgsvc.server.health import CHECK, WATCH, Health
from imgsvc.server.image_service import SERVICE_NAME as IMAGE_SERVICE
from imgsvc.server.image_service import Processing, image_methods
from imgsvc.server.limiter import Limiter
from imgsvc.server.listening.connections import transport_options
from imgsvc.server.listening.hang_up import hang_up
from imgsvc.server.listening.listen import listen
from imgsvc.server.listening.tls import Certificates
from imgsvc.server.metrics.parts import Parts
from imgsvc.server.nl_image_service import SERVICE_NAME, nl_image_methods
from imgsvc.server.observing import Observing
from imgsvc.server.open_calls import OpenCalls
from imgsvc.server.overload.price import Pricing
from imgsvc.server.readiness import SHUTTING_DOWN, STARTING, Readiness
from imgsvc.server.reflection import METHODS as REFLECTION
from imgsvc.server.reflection import Reflection
from imgsvc.server.refusals import ShuttingDown, UnknownMethod
from imgsvc.server.reports import Reports
from imgsvc.server.screen import Screen
from imgsvc.server.transports import transport_class
from imgsvc.server.trusted_proxies import TrustedProxies
from imgsvc.server.unary import UnaryCalls
from imgsvc.server.warm_up import warm_up
from imgsvc.server.watched_files import WatchedFiles
from imgsvc.wire.recipe import check_presets

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from imgsvc.config import ServerConfig
    from imgsvc.server.call import Call
    from imgsvc.server.logs import LineLog
    from imgsvc.server.transport import Rpc

log = logging.getLogger("imgsvc.server")

LEAST_BODIES = 256
"""Requests that gRPC takes in at a time: a slow one keeps its place for long, and costs but its bytes."""

MAX_LOGGED = 200
"""Characters: a method name of 8 KB is somebody's attempt at something."""

LOOK_SECONDS = 0.05

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
    limiter : Limiter
        What it has taken on.
    bodies : Bodies
        Requests that have not arrived in full.
    """

    def __init__(self, config: ServerConfig, lines: LineLog | None = None) -> None:
        kernels()  # before anything listens: a wrong IMGSVC_ISA would fail every call
        self._config = config
        self._files = WatchedFiles()
        certificates = Certificates(config, self._files) if config.tls else None
        self._proxies = TrustedProxies(config.trusted_proxies) if config.trusted_proxies else None
        self._transport = transport_class()(transport_options(config), self._accept, self._tick)
        # What is wrong is said before anybody could connect.
        presets = load_presets(config.presets) if config.presets else {}
        check_presets(presets, str(config.presets))
        self.addresses = listen(self._transport, config, certificates)
        self.limiter = limiter = Limiter(
            max_calls=config.max_calls,
            max_bytes=config.byte_budget,
            cores=config.num_cores,
            max_queue_seconds=config.max_queue_seconds,
            max_waiting=config.num_workers // 2,
        )
        self.readiness = Readiness()
        self._observing = Observing(config, lines, self.readiness)
        observers = self._observing.observers
        self.access = Access(config.callers, config, self._files) if config.callers else None
        self._calls = calls = OpenCalls(config.body_timeout)
        context = ServerContext(Screen(self.access, limiter), limiter, calls, observers)
        self.bodies = Bodies(max(LEAST_BODIES, config.num_workers))
        self._workers = start_fair_pool(config.num_workers, "worker", active=config.num_cores)
        self._trim = QuietTrim(limiter.quiet_since)
        limits = Limits(
            pixels=config.max_pixels,
            frames=config.max_frames,
            operations=config.max_operations,
            weights=config.max_weights,
            output_bytes=config.max_output_bytes,
            decode_bytes=config.max_decode_bytes,
        )
        self._prediction = Prediction()
        pricing = Pricing(self._prediction)
        self._caching = open_cache(config, self._prediction)
        self._helpers = Helpers()
        self._processing = Processing(limits, presets, pricing, self._caching, self._helpers)
        reports = Reports(config, limits, presets, self._prediction, self._transport.name)
        images = UnaryCalls(
            nl_image_methods(pricing, null_image_errors=config.null_image_errors)
            | image_methods(self._processing, reports, allows_gps=config.allow_gps),
            context,
            self.bodies,
            self._workers,
            caching=self._caching,
            body_seconds=config.body_timeout,
            max_bytes=config.max_message_bytes,
        )
        self._batches = BatchStreams(
            self._processing,
            context,
            timeout=config.body_timeout,
            num_cores=config.num_cores,
            max_streams=config.max_streams,
            max_items=config.num_stream_items,
            max_seconds=config.max_stream_seconds,
            max_bytes=config.max_message_bytes,
        )
        check = None if self.access is None else self.access.identify
        self._health = Health(
            calls,
            (SERVICE_NAME, IMAGE_SERVICE),
            observers,
            self.readiness,
            check=check if config.health_needs_key else None,
        )
        self._methods: dict[str, Callable[[Call], None]] = {
            **dict.fromkeys(images.methods, images.begin),
            PROCESS_BATCH: self._batches.begin,
            **dict.fromkeys((CHECK, WATCH), self._health.begin),
        }
        if config.reflection:
            self._methods.update(dict.fromkeys(REFLECTION, Reflection(calls, observers, check).begin))

    def _accept(self, rpc: Rpc) -> None:
        """Take a new RPC; this runs on the transport's thread."""
        call = self._calls.begin(rpc)
        if self._proxies is not None:
            call.peer = self._proxies.client_of(call.peer, call.metadata)
        begin = self._methods.get(call.method)
        if begin is not None:
            begin(call)
            return
        call.method = call.method[:MAX_LOGGED]
        call.on_end = self._observing.observers.finished
        self._calls.fail(call, UnknownMethod(call.method))

    def _tick(self) -> None:
        self._calls.tick()
        self.bodies.tick()
        self._health.bodies.tick()
        self._batches.tick()

    def warm_up(self) -> None:
        """Measure what requests take here, and run small ones, while nothing else runs: before `start`."""
        self._prediction.calibrate()
        warm_up(self._processing, self.limiter)

    def listen_privately(self, target: str) -> None:
        """Listen on a Unix socket too that others cannot reach, without encryption: before `start`."""
        self._transport.add_port(target)

    def start(self) -> None:
        """Serve, on threads of its own, and be ready."""
        self._files.start()
        self._observing.start(
            Parts(self.limiter, self._workers, self.readiness, self._caching, self._helpers)
        )
        self._transport.start()
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
        cores = self.limiter.cores
        self.limiter.close()
        self._batches.drain()
        cut_off = self._wait_until_idle(self._config.grace if grace is None else grace)
        if cut_off:
            self._calls.end_all(ShuttingDown())
            self._wait_until_idle(LAST_CALLS_SECONDS)
        hang_up(self.addresses, LAST_CALLS_SECONDS)
        self._transport.stop()
        self._workers.shutdown()
        for part in (self._helpers, self._batches, cores, self._trim, self._files, self._observing):
            part.close()
        if self._caching is not None:
            log.info("cache: %s", self._caching.counted())
            self._caching.close()
        log.info(
            "core seconds: %.1f, of which for calls that nobody waited for: %.3f",
            cores.core_seconds,
            cores.wasted_core_seconds,
        )
        return cut_off

    def _wait_until_idle(self, seconds: float) -> int:
        """Wait for all image calls to end, also those with bodies on the way; return how many have not."""
        end = time.monotonic() + seconds
        while True:
            left = self.limiter.wait_until_idle(min(LOOK_SECONDS, max(end - time.monotonic(), 0.0)))
            left += len(self.bodies)
            if not left or time.monotonic() >= end:
                return left

    def __enter__(self) -> Server:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()
