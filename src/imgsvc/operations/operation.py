"""What every operation is: a frozen dataclass of checked parameters that makes one image of another."""

from __future__ import annotations

import abc
import dataclasses
import functools
import re
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import numpy as np

from imgsvc._door import Door, Prepared
from imgsvc._images import UINT8, array_of, as_rows, check_image, check_out
from imgsvc._stop import Stop
from imgsvc._threads import check_num_threads, threads_for
from imgsvc.errors import InvalidParameterError, StoppedError
from imgsvc.operations.affine import IDENTITY

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc._door import Kernel
    from imgsvc._images import Image, ImageLike, Shape
    from imgsvc.operations.affine import Affine
    from imgsvc.pipeline import Pipeline

REQUIRED = {"required": True}
"""Of a field that has to be given, though it has a default: behind others that have one."""

F = TypeVar("F", bound="Callable[..., Any]")


class Operation(abc.ABC):
    """Something that makes one image of another.

    It knows its parameters and what they may be (checked when it is made), the shape of its result for a
    given image, what that costs, and how to compute it.
    """

    name: ClassVar[str]
    """What it is called in pipelines: as its public function, ``MeanFilter`` is ``mean_filter``."""

    join: ClassVar[Callable[..., Pipeline]]
    """Makes a pipeline of several; `imgsvc.pipeline` has put it there."""

    # Each is a dataclass, which type checkers know by this.
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    # So that arrays leave `|` to the operation, which takes none, instead of trying it for each value.
    __array_ufunc__: ClassVar[None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Name the class, unless it says itself what it is called."""
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = re.sub("(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @property
    def deep(self) -> bool:
        """Whether it takes images of more than 8 bits, too."""
        return False

    @property
    def looks(self) -> bool:
        """Whether what it does depends on what an image shows: `seen` is asked for that."""
        return False

    @property
    def at_most(self) -> bool:
        """Whether `output_shape` says no more than how large the result may be: it looks, and cuts off."""
        return False

    def seen(self, image: Image, num_threads: int | None, stop: Stop) -> Operation:
        """Return the operation that looks no more, and does the same to `image` and to others like it.

        Raises
        ------
        StoppedError
            `stop` said so.
        """
        return self

    @abc.abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the result for an image of `shape`.

        Raises
        ------
        InvalidParameterError
            The operation cannot be applied to an image of that shape.
        """

    @abc.abstractmethod
    def cost(self, shape: Shape) -> int:
        """Return how many bytes one core copies in about the time that it takes for bytes of `shape`."""

    def cost_of(self, shape: Shape, dtype: np.dtype[Any]) -> int:
        """Return the same for an image of `dtype`: what moves longer values takes longer by as much."""
        return self.cost(shape) * dtype.itemsize

    def routine(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """Return the name of what does the work for an image of `shape` and `dtype`.

        Where it is the same, also for several operations, a unit of `cost` takes the same time.
        """
        return self.name

    def kernel(
        self,
        shape: Shape,
        dtype: np.dtype[Any],
        stop: Stop | None = None,
    ) -> Kernel | None:
        """Return what computes the result for an image of `shape` and `dtype`; None if that is `apply`.

        `stop` is asked while tables are made, where that takes long.

        Raises
        ------
        StoppedError
            `stop` said so.
        """
        return None

    def apply(self, src: Image, dst: Image, num_threads: int, stop: Stop) -> None:
        """Compute `dst`, C-contiguous, from `src`, with contiguous rows; both (H, W, C) and checked."""
        kernel = self.kernel(src.shape, src.dtype, stop)
        if kernel is None:
            raise NotImplementedError(f"{type(self).__name__} has neither a kernel nor an `apply` of its own")
        kernel(src, dst, num_threads, stop)

    def table_bytes(self, shape: Shape) -> int:
        """Return how many bytes of tables, about, the kernel for an image of `shape` holds."""
        return 0

    def prepared(self, shape: Shape, dtype: np.dtype[Any]) -> Prepared | None:
        """Return the kernel with all that is known of images of `shape` and `dtype`, to be kept for them.

        None where there is no kernel or something else beside it, or where it holds so much that it is better
        made for each call.
        """
        if (
            self.looks
            or type(self).apply is not Operation.apply
            or self.table_bytes(shape) > MOST_TABLE_BYTES
        ):
            return None
        kernel = self.kernel(shape, dtype)
        if kernel is None:
            return None
        result = self.output_shape(shape), self.output_dtype(dtype)
        return Prepared(kernel, shape, dtype, *result, self.cost_of(shape, dtype))

    def output_dtype(self, dtype: np.dtype[Any]) -> np.dtype[Any]:
        """Return the dtype of the result for an image of `dtype`, which is one of an image.

        It is the same, but for `Convert`.

        Raises
        ------
        InvalidParameterError
            The operation takes no image of that dtype, or not with its parameters.
        """
        if dtype != UINT8 and not self.deep:
            raise InvalidParameterError("image.dtype", dtype, "uint8: put convert dtype=uint8 before it")
        return dtype

    def mapping(self, shape: Shape) -> Affine:
        """Return where points of an image of `shape` are in the result."""
        return IDENTITY

    def scratch_bytes(self, shape: Shape, num_threads: int) -> int:
        """Return how many bytes, at most, `apply` takes beside the images, which are contiguous.

        These are the kernels' scratch memory and tables that depend on the shape.
        """
        return 0

    def lookup_table(self, channels: int) -> bytes | None:
        """Return what each value becomes, 256 bytes for each channel, where nothing else has a part in it.

        Pipelines make one lookup of several such operations.
        """
        return None

    def __or__(self, other: Pipeline | Operation | str) -> Pipeline:
        """Return the pipeline of it, and then another operation, a pipeline or the text of one."""
        return Operation.join(self, other)

    def __ror__(self, other: str) -> Pipeline:
        """Return the pipeline of a text's operations, and then it."""
        return Operation.join(other, self)

    def __call__(
        self,
        image: ImageLike,
        *,
        out: Image | None = None,
        num_threads: int | None = None,
        stop: Stop | None = None,
    ) -> Image:
        """Check `image`, `out` and `num_threads`, and run the operation as `compute` does."""
        if not isinstance(image, np.ndarray):
            image = array_of(image)
        image = check_image(image, deep=self.deep)
        if num_threads is not None:
            num_threads = check_num_threads(num_threads)
        shape, stop = self.output_shape(image.shape), stop or Stop()
        dtype = self.output_dtype(image.dtype)
        operation = self
        if self.looks:
            operation = self.seen(image, num_threads, stop)
            shape = operation.output_shape(image.shape)
        out = np.empty(shape, dtype) if out is None else check_out(out, shape, image, dtype)
        operation.compute(image, out, num_threads, stop)
        return out

    def compute(self, image: Image, out: Image, num_threads: int | None, stop: Stop) -> None:
        """Run the operation on what has been checked, or was made to fit.

        Raises
        ------
        StoppedError
            `stop` said so before it was done; `out` holds a part of the result.
        """
        src, dst = as_rows(image), as_rows(out)
        self.apply(src, dst, threads_for(self.cost_of(image.shape, image.dtype), num_threads), stop)
        if stop.stopped:
            raise StoppedError(cancelled=stop.cancelled)


class Deep(Operation):
    """An operation that computes nothing, and so takes pixels of any depth."""

    @property
    def deep(self) -> bool:
        """Whether it takes images of more than 8 bits, too."""
        return True


class SameShape(Operation):
    """An operation whose result has the shape of its image."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return `shape`."""
        return shape


MOST_TABLE_BYTES = 1 << 18
"""Of a kernel that is kept for an image's shape."""

SIMPLE = {bool, int, float, str, type(None)}
"""Types whose values are what they are for ever, so that what was made of them may be kept."""


@functools.lru_cache(maxsize=256, typed=True)
def _made(operation: type[Operation], *parameters: Any) -> Operation:
    return operation(*parameters)


def made(operation: type[Operation], *parameters: Any) -> Operation:
    """Return an operation: the same one again for the same numbers and strings.

    Checking these takes as long as many an operation on a small image.
    """
    for parameter in parameters:
        if type(parameter) not in SIMPLE:
            return operation(*parameters)
    return _made(operation, *parameters)


def public(operation: type[Operation]) -> Callable[[F], F]:
    """Give the public function of an operation a door; see ``_door.pyx``.

    Its parameters are an image, those of the operation in their order, and `out` and `num_threads` by name.
    """

    def with_door(function: F) -> F:
        return cast("F", Door(functools.partial(made, operation), function))

    return with_door
