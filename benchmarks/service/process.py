"""A process of the benchmark's: what it says, and what /proc says of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

ROOT = Path(__file__).parents[2]

STOP_SECONDS = 10.0

CPU_CLOCK = 2
"""CPUCLOCK_SCHED, the lowest bits of a clock's number that is made from a process's."""

LEFT_OUT = re.compile(r"IMGSVC_CFG_|GLIBC_TUNABLES|MALLOC_|GRPC_|.*_proxy$", re.IGNORECASE)
"""Variables that would make the defaults other ones, for some of the contenders or for all."""


def clean_environment(**variables: str) -> dict[str, str]:
    """Return this process's environment with the defaults' being defaults, and with `variables`."""
    kept = {name: value for name, value in os.environ.items() if not LEFT_OUT.match(name)}
    return {**kept, **variables}


def program(name: str) -> str:
    """Return the path of an installed program, first of all of this interpreter's environment."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    found = shutil.which(name, path=path)
    assert found, f"{name} is not installed"
    return found


class ProcessError(Exception):
    """A process did not do what it was started for; the text has the end of what it wrote to stderr."""


class Process:
    """Runs as long as its context.

    Parameters
    ----------
    command
        Run in the repository's folder.
    variables
        Added to the environment.
    log
        The file for its stderr.
    """

    def __init__(self, command: Sequence[str], variables: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._log = log
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=clean_environment(**variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def read_line(self, seconds: float) -> str:
        """Return the next line of its stdout; one that does not come in time ends the process."""
        watchdog = threading.Timer(seconds, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline() if self._process.stdout else ""
        finally:
            watchdog.cancel()
        if not line.endswith("\n"):
            raise self._failure(f"said nothing within {seconds:g} s, or ended")
        return line

    def ask(self, command: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Write a line of JSON and return the one that comes back."""
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure("has ended") from None
        answer: dict[str, Any] = json.loads(self.read_line(seconds))
        if "error" in answer:
            raise self._failure(answer["error"])
        return answer

    def cpu_seconds(self) -> float:
        """Return the CPU time it has used, or 0 where that is not known, as outside Linux."""
        if sys.platform != "linux":
            return 0.0
        # clock_getcpuclockid(3): what /proc/PID/stat has in hundredths of a second.
        try:
            return time.clock_gettime((~self._process.pid << 3) | CPU_CLOCK)
        except OSError:
            return 0.0

    def resident(self) -> int:
        """Return the bytes of memory it has."""
        return self._memory("VmRSS")

    def threads(self) -> int:
        """Return how many threads it has."""
        return sum(1 for _ in Path(f"/proc/{self._process.pid}/task").iterdir())

    def peak(self) -> int:
        """Return the most it had since `reset_peak`."""
        return self._memory("VmHWM")

    def reset_peak(self) -> None:
        """Let `peak` begin anew (proc_pid_clear_refs(5))."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5", "ascii")

    def end(self) -> None:
        """End it, gently if it lets us."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        with contextlib.suppress(BrokenPipeError):  # of a command that it did not read any more
            self._process.stdin.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def _memory(self, field: str) -> int:
        status = Path(f"/proc/{self._process.pid}/status").read_text("utf-8")
        found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
        assert found, f"no {field} in /proc"
        return int(found[1]) * 1024

    def _failure(self, what: str) -> ProcessError:
        log = self._log.read_text("utf-8", errors="replace")[-2000:]
        return ProcessError(f"{' '.join(map(str, self._command))}: {what}\n{log}".strip())
