"""Who calls: keys, certificates, methods, quotas; with the installed server."""

import re
import threading
import time

import grpc
import numpy as np
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

import imgsvc
from imgsvc.config import ServerConfig
from imgsvc.errors import ConfigurationError, ServiceUnavailableError
from imgsvc.server.callers.access import Access
from imgsvc.server.callers.keys import new_key, shown_digest
from imgsvc.server.watched_files import WatchedFiles
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from imgsvc.v1.image_service_pb2 import BatchItem, ProcessBatchRequest, ProcessBatchResponse
from tests import rpc, v1
from tests.certificates import Files, channel, replace
from tests.processes import run, serving, wait_for

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
INFO = "/imgsvc.v1.ImageService/GetServerInfo"
UNAUTHENTICATED, DENIED = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
EXPECTED = "expected 'Bearer KEY' with a key that this server knows"
IMAGE = np.zeros((100, 100), np.uint8)


def table(name, *keys, **more):
    """Return a caller as the file has it."""
    lines = [f"[{name}]", f"keys = {[shown_digest(key) for key in keys]}"]
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in more.items()), ""])


@pytest.fixture
def key():
    return new_key()


@pytest.fixture
def known(tmp_path, serve, key):
    """Starts a server that knows a caller with a key, and others."""

    def start(*options, others="", **more):
        file = tmp_path / "callers.toml"
        file.write_text(table("webshop", key, **more) + others)
        server = serve("--host", "127.0.0.1", "--port", "0", "--callers", file, *options)
        server.callers = file
        return server

    return start


def ask(server, authorization=None, method=rpc.MEAN_FILTER, body=GOOD):
    """Return an answer, or the status and details of a failure."""
    metadata = [] if authorization is None else [("authorization", authorization)]
    with rpc.channel(server) as connection:
        return rpc.answer_of(lambda: connection.unary_unary(method)(body, timeout=20, metadata=metadata))


KEY, READER = new_key(), new_key()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A server for those who do not change its file."""
    file = tmp_path_factory.mktemp("callers") / "callers.toml"
    methods = '["NLImageService/MeanFilter", "imgsvc.v1.ImageService/Get*"]'
    file.write_text(table("webshop", KEY) + table("reader", READER, methods=methods))
    with serving("--host", "127.0.0.1", "--port", "0", "--callers", file) as running:
        yield running


class TestKeys:
    def test_good_wrong_and_none(self, shared):
        assert ask(shared, f"Bearer {KEY}") == GOOD
        assert ask(shared, f"bearer  {KEY}") == GOOD
        assert ask(shared) == (UNAUTHENTICATED, f"authorization: no key, {EXPECTED}")
        wrong = new_key()
        for given, reason in [
            (f"Bearer {wrong}", "unknown key"),
            (f"Bearer {KEY}x", "unknown key"),
            ("Bearer", "unknown key"),
            (KEY, "no key"),
            (f"Bearer {shown_digest(KEY)}", "unknown key"),
        ]:
            assert ask(shared, given) == (UNAUTHENTICATED, f"authorization: {reason}, {EXPECTED}"), given
        wait_for(lambda: shared.log.count("UNAUTHENTICATED") >= 6)
        assert f"{rpc.MEAN_FILTER} peer=ipv4:127.0.0.1:" in shared.log
        for secret in (KEY, wrong, shown_digest(KEY)[7:]):
            assert secret not in shared.log

    def test_two_are_refused_even_if_one_is_good(self, shared):
        metadata = [("authorization", f"Bearer {KEY}"), ("authorization", f"Bearer {KEY}")]
        with rpc.channel(shared) as connection:
            method = connection.unary_unary(rpc.MEAN_FILTER)
            code, _ = rpc.answer_of(lambda: method(GOOD, timeout=20, metadata=metadata))
        assert code is UNAUTHENTICATED

    def test_every_image_method_needs_one_and_no_body_is_read(self, shared):
        with rpc.channel(shared) as connection:
            for method in ("Process", "Plan", "Describe", "ListOperations", "GetServerInfo"):
                call = rpc.HeldCall(connection, f"/imgsvc.v1.ImageService/{method}")  # nothing but headers
                assert call.answer()[0] is UNAUTHENTICATED
            assert rpc.HeldCall(connection, rpc.ROTATE_IMAGE).answer()[0] is UNAUTHENTICATED
            batch = connection.stream_stream("/imgsvc.v1.ImageService/ProcessBatch")
            code, _ = rpc.answer_of(lambda: list(batch(iter([b""]), timeout=20)))
            assert code is UNAUTHENTICATED

    def test_rotated_and_revoked_without_a_restart(self, known, key):
        server = known(others=table("other", new_key()))
        old, new = f"Bearer {key}", new_key()
        replace(server.callers, table("webshop", key, new).encode())
        wait_for(lambda: ask(server, f"Bearer {new}") == GOOD)
        assert ask(server, old) == GOOD
        replace(server.callers, table("webshop", new).encode())
        wait_for(lambda: ask(server, old) == (UNAUTHENTICATED, f"authorization: unknown key, {EXPECTED}"))
        assert ask(server, f"Bearer {new}") == GOOD
        wait_for(lambda: server.log.count(f"read again: {server.callers}") == 2)

    def test_a_broken_file_keeps_the_old_one_and_logs_one_line(self, known, key):
        server = known()
        for broken, reason in [
            ("", "nobody in it, expected a table for each caller"),
            ("[webshop]\nkeys = [", "no TOML: "),
            ("[webshop]\nkeys = ['imgsvc_abc']", "[webshop] keys: something else, expected 'sha256:' and 64"),
        ]:
            replace(server.callers, broken.encode())
            line = f"{server.callers}: {reason}"
            wait_for(lambda line=line: line in server.log)
            assert ask(server, f"Bearer {key}") == GOOD
            assert server.log.count(line) == 1
        server.callers.unlink()
        gone = f"{server.callers}: No such file or directory; what was read before stays in use"
        wait_for(lambda: gone in server.log)
        assert ask(server, f"Bearer {key}") == GOOD
        assert "imgsvc_abc" not in server.log

    def test_a_new_one(self):
        printed = run("imgsvc-server", "--new-key")
        assert (printed.returncode, printed.stderr) == (0, "")
        key, line = printed.stdout.splitlines()
        assert re.fullmatch(r"imgsvc_[A-Za-z0-9_-]{43}", key)
        assert line == f'keys = ["{shown_digest(key)}"]'


class TestMethods:
    def test_those_that_are_allowed(self, shared):
        reader = f"Bearer {READER}"
        assert ask(shared, reader) == GOOD
        assert isinstance(ask(shared, reader, INFO, b""), bytes)
        details = f"method: {rpc.ROTATE_IMAGE}, expected one that caller reader may call"
        assert ask(shared, reader, rpc.ROTATE_IMAGE) == (DENIED, details)
        assert ask(shared, reader, "/imgsvc.v1.ImageService/ProcessBatch")[0] is DENIED
        operations = ask(shared, f"Bearer {KEY}", "/imgsvc.v1.ImageService/ListOperations", b"")
        assert isinstance(operations, bytes)

    def test_unknown_ones_are_unknown_to_all(self, shared):
        assert ask(shared, method="/x/Y") == (grpc.StatusCode.UNIMPLEMENTED, "Method not found!")


def health_of(connection, metadata=(), service=""):
    stub = health_pb2_grpc.HealthStub(connection)
    request = health_pb2.HealthCheckRequest(service=service)
    return rpc.answer_of(lambda: stub.Check(request, timeout=20, metadata=metadata).status)


class TestOtherServices:
    def check(self, server, metadata=()):
        with rpc.channel(server) as connection:
            return health_of(connection, metadata)

    def test_health_is_open_and_reflection_is_not(self, shared):
        assert self.check(shared) == health_pb2.HealthCheckResponse.SERVING
        with rpc.channel(shared) as connection, pytest.raises(grpc.RpcError) as raised:
            ProtoReflectionDescriptorDatabase(connection).get_services()
        assert raised.value.code() is UNAUTHENTICATED
        with authorized(shared, KEY) as connection:
            assert "NLImageService" in ProtoReflectionDescriptorDatabase(connection).get_services()

    def test_health_that_needs_a_key_and_no_reflection(self, known, key):
        server = known("--health-needs-key", "--no-reflection")
        with authorized(server, key) as connection, pytest.raises(grpc.RpcError) as raised:
            ProtoReflectionDescriptorDatabase(connection).get_services()
        assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert self.check(server) == (UNAUTHENTICATED, f"authorization: no key, {EXPECTED}")
        metadata = [("authorization", f"Bearer {key}")]
        assert self.check(server, metadata) == health_pb2.HealthCheckResponse.SERVING
        wrong = [("authorization", f"Bearer {new_key()}")]
        assert self.check(server, wrong) == (UNAUTHENTICATED, f"authorization: unknown key, {EXPECTED}")
        request = health_pb2.HealthCheckRequest()
        with rpc.channel(server) as connection:
            # Whoever restarts what does not live has no key.
            alive = health_of(connection, service="imgsvc.liveness")
            assert alive == health_pb2.HealthCheckResponse.SERVING
            stub = health_pb2_grpc.HealthStub(connection)
            code, _ = rpc.answer_of(lambda: next(stub.Watch(request, timeout=20)))
            assert code is UNAUTHENTICATED
            watch = stub.Watch(request, timeout=20, metadata=metadata)
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
            watch.cancel()


def authorized(server, key):
    """Connect with a key that goes with every call."""

    class Bearer(grpc.StreamStreamClientInterceptor):
        def intercept_stream_stream(self, continuation, details, requests):
            metadata = [("authorization", f"Bearer {key}")]
            return continuation(details._replace(metadata=metadata), requests)

    return _Intercepted(grpc.insecure_channel(server.target), Bearer())


class _Intercepted:
    def __init__(self, connection, interceptor):
        self._connection = connection
        self._interceptor = interceptor

    def __enter__(self):
        return grpc.intercept_channel(self._connection.__enter__(), self._interceptor)

    def __exit__(self, *error):
        return self._connection.__exit__(*error)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def mutual(authority, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mutual")
    files = Files(folder / "tls").put(authority.issue_cert("localhost"))
    ca, callers = folder / "ca.pem", folder / "callers.toml"
    ca.write_bytes(authority.cert_pem.bytes())
    callers.write_text(
        "[robot]\ncertificates = ['robot@example.org']\n"
        "[reader]\ncertificates = ['reader-7']\nmethods = ['imgsvc.v1.ImageService/Plan']\n"
        + table("webshop", KEY, methods=["NLImageService/RotateImage"])
    )
    options = ("--tls-cert", files.cert, "--tls-key", files.key, "--tls-client-ca", ca, "--health-needs-key")
    with serving("--host", "127.0.0.1", "--port", "0", *options, "--callers", callers) as running:
        yield running


class TestCertificates:
    @staticmethod
    def ask(server, authority, issued, method=rpc.MEAN_FILTER, **more):
        with channel(server, authority, issued) as connection:
            return rpc.answer_of(lambda: connection.unary_unary(method)(GOOD, timeout=20, **more))

    def test_identities(self, mutual, authority):
        robot = authority.issue_cert("robot@example.org")
        assert self.ask(mutual, authority, robot) == GOOD
        reader = authority.issue_cert("somebody@example.org", common_name="reader-7")
        details = f"method: {rpc.MEAN_FILTER}, expected one that caller reader may call"
        assert self.ask(mutual, authority, reader) == (DENIED, details)
        for nobody in (
            authority.issue_cert("x"),
            authority.issue_cert("robot@example.org", common_name="reader-7"),
        ):
            assert self.ask(mutual, authority, nobody) == (
                UNAUTHENTICATED,
                f"authorization: unknown certificate, {EXPECTED}",
            )

    def test_batches_reflection_health_and_many_refusals(self, mutual, authority):
        stranger, robot = authority.issue_cert("x"), authority.issue_cert("robot@example.org")
        batch = "/imgsvc.v1.ImageService/ProcessBatch"
        with channel(mutual, authority, stranger) as connection:
            for _ in range(40):  # more than there are places for streams, or threads for reflection
                code, _ = rpc.answer_of(lambda: list(connection.stream_stream(batch)(iter([]), timeout=20)))
                assert code is UNAUTHENTICATED
            with pytest.raises(grpc.RpcError) as raised:
                ProtoReflectionDescriptorDatabase(connection).get_services()
            assert raised.value.code() is UNAUTHENTICATED
            assert health_of(connection)[0] is UNAUTHENTICATED
        with channel(mutual, authority, robot) as connection:
            assert health_of(connection) == health_pb2.HealthCheckResponse.SERVING
            assert list(connection.stream_stream(batch)(iter([]), timeout=20)) == []
            assert "NLImageService" in ProtoReflectionDescriptorDatabase(connection).get_services()

    def test_a_key_goes_before_the_certificate(self, mutual, authority):
        robot = authority.issue_cert("robot@example.org")
        code, _ = self.ask(mutual, authority, robot, metadata=[("authorization", f"Bearer {new_key()}")])
        assert code is UNAUTHENTICATED
        code, details = self.ask(mutual, authority, robot, metadata=[("authorization", f"Bearer {KEY}")])
        assert (code, "caller webshop" in details) == (DENIED, True)


class TestQuotas:
    def test_calls_in_flight(self, known, key):
        server = known(max_calls=2, others=table("other", other := new_key()))
        metadata = [("authorization", f"Bearer {key}")]
        with rpc.channel(server) as connection:
            held = rpc.hold(connection, rpc.MEAN_FILTER, 2, GOOD, metadata)
            details = (
                "caller webshop: 3 calls in flight, expected at most 2; try again when one of them has ended"
            )
            refusal = (grpc.StatusCode.RESOURCE_EXHAUSTED, details)
            assert ask(server, f"Bearer {key}") == refusal
            assert ask(server, f"Bearer {other}") == GOOD
            for call in held:
                assert call.answer() == call.BODY
        wait_for(lambda: ask(server, f"Bearer {key}") == GOOD)

    def test_pixels_a_second_and_none_any_more(self, known, key):
        server = known(pixels_per_second=20_000, others=table("other", other := new_key()))
        with imgsvc.Client(server.target, token=key) as client:
            assert client.process(np.zeros((500, 100), np.uint8)).width == 100  # owed: one second and a half
            with pytest.raises(ServiceUnavailableError) as raised:
                client.invert(IMAGE)
            details = r"caller webshop: more than 20000 pixels a second; try again in 1\.?\d* s"
            assert re.fullmatch(details, raised.value.details)
            assert 1 < raised.value.retry_after <= 1.5  # of google.rpc.RetryInfo
            with imgsvc.Client(server.target, token=other) as unbounded:
                assert inverts(unbounded)
            large = np.zeros((1000, 1000), np.uint8)
            wait_for(lambda: inverts(client, large))  # owed: most of a minute
            assert not inverts(client)
            replace(server.callers, table("webshop", key).encode())
            wait_for(lambda: inverts(client))

    def test_a_batch_is_held_back_and_not_refused(self, known, key):
        server = known(pixels_per_second=100_000)
        images = [np.zeros((200, 100), np.uint8)] * 15  # three seconds' worth, the first of which is there
        with imgsvc.Client(server.target, token=key) as client:
            begin = time.monotonic()
            results = [result for _, result in client.process_many(images, "invert", in_flight=1)]
            assert time.monotonic() - begin > 1.5
        assert [result.array.all() for result in results] == [True] * 15

    def test_a_batch_in_one_message_is_held_back_too(self, known, key):
        server = known("--max-stream-items", "1", pixels_per_second=20_000)
        batch = ProcessBatchRequest(items=[BatchItem(image=v1.pixels(IMAGE))] * 6)  # of 10,000 pixels each
        with rpc.channel(server) as connection:
            begin = time.monotonic()
            answers = streamed(connection, key, iter([batch]))
            found = [(result, time.monotonic()) for answer in answers for result in answer.results]
            assert len(found) == 6
            assert found[-1][1] - begin > 1

    def test_a_batch_that_owes_pixels_ends_when_all_is_answered(self, known, key):
        server = known(pixels_per_second=500)
        answered = threading.Event()

        def batches():
            yield ProcessBatchRequest(items=[BatchItem(image=v1.pixels(IMAGE))])
            answered.wait()
            yield ProcessBatchRequest()

        with rpc.channel(server) as connection:
            begin = time.monotonic()
            for answer in streamed(connection, key, batches()):
                assert len(answer.results) == 1
                answered.set()
            assert time.monotonic() - begin < 10  # it owes 19 seconds


def streamed(connection, key, batches):
    method = connection.stream_stream(
        v1.BATCH, ProcessBatchRequest.SerializeToString, ProcessBatchResponse.FromString
    )
    return method(batches, timeout=30, metadata=[("authorization", f"Bearer {key}")])


def inverts(client, image=IMAGE):
    try:
        return client.invert(image).all()
    except ServiceUnavailableError:
        return False


def test_a_missing_file_keeps_the_server_from_starting(tmp_path):
    none = tmp_path / "none.toml"
    done = run("imgsvc-server", "--port", "0", "--callers", none, timeout=30)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"imgsvc-server: {none}: No such file or directory\n"


def test_certificates_that_nobody_verifies(tmp_path):
    file = tmp_path / "callers.toml"
    file.write_text("[robot]\ncertificates = ['robot']\n")
    with pytest.raises(ConfigurationError) as raised:
        Access(str(file), ServerConfig(), WatchedFiles())
    expected = "[robot] certificates: expected --tls-client-ca, to have them verified"
    assert str(raised.value) == f"{file}: {expected}"


def test_keys_that_others_can_read_warn(known):
    server = known("--host", "0.0.0.0")
    line = (
        "anyone on the network can read what is sent, the callers' keys too, and then call: give --tls-cert"
    )
    wait_for(lambda: line in server.log)


def test_health_that_needs_a_key_needs_callers():
    with pytest.raises(ConfigurationError, match="^--health-needs-key: true, expected --callers beside it$"):
        ServerConfig(health_needs_key=True)
