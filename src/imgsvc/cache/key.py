"""What a result is found by: a digest of everything that it depends on, and of nothing else.

That is who asks, where callers share nothing; this version of imgsvc and of what it decodes and encodes with;
what is done, written in one way however the request has written it; and the image.
"""

from __future__ import annotations

import dataclasses
import functools
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import features

from imgsvc.cache.digest import HASH, digest_of
from imgsvc.codec import with_defaults
from imgsvc.codec.decode_options import WORDS
from imgsvc.pipeline.plan import canonical
from imgsvc.pipeline.plan import plan as plan_operations
from imgsvc.recipes.recipe import RAW
from imgsvc.recipes.source import ImageFile

if TYPE_CHECKING:
    from imgsvc._images import Image, Shape
    from imgsvc.codec import DecodeOptions, EncodeOptions
    from imgsvc.operations import Operation
    from imgsvc.recipes.planning import OutputPlan, RecipePlan
    from imgsvc.recipes.source import Source

__all__ = [
    "NL_IMAGE",
    "PROCESS",
    "RESULTS",
    "key",
    "operation_key",
    "operation_subject",
    "recipe_key",
    "recipe_subject",
]

PROCESS, NL_IMAGE = "process", "nl_image"
"""Whose answers."""

RESULTS = 5
"""Raised by one whenever an operation or a codec makes other bytes than before of the same request."""

LIBRARIES = ("imgsvc", "pillow", "simplejpeg")
"""What makes results; of each its version counts."""

CODECS = ("jpg", "zlib", "libtiff", "webp", "avif", "littlecms2")
"""What Pillow is built with: a system's own Pillow may have another than a wheel of the same version."""


def recipe_key(plan: RecipePlan, source: Source, owner: str) -> bytes:
    """Return the key of the answer to `Process`.

    Parameters
    ----------
    plan
        Of which every output can be made, as far as is known.
    source
        Its image.
    owner
        Whom the result is for; empty for everybody.
    """
    if isinstance(source, ImageFile):
        return key(PROCESS, owner, recipe_subject(plan, None), memoryview(source.data))
    assert source.pixels is not None  # noqa: S101 - for the type checker: only plans have none
    return key(PROCESS, owner, recipe_subject(plan, source.icc_profile), _bytes_of(source.pixels))


def recipe_subject(plan: RecipePlan, icc_profile: bytes | None) -> str:
    """Return what is done with an image, in one way of writing it; `icc_profile` is that of pixels."""
    outputs = tuple(_output(plan, output) for output in plan.outputs)
    if plan.input.header is not None:
        image: tuple[Any, ...] = (
            "file",
            _decoding(plan.recipe.decoding),
            plan.input.at_least,
            plan.input.shape,
        )
    else:
        image = ("pixels", plan.input.shape, plan.input.dtype.str, icc_profile)
    return repr((image, outputs))


def operation_key(operation: Operation, image: Image, owner: str) -> bytes:
    """Return the key of NLImageService's answer to an operation on an image."""
    return key(NL_IMAGE, owner, operation_subject(operation, image.shape), _bytes_of(image))


def operation_subject(operation: Operation, shape: Shape) -> str:
    """Return what is done with an image of a shape, in one way of writing it."""
    return repr((shape, canonical(operation, shape)))


def key(kind: str, owner: str, subject: str, data: memoryview) -> bytes:
    """Return the key of an answer: of which service, for whom, what is done, with which bytes."""
    # Nothing that ends otherwise begins like this: the text is a tuple's, and says how much comes after it.
    text = f"({_made_by()!r}, {kind!r}, {owner!r}, {subject}, {len(data)!r})"
    return digest_of(text.encode(), data)


@functools.cache
def _made_by() -> str:
    libraries = tuple((name, version(name)) for name in LIBRARIES)
    codecs = tuple((name, features.version(name)) for name in CODECS if name in _known_codecs())
    return repr((RESULTS, HASH, libraries, codecs))


def _known_codecs() -> set[str]:
    return {*features.modules, *features.codecs}  # a Pillow without AVIF warns of the question


def _bytes_of(pixels: np.ndarray[Any, Any]) -> memoryview:
    return pixels.reshape(-1).view(np.uint8).data


@functools.lru_cache(maxsize=64)
def _options(kind: str, options: EncodeOptions) -> tuple[Any, ...]:
    return dataclasses.astuple(with_defaults(kind, options))


def _decoding(options: DecodeOptions) -> tuple[Any, ...]:
    # Of shrinking on load counts what comes of it, which is in the plan.
    return *(getattr(options, field) or words[0] for field, words in WORDS.items()), options.turns


def _output(plan: RecipePlan, output: OutputPlan) -> tuple[Any, ...]:
    options = () if output.format == RAW else _options(output.format, output.output.options)
    steps = output.steps
    if plan.trunk is not None or steps is None:
        # From the image to the output, whatever part of that is done for all outputs at once.
        operations = (*plan.recipe.pipeline.operations, *output.output.pipeline.operations)
        steps = plan_operations(operations, plan.input.shape, plan.input.dtype)
    return output.output.name, output.format, options, steps.canonical
