"""What a run has measured, and how it is shown."""

from __future__ import annotations

import dataclasses
import statistics
from typing import TYPE_CHECKING

from benchmarks.service.cost import fit_line
from benchmarks.service.floors import SWEEP_FLOOR, verdict
from benchmarks.service.memory import MB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.ratio_table import Ratio
    from benchmarks.service.cost import Cost
    from benchmarks.service.memory import Growth, Memory
    from benchmarks.service.rounds import Standing
    from benchmarks.service.stopping import Stopping


@dataclasses.dataclass
class Report:
    """The results of the tests that ran; each adds its own."""

    notes: list[str] = dataclasses.field(default_factory=list)
    lean: list[Standing] = dataclasses.field(default_factory=list)
    from_arrays: list[Standing] = dataclasses.field(default_factory=list)
    client: list[str] = dataclasses.field(default_factory=list)
    idle: list[str] = dataclasses.field(default_factory=list)
    memory: list[Memory] = dataclasses.field(default_factory=list)
    growth: Growth | None = None
    costs: list[Cost] = dataclasses.field(default_factory=list)
    folder: Ratio | None = None
    pipelines: list[Ratio] = dataclasses.field(default_factory=list)
    batches: list[Ratio] = dataclasses.field(default_factory=list)
    sweep: list[Standing] = dataclasses.field(default_factory=list)
    stopping: list[Stopping] = dataclasses.field(default_factory=list)
    observing: list[str] = dataclasses.field(default_factory=list)
    security: list[str] = dataclasses.field(default_factory=list)

    def sections(self) -> Iterator[tuple[str, list[str]]]:
        """Yield a title and its lines for each thing that was measured."""
        lean = "MeanFilter: servers, all called by one lean client"
        from_arrays = "MeanFilter from array to array"
        growth, folder = self.growth, self.folder
        tables: list[tuple[str, object, Iterator[str]]] = [
            (lean, self.lean, throughput_table(self.lean)),
            (f"{lean}: floors", self.lean, floor_table(self.lean)),
            (from_arrays, self.from_arrays, throughput_table(self.from_arrays)),
            (f"{from_arrays}: floors", self.from_arrays, floor_table(self.from_arrays)),
            ("CPU time of a 64×64 call in the client", self.client, iter(self.client)),
            ("an idle server", self.idle, iter(self.idle)),
            ("memory of the servers", self.memory, memory_table(self.memory)),
            (
                "memory of imgsvc-server after many calls",
                growth,
                growth_lines(growth) if growth else iter(()),
            ),
            ("cost of a call by the image's size", self.costs, cost_table(self.costs)),
            ("a folder by imgsvc-client", folder, folder_lines(folder) if folder else iter(())),
            ("five operations in one call", self.pipelines, ratio_table(self.pipelines, "a second")),
            ("a batch over one stream", self.batches, ratio_table(self.batches, "images a second")),
            ("the core budget against fixed numbers of threads", self.sweep, sweep_table(self.sweep)),
            ("from the end of a call to its cores being free", self.stopping, stopping_table(self.stopping)),
            ("CPU time of a 64×64 call by what is told of it", self.observing, iter(self.observing)),
            ("CPU time of a 64×64 call by who may make it", self.security, iter(self.security)),
            ("left out", self.notes, iter(self.notes)),
        ]
        for title, measured, lines in tables:
            if measured:
                yield title, list(lines)


def throughput_table(standings: list[Standing]) -> Iterator[str]:
    """Yield everybody's throughput and latency, and what imgsvc's throughput is to each one's."""
    yield f"{'':16}{'calls/s':>10}{'p50':>12}{'p99':>12}{'calls':>8}{'server CPU':>12}   ratio  25–75 %"
    for standing in standings:
        yield f"{standing.work} (others' CPUs: {_cpus(standing.others_cpus)})"
        for name in standing.bursts:
            row = (
                f"  {name:14}{standing.calls_per_second(name):10.1f}"
                f"{_milliseconds(standing.latency(name, 50)):>12}"
                f"{_milliseconds(standing.latency(name, 99)):>12}{standing.calls(name):8}"
                f"{standing.server_cpu(name) * 1e6:9.0f} µs"
            )
            yield row if name == "imgsvc" else f"{row}  {_ratio(standing.ratio('imgsvc', name))}"
    yield "Medians of rounds in turn, of the ratios to imgsvc also the middle half; percentiles of all calls."
    yield "Where others keep over 0.1 CPUs busy, it is them that are measured too: measure again."


def floor_table(standings: list[Standing]) -> Iterator[str]:
    """Yield how each floor compares with what was measured."""
    yield f"{'':56}  ratio  25–75 %          floor"
    for standing in standings:
        for floor, quartiles in standing.judged():
            yield (
                f"{standing.work:30}{f'{floor.own} / {floor.peer}':26}  {_ratio(quartiles)}"
                f"{floor.ratio:6.2f}×  {verdict(quartiles, floor.ratio)}"
            )
    yield "A floor is missed where the whole interval lies below it."


def memory_table(memory: list[Memory]) -> Iterator[str]:
    """Yield each server's memory, and what imgsvc's should be."""
    yield f"{'MB':14}{'start':>8}{'peak':>8}{'after a quiet spell':>22}"
    for each in memory:
        yield f"{each.server:14}{each.start / MB:8.0f}{each.peak / MB:8.0f}{each.quiet / MB:22.0f}"
    imgsvc = memory[0]
    peak, quiet = _goal(imgsvc.peak, imgsvc.peak_goal), _goal(imgsvc.quiet, imgsvc.quiet_goal)
    yield f"imgsvc's goals: peak {peak}; after a quiet spell {quiet}"
    yield f"{imgsvc.in_flight / MB:.0f} MB of pixels, of requests and answers, were in flight at the peak."


def growth_lines(growth: Growth) -> Iterator[str]:
    """Yield what many calls of mixed sizes left behind."""
    goal = _goal(growth.many, growth.goal)
    yield (
        f"{growth.few / MB:.0f} MB after {growth.few_calls} calls and a quiet spell, "
        f"{growth.many / MB:.0f} MB after {growth.many_calls}; goal: {goal}"
    )


def cost_table(costs: list[Cost]) -> Iterator[str]:
    """Yield what each size costs, and by how much a straight line misses that."""
    rgb = [cost for cost in costs if cost.is_rgb]
    line = fit_line(rgb) if len(rgb) > 2 else None
    yield f"{'megapixels':>12}{'ms':>10}{'ms/megapixel':>15}{'off the line' if line else '':>15}"
    for cost in costs:
        row = f"{cost.megapixels:12.2f}{cost.seconds * 1e3:10.2f}{cost.seconds * 1e3 / cost.megapixels:15.2f}"
        if not cost.is_rgb:
            yield f"{row}{'gray':>15}"
        else:
            yield f"{row}{line.deviation(cost):+15.0%}" if line else row
    if line:
        yield (
            f"{line.fixed * 1e3:.2f} ms and {line.slope * 1e3:.2f} ms a megapixel; the farthest is "
            f"{max(abs(line.deviation(cost)) for cost in rgb):.0%} off that line"
        )


def folder_lines(folder: Ratio) -> Iterator[str]:
    """Yield how much is gained by several photos at a time."""
    own, peer = (1 / statistics.median(each) for each in (folder.imgsvc_seconds, folder.peer_seconds))
    quartiles = folder.quartiles()
    yield f"{folder.work} (others' CPUs: {_cpus(folder.disturbance)})"
    yield f"{own:.1f} images/s by default, {peer:.1f} with {folder.peer}"
    yield f"{_ratio(quartiles)}  floor {folder.floor:.2f}×: {verdict(quartiles, folder.floor)}"


def ratio_table(ratios: list[Ratio], unit: str) -> Iterator[str]:
    """Yield what is gained over doing the same in another way; `unit` is of the inverse of the seconds."""
    for each in ratios:
        own, peer = (1 / statistics.median(seconds) for seconds in (each.imgsvc_seconds, each.peer_seconds))
        quartiles = each.quartiles()
        floor = f"floor {each.floor:.2f}×: {verdict(quartiles, each.floor)}" if each.floor else ""
        yield f"{each.work} (others' CPUs: {_cpus(each.disturbance)})"
        yield f"  {own:.1f} {unit}, {peer:.1f} by {each.peer}: {_ratio(quartiles)}  {floor}"


def sweep_table(sweep: list[Standing]) -> Iterator[str]:
    """Yield the throughput of the budget and of each fixed setting, and how it compares with the best."""
    for standing in sweep:
        fixed = [name for name in standing.bursts if name != "imgsvc"]
        best = max(fixed, key=standing.calls_per_second)
        quartiles = standing.ratio("imgsvc", best)
        speeds = "".join(f"  {name} {standing.calls_per_second(name):.1f}/s" for name in standing.bursts)
        yield (
            f"{standing.work:22}  {_ratio(quartiles)} of {best}, floor {SWEEP_FLOOR:.2f}×: "
            f"{verdict(quartiles, SWEEP_FLOOR)} {speeds}  (others' CPUs: {_cpus(standing.others_cpus)})"
        )


def stopping_table(stopping: list[Stopping]) -> Iterator[str]:
    """Yield how long the cores were held."""
    yield f"{'':62}{'calls':>6}{'p50':>11}{'p95':>11}{'most':>11}"
    for each in stopping:
        times = "".join(f"{_milliseconds(each.percentile(percent)):>11}" for percent in (50, 95, 100))
        what = f"{each.end} of {each.image} beside {each.beside}"
        yield f"{what:62}{len(each.seconds):6}{times}   {each.verdict}"


def _ratio(quartiles: list[float]) -> str:
    low, median, high = quartiles
    return f"{median:5.2f}×  {low:5.2f} – {high:<5.2f}"


def _goal(measured: float, goal: float) -> str:
    return f"at most {goal / MB:.0f}, {'met' if measured <= goal else 'MISSED'}"


def _cpus(number: float | None) -> str:
    return "?" if number is None else f"{number:.2f}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"
