"""Run by a test in a mount namespace, where ``/etc/hosts`` is its own: a name whose addresses change.

``python -m tests.client.names HOSTS``: HOSTS is what is mounted there.
"""

import contextlib
import sys
import time
from pathlib import Path

import imgsvc
from tests import processes

NAME = "imgsvc-headless.test"
SECONDS = 30


def main(hosts):
    """Print ``fine`` if calls follow the name's addresses."""
    with contextlib.ExitStack() as stack:
        first = processes.serving("--host", "127.0.0.2", "--port", "0", "--max-pixels", "1000002")
        servers = [stack.enter_context(first)]
        port = servers[0].port
        for number in (3, 4):
            options = ("--host", f"127.0.0.{number}", "--port", port, "--max-pixels", f"100000{number}")
            servers.append(stack.enter_context(processes.serving(*options)))
        called(hosts, 2, 3)
        client = stack.enter_context(imgsvc.Client(f"{NAME}:{port}"))
        until(client, {2, 3})
        called(hosts, 3, 4)
        servers[0].process.terminate()
        until(client, {3, 4})
    print("fine")


def called(hosts, *numbers):
    """Let the name have these addresses."""
    lines = [f"127.0.0.{number} {NAME}\n" for number in numbers]
    hosts.write_text("127.0.0.1 localhost\n" + "".join(lines))


def until(client, expected):
    """Call until these servers, and no others, have answered twenty calls in a row."""
    end = time.monotonic() + SECONDS
    while True:
        seen = {client.server_info().limits["max_pixels"] - 1_000_000 for _ in range(20)}
        if seen == expected:
            return
        assert time.monotonic() < end, seen
        time.sleep(0.2)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
