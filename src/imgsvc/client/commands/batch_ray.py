"""Engine of batches on Ray Data: tasks that read, compute and write by themselves."""

from __future__ import annotations

import contextlib
import functools
import logging
import socket
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from imgsvc._available_cores import available_cores
from imgsvc.client.commands.batch_items import check_fits, named, told_of
from imgsvc.client.commands.files import file_of
from imgsvc.errors import (
    ClusterError,
    ConfigurationError,
    ImageExistsError,
    ImgsvcError,
    StoreAccessError,
)
from imgsvc.ray import run_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imgsvc.client.commands.batch_items import Image, Item, Tally
    from imgsvc.client.sync import Client
    from imgsvc.places import Place
    from imgsvc.recipes.recipe import Recipe

__all__ = ["ray_engine"]

MOST_OF_BLOCK = 64
"""Images of a task: few enough that a killed one costs seconds, and enough that tasks cost little."""

BLOCKS_A_CORE = 4
"""At least, so that all cores have work to the end."""

RETRIES = 2
"""Of a task whose worker dies: of what kills it each time there is no end otherwise."""

REACH_SECONDS = 5.0


class Job(NamedTuple):
    """What tasks know: it pickles."""

    recipe: Recipe
    source: Place
    target: Place
    client: Client | None
    replace: bool


@contextlib.contextmanager
def ray_engine(job: Job, address: str | None, workers: int | None) -> Iterator[RayData]:
    """Give an engine that runs in the cluster at an address, or on this machine.

    Raises
    ------
    ConfigurationError
        Ray is not installed, or no cluster is at the address; or a preset is a server's, and none is named.
    """
    if job.recipe.preset and job.client is None:
        raise ConfigurationError(
            f"--preset: {job.recipe.preset!r} is a server's: give --target, or the --presets FILE that has it"
        )
    try:
        import ray  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(f"--engine: ray needs pip install 'imgsvc[ray]': {error}") from error
    if address is not None:
        _check_reachable(address)
    here = address is None
    # Ray tells of workers that died on stdout, which is the report's.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            ray.init(
                address,
                num_cpus=available_cores() if here else None,
                include_dashboard=False if here else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
            yield RayData(job, workers)
        except (ConnectionError, ValueError, RuntimeError) as error:
            if ray.is_initialized():
                raise
            reason = str(error).partition("\n")[0]
            raise ConfigurationError(f"--address: {address or 'local'}: {reason}") from error
        finally:
            ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise ConfigurationError if nothing listens at an address, which Ray takes minutes to say."""
    host, _, port = address.rpartition("://")[2].partition("?")[0].rpartition(":")
    if not host or not port.isdecimal():  # a word, such as auto, or none: Ray says so at once
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"--address: {address}: no cluster answers: {error}") from error


class RayData:
    """Images through tasks of one CPU and one thread each.

    They are functions, not actors: these would take CPUs for good, and leave none for what else a dataset
    needs. A task whose worker is killed runs again, a few times, and finds what it wrote.

    Parameters
    ----------
    job
        What tasks do.
    workers
        How many run at a time, at most; None for as many as there are CPUs.
    """

    def __init__(self, job: Job, workers: int | None) -> None:
        self._job = job
        self._workers = workers

    def items(self, images: Sequence[Image]) -> list[Item]:
        """Return images with the names of their results."""
        job = self._job
        return named(job.source, images, job.recipe.outputs[0].format, self._workers or 2 * available_cores())

    def run(self, items: Sequence[Item], tally: Tally, bar: Any) -> None:
        """Do all of them; rows come back without pixels or files.

        Raises
        ------
        ClusterError
            The cluster went away.
        """
        import ray.data  # noqa: PLC0415 - an extra

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1  # what a task leaves when it dies for good is seen by what is missing
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        left = {item.name: item for item in items}
        try:
            # An image that kills its worker takes others with it: these get a second chance, each by itself.
            for most in (MOST_OF_BLOCK, 1):
                for row in self._rows(list(left.values()), most):
                    if left.pop(row["name"], None) is not None:
                        _count(row, tally)
                        bar.update(tally.ended - bar.n)
        except ray.exceptions.RayError as error:
            raise ClusterError(f"Ray: {str(error).strip().partition(chr(10))[0]}") from error
        for name in left:
            tally.fail_as(name, "", f"its task died {1 + RETRIES} times: too little memory, or a crash")
        bar.update(tally.ended - bar.n)

    def _rows(self, items: Sequence[Item], most: int) -> Iterator[dict[str, Any]]:
        """Yield what became of items, in tasks of so many at most; nothing of those whose tasks died."""
        import ray.data  # noqa: PLC0415 - an extra

        if not items:
            return
        cpus = int(ray.cluster_resources().get("CPU", 1))  # type: ignore[no-untyped-call, unused-ignore]
        blocks = min(len(items), max(-(-len(items) // most), BLOCKS_A_CORE * cpus))
        rows = ray.data.from_items(
            [{"name": item.name, "output": item.output} for item in items], override_num_blocks=blocks
        )
        done = rows.map(
            functools.partial(_row, self._job), num_cpus=1, concurrency=self._workers, max_retries=RETRIES
        )
        yield from done.iter_rows()


def _count(row: dict[str, Any], tally: Tally) -> None:
    tally.bytes_in += row["bytes_in"]
    if row["locked_out"]:
        raise StoreAccessError(row["message"])
    if row["message"]:
        tally.fail_as(row["name"], row["code"], row["message"])
    else:
        tally.succeed(row["seconds"], row["bytes_out"], row["notes"])


def _row(job: Job, row: dict[str, Any]) -> dict[str, Any]:
    """Make the result of an image and write it; say what became of it."""
    name, output = str(row["name"]), str(row["output"])
    told = {"name": name, "code": "", "message": "", "locked_out": False, "notes": []}
    told |= {"bytes_in": 0, "bytes_out": 0, "seconds": 0.0}
    try:
        content = job.source.read(name)
        told["bytes_in"] = len(content)
        start = time.perf_counter()
        result = run_recipe(content, job.recipe, job.client, num_threads=1)
        told["seconds"] = time.perf_counter() - start
        check_fits(output, result.format)
        _write(job, output, file_of(result))
    except ImgsvcError as error:
        code, message = told_of(error)
        return {**told, "code": code, "message": message, "locked_out": isinstance(error, StoreAccessError)}
    except Exception as error:  # noqa: BLE001 - nor does one that nobody foresaw stop the rest
        return {**told, "message": f"{type(error).__name__}: {error}"}
    return {**told, "bytes_out": len(result.data or b""), "notes": list(result.notes)}


def _write(job: Job, output: str, data: memoryview) -> None:
    """Write a file, unless it is there: a task that runs again meets what it wrote before."""
    try:
        job.target.write(output, data, replace=job.replace)
    except ImageExistsError:
        if job.target.read(output) != data:
            raise
