"""Soak a server: rounds of mixed load, each with a pause in which its memory and the rest are looked at."""

from __future__ import annotations

import collections
import random
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING

from soaking.loads import LOADS, OUTCOMES, Place, outcome_of
from soaking.samples import HEADER, growth, sample
from tests import processes

if TYPE_CHECKING:
    from soaking.loads import Load
    from soaking.samples import Sample

DEFAULT_SECONDS = 600
PAUSE = 8.0
"""Seconds: the server gives memory back when it has been quiet for five, and looks once a second."""

MOST_ROUNDS = 20
MOST_CALLS = 1_000_000
OPTIONS = ("--port", "0", "--host", "127.0.0.1", "--body-timeout", "2", "--max-message-bytes", "32MiB")


def _seeded(name: str) -> random.Random:
    return random.Random(name)  # noqa: S311 - the same load each time, no secret


class Round:
    """Every kind of load at a time, each in a thread, over and over until it is told to end."""

    def __init__(self, place: Place, number: int) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self.faults: list[str] = []
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(load, place, _seeded(f"{number} {load.__name__}")))
            for load in LOADS
        ]

    def run(self, seconds: float) -> None:
        """Put it on for so long."""
        for thread in self._threads:
            thread.start()
        self._end.wait(seconds)
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _run(self, load: Load, place: Place, chance: random.Random) -> None:
        while not self._end.wait(chance.random() * 0.02) and self.counts.total() < MOST_CALLS:
            try:
                self.counts[outcome_of(load, place, chance)] += 1
            except Exception:  # noqa: BLE001 - whatever it is, the soak has failed
                self.faults.append(f"{load.__name__}: {traceback.format_exc(limit=-2)}")
                return


def soak(seconds: float, options: list[str]) -> list[str]:
    """Soak for about so long; return what was wrong, one text each."""
    rounds = max(3, min(MOST_ROUNDS, int(seconds // (2 * PAUSE))))
    warm_up = 1 + rounds // 5  # pools, arenas and gRPC's caches fill
    busy = max(0.5, seconds / rounds - PAUSE)
    samples: list[Sample] = []
    faults: list[str] = []
    begun = time.monotonic()
    print(f"{'s':>6} " + " ".join(f"{name:>8}" for name in OUTCOMES) + f" {HEADER}", flush=True)
    with processes.serving(*OPTIONS, *options) as server:
        for number in range(rounds):
            place = Place(server.target)
            load = Round(place, number)
            load.run(busy)
            place.close()
            time.sleep(PAUSE)
            samples.append(sample(server.process.pid))
            counts = " ".join(f"{load.counts[name]:8d}" for name in OUTCOMES)
            warming = "  warming up" if number < warm_up else ""
            print(f"{time.monotonic() - begun:6.0f} {counts} {samples[-1]}{warming}", flush=True)
            faults += load.faults
            if server.process.poll() is not None or faults:
                break
            if not load.counts["done"]:
                faults.append("nothing was answered")
        server.process.terminate()
        code = server.wait()
        log = server.log
    if code != 0:
        faults.append(f"the server ended with exit code {code}")
    faults += [line for line in log.splitlines() if "Traceback" in line or "internal error" in line]
    return faults + growth(samples[warm_up:])


def main() -> int:
    """Return the exit status."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SECONDS
    faults = soak(seconds, sys.argv[2:])
    for fault in faults:
        print(f"soak: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
