"""Messages with large bytes fields, read and written without copying those.

protobuf copies a bytes field when it parses a message, again each time somebody looks at the field, and when
it serialises one. Here protobuf sees every message without its payloads, as its header: a placeholder of four
bytes stands where each of them is. What a legal encoding means (fields in any order, repeated, merged, in a
oneof) is so left to protobuf. What is unusual goes to protobuf as it came.

In the same pass its fields are counted. Of a body the server counts the bytes. What protobuf makes of it may
take thirty times as many, and as long as it parses nobody else runs: a message may consist of nothing but
empty messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from google.protobuf.message import DecodeError, Message

from imgsvc._wire import PLACEHOLDER_BYTES, Draft, Layout, delimiter, extent, split
from imgsvc.errors import LimitExceededError
from imgsvc.wire.schema import schema_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MAX_FIELDS",
    "MAX_OTHER_BYTES",
    "Draft",
    "Envelope",
    "Layout",
    "Opened",
    "delimiter",
    "placeholder",
]

M = TypeVar("M", bound=Message)

MAX_FIELDS = 1 << 18
"""In all messages of a message, the numbers of lists too.

Four times the largest recipe of one pipeline, 64 convolutions of 31×31 weights; or 29 000 small images of a
batch. As messages they take 30 MiB at most.
"""

MAX_OTHER_BYTES = 64 << 20
"""Texts, tables, colour profiles, and what nobody knows: protobuf copies them. A profile has some MiB."""


def placeholder(index: int) -> bytes:
    """Return what a message holds in place of its payload number `index`."""
    return index.to_bytes(PLACEHOLDER_BYTES, "little")


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
        self._schema = schema_of(kind.DESCRIPTOR, payloads)

    def split(
        self, body: bytes, most_fields: int | None = None, most_other_bytes: int | None = None
    ) -> tuple[bytes, list[memoryview]] | None:
        """Return the header of a message, and its payloads as read-only views of `body`.

        The header is the message with a `placeholder` in place of each payload: two messages say the same
        where their headers and the sizes of their payloads are the same. It has no more fields and bytes than
        protobuf should be given. None for an unusual message, for one of too much, and for what is none: of
        these `open` makes a message or an error.

        Parameters
        ----------
        most_fields, most_other_bytes
            Less than `MAX_FIELDS` and `MAX_OTHER_BYTES`, for those who want no more.
        """
        return split(
            body,
            self._schema,
            MAX_FIELDS if most_fields is None else most_fields,
            MAX_OTHER_BYTES if most_other_bytes is None else most_other_bytes,
        )

    def parse(self, header: bytes) -> M:
        """Return the message of a header; payloads are their placeholders.

        Raises
        ------
        google.protobuf.message.DecodeError
            It is no such message.
        """
        return self._kind.FromString(header)

    def open(self, body: bytes) -> Opened[M]:
        """Parse a message, and leave its payloads where they are.

        Raises
        ------
        google.protobuf.message.DecodeError
            `body` is no such message.
        LimitExceededError
            It has too many fields, or too much beside its payloads.
        """
        parts = self.split(body)
        if parts is None:
            self._check_extent(body)
            return Opened(self.parse(body), None)
        header, views = parts
        return Opened(self.parse(header), views, header)

    def strip(self, body: bytes) -> tuple[bytes, list[int]] | None:
        """Return a message with placeholders for its payloads, and their sizes.

        Fields that nobody knows are gone, too. None for an unusual message, for one of too much, and for what
        is none.
        """
        parts = self.split(body)
        if parts is None:
            return None
        header, views = parts
        try:
            message = self.parse(header)
        except DecodeError:
            return None
        message.DiscardUnknownFields()
        return message.SerializeToString(), [len(view) for view in views]

    def refill(self, stripped: bytes, sizes: Sequence[int]) -> bytes:
        """Return a message that was stripped, with zeros for its payloads.

        Raises
        ------
        ValueError, IndexError
            It was not.
        """
        return Layout(stripped, self._schema, sizes).zeros()

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
        try:
            return Layout(message.SerializeToString(), self._schema, sizes)
        except ValueError:
            name = self._kind.DESCRIPTOR.full_name
            raise ValueError(f"{name}: unknown fields that a draft cannot take over") from None

    def _check_extent(self, message: bytes) -> None:
        """Raise LimitExceededError if protobuf would make too much of a message."""
        fields, num_bytes = extent(message, self._schema, MAX_FIELDS, MAX_OTHER_BYTES)
        if fields > MAX_FIELDS:
            raise LimitExceededError("message", fields, MAX_FIELDS, "fields or more")
        if num_bytes > MAX_OTHER_BYTES:
            raise LimitExceededError("message", num_bytes, MAX_OTHER_BYTES, "bytes beside images, or more")


class Opened(Generic[M]):
    """A message that was parsed, and its payloads.

    Attributes
    ----------
    message
        With placeholders for them.
    header : bytes or None
        What `Envelope.split` has made of it; None for an unusual message.
    """

    def __init__(self, message: M, views: list[memoryview] | None, header: bytes | None = None) -> None:
        self.message = message
        self.header = header
        self._views = views

    def payload(self, field: bytes) -> memoryview:
        """Return, read-only, the payload of a field that the message shows as `field`."""
        if self._views is None or not field:
            return memoryview(field)
        return self._views[int.from_bytes(field, "little")]

    def index(self, field: bytes) -> int | None:
        """Return the number of that payload among those of `Envelope.split`; None where it is none."""
        return None if self._views is None or not field else int.from_bytes(field, "little")
