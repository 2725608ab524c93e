"""HTTP/2 frame by frame, for clients that gRPC's own cannot be."""

import socket
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
ACK, END_STREAM, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4
TOO_MANY_PINGS = 11

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def no_window():
    """Return settings that let the other side send nothing but headers."""
    return frame(SETTINGS, payload=struct.pack(">HI", INITIAL_WINDOW_SIZE, 0))


def headers(method, stream, encoding=b"identity"):
    """Return the beginning of a gRPC call."""

    def literal(name, value):
        return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value

    fields = [
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", method.encode()), (b":authority", b"x"),
        (b"te", b"trailers"), (b"content-type", b"application/grpc"), (b"grpc-encoding", encoding),
    ]  # fmt: skip
    block = b"".join(literal(name, value) for name, value in fields)
    return frame(HEADERS, END_HEADERS, stream, block)


def message(body, stream, flags=END_STREAM):
    """Return a gRPC message, and the end of the call's own side."""
    return frame(DATA, flags, stream, b"\0" + struct.pack(">I", len(body)) + body)


class Peer:
    """One connection, which has said that it speaks HTTP/2."""

    def __init__(self, server, settings=None):
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        self.socket.settimeout(20)
        self._received = self.socket.makefile("rb")
        self.send(PREFACE, settings or frame(SETTINGS))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._received.close()
        self.socket.close()

    def send(self, *frames):
        self.socket.sendall(b"".join(frames))

    def receive(self):
        """Return the next frame's kind, flags, stream and payload; None at the end of the connection."""
        head = self._received.read(9)
        if len(head) < 9:
            return None
        length, kind, flags, stream = int.from_bytes(head[:3], "big"), head[3], head[4], head[5:]
        return kind, flags, int.from_bytes(stream, "big"), self._received.read(length)

    def wait_for(self, kind):
        """Return the next frame of a kind."""
        while (received := self.receive()) is not None:
            if received[0] == kind:
                return received
        raise AssertionError("the connection ended")

    def goaway(self):
        """Return the code and the text of the GOAWAY that comes, and wait for the end of the connection."""
        payload = self.wait_for(GOAWAY)[3]
        while self.receive() is not None:
            pass
        return int.from_bytes(payload[4:8], "big"), payload[8:].decode()
