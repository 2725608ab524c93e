"""Result: an image that came out, as pixels or as a file."""

from __future__ import annotations

import dataclasses
import functools
import os
from typing import TYPE_CHECKING, Any

from PIL import Image as PillowImage

from imgsvc._files import failure_of, replacing
from imgsvc.codec import Decoded, DecodeOptions, decode, encode, format_of_name, formats
from imgsvc.errors import ImageWriteError
from imgsvc.recipes.recipe import RAW
from imgsvc.recipes.results import RawResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from imgsvc.codec import Format
    from imgsvc.recipes.results import EncodedResult

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

    @functools.cached_property
    def array(self) -> NDArray[Any]:
        """The pixels: a read-only view of the answer, or of a file its decoded first frame, upright.

        Shape (H, W), (H, W, 3) or (H, W, 4) of uint8, uint16 or float32.
        """
        if self.pixels is not None:
            return self.pixels
        return decode(self.data or b"", DecodeOptions(depth="keep")).frames[0]

    def to_pillow(self) -> PillowImage.Image:
        """Return it as a Pillow image, of 8 bits a channel, or 16 or floats where it is gray."""
        return PillowImage.fromarray(self.array)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file, which is there in full or not at all.

        A file is written as it came. Pixels are encoded in the format of the path's extension.

        Raises
        ------
        ImageWriteError
            The extension is of another format or of none, or the file cannot be written.
        """
        named = format_of_name(os.fspath(path))
        if named is None:
            known = ", ".join(info.extensions[0] for info in formats().values())
            raise ImageWriteError(f"{path}: no format for the extension to write: use {known}")
        if self.data is not None and named != self.format:
            advice = f"name it {formats()[self.format].extensions[0]}, or ask for output {named!r}"
            raise ImageWriteError(f"{path}: the result is {self.format}: {advice}")
        try:
            data = self.data if self.data is not None else self._encoded(named)
            with replacing(path) as file:
                file.write(data)
        except (OSError, ValueError) as error:  # also what the codec says of pixels that it cannot hold
            raise ImageWriteError(f"{path}: cannot be written: {failure_of(error)}") from error

    def _encoded(self, kind: Format) -> bytes:
        return encode(Decoded((self.array,), icc_profile=self.icc_profile, durations=(0,)), kind)


def result_of(made: RawResult | EncodedResult) -> Result:
    """Return an output that was made as callers get it."""
    if isinstance(made, RawResult):
        height, width = made.shape[:2]
        return Result(made.name, RAW, width, height, None, made.notes, made.pixels, made.icc_profile)
    data = memoryview(made.data).toreadonly()
    return Result(made.name, made.format or "", made.width, made.height, data, made.notes)
