"""Every image of a folder through one function, several at a time."""

from __future__ import annotations

import dataclasses
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from imgsvc.errors import ImgsvcError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Process = Callable[[Path, Path], "Done"]

Failures = tuple[tuple[Path, str], ...]

__all__ = ["Done", "Report", "process_folder"]

MEGA = 1e6
PERCENTILES = (50, 95, 99)


@dataclasses.dataclass(frozen=True)
class Done:
    """One image that was processed."""

    pixel_bytes: int
    latency: float
    """Seconds that the service took, all calls together."""


@dataclasses.dataclass(frozen=True)
class Report:
    """What became of a folder."""

    seconds: float
    done: tuple[Done, ...]
    failures: Failures

    def __str__(self) -> str:
        """Return the report as its reader sees it: a few lines, then each failure by name."""
        megabytes = sum(done.pixel_bytes for done in self.done) / MEGA
        count = f"{len(self.done)} images done, {len(self.failures)} failed, in {self.seconds:.2f} s"
        rate = f"{len(self.done) / self.seconds:.1f} images/s, {megabytes / self.seconds:.1f} MB/s of pixels"
        lines = [f"{count}: {rate}"]
        if self.done:
            values = np.percentile([done.latency * 1e3 for done in self.done], PERCENTILES)
            latency = ", ".join(f"p{p} {ms:.1f} ms" for p, ms in zip(PERCENTILES, values, strict=True))
            lines.append(f"service latency an image: {latency}")
        lines += [f"failed: {name}: {why}" for name, why in self.failures]
        return "\n".join(lines)


def process_folder(
    images: list[Path],
    source: Path,
    target: Path,
    process: Process,
    *,
    concurrency: int,
    overwrite: bool,
    cancel: Callable[[], None] = lambda: None,
) -> Report:
    """Run `process(input, output)` on every image, with subfolders kept; a failure does not stop the rest.

    Parameters
    ----------
    images
        Paths relative to `source`; the outputs have the same ones below `target`.
    process
        Raises where it fails.
    concurrency
        Images that are worked on at a time.
    cancel
        Is called where this is interrupted: makes what is under way end soon.
    overwrite
        Whether an output that exists is replaced; otherwise it is a failure.
    """
    done: list[Done] = []
    failures: list[tuple[Path, str]] = []

    def one(image: Path) -> Done:
        output = target / image
        if output.exists() and not overwrite:
            raise ImgsvcError(f"{output} exists: --overwrite replaces it")
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImgsvcError(f"{output.parent}: {error.strerror}") from error
        return process(source / image, output)

    begin = time.perf_counter()
    with (
        ThreadPoolExecutor(concurrency) as pool,
        tqdm(total=len(images), unit="image", dynamic_ncols=True, disable=None) as bar,
    ):
        try:
            for image, future in _bounded(pool, one, images, 2 * concurrency):
                try:
                    done.append(future.result())
                except ImgsvcError as error:
                    failures.append((image, str(error)))
                except Exception as error:  # noqa: BLE001 - nor does one that nobody foresaw stop the rest
                    failures.append((image, f"{type(error).__name__}: {error}"))
                bar.update()
        except BaseException:
            cancel()
            raise
    return Report(time.perf_counter() - begin, tuple(done), tuple(sorted(failures)))


def _bounded(
    pool: ThreadPoolExecutor, function: Callable[[Path], Done], images: list[Path], limit: int
) -> Iterator[tuple[Path, Future[Done]]]:
    """Yield each image with its finished future; at most `limit` are under way, and none after an error."""
    waiting = iter(images)
    running: dict[Future[Done], Path] = {}
    try:
        while True:
            for image in waiting:
                running[pool.submit(function, image)] = image
                if len(running) >= limit:
                    break
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future
    finally:
        for future in running:
            future.cancel()
