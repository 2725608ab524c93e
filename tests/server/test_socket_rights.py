"""Who may connect to the server's Unix socket."""

import ctypes
import errno
import os
import socket
import stat
import struct
import sys
import threading

import grpc
import pytest

from imgsvc.config import ServerConfig
from imgsvc.errors import ConfigurationError
from imgsvc.server.listening.socket_rights import Rights, access_list
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import rpc
from tests.processes import run

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
ALICE, BOB = 12001, 12002

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="access lists are Linux's")
as_root = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can try what other users may"
)


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


@as_root
def test_users(serve, path):
    serve("--unix-socket", path, "--unix-socket-users", f"{ALICE}, nobody")
    assert may_connect(path, ALICE)
    assert may_connect(path, 65534)
    assert not may_connect(path, BOB)
    assert answers(path)


@as_root
def test_users_beside_those_of_a_mode(path):
    with Rights("0606", str(ALICE)).applied_to(str(path)):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
    with listener:
        listener.listen()
        assert may_connect(path, BOB)
        assert may_connect(path, ALICE)


@on_linux
def test_a_socket_with_rights_that_was_left_behind_is_replaced(serve, path):
    options = ("--unix-socket", path, "--unix-socket-users", ALICE)
    server = serve(*options)
    server.process.kill()
    server.wait()
    assert path.exists()
    serve(*options)
    assert answers(path)


@pytest.mark.parametrize("user", ["no-such-user", "-1", "4294967295", "", "²"])
@on_linux
def test_users_that_are_not_there(user):
    with pytest.raises(ConfigurationError) as raised:
        Rights(None, f"{user},root")
    assert str(raised.value) == (
        f"--unix-socket-users: {user!r}, expected names or numbers of users, with commas between"
    )


@on_linux
def test_a_user_that_is_not_there_keeps_the_server_from_starting(path):
    done = run("imgsvc-server", "--unix-socket", path, "--unix-socket-users", "no-such-user", timeout=30)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("imgsvc-server: --unix-socket-users: 'no-such-user', expected names")
    assert not path.exists()


@on_linux
def test_a_file_system_without_access_lists(path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "setxattr", refuse)
    with pytest.raises(ConfigurationError, match="access list: Operation not supported; expected a"):
        listen_at(path, Rights(None, "root"))
    assert not path.exists()


def test_a_system_without_access_lists(path, monkeypatch):
    monkeypatch.delattr(os, "setxattr", raising=False)
    with pytest.raises(ConfigurationError, match="^--unix-socket-users: root, expected to run on Linux$"):
        Rights(None, "root")


def listen_at(path, rights):
    with rights.applied_to(str(path)), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize("mode", ["0400", "1777", "rw", "0o8", "-660", "432"])
def test_modes_that_cannot_be(mode):
    with pytest.raises(ConfigurationError, match="expected an octal mode from 0600 to 0777, such as '0660'$"):
        ServerConfig.from_environment({"IMGSVC_CFG_UNIX_SOCKET_MODE": mode})


@pytest.mark.parametrize(("name", "value"), [("unix_socket_mode", "0660"), ("unix_socket_users", "root")])
def test_rights_of_no_socket(name, value):
    with pytest.raises(
        ConfigurationError, match=f"^--{name.replace('_', '-')}: {value}, expected --unix-socket"
    ):
        ServerConfig(**{name: value})


def test_an_access_list():
    entries = list(struct.iter_unpack("<HHI", access_list(0o640, [7, 5, 7])[4:]))
    nobody = 2**32 - 1
    assert entries == [(1, 6, nobody), (2, 6, 5), (2, 6, 7), (4, 4, nobody), (16, 7, nobody), (32, 0, nobody)]
