"""The README is true: its commands parse, its Python runs, its contract is the one that is served."""

import re
import shlex
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from imgsvc.client.cli import make_parser as client_parser
from imgsvc.config import ServerConfig
from imgsvc.server.cli import make_parser as server_parser
from imgsvc.stubs.nl_image_service_pb2 import DESCRIPTOR

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]


CLIENT = "imgsvc-client --embedded --mean --rotate NINETY_DEG --input examples/photo.jpg --output out.png"
FIRST = f"pip install . && {CLIENT}"
SECOND = "pip install '.[test]' && pytest"


@pytest.mark.parametrize("command", [FIRST, SECOND])
def test_the_two_commands_are_there(command):
    assert command in COMMANDS


@pytest.mark.parametrize("command", [c for c in COMMANDS if "imgsvc-client " in c])
def test_client_commands_parse(command):
    words = shlex.split(command.split("&& ")[-1])
    args = client_parser().parse_args(words[1:])
    assert args.mean or args.rotate
    assert (ROOT / args.input).exists()


@pytest.mark.parametrize("command", [c for c in COMMANDS if "imgsvc-server" in c])
def test_server_commands_parse(command):
    words = shlex.split(command)
    variables = dict(word.split("=") for word in words if word.startswith("IMGSVC_"))
    flags = server_parser().parse_args(words[len(variables) + 1 :])
    ServerConfig(**ServerConfig.from_environment(variables), **vars(flags))


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[-1].split()[0])
def test_the_python_runs(server, code):
    exec(compile(code.replace("localhost:50051", server.target), "README.md", "exec"), {})


def test_the_contract_is_the_one_that_is_served():
    [shown] = blocks("proto")
    served = FileDescriptorProto.FromString(DESCRIPTOR.serialized_pb)
    names = [message.name for message in served.message_type] + [
        method.name for method in served.service[0].method
    ]
    names += [value.name for value in served.message_type[1].enum_type[0].value]
    names += [f"{field.name} = {field.number}" for message in served.message_type for field in message.field]
    for name in names:
        assert name in shown


def test_every_server_option_with_a_limit_is_in_the_operators_page():
    page = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    for option in (
        "max-message-bytes",
        "max-workers",
        "max-calls",
        "max-bytes-in-flight",
        "body-timeout",
        "grace",
        "cores",
    ):
        assert f"`--{option}`" in page
