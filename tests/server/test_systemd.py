"""What a service manager is told, on a socket like systemd's."""

import contextlib
import os
import select
import signal
import socket
from pathlib import Path

import pytest

from imgsvc.server.systemd import Systemd
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import processes, rpc

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()


class Manager:
    """Takes messages."""

    def __init__(self, address):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def receive(self):
        """Return the next message as a dict."""
        lines = self._socket.recv(4096).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def falls_silent(self, seconds):
        """Return whether, sooner or later, nothing comes for so long."""
        while select.select([self._socket], [], [], seconds)[0]:
            self.receive()
        return True

    def wait_for(self, name):
        """Return the next message that has a name, and those before it."""
        before = []
        while name not in (message := self.receive()):
            before.append(message)
        return message, before


@pytest.fixture
def manager(socket_path):
    with Manager(str(socket_path)) as listening:
        yield listening


def test_from_ready_to_stopping(manager, socket_path):
    options = ("--port", "0", "--drain-delay", "0.5", "--grace", "9.5")
    with processes.serving(*options, NOTIFY_SOCKET=str(socket_path)) as server:
        assert manager.receive() == {"STATUS": "ready"}
        assert manager.receive() == {"READY": "1"}
        server.process.terminate()
        message, _ = manager.wait_for("STOPPING")
        assert message == {"STOPPING": "1", "EXTEND_TIMEOUT_USEC": "20000000"}
        assert manager.receive() == {"STATUS": "shutting down"}
        assert server.wait() == 0


@pytest.mark.skipif(not Path("/proc").exists(), reason="only Linux has abstract sockets")
def test_an_abstract_socket():
    name = f"imgsvc-test-{os.getpid()}"
    with Manager(f"\0{name}") as listening:
        Systemd({"NOTIFY_SOCKET": f"@{name}"}).notify(READY=1, STATUS="a b")
        assert listening.receive() == {"READY": "1", "STATUS": "a b"}


class TestWatchdog:
    @pytest.mark.parametrize("options", [(), ("--max-calls", "1"), ("--unix-socket", "own")], ids=str)
    def test_it_hears_twice_in_its_time_that_the_server_works_also_under_load(
        self, manager, socket_path, options
    ):
        options = [str(socket_path.with_name("own")) if each == "own" else each for each in options]
        with (
            processes.serving(
                *(options or ("--port", "0")), NOTIFY_SOCKET=str(socket_path), WATCHDOG_USEC="400000"
            ) as server,
            contextlib.ExitStack() as stack,
        ):
            if "--max-calls" in options:
                connection = stack.enter_context(rpc.channel(server))
                held = rpc.hold(connection, rpc.MEAN_FILTER, 1, GOOD)
                stack.callback(held[0].cancel)
            for _ in range(5):
                assert manager.wait_for("WATCHDOG")[0] == {"WATCHDOG": "1"}

    def test_it_does_not_from_one_that_hangs(self, manager, socket_path):
        with processes.serving(
            "--port", "0", NOTIFY_SOCKET=str(socket_path), WATCHDOG_USEC="200000"
        ) as server:
            manager.wait_for("WATCHDOG")
            server.process.send_signal(signal.SIGSTOP)
            try:
                assert manager.falls_silent(0.6)
            finally:
                server.process.send_signal(signal.SIGCONT)
            assert manager.wait_for("WATCHDOG")

    @pytest.mark.parametrize(
        ("environment", "seconds"),
        [
            ({"WATCHDOG_USEC": "30000000"}, None),  # no socket
            ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000"}, 30.0),
            ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "0"}, None),
            ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "x"}, None),
            ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
            (
                {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())},
                30.0,
            ),
            ({"NOTIFY_SOCKET": "/run/x"}, None),
        ],
    )
    def test_when_it_is_wanted(self, environment, seconds):
        assert Systemd(environment).watchdog_seconds == seconds


def test_without_a_manager_nothing_is_told():
    Systemd({}).notify(READY=1)
    Systemd({"NOTIFY_SOCKET": "relative"}).notify(READY=1)


def test_a_manager_that_is_gone_is_a_warning(socket_path, caplog):
    Systemd({"NOTIFY_SOCKET": str(socket_path)}).notify(READY=1)
    assert caplog.messages == ["NOTIFY_SOCKET: No such file or directory"]
