"""TLS and client certificates: handshakes with the installed server, and files that change under it."""

import datetime
import ssl
import threading

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from imgsvc.config import ServerConfig
from imgsvc.errors import ConfigurationError
from imgsvc.server.listening.tls import Certificates
from imgsvc.server.watched_files import WatchedFiles
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import rpc
from tests.certificates import Files, chain, channel, replace
from tests.processes import run, serving, wait_for

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def stranger():
    return trustme.CA()


@pytest.fixture(scope="module")
def files(authority, tmp_path_factory):
    return Files(tmp_path_factory.mktemp("tls")).put(authority.issue_cert("localhost"))


@pytest.fixture(scope="module")
def encrypted(files):
    with serving(*options(files), "--require-tls") as running:
        yield running


@pytest.fixture(scope="module")
def mutual(files, authority, tmp_path_factory):
    ca = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    with serving(*options(files, "--tls-client-ca", ca)) as running:
        yield running


def options(files, *more):
    return ("--host", "127.0.0.1", "--port", "0", "--tls-cert", files.cert, "--tls-key", files.key, *more)


def ask(server, authority, issued=None, name="localhost"):
    """Return an image call's answer over a connection of its own, or the status."""
    with channel(server, authority, issued, name) as connection:
        answer = rpc.answer_of(lambda: connection.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=10))
    return answer[0] if isinstance(answer, tuple) else answer


def serial(server):
    """Return which certificate a new connection is shown."""
    pem = ssl.get_server_certificate(("127.0.0.1", server.port))
    return ssl.PEM_cert_to_DER_cert(pem)


def serial_of(issued):
    return ssl.PEM_cert_to_DER_cert(chain(issued).decode())


class TestTls:
    def test_a_client_that_trusts_the_certificate(self, encrypted, authority):
        assert encrypted.first_line.endswith(f"serving on 127.0.0.1:{encrypted.port} (TLS)\n")
        assert ask(encrypted, authority) == GOOD

    def test_health_and_reflection(self, encrypted, authority):
        with channel(encrypted, authority) as connection:
            status = health_pb2_grpc.HealthStub(connection).Check(health_pb2.HealthCheckRequest(), timeout=10)
            assert status.status == health_pb2.HealthCheckResponse.SERVING
            assert "NLImageService" in ProtoReflectionDescriptorDatabase(connection).get_services()

    def test_a_client_that_trusts_another_authority(self, encrypted, stranger):
        assert ask(encrypted, stranger) is grpc.StatusCode.UNAVAILABLE

    def test_a_client_that_means_another_server(self, encrypted, authority):
        assert ask(encrypted, authority, name="images.example") is grpc.StatusCode.UNAVAILABLE

    def test_a_client_without_tls(self, encrypted):
        with grpc.insecure_channel(encrypted.target) as connection:
            code, _ = rpc.answer_of(lambda: connection.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=10))
        assert code is grpc.StatusCode.UNAVAILABLE

    def test_a_certificate_that_has_ended(self, serve, authority, tmp_path):
        ended = authority.issue_cert("localhost", not_before=PAST, not_after=PAST + datetime.timedelta(1))
        files = Files(tmp_path / "tls").put(ended)
        server = serve(*options(files))
        assert ask(server, authority) is grpc.StatusCode.UNAVAILABLE

    def test_beyond_loopback_with_a_unix_socket_and_a_key_that_all_can_read(
        self, serve, authority, tmp_path, socket_path
    ):
        files = Files(tmp_path / "tls").put(authority.issue_cert("localhost"))
        files.key.chmod(0o644)
        server = serve(*options(files, "--host", "0.0.0.0", "--require-tls", "--unix-socket", socket_path))
        assert server.first_line.endswith(f":{server.port} (TLS), unix:{socket_path}\n")
        assert ask(server, authority) == GOOD
        with grpc.insecure_channel(f"unix:{socket_path}") as connection:
            assert connection.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=10) == GOOD
        files.cert.touch()
        wait_for(lambda: "read again" in server.log)
        line = f"--tls-key: {files.key}: every user of this machine has it: chmod o= it"
        assert server.log.count(line) == 1
        assert "beyond loopback" not in server.log


class TestClientCertificates:
    def test_one_that_is_trusted(self, mutual, authority):
        assert mutual.first_line.endswith(" (mTLS)\n")
        assert ask(mutual, authority, authority.issue_cert("robot@example.org")) == GOOD

    def test_none(self, mutual, authority):
        assert ask(mutual, authority) is grpc.StatusCode.UNAVAILABLE

    def test_one_of_another_authority(self, mutual, authority, stranger):
        issued = stranger.issue_cert("robot@example.org")
        assert ask(mutual, authority, issued) is grpc.StatusCode.UNAVAILABLE

    def test_one_that_has_ended(self, mutual, authority):
        ended = authority.issue_cert("robot", not_before=PAST, not_after=PAST + datetime.timedelta(1))
        assert ask(mutual, authority, ended) is grpc.StatusCode.UNAVAILABLE


class TestRotation:
    def test_during_traffic_and_of_files_that_do_not_fit(self, serve, authority, tmp_path):
        first, second = (authority.issue_cert("localhost") for _ in range(2))
        files = Files(tmp_path / "tls").put(first)
        server = serve(*options(files))
        assert serial(server) == serial_of(first)
        stop, answers = threading.Event(), []

        def call(send):
            while not stop.is_set():
                answers.append(send())

        with channel(server, authority) as old:
            method = old.unary_unary(rpc.MEAN_FILTER)
            ways = (lambda: rpc.answer_of(lambda: method(GOOD, timeout=10)), lambda: ask(server, authority))
            threads = [threading.Thread(target=call, args=[way]) for way in ways]
            for thread in threads:
                thread.start()
            files.put(second)
            wait_for(lambda: serial(server) == serial_of(second))
            so_far = len(answers)
            wait_for(lambda: len(answers) > so_far + 10)
            stop.set()
            for thread in threads:
                thread.join()
        assert set(answers) == {GOOD}  # of the connection that was there, and of new ones
        wait_for(lambda: f"read again: {files.cert}, {files.key}" in server.log)

        first, second = second, authority.issue_cert("localhost")
        replace(files.key, second.private_key_pem.bytes())
        wrong = f"--tls-key: {files.key}: is not the key of the certificate in {files.cert}; what was read"
        wait_for(lambda: wrong in server.log)
        assert serial(server) == serial_of(first)
        replace(files.cert, chain(second)[:300])  # half-written
        half = f"--tls-cert: {files.cert}: no certificates in it, expected PEM; what was read before stays"
        wait_for(lambda: half in server.log)
        assert ask(server, authority) == GOOD
        files.put(second)
        wait_for(lambda: serial(server) == serial_of(second))
        assert (server.log.count(wrong), server.log.count(half)) == (1, 1)

    def test_the_authority_of_clients(self, serve, authority, stranger, files, tmp_path):
        ca = tmp_path / "ca.pem"
        ca.write_bytes(authority.cert_pem.bytes())
        server = serve(*options(files, "--tls-client-ca", ca))
        old, new = authority.issue_cert("robot"), stranger.issue_cert("robot")
        assert ask(server, authority, old) == GOOD
        assert ask(server, authority, new) is grpc.StatusCode.UNAVAILABLE
        replace(ca, stranger.cert_pem.bytes())
        wait_for(lambda: ask(server, authority, new) == GOOD)
        assert ask(server, authority, old) is grpc.StatusCode.UNAVAILABLE


class TestRefusesToStart:
    @staticmethod
    def reason(cert, key, client_ca=None):
        config = ServerConfig(
            tls_cert=str(cert), tls_key=str(key), tls_client_ca=client_ca and str(client_ca)
        )
        with pytest.raises(ConfigurationError) as raised:
            Certificates(config, WatchedFiles())
        return str(raised.value)

    def test_without_a_file(self, files, tmp_path):
        none = tmp_path / "none.pem"
        assert self.reason(none, files.key) == f"--tls-cert: {none}: No such file or directory"
        assert self.reason(files.cert, none) == f"--tls-key: {none}: No such file or directory"
        done = run("imgsvc-server", *options(files, "--tls-client-ca", none), timeout=30)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"imgsvc-server: --tls-client-ca: {none}: No such file or directory\n"

    def test_with_files_of_something_else(self, files, authority, tmp_path):
        no_key = "no private key in it, expected PEM without a passphrase"
        no_certificates = "no certificates in it, expected PEM"
        empty = tmp_path / "empty.pem"
        empty.touch()
        assert self.reason(files.key, files.key) == f"--tls-cert: {files.key}: {no_certificates}"
        assert self.reason(files.cert, files.cert) == f"--tls-key: {files.cert}: {no_key}"
        assert self.reason(files.cert, files.key, empty) == f"--tls-client-ca: {empty}: {no_certificates}"
        other = Files(tmp_path / "other").put(authority.issue_cert("localhost"))
        expected = f"--tls-key: {other.key}: is not the key of the certificate in {files.cert}"
        assert self.reason(files.cert, other.key) == expected

    def test_where_tls_is_required_and_others_could_read(self):
        done = run("imgsvc-server", "--port", "0", "--require-tls", "--host", "0.0.0.0", timeout=30)
        expected = "--host 0.0.0.0 is beyond loopback, expected --tls-cert and --tls-key"
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"imgsvc-server: --require-tls: {expected}\n"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tls_cert": "c"}, "--tls-cert: c, expected --tls-key beside it"),
        ({"tls_key": "k"}, "--tls-key: k, expected --tls-cert beside it"),
        ({"tls_client_ca": "ca"}, "--tls-client-ca: ca, expected --tls-cert and --tls-key beside it"),
        (
            {"tls_cert": "c", "tls_key": "k", "unix_socket": "/s"},
            "--tls-cert: c, expected --host or --port beside it: a Unix socket has no TLS",
        ),
    ],
)
def test_options_that_need_others(given, message):
    with pytest.raises(ConfigurationError) as raised:
        ServerConfig(**given)
    assert str(raised.value) == message
