"""A client of stoppable_server that ends its calls; in a process of its own, as its allocator is tuned.

An ordinary one first unmaps the request, which takes tens of milliseconds for a large one, and then tells the
server. Each line on stdin is JSON, {"shape": [...], "end": "deadline" or "cancellation", "seconds": ...}: one
call, that long. It is answered by {"ended": seconds of the monotonic clock}.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.service.images import noise
from benchmarks.service.serving import UNLIMITED
from benchmarks.service.stoppable_server import ROTATE_IMAGE
from imgsvc import tune_allocator
from imgsvc.operations import Rotate90
from imgsvc.wire.nl_image import draft_rotate_request

if TYPE_CHECKING:
    from benchmarks.service.images import Shape


def main() -> None:
    tune_allocator()
    import grpc  # noqa: PLC0415 - after the allocator is tuned

    rotate = grpc.insecure_channel(sys.argv[1], options=UNLIMITED).unary_unary(ROTATE_IMAGE)
    requests: dict[Shape, bytes] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        shape = tuple(asked["shape"])
        if shape not in requests:
            requests = {shape: rotate_request(shape)}
        if asked["end"] == "deadline":
            with contextlib.suppress(grpc.RpcError):
                rotate(requests[shape], timeout=asked["seconds"])
            ended = time.monotonic()
        else:
            call = rotate.future(requests[shape])
            time.sleep(asked["seconds"])
            ended = time.monotonic()
            call.cancel()
        print(json.dumps({"ended": ended}), flush=True)


def rotate_request(shape: Shape) -> bytes:
    draft = draft_rotate_request(Rotate90(1), shape)
    draft.pixels[...] = noise(shape)
    return draft.finish()


if __name__ == "__main__":
    main()
