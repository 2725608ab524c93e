"""Files and options that would take much, and others who are served meanwhile."""

import contextlib
import threading
import time
from pathlib import Path

import grpc
import numpy as np
import pytest

import imgsvc
from imgsvc.errors import ServiceError
from tests import processes
from tests.codec.attacks import ATTACKS
from tests.processes import wait_for
from tests.server.test_half_open import SERVING, check
from tests.server.test_metrics import metrics_port, value

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux tells a process's memory"
)

ATTACKERS, ATTACK_SECONDS = 3, 1.0
HONEST_SECONDS = 10.0
FREE_SECONDS = 3.0
PEAK_BYTES = 600 << 20
"""Of the server; what takes long takes its memory in helper programs."""

IMAGE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
ENCODERS = {
    "webp without loss": imgsvc.Output("webp", lossless=True, effort=9),
    "avif": imgsvc.Output("avif", effort=9),
    "gif": imgsvc.Output("gif"),
    "png of a size": imgsvc.Output("webp", effort=9, max_bytes=1000),
}


@pytest.fixture(scope="module")
def server():
    with processes.serving("--port", "0", "--metrics-port", "0", "--cores", "2", "--grace", "3") as running:
        running.metrics_port = metrics_port(running)
        yield running


@pytest.mark.parametrize("attack", ATTACKS)
def test_files(server, attack):
    data = ATTACKS[attack]()
    withstood(
        server,
        lambda client: client.process(
            data, "resize width=16 resample=box", output="png", timeout=ATTACK_SECONDS
        ),
    )


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders(server, name):
    withstood(server, lambda client: client.process(NOISE, output=ENCODERS[name], timeout=ATTACK_SECONDS))


def withstood(server, attack):
    """Attack a server for a while: others are answered, and all of it is free after that."""
    over = threading.Event()

    def go_on():
        with imgsvc.Client(server.target, retries=0) as client:
            while not over.is_set():
                with contextlib.suppress(ServiceError):
                    attack(client)

    attackers = [threading.Thread(target=go_on) for _ in range(ATTACKERS)]
    for attacker in attackers:
        attacker.start()
    try:
        end = time.monotonic() + 2 * ATTACK_SECONDS
        with (
            imgsvc.Client(server.target, timeout=HONEST_SECONDS) as client,
            grpc.insecure_channel(server.target) as health,
        ):
            while time.monotonic() < end:
                np.testing.assert_array_equal(client.process(IMAGE, "invert").array, 255 - IMAGE)
                assert check(health) == SERVING
    finally:
        over.set()
        for attacker in attackers:
            attacker.join()
    wait_for(lambda: not value(server, "imgsvc_cores_in_use"), FREE_SECONDS)
    assert value(server, "imgsvc_bytes_in_flight") == 0
    assert peak_bytes(server.process.pid) < PEAK_BYTES


def peak_bytes(pid):
    """Return the most memory that a process has had so far."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM:"))
