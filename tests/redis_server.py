"""A real Redis, started by a test: by itself, over TLS, as a cluster, as a sentinel."""

import contextlib
import itertools
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

try:
    import redis
except ImportError:
    redis = None

from tests.certificates import Files
from tests.processes import wait_for

PROGRAM = shutil.which("redis-server")

SLOTS = 16384
"""Of a cluster, which each of its keys falls into one of."""


def needed():
    """Skip the test where Redis, or its client, is not installed."""
    if PROGRAM is None:
        pytest.skip("no redis-server: apt-get install redis-server")
    if redis is None:
        pytest.skip("no redis: pip install 'imgsvc[redis]'")


def free_ports(count):
    """Return ports that nobody listens on."""
    listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in listening]
    for each in listening:
        each.close()
    return ports


class Redis:
    """One that listens on a Unix socket, and on a port of loopback where it is given one.

    It can be killed, frozen, and started again. Its URL is that of the socket; of a port, `tcp` and `tls`.
    """

    def __init__(self, folder, *options, first=(), port=0):
        self.socket = Path(folder) / "redis"
        self.url = f"unix://{self.socket}"
        self.tcp, self.tls = f"redis://127.0.0.1:{port}", f"rediss://localhost:{port}"
        kind = (
            ("--tls-port", str(port), "--port", "0")
            if "--tls-cert-file" in options
            else ("--port", str(port))
        )
        listening = ("--bind", "127.0.0.1", *kind, "--unixsocket", self.socket)
        self._arguments = [PROGRAM, *first, *listening, "--dir", folder, *options]
        self._process = None
        self.start()

    def start(self):
        self.socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(self._arguments, stdout=subprocess.DEVNULL)
        wait_for(self._answers)

    def kill(self):
        self._process.kill()
        self._process.wait()

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def client(self, **options):
        return redis.Redis.from_url(self.url, **options)

    def results(self, prefix="imgsvc:"):
        """Return the names of what the server has put there."""
        with contextlib.closing(self.client()) as client:
            return [name for name in client.keys(f"{prefix}*") if not name.endswith(b":probe")]

    def _answers(self):
        with contextlib.closing(self.client()) as client:
            try:
                return client.ping()
            except redis.AuthenticationError:
                return True
            except redis.RedisError:
                return False


@contextlib.contextmanager
def running(*options, **more):
    """Start one, and end it."""
    needed()
    with tempfile.TemporaryDirectory(prefix="imgsvc-", dir="/tmp") as folder:
        server = Redis(folder, "--save", "", *options, **more)
        try:
            yield server
        finally:
            server.thaw()
            server.kill()


@contextlib.contextmanager
def running_tls(issued, authority_file, *, asks_clients, folder):
    """Start one that has a certificate, and asks its clients for one of the same authority, or does not."""
    files = Files(folder).put(issued)
    options = (
        "--tls-cert-file",
        files.cert,
        "--tls-key-file",
        files.key,
        "--tls-ca-cert-file",
        authority_file,
    )
    (port,) = free_ports(1)
    with running(*options, "--tls-auth-clients", "yes" if asks_clients else "no", port=port) as server:
        yield server


@contextlib.contextmanager
def running_cluster(*shares, port=None, password=None):
    """Start nodes that have such shares of the slots, the first of them on a port that may be given."""
    needed()
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    if int(re.search(r"v=(\d+)", version)[1]) < 7:
        pytest.skip("no redis-server with --cluster-port: it is in Redis 7")
    ports, buses = free_ports(len(shares)), free_ports(len(shares))
    ports[0] = port or ports[0]
    secret = ("--requirepass", password) if password else ()
    with contextlib.ExitStack() as stack:
        nodes, clients, first = [], [], 0
        for own, bus, reached in zip(ports, buses, itertools.accumulate(shares), strict=True):
            options = ("--cluster-enabled", "yes", "--cluster-port", str(bus), *secret)
            nodes.append(stack.enter_context(running(*options, port=own)))
            client = nodes[-1].client(password=password, decode_responses=True)
            clients.append(stack.enter_context(contextlib.closing(client)))
            end = SLOTS * reached // sum(shares)
            if end > first:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
            first = end
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[0], buses[0])
        for client in clients:
            wait_for(lambda client=client: _knows(client.cluster("INFO"), len(nodes)))
        yield nodes


def _knows(state, nodes):
    return (state["cluster_state"], state["cluster_known_nodes"]) == ("ok", str(nodes))


def move_slots(slots, giver, taker):
    """Make slots that hold nothing another node's."""
    with contextlib.closing(giver.client()) as gives, contextlib.closing(taker.client()) as takes:
        gives.flushall()
        owner = takes.cluster("MYID")
        for client in (takes, gives):
            with client.pipeline(transaction=False) as pipeline:
                for slot in slots:
                    pipeline.execute_command("CLUSTER", "SETSLOT", slot, "NODE", owner)
                pipeline.execute()


@contextlib.contextmanager
def running_sentinel(redis):
    """Start one that watches a Redis on a port."""
    needed()
    host, port = redis.tcp.removeprefix("redis://").split(":")
    with tempfile.TemporaryDirectory(prefix="imgsvc-", dir="/tmp") as folder:
        file = Path(folder) / "sentinel.conf"
        file.write_text(f"sentinel monitor results {host} {port} 1\n")
        (own,) = free_ports(1)
        sentinel = Redis(folder, first=(file, "--sentinel"), port=own)
        try:
            yield sentinel
        finally:
            sentinel.kill()
