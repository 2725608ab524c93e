"""NLImageService on the server: what its methods answer."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from imgsvc._images import UINT8
from imgsvc.cache.cache import Made
from imgsvc.cache.key import NL_IMAGE, key, operation_subject
from imgsvc.runtime.cores import AT_ONCE_BYTES
from imgsvc.server.prepared_cache import MOST_KEY_BYTES, MOST_KEY_FIELDS, PreparedCache
from imgsvc.stubs.nl_image_service_pb2 import DESCRIPTOR
from imgsvc.wire.envelope import Draft
from imgsvc.wire.nl_image import (
    IMAGE,
    ROTATE_REQUEST,
    image_layout,
    mean_filter_request,
    null_image,
    rotate_request,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.operations import Operation
    from imgsvc.server.call import Work
    from imgsvc.server.overload.price import Price, Pricing
    from imgsvc.server.prepared import Method
    from imgsvc.wire.envelope import Envelope
    from imgsvc.wire.nl_image import ImageRequest

    Read = Callable[[bytes], ImageRequest]

__all__ = ["SERVICE_NAME", "OperationMethod", "nl_image_methods"]

SERVICE_NAME = DESCRIPTOR.services_by_name["NLImageService"].full_name

METHODS: dict[str, tuple[Envelope[Any], Read]] = {
    f"/{SERVICE_NAME}/MeanFilter": (IMAGE, mean_filter_request),
    f"/{SERVICE_NAME}/RotateImage": (ROTATE_REQUEST, rotate_request),
}


def nl_image_methods(pricing: Pricing, *, null_image_errors: bool = False) -> dict[str, Method]:
    """Return both methods by name; with `null_image_errors` they answer bad input with an image."""
    on_invalid_input = null_image if null_image_errors else None
    return {name: OperationMethod(*method, pricing, on_invalid_input) for name, method in METHODS.items()}


class OperationMethod:
    """A method whose requests are an operation and an image of 8 bits.

    Parameters
    ----------
    envelope, read
        Of its requests.
    pricing
        Makes prices of operations.
    on_invalid_input
        See `Method`.
    """

    def __init__(
        self,
        envelope: Envelope[Any],
        read: Read,
        pricing: Pricing,
        on_invalid_input: Callable[[str], bytes] | None = None,
    ) -> None:
        self.on_invalid_input = on_invalid_input
        self._envelope = envelope
        self._read = read
        self._pricing = pricing
        self._planned: PreparedCache[_PlannedOperation] = PreparedCache()

    def find(self, body: bytes) -> PreparedOperation | None:
        """Return a request if others like it were prepared before; see `Method.find`."""
        parts = self._envelope.split(body, MOST_KEY_FIELDS, MOST_KEY_BYTES)
        if parts is None:
            return None
        planned = self._planned.get(parts[0])
        if planned is None:
            return None
        data = parts[1][planned.index]
        return PreparedOperation(planned, data) if len(data) == planned.num_bytes else None

    def prepare(self, body: bytes) -> PreparedOperation:
        """Return a request that was parsed and checked; see `Method.prepare`."""
        request = self._read(body)
        planned = _PlannedOperation(request, self._pricing)
        if request.header is not None and request.index is not None:
            self._planned.keep(request.header, planned, len(request.header), planned.table_bytes)
        return PreparedOperation(planned, request.data)


class _PlannedOperation:
    """What requests for one operation on images of one shape have in common."""

    def __init__(self, request: ImageRequest, pricing: Pricing) -> None:
        self.operation: Operation = request.operation
        self.shape = request.shape
        self.index = request.index or 0
        self.num_bytes = len(request.data)
        self.result_shape = self.operation.output_shape(self.shape)
        self.layout = image_layout(self.result_shape)
        self.kernel = self.operation.prepared(self.shape, UINT8)
        self.table_bytes = 0 if self.kernel is None else self.operation.table_bytes(self.shape)
        self._pricing = pricing
        self.price = self.priced()

    @functools.cached_property
    def subject(self) -> str:
        """What is done, as the key of the result cache has it."""
        return operation_subject(self.operation, self.shape)

    def priced(self) -> Price:
        """Return the price of each, which is made again where nothing had been measured."""
        self.price = self._pricing.operation(self.operation, self.shape, self.result_shape)
        return self.price


class PreparedOperation:
    """One request of NLImageService; see `Prepared`."""

    __slots__ = ("_data", "_planned", "answer_bytes", "at_once", "num_bytes", "price")

    def __init__(self, planned: _PlannedOperation, data: memoryview) -> None:
        self._planned = planned
        self._data = data
        self.num_bytes = planned.num_bytes
        self.price = planned.price if planned.price.core_seconds else planned.priced()
        self.answer_bytes = self.price.num_bytes
        self.at_once = self.num_bytes <= AT_ONCE_BYTES

    def cache_key(self, owner: str) -> bytes:
        """Return what its answer is found by; see `Prepared.cache_key`."""
        return key(NL_IMAGE, owner, self._planned.subject, self._data)

    def run(self, call: Work, item: str | None = None) -> Made:  # noqa: ARG002 - no batch has it
        """Compute the answer; see `Prepared.run`."""
        planned, stop, note = self._planned, call.stop, call.note
        draft = Draft(planned.layout)
        src = np.ndarray(planned.shape, np.uint8, self._data)
        dst = np.ndarray(planned.result_shape, np.uint8, draft.payloads[0])

        def compute(num_threads: int) -> None:
            start = time.monotonic()
            if planned.kernel is None or not planned.kernel.run(src, dst, num_threads, stop):
                planned.operation.compute(src, dst, num_threads, stop)
            note(planned.operation.name, start, time.monotonic())

        call.compute(compute, planned.num_bytes)
        return Made(draft.finish())
