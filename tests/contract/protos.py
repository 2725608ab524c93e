"""The files of imgsvc.v1: their descriptors, and their text with its comments."""

import re
from pathlib import Path

from imgsvc.v1 import image_pb2, image_service_pb2, operations_pb2, recipe_pb2

FOLDER = Path(__file__).parents[2] / "proto"
FILES = [module.DESCRIPTOR for module in (image_pb2, operations_pb2, recipe_pb2, image_service_pb2)]


def messages():
    """Yield the descriptors of all messages, nested ones too, but for those of maps."""
    waiting = [message for file in FILES for message in file.message_types_by_name.values()]
    while waiting:
        message = waiting.pop(0)
        if not message.GetOptions().map_entry:
            yield message
        waiting += message.nested_types


def enums():
    yield from (enum for file in FILES for enum in file.enum_types_by_name.values())
    yield from (enum for message in messages() for enum in message.enum_types)


def services():
    yield from (service for file in FILES for service in file.services_by_name.values())


def text(file):
    return (FOLDER / file.name).read_text()


DECLARATION = re.compile(
    r"(?:(?P<block>message|enum|service|oneof|rpc)\s+(?P<name>\w+)"
    r"|(?:optional\s+|repeated\s+)?[\w.<>, ]+?\s(?P<field>\w+)\s*=\s*\d+"
    r"|(?P<value>[A-Z0-9_]+)\s*=\s*\d+)"
)


def comments(file):
    """Return the comment above each declaration, by its path: ``Message.field``, ``Enum.VALUE``."""
    found, inside, comment = {}, [], []
    for line in map(str.strip, text(file).splitlines()):
        if line.startswith("//"):
            comment.append(line.removeprefix("//").strip())
            continue
        declared = DECLARATION.match(line)
        if declared and not line.startswith(("syntax", "package", "import", "option ", "reserved")):
            name = declared["name"] or declared["field"] or declared["value"]
            scope = [each for each in inside if each]
            found[".".join([*scope, name])] = " ".join(comment)
            if line.endswith("{"):  # what is in a oneof belongs to the message
                inside.append("" if declared["block"] == "oneof" else name)
        elif line.startswith("}"):
            inside.pop()
        if line:
            comment = []
    return found
