"""The contract of the last release, ``released.txtpb``: what it has stays as it is, and more may come.

``ci/check --protos`` asks buf the same, and more; this holds where buf is absent.
"""

from pathlib import Path

import pytest
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from imgsvc.stubs import nl_image_service_pb2
from tests.contract import protos

RELEASED = text_format.Parse(
    (Path(__file__).parent / "released.txtpb").read_text("utf-8"), FileDescriptorSet()
).file
FILES = [*protos.FILES, nl_image_service_pb2.DESCRIPTOR]


def proto_of(file):
    found = FileDescriptorProto()
    file.CopyToProto(found)
    return found


def contract(file):
    """Return what a client may rely on, by its path: where a field is, its number, kind and type."""
    found = {}

    def add_enum(enum, path):
        found[path] = "enum"
        for value in enum.value:
            found[f"{path}.{value.name}"] = value.number

    def add_message(message, path):
        found[path] = "message"
        for field in message.field:
            oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else ""
            found[f"{path}.{field.name}"] = (
                *(field.number, field.label, field.type, field.type_name),
                *(oneof, field.proto3_optional),
            )
        for span in message.reserved_range:
            found[f"{path} reserves {span.start} to {span.end - 1}"] = True
        for inner in message.nested_type:
            add_message(inner, f"{path}.{inner.name}")
        for inner in message.enum_type:
            add_enum(inner, f"{path}.{inner.name}")

    found[""] = (file.package, file.syntax)
    for message in file.message_type:
        add_message(message, message.name)
    for enum in file.enum_type:
        add_enum(enum, enum.name)
    for service in file.service:
        for method in service.method:
            found[f"{service.name}.{method.name}"] = (
                *(method.input_type, method.output_type),
                *(method.client_streaming, method.server_streaming),
            )
    return found


def changes(released, current):
    """Return what of a released file is no longer as it was."""
    old, new = contract(released), contract(current)
    return {path: (value, new.get(path)) for path, value in old.items() if new.get(path) != value}


@pytest.mark.parametrize("released", RELEASED, ids=lambda file: file.name)
def test_nothing_released_is_changed_or_gone(released):
    current = {file.name: file for file in FILES}[released.name]
    assert changes(released, proto_of(current)) == {}


def test_there_are_as_many_files_as_released():
    assert {file.name for file in RELEASED} <= {file.name for file in FILES}


@pytest.mark.parametrize("released", RELEASED, ids=lambda file: file.name)
def test_names_in_other_languages_stay(released):
    current = {file.name: file for file in FILES}[released.name]
    assert current.GetOptions() == released.options


def a_number(file):
    file.message_type[0].field[0].number = 9


def a_name(file):
    file.message_type[0].field[0].name = "other"


def a_type(file):
    file.message_type[0].field[1].type_name = ".imgsvc.v1.Pixels"


def a_field(file):
    del file.message_type[0].field[0]


def a_reserved_number(file):
    del file.message_type[0].reserved_range[:]


def a_message(file):
    del file.message_type[1]


def an_enum_value(file):
    file.enum_type[0].value[1].number = 7


@pytest.mark.parametrize(
    "break_it", [a_number, a_name, a_type, a_field, a_reserved_number, a_message, an_enum_value]
)
def test_a_break_is_found(break_it):
    (released,) = (file for file in RELEASED if file.name == "imgsvc/v1/image.proto")
    broken = FileDescriptorProto()
    broken.CopyFrom(released)
    break_it(broken)
    assert changes(released, broken)
    assert not changes(released, released)
