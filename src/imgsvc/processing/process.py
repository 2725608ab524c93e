"""Recipes run in this process, with the results that the service gives."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import numpy as np

from imgsvc._stop import Stop
from imgsvc._threads import check_num_threads, threads_for
from imgsvc.errors import InvalidInputError, InvalidParameterError, shown
from imgsvc.processing.channel_axis import with_channel_axis
from imgsvc.processing.given import read_given, with_pixels
from imgsvc.processing.request import make_recipe, outputs_of
from imgsvc.processing.result import result_of
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.results import RawResult
from imgsvc.recipes.running import RecipeRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from typing_extensions import Unpack

    from imgsvc._images import ImageLike
    from imgsvc.codec import DecodeOptions
    from imgsvc.processing.request import DecodeKeywords, Keywords, PipelineLike
    from imgsvc.processing.result import Result
    from imgsvc.recipes.recipe import Output, OutputFormat, Recipe

    T = TypeVar("T")

__all__ = ["process", "process_outputs"]


def process(
    image: ImageLike,
    pipeline: PipelineLike | None = None,
    *,
    output: Output | OutputFormat | None = None,
    decoding: DecodeOptions | None = None,
    num_threads: int | None = None,
    limits: Limits | None = None,
    **options: Unpack[Keywords],
) -> Result:
    """Run a pipeline on an image, in this process; the result is the service's, byte for byte.

    Parameters
    ----------
    image
        An array of uint8, uint16 or float32, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or an
        object with ``__array__``; an image file: its path, its bytes, or the file itself, open for reading
        bytes, which is read from where it stands; a Pillow image; or a `Result`.
    pipeline : Pipeline, str, or operations, optional
        What is done, such as ``"resize width=800 | sharpen"``.
    output : Output or str, optional
        What comes out: a format such as ``"jpeg"``, ``"raw"`` for pixels, or an `Output` with more.
        By default pixels for pixels, and for a file one of the same format.
    decoding : imgsvc.codec.DecodeOptions, optional
        How the file becomes pixels.
    num_threads : int, optional
        At most so many threads compute; by default as many as pay, within the cores of this process. Files
        are decoded and encoded on one.
    limits : Limits, optional
        How large images and results may be; by default as a server has it, such as 100 million pixels.
    **options
        The fields of `Output` and of `DecodeOptions` by their names, such as ``quality=80``: they go
        over `output` and `decoding`.

    Raises
    ------
    InvalidInputError
        The image, or what shall be done, is none, is beyond a limit, or one cannot be done with the other.
    ImageReadError
        The file cannot be read.
    MemoryError
        There is not enough of it.

    Examples
    --------
    >>> import imgsvc
    >>> small = imgsvc.process("photo.jpg", "resize width=256", format="webp", quality=70)  # doctest: +SKIP
    >>> small.save("small.webp")  # doctest: +SKIP
    """
    recipe = make_recipe(pipeline, output, decoding, "", options)
    if len(recipe.outputs) > 1:
        raise InvalidParameterError("output", "several outputs", "one: process_outputs makes several")
    [result] = _results(image, recipe, num_threads, limits)
    if isinstance(result, InvalidInputError):
        raise result
    return result


def process_outputs(
    image: ImageLike,
    pipeline: PipelineLike | None = None,
    *,
    outputs: Mapping[str, Output | OutputFormat],
    decoding: DecodeOptions | None = None,
    num_threads: int | None = None,
    limits: Limits | None = None,
    **options: Unpack[DecodeKeywords],
) -> dict[str, Result | InvalidInputError]:
    """Decode an image once and make several outputs of it, each by its name.

    An output that could not be made is the error that says why. Where none could be made, the first one's
    error is raised. Otherwise as `process`; options of outputs are in the `Output` that they are for.
    """
    recipe = make_recipe(pipeline, outputs_of(outputs), decoding, "", options)
    results = _results(image, recipe, num_threads, limits)
    return {output.name: result for output, result in zip(recipe.outputs, results, strict=True)}


def _results(
    image: ImageLike, recipe: Recipe, num_threads: int | None, limits: Limits | None
) -> list[Result | InvalidInputError]:
    """Return what became of each output."""
    if limits is not None and not isinstance(limits, Limits):
        raise InvalidParameterError("limits", shown(limits), "imgsvc.Limits")
    compute = _Threads(check_num_threads(num_threads))
    given = read_given(image, most=sys.maxsize)
    source = with_pixels(given)
    limits = limits or Limits()
    plan = plan_recipe(source, recipe, limits)
    run = RecipeRun(plan, source, options=recipe.decoding, limits=limits, compute=compute, stop=Stop())
    made = run.run()
    if all(isinstance(each, InvalidInputError) for each in made):
        raise made[0]  # type: ignore[misc] # it is one
    pixels = [np.empty(each.shape, each.dtype) for each in made if isinstance(each, RawResult)]
    run.write(pixels)
    for array in pixels:
        array.flags.writeable = False  # as what a client gets
    rooms = iter(pixels)
    results: list[Result | InvalidInputError] = []
    for each in made:
        if isinstance(each, InvalidInputError):
            results.append(each)
            continue
        filled = dataclasses.replace(each, pixels=next(rooms)) if isinstance(each, RawResult) else each
        results.append(with_channel_axis(result_of(filled), given, recipe))
    return results


class _Threads:
    """Up to so many threads for what pays; decoders and encoders have one."""

    def __init__(self, num_threads: int | None) -> None:
        self._num_threads = num_threads

    def __call__(self, function: Callable[[int], T], cost: int | None) -> T:
        return function(1 if cost is None else threads_for(cost, self._num_threads))
