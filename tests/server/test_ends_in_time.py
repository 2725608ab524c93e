"""SIGTERM ends the process within its grace and a second, whatever it does."""

import os
import re
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest

import imgsvc
from imgsvc.errors import ServiceUnavailableError
from imgsvc.server.background_stream import MAX_BYTES, BackgroundStream
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import http2, rpc
from tests.processes import environment, helper_programs, program, wait_for

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
GRACE = 1.0
STARTED = 1.5
"""Seconds beyond the grace: one for the server, and what a busy machine takes to run it."""


def ended_in_time(process):
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    return code == 0 and time.monotonic() - begin < GRACE + STARTED


def test_while_a_codec_works_that_cannot_be_interrupted(serve, rng):
    server = serve("--port", "0", "--grace", str(GRACE))
    image = rng.integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    slow = imgsvc.Output("webp", lossless=True, effort=9)  # for half a minute
    with imgsvc.Client(server.target, retries=0) as client, ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.process, image, "invert", output=slow, timeout=600)
        wait_for(lambda: any(map(cpu_seconds, helper_programs(server.process.pid))), 60)
        assert rpc.call(server, rpc.MEAN_FILTER, GOOD) == GOOD
        assert ended_in_time(server.process)
        with pytest.raises(ServiceUnavailableError, match="the server is shutting down"):
            call.result(60)


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_while_clients_take_no_answers(serve):
    server = serve("--host", "127.0.0.1", "--port", "0", "--grace", str(GRACE))
    with http2.Peer(server, http2.no_window()) as stingy:
        stingy.send(http2.headers(rpc.MEAN_FILTER, 1), http2.message(GOOD, 1))
        stingy.send(http2.headers("/grpc.health.v1.Health/Watch", 3), http2.message(b"", 3))
        stingy.wait_for(http2.HEADERS)
        assert ended_in_time(server.process)


def test_while_nobody_reads_stderr():
    """Calls are answered meanwhile, more than a pipe has room for the lines of."""
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [program("imgsvc-server"), "--port", "0", "--grace", str(GRACE)],
        stdout=subprocess.PIPE,
        stderr=writer,
        text=True,
        env=environment(),
    )
    try:
        target = re.search(r"serving on ([^,\s]+)", process.stdout.readline())[1]
        with grpc.insecure_channel(target) as connection:
            call = connection.unary_unary(rpc.MEAN_FILTER)
            for _ in range(600):
                assert call(GOOD, timeout=10) == GOOD
        assert ended_in_time(process)
    finally:
        process.kill()
        process.stdout.close()
        os.close(reader)
        os.close(writer)


class TestBackgroundStream:
    @pytest.fixture
    def pipe(self):
        reader, writer = os.pipe()
        yield reader, writer
        os.close(reader)

    def test_lines_come_in_their_order(self, pipe):
        reader, writer = pipe
        stream = BackgroundStream(writer)
        for number in range(100):
            assert stream.write(f"{number}\n") == len(f"{number}\n")
        stream.close(10)
        os.close(writer)
        with os.fdopen(os.dup(reader)) as file:
            assert file.read().split() == [str(number) for number in range(100)]

    def test_what_does_not_fit_is_lost_and_counted(self, pipe):
        reader, writer = pipe
        stream = BackgroundStream(writer)
        line = "x" * 1023 + "\n"
        written = MAX_BYTES // len(line) + 2000
        for _ in range(written):
            stream.write(line)
        stream.write("y\n")
        begin = time.monotonic()
        stream.close(0.2)  # nobody reads
        assert time.monotonic() - begin < 5
        threading.Thread(target=lambda: (stream.close(60), os.close(writer)), daemon=True).start()
        with os.fdopen(os.dup(reader)) as file:
            lines = file.read().splitlines()
        [said] = [line for line in lines if "nobody read it" in line]
        lost = int(re.search(r"(\d+) writes to the log are lost", said)[1])
        assert lost > 0
        assert len(lines) - 1 + lost == written + 1
