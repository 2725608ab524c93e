"""The README's table as a bar chart in SVG.

The axis is logarithmic: twice and half as fast are equally far from the line at 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from bench_report.results import README_IMAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench_report.results import Results, Row

WIDTH, LABELS, MARGIN = 760, 230, 50
TOP, BAR, GAP = 64, 12, 12
THREADS = (1, 2)

STYLE = """\
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .value { font-size: 10px }
  .heading { font-weight: 600; font-size: 14px }
  .grid { stroke: #d0d7de } .one { stroke: #24292f; stroke-width: 1.5 }
  .threads-1 { fill: #8bb5e8 } .threads-2 { fill: #2f6fbd }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .grid { stroke: #3d444d } .one { stroke: #e6edf3 }
    .threads-1 { fill: #35598a } .threads-2 { fill: #79b0f2 }
  }"""


def svg(results: Results) -> str:
    """Return the chart of every ratio with a floor on the README's image."""
    pairs = list(results.pairs(README_IMAGE, all_rows=False))
    axis = Axis([row.ratio for pair in pairs for row in pair.values()])
    bottom = TOP + len(pairs) * (len(THREADS) * BAR + GAP)
    height = bottom + 28
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title description">',
        '<title id="title">How many times as fast as others imgsvc is, with one thread and with two</title>',
        f'<desc id="description">{escape("; ".join(_words(pair) for pair in pairs))}.</desc>',
        f"<style>\n{STYLE}\n</style>",
        '<text class="heading" x="8" y="22">Times as fast as OpenCV, or as named, 4000×3000 RGB</text>',
        *_legend(),
        *_grid(axis, bottom),
    ]
    for number, pair in enumerate(pairs):
        lines += _bars(axis, pair, TOP + GAP // 2 + number * (len(THREADS) * BAR + GAP))
    x = axis.x(1)
    lines.append(f'<line class="one" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{bottom}"/>')
    return "\n".join([*lines, "</svg>", ""])


class Axis:
    """Where a ratio is: whole powers of two, so that all of them and 1/2 to 2 are on it."""

    def __init__(self, ratios: Sequence[float]) -> None:
        logarithms = [math.log2(ratio) for ratio in ratios]
        self.low = math.floor(min([-1.0, *logarithms]))
        self.high = math.ceil(max([1.0, *logarithms]))

    def x(self, ratio: float) -> float:
        """Return the place of a ratio."""
        part = (math.log2(ratio) - self.low) / (self.high - self.low)
        # Room for the numbers beside bars.
        return LABELS + MARGIN + part * (WIDTH - LABELS - 2 * MARGIN)


def _legend() -> Iterator[str]:
    for threads, x in zip(THREADS, (8, 92), strict=True):
        yield f'<rect class="threads-{threads}" x="{x}" y="34" width="12" height="12"/>'
        yield f'<text x="{x + 18}" y="44">{_threads(threads)}</text>'


def _grid(axis: Axis, bottom: int) -> Iterator[str]:
    for power in range(axis.low, axis.high + 1):
        x = axis.x(2**power)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" y2="{bottom}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{2**power:g}×</text>'


def _bars(axis: Axis, pair: dict[int, Row], top: int) -> Iterator[str]:
    yield f'<text x="{LABELS}" y="{top + BAR + 4}" text-anchor="end">{escape(_name(pair))}</text>'
    one = axis.x(1)
    for number, threads in enumerate(THREADS):
        if threads not in pair:
            continue
        ratio, y = pair[threads].ratio, top + number * BAR
        end = axis.x(ratio)
        place = f'x="{min(one, end):.1f}" y="{y}" width="{abs(end - one):.1f}" height="{BAR - 1}"'
        yield f'<rect class="threads-{threads}" {place}/>'
        x, anchor = (end + 4, "start") if ratio >= 1 else (end - 4, "end")
        yield f'<text class="value" x="{x:.1f}" y="{y + 9}" text-anchor="{anchor}">{ratio:.2f}</text>'


def _name(pair: dict[int, Row]) -> str:
    [row, *_] = pair.values()
    return row.work if row.peer == "OpenCV" else f"{row.work} ({row.peer})"


def _words(pair: dict[int, Row]) -> str:
    ratios = ", ".join(f"{_threads(threads)} {row.ratio:.2f}" for threads, row in pair.items())
    return f"{_name(pair)}: {ratios}"


def _threads(number: int) -> str:
    return "1 thread" if number == 1 else f"{number} threads"
