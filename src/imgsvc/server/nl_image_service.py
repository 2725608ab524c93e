"""NLImageService on the server: what its methods answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from imgsvc.cache.cache import Made
from imgsvc.server.calls import Method
from imgsvc.stubs.nl_image_service_pb2 import DESCRIPTOR
from imgsvc.wire.nl_image import draft_image, mean_filter_request, null_image, rotate_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc._images import Image
    from imgsvc.operations import Operation
    from imgsvc.server.caching import Caching
    from imgsvc.server.calls import Call
    from imgsvc.server.overload.price import Pricing

    Parse = Callable[[bytes], tuple[Operation, Image]]

__all__ = ["SERVICE_NAME", "nl_image_methods"]

SERVICE_NAME = DESCRIPTOR.services_by_name["NLImageService"].full_name

METHODS: dict[str, Parse] = {
    f"/{SERVICE_NAME}/MeanFilter": mean_filter_request,
    f"/{SERVICE_NAME}/RotateImage": rotate_request,
}


def nl_image_methods(
    pricing: Pricing, caching: Caching | None = None, *, null_image_errors: bool
) -> dict[str, Method]:
    """Return both methods by name; with `null_image_errors` they answer bad input with an image."""
    on_invalid_input = null_image if null_image_errors else None
    return {
        name: Method(_answer(parse, pricing, caching), on_invalid_input) for name, parse in METHODS.items()
    }


def _answer(parse: Parse, pricing: Pricing, caching: Caching | None) -> Callable[[bytes, Call], bytes]:
    def answer(body: bytes, call: Call) -> bytes:
        operation, image = parse(body)
        shape = operation.output_shape(image.shape)
        price = pricing.operation(operation, image.shape, shape)
        record = call.record

        def compute() -> bytes:
            draft = draft_image(shape)
            stop = call.job.stop

            def run(num_threads: int) -> None:
                start = time.monotonic()
                operation.compute(image, draft.pixels, num_threads, stop)
                record.note(operation.name, start, time.monotonic())

            call.compute(run, image.size)
            return draft.finish()

        if caching is not None:
            key = caching.operation_key(operation, image, price, record)
            if key is not None:
                return caching.answer(key, call, price, lambda: Made(compute()))
        call.admit(price)
        return compute()

    return answer
