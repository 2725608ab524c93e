"""Everything about a request but its image."""

from __future__ import annotations

import dataclasses
from typing import Any, Final, Literal

from imgsvc.codec import (
    FORMAT_ALIASES,
    FORMATS,
    DecodeOptions,
    EncodeOptions,
    Format,
    FormatAlias,
    Metadata,
    Subsampling,
)
from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations.colors import Color
from imgsvc.operations.parameters import one_of
from imgsvc.pipeline import Pipeline

__all__ = ["MAX_NAME", "MAX_OUTPUTS", "RAW", "Output", "Recipe"]

RAW: Final = "raw"
"""The format of an output that is no file but its pixels."""

OutputFormat = Literal["raw", Format, FormatAlias]

OUTPUT_FORMATS: dict[str, str] = {**{name: name for name in (RAW, *FORMATS)}, **FORMAT_ALIASES}
"""What a format may be called, and what it is."""

OF_FILES = ("quality", "lossless", "progressive", "effort", "max_bytes", "palette", "subsampling")
"""Options that raw pixels do not have, which are no file."""

NOTHING = Pipeline()
AS_USUAL = DecodeOptions()

OPTIONS = tuple(field.name for field in dataclasses.fields(EncodeOptions))
MAX_OUTPUTS = 16
MAX_NAME = 64


@dataclasses.dataclass(frozen=True)
class Output:
    """One thing that comes out of a recipe.

    Parameters
    ----------
    format : str or None
        ``"raw"`` for pixels, or a format: ``"jpeg"``, ``"png"``, ``"webp"``, ``"avif"``, ``"tiff"``,
        ``"gif"``, ``"bmp"``; ``"jpg"`` and ``"tif"`` become ``"jpeg"`` and ``"tiff"``, and capitals small
        letters. None is the format of the input.
    quality, lossless, progressive, effort, metadata, max_bytes, background, palette, subsampling
        How a file is written, see `imgsvc.codec.EncodeOptions`. Of what is None a server's preset decides, or
        else it is as there by default.
    pipeline : Pipeline, str, or operations
        What is done for this output alone, after the recipe's own pipeline.
    name : str
        What the output is called where there are several.

    Raises
    ------
    InvalidParameterError
        One of them is none of these.
    """

    format: OutputFormat | None = None
    quality: int | None = None
    lossless: bool | None = None
    progressive: bool | None = None
    effort: int | None = None
    metadata: Metadata | None = None
    max_bytes: int | None = None
    background: Color | None = None
    pipeline: Pipeline = NOTHING
    name: str = ""
    palette: bool | None = None
    subsampling: Subsampling | None = None

    def __post_init__(self) -> None:
        """Check all of them."""
        if self.format is not None:
            object.__setattr__(self, "format", _checked_format(self.format))
        pipeline: Any = self.pipeline
        if not isinstance(pipeline, Pipeline):
            object.__setattr__(self, "pipeline", Pipeline(pipeline))
        name: object = self.name
        if not isinstance(name, str) or len(name) > MAX_NAME:
            raise InvalidParameterError("name", shown(self.name), f"at most {MAX_NAME} characters")
        if self.format == RAW:
            self._check_raw()
        try:
            options = self.options
        except InvalidParameterError as error:
            field = error.field.removeprefix("options.")
            raise InvalidParameterError(field, error.value, error.expected) from None
        if self.background is not None:
            object.__setattr__(self, "background", options.background)

    def _check_raw(self) -> None:
        """Raise an error for options of files."""
        for field in OF_FILES:
            value = getattr(self, field)
            if value is not None and value is not False:
                raise InvalidParameterError(field, shown(value), f"none for {RAW}: pixels are no file")

    @property
    def options(self) -> EncodeOptions:
        """How it is encoded."""
        given = {name: getattr(self, name) for name in OPTIONS}
        return EncodeOptions(**{name: value for name, value in given.items() if value is not None})


def _checked_format(given: Any) -> str:
    is_known = isinstance(given, str) and given.lower() in OUTPUT_FORMATS
    return one_of("format", given.lower() if is_known else given, OUTPUT_FORMATS)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What is done with an image, and what comes out.

    Parameters
    ----------
    pipeline : Pipeline, str, or operations
        What is done for all outputs, once.
    outputs : tuple of Output
        At least one; with different names.
    decoding : DecodeOptions
        How a file becomes pixels.
    preset : str
        The name of a pipeline that the server knows, which goes before `pipeline`.

    Raises
    ------
    InvalidParameterError
        One of them is none of these.
    """

    pipeline: Pipeline = NOTHING
    outputs: tuple[Output, ...] = (Output(),)
    decoding: DecodeOptions = AS_USUAL
    preset: str = ""

    def __post_init__(self) -> None:
        """Check what can be without an image."""
        pipeline: Any = self.pipeline
        if not isinstance(pipeline, Pipeline):
            object.__setattr__(self, "pipeline", Pipeline(pipeline))
        if not 1 <= len(self.outputs) <= MAX_OUTPUTS:
            raise InvalidParameterError("outputs", f"{len(self.outputs)} of them", f"1 to {MAX_OUTPUTS}")
        names = [output.name for output in self.outputs]
        for index, name in enumerate(names):
            if name in names[:index]:
                raise InvalidParameterError(
                    f"outputs[{index}].name", shown(name), "names that differ from each other"
                )
