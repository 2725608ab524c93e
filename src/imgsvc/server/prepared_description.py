"""Prepared requests to describe an image."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING

from imgsvc.cache.cache import Made
from imgsvc.recipes.description import describe_source, plan_description
from imgsvc.recipes.source import ImageFile
from imgsvc.runtime.cores import AT_ONCE_BYTES, LONG_SECONDS
from imgsvc.server.refusals import NoGps
from imgsvc.wire.description import DESCRIBE_REQUEST, description_message
from imgsvc.wire.image import payload_field, read_source

if TYPE_CHECKING:
    from imgsvc.recipes.description import Description, DescriptionPlan
    from imgsvc.recipes.source import Source
    from imgsvc.server.call import Work
    from imgsvc.server.image_service import Processing
    from imgsvc.server.overload.price import Price

__all__ = ["DescribeMethod"]


class DescribeMethod:
    """`Describe`: an image, and perhaps a wish to know where it was taken; see `Method`."""

    on_invalid_input = None

    def __init__(self, processing: Processing, *, allows_gps: bool) -> None:
        self._processing = processing
        self._allows_gps = allows_gps

    def find(self, _body: bytes) -> None:
        """Return None: nothing is kept of requests."""

    def prepare(self, body: bytes) -> PreparedDescription:
        """Return a request that was parsed, checked and planned; see `Method.prepare`.

        Raises
        ------
        NoGps
            It asks where an image was taken, and the server does not tell.
        """
        opened = DESCRIBE_REQUEST.open(body)
        message = opened.message
        if message.gps and not self._allows_gps:
            raise NoGps
        source = read_source(message.image, opened.payload, "image")
        plan = plan_description(source, self._processing.limits)
        num_bytes = len(opened.payload(payload_field(message.image)))
        price = self._processing.pricing.description(plan).of_file(num_bytes)
        return PreparedDescription(source, plan, price, num_bytes, self._processing, gps=message.gps)


class PreparedDescription:
    """One request to describe an image; see `Prepared`."""

    answer_bytes = 0
    at_once = False

    def __init__(
        self,
        source: Source,
        plan: DescriptionPlan,
        price: Price,
        num_bytes: int,
        processing: Processing,
        *,
        gps: bool,
    ) -> None:
        self.price = price
        self.num_bytes = num_bytes
        self._source = source
        self._plan = plan
        self._processing = processing
        self._gps = gps

    def cache_key(self, _owner: str) -> None:
        """Return None: no answer is kept."""

    def run(self, call: Work, item: str | None = None) -> Made:  # noqa: ARG002 - no batch has it
        """Compute the answer; see `Prepared.run`."""
        # Decoding and counting take longer than the bytes say, so they need a turn, on one core.
        described = call.compute(lambda _: self._described(call), AT_ONCE_BYTES + 1, 1)
        return Made(description_message(described).SerializeToString())

    def _described(self, call: Work) -> Description:
        start = time.monotonic()
        helpers, decoder = self._processing.helpers, None
        if helpers is not None and isinstance(self._source, ImageFile) and call.predicted > LONG_SECONDS:
            # Who decodes in this process cannot be ended before its time.
            decoder = functools.partial(helpers.decode, at_least=None, stop=call.stop)
        try:
            return describe_source(
                self._source,
                self._processing.limits,
                gps=self._gps,
                plan=self._plan,
                num_threads=1,
                stop=call.stop,
                decoder=decoder,
            )
        finally:
            call.note("describe", start, time.monotonic())
