"""NLImageService as anyone would write it first: generated classes, OpenCV, and higher limits only."""

from __future__ import annotations

from concurrent import futures
from typing import Any

import cv2
import grpc
import numpy as np

from benchmarks.service.generated import SERVICE, NLImage
from benchmarks.service.serving import UNLIMITED, serve


def mean_filter(request: Any, _context: grpc.ServicerContext) -> Any:
    shape = (request.height, request.width, 3) if request.color else (request.height, request.width)
    src = np.frombuffer(request.data, np.uint8).reshape(shape)
    dst = cv2.blur(src, (3, 3))
    return NLImage(color=request.color, data=dst.tobytes(), width=request.width, height=request.height)


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=10), options=UNLIMITED)
    # What the generated add_…_to_server does.
    handler = grpc.unary_unary_rpc_method_handler(
        mean_filter, request_deserializer=NLImage.FromString, response_serializer=NLImage.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"MeanFilter": handler}),))
    serve(server, "stock")


if __name__ == "__main__":
    main()
