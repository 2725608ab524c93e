"""How much a message may hold beside its payloads.

Of a body the server counts the bytes. What protobuf makes of it may take thirty times as many, and as long as
it parses nobody else runs: a message may consist of nothing but empty messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgsvc._wire_extent import extent
from imgsvc.errors import LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_FIELDS", "MAX_OTHER_BYTES", "Kinds", "check_extent", "kinds_of"]

# What a message has, by the tags of length-delimited fields: see `imgsvc._wire_extent.extent`.
Kinds = dict[int, Any]

MAX_FIELDS = 1 << 18
"""In all messages of a message, the numbers of lists too.

Four times the largest recipe of one pipeline, 64 convolutions of 31×31 weights; or 29 000 small images of a
batch. As messages they take 30 MiB at most.
"""

MAX_OTHER_BYTES = 64 << 20
"""Texts, tables, colour profiles, and what nobody knows: protobuf copies them. A profile has some MiB."""

LENGTH_DELIMITED = 2
FIXED_BYTES = {4: ("FIXED32", "SFIXED32", "FLOAT"), 8: ("FIXED64", "SFIXED64", "DOUBLE")}


def check_extent(message: bytes, kinds: Kinds) -> None:
    """Raise LimitExceededError if protobuf would make too much of a message."""
    fields, num_bytes = extent(message, kinds, MAX_FIELDS, MAX_OTHER_BYTES)
    if fields > MAX_FIELDS:
        raise LimitExceededError("message", fields, MAX_FIELDS, "fields or more")
    if num_bytes > MAX_OTHER_BYTES:
        raise LimitExceededError("message", num_bytes, MAX_OTHER_BYTES, "bytes beside images, or more")


def kinds_of(
    kind: Any,  # a Descriptor, of which each implementation of protobuf has a class of its own
    payloads: Mapping[int, Any],
    known: dict[str, Kinds] | None = None,
) -> Kinds:
    """Return what messages of a kind have; `payloads` are the fields on the way to payloads, by their tags.

    A message may have messages of its own kind; `known` are those without payloads that were met before.
    """
    known = {} if known is None else known
    if not payloads and kind.full_name in known:
        return known[kind.full_name]
    kinds: Kinds = {}
    if not payloads:
        known[kind.full_name] = kinds
    for field in kind.fields:
        tag = field.number << 3 | LENGTH_DELIMITED
        if field.message_type is not None:
            kinds[tag] = kinds_of(field.message_type, payloads.get(tag) or {}, known)
        elif tag in payloads:
            kinds[tag] = None
        elif field.type not in {field.TYPE_STRING, field.TYPE_BYTES}:
            kinds[tag] = _least_bytes(field)
    return kinds


def _least_bytes(field: Any) -> int:
    """Return how many bytes a number of a list takes at least."""
    for size, names in FIXED_BYTES.items():
        if any(field.type == getattr(field, f"TYPE_{name}") for name in names):
            return size
    return 1
