"""Ending connections in a program that has other things open than the server's."""

import fcntl
import socket
import subprocess
import sys
import threading

import grpc

from imgsvc.config import ServerConfig
from imgsvc.server.lifecycle import Server
from imgsvc.server.listening.hang_up import hang_up

LOCK = """
import fcntl, sys
with open(sys.argv[1], "r+") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("locked")
"""


def is_locked(path):
    """Ask from another process: this one may lock its own files again."""
    done = subprocess.run([sys.executable, "-c", LOCK, str(path)], capture_output=True, text=True, check=True)
    return done.stdout == "locked\n"


def test_locks_and_datagrams_of_the_program_stay(tmp_path):
    path = tmp_path / "database"
    with path.open("w") as file, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        fcntl.lockf(file, fcntl.LOCK_EX)
        with Server(ServerConfig(host="127.0.0.1", port=0)) as server:
            [address] = server.addresses
            datagrams.bind(("127.0.0.1", int(address.rpartition(":")[2])))
            datagrams.connect(datagrams.getsockname())  # to itself
            with grpc.insecure_channel(address) as connection:
                grpc.channel_ready_future(connection).result(20)
            assert is_locked(path)
        assert is_locked(path)
        datagrams.settimeout(20)
        datagrams.send(b"x")
        assert datagrams.recv(10) == b"x"


def test_what_has_listened_is_no_connection_that_is_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        ending = threading.Thread(target=hang_up, args=([f"127.0.0.1:{port}"], 600.0), daemon=True)
        ending.start()
        ending.join(60)
        assert not ending.is_alive()
