"""Who may connect to the server's Unix socket."""

import ctypes
import os
import socket
import stat
import sys
import threading

import grpc
import pytest

from imgsvc.config import ServerConfig
from imgsvc.errors import ConfigurationError
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import rpc

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
ALICE = 12001


@pytest.fixture
def path(socket_path):
    socket_path.parent.chmod(0o755)
    return socket_path


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def may_connect(path, user, group=65534):
    """Return whether a process of a user could connect: a thread has the file system's identity of one."""
    outcomes = []

    def connect():
        libc = ctypes.CDLL(None)
        libc.setfsgid(group)
        libc.setfsuid(user)
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(path))
            except PermissionError:
                outcomes.append(False)
            else:
                outcomes.append(True)

    thread = threading.Thread(target=connect)
    thread.start()
    thread.join()
    return outcomes[0]


def answers(path):
    with grpc.insecure_channel(f"unix:{path}") as connection:
        return connection.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=10) == GOOD


def test_a_mode_lets_in_nobody_else(serve, path):
    serve("--unix-socket", path, "--unix-socket-mode", "0660")
    assert mode_of(path) == 0o660
    assert answers(path)
    if sys.platform == "linux" and os.geteuid() == 0:  # only root can try what other users may
        os.chown(path, -1, 12000)
        assert not may_connect(path, ALICE)
        assert may_connect(path, ALICE, group=12000)


def test_without_one_the_umask_decides(serve, path):
    before = os.umask(0o027)
    try:
        serve("--unix-socket", path)
    finally:
        os.umask(before)
    assert mode_of(path) == 0o750


def test_a_socket_with_a_mode_that_was_left_behind_is_replaced(serve, path):
    options = ("--unix-socket", path, "--unix-socket-mode", "0600")
    server = serve(*options)
    server.process.kill()
    server.wait()
    assert path.exists()
    serve(*options)
    assert answers(path)


@pytest.mark.parametrize("mode", ["0400", "1777", "rw", "0o8", "-660", "432"])
def test_modes_that_cannot_be(mode):
    with pytest.raises(ConfigurationError, match="expected an octal mode from 0600 to 0777, such as '0660'$"):
        ServerConfig.from_environment({"IMGSVC_CFG_UNIX_SOCKET_MODE": mode})


def test_a_mode_of_no_socket():
    with pytest.raises(ConfigurationError, match=r"^--unix-socket-mode: 0660, expected --unix-socket"):
        ServerConfig(unix_socket_mode="0660")
