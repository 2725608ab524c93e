"""Calls that take long in a decoder or an encoder: they end with whoever waits for them."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

import imgsvc
from imgsvc.errors import ServiceTimeoutError, ServiceUnavailableError
from tests.processes import wait_for

NOISE = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
ENDLESS = imgsvc.Output("webp", lossless=True, effort=9)
GRACE = "0.5"


def helpers(server):
    """Return the helper programs of a server."""
    found = []
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        found += (task / "children").read_text("ascii").split()
    return [pid for pid in found if b"imgsvc.codec.helper" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.fixture
def server(serve):
    return serve("--port", "0", "--cores", "2", "--grace", GRACE)


def process(server, timeout):
    with imgsvc.Client(server.target, retries=0) as client:
        return client.process(NOISE, "invert", output=ENDLESS, timeout=timeout)


def test_at_the_deadline_the_core_is_free(server):
    with pytest.raises(ServiceTimeoutError):
        process(server, 2.0)
    wait_for(lambda: not helpers(server))
    with imgsvc.Client(server.target) as client:
        np.testing.assert_array_equal(client.process(NOISE[:500], "invert"), 255 - NOISE[:500])


def test_what_takes_long_and_ends_is_as_elsewhere(server):
    """As of the same image in this process."""
    output = imgsvc.Output("avif", effort=6)
    with imgsvc.Client(server.target) as client:
        result = client.process(NOISE[:600, :800], "invert", output=output, timeout=60)
    wait_for(lambda: helpers(server))
    expected = imgsvc.codec.encode(255 - NOISE[:600, :800], "avif", output.options)
    assert result.data == expected


def test_the_server_ends_in_time(server):
    errors = []

    def call():
        try:
            process(server, 60)
        except ServiceUnavailableError as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    wait_for(lambda: helpers(server))
    time.sleep(0.5)
    server.process.terminate()
    assert server.wait() == 0
    thread.join()
    assert len(errors) == 1
    assert "1 requests did not finish within 0.5 s" in server.log
