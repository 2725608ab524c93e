"""Report of a batch: for people, as data, and the file of what failed."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc._files import replacing
from imgsvc.client.commands.batch_items import sorted_failures
from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from imgsvc.client.commands.batch_items import Failure, Tally

__all__ = ["Report", "check_writable", "percentiles", "write_failures"]

MEGA = 1e6
PERCENTILES = (50, 90, 99)
MOST_NOTES = 10


@dataclasses.dataclass(frozen=True)
class Report:
    """What became of a batch, in how many seconds; `left_out` were there already, `others` are no images."""

    seconds: float
    left_out: int
    others: Sequence[str]
    tally: Tally

    def lines(self, *, shown_failures: bool) -> Iterator[str]:
        """Yield it as its reader sees it."""
        tally = self.tally
        counts = f"{tally.done} done, {len(tally.failures)} failed, {self.left_out} left out"
        coming, going = (size / MEGA / self.seconds for size in (tally.bytes_in, tally.bytes_out))
        rates = f"{tally.done / self.seconds:.1f} images/s, {coming:.1f} MB/s in, {going:.1f} out"
        yield f"{counts}, in {self.seconds:.2f} s: {rates}"
        for note, count in tally.notes.most_common(MOST_NOTES):
            yield f"{count} with the note: {note}"
        if len(tally.notes) > MOST_NOTES:
            yield f"{len(tally.notes) - MOST_NOTES} notes more, which --json shows"
        if self.others:
            yield f"no images by their names: {len(self.others)}, such as {self.others[0]}"
        if shown_failures:
            yield from (f"failed: {each.path}: {each.message}" for each in sorted_failures(tally.failures))

    def document(self) -> dict[str, Any]:
        """Return it as data."""
        tally = self.tally
        latencies = [1e3 * seconds for seconds in tally.latencies]
        return {
            "done": tally.done,
            "failed": len(tally.failures),
            "left_out": self.left_out,
            "no_images": list(self.others),
            "notes": dict(tally.notes.most_common()),
            "seconds": self.seconds,
            "images_per_second": tally.done / self.seconds,
            "bytes_in": tally.bytes_in,
            "bytes_out": tally.bytes_out,
            "latency_ms": percentiles(latencies),
            "failures": [dataclasses.asdict(each) for each in sorted_failures(tally.failures)],
        }


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the middle and the upper ends of some values; nothing of none."""
    if not values:
        return {}
    found = np.percentile(values, PERCENTILES)
    return {f"p{percent}": float(value) for percent, value in zip(PERCENTILES, found, strict=True)}


def check_writable(path: Path) -> None:
    """Raise an error now rather than after the batch."""
    try:
        path.open("a").close()
    except OSError as error:
        raise ConfigurationError(f"--failures: {path}: {error.strerror}") from error


def write_failures(path: Path, failures: Iterable[Failure]) -> None:
    """Write a line of JSON for each failure."""
    lines = "".join(f"{json.dumps(dataclasses.asdict(each))}\n" for each in sorted_failures(failures))
    with replacing(path) as file:
        file.write(lines.encode())
