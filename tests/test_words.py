"""Parameters that are one of some words: what the run time refuses, a type checker finds before.

``ci/check --types`` checks this file too: each ``type: ignore`` is for an error that mypy has to find there,
since it refuses a comment that is for none.
"""

from collections.abc import Callable, Collection
from typing import Any, get_args

import numpy as np
import pytest

import imgsvc
from imgsvc._images import DTYPES, DTypeName
from imgsvc.client.options import COMPRESSION, Compression
from imgsvc.codec import FORMATS, DecodeOptions, EncodeOptions, Format, encode
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import (
    BoxBlur,
    Convert,
    Convolve,
    GaussianBlur,
    Letterbox,
    MeanFilter,
    Pad,
    Resize,
    Rotate,
    Sharpen,
    WarpAffine,
)
from imgsvc.operations.alpha import Alpha
from imgsvc.operations.borders import Border
from imgsvc.operations.resizing import Resample
from imgsvc.recipes.recipe import OUTPUT_FORMATS, OutputFormat

IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)

REFUSED: dict[str, Callable[[imgsvc.Client], object]] = {
    "resize": lambda _: imgsvc.resize(IMAGE, width=2, resample="lanzcos"),  # type: ignore[arg-type]
    "pad": lambda _: imgsvc.pad(IMAGE, left=1, border="edge"),  # type: ignore[arg-type]
    "box_blur": lambda _: imgsvc.box_blur(IMAGE, 1, border="mirror"),  # type: ignore[arg-type]
    "gaussian_blur": lambda _: imgsvc.gaussian_blur(IMAGE, 1, border="reflect_101"),  # type: ignore[arg-type]
    "sharpen": lambda _: imgsvc.sharpen(IMAGE, border="Wrap"),  # type: ignore[arg-type]
    "convolve": lambda _: imgsvc.convolve(IMAGE, [[1]], border=""),  # type: ignore[arg-type]
    "resize by alpha": lambda _: imgsvc.resize(IMAGE, width=2, alpha="weigthed"),  # type: ignore[arg-type]
    "mean_filter": lambda _: imgsvc.mean_filter(IMAGE, alpha="none"),  # type: ignore[arg-type]
    "resize by fit": lambda _: imgsvc.resize(IMAGE, width=2, fit="crop"),  # type: ignore[arg-type]
    "letterbox": lambda _: imgsvc.letterbox(IMAGE, 2, 2, resample="linear"),  # type: ignore[arg-type]
    "rotate": lambda _: imgsvc.rotate(IMAGE, 2, resample="lanczos"),  # type: ignore[arg-type]
    "warp_affine": lambda _: imgsvc.warp_affine(IMAGE, [[1, 0, 0], [0, 1, 0]], border="edge"),  # type: ignore[arg-type]
    "convert": lambda _: imgsvc.convert(IMAGE, "uint32"),  # type: ignore[arg-type]
    "Resize": lambda _: Resize(2, resample="cubic"),  # type: ignore[arg-type]
    "MeanFilter": lambda _: MeanFilter("none"),  # type: ignore[arg-type]
    "Resize by alpha": lambda _: Resize(2, alpha="none"),  # type: ignore[arg-type]
    "Sharpen by alpha": lambda _: Sharpen(alpha="none"),  # type: ignore[arg-type]
    "Pad": lambda _: Pad(border="none"),  # type: ignore[arg-type]
    "BoxBlur": lambda _: BoxBlur(1, "none"),  # type: ignore[arg-type]
    "GaussianBlur": lambda _: GaussianBlur(1, "none"),  # type: ignore[arg-type]
    "Sharpen": lambda _: Sharpen(border="none"),  # type: ignore[arg-type]
    "Convolve": lambda _: Convolve(((1.0,),), border="none"),  # type: ignore[arg-type]
    "Resize by fit": lambda _: Resize(2, fit="none"),  # type: ignore[arg-type]
    "Letterbox": lambda _: Letterbox(2, 2, alpha="none"),  # type: ignore[arg-type]
    "Rotate": lambda _: Rotate(2, resample="box"),  # type: ignore[arg-type]
    "WarpAffine": lambda _: WarpAffine(((1, 0, 0), (0, 1, 0)), resample="box"),  # type: ignore[arg-type]
    "Convert": lambda _: Convert("float"),  # type: ignore[arg-type]
    "client.resize": lambda client: client.resize(IMAGE, width=2, resample="lanzcos"),  # type: ignore[arg-type]
    "client.pad": lambda client: client.pad(IMAGE, border="none"),  # type: ignore[arg-type]
    "client.box_blur": lambda client: client.box_blur(IMAGE, 1, border="none"),  # type: ignore[arg-type]
    "client.gaussian_blur": lambda client: client.gaussian_blur(IMAGE, 1, border="none"),  # type: ignore[arg-type]
    "client.sharpen": lambda client: client.sharpen(IMAGE, border="none"),  # type: ignore[arg-type]
    "client.convolve": lambda client: client.convolve(IMAGE, [[1]], border="none"),  # type: ignore[arg-type]
    "client.mean_filter": lambda client: client.mean_filter(IMAGE, alpha="none"),  # type: ignore[arg-type]
    "client.resize by alpha": lambda client: client.resize(IMAGE, width=2, alpha="none"),  # type: ignore[arg-type]
    "client.convert": lambda client: client.convert(IMAGE, "float"),  # type: ignore[arg-type]
    "client.process": lambda client: client.process(IMAGE, output="jpe"),  # type: ignore[arg-type]
    "client.process_outputs": lambda client: client.process_outputs(IMAGE, outputs={"a": "jpe"}),  # type: ignore[dict-item]
    "client.process_many": lambda client: client.process_many([IMAGE], output="jpe"),  # type: ignore[arg-type]
    "client.plan": lambda client: client.plan(IMAGE, output="jpe"),  # type: ignore[arg-type]
    "Client": lambda _: imgsvc.Client(compression="zip"),  # type: ignore[arg-type]
    "AsyncClient": lambda _: imgsvc.AsyncClient(compression="zip"),  # type: ignore[arg-type]
    "Output.format": lambda _: imgsvc.Output("jpe"),  # type: ignore[arg-type]
    "Output.metadata": lambda _: imgsvc.Output(metadata="drop"),  # type: ignore[arg-type]
    "DecodeOptions.depth": lambda _: DecodeOptions(depth="16"),  # type: ignore[arg-type]
    "DecodeOptions.color": lambda _: DecodeOptions(color="rgb"),  # type: ignore[arg-type]
    "DecodeOptions.frames": lambda _: DecodeOptions(frames="last"),  # type: ignore[arg-type]
    "EncodeOptions.metadata": lambda _: EncodeOptions(metadata="drop"),  # type: ignore[arg-type]
    "encode": lambda _: encode(IMAGE, "jpe"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", REFUSED)
def test_no_such_word(name: str) -> None:
    with (
        imgsvc.Client("localhost:1") as client,  # where nobody is: what is wrong is not sent
        pytest.raises(InvalidParameterError, match=r"expected one of "),
    ):
        REFUSED[name](client)


# Those of operations are in ``tests/operations/test_words.py``.
TABLES: list[tuple[Any, Collection[str]]] = [
    (DTypeName, DTYPES),
    (Format, FORMATS),
    (OutputFormat, OUTPUT_FORMATS),
    (Compression, COMPRESSION),
]


@pytest.mark.parametrize(("words", "table"), TABLES)
def test_the_words_of_a_type_are_those_of_the_run_time(words: Any, table: Collection[str]) -> None:
    assert get_args(words) == tuple(table)


def test_words_that_there_are() -> None:
    border: Border = "wrap"
    resample: Resample = "lanczos"
    alpha: Alpha = "channel"
    assert imgsvc.pad(IMAGE, left=1, border=border)[0].tolist() == [3, 0, 1, 2, 3]
    assert imgsvc.resize(IMAGE, width=2, height=2, resample=resample).shape == (2, 2)
    assert imgsvc.box_blur(IMAGE, 0, alpha=alpha).shape == (3, 4)
    assert imgsvc.convert(IMAGE, "uint16").dtype == np.uint16
    output: OutputFormat = "raw"
    assert imgsvc.Output(output, metadata="keep").options.metadata == "keep"
    with imgsvc.Client("localhost:1", compression="gzip") as client:
        assert client.target == "localhost:1"
