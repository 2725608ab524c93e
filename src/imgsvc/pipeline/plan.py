"""What a pipeline does to an image of a known shape: its steps, what they take, and how they are run."""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc._stop import Stop
from imgsvc._threads import threads_for
from imgsvc.errors import InvalidImageError, InvalidParameterError
from imgsvc.operations import Resize, Rotate90
from imgsvc.operations.affine import then
from imgsvc.operations.stopping import go_on
from imgsvc.pipeline.description import located
from imgsvc.pipeline.fusion import fused

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc._door import Prepared
    from imgsvc._images import Image, Shape
    from imgsvc.operations import Operation
    from imgsvc.operations.affine import Affine


@dataclasses.dataclass(frozen=True)
class Step:
    """An operation on an image of a known shape."""

    operation: Operation
    src_shape: Shape
    src_dtype: np.dtype[Any]
    dst_shape: Shape
    dtype: np.dtype[Any]
    """Of its result."""
    cost: int
    routine: str
    """What does it, see `Operation.routine`."""

    @property
    def num_bytes(self) -> int:
        """The bytes of its result."""
        return math.prod(self.dst_shape) * self.dtype.itemsize

    def scratch_bytes(self, num_threads: int) -> int:
        """Return how many bytes, at most, it takes beside the images, with so many threads at most."""
        return self.operation.scratch_bytes(self.src_shape, threads_for(self.cost, num_threads))

    def run(self, src: Image, dst: Image, num_threads: int | None, stop: Stop) -> None:
        """Compute `dst`, as `Operation.compute` does."""
        go_on(stop)
        if self.prepared is None or not self.prepared.run(src, dst, num_threads, stop):
            self.operation.compute(src, dst, num_threads, stop)

    @functools.cached_property
    def prepared(self) -> Prepared | None:
        """What `Operation.prepared` returns, when it is first run: who only plans loads no kernels."""
        return self.operation.prepared(self.src_shape, self.src_dtype)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a pipeline does to an image of a known shape; nothing has been allocated for it yet."""

    steps: tuple[Step, ...]
    """One at least."""
    copies: bool = False
    """Whether the result is the image itself."""

    @functools.cached_property
    def canonical(self) -> str:
        """What is done, in one way of writing it: the results are equal where this is, for equal images."""
        return repr([canonical(step.operation, step.dst_shape) for step in self.steps])

    @functools.cached_property
    def mapping(self) -> Affine:
        """Where points of the image are in the result; see `imgsvc.operations.affine`."""
        return functools.reduce(then, (step.operation.mapping(step.src_shape) for step in self.steps))

    @property
    def shape(self) -> Shape:
        """The shape of the result."""
        return self.steps[-1].dst_shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the result."""
        return self.steps[-1].dtype

    @property
    def cost(self) -> int:
        """How many bytes one core copies in about the time that all steps take it."""
        return sum(step.cost for step in self.steps)

    @property
    def largest(self) -> int:
        """The pixels of the largest image that is made."""
        return max(step.dst_shape[0] * step.dst_shape[1] for step in self.steps)

    @property
    def buffer_bytes(self) -> int:
        """The bytes that `run` allocates for images between the steps."""
        return sum(self._buffers())

    def scratch_bytes(self, num_threads: int) -> int:
        """Return how many bytes, at most, the steps take beside the images, with so many threads at most."""
        return max(step.scratch_bytes(num_threads) for step in self.steps)

    def run(
        self,
        src: Image,
        out: Image,
        num_threads: int | None = None,
        stop: Stop | None = None,
        note: Callable[[str, float, float], None] | None = None,
    ) -> None:
        """Compute `out`, C-contiguous and of the result's shape, from `src`, of the shape it was planned for.

        `note`, if given, is told the name of each operation, and its start and end on the monotonic clock.

        Raises
        ------
        InvalidImageError
            `src` or `out` is another than was planned for: kernels go by the plan.
        StoppedError
            `stop` said so before it was done; `out` may hold anything.
        """
        first = self.steps[0]
        for field, image, shape, dtype in (
            ("image", src, first.src_shape, first.src_dtype),
            ("out", out, self.shape, self.dtype),
        ):
            if (image.shape, image.dtype) != (shape, dtype):
                raise InvalidImageError(field, f"{image.shape} {image.dtype}", f"{shape} {dtype}, as planned")
        stop = stop or Stop()
        buffers = [np.empty(num_bytes, np.uint8) for num_bytes in self._buffers()]
        image = src
        last = len(self.steps) - 1
        for number, step in enumerate(self.steps):
            if number == last:
                result = out
            else:
                memory = buffers[number % 2][: step.num_bytes]
                result = memory.view(step.dtype).reshape(step.dst_shape)
            start = time.monotonic()
            step.run(image, result, num_threads, stop)
            if note is not None:
                note(step.operation.name, start, time.monotonic())
            image = result

    def _buffers(self) -> list[int]:
        """Return the sizes of two buffers or less that take the steps' results in turn, but for the last."""
        sizes = [step.num_bytes for step in self.steps[:-1]]
        return [max(sizes[first::2]) for first in range(min(len(sizes), 2))]


@functools.lru_cache(maxsize=64)
def plan(operations: tuple[Operation, ...], shape: Shape, dtype: np.dtype[Any]) -> Plan:
    """Return how to apply `operations` one after the other to an image of that shape and dtype.

    Raises
    ------
    InvalidParameterError
        One of them cannot be applied to what it would get; the field says which.
    """
    result, result_dtype = shape, dtype
    for number, operation in enumerate(operations):
        try:
            result, result_dtype = operation.output_shape(result), operation.output_dtype(result_dtype)
        except InvalidParameterError as error:
            raise located(f"operations[{number}].{operation.name}", error) from None
    steps: list[Step] = []
    needed = fused(operations, shape, dtype)
    for operation in needed or (Rotate90(0),):
        result, routine = operation.output_shape(shape), operation.routine(shape, dtype)
        result_dtype = operation.output_dtype(dtype)
        cost = operation.cost_of(shape, dtype)
        steps.append(Step(operation, shape, dtype, result, result_dtype, cost, routine))
        shape, dtype = result, result_dtype
    return Plan(tuple(steps), copies=not needed)


def canonical(operation: Operation, dst_shape: Shape) -> tuple[Any, ...]:
    """Return the name and the parameters of an operation whose result has that shape."""
    if isinstance(operation, Resize):  # a side that follows from the other may be said or not
        operation = dataclasses.replace(operation, width=dst_shape[1], height=dst_shape[0], scale=None)
    fields = dataclasses.fields(operation)  # type: ignore[arg-type] # every operation is a dataclass
    return operation.name, *(getattr(operation, field.name) for field in fields)
