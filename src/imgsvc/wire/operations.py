"""Messages of operations ↔ operations.

A message has the name of its operation and the fields of its parameters; a test compares the two. So nothing
here knows any one of them. Where a field of integers or of an enum cannot say all that a parameter may be,
there is another one for it, of doubles, whose name ends with ``_values``; and one whose name ends with
``_color``, of text.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from imgsvc.errors import InvalidInputError, InvalidParameterError
from imgsvc.operations import OPERATIONS, Operation
from imgsvc.pipeline import MAX_OPERATIONS
from imgsvc.v1.operations_pb2 import Matrix
from imgsvc.v1.operations_pb2 import Operation as OperationMessage

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["enum_number", "enum_word", "operation_message", "read_operations"]

UNSPECIFIED = "UNSPECIFIED"
VALUES, COLOR = "_values", "_color"


def read_operations(messages: Sequence[OperationMessage], field: str) -> list[Operation]:
    """Return what a field of a request lists.

    Raises
    ------
    InvalidParameterError
        There are too many, or one of them is unknown, incomplete or out of range.
    """
    if len(messages) > MAX_OPERATIONS:
        raise InvalidParameterError(field, f"{len(messages)} of them", f"at most {MAX_OPERATIONS}")
    return [_read(message, f"{field}[{index}]") for index, message in enumerate(messages)]


def _read(message: OperationMessage, field: str) -> Operation:
    name = message.WhichOneof("operation")
    if name is None:
        raise InvalidParameterError(
            field, "none that this server knows", f"one of {', '.join(sorted(OPERATIONS))}"
        )
    field = f"{field}.{name}"
    kind = OPERATIONS[name]
    parameters = _parameters(getattr(message, name), field)
    for parameter in dataclasses.fields(kind):
        if parameter.default is dataclasses.MISSING and parameter.name not in parameters:
            raise InvalidParameterError(f"{field}.{parameter.name}", "not set", "a value: it has no default")
    try:
        return kind(**parameters)
    except InvalidInputError as error:
        raise InvalidParameterError(f"{field}.{error.field}", error.value, error.expected) from error


def _parameters(message: Any, field: str) -> dict[str, Any]:
    """Return what is set in a message of an operation."""
    parameters: dict[str, Any] = {}
    for each in message.DESCRIPTOR.fields:
        value = getattr(message, each.name)
        if each.message_type is not None:
            if message.HasField(each.name):
                parameters[each.name] = _rows(value, f"{field}.{each.name}")
        elif each.enum_type is not None:
            word = enum_word(each.enum_type, value, f"{field}.{each.name}")
            if word is not None:
                parameters[each.name] = word
        elif message.HasField(each.name) if each.has_presence else len(value):
            name = each.name.removesuffix(VALUES).removesuffix(COLOR)
            if name in parameters:
                raise InvalidParameterError(f"{field}.{each.name}", f"set, as {name} is", "one of them")
            parameters[name] = value if each.has_presence else value[0] if len(value) == 1 else tuple(value)
    return parameters


def _rows(matrix: Matrix, field: str) -> tuple[tuple[float, ...], ...]:
    count, columns = len(matrix.values), matrix.columns
    if columns < 1 or count < 1 or count % columns:
        raise InvalidParameterError(field, f"{count} values in rows of {columns}", "complete rows")
    return tuple(tuple(matrix.values[at : at + columns]) for at in range(0, count, columns))


def enum_word(enum: Any, number: int, field: str) -> str | None:
    """Return what a value of an enum is called in Python: ``BORDER_WRAP`` is ``"wrap"``, unspecified is None.

    Raises
    ------
    InvalidParameterError
        The enum has no such value.
    """
    if number == 0:
        return None
    value = enum.values_by_number.get(number)
    if value is None:
        known = ", ".join(each.name for each in enum.values if each.number)
        raise InvalidParameterError(field, number, f"one of {known}")
    word: str = value.name.removeprefix(_prefix(enum)).lower()
    return word


def enum_number(enum: Any, word: str | None) -> int:
    """Return the number of what Python calls `word`."""
    number: int = enum.values_by_name[_prefix(enum) + (word or UNSPECIFIED).upper()].number
    return number


def _prefix(enum: Any) -> str:
    name: str = enum.values_by_number[0].name
    return name.removesuffix(UNSPECIFIED)


def operation_message(operation: Operation) -> OperationMessage:
    """Return an operation as a message; parameters that have their default are left out."""
    result = OperationMessage()
    message: Any = getattr(result, operation.name)
    message.SetInParent()
    for parameter in dataclasses.fields(operation):
        value = getattr(operation, parameter.name)
        if value == parameter.default:
            continue
        field = message.DESCRIPTOR.fields_by_name[parameter.name]
        if field.message_type is not None:
            rows = [float(weight) for row in value for weight in row]
            getattr(message, parameter.name).CopyFrom(Matrix(columns=len(value[0]), values=rows))
        elif field.enum_type is not None and isinstance(value, str):
            setattr(message, parameter.name, enum_number(field.enum_type, value))
        elif isinstance(value, str) and parameter.name + COLOR in message.DESCRIPTOR.fields_by_name:
            setattr(message, parameter.name + COLOR, value)
        elif field.has_presence:
            setattr(message, parameter.name, value)
        else:
            values = value if isinstance(value, tuple) else (value,)
            whole = field.enum_type is None and all(isinstance(each, int) for each in values)
            getattr(message, parameter.name + ("" if whole else VALUES)).extend(values)
    return result
