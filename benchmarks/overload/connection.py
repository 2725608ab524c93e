"""One HTTP/2 connection of many gRPC calls, by hand: gRPC's own client takes more of the machine.

It keeps to the windows and to the number of streams that the server allows, as gRPC does: calls beyond these
wait here, and their deadlines pass here.
"""

from __future__ import annotations

import collections
import dataclasses
import re
import socket
import struct
import time

DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 3, 4, 6, 8
ACK, END_STREAM, END_HEADERS = 1, 1, 4
HEADER_TABLE_SIZE, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 1, 3, 4
CANCEL = 8
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_BYTES = 16384
WINDOW = 1 << 30
WRITE_BYTES = 1 << 18
HEAD = 9
STATUS = re.compile(rb"grpc-status[\x01\x02](\d{1,2})")
"""As gRPC's core writes it where no table of headers is kept."""

CODES = {0: "OK", 4: "DEADLINE_EXCEEDED", 8: "RESOURCE_EXHAUSTED"}


@dataclasses.dataclass
class Call:
    """A call that is under way, or waits for room on its connection.

    Attributes
    ----------
    left
        What is not sent yet of its message, with the five bytes before it.
    window
        How much of it the server takes now.
    """

    kind: str
    due: float
    left: memoryview
    begin: float = 0.0
    window: int = 0


class Connection:
    """Calls a method, and says what became of each call."""

    def __init__(self, target: str, method: str, deadline: float) -> None:
        if target.startswith("unix:"):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(target.removeprefix("unix:"))
        else:
            host, _, port = target.rpartition(":")
            self.socket = socket.create_connection((host.strip("[]"), int(port)))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.outcomes: list[tuple[str, float, float, float, str]] = []
        self._deadline = deadline
        self._block = b"".join(
            _literal(name, value)
            for name, value in (
                (b":method", b"POST"), (b":scheme", b"http"), (b":path", method.encode()),
                (b":authority", b"x"), (b"te", b"trailers"), (b"content-type", b"application/grpc"),
            )
        )  # fmt: skip
        self._calls: dict[int, Call] = {}
        self._sending: dict[int, Call] = {}
        self._waiting: collections.deque[Call] = collections.deque()
        self._next = 1
        self._most, self._stream_window, self._window = 100, 65535, 65535
        self._owed = 0
        self._in = bytearray()
        settings = struct.pack(">HIHI", HEADER_TABLE_SIZE, 0, INITIAL_WINDOW_SIZE, WINDOW)
        self._out = bytearray(PREFACE + _frame(SETTINGS, payload=settings))
        self._out += _frame(WINDOW_UPDATE, payload=struct.pack(">I", WINDOW))

    @property
    def open(self) -> int:
        """How many calls are not over."""
        return len(self._calls) + len(self._waiting)

    @property
    def writes(self) -> bool:
        """Whether there is something to write."""
        return bool(self._out) or any(call.window > 0 < self._window for call in self._sending.values())

    def call(self, kind: str, message: bytes, due: float) -> None:
        """Begin a call with what `framed` has returned, as soon as there is room."""
        self._waiting.append(Call(kind, due, memoryview(message)))
        self._begin()

    def expire(self, now: float) -> None:
        """End what has passed its deadline."""
        while self._waiting and self._waiting[0].due + self._deadline < now:
            call = self._waiting.popleft()
            self.outcomes.append((call.kind, call.due, now, now, "DEADLINE_EXCEEDED"))
        for stream, call in list(self._calls.items()):
            if call.due + self._deadline >= now:
                break
            self._out += _frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))
            self._end(stream, "DEADLINE_EXCEEDED")

    def write(self) -> None:
        """Write what the socket takes."""
        for stream, call in list(self._sending.items()):
            self._send(stream, call)
        try:
            sent = self.socket.send(memoryview(self._out)[:WRITE_BYTES])
        except BlockingIOError:
            return
        del self._out[:sent]

    def read(self) -> None:
        """Read what is there, and act on it."""
        try:
            received = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        assert received, "the server closed the connection"
        self._in += received
        place, end = 0, len(self._in)
        while end - place >= HEAD:
            length = int.from_bytes(self._in[place : place + 3], "big")
            if end - place < HEAD + length:
                break
            kind, flags = self._in[place + 3], self._in[place + 4]
            stream = int.from_bytes(self._in[place + 5 : place + HEAD], "big")
            if kind == DATA:
                self._take(length)
            else:
                self._act(kind, flags, stream, self._in[place + HEAD : place + HEAD + length])
            place += HEAD + length
        del self._in[:place]
        self._begin()

    def _take(self, count: int) -> None:
        """Give back the room that a part of an answer took."""
        self._owed += count
        if self._owed > WINDOW // 4:
            self._out += _frame(WINDOW_UPDATE, payload=struct.pack(">I", self._owed))
            self._owed = 0

    def _act(self, kind: int, flags: int, stream: int, payload: bytearray) -> None:
        if kind == HEADERS and flags & END_STREAM:
            found = STATUS.search(payload)
            self._end(stream, CODES.get(int(found[1]), found[1].decode()) if found else "UNKNOWN")
        elif kind == RST_STREAM:
            self._end(stream, f"RESET {int.from_bytes(payload, 'big')}")
        elif kind == WINDOW_UPDATE and not stream:
            self._window += int.from_bytes(payload, "big")
        elif kind == WINDOW_UPDATE and stream in self._sending:
            self._sending[stream].window += int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & ACK:
            for place in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[place : place + 6])
                if name == MAX_CONCURRENT_STREAMS:
                    self._most = value
                elif name == INITIAL_WINDOW_SIZE:
                    for call in self._sending.values():
                        call.window += value - self._stream_window
                    self._stream_window = value
            self._out += _frame(SETTINGS, ACK)
        elif kind == PING and not flags & ACK:
            self._out += _frame(PING, ACK, payload=bytes(payload))

    def _begin(self) -> None:
        while self._waiting and len(self._calls) < self._most:
            call = self._waiting.popleft()
            call.begin, call.window = time.monotonic(), self._stream_window
            left = max(int(1e3 * (call.due + self._deadline - call.begin)), 1)
            stream, self._next = self._next, self._next + 2
            block = self._block + _literal(b"grpc-timeout", b"%dm" % left)
            self._out += _frame(HEADERS, END_HEADERS, stream, block)
            self._calls[stream] = self._sending[stream] = call
        self.write()

    def _send(self, stream: int, call: Call) -> None:
        """Have as much of a message written as there is room for, here and there."""
        while len(self._out) < WRITE_BYTES:
            size = min(len(call.left), call.window, self._window, FRAME_BYTES)
            if size <= 0:
                return
            part, call.left = call.left[:size], call.left[size:]
            self._window -= size
            call.window -= size
            self._out += _frame(DATA, 0 if call.left else END_STREAM, stream, part)
            if not call.left:
                del self._sending[stream]
                return

    def _end(self, stream: int, code: str) -> None:
        self._sending.pop(stream, None)
        call = self._calls.pop(stream, None)
        if call is not None:
            self.outcomes.append((call.kind, call.due, call.begin, time.monotonic(), code))


def framed(body: bytes) -> bytes:
    """Return a message as gRPC sends it: uncompressed, and its length first."""
    return struct.pack(">BI", 0, len(body)) + body


def _frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes | memoryview = b"") -> bytes:
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, stream) + payload


def _literal(name: bytes, value: bytes) -> bytes:
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
