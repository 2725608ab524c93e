"""Calls on the level of bytes, for what no well-behaved client would send."""

import contextlib
import math
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
        ("grpc.http2.bdp_probe", 0),  # or windows would grow, until a `HeldAnswer` fits into one
        ("grpc.http2.bdp_probe", 0),  # windows that do not grow, for `HeldAnswer`
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


class Headers:
    """An RPC whose headers have come, as `imgsvc.server.call.Call` gets it from the transport."""

    deadline = math.inf

    def __init__(self, *metadata, method="/Service/Method", peer="ipv4:127.0.0.1:1"):
        self.method = method
        self.metadata = metadata
        self.peer = peer


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


class HeldAnswer:
    """A call that keeps its permit: its answer, which is larger than a window, waits to be read."""

    SIDE = 1024
    BODY = NLImage(width=SIDE, height=SIDE, data=bytes(SIDE * SIDE)).SerializeToString()

    def __init__(self, connection, method, timeout=60, metadata=None):
        self._call = connection.stream_stream(method)(iter([self.BODY]), timeout=timeout, metadata=metadata)

    def cancel(self):
        self._call.cancel()

    @property
    def ended(self):
        return self._call.done()

    def answer(self):
        """Take the answer, and return it; or the status and details of a failure."""
        return answer_of(lambda: next(self._call))


def hold(connection, method, count, probe, metadata=None):
    """Return `count` calls whose answers wait, at a server which takes no more calls than that.

    The refusal of a probe tells; of two in a row, since an earlier probe may keep its place for a moment. A
    held call that met a probe in its place is made again.
    """
    held, refused = [], 0
    end = time.monotonic() + 30
    while refused < 2:
        assert time.monotonic() < end
        alive = [call for call in held if not call.ended]
        refused = refused if len(alive) == count else 0
        held = alive + [HeldAnswer(connection, method, metadata=metadata) for _ in range(count - len(alive))]
        answer = answer_of(lambda: connection.unary_unary(method)(probe, timeout=10, metadata=metadata))
        refused = refused + 1 if answer[0] is grpc.StatusCode.RESOURCE_EXHAUSTED else 0
    return held
