"""Messages with large bytes fields, read and written without copying those.

protobuf copies a bytes field when it parses a message, again each time somebody looks at the field, and when
it serialises one. Here protobuf sees every message without its payloads: a placeholder of a few bytes stands
where each of them is. What a legal encoding means (fields in any order, repeated, merged, in a oneof) is so
left to protobuf. What is unusual enough to need more than the few rules below goes to protobuf as it came,
once it is known not to be too much (see `imgsvc.wire.extent`).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Union

from google.protobuf.message import DecodeError, Message

from imgsvc._wire_buffer import WireBuffer
from imgsvc.errors import LimitExceededError
from imgsvc.wire.extent import check_extent, kinds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Draft", "Envelope", "Layout", "Opened", "delimiter", "placeholder"]

M = TypeVar("M", bound=Message)
P = TypeVar("P", bound="bytes | _Room")

# Which fields to look at, by the tag they have where they are length-delimited: None for a payload, and for a
# message with payloads somewhere below, its own fields.
Fields = dict[int, Union["Fields", None]]

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5
MORE, VALUE_BITS = 0x80, 0x7F
MAX_TAG_BYTES, MAX_VARINT_BYTES, TAG_BITS = 5, 10, 32
PLACEHOLDER_BYTES = 4

MAX_FIELDS = 4096
"""Looked at here: a message may hold a hundred million, and protobuf is faster with those."""

COPIED_BYTES = 1 << 14
"""A message up to here is parsed by protobuf with its payloads sooner than it is looked through here."""


def placeholder(index: int) -> bytes:
    """Return what a message holds in place of its payload number `index`."""
    return index.to_bytes(PLACEHOLDER_BYTES, "little")


def delimiter(number: int, size: int) -> bytes:
    """Return what goes before a field of so many bytes: its number, kind and size."""
    return _varint(number << 3 | LENGTH_DELIMITED) + _varint(size)


class Envelope(Generic[M]):
    """A kind of message and the bytes fields of it that carry payloads.

    Parameters
    ----------
    kind
        The message's class.
    payloads
        The fields, by name; a dot leads into a message field: ``"data"``, ``"image.data"``. Any of the fields
        on the way may be repeated or stand in a oneof.
    """

    def __init__(self, kind: type[M], *payloads: str) -> None:
        self._kind = kind
        self._fields: Fields = {}
        for path in payloads:
            _declare(self._fields, kind.DESCRIPTOR, path.split("."))
        self._kinds = kinds_of(kind.DESCRIPTOR, self._fields)

    def open(self, body: bytes) -> Opened[M]:
        """Parse a message, and leave its payloads where they are.

        Raises
        ------
        google.protobuf.message.DecodeError
            `body` is no such message.
        LimitExceededError
            It has too many fields, or too much beside its payloads.
        """
        if len(body) > COPIED_BYTES:
            with contextlib.suppress(_UnusualError):
                return self._scan(body)
        return Opened(self._parse(body), None)

    def strip(self, body: bytes) -> tuple[bytes, list[int]] | None:
        """Return a message with placeholders for its payloads, and their sizes.

        Fields that nobody knows are gone, too. None for an unusual message, for one of too much, and for what
        is none.
        """
        sizes: list[int] = []

        def note(start: int, end: int) -> bytes:
            sizes.append(end - start)
            return placeholder(len(sizes) - 1)

        try:
            parts = _Scan(body, note).message(0, len(body), self._fields)
            message = self._parse(b"".join(parts))
        except (_UnusualError, DecodeError, LimitExceededError):
            return None
        message.DiscardUnknownFields()
        return message.SerializeToString(), sizes

    def refill(self, stripped: bytes, sizes: Sequence[int]) -> bytes:
        """Return a message that was stripped, with zeros for its payloads.

        Raises
        ------
        ValueError, IndexError
            It was not.
        """

        def zeros(start: int, end: int) -> bytes:
            return bytes(sizes[int.from_bytes(stripped[start:end], "little")])

        try:
            return b"".join(_Scan(stripped, zeros).message(0, len(stripped), self._fields))
        except _UnusualError:
            raise ValueError("no message") from None

    def _scan(self, body: bytes) -> Opened[M]:
        views: list[memoryview] = []
        whole = memoryview(body)

        def keep(start: int, end: int) -> bytes:
            views.append(whole[start:end])
            return placeholder(len(views) - 1)

        parts = _Scan(body, keep).message(0, len(body), self._fields)
        return Opened(self._parse(b"".join(parts)), views)

    def _parse(self, body: bytes) -> M:
        if len(body) > COPIED_BYTES:  # a message without its payloads is nearly always smaller
            check_extent(body, self._kinds)
        return self._kind.FromString(body)

    def layout(self, message: M, *sizes: int) -> Layout:
        """Return the bytes of a message with room for its payloads; a `Draft` of it can be written.

        Parameters
        ----------
        message
            With `placeholder(index)` in the field of each payload, and nothing in those without.
        sizes
            The bytes of each payload.

        Raises
        ------
        ValueError
            The message has unknown fields of a kind that nobody writes.
        """
        header = message.SerializeToString()

        def make_room(start: int, end: int) -> _Room:
            return _Room(header[start:end], sizes)

        try:
            parts = _Scan(header, make_room, max_fields=len(header)).message(0, len(header), self._fields)
        except _UnusualError:
            name = self._kind.DESCRIPTOR.full_name
            raise ValueError(f"{name}: unknown fields that a draft cannot take over") from None
        return Layout(parts, len(sizes))


class Opened(Generic[M]):
    """A message that was parsed, and its payloads."""

    def __init__(self, message: M, views: list[memoryview] | None) -> None:
        self.message = message
        self._views = views

    def payload(self, field: bytes) -> memoryview:
        """Return, read-only, the payload of a field that the message shows as `field`."""
        if self._views is None or not field:
            return memoryview(field)
        return self._views[int.from_bytes(field, "little")]


class Layout:
    """Where in a message the parts lie that are known already, and where the rooms."""

    def __init__(self, parts: list[bytes | _Room], count: int) -> None:
        self.parts: list[tuple[int, int, bytes]] = []
        self.rooms = [(0, 0)] * count
        at = 0
        for part in parts:
            start, at = at, at + len(part)
            if isinstance(part, _Room):
                self.rooms[part.index] = start, at
            else:
                self.parts.append((start, at, part))
        self.size = at


class Draft:
    """The bytes of a message whose payloads are still to be written, every byte of them, into `payloads`."""

    def __init__(self, layout: Layout) -> None:
        self._buffer = WireBuffer(layout.size)
        whole = self._buffer.view()
        for start, end, part in layout.parts:
            whole[start:end] = part
        self.payloads = [whole[start:end] for start, end in layout.rooms]

    def finish(self) -> bytes:
        """Return the message. From now on nobody writes."""
        return self._buffer.content


class _UnusualError(Exception):
    """What is better left to protobuf: most of it is no message at all."""


class _Room:
    """The place of a payload that is to be written later."""

    def __init__(self, placeholder: bytes, sizes: tuple[int, ...]) -> None:
        self.index = int.from_bytes(placeholder, "little")
        self._size = sizes[self.index]

    def __len__(self) -> int:
        return self._size


class _Scan(Generic[P]):
    """One way through the bytes of a message, with `replace(start, end)` in place of each payload."""

    def __init__(
        self, body: bytes, replace: Callable[[int, int], P], *, max_fields: int | None = None
    ) -> None:
        self._body = body
        self._replace = replace
        self._fields_left = MAX_FIELDS if max_fields is None else max_fields + 1

    def message(self, at: int, end: int, fields: Fields) -> list[bytes | P]:
        """Return the parts of a message that lies from `at` to `end`."""
        body = self._body
        parts: list[bytes | P] = []
        kept = at  # where that begins which is taken over as it is
        while at < end:
            self._fields_left -= 1
            if not self._fields_left:
                raise _UnusualError
            tag, at = self._varint(at, end)
            after_tag = at
            kind = tag & 7
            if kind == LENGTH_DELIMITED:
                length, at = self._varint(at, end)
                start, at = at, at + length
                if tag in fields and at <= end and length:
                    inner = fields[tag]
                    content = [self._replace(start, at)] if inner is None else self.message(start, at, inner)
                    size = _varint(sum(map(len, content)))
                    parts += (body[kept:after_tag], size, *content)
                    kept = at
            elif kind == VARINT:
                at = self._after_varint(at)
            elif kind == FIXED32:
                at += 4
            elif kind == FIXED64:
                at += 8
            else:  # a group, or nothing that exists
                raise _UnusualError
            if at > end:
                raise _UnusualError
        parts.append(body[kept:end])
        return parts

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """Return the tag or length at `at`, and where it ends."""
        value = self._body[at] if at < end else MORE
        if value < MORE:  # as nearly always
            return value, at + 1
        value = 0
        for shift, byte in enumerate(self._body[at : min(end, at + MAX_TAG_BYTES)]):
            value |= (byte & VALUE_BITS) << 7 * shift
            if byte < MORE:
                if (shift and not byte) or value >> TAG_BITS:  # longer than it need be, or larger than can be
                    break
                return value, at + shift + 1
        raise _UnusualError

    def _after_varint(self, at: int) -> int:
        """Return where the value at `at` ends."""
        for length, byte in enumerate(self._body[at : at + MAX_VARINT_BYTES], 1):
            if byte < MORE:
                return at + length
        raise _UnusualError


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value >= MORE:
        parts.append(value & VALUE_BITS | MORE)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _declare(
    fields: Fields,
    kind: Any,  # a Descriptor, of which each implementation of protobuf has a class of its own
    path: list[str],
) -> None:
    name, *rest = path
    field = kind.fields_by_name.get(name)
    if field is None:
        raise TypeError(f"{kind.full_name} has no field {name}")
    tag = field.number << 3 | LENGTH_DELIMITED
    if not rest:
        if field.type != field.TYPE_BYTES:
            raise TypeError(f"{field.full_name} is no bytes field")
        fields[tag] = None
        return
    if field.type != field.TYPE_MESSAGE:
        raise TypeError(f"{field.full_name} has no fields")
    inner = fields.setdefault(tag, {})
    assert inner is not None  # noqa: S101 - for the type checker: it is no bytes field
    _declare(inner, field.message_type, rest)
