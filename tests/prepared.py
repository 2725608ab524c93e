"""The installed programs, forked from a process that has loaded them.

Tests start hundreds, and would wait for imports most of the time. A server also finds there how fast its
machine is, which else it measures for a quarter of a second. What a program takes from the process that
starts it (variables, limits, the umask) has to be what it was at the beginning; otherwise `Programs.start`
returns None, and the program has to be started as it is installed. In the thorough tier all are.
"""

import contextlib
import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

PROGRAMS = "imgsvc-server", "imgsvc-client"
READ_LATER = ("IMGSVC_CFG_", "LISTEN_", "NOTIFY_", "WATCHDOG_", "PYTEST_", "NO_COLOR", "TERM", "COLUMNS")
"""Variables, by how they begin, that a program reads once it runs."""

NUMBER = struct.Struct("=q")
LOADED = Path(__file__).with_name("loaded_programs.py")


class Programs:
    """The process that loads the programs when one is first asked for, until `close`."""

    def __init__(self):
        self._inherited = _inherited(os.environ)
        self._lock = threading.Lock()
        self._process = self._connection = None
        self._has_started = False

    def start(self, program, arguments, environment):
        """Return a `Process`, or None where it would not be as if it had been started."""
        if program not in PROGRAMS or _inherited(environment) != self._inherited:
            return None
        return Process(program, arguments, environment, self._send)

    def has_started(self):
        """Return whether there was a start since this was last asked."""
        has_started, self._has_started = self._has_started, False
        return has_started

    def _send(self, request, descriptors):
        with self._lock:
            if self._process is None:
                self._load()
            self._has_started = True
            socket.send_fds(self._connection, [request], descriptors)

    def _load(self):
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, LOADED, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # what forks has one thread
            )

    def close(self):
        if self._process is not None:
            self._connection.close()
            self._process.wait()


class Process:
    """One of the programs, with what of `subprocess.Popen` is used here; its output is text."""

    def __init__(self, program, arguments, environment, send):
        self.args = [program, *arguments]
        self.returncode = None
        output, output_end = os.pipe()
        errors, errors_end = os.pipe()
        said, self._told = socket.socketpair()
        request = json.dumps([program, self.args, environment]).encode()
        with said:
            send(request, [0, output_end, errors_end, said.fileno()])
        os.close(output_end)
        os.close(errors_end)
        self.stdout, self.stderr = os.fdopen(output, encoding="utf-8"), os.fdopen(errors, encoding="utf-8")
        self.pid = self._number(None)

    def _number(self, timeout):
        ready, _, _ = select.select([self._told], [], [], timeout)
        if not ready:
            raise subprocess.TimeoutExpired(self.args, timeout)
        received = self._told.recv(NUMBER.size)
        assert received, "the process that starts programs is gone"
        return NUMBER.unpack(received)[0]

    def wait(self, timeout=None):
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(self._number(timeout))
            self._told.close()
        return self.returncode

    def poll(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def complete(self, timeout):
        """Return what `subprocess.run` does."""
        streams = self.stdout, self.stderr
        texts = ["", ""]

        def read(index):
            texts[index] = streams[index].read()

        threads = [threading.Thread(target=read, args=[index]) for index in range(2)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + timeout
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            for thread in threads:
                thread.join(max(end - time.monotonic(), 1))
            for stream in streams:
                stream.close()
        return subprocess.CompletedProcess(self.args, self.returncode, *texts)


def _inherited(environment):
    """Return what a program takes from the process that starts it, but for what it reads later."""
    status = Path("/proc/self/status").read_text("ascii")
    return (
        {name: value for name, value in environment.items() if not name.startswith(READ_LATER)},
        next(line for line in status.splitlines() if line.startswith("Umask:")),
        os.sched_getaffinity(0),
        *(resource.getrlimit(each) for each in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS)),
        Path.cwd(),
    )
