"""What is known of one call: filled in on its way, read when it is over."""

from __future__ import annotations

import dataclasses
import time

__all__ = ["Record"]


@dataclasses.dataclass(slots=True)
class Record:
    """One call, or one item of a batch.

    Attributes
    ----------
    method
        As the call names it: ``"/imgsvc.v1.ImageService/Process"``.
    peer
        Its address, noted at the start: gRPC forgets that of a call that was cancelled.
    caller
        Who it is, by the name that the operator gave; empty for anybody.
    begun
        When its headers had come, on the monotonic clock.
    request_bytes, answer_bytes
        The sizes of its messages.
    """

    method: str
    peer: str = ""
    caller: str = ""
    begun: float = dataclasses.field(default_factory=time.monotonic)
    request_bytes: int = 0
    answer_bytes: int = 0
