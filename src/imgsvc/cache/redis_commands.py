"""Commands of Redis as the bytes that are sent, in parts."""

from __future__ import annotations

__all__ = ["command", "set_command"]


def command(*arguments: bytes) -> list[bytes]:
    """Return a command of small arguments."""
    parts = [b"$%d\r\n%s\r\n" % (len(argument), argument) for argument in arguments]
    return [b"*%d\r\n%s" % (len(parts), b"".join(parts))]


def set_command(name: bytes, frame: bytes, message: bytes, milliseconds: int) -> list[bytes]:
    """Return a SET with PX; the message, which may be large, is one of its parts as it is."""
    begin = b"*5\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s" % (
        len(name),
        name,
        len(frame) + len(message),
        frame,
    )
    number = b"%d" % milliseconds
    return [begin, message, b"\r\n$2\r\nPX\r\n$%d\r\n%s\r\n" % (len(number), number)]
