"""Schema of a kind of message: which of its fields are messages, payloads, lists of numbers."""

from __future__ import annotations

from typing import Any

from imgsvc._wire import MESSAGE, PAYLOAD, Schema

__all__ = ["schema_of"]

LENGTH_DELIMITED = 2
FIXED_BYTES = {4: ("FIXED32", "SFIXED32", "FLOAT"), 8: ("FIXED64", "SFIXED64", "DOUBLE")}

# The payloads of a message, by name: None for a payload, for a message with payloads somewhere below these.
Payloads = dict[str, Any]


def schema_of(
    kind: Any,  # a Descriptor, of which each implementation of protobuf has a class of its own
    paths: tuple[str, ...],
) -> Schema:
    """Return what messages of a kind have; `paths` name the bytes fields that carry payloads.

    Raises
    ------
    TypeError
        The kind has no such fields.
    """
    payloads: Payloads = {}
    for path in paths:
        _declare(payloads, kind, path.split("."))
    kinds: list[list[tuple[int, int, int]]] = []
    _add(kinds, kind, payloads, {})
    return Schema(kinds)


def _declare(payloads: Payloads, kind: Any, path: list[str]) -> None:
    name, *rest = path
    field = kind.fields_by_name.get(name)
    if field is None:
        raise TypeError(f"{kind.full_name} has no field {name}")
    if not rest:
        if field.type != field.TYPE_BYTES:
            raise TypeError(f"{field.full_name} is no bytes field")
        payloads[name] = None
        return
    if field.type != field.TYPE_MESSAGE:
        raise TypeError(f"{field.full_name} has no fields")
    _declare(payloads.setdefault(name, {}), field.message_type, rest)


def _add(
    kinds: list[list[tuple[int, int, int]]], kind: Any, payloads: Payloads, known: dict[str, int]
) -> int:
    """Add a kind and those of its fields to `kinds`; return its number.

    A message may have messages of its own kind; `known` are those without payloads that were added before.
    """
    if not payloads and kind.full_name in known:
        return known[kind.full_name]
    number = len(kinds)
    if not payloads:
        known[kind.full_name] = number
    fields: list[tuple[int, int, int]] = []
    kinds.append(fields)
    for field in kind.fields:
        tag = field.number << 3 | LENGTH_DELIMITED
        if field.message_type is not None:
            inner = _add(kinds, field.message_type, payloads.get(field.name) or {}, known)
            fields.append((tag, MESSAGE, inner))
        elif field.name in payloads:
            fields.append((tag, PAYLOAD, 0))
        elif field.type not in {field.TYPE_STRING, field.TYPE_BYTES}:
            fields.append((tag, _least_bytes(field), 0))
    return number


def _least_bytes(field: Any) -> int:
    """Return how many bytes a number of a list takes at least."""
    for size, names in FIXED_BYTES.items():
        if any(field.type == getattr(field, f"TYPE_{name}") for name in names):
            return size
    return 1
