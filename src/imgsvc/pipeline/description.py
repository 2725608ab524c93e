"""Operations made of what describes them, text or plain data, and described again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations import OPERATIONS, Operation
from imgsvc.operations.tables import SIZE
from imgsvc.pipeline.options import hint
from imgsvc.pipeline.sizes import with_sizes
from imgsvc.pipeline.synonyms import nearest_operations
from imgsvc.pipeline.text import parse
from imgsvc.pipeline.turns import checked_turn, in_quarter_turns

if TYPE_CHECKING:
    from imgsvc.pipeline.text import Call

    Data = dict[str, dict[str, Any]]

MAX_OPERATIONS = 64
"""Of a pipeline; more is a mistake, and one text could ask for thousands."""


LISTS_ALL = "`imgsvc-client operations` lists all"


def operations_of(described: Any) -> tuple[Operation, ...]:
    """Return the operations that a text, an operation, or an iterable of these and of mappings describes.

    Raises
    ------
    InvalidParameterError
        It describes none, or too many.
    """
    operations: list[Operation] = []
    for item in _items(described):
        if isinstance(item, Operation):
            operations.append(item)
        elif isinstance(item, str):
            for call in parse(item):
                field = _field(len(operations))
                operations.append(_from_call(field, with_sizes(field, checked_turn(field, call))))
                _check_count(len(operations))
        else:
            operations.append(_from_data(_field(len(operations)), item))
        _check_count(len(operations))
    return tuple(map(in_quarter_turns, operations))


def data_of(operation: Operation) -> Data:
    """Return an operation as what JSON can hold, without those parameters that are so by default."""
    return {
        operation.name: {
            name: _plain(value) for name, value in parameters(operation).items() if value is not None
        }
    }


def parameters(operation: Operation) -> dict[str, Any]:
    """Return those parameters of an operation that are not what they are by default."""
    fields = dataclasses.fields(operation)
    values = {field.name: getattr(operation, field.name) for field in fields}
    return {field.name: values[field.name] for field in fields if values[field.name] != field.default}


def located(field: str, error: InvalidParameterError) -> InvalidParameterError:
    """Return the error of a step as one that says which step it is."""
    return InvalidParameterError(f"{field}.{error.field}", error.value, error.expected)


def _items(described: Any) -> Iterable[Any]:
    if isinstance(described, (str, Operation)):
        return (described,)
    if isinstance(described, Mapping) or not isinstance(described, Iterable):
        raise InvalidParameterError(
            "operations", shown(described), "a text, an operation, or several of them in a list"
        )
    return described


def _check_count(count: int) -> None:
    if count > MAX_OPERATIONS:
        raise InvalidParameterError("operations", "more", f"at most {MAX_OPERATIONS}")


def _field(number: int) -> str:
    return f"operations[{number}]"


def _from_call(field: str, call: Call) -> Operation:
    operation = _operation(field, call.name)
    names = [each.name for each in dataclasses.fields(operation)]
    return _made(field, operation, call.by_name(f"{field}.{operation.name}", names))


def _from_data(field: str, item: Any) -> Operation:
    if not isinstance(item, Mapping) or len(item) != 1:
        raise InvalidParameterError(field, shown(item), 'an operation, as {"resize": {"width": 800}} is one')
    ((name, values),) = item.items()
    operation = _operation(field, name)
    if not isinstance(values, Mapping):
        expected = 'its parameters by their names, as {"width": 800}'
        raise InvalidParameterError(f"{field}.{operation.name}", shown(values), expected)
    return _made(field, operation, values)


def check_operation_name(field: str, name: Any) -> None:
    """Raise InvalidParameterError, with the nearest names, if there is no operation of a name."""
    if not isinstance(name, str) or name not in OPERATIONS:
        such_as = f", such as {', '.join(nearest_operations(name))}" if isinstance(name, str) else ""
        raise InvalidParameterError(field, shown(name), f"an operation{such_as}; {LISTS_ALL}")


def _operation(field: str, name: Any) -> type[Operation]:
    check_operation_name(field, name)
    return OPERATIONS[name]


def _made(field: str, operation: type[Operation], values: Mapping[Any, Any]) -> Operation:
    """Return an operation with the parameters given, if these are its own and none is missing."""
    fields = {each.name: each for each in dataclasses.fields(operation)}
    field = f"{field}.{operation.name}"
    for name in values:
        if name not in fields:
            expected = f"{hint(name, fields)}a parameter: {', '.join(fields)}" if fields else "no parameters"
            raise InvalidParameterError(field, shown(name), expected)
    for name, each in fields.items():
        if each.default is dataclasses.MISSING and name not in values:
            raise InvalidParameterError(f"{field}.{name}", "nothing", "a value: it has no default")
    try:
        return operation(**values)
    except InvalidParameterError as error:
        raise located(field, error) from None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):  # the rows of a table
        rows = [list(value[start : start + SIZE]) for start in range(0, len(value), SIZE)]
        return rows[0] if len(rows) == 1 else rows
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
