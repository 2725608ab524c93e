"""A real Redis, started by a test."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

try:
    import redis
except ImportError:
    redis = None

from tests.processes import wait_for

PROGRAM = shutil.which("redis-server")


def needed():
    """Skip the test where Redis, or its client, is not installed."""
    if PROGRAM is None:
        pytest.skip("no redis-server: apt-get install redis-server")
    if redis is None:
        pytest.skip("no redis: pip install 'imgsvc[redis]'")


class Redis:
    """One that listens on a Unix socket; it can be killed, frozen, and started again."""

    def __init__(self, folder, *options):
        self.socket = Path(folder) / "redis"
        self.url = f"unix://{self.socket}"
        self._options = options
        self._process = None
        self.start()

    def start(self):
        self.socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [PROGRAM, "--port", "0", "--unixsocket", self.socket, "--save", "", *self._options],
            stdout=subprocess.DEVNULL,
        )
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
def running(*options):
    """Start one, and end it."""
    needed()
    with tempfile.TemporaryDirectory(prefix="imgsvc-", dir="/tmp") as folder:
        server = Redis(folder, *options)
        try:
            yield server
        finally:
            server.thaw()
            server.kill()
