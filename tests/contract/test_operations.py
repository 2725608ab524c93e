"""operations.proto beside the operations of the library: the same names, and the defaults that it tells."""

import dataclasses

import pytest

from imgsvc.operations import OPERATIONS
from imgsvc.v1.operations_pb2 import DESCRIPTOR, Operation
from tests.contract import protos

COMMENTS = protos.comments(DESCRIPTOR)
ONEOF = Operation.DESCRIPTOR.oneofs_by_name["operation"]


def test_every_operation_is_a_member():
    assert {field.name for field in ONEOF.fields} == set(OPERATIONS)
    for name, kind in OPERATIONS.items():
        assert Operation.DESCRIPTOR.fields_by_name[name].message_type.name == kind.__name__


@pytest.mark.parametrize("name", OPERATIONS)
def test_parameters(name):
    message = Operation.DESCRIPTOR.fields_by_name[name].message_type
    parameters = dataclasses.fields(OPERATIONS[name])
    # The same parameter, as doubles and as text.
    wider = {f"{field.name}{suffix}" for field in message.fields for suffix in ("_values", "_color")}
    names = [field.name for field in message.fields if field.name not in wider]
    assert names == [parameter.name for parameter in parameters]
    for parameter in parameters:
        field = message.fields_by_name[parameter.name]
        comment = COMMENTS[f"{message.name}.{parameter.name}"]
        # What is not set is told from what is 0.
        assert field.has_presence or field.is_repeated or field.enum_type
        if parameter.default is dataclasses.MISSING:
            assert comment.endswith("has to be set.")
        elif field.enum_type:
            prefix = field.enum_type.values[0].name.removesuffix("UNSPECIFIED")
            assert comment == f"{prefix}{parameter.default.upper()} by default."
        elif isinstance(parameter.default, bool):
            assert comment.endswith(f"; {str(parameter.default).lower()} by default.")
        elif isinstance(parameter.default, str):
            assert comment.endswith(f"; {parameter.default} by default.")
        elif parameter.default is not None:
            assert comment.endswith(f"; {parameter.default:g} by default.")
