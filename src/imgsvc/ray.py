"""Datasets of Ray through a pipeline: ``pip install 'imgsvc[ray]'``."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

from imgsvc.errors import ImgsvcError, InvalidParameterError, shown
from imgsvc.processing.process import process as process_here
from imgsvc.processing.request import make_recipe

if TYPE_CHECKING:
    from ray.data import Dataset

    from imgsvc.client.sync import Client
    from imgsvc.codec import DecodeOptions
    from imgsvc.processing.request import PipelineLike
    from imgsvc.processing.result import Result
    from imgsvc.recipes.recipe import Output, OutputFormat, Recipe

__all__ = ["process", "run_recipe"]

BYTES, PATH = "bytes", "path"


def process(
    dataset: Dataset,
    pipeline: PipelineLike | None = None,
    *,
    output: Output | OutputFormat | None = None,
    decoding: DecodeOptions | None = None,
    client: Client | None = None,
    num_cpus: float = 1,
) -> Dataset:
    """Run a pipeline on each image of a dataset, in tasks; nothing is done before its rows are asked for.

    Parameters
    ----------
    dataset : ray.data.Dataset
        With a column ``bytes`` of image files, as of `ray.data.read_binary_files`, or else one ``path`` of
        their paths, which the tasks read by themselves: then no file passes Ray's object store.
    pipeline, output, decoding
        As of `imgsvc.process`; with ``output="raw"`` there are pixels.
    client : imgsvc.Client, optional
        Of servers that do the work; by default the tasks do. Each task makes one of the same settings.
    num_cpus : float
        What Ray reserves for a task. It computes with so many threads, one at least.

    Returns
    -------
    ray.data.Dataset
        The rows without ``bytes``, and with ``data``, the file, or ``array``, the pixels; ``format``,
        ``width``, ``height``; ``notes``, a list of what was lost; and ``error``, which is empty, or says why
        there is no result: an image that is none is a row, and fails nothing.

    Raises
    ------
    InvalidParameterError
        One of these is not what it should be.

    Examples
    --------
    >>> photos = ray.data.from_items([{"path": "a.jpg"}, {"path": "b.jpg"}])  # doctest: +SKIP
    >>> small = imgsvc.ray.process(photos, "resize width=256", output="webp")  # doctest: +SKIP
    """
    if isinstance(num_cpus, bool) or not isinstance(num_cpus, int | float) or not 0 < num_cpus < math.inf:
        raise InvalidParameterError("num_cpus", shown(num_cpus), "a positive number")
    recipe = make_recipe(pipeline, output, decoding, "")
    if len(recipe.outputs) > 1:
        raise InvalidParameterError("output", "several outputs", "one")
    threads = max(1, int(num_cpus))
    return dataset.map(functools.partial(_with_result, recipe, client, threads), num_cpus=num_cpus)


def _with_result(
    recipe: Recipe, client: Client | None, num_threads: int, row: dict[str, Any]
) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name != BYTES}
    raw = recipe.outputs[0].format == "raw"
    empty: dict[str, Any] = {
        "format": "",
        "width": 0,
        "height": 0,
        "notes": [],
        "array" if raw else "data": None,
    }
    try:
        result = run_recipe(row[BYTES] if BYTES in row else row[PATH], recipe, client, num_threads)
    except KeyError:
        return {**kept, **empty, "error": f"the row has no {BYTES} and no {PATH}: {', '.join(row)}"}
    except ImgsvcError as error:
        return {**kept, **empty, "error": str(error)}
    made = {"array": result.array} if raw else {"data": bytes(result.data or b"")}
    return {
        **kept,
        "format": result.format,
        "width": result.width,
        "height": result.height,
        "notes": list(result.notes),
        **made,
        "error": "",
    }


def run_recipe(image: bytes | str, recipe: Recipe, client: Client | None, num_threads: int) -> Result:
    """Run a recipe on an image, here or by a server."""
    pipeline, output, decoding = recipe.pipeline, recipe.outputs[0], recipe.decoding
    if client is not None:
        return client.process(image, pipeline, output=output, decoding=decoding, preset=recipe.preset)
    return process_here(image, pipeline, output=output, decoding=decoding, num_threads=num_threads)
