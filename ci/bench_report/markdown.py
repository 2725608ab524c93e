"""The results as tables in Markdown: a short one for the README, and a page with every row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench_report.results import README_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bench_report.results import Results, Row

BEGIN, END = "<!-- kernels -->", "<!-- /kernels -->"


class MarkerError(Exception):
    """The text has no place for the table."""


def with_table(text: str, lines: Iterable[str]) -> str:
    """Return the text with `lines` between its two markers, in place of what was there.

    Raises
    ------
    MarkerError
        There are not just these two.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in before + after:
        raise MarkerError(f"expected {BEGIN} and, after it, {END}, once each")
    return "\n".join([before + BEGIN, "", *lines, "", END + after])


def short_table(results: Results) -> Iterator[str]:
    """Yield the lines of the README's table: what has a floor, on one image, and the sum of the rest."""
    yield from _table(results, README_IMAGE)
    yield ""
    means = [f"{mean:.2f} with {_threads(n)}" for n in (1, 2) if (mean := results.mean(n)) is not None]
    counted = sum(row.counts for row in results.rows)
    yield f"Geometric mean over {counted} comparisons at {_sizes(results)}: {', '.join(means)}."
    losses = _losses([row for row in results.rows if row.floor is not None])
    yield f"imgsvc is behind in {losses}; [docs/kernels.md](docs/kernels.md) has every one."
    yield ""
    yield f"Measured on {results.machine}."


def page(results: Results) -> Iterator[str]:
    """Yield the lines of a page with every row."""
    yield "# The kernels beside others"
    yield ""
    yield (
        "Written by `ci/bench-report` from a run of `pytest benchmarks/kernels --benchmark-only "
        "--benchmark-json=RUN.json`."
    )
    yield ""
    yield f"Measured on {results.machine}."
    yield ""
    yield (
        "Times are medians of rounds in which imgsvc and the other take turns. The ratio is the other's time "
        "divided by imgsvc's, as a median and the middle half of the rounds, with as many threads for both "
        "(Pillow and NumPy know one only); bold where imgsvc is behind. *Copies*: how many times as long as "
        "NumPy copies as many bytes, on one thread. *Others*: CPUs that other work kept busy meanwhile; over "
        "0.1 of them disturb."
    )
    yield ""
    for threads in (1, 2):
        if (mean := results.mean(threads)) is not None:
            yield f"Geometric mean of the ratios with a floor, {_threads(threads)}: {mean:.2f}."
    for image in results.images():
        yield ""
        yield f"## {_shown(image)}"
        yield ""
        yield "| | threads | imgsvc | the other's | times as fast | floor | copies | others |"
        yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
        for pair in results.pairs(image, all_rows=True):
            for row in pair.values():
                times = f"{_time(row.seconds)} | {_time(row.peer_seconds)}, {row.peer}"
                figures = " | ".join(map(_optional, (row.floor, row.copies, row.disturbance)))
                yield f"| {row.work} | {row.threads} | {times} | {_ratio(row)} | {figures} |"


def _table(results: Results, image: str) -> Iterator[str]:
    yield (
        f"| {_shown(image)} | imgsvc, 1 thread | 2 threads | the other's, 1 thread | 2 threads "
        "| times as fast, 1 thread | 2 threads |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for pair in results.pairs(image, all_rows=False):
        rows = [pair.get(threads) for threads in (1, 2)]
        [first, *_] = pair.values()
        cells = [
            first.work if first.peer == "OpenCV" else f"{first.work} ({first.peer})",
            *(_time(row.seconds) if row else "" for row in rows),
            *(_time(row.peer_seconds) if row else "" for row in rows),
            *(_ratio(row) if row else "" for row in rows),
        ]
        yield f"| {' | '.join(cells)} |"


def _sizes(results: Results) -> str:
    return ", ".join(dict.fromkeys(_shown(row.image) for row in results.rows if row.counts))


def _losses(rows: Sequence[Row]) -> str:
    """Return in how many rows imgsvc is behind, image by image."""
    images: dict[str, list[bool]] = {}
    for row in rows:
        images.setdefault(row.image, []).append(row.is_loss)
    return ", ".join(f"{sum(losses)} of {len(losses)} at {_shown(image)}" for image, losses in images.items())


def _shown(image: str) -> str:
    """Return an image's name for people: ``640x480-rgb`` is 640×480 RGB."""
    size, _, kind = image.partition("-")
    return f"{size.replace('x', '×')} {'RGB' if kind == 'rgb' else kind}"


def _threads(number: int) -> str:
    return "one thread" if number == 1 else f"{number} threads"


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms" if seconds >= 0.001 else f"{seconds * 1e6:.0f} µs"


def _ratio(row: Row) -> str:
    low, median, high = row.quartiles
    shown = f"**{median:.2f}**" if row.is_loss else f"{median:.2f}"
    return f"{shown} ({low:.2f}–{high:.2f})"


def _optional(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
