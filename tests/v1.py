"""Calls of imgsvc.v1 on the level of messages."""

import io

import grpc
import numpy as np
from PIL import Image as PillowImage

from imgsvc.v1 import image_pb2, image_service_pb2, recipe_pb2
from tests import rpc

PROCESS = "/imgsvc.v1.ImageService/Process"
BATCH = "/imgsvc.v1.ImageService/ProcessBatch"
PLAN = "/imgsvc.v1.ImageService/Plan"
DESCRIBE = "/imgsvc.v1.ImageService/Describe"
LIST_OPERATIONS = "/imgsvc.v1.ImageService/ListOperations"
INFO = "/imgsvc.v1.ImageService/GetServerInfo"


def pixels(image):
    """Return an array as a message, without imgsvc."""
    height, width, *channels = image.shape
    dtype = {"uint8": 1, "uint16": 2, "float32": 3}[image.dtype.name]
    channels = channels[0] if channels else 1
    data = image.astype(image.dtype.newbyteorder("<")).tobytes()
    message = image_pb2.Pixels(width=width, height=height, channels=channels, dtype=dtype, data=data)
    return image_pb2.Image(pixels=message)


def file(data):
    return image_pb2.Image(encoded=image_pb2.EncodedImage(data=data))


def array(image):
    """Return the pixels of a message as an array, without imgsvc."""
    raw = image.pixels
    dtype = {1: np.uint8, 2: np.dtype("<u2"), 3: np.dtype("<f4")}[raw.dtype]
    shape = (raw.height, raw.width) + ((raw.channels,) if raw.channels > 1 else ())
    return np.frombuffer(raw.data, dtype).reshape(shape)


def encoded(image, kind="PNG", **options):
    """Return an array as a file, by Pillow."""
    stream = io.BytesIO()
    PillowImage.fromarray(image).save(stream, kind, **options)
    return stream.getvalue()


def opened(data):
    """Return a file as Pillow sees it."""
    return PillowImage.open(io.BytesIO(data))


def request(image, **recipe):
    return image_service_pb2.ProcessRequest(image=image, recipe=recipe_pb2.Recipe(**recipe))


def call(server, method, body):
    """Return the answer's bytes, or the status and details of a failure; all calls share a connection."""
    if not hasattr(server, "connection"):
        options = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
        server.connection = grpc.insecure_channel(server.target, options=options)
    return rpc.answer_of(lambda: server.connection.unary_unary(method)(body, timeout=60))


def process(server, message):
    """Return the answer to a request, or the status and details of a failure."""
    body = message if isinstance(message, bytes) else message.SerializeToString()
    answer = call(server, PROCESS, body)
    return answer if isinstance(answer, tuple) else image_service_pb2.ProcessResponse.FromString(answer)


def info(server):
    return image_service_pb2.GetServerInfoResponse.FromString(call(server, INFO, b""))


def plan(server, message):
    message = image_service_pb2.PlanRequest(image=message.image, recipe=message.recipe)
    answer = call(server, PLAN, message.SerializeToString())
    return answer if isinstance(answer, tuple) else image_service_pb2.PlanResponse.FromString(answer)
