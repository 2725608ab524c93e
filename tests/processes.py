"""The installed programs as processes.

`prepared` is where they are forked from, if not None; it is up to `tests/conftest.py`.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

START_SECONDS = 30
STOP_SECONDS = 30

prepared = None


def program(name):
    """Return the path of an installed program of this interpreter's environment."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else shutil.which(name)


def environment(**variables):
    """Return this process's environment without imgsvc's variables, and with those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IMGSVC_CFG_")}
    return {**kept, **variables}


def run(name, *arguments, timeout=120, **variables):
    """Run a program to its end."""
    process = _forked(name, arguments, environment(**variables))
    if process is not None:
        return process.complete(timeout)
    return subprocess.run(
        [program(name), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(**variables),
        check=False,
    )


def _forked(name, arguments, environment):
    return None if prepared is None else prepared.start(name, list(map(str, arguments)), environment)


class RunningServer:
    """An imgsvc-server that has said that it serves."""

    def __init__(self, process, first_line, log):
        self.process = process
        self.first_line = first_line
        self.addresses = [
            address.split(" (")[0] for address in first_line.split(" serving on ")[1].strip().split(", ")
        ]
        self.target = self.addresses[0]
        self._log = log

    @property
    def port(self):
        return int(re.search(r":(\d+)$", self.target)[1])

    @property
    def log(self):
        """All that it has written to stderr so far."""
        return "".join(self._log)

    def wait(self):
        """Wait for the end, and for the rest of the log; return the exit code."""
        code = self.process.wait(STOP_SECONDS)
        self._log.thread.join(STOP_SECONDS)
        return code


class _Log(list):
    """Lines of a stream, read by a thread so that the process never waits for a reader."""

    def __init__(self, stream):
        super().__init__()
        self.thread = threading.Thread(target=lambda: self.extend(stream), daemon=True)
        self.thread.start()


@contextlib.contextmanager
def serving(*options, **variables):
    """Start imgsvc-server, give it when it serves, and end it.

    Tests run side by side, so it picks a free port where it is told no address; its log is text, in which
    tests find words.
    """
    if not any(str(option).startswith(("--port", "--unix-socket")) for option in options):
        variables = {"IMGSVC_CFG_PORT": "0", **variables}
    variables = environment(**{"IMGSVC_CFG_LOG_FORMAT": "text", **variables})
    process = _forked("imgsvc-server", options, variables) or subprocess.Popen(
        [program("imgsvc-server"), *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=variables,
    )
    log = _Log(process.stderr)
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline()
        watchdog.cancel()
        if " serving on " not in line:
            process.wait(STOP_SECONDS)
            log.thread.join(STOP_SECONDS)
            raise AssertionError(f"imgsvc-server did not start: {line!r} {''.join(log)}")
        yield RunningServer(process, line, log)
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.stdout.close()
        log.thread.join(STOP_SECONDS)
        process.stderr.close()


def helper_programs(pid):
    """Return the programs that decode and encode for a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += (task / "children").read_text("ascii").split()
    return [int(child) for child in found if b"imgsvc.codec.helper" in of_process(child, "cmdline")]


def of_process(pid, name):
    """Return a file of the system's on a process; nothing once it has gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def wait_for(condition, seconds=20):
    """Ask until it is so; how long that takes is not tested."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found
