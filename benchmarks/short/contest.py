"""Contests: pieces of work, and everybody's rounds at them, in several sittings.

Where others use the machine too, it is slow for seconds at a time. So a benchmark has a part of its rounds in
its test, and the others when all tests have run, once around for each sitting: some rounds then have the
machine to themselves, and it is in the fastest that two runs agree.
"""

from __future__ import annotations

import dataclasses
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks.kernels.pace import first_result, rounds_within

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[[], Any]
    Timer = Callable[[], float]

SITTINGS = 6

BUDGET, LEAST, MOST = 0.07, 2, 200
"""Seconds of the rounds of a benchmark in a sitting, and how many they may be."""

ITERATIONS_WITHIN = 0.0002
"""Seconds: calls shorter than that are timed several at a time."""


@dataclasses.dataclass(frozen=True)
class Part:
    """One benchmark's part of a sitting.

    Parameters
    ----------
    prepare
        Returns the call. It is made anew for each sitting: all images at a time would be gigabytes.
    rounds, iterations
        How many there are, and of how many calls each.
    add
        Takes the seconds of a round.
    """

    prepare: Callable[[], Call]
    rounds: int
    iterations: int
    timer: Timer
    add: Callable[[float], None]

    def play(self) -> None:
        """Play the rounds."""
        call, repeats = self.prepare(), range(self.iterations)
        call()
        for _ in range(self.rounds):
            start = self.timer()
            for _ in repeats:
                call()
            self.add(self.timer() - start)


@dataclasses.dataclass(frozen=True)
class Entry:
    """What the table shows of a benchmark.

    Parameters
    ----------
    family
        What is measured, and on what.
    work
        The piece of work.
    who
        Who did it, or in which way. The first at a piece of work is what the others are compared with.
    stats
        What pytest-benchmark has of it.
    """

    family: str
    work: str
    who: str
    stats: Any

    @property
    def seconds(self) -> float:
        """Those of the fastest round; to be asked for after the last."""
        fastest: float = self.stats.stats.min
        return fastest


@dataclasses.dataclass(frozen=True)
class Contests:
    """What a run has entered, and what is left to play."""

    entries: list[Entry] = dataclasses.field(default_factory=list)
    parts: list[Part] = dataclasses.field(default_factory=list)

    def sit_again(self) -> None:
        """Play everybody's part of a sitting."""
        for part in self.parts:
            part.play()


@dataclasses.dataclass(frozen=True)
class Contest:
    """Times what one test does; `benchmark` is the fixture of pytest-benchmark, which leaves half untyped."""

    benchmark: Any
    contests: Contests

    def time(self, family: str, work: str, who: str, prepare: Callable[[], Call]) -> Any:
        """Time a call, as often as the budget allows, and return its result; see `Entry` and `Part`."""
        call = prepare()
        result, seconds = first_result(call)
        iterations = rounds_within(ITERATIONS_WITHIN, seconds, 1, 100)
        rounds = rounds_within(BUDGET, seconds * iterations, LEAST, MOST)
        self.enter(family, work, who, call, prepare, rounds=rounds, iterations=iterations)
        return result

    def enter(
        self,
        family: str,
        work: str,
        who: str,
        call: Call,
        prepare: Callable[[], Call],
        *,
        rounds: int,
        iterations: int = 1,
        timer: Timer = perf_counter,
    ) -> None:
        """Play the first sitting of a call that is prepared, and be there in the next."""
        self.benchmark.group = f"{family}: {work}"
        self.benchmark.pedantic(call, rounds=rounds, iterations=iterations)
        stats = self.benchmark.stats
        self.contests.entries.append(Entry(family, work, who, stats))
        self.contests.parts.append(Part(prepare, rounds, iterations, timer, stats.update))
