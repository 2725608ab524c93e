"""buf's rules (STANDARD and COMMENTS), held where buf is absent."""

import re

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tests.contract import protos

PASCAL, LOWER_SNAKE, UPPER_SNAKE = (
    re.compile(pattern)
    for pattern in (r"([A-Z][a-z0-9]*)+", r"[a-z][a-z0-9]*(_[a-z0-9]+)*", r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
)
each_file = pytest.mark.parametrize("file", protos.FILES, ids=lambda file: file.name)
each_message = pytest.mark.parametrize("message", [*protos.messages()], ids=lambda message: message.full_name)
each_enum = pytest.mark.parametrize("enum", [*protos.enums()], ids=lambda enum: enum.full_name)
each_service = pytest.mark.parametrize("service", [*protos.services()], ids=lambda service: service.full_name)


def as_upper_snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def test_all_files_are_here():
    found = {str(path.relative_to(protos.FOLDER)) for path in (protos.FOLDER / "imgsvc").rglob("*.proto")}
    assert found == {file.name for file in protos.FILES}


@each_file
class TestFiles:
    def test_lie_where_their_package_is_and_have_its_version(self, file):
        assert re.fullmatch(r"[a-z]+(\.[a-z_0-9]+)*\.v[1-9]\d*", file.package)
        folder, _, name = file.name.rpartition("/")
        assert folder == file.package.replace(".", "/")
        assert LOWER_SNAKE.fullmatch(name.removesuffix(".proto"))

    def test_say_their_syntax(self, file):
        assert 'syntax = "proto3";' in protos.text(file)

    def test_import_what_they_use_and_no_more(self, file):
        used = set()
        for message in file.message_types_by_name.values():
            for field in message.fields:
                kind = field.message_type or field.enum_type
                used |= {kind.file.name} if kind else set()
        for service in file.services_by_name.values():
            used |= {
                kind.file.name for each in service.methods for kind in (each.input_type, each.output_type)
            }
        imported = FileDescriptorProto()
        file.CopyToProto(imported)
        assert set(imported.dependency) == used - {file.name}
        assert not imported.public_dependency
        assert not imported.weak_dependency

    def test_have_a_comment_on_everything(self, file):
        comments = protos.comments(file)
        assert [name for name, comment in comments.items() if not comment] == []
        declared = {
            *(f"{m.name}.{f.name}" for m in file.message_types_by_name.values() for f in m.fields),
            *(f"{e.name}.{v.name}" for e in file.enum_types_by_name.values() for v in e.values),
            *(f"{s.name}.{m.name}" for s in file.services_by_name.values() for m in s.methods),
        }
        assert declared <= set(comments)

    def test_have_names_for_other_languages_that_follow_from_the_package(self, file):
        options = file.GetOptions()
        words = file.package.split(".")
        assert options.java_multiple_files
        assert options.java_package == f"io.github.{file.package}"
        assert options.go_package.endswith(f"/{'/'.join(words)};{''.join(words)}")
        assert options.csharp_namespace == ".".join(word.capitalize() for word in words)
        assert options.php_namespace == "\\".join(word.capitalize() for word in words)
        assert options.ruby_package == "::".join(word.capitalize() for word in words)
        assert options.objc_class_prefix == words[0].upper()


@each_message
class TestMessages:
    def test_names(self, message):
        assert PASCAL.fullmatch(message.name)
        for field in message.fields:
            assert LOWER_SNAKE.fullmatch(field.name)
            assert field.name != "descriptor"  # a method of generated classes
        for oneof in message.oneofs:
            assert LOWER_SNAKE.fullmatch(oneof.name.removeprefix("_"))

    def test_have_neither_groups_nor_required_fields(self, message):
        for field in message.fields:
            assert field.type != FieldDescriptor.TYPE_GROUP
            assert not field.is_required


@each_enum
class TestEnums:
    def test_names(self, enum):
        assert PASCAL.fullmatch(enum.name)
        prefix = f"{as_upper_snake(enum.name)}_"
        for value in enum.values:
            assert UPPER_SNAKE.fullmatch(value.name)
            assert value.name.startswith(prefix)

    def test_begin_with_what_is_unspecified(self, enum):
        assert (enum.values[0].number, enum.values[0].name) == (0, f"{as_upper_snake(enum.name)}_UNSPECIFIED")

    def test_have_no_aliases(self, enum):
        assert not enum.GetOptions().allow_alias
        assert len({value.number for value in enum.values}) == len(enum.values)


@each_service
class TestServices:
    def test_names(self, service):
        assert PASCAL.fullmatch(service.name)
        assert service.name.endswith("Service")
        for method in service.methods:
            assert PASCAL.fullmatch(method.name)

    def test_each_method_has_a_request_and_a_response_of_its_own(self, service):
        for method in service.methods:
            assert method.input_type.name == f"{method.name}Request"
            assert method.output_type.name == f"{method.name}Response"
