"""Calls on the level of bytes, for what no well-behaved client would send."""

import contextlib
import threading
import time

import grpc

from imgsvc.stubs.nl_image_service_pb2 import NLImage

READY = grpc.ChannelConnectivity.READY.value[0]

MEAN_FILTER = "/NLImageService/MeanFilter"
ROTATE_IMAGE = "/NLImageService/RotateImage"


@contextlib.contextmanager
def channel(server, *more_options):
    """Connect. Calls, even of one connection, may reach the server in another order than they are made."""
    options = (
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),  # or channels to one server would share a connection
        *more_options,
    )
    with grpc.insecure_channel(server.target, options=options) as connection:
        _connect(connection)
        yield connection


def _connect(connection, seconds=30):
    """Wait for a connection, as `grpc.channel_ready_future` does: closing takes 0.2 s after that one."""
    channel, end = connection._channel, time.time() + seconds
    state = channel.check_connectivity_state(True)
    while state != READY:
        assert time.time() < end
        channel.watch_connectivity_state(state, end)
        state = channel.check_connectivity_state(True)


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

    def __init__(self, connection, method, timeout=60, metadata=None):
        self._go = threading.Event()
        self._body = []
        call = connection.stream_unary(method)
        self._call = call.future(self._messages(), timeout=timeout, metadata=metadata)

    def _messages(self):
        self._go.wait()
        yield from self._body

    def send(self, *messages):
        self._body = messages
        self._go.set()

    def cancel(self):
        self._call.cancel()
        self._go.set()

    @property
    def ended(self):
        return self._call.done()

    def answer(self):
        try:
            return answer_of(self._call.result)
        finally:
            self._go.set()


def hold(connection, method, count, probe):
    """Return `count` held calls that the server, which takes no more than that, has let in.

    The refusal of a probe tells; of two in a row, since an earlier probe may keep its place for a moment. A
    held call that met a probe in its place is made again.
    """
    held, refused = [], 0
    end = time.monotonic() + 30
    while refused < 2:
        assert time.monotonic() < end
        alive = [call for call in held if not call.ended]
        refused = refused if len(alive) == count else 0
        held = alive + [HeldCall(connection, method) for _ in range(count - len(alive))]
        answer = answer_of(lambda: connection.unary_unary(method)(probe, timeout=10))
        refused = refused + 1 if answer[0] is grpc.StatusCode.RESOURCE_EXHAUSTED else 0
    return held
