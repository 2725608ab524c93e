"""The README is true: its commands parse, its Python runs, its contract is the one that is served."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from imgsvc.config import ServerConfig
from imgsvc.pipeline.presets import load_presets
from imgsvc.server.cli import make_parser as server_parser
from imgsvc.stubs.nl_image_service_pb2 import DESCRIPTOR
from tests import processes

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


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder where what the README reads is there, and what it writes does no harm."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "photos").mkdir()
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(ROOT / "examples" / "photo.jpg", tmp_path / "photos" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", [c for c in COMMANDS if "imgsvc-client " in c])
def test_client_commands_run(server, place, command):
    command = command.split("&& ")[-1].replace("--port 50051", f"--port {server.port}")
    local = ("--embedded", "--port", "imgsvc-client operations", "imgsvc-client describe")
    if not any(word in command for word in local):
        words, *redirections = command.partition(" < ")
        command = f"{words} --port {server.port}{''.join(redirections)}"
    program = shlex.quote(processes.program("imgsvc-client"))
    before = set(place.rglob("*"))
    done = subprocess.run(
        ["bash", "-c", command.replace("imgsvc-client", program, 1)],
        capture_output=True,
        text=True,
        env=processes.environment(),
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    written = [path for path in set(place.rglob("*")) - before if path.is_file()]
    telling = ("operations", "info", "describe", "plan", "doctor", "health", "bench")
    only_tells = any(f"imgsvc-client {name}" in command for name in telling)
    assert bool(written) != only_tells
    assert all(path.stat().st_size for path in written)


@pytest.mark.parametrize("command", [c for c in COMMANDS if "imgsvc-server" in c])
def test_server_commands_parse(command):
    words = shlex.split(command)
    variables = dict(word.split("=") for word in words if word.startswith("IMGSVC_"))
    flags = server_parser().parse_args(words[len(variables) + 1 :])
    ServerConfig(**ServerConfig.from_environment(variables), **vars(flags))


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[-1].split()[0])
def test_the_python_runs(server, place, code):
    exec(compile(code.replace("localhost:50051", server.target), "README.md", "exec"), {})


def test_the_presets_are_some(place):
    [text] = blocks("toml")
    (place / "presets.toml").write_text(text)
    assert list(load_presets(place / "presets.toml")) == ["thumbnail"]


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
        "max-pixels",
        "max-frames",
        "max-operations",
        "max-weights",
        "max-output-bytes",
        "max-decode-bytes",
        "max-streams",
        "max-stream-items",
        "max-stream-seconds",
        "max-connections",
        "handshake-timeout",
        "max-connection-idle",
        "max-connection-age",
        "max-connection-age-grace",
        "keepalive-time",
        "keepalive-timeout",
        "min-ping-interval",
        "body-timeout",
        "grace",
        "drain-delay",
        "unready-after",
        "ready-again-after",
        "cores",
    ):
        assert f"`--{option}`" in page
