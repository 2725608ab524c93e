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
from imgsvc.operations import Rotate90
from imgsvc.operations.affine import then
from imgsvc.operations.by_size import BySize
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
    operations: tuple[Operation, ...]
    """What was asked for; `steps` may be fewer that do the same."""
    copies: bool = False
    """Whether the result is the image itself."""

    @functools.cached_property
    def looks(self) -> bool:
        """Whether some step depends on what the image shows: then `settled` has to be asked for."""
        return any(step.operation.looks for step in self.steps)

    @functools.cached_property
    def at_most(self) -> bool:
        """Whether the result may turn out smaller."""
        return any(step.operation.at_most for step in self.steps)

    def settled(
        self,
        image: Image,
        num_threads: int | None = None,
        stop: Stop | None = None,
        check: Callable[[Plan], None] | None = None,
    ) -> Plan:
        """Return the plan that looks no more, and does the same to `image` and to others like it.

        `check` gets each plan that is made on the way before anything is allocated for it, and may raise.

        Raises
        ------
        InvalidParameterError
            What is left of an image is too small for what comes after.
        StoppedError
            `stop` said so.
        """
        settled, stop = self, stop or Stop()
        while settled.looks:
            at = next(number for number, each in enumerate(settled.operations) if each.looks)
            before, view = _plan(settled.operations[:at], image.shape, image.dtype), image
            if not before.copies:
                if check is not None:
                    check(before)
                view = np.empty(before.shape, before.dtype)
                before.run(image, view, num_threads, stop)
            found = settled.operations[at].seen(view, num_threads, stop)
            operations = *settled.operations[:at], found, *settled.operations[at + 1 :]
            settled = _plan(operations, image.shape, image.dtype)
        if check is not None:
            check(settled)
        return settled

    @functools.cached_property
    def canonical(self) -> str:
        """What is done, in one way of writing it: the results are equal where this is, for equal images."""
        said, known = [], True
        for step in self.steps:
            said.append(canonical(step.operation, step.src_shape if known else None))
            known = known and not step.operation.at_most
        return repr(said)

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
        """How many bytes one core copies in about the time that all steps take it.

        Those before a step that looks are done for that one, too.
        """
        costs = [step.cost for step in self.steps]
        again = (sum(costs[:at]) for at, step in enumerate(self.steps) if step.operation.looks)
        return sum(costs) + sum(again)

    @property
    def largest(self) -> int:
        """The pixels of the largest image that is made."""
        return max(step.dst_shape[0] * step.dst_shape[1] for step in self.steps)

    @property
    def buffer_bytes(self) -> int:
        """The bytes that `settled` and `run` allocate for images between the steps.

        Where a step looks, others may be done in one when it has: then results change their turns.
        """
        if self.looks:
            return 3 * max((step.num_bytes for step in self.steps[:-1]), default=0)
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
        if self.looks:
            raise RuntimeError("what the plan does depends on the image: run `settled(image)`")
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
    return _plan(operations, shape, dtype)


def _plan(operations: tuple[Operation, ...], shape: Shape, dtype: np.dtype[Any]) -> Plan:
    """Return the same, which is not kept: what one image shows is of no use for others."""
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
    return Plan(tuple(steps), operations, copies=not needed)


def canonical(operation: Operation, src_shape: Shape | None) -> tuple[Any, ...]:
    """Return the name and the parameters of an operation on an image of that shape, if it is known.

    Then what depends on the size alone may be said in one way or another.
    """
    if isinstance(operation, BySize) and src_shape is not None:
        operation = operation.of_size(src_shape)
    return operation.name, *(getattr(operation, field.name) for field in dataclasses.fields(operation))
