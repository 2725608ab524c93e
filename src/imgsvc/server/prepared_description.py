"""Prepared requests to describe an image."""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from typing import TYPE_CHECKING

from imgsvc.cache.cache import Made
from imgsvc.codec import DecodeOptions
from imgsvc.operations import Convert, MeanFilter, Resize
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.colors import COUNTED_AT_ONCE
from imgsvc.recipes.description import describe_source
from imgsvc.recipes.recipe import RAW, Output, Recipe
from imgsvc.recipes.source import ImageFile
from imgsvc.runtime.cores import AT_ONCE_BYTES, LONG_SECONDS
from imgsvc.server.refusals import NoGps
from imgsvc.wire.description import DESCRIBE_REQUEST, description_message
from imgsvc.wire.image import payload_field, read_source

if TYPE_CHECKING:
    from imgsvc.recipes.description import Description
    from imgsvc.recipes.planning import RecipePlan
    from imgsvc.recipes.source import Source
    from imgsvc.server.call import Work
    from imgsvc.server.image_service import Processing
    from imgsvc.server.overload.price import Price

__all__ = ["DescribeMethod"]

LIKE_IT = Recipe(
    Pipeline([Convert(), Resize(64, 64, resample="box", fit="inside", enlarge=False)]),
    (Output(RAW),),
    DecodeOptions(shrink_on_load=False),
)
"""What describing comes to but for counting values: limits, time and memory are planned as of this."""

COUNTING = 12
"""How long it takes to count the values of an image, in mean filters of it."""

BYTES_A_VALUE, OTHER_BYTES = 9, 1 << 20
"""Of memory: of each value that is counted at a time, and for an image of 64 pixels a side as integers."""


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
        planned = self._processing.planned(source, LIKE_IT)
        num_bytes = len(opened.payload(payload_field(message.image)))
        price = planned.price if planned.price.core_seconds else planned.priced()
        price = self._with_counting(planned.plan, price if price.is_final else price.of_file(num_bytes))
        return PreparedDescription(source, price, num_bytes, self._processing, gps=message.gps)

    def _with_counting(self, plan: RecipePlan, price: Price) -> Price:
        shape = plan.input.shape
        counting = COUNTING * self._processing.pricing.work_seconds(MeanFilter(), shape)
        held = BYTES_A_VALUE * min(math.prod(shape), COUNTED_AT_ONCE) + OTHER_BYTES
        return dataclasses.replace(
            price,
            num_bytes=price.num_bytes + held,
            core_seconds=price.core_seconds + counting,
        )


class PreparedDescription:
    """One request to describe an image; see `Prepared`."""

    answer_bytes = 0
    at_once = False

    def __init__(
        self, source: Source, price: Price, num_bytes: int, processing: Processing, *, gps: bool
    ) -> None:
        self.price = price
        self.num_bytes = num_bytes
        self._source = source
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
                num_threads=1,
                stop=call.stop,
                decoder=decoder,
            )
        finally:
            call.note("describe", start, time.monotonic())
