"""docs/operations.md is true: its commands run, one after the other, and say what it says."""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests import processes

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
PROGRAMS = ("bash", "curl", "openssl", "redis-cli", "redis-server")
NOT_RUN = "<!-- not run by the test: it is installed there -->\n"

pytestmark = [
    *(pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed") for name in PROGRAMS),
]


def commands():
    """Return the page's commands, block by block."""
    blocks = re.findall(rf"({NOT_RUN})?^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [block for left_out, block in blocks if not left_out]


def free_ports(count):
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [str(each.getsockname()[1]) for each in listening]
    for each in listening:
        each.close()
    return ports


@pytest.fixture
def place(socket_path):
    """A folder with a short name, since a Unix socket lies in it; whatever was left running is ended."""
    folder = socket_path.parent
    yield folder
    for name in ("server.pid", "redis.pid"):
        if (folder / name).exists():
            try:
                os.kill(int((folder / name).read_text()), signal.SIGKILL)
            except ProcessLookupError:
                continue


def test_its_commands_run_and_say_what_it_says(place):
    pytest.importorskip("redis", reason="redis is in the extra [redis]")
    pytest.importorskip("prometheus_client", reason="prometheus-client is in the extra [metrics]")
    port, metrics = free_ports(2)
    shutil.copy(ROOT / "examples" / "photo.jpg", place)
    script = "\n".join(["set -euo pipefail", *commands()])
    script = script.replace("50051", port).replace("9464", metrics)
    script = script.replace('"0.0.0.0"', '"127.0.0.1"').replace("/tmp/photo.jpg", "photo.jpg")
    # The client's own default is 50051.
    script = re.sub(r"imgsvc-client (health|info|(?=--tls))", rf"imgsvc-client \1 --port {port} ", script)
    programs = Path(processes.program("imgsvc-server")).parent
    environment = processes.environment(PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr + (place / "server.log").read_text()
    for said in (
        "PONG\n",
        'cache = "redis"\n',
        "SERVING\n",
        f"serving on 127.0.0.1:{port} (TLS)\n",
        "exit code 6\n",
        "the same bytes\n",
        '"cache": "hit"',
        'imgsvc_cached_requests_total{method="/imgsvc.v1.ImageService/Process",result="hit"} 1.0\n',
        'caller="webshop"',
        "the old key is good, too\nthe old key is refused\n",
        " is now serial=",
        "exit code 0\n",
        '"event": "shutting down',
    ):
        assert said in done.stdout, said
    assert "UNAUTHENTICATED" in done.stderr
    with Image.open(place / "small.webp") as image:
        assert (image.format, image.width) == ("WEBP", 400)
