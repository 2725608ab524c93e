"""Several operations, one after the other."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from imgsvc._images import DTYPES, array_of, check_image, check_out
from imgsvc._stop import Stop
from imgsvc._threads import check_num_threads
from imgsvc.errors import InvalidParameterError, shown
from imgsvc.operations import Operation
from imgsvc.pipeline.description import data_of, operations_of
from imgsvc.pipeline.plan import Plan, plan
from imgsvc.pipeline.text import MAX_TEXT, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import DTypeLike

    from imgsvc._images import Image, ImageLike, Shape

    Described = str | Operation | Iterable[str | Operation | Mapping[str, Mapping[str, Any]]]


@dataclasses.dataclass(frozen=True, init=False)
class Pipeline:
    """Operations that are applied to an image one after the other.

    Parameters
    ----------
    operations
        A text such as ``"mean_filter | rotate90 turns=1 | resize width=800"``, an operation, an iterable of
        these and of mappings such as ``{"resize": {"width": 800}}``, or a pipeline; at most `MAX_OPERATIONS`.

    Raises
    ------
    InvalidParameterError
        There is no such operation or parameter, one is missing or out of range; the field says of which
        operation, as in ``operations[2].resize.width``.

    Examples
    --------
    >>> pipeline = Pipeline("resize width=2 resample=box | invert")
    >>> pipeline.run(np.array([[10, 20, 30, 40], [10, 20, 30, 40]], np.uint8))
    array([[240, 220]], dtype=uint8)
    >>> print(pipeline)
    resize width=2 resample=box | invert

    It is called as a function is, and joined with others:

    >>> brighter = "mean" | Pipeline("invert") | "adjust brightness=5"
    >>> brighter(np.array([[10, 20]], np.uint8))
    array([[245, 245]], dtype=uint8)
    """

    operations: tuple[Operation, ...]

    def __init__(self, operations: Described | Pipeline = ()) -> None:
        given = operations.operations if isinstance(operations, Pipeline) else operations
        object.__setattr__(self, "operations", operations_of(given))

    def __str__(self) -> str:
        """Return the text form, of which an equal pipeline can be made."""
        steps = (item for data in self.to_data() for item in data.items())
        return " | ".join(text_of(name, parameters) for name, parameters in steps)

    def to_data(self) -> list[dict[str, dict[str, Any]]]:
        """Return a list of ``{name: parameters}`` of what JSON can hold, without what is so by default."""
        return [data_of(operation) for operation in self.operations]

    @classmethod
    def from_data(cls, data: Iterable[Mapping[str, Mapping[str, Any]]]) -> Pipeline:
        """Return the pipeline that `to_data` has described."""
        return cls(data)

    def to_json(self) -> str:
        """Return `to_data` as JSON."""
        return json.dumps(self.to_data())

    @classmethod
    def from_json(cls, text: str | bytes) -> Pipeline:
        """Return the pipeline that `to_json` has described.

        Raises
        ------
        InvalidParameterError
            It is no JSON, too long, or describes no pipeline.
        """
        if len(text) > MAX_TEXT:
            raise InvalidParameterError("pipeline", f"{len(text)} characters", f"at most {MAX_TEXT}")
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            raise InvalidParameterError("pipeline", shown(text), "JSON") from None
        return cls(data)

    def plan(self, shape: Shape, dtype: DTypeLike = np.uint8) -> Plan:
        """Return what the pipeline does to an image of that shape and dtype, and what it takes.

        Raises
        ------
        InvalidParameterError
            An operation cannot be applied to what it would get.
        """
        dtype = np.dtype(dtype)
        if dtype not in DTYPES.values():
            raise InvalidParameterError("dtype", dtype, f"one of {', '.join(DTYPES)}")
        return plan(self.operations, tuple(shape), dtype)

    def run(
        self,
        image: ImageLike,
        *,
        out: Image | None = None,
        num_threads: int | None = None,
        stop: Stop | None = None,
    ) -> Image:
        """Apply the operations, one after the other; without any the image is copied.

        The result is that of the operations' functions, called one by one, byte for byte.

        Parameters
        ----------
        image : ndarray of uint8, uint16 or float32, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
            Any strides; of more than 8 bits only for operations that compute nothing, as `Rotate90`, and for
            `Convert`, which makes bytes of them. Or another image that `imgsvc.process` takes.
        out, num_threads
            As for `mean_filter`; `out` has the result's shape and dtype.
        stop : Stop, optional
            Asked again and again whether to go on.

        Returns
        -------
        ndarray of the image's dtype, or what the last `Convert` says
            C-contiguous; `out` where it was given.

        Raises
        ------
        InvalidImageError, InvalidParameterError
            As for `mean_filter`, or an operation cannot be applied to what it gets.
        StoppedError
            `stop` said so before it was done.
        """
        image = check_image(array_of(image), deep=True)
        if num_threads is not None:
            num_threads = check_num_threads(num_threads)
        planned = plan(self.operations, image.shape, image.dtype)
        if planned.looks:
            planned = planned.settled(image, num_threads, stop)
        if out is None:
            out = np.empty(planned.shape, planned.dtype)
        else:
            out = check_out(out, planned.shape, image, planned.dtype)
        planned.run(image, out, num_threads, stop)
        return out

    __call__ = run

    # So that arrays leave `|` to the pipeline, which takes none, instead of trying it for each value.
    __array_ufunc__: ClassVar[None] = None

    def __or__(self, other: Pipeline | Operation | str) -> Pipeline:
        """Return the pipeline of this one's operations, and then the other's: a text is one, too.

        Raises
        ------
        InvalidParameterError
            A text describes no operations, or they are too many together.
        """
        return _joined(self, other)

    def __ror__(self, other: Operation | str) -> Pipeline:
        """Return the pipeline of the other's operations, and then this one's."""
        return _joined(other, self)


def _joined(*parts: Pipeline | Operation | str) -> Pipeline:
    steps: list[Operation | str] = []
    for part in parts:
        if isinstance(part, Pipeline):
            steps += part.operations
        elif isinstance(part, Operation | str):
            steps.append(part)
        else:
            return NotImplemented
    return Pipeline(steps)


# Operations know nothing of pipelines, and are joined to some all the same.
Operation.join = staticmethod(_joined)
