"""Calls on the level of bytes, for what no well-behaved client would send."""

import contextlib
import threading

import grpc

from imgsvc.stubs.nl_image_service_pb2 import NLImage

MEAN_FILTER = "/NLImageService/MeanFilter"
ROTATE_IMAGE = "/NLImageService/RotateImage"


@contextlib.contextmanager
def channel(server):
    """Connect; calls made on a connection that is ready reach the server in the order they are made."""
    options = (
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),  # or channels to one server would share a connection
    )
    with grpc.insecure_channel(server.target, options=options) as connection:
        grpc.channel_ready_future(connection).result(30)
        yield connection


def call(server, method, body, timeout=30):
    """Return the answer's bytes, or the status and details of a failure."""
    with channel(server) as connection:
        return answer_of(lambda: connection.unary_unary(method)(body, timeout=timeout))


def answer_of(send):
    try:
        return send()
    except grpc.RpcError as error:
        return error.code(), error.details()


def image_message(image):
    color = image.ndim == 3
    return NLImage(color=color, data=image.tobytes(), width=image.shape[1], height=image.shape[0])


class HeldCall:
    """A call that has sent its headers and sends its body when told to, if ever."""

    def __init__(self, connection, method, timeout=60):
        self._go = threading.Event()
        self._body = []
        self._call = connection.stream_unary(method).future(self._messages(), timeout=timeout)

    def _messages(self):
        self._go.wait()
        yield from self._body

    def send(self, *messages):
        self._body = messages
        self._go.set()

    def cancel(self):
        self._call.cancel()
        self._go.set()

    def answer(self):
        try:
            return answer_of(self._call.result)
        finally:
            self._go.set()
