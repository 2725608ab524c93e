"""Result: an image that came out, as pixels or as a file."""

from __future__ import annotations

import dataclasses
import functools
import os
import pickle
from typing import TYPE_CHECKING, Any, Protocol, SupportsIndex

import numpy as np
from PIL import Image as PillowImage

from imgsvc._files import failure_of, replacing
from imgsvc.codec import Decoded, DecodeOptions, decode, encode, format_named, format_of_name, formats
from imgsvc.errors import ImageWriteError, InvalidParameterError, shown
from imgsvc.processing.open_files import is_writable, name_of, write_open
from imgsvc.processing.preview import html_of, preview_of
from imgsvc.recipes.placement import Placement
from imgsvc.recipes.recipe import RAW
from imgsvc.recipes.results import RawResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray

    from imgsvc.codec import Format, FormatAlias
    from imgsvc.recipes.results import EncodedResult

    class Writable(Protocol):
        """A file that is open for writing bytes."""

        def write(self, data: Any, /) -> Any: ...


__all__ = ["Result", "result_of"]


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """One image that came out.

    Attributes
    ----------
    name : str
        The output's; empty where there is one only.
    format : str
        ``"raw"`` for pixels, or the format of the file: ``"jpeg"``, ``"png"``, ...
    width, height : int
        In pixels.
    data : memoryview or None
        The file, read-only; ``bytes(result.data)`` copies it. None for pixels.
    notes : tuple of str
        What of the input was lost, a text each.
    """

    name: str
    format: str
    width: int
    height: int
    data: memoryview | None
    notes: tuple[str, ...]
    pixels: NDArray[Any] | None = dataclasses.field(repr=False, default=None)
    icc_profile: bytes | None = dataclasses.field(repr=False, default=None)
    moved: Placement | None = dataclasses.field(repr=False, default=None)

    @property
    def placement(self) -> Placement:
        """Where the image that came in is in it: ``result.placement.to_source(points)`` leads back."""
        return self.moved or Placement(self.width, self.height)

    @functools.cached_property
    def array(self) -> NDArray[Any]:
        """The pixels: a read-only view of the answer, or of a file its decoded first frame, upright.

        Shape (H, W), (H, W, 3) or (H, W, 4) of uint8, uint16 or float32; (H, W, 1) of what came as such.
        """
        if self.pixels is not None:
            return self.pixels
        return decode(self.data or b"", DecodeOptions(depth="keep")).frames[0]

    @property
    def has_pixels(self) -> bool:
        """Whether `array` is there without decoding anything."""
        return self.pixels is not None or "array" in self.__dict__

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Return `array` for NumPy: ``np.asarray(result)`` does not copy it, ``np.array(result)`` does.

        Raises
        ------
        ValueError
            `copy` is False, and `dtype` another one than that of the pixels.
        """
        pixels = self.array
        if copy:
            return np.array(pixels, dtype=dtype)
        converted = pixels if dtype is None else pixels.astype(dtype, copy=False)
        if copy is False and converted is not pixels:
            raise ValueError(f"{pixels.dtype} pixels become {converted.dtype} by a copy alone")
        return converted

    def to_pillow(self) -> PillowImage.Image:
        """Return it as a Pillow image, of 8 bits a channel, or 16 or floats where it is gray."""
        pixels = self.array
        return PillowImage.fromarray(pixels[:, :, 0] if pixels.shape[2:] == (1,) else pixels)

    def save(
        self,
        path: str | os.PathLike[str] | Writable,
        format: Format | FormatAlias | None = None,  # noqa: A002 - what it is
    ) -> None:
        """Write it to a file.

        A file at a path is there in full or not at all. One that is open for writing bytes is written from
        where it stands, and left open. What is a file already is written as it came; pixels are encoded.

        Parameters
        ----------
        path
            Where to, or an open file.
        format : str, optional
            ``"jpeg"`` or ``"jpg"``, ``"png"``, ...; by default that of the path's extension, or the result's
            own.

        Raises
        ------
        InvalidParameterError
            There is no such format, or none is given of pixels for an open file; or `path` is neither.
        ImageWriteError
            The extension is of another format or of none, the result is a file of another format, or the file
            cannot be written.
        """
        given: object = path
        kind = None if format is None else format_named(format).name
        if isinstance(path, str | os.PathLike):
            self._save_at(path, kind)
        elif is_writable(path):
            self._save_into(path, kind)
        else:
            raise InvalidParameterError(
                "path", shown(given), "a path, or a file that is open for writing bytes"
            )

    def _save_at(self, path: str | os.PathLike[str], kind: Format | None) -> None:
        named = format_of_name(os.fspath(path))
        if named is None and kind is None:
            known = ", ".join(info.extensions[0] for info in formats().values())
            raise ImageWriteError(f"{path}: no format for the extension to write: use {known}")
        if named is not None and kind not in {None, named}:
            raise ImageWriteError(f"{path}: the extension is of {named}, expected one of {kind}")
        data = self._file(kind or named, path)
        try:
            with replacing(path) as file:
                file.write(data)
        except (OSError, ValueError) as error:
            raise ImageWriteError(f"{path}: cannot be written: {failure_of(error)}") from error

    def _save_into(self, file: Writable, kind: Format | None) -> None:
        if kind is None and self.data is None:
            known = ", ".join(map(repr, formats()))
            raise InvalidParameterError("format", "nothing", f"one of {known}: pixels have none of their own")
        write_open(file, self._file(kind, name_of(file)))

    def _file(self, kind: Format | None, target: object) -> bytes | memoryview:
        """Return the file to be written: as it came, or pixels in a format."""
        if self.data is None:
            try:
                return self._encoded(kind)  # type: ignore[arg-type] # pixels are not written without one
            except ValueError as error:  # what the codec says of pixels that the format cannot hold
                raise ImageWriteError(f"{target}: cannot be written: {error}") from error
        if kind is not None and kind != self.format:
            advice = f"name it {formats()[self.format].extensions[0]}, or ask for output {kind!r}"
            raise ImageWriteError(f"{target}: the result is {self.format}: {advice}")
        return self.data

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> tuple[Callable[..., Result], tuple[Any, ...]]:
        """Return what makes it again elsewhere: the file or the pixels, and nothing that is made of these."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if self.data is not None:
            fields["data"] = _picklable(self.data, protocol.__index__())
        return _unpickled, (type(self), fields)

    @functools.cached_property
    def _preview(self) -> bytes | None:
        return preview_of(self)

    def _repr_png_(self) -> bytes | None:
        """Return a PNG for notebooks, of at most 1024 pixels a side."""
        return self._preview

    def _repr_html_(self) -> str:
        """Return HTML for notebooks: the same image, what it is, and its notes."""
        return html_of(self, self._preview)

    def _encoded(self, kind: Format) -> bytes:
        return encode(Decoded((self.array,), icc_profile=self.icc_profile, durations=(0,)), kind)


def _picklable(data: memoryview, protocol: int) -> Any:
    """Return bytes to be pickled: themselves or, where the protocol has that, without a copy."""
    if protocol >= 5:
        return pickle.PickleBuffer(data)
    return data.obj if isinstance(data.obj, bytes) and len(data.obj) == data.nbytes else bytes(data)


def _unpickled(kind: type[Result], fields: dict[str, Any]) -> Result:
    if fields["data"] is not None:
        fields["data"] = memoryview(fields["data"]).toreadonly()
    if fields["pixels"] is not None:
        fields["pixels"] = fields["pixels"].view()  # a copy within a process has the array itself
        fields["pixels"].flags.writeable = False
    return kind(**fields)


def result_of(made: RawResult | EncodedResult) -> Result:
    """Return an output that was made as callers get it."""
    if isinstance(made, RawResult):
        height, width = made.shape[:2]
        pixels, profile = made.pixels, made.icc_profile
        return Result(made.name, RAW, width, height, None, made.notes, pixels, profile, made.placement)
    kind, data = made.format or "", memoryview(made.data).toreadonly()
    return Result(made.name, kind, made.width, made.height, data, made.notes, moved=made.placement)
