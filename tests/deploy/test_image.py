"""The image's recipe: linted, and with what the wheel needs. Building it takes Docker, and is no test."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import imgsvc
from imgsvc.client.cli import main as client
from imgsvc.config import ServerConfig

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
LAST_STAGE = DOCKERFILE.rpartition("\nFROM ")[2]


def words(instruction):
    """Return the one JSON list that an instruction of the last stage has."""
    [found] = re.findall(rf"\b{instruction} (\[.*\])", LAST_STAGE)
    return re.findall(r'"([^"]*)"', found)


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_hadolint():
    done = subprocess.run(
        ["hadolint", "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_what_it_copies_is_what_the_wheel_is_made_of():
    patterns = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert patterns[1] == "*"
    kept = {pattern[1:] for pattern in patterns if pattern.startswith("!")}
    assert all((ROOT / name).exists() for name in kept)
    used = {"CMakeLists.txt", "LICENSE", "README.md", "cmake", "proto", "pyproject.toml", "src"}
    assert kept == used


def test_nobody_s_root_and_no_compiler_is_left():
    assert re.search(r"^USER 10001:10001$", LAST_STAGE, re.MULTILINE)
    assert "gcc" not in LAST_STAGE
    assert "--no-index" in LAST_STAGE


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("readelf") is None, reason="readelf reads ELF files"
)
def test_the_last_stage_has_the_libraries_that_the_compiled_modules_need():
    needed = set()
    for module in Path(imgsvc.__path__[0]).rglob("*.so"):
        told = subprocess.run(["readelf", "-d", module], capture_output=True, text=True, check=True).stdout
        needed |= set(re.findall(r"NEEDED\).*\[(\S+?)\.so", told))
    of_every_debian = {"libc", "libm", "libpthread", "ld-linux-x86-64", "ld-linux-aarch64"}
    assert needed - of_every_debian <= {"libgomp"}
    assert "libgomp1" in LAST_STAGE


def test_its_variables_are_options():
    variables = dict(re.findall(r"(IMGSVC_CFG_\w+)=(\S+)", LAST_STAGE))
    assert ServerConfig(**ServerConfig.from_environment(variables)).host == "0.0.0.0"


def test_its_health_check_asks_the_server(serve, capsys):
    assert words("ENTRYPOINT") == ["imgsvc-server"]
    program, *arguments = words("CMD")
    assert program == "imgsvc-client"
    server = serve("--port", "0", "--host", "127.0.0.1")
    assert client([*arguments, "--port", str(server.port)]) == 0
    assert capsys.readouterr().out == "SERVING\n"
    server.process.terminate()
    server.wait()
    assert client([*arguments, "--port", str(server.port)]) == 5
