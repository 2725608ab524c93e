"""A small HTTP server for a few pages, which nobody can keep busy.

One thread serves all connections. Each has some seconds for all of it, and there are a few at a time: who
reads slowly, or sends nothing, costs a descriptor until then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from imgsvc.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from imgsvc.server.listening.tcp import Address

__all__ = ["HttpServer", "Page"]

log = logging.getLogger("imgsvc.server")

MAX_CONNECTIONS = 32
MAX_REQUEST = 8192
SECONDS = 10.0


class Page(NamedTuple):
    """An answer."""

    status: HTTPStatus
    body: bytes
    kind: str = "text/plain; charset=utf-8"


class HttpServer:
    """Answers GET with the pages of a few paths.

    Parameters
    ----------
    addresses
        Where it listens, from when it is made.

    Raises
    ------
    AddressError
        Something took an address.
    """

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._pages: Mapping[str, Callable[[str], Page]] = {}
        self._sockets = [_listening(address) for address in addresses]
        self._open = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="imgsvc-http", daemon=True)

    def start(self, pages: Mapping[str, Callable[[str], Page]]) -> None:
        """Answer from now on, with pages by their paths; each is told the ``Accept`` header."""
        self._pages = pages
        self._thread.start()

    def close(self) -> None:
        """End the thread, and all connections."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        else:
            self._loop.close()
        for listening in self._sockets:
            listening.close()

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        for listening in self._sockets:
            loop.run_until_complete(asyncio.start_server(self._connected, sock=listening, limit=MAX_REQUEST))
        loop.run_forever()
        for task in (tasks := asyncio.all_tasks(loop)):
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._open += 1
        try:
            # Python 3.10 has its own TimeoutError in asyncio.
            with contextlib.suppress(
                TimeoutError,
                asyncio.TimeoutError,
                OSError,
                asyncio.IncompleteReadError,
                asyncio.LimitOverrunError,
            ):
                await asyncio.wait_for(self._answer(reader, writer), SECONDS)
        finally:
            self._open -= 1
            writer.transport.abort()  # what has been sent is sent

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *headers = head.split("\r\n")
        page = self._page(request, headers)
        lines = (
            f"HTTP/1.1 {page.status.value} {page.status.phrase}",
            f"Content-Type: {page.kind}",
            f"Content-Length: {len(page.body)}",
            "Connection: close",
            "\r\n",
        )
        body = b"" if request.startswith("HEAD ") else page.body
        writer.write("\r\n".join(lines).encode("latin-1") + body)
        writer.close()
        await writer.wait_closed()

    def _page(self, request: str, headers: Sequence[str]) -> Page:
        method, _, rest = request.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        make = self._pages.get(path)
        if make is None:
            return Page(HTTPStatus.NOT_FOUND, f"one of {', '.join(self._pages)}\n".encode())
        if method not in {"GET", "HEAD"}:
            return Page(HTTPStatus.METHOD_NOT_ALLOWED, b"GET or HEAD\n")
        try:
            return make(_accept(headers))
        except Exception:
            log.exception("%s fails", path)
            return Page(HTTPStatus.INTERNAL_SERVER_ERROR, b"the server's log says more\n")


def _accept(headers: Sequence[str]) -> str:
    named = (header.partition(":") for header in headers)
    return next((value.strip() for name, _, value in named if name.lower() == "accept"), "")


def _listening(address: Address) -> socket.socket:
    family = socket.AF_INET6 if address.is_ipv6 else socket.AF_INET
    try:
        return socket.create_server((address.ip, address.port), family=family, backlog=MAX_CONNECTIONS)
    except OSError as error:  # something took it after it was tried
        raise AddressError(f"--metrics-port: {address}: cannot be listened on: {error.strerror}") from error
