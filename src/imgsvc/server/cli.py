"""``imgsvc-server``: options, signals and exit codes around one `Server`."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import signal
import threading
from typing import TYPE_CHECKING

from imgsvc import __version__
from imgsvc._dispatch import isa, kernels
from imgsvc._options import EXIT_USAGE, OneLineParser, Secret, argument_type, boolean, text
from imgsvc.config import ENVIRONMENT_PREFIX, ServerConfig
from imgsvc.config.sources import FILE_VARIABLE, as_toml
from imgsvc.errors import AddressError, ConfigurationError
from imgsvc.runtime.allocator import is_tuned
from imgsvc.server.callers.keys import new_key, shown_digest
from imgsvc.server.lifecycle import Server
from imgsvc.server.listening.descriptors import provide_descriptors
from imgsvc.server.listening.listen import others_can_read
from imgsvc.server.logs import set_up
from imgsvc.server.systemd import Systemd
from imgsvc.server.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType
    from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)

STOP_SECONDS = 0.9
"""For what comes after the grace of the last calls: threads, logs, a cache."""

PATIENCE_SECONDS = 10
"""Of systemd, beyond all that."""

EXAMPLES = f"""\
examples:
  imgsvc-server                                 serve on localhost:50051
  imgsvc-server --host 0.0.0.0 --port 8080      serve every network this machine is on
  imgsvc-server --unix-socket /run/imgsvc.sock  serve this machine only, by a file
  {ENVIRONMENT_PREFIX}PORT=0 imgsvc-server                serve on a free port, named on stdout

Every option is also an environment variable, {ENVIRONMENT_PREFIX} and its name in capitals, such as
{ENVIRONMENT_PREFIX}MAX_MESSAGE_BYTES, and a key of the file that --config names: max_message_bytes = "64MiB".
A flag wins over the variable, and that over the file. IMGSVC_ISA chooses the kernels' build.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server until SIGTERM or Ctrl-C; return the exit code."""
    parser = make_parser()
    flags = vars(parser.parse_args(argv))
    if flags.pop("new_key", False):
        key = new_key()
        print(f'{key}\nkeys = ["{shown_digest(key)}"]')
        return 0
    try:
        only_print = flags.pop("print_config", False)
        config = configure(flags, os.environ)
        if only_print:
            print(as_toml(dataclasses.asdict(config)), end="")
            return 0
        return serve(config)
    except (AddressError, ConfigurationError) as error:
        parser.exit(EXIT_USAGE, f"{parser.prog}: {error}\n")


def configure(flags: dict[str, Any], environment: Mapping[str, str]) -> ServerConfig:
    """Return the configuration: a file's values, over them the environment's, over them the flags'.

    Raises
    ------
    ConfigurationError
        One of them is wrong.
    """
    for name, value in flags.items():
        if isinstance(value, Secret):
            variable = ENVIRONMENT_PREFIX + name.upper()
            raise ConfigurationError(
                f"--{name.replace('_', '-')}: a password, which everybody on this machine sees in a flag; "
                f"expected it in {variable} or a file"
            )
    path = flags.pop("config", None) or environment.get(FILE_VARIABLE)
    from_file = ServerConfig.from_file(path) if path else {}
    return ServerConfig(**{**from_file, **ServerConfig.from_environment(environment), **flags})


def make_parser() -> argparse.ArgumentParser:
    """Return the parser; it leaves out what is not given, so that the environment can say it."""
    parser = OneLineParser(
        prog="imgsvc-server",
        description="Serve image operations (imgsvc.v1 and NLImageService), health and reflection over gRPC.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config", metavar="FILE", type=argument_type(text), help="TOML file with options (see below)"
    )
    parser.add_argument(
        "--print-config", action="store_true", help="print all options as they would be, and end"
    )
    parser.add_argument(
        "--new-key",
        action="store_true",
        help="print a new key, and its line for the file of --callers; end",
    )
    for group in ServerConfig.GROUPS:
        section = parser.add_argument_group((group.__doc__ or "").split("\n")[0].rstrip("."))
        for name in group.__annotations__:
            _add_option(section, ServerConfig.__dataclass_fields__[name])
    parser.add_argument("--version", action="version", version=f"imgsvc-server {__version__}")
    return parser


def _add_option(section: argparse._ArgumentGroup, field: dataclasses.Field[Any]) -> None:
    option = field.metadata
    flags = ("--" + field.name.replace("_", "-"), *option["aliases"])
    if option["parse"] is boolean:
        section.add_argument(*flags, action=argparse.BooleanOptionalAction, help=option["help"])
    else:
        parse = argument_type(option["parse"])
        section.add_argument(
            *flags, dest=field.name, type=parse, metavar=option["metavar"], help=option["help"]
        )


def serve(config: ServerConfig) -> int:
    """Serve until a signal comes."""
    lines = set_up(config)
    log = logging.getLogger("imgsvc.server")
    wait_for_signal = _catch_signals()
    server = Server(config, lines)
    provide_descriptors(config.max_connections, len(server.addresses))
    server.warm_up()
    systemd = Systemd(os.environ)
    watchdog = _start(server, systemd)
    log.info(
        "kernels: %s, OpenMP: %s, cores: %d, large buffers: %s",
        isa(),
        "yes" if kernels().openmp else "no",
        config.num_cores,
        "kept" if is_tuned() else "not kept, as this C library's allocator cannot be told to",
    )
    if others_can_read(config):
        log.warning(
            "listening beyond loopback without TLS: anyone on the network can %s", _open_to_all(server)
        )
    print(f"imgsvc-server {__version__} serving on {', '.join(_addresses(server, config))}", flush=True)
    systemd.notify(READY=1)
    wait_for_signal()
    _end_in(config.drain_delay + config.grace + STOP_SECONDS)
    most = config.drain_delay + config.grace + PATIENCE_SECONDS
    systemd.notify(STOPPING=1, EXTEND_TIMEOUT_USEC=round(1e6 * most))  # it must not lose patience first
    log.info("shutting down: up to %g s for requests in flight", config.grace)
    cut_off = server.stop()
    if watchdog is not None:
        watchdog.close()
    if cut_off:
        log.warning("%d requests did not finish within %g s and were cut off", cut_off, config.grace)
    return 0


def _end_in(seconds: float) -> None:
    """End this process then, whatever it does: a codec may take minutes, and cannot be interrupted."""
    end = threading.Timer(seconds, os._exit, (0,))
    end.daemon = True
    end.start()


def _open_to_all(server: Server) -> str:
    """Return what anyone can do where others can read what is sent."""
    if server.access is None:
        return "call, and read what is sent"
    keys = ", the callers' keys too, and then call" if server.access.has_keys else ""
    return f"read what is sent{keys}: give --tls-cert and --tls-key"


def _start(server: Server, systemd: Systemd) -> Watchdog | None:
    """Start a server, and tell systemd of it, where that has started this process."""

    def tell_status() -> None:
        systemd.notify(STATUS=", ".join(server.readiness.reasons) or "ready")

    server.readiness.listen(tell_status)
    seconds = systemd.watchdog_seconds
    watchdog = None if seconds is None else Watchdog(server, seconds, lambda: systemd.notify(WATCHDOG=1))
    server.start()
    if watchdog is not None:
        watchdog.start()
    return watchdog


def _addresses(server: Server, config: ServerConfig) -> list[str]:
    """Return where it listens, and what is encrypted."""
    note = "" if not config.tls else " (TLS)" if config.tls_client_ca is None else " (mTLS)"
    return [each if each.startswith("unix:") else f"{each}{note}" for each in server.addresses]


def _catch_signals() -> Callable[[], None]:
    """Return what waits for the first SIGTERM or Ctrl-C; the next one ends the process at once.

    The system may hand a signal to any thread, and then the main one, which runs the handlers, sleeps on: it
    is woken by a byte, which Python writes whichever thread it was.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def note(_number: int, _frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    for each in SIGNALS:
        signal.signal(each, note)

    def wait() -> None:
        while os.read(reader, 1)[0] not in SIGNALS:
            pass

    return wait
