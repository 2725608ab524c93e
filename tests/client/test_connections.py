"""How clients reach servers: retries, several servers, TLS, tokens, compression."""

import contextlib
import functools
import multiprocessing
import pickle
import shlex
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import grpc
import numpy as np
import pytest
import trustme

import imgsvc
from imgsvc.errors import (
    InvalidParameterError,
    RequestRefusedError,
    ServiceTimeoutError,
    ServiceUnavailableError,
)
from tests import processes, v1
from tests.client import scripted

LARGE = np.zeros((1200, 1600), np.uint8)  # gRPC itself forgets, and so does not send again, what has 256 KiB


class TestRetries:
    @pytest.mark.parametrize("image", [LARGE[:10, :10], LARGE], ids=["small", "large"])
    @pytest.mark.parametrize("method", ["mean_filter", "invert"])
    def test_of_a_server_that_is_busy_shutting_down(self, server, method, image):
        def script(number, context):
            if number < 2:
                context.abort(grpc.StatusCode.UNAVAILABLE, "shutting down")

        handler = scripted.Scripted(script, server.target)
        with scripted.serving(handler) as port, imgsvc.Client(f"127.0.0.1:{port}") as client:
            result = getattr(client, method)(image)
        np.testing.assert_array_equal(result, getattr(imgsvc, method)(image))
        assert handler.calls == 3

    @pytest.mark.parametrize("retries", [0, 1])
    def test_as_many_as_there_may_be(self, server, photo, retries):
        def script(number, context):
            context.abort(grpc.StatusCode.UNAVAILABLE, f"attempt {number}")

        handler = scripted.Scripted(script)
        with (
            scripted.serving(handler) as port,
            imgsvc.Client(f"127.0.0.1:{port}", retries=retries) as client,
            pytest.raises(ServiceUnavailableError, match=f"attempt {retries}"),
        ):
            client.process(photo)
        assert handler.calls == 1 + retries

    @pytest.mark.parametrize("code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT])
    def test_of_nothing_else(self, photo, code):
        def script(number, context):
            context.abort(code, "no")

        handler = scripted.Scripted(script)
        with (
            scripted.serving(handler) as port,
            imgsvc.Client(f"127.0.0.1:{port}") as client,
            pytest.raises(imgsvc.ImgsvcError, match="no"),
        ):
            client.process(photo)
        assert handler.calls == 1

    def test_of_a_server_that_is_down_at_first(self, serve):
        first = serve("--port", "0")
        port = first.port
        first.process.terminate()
        first.wait()
        later = threading.Timer(0.2, serve, ["--port", str(port)])
        with imgsvc.Client(f"127.0.0.1:{port}", retries=4, timeout=60) as client:
            later.start()

            def works():
                with contextlib.suppress(ServiceUnavailableError):
                    return (client.invert(LARGE) == 255).all()

            processes.wait_for(works)  # the retries may end before a slow machine has started the server
        later.join()

    @pytest.mark.parametrize("retries", [-1, 5, 1.5, None])
    def test_how_many(self, retries):
        with pytest.raises(InvalidParameterError, match=r"^retries: .*, expected an integer from 0 to 4"):
            imgsvc.Client(retries=retries)


class TestOtherServers:
    """What servers say that are not imgsvc's."""

    @pytest.mark.parametrize(
        ("code", "details"),
        [
            ("RESOURCE_EXHAUSTED", "SERVER: Received message larger than max (5 vs. 4)"),  # C++
            ("RESOURCE_EXHAUSTED", "grpc: received message larger than max (5 vs. 4)"),  # Go
            ("RESOURCE_EXHAUSTED", "gRPC message exceeds maximum size 4: 5"),  # Java
            ("RESOURCE_EXHAUSTED", "Received message exceeds the maximum configured message size."),  # .NET
            ("OUT_OF_RANGE", "Error, decoded message length too large: found 5 bytes, the limit is: 4 bytes"),
        ],
    )
    def test_a_message_over_their_limit_is_refused_and_they_are_not_busy(self, photo, code, details):
        def script(number, context):
            context.abort(grpc.StatusCode[code], details)

        handler = scripted.Scripted(script)
        with (
            scripted.serving(handler) as port,
            imgsvc.Client(f"127.0.0.1:{port}") as client,
            pytest.raises(RequestRefusedError, match="send a smaller image, or raise the server's limit "),
        ):
            client.mean_filter(photo)
        assert handler.calls == 1

    def test_a_method_that_they_lack_is_named(self, server, photo):
        with (
            scripted.serving(scripted.NLImageServiceOnly(server.target)) as port,
            imgsvc.Client(f"127.0.0.1:{port}") as client,
        ):
            np.testing.assert_array_equal(client.rotate90(photo), np.rot90(photo))
            with pytest.raises(
                RequestRefusedError, match="^UNIMPLEMENTED: the server has no /imgsvc.v1.Image"
            ):
                client.invert(photo)
            with pytest.raises(
                RequestRefusedError, match="the server has no /imgsvc.*/ProcessBatch: Method not"
            ):
                list(client.process_many([("one", photo)], "invert"))

    def test_a_format_that_a_server_lacks_is_no_missing_method(self, server, photo):
        with (
            imgsvc.Client(server.target) as client,
            pytest.raises(RequestRefusedError, match="^UNIMPLEMENTED: image: ") as raised,
        ):
            client.process(b"\x00\x00\x00\x20ftypheic\x00\x00\x00\x00mif1heic" + bytes(99), "invert")
        assert raised.value.field == "image"


class TestBehindAProxy:
    """What a proxy answers where its server has gone, or takes too long for it."""

    @pytest.mark.parametrize(
        ("code", "details"),
        [
            (grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2"),
            (grpc.StatusCode.INTERNAL, "Stream removed (RST_STREAM, INTERNAL_ERROR)"),
            (grpc.StatusCode.CANCELLED, "Received RST_STREAM with error code 8"),
        ],
    )
    def test_a_stream_that_is_cut_is_made_again(self, server, photo, code, details):
        def script(number, context):
            if number < 2:
                context.abort(code, details)

        handler = scripted.Scripted(script, server.target)
        with scripted.serving(handler) as port, imgsvc.Client(f"127.0.0.1:{port}") as client:
            np.testing.assert_array_equal(client.invert(photo), 255 - photo)
        assert handler.calls == 3

    def test_what_is_said_of_one_that_stays_so(self, photo):
        def script(number, context):
            context.abort(grpc.StatusCode.INTERNAL, "Received RST_STREAM with error code 2")

        with (
            scripted.serving(scripted.Scripted(script)) as port,
            imgsvc.Client(f"127.0.0.1:{port}", retries=0) as client,
            pytest.raises(ServiceUnavailableError, match="the connection to the server was cut: Received"),
        ):
            client.process(photo)

    @pytest.mark.parametrize(
        "details", ["upstream request timeout", "Received http2 header with status: 504"]
    )
    def test_its_own_time_limit_is_no_reason_to_try_again(self, photo, details):
        def script(number, context):
            context.abort(grpc.StatusCode.UNAVAILABLE, details)

        handler = scripted.Scripted(script)
        with (
            scripted.serving(handler) as port,
            imgsvc.Client(f"127.0.0.1:{port}") as client,
            pytest.raises(ServiceTimeoutError, match=f"a proxy's own time limit: {details}"),
        ):
            client.process(photo)
        assert handler.calls == 1

    def test_attempts_end_with_the_time_that_a_call_has(self, photo):
        def script(number, context):
            context.abort(grpc.StatusCode.UNAVAILABLE, f"attempt {number}")

        handler = scripted.Scripted(script)
        with (
            scripted.serving(handler) as port,
            imgsvc.Client(f"127.0.0.1:{port}", retries=4, timeout=0.3) as client,
            pytest.raises(ServiceUnavailableError, match="attempt [01]"),
        ):
            client.process(photo)
        assert handler.calls <= 2


class TestPickled:
    @pytest.mark.parametrize("kind", [imgsvc.Client, imgsvc.AsyncClient])
    def test_by_its_settings(self, kind, tmp_path):
        secret = tmp_path / "token"
        secret.write_text("secret")
        settings = {
            "target": ["127.0.0.1:50051", "127.0.0.1:50052"], "timeout": 3.0, "compression": "gzip",
            "tls": imgsvc.Tls(server_name="images.example"), "token": secret, "retries": 1,
        }  # fmt: skip
        client = kind(**settings)
        other = pickle.loads(pickle.dumps(client))
        assert type(other) is kind
        assert other._connection.settings == settings
        assert other._connection.metadata() == (("authorization", "Bearer secret"),)

    def test_workers_of_a_pool_get_one_each(self, server, photo):
        with (
            imgsvc.Client(server.target) as client,
            ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool,
        ):
            results = list(pool.map(functools.partial(inverted, client), [photo] * 4))
        assert all((each == 255 - photo).all() for each in results)


def inverted(client, image):
    return client.invert(image, writable=True)


def pixels_limit(client):
    """Return what distinguishes the servers here."""
    return client.server_info().limits["max_pixels"]


class TestSeveralServers:
    @pytest.fixture
    def pair(self, serve):
        return [serve("--port", "0", "--max-pixels", str(limit)) for limit in (1000, 2000)]

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_take_turns(self, pair, host):
        with imgsvc.Client([f"{host}:{server.port}" for server in pair]) as client:
            processes.wait_for(lambda: len({pixels_limit(client) for _ in range(4)}) == 2)
            counts = [pixels_limit(client) for _ in range(20)]
        assert counts.count(1000) == counts.count(2000) == 10

    def test_when_one_is_gone(self, pair):
        with imgsvc.Client([f"127.0.0.1:{server.port}" for server in pair]) as client:
            processes.wait_for(lambda: len({pixels_limit(client) for _ in range(4)}) == 2)
            pair[0].process.kill()
            assert {pixels_limit(client) for _ in range(10)} <= {1000, 2000}
            processes.wait_for(lambda: {pixels_limit(client) for _ in range(4)} == {2000})

    def test_when_one_says_that_it_is_not_serving(self, serve, pair):
        handler = Health()
        with scripted.serving(handler) as port:
            targets = [f"127.0.0.1:{port}", f"127.0.0.1:{pair[1].port}"]
            with imgsvc.Client(targets) as client:
                assert {pixels_limit(client) for _ in range(20)} == {2000}
        assert handler.methods == {"/grpc.health.v1.Health/Watch"}

    def test_on_unix_sockets(self, serve, tmp_path, socket_path):
        paths = [f"{socket_path}{number}" for number in (1, 2)]
        for path, limit in zip(paths, ("1000", "2000"), strict=True):
            serve("--unix-socket", path, "--max-pixels", limit)
        with imgsvc.Client([f"unix:{path}" for path in paths]) as client:
            processes.wait_for(lambda: {pixels_limit(client) for _ in range(4)} == {1000, 2000})

    @pytest.mark.parametrize(
        ("targets", "message"),
        [
            ([], r"^target: 0 of them, expected 1 to 256$"),
            (["a:1", ""], r"^target: \['a:1', ''\], expected host:port or unix:/path, or a list of these$"),
            (["localhost:1", "unix:/a"], "expected either Unix sockets or addresses$"),
            (["localhost", "localhost:1"], "^target: 'localhost', expected host:port"),
            (["localhost:x", "localhost:1"], "^target: 'localhost:x', expected host:port"),
            (["127.0.0.1:1", "[::1]:1"], "expected servers that all have IPv4, or all IPv6, addresses$"),
        ],
    )
    def test_that_cannot_be(self, targets, message):
        with pytest.raises(InvalidParameterError, match=message):
            imgsvc.Client(targets)

    def test_a_name_that_is_not_known(self):
        with pytest.raises(ServiceUnavailableError, match=r"^UNAVAILABLE: no\.such\.host\.invalid:1: "):
            imgsvc.Client(["localhost:1", "no.such.host.invalid:1"])


class Health(grpc.GenericRpcHandler):
    """A server that says of itself that it is not serving."""

    def __init__(self):
        self.methods = set()

    def service(self, details):
        self.methods.add(details.method)
        if not details.method.endswith("Watch"):
            return None

        def watch(body, context):
            yield b"\x08\x02"
            ended = threading.Event()
            context.add_callback(ended.set)
            ended.wait(20)

        return grpc.unary_stream_rpc_method_handler(watch)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


class TestTls:
    @pytest.fixture
    def encrypted(self, server, authority):
        """The port of a server that forwards what it decrypts, and what it was told."""
        handler = scripted.Scripted(lambda number, context: None, server.target)
        credentials = scripted.credentials_of(authority.issue_cert("images.example", "localhost"))
        with scripted.serving(handler, credentials) as port:
            yield port, handler

    def test_a_certificate_that_is_trusted(self, encrypted, authority, photo, tmp_path):
        port, _ = encrypted
        path = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(path)
        for ca in (path, str(path), authority.cert_pem.bytes()):
            with imgsvc.Client(f"localhost:{port}", tls=imgsvc.Tls(ca=ca)) as client:
                np.testing.assert_array_equal(client.invert(photo), 255 - photo)

    def test_another_name(self, encrypted, authority, photo):
        port, _ = encrypted
        ca = authority.cert_pem.bytes()
        with (
            imgsvc.Client(f"127.0.0.1:{port}", tls=imgsvc.Tls(ca=ca), retries=0) as client,
            pytest.raises(ServiceUnavailableError),
        ):
            client.invert(photo)
        tls = imgsvc.Tls(ca=ca, server_name="images.example")
        with imgsvc.Client(f"127.0.0.1:{port}", tls=tls) as client:
            np.testing.assert_array_equal(client.invert(photo), 255 - photo)

    @pytest.mark.parametrize(
        "tls",
        [True, False, imgsvc.Tls(ca=trustme.CA().cert_pem.bytes())],
        ids=["the system's", "none", "another's"],
    )
    def test_one_that_is_not_trusted(self, encrypted, photo, tls):
        port, handler = encrypted
        with (
            imgsvc.Client(f"localhost:{port}", tls=tls, retries=0) as client,
            pytest.raises(ServiceUnavailableError),
        ):
            client.invert(photo)
        assert handler.calls == 0

    def test_a_client_s_own(self, server, authority, photo):
        handler = scripted.Scripted(lambda number, context: None, server.target)
        credentials = scripted.credentials_of(authority.issue_cert("localhost"), authority)
        mine = authority.issue_cert("client@example.org")
        pair = mine.cert_chain_pems[0].bytes(), mine.private_key_pem.bytes()
        ca = authority.cert_pem.bytes()
        with scripted.serving(handler, credentials) as port:
            with imgsvc.Client(f"localhost:{port}", tls=imgsvc.Tls(ca, *pair)) as client:
                np.testing.assert_array_equal(client.invert(photo), 255 - photo)
            with (
                imgsvc.Client(f"localhost:{port}", tls=imgsvc.Tls(ca), retries=0) as client,
                pytest.raises(ServiceUnavailableError),
            ):
                client.invert(photo)
        assert handler.calls == 1
        assert pair[1].decode() not in repr(imgsvc.Tls(ca, *pair))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"ca": "/nonexistent"}, "^tls.ca: /nonexistent, expected a file that can be read: No such file"),
            ({"ca": 3}, "^tls.ca: 3, expected the path of a PEM file, or its bytes"),
            ({"key": b"1"}, "^tls: one of certificate and key, expected both or none"),
            ({"server_name": ""}, "^tls.server_name: '', expected a name"),
        ],
    )
    def test_what_it_cannot_be(self, options, message):
        with pytest.raises(InvalidParameterError, match=message):
            imgsvc.Tls(**options)
        with pytest.raises(InvalidParameterError, match="^tls: 'yes', expected True, False or imgsvc.Tls"):
            imgsvc.Client(tls="yes")


class TestToken:
    def test_goes_with_every_call(self, server, photo, tmp_path):
        handler = scripted.Scripted(lambda number, context: None, server.target)
        path = tmp_path / "token"
        path.write_text("first\n")
        with scripted.serving(handler) as port:
            with imgsvc.Client(f"localhost:{port}", token="secret") as client:
                client.invert(photo)
                client.mean_filter(photo)
                client.server_info()
            with imgsvc.Client(f"localhost:{port}", token=path) as client:
                client.invert(photo)
                path.write_text("the second\n")
                client.invert(photo)
            with imgsvc.Client(f"localhost:{port}") as client:
                client.invert(photo)
        sent = [metadata.get("authorization") for metadata in handler.metadata]
        assert sent == ["Bearer secret"] * 3 + ["Bearer first", "Bearer the second", None]

    def test_goes_with_batches(self, photo):
        class Script:
            def __call__(self, number, context):
                pass

            def batch(self, number, batches, context):
                yield from map(scripted.answers, batches)

        handler = scripted.Scripted(Script())
        with (
            scripted.serving(handler) as port,
            imgsvc.Client(f"localhost:{port}", token="secret") as client,
        ):
            list(client.process_many([photo]))
        assert handler.metadata[0]["authorization"] == "Bearer secret"

    def test_does_not_go_where_others_listen(self):
        with pytest.raises(InvalidParameterError, match=r"^token: given, expected none without TLS"):
            imgsvc.Client("images.example:50051", token="secret")
        imgsvc.Client("images.example:50051", token="secret", tls=True).close()

    @pytest.mark.parametrize("token", ["", "a\nb", "ä", 3, "/"], ids=repr)
    def test_what_it_cannot_be(self, token, tmp_path):
        given = tmp_path if token == "/" else token
        with pytest.raises(InvalidParameterError, match="^token: ") as raised:
            imgsvc.Client(token=given)
        assert "ä" not in str(raised.value)


def test_a_call_that_is_refused_for_its_credentials(photo):
    def script(number, context):
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "no such token")

    with (
        scripted.serving(scripted.Scripted(script)) as port,
        imgsvc.Client(f"localhost:{port}", token="secret") as client,
        pytest.raises(RequestRefusedError, match="no such token"),
    ):
        client.process(photo)


def test_compressed_requests(server, photo):
    with imgsvc.Client(server.target, compression="gzip") as client:
        np.testing.assert_array_equal(client.process(photo, "invert").array, 255 - photo)
        files = [v1.encoded(photo)] * 3
        assert [result.width for _, result in client.process_many(files)] == [64] * 3


def test_a_deadline(server):
    image = np.zeros((3000, 4000, 3), np.uint8)
    with imgsvc.Client(server.target, timeout=0.001) as client:
        begin = time.monotonic()
        with pytest.raises(TimeoutError):
            client.process(image, "gaussian_blur sigma=20")
        assert client.process(image, timeout=30).width == 4000
        assert time.monotonic() - begin < 30


def can_mount():
    """Return whether this user may have mounts of its own."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    done = subprocess.run(
        ["unshare", "-m", "mount", "--bind", "/etc/hosts", "/etc/hosts"], capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.skipif(not can_mount(), reason="this user may not mount a hosts file of its own")
def test_calls_follow_the_addresses_of_a_name(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    program = f'mount --bind {shlex.quote(str(hosts))} /etc/hosts && exec "$0" -m tests.client.names "$1"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", program, sys.executable, hosts],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout == "fine\n", done.stderr
