"""The options that say where the server is and how to reach it, and the client that they make."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc._options import argument_type, choice, integer, seconds, text
from imgsvc._targets import is_host, tcp_target, unix_target
from imgsvc.client.commands.program import say
from imgsvc.client.options import COMPRESSION, MAX_RETRIES, Tls
from imgsvc.client.sync import Client
from imgsvc.config import DEFAULT_PORT

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

__all__ = [
    "TOKEN_FILE_VARIABLE",
    "TOKEN_VARIABLE",
    "add_connection_options",
    "check_connection",
    "client_of",
    "connect",
    "names_a_caller",
    "names_a_server",
]

TOKEN_VARIABLE = "IMGSVC_TOKEN"  # noqa: S105 - its name, not a token
TOKEN_FILE_VARIABLE = "IMGSVC_TOKEN_FILE"  # noqa: S105 - its name, too


def add_connection_options(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    where = parser.add_argument_group("server")
    where.add_argument(
        "--host", "--host-name", metavar="HOST", help="its name or address (default: localhost)"
    )
    where.add_argument(
        "--port",
        type=argument_type(integer(1, 65535)),
        metavar="PORT",
        help=f"its TCP port (default: {DEFAULT_PORT})",
    )
    where.add_argument("--unix-socket", metavar="PATH", help="its Unix socket, instead of host and port")
    where.add_argument(
        "--target", action="append", type=argument_type(text), metavar="ADDRESS",
        help="HOST:PORT or unix:/PATH, instead of these; several times for several servers in turn",
    )  # fmt: skip
    where.add_argument(
        "--embedded", action="store_true", help="start one in this process; no other is needed"
    )
    where.add_argument(
        "--timeout", type=argument_type(seconds(0.001, 86400)), default=60.0, metavar="SECONDS",
        help="for each call (default: 60)",
    )  # fmt: skip
    where.add_argument(
        "--retries", type=argument_type(integer(0, MAX_RETRIES)), default=3, metavar="N",
        help="of calls to a server that went away (default: 3)",
    )  # fmt: skip
    where.add_argument(
        "--compression", type=argument_type(choice(*COMPRESSION)), default="none", metavar="NAME",
        help="of requests: none, gzip or deflate (default: none)",
    )  # fmt: skip
    where.add_argument("--tls", action="store_true", help="encrypt; the other TLS options imply it")
    where.add_argument("--tls-ca", type=Path, metavar="FILE", help="certificates to trust, PEM")
    where.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate of this client, PEM")
    where.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key, PEM")
    where.add_argument("--tls-server-name", metavar="NAME", help="the name in the server's certificate")
    where.add_argument(
        "--token-file", type=Path, metavar="FILE",
        help="who calls, as a file with a key; or the variable "
        f"{TOKEN_FILE_VARIABLE} names it, or {TOKEN_VARIABLE} has the key",
    )  # fmt: skip


def check_connection(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """End with a usage error where they contradict each other."""
    ways = [
        args.embedded,
        args.unix_socket is not None,
        args.host is not None or args.port is not None,
        args.target is not None,
    ]
    if sum(ways) > 1:
        parser.error("give one of --embedded, --unix-socket, --target, and --host with --port")
    if args.host is not None and not is_host(args.host):
        parser.error(f"--host: {args.host!r} is no name or address; a port goes into --port")
    if args.unix_socket is not None and "," in args.unix_socket:
        parser.error("--unix-socket: gRPC takes a comma for the end of the path")
    if args.embedded and _has_tls(args):
        parser.error("--tls: --embedded is in this process")


def names_a_server(args: argparse.Namespace) -> bool:
    """Return whether a command line says where a server is."""
    return any(each is not None for each in (args.unix_socket, args.host, args.port, args.target))


def names_a_caller(args: argparse.Namespace) -> bool:
    """Return whether a command line says how to call a server: encrypted, or as whom."""
    return _has_tls(args) or args.token_file is not None


@contextlib.contextmanager
def connect(args: argparse.Namespace) -> Iterator[Client]:
    """Give a client of the server that the command line names."""
    with contextlib.ExitStack() as stack:
        embedded = None
        if args.embedded:
            from imgsvc.server.embedded import embedded_server  # noqa: PLC0415 - where asked for only

            embedded = stack.enter_context(embedded_server())
        yield stack.enter_context(client_of(args, embedded))


def client_of(args: argparse.Namespace, embedded: str | None = None) -> Client:
    """Return a client of the server that the command line names, or of one in this process."""
    return Client(
        embedded or _target(args),
        timeout=args.timeout,
        compression=args.compression,
        tls=_tls(args),
        token=_token(args),
        retries=args.retries,
    )


def _target(args: argparse.Namespace) -> str | list[str]:
    if args.unix_socket is not None:
        return unix_target(args.unix_socket)
    if args.target is not None:
        return list(args.target) if len(args.target) > 1 else str(args.target[0])
    return tcp_target(args.host or "localhost", args.port or DEFAULT_PORT)


def _token(args: argparse.Namespace) -> str | Path | None:
    """Return the key, or its file: what is given on the command line, then what the environment says."""
    named = args.token_file or os.environ.get(TOKEN_FILE_VARIABLE)
    if not named:
        return os.environ.get(TOKEN_VARIABLE) or None
    path = Path(named)
    with contextlib.suppress(OSError):  # reading it says what is wrong
        if path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            say(f"warning: {path}: every user of this machine can read or write this key: chmod o= it")
    return path


def _has_tls(args: argparse.Namespace) -> bool:
    return args.tls or any((args.tls_ca, args.tls_cert, args.tls_key, args.tls_server_name))


def _tls(args: argparse.Namespace) -> bool | Tls:
    return _has_tls(args) and Tls(args.tls_ca, args.tls_cert, args.tls_key, args.tls_server_name)
