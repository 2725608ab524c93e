"""A server of imgsvc.v1 that misbehaves as its test says; what it does not script it passes on."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import grpc

from imgsvc.v1 import image_service_pb2 as messages
from tests import v1

OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


class Scripted(grpc.GenericRpcHandler):
    """Counts the calls; `script(number, context)` runs before each, and may abort it."""

    def __init__(self, script, target=None):
        self.calls = 0
        self.metadata = []
        self.batches = []
        self._script = script
        self._target = target

    def service(self, details):
        method = details.method
        if method == v1.BATCH:
            return grpc.stream_stream_rpc_method_handler(self._batch)
        return grpc.unary_unary_rpc_method_handler(lambda body, context: self._unary(method, body, context))

    def _unary(self, method, body, context):
        self._begin(context)
        with grpc.insecure_channel(self._target, options=OPTIONS) as channel:
            return channel.unary_unary(method)(body)

    def _batch(self, bodies, context):
        number = self._begin(context)
        self.batches.append([])
        yield from self._script.batch(number, self._recorded(bodies), context)

    def _recorded(self, bodies):
        for body in bodies:
            message = messages.ProcessBatchRequest.FromString(body)
            self.batches[-1].append(message)
            yield message

    def _begin(self, context):
        number = self.calls
        self.calls += 1
        self.metadata.append(dict(context.invocation_metadata()))
        self._script(number, context)
        return number


class NLImageServiceOnly(Scripted):
    """A server of NLImageService, and of nothing else: not even of health."""

    def __init__(self, target):
        super().__init__(lambda number, context: None, target)

    def service(self, details):
        return super().service(details) if details.method.startswith("/NLImageService/") else None


class EmptyAnswers:
    """A script: each stream gets an answer without results, and ends."""

    def __call__(self, number, context):
        pass

    def batch(self, number, batches, context):
        next(batches)
        yield b""


def answers(message):
    """Return what to answer to a message of items: that each is not found, whose code is 5."""
    status = messages.Status(code=5, message="scripted")
    results = [messages.BatchResult(id=item.id, status=status) for item in message.items]
    return messages.ProcessBatchResponse(results=results).SerializeToString()


@contextlib.contextmanager
def serving(handler, credentials=None, address="127.0.0.1:0"):
    """Serve with a handler, and give the port."""
    with ThreadPoolExecutor(8) as pool:
        server = grpc.server(pool, options=OPTIONS)
        server.add_generic_rpc_handlers((handler,))
        add = server.add_insecure_port if credentials is None else server.add_secure_port
        port = add(address, *([] if credentials is None else [credentials]))
        server.start()
        try:
            yield port
        finally:
            server.stop(None).wait()


def credentials_of(certificate, ca=None):
    """Return what a server shows, and from whom it wants the same."""
    pair = certificate.private_key_pem.bytes(), certificate.cert_chain_pems[0].bytes()
    trusted = None if ca is None else ca.cert_pem.bytes()
    return grpc.ssl_server_credentials([pair], trusted, require_client_auth=ca is not None)
