"""The commands of docs/security.md, as somebody would copy them."""

import contextlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import processes

PAGE = Path(__file__).parent.parent / "docs" / "security.md"

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def commands(heading):
    """Return the shell blocks below a heading."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def shell(block, folder, check=True):
    beside = str(Path(sys.executable).parent)
    environment = processes.environment(PATH=f"{beside}:/usr/local/bin:/usr/bin:/bin", HOME=str(folder))
    return subprocess.run(
        ["sh", "-ec", block],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=check,
    )


@contextlib.contextmanager
def served(line, folder):
    """Run the server of a page's line, on a free port of this machine."""
    assert line.startswith("imgsvc-server --host 0.0.0.0 ")
    options = line.removeprefix("imgsvc-server --host 0.0.0.0 ").split()
    files = [str(folder / each) if each.endswith((".pem", ".toml")) else each for each in options]
    with processes.serving("--host", "127.0.0.1", "--port", "0", *files) as running:
        yield running


def asked(line, server, folder):
    """Run the client of a page's line; return what it printed."""
    assert line.startswith("imgsvc-client info --host localhost ")
    return shell(line.replace("localhost", f"127.0.0.1 --port {server.port}"), folder).stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    shell(commands("TLS")[0], folder)
    return folder


@needs_openssl
def test_tls(folder):
    line, client = commands("TLS")[1].splitlines()
    with served(line, folder) as server:
        assert "(TLS)" in server.first_line
        assert "limits" in asked(client, server, folder)


@needs_openssl
def test_client_certificates(folder):
    *openssl, line, client = commands("Client certificates")[0].splitlines()
    shell("\n".join(openssl), folder)
    with served(line, folder) as server:
        assert "(mTLS)" in server.first_line
        assert "limits" in asked(client, server, folder)


@needs_openssl
def test_callers(folder):
    new_key, serve, _grpcurl = commands("Callers")
    key, hashed = shell(new_key, folder).stdout.splitlines()
    (folder / "webshop.key").write_text(key)
    example = re.search(r"```toml\n(\[webshop\].*?)\n\n", PAGE.read_text(encoding="utf-8"), re.DOTALL)[1]
    (folder / "callers.toml").write_text(re.sub(r"keys = \[.*?\]", hashed, example))
    line, client = serve.splitlines()
    with served(line, folder) as server:
        assert "limits" in asked(client, server, folder)
        (folder / "webshop.key").write_text("wrong")
        done = shell(client.replace("localhost", f"127.0.0.1 --port {server.port}"), folder, check=False)
        assert "unknown key" in done.stderr
