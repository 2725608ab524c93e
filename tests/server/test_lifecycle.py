"""Starting, stopping, and the addresses of the installed server."""

import os
import signal
import socket
import stat
import time

import grpc
import numpy as np
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

import imgsvc
from imgsvc.stubs.nl_image_service_pb2 import DESCRIPTOR, NLImage
from tests import rpc, v1
from tests.processes import run, wait_for

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVING = health_pb2.HealthCheckResponse.SERVING
REFUSAL = (grpc.StatusCode.UNAVAILABLE, "the server is shutting down: try again, here or elsewhere")


def test_one_line_names_the_address(server):
    assert (
        server.first_line == f"imgsvc-server {imgsvc.__version__} serving on 127.0.0.1:{server.port}\n"
        or ("[::1]" in server.first_line)
    )
    assert rpc.call(server, rpc.MEAN_FILTER, GOOD) == GOOD


def test_the_environment_and_a_flag_that_wins(serve):
    server = serve("--port", "0", IMGSVC_CFG_PORT="1", IMGSVC_CFG_NULL_IMAGE_ERRORS="1")
    answer = NLImage.FromString(rpc.call(server, rpc.MEAN_FILTER, b""))
    assert answer.data == b"width: 0, expected at least 1"


def test_a_unix_socket(serve, socket_path):
    path = socket_path
    server = serve("--unix-socket", path)
    assert server.addresses == [f"unix:{path}"]
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert rpc.call(server, rpc.MEAN_FILTER, GOOD) == GOOD


@pytest.mark.parametrize("name", ["a%41b", "a#b?c", "a b", "ü"])
def test_a_unix_socket_of_any_name_is_that_one_and_no_other(serve, socket_path, name):
    """gRPC reads a URI: unquoted, the first of these would be another server's socket, and take its place."""
    other = serve("--unix-socket", socket_path.with_name("aAb"))
    path = socket_path.with_name(name)
    server = serve("--unix-socket", path)
    assert stat.S_ISSOCK(path.stat().st_mode)
    for each in (server, other):
        assert rpc.call(each, rpc.MEAN_FILTER, GOOD) == GOOD


def test_a_unix_socket_and_a_port(serve, socket_path):
    server = serve("--unix-socket", socket_path, "--port", "0")
    assert len(server.addresses) >= 2
    for address in server.addresses:
        with grpc.insecure_channel(address) as connection:
            assert connection.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=10) == GOOD


def test_a_stale_unix_socket_is_replaced(serve, socket_path):
    path = socket_path
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    assert rpc.call(serve("--unix-socket", path), rpc.MEAN_FILTER, GOOD) == GOOD


def test_listening_beyond_loopback_warns_once(serve):
    server = serve("--host", "0.0.0.0", "--port", "0")
    assert server.target == f"0.0.0.0:{server.port}"
    for address in server.addresses:  # gRPC listens on all of IPv6 as well, where there is any
        with grpc.insecure_channel(address) as connection:
            assert connection.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=10) == GOOD
    assert server.log.count("listening beyond loopback without TLS") == 1


class TestRefusesToStart:
    """With one clear line, and exit code 2."""

    @staticmethod
    def fails(*options, **variables):
        done = run("imgsvc-server", *options, timeout=30, **variables)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith("imgsvc-server: ")
        return done.stderr

    def test_a_port_in_use(self, server):
        assert f"port {server.port} on 127.0.0.1 is in use" in self.fails(
            "--host", "127.0.0.1", "--port", server.port
        )
        assert rpc.call(server, rpc.MEAN_FILTER, GOOD) == GOOD

    def test_a_port_in_use_by_something_else(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            assert "is in use" in self.fails("--port", port)

    def test_a_unix_socket_in_use(self, serve, socket_path):
        path = socket_path
        server = serve("--unix-socket", path)
        assert "is in use by another server" in self.fails("--unix-socket", path)
        assert rpc.call(server, rpc.MEAN_FILTER, GOOD) == GOOD

    def test_a_unix_socket_where_a_file_is(self, tmp_path):
        path = tmp_path / "file"
        path.write_text("precious")
        assert "is no socket" in self.fails("--unix-socket", path)
        assert path.read_text() == "precious"

    def test_a_unix_socket_that_no_client_could_reach(self):
        assert "take a comma for the end of the path" in self.fails("--unix-socket", "/tmp/a,b")

    def test_a_unix_socket_without_its_folder(self, tmp_path):
        assert "is its folder there" in self.fails("--unix-socket", tmp_path / "no" / "socket")

    def test_a_unix_socket_with_too_long_a_name(self, tmp_path):
        assert "longer than 103 bytes" in self.fails("--unix-socket", tmp_path / ("x" * 120))

    def test_a_host_that_is_no_address_of_this_machine(self):
        assert "no address of this machine" in self.fails("--host", "192.0.2.1")

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            (["--port", "70000"], "--port: '70000', expected an integer from 0 to 65535"),
            (["--max-message-bytes", "1"], "--max-message-bytes: '1', expected 1024 to"),
            (["--compression", "zip"], "expected one of none, gzip, deflate"),
            (["--max-bytes-in-flight", "1MiB"], "twice --max-message-bytes"),
            (["--frobnicate"], "unrecognized arguments: --frobnicate"),
        ],
    )
    def test_a_bad_option(self, options, text):
        assert text in self.fails(*options)

    def test_a_preset_that_makes_ninety_turns(self, tmp_path):
        path = tmp_path / "presets.toml"
        path.write_text('[a]\npipeline = "rotate 90"\n\n[b]\npipeline = "mean | rotate90 90"\n')
        said = self.fails("--presets", path)
        assert said.startswith(
            f"imgsvc-server: {path}, line 5: [b] pipeline: operations[1].rotate90.turns: 90, "
        )
        assert said.endswith("; for degrees write rotate 90\n")

    @pytest.mark.parametrize(
        ("line", "text"),
        [
            ('format = "jpgg"', "format: 'jpgg', expected one of"),
            ("quality = 101", "quality: 101, expected an integer from 1 to 100"),
            ('format = "png"\nquality = 80', "quality: 80, expected none for png, which has no quality"),
            ('damaged = "skip"', "damaged: 'skip', expected one of 'refuse', 'partial'"),
        ],
    )
    def test_a_preset_that_asks_for_what_there_is_not(self, tmp_path, line, text):
        path = tmp_path / "presets.toml"
        path.write_text(f'[a]\npipeline = "mean"\n{line}\n')
        assert self.fails("--presets", path).startswith(f"imgsvc-server: {path}: [a] {text}")

    def test_a_bad_variable(self):
        assert "IMGSVC_CFG_PORT: 'x', expected" in self.fails(IMGSVC_CFG_PORT="x")


LONG = v1.request(
    v1.pixels(np.zeros((2000, 2000, 3), np.uint8)), text=" | ".join(["gaussian_blur sigma=10"] * 60)
).SerializeToString()


def under_way(connection):
    """Return a call that takes seconds, at a server that takes one at a time, once a probe finds it there."""
    call, probe = None, connection.unary_unary(rpc.MEAN_FILTER)
    end = time.monotonic() + 30
    while call is None or call.done() or rpc.answer_of(lambda: probe(GOOD, timeout=10)) == GOOD:
        assert time.monotonic() < end
        if call is None or call.done():  # it met a probe
            call = connection.unary_unary(v1.PROCESS).future(LONG, timeout=60)
    return call


class TestShutdown:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_request_in_flight_is_answered_and_new_ones_are_not(self, serve, number):
        server = serve("--port", "0", "--max-calls", "1")
        with rpc.channel(server) as connection, rpc.channel(server) as other:
            watch = health_pb2_grpc.HealthStub(other).Watch(health_pb2.HealthCheckRequest(), timeout=60)
            assert next(watch).status == SERVING
            [held] = rpc.hold(connection, rpc.MEAN_FILTER, 1, GOOD)
            os.kill(server.process.pid, number)
            assert next(watch).status == NOT_SERVING
            assert (
                health_pb2_grpc.HealthStub(other).Check(health_pb2.HealthCheckRequest()).status == NOT_SERVING
            )
            # Health says so first, for those who listen to it; until calls are refused this one is beyond
            # the limit.
            wait_for(
                lambda: rpc.answer_of(lambda: other.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=10)) == REFUSAL
            )
            assert server.process.poll() is None
            assert held.answer() == rpc.HeldAnswer.BODY
        assert server.wait() == 0

    def test_after_the_grace_a_request_is_cut_off(self, serve):
        server = serve("--port", "0", "--grace", "0.3", "--max-calls", "1")
        with rpc.channel(server) as connection:
            call = under_way(connection)
            server.process.terminate()
            assert rpc.answer_of(call.result) == REFUSAL  # which its caller may send again
        assert server.wait() == 0
        assert "1 requests did not finish within 0.3 s" in server.log

    def test_a_second_signal_ends_it_at_once(self, serve):
        server = serve("--port", "0", "--grace", "600", "--max-calls", "1")
        with rpc.channel(server) as connection:
            watch = health_pb2_grpc.HealthStub(connection).Watch(health_pb2.HealthCheckRequest(), timeout=60)
            assert next(watch).status == SERVING
            [held] = rpc.hold(connection, rpc.MEAN_FILTER, 1, GOOD)
            server.process.terminate()
            assert next(watch).status == NOT_SERVING
            os.kill(server.process.pid, signal.SIGINT)  # the other of the two
            held.answer()
        assert server.wait() == -signal.SIGINT

    def test_a_signal_that_another_thread_gets_ends_it_too(self, serve):
        """The system does not hand it to a main thread that is stopped."""
        server = serve("--port", "0")
        server.process.send_signal(signal.SIGSTOP)
        server.process.send_signal(signal.SIGTERM)
        server.process.send_signal(signal.SIGCONT)
        assert server.wait() == 0

    def test_the_unix_socket_is_gone_afterwards(self, serve, socket_path):
        server = serve("--unix-socket", socket_path)
        server.process.terminate()
        assert server.wait() == 0
        assert not (socket_path).exists()


class TestIntrospection:
    @pytest.mark.parametrize("service", ["", "NLImageService"])
    def test_health(self, server, service):
        with rpc.channel(server) as connection:
            request = health_pb2.HealthCheckRequest(service=service)
            assert health_pb2_grpc.HealthStub(connection).Check(request, timeout=10).status == SERVING

    def test_health_of_a_service_that_is_not_there(self, server):
        with rpc.channel(server) as connection, pytest.raises(grpc.RpcError) as raised:
            health_pb2_grpc.HealthStub(connection).Check(
                health_pb2.HealthCheckRequest(service="x"), timeout=10
            )
        assert raised.value.code() is grpc.StatusCode.NOT_FOUND

    def test_reflection_lists_the_services_and_shows_them_in_full(self, server):
        with rpc.channel(server) as connection:
            database = ProtoReflectionDescriptorDatabase(connection)
            assert set(database.get_services()) == {
                "NLImageService", "imgsvc.v1.ImageService",
                "grpc.health.v1.Health",
                "grpc.reflection.v1alpha.ServerReflection", "grpc.reflection.v1.ServerReflection",
            }  # fmt: skip
            pool = DescriptorPool(database)
            for service in database.get_services():
                assert pool.FindServiceByName(service).methods
            found = pool.FindServiceByName("NLImageService")
            assert found.file.serialized_pb == DESCRIPTOR.serialized_pb
            methods = {
                method.name: (method.input_type.name, method.output_type.name) for method in found.methods
            }
            assert methods == {
                "RotateImage": ("NLImageRotateRequest", "NLImage"),
                "MeanFilter": ("NLImage", "NLImage"),
            }
            rotations = pool.FindMessageTypeByName("NLImageRotateRequest").enum_types_by_name["Rotation"]
            assert [value.name for value in rotations.values] == [
                "NONE", "NINETY_DEG", "ONE_EIGHTY_DEG", "TWO_SEVENTY_DEG",
            ]  # fmt: skip

    def test_calls_of_health_without_a_body_do_not_hold_it(self, server):
        with rpc.channel(server) as busy, rpc.channel(server) as other:
            held = [rpc.HeldCall(busy, "/grpc.health.v1.Health/Check") for _ in range(20)]
            request = health_pb2.HealthCheckRequest()
            assert health_pb2_grpc.HealthStub(other).Check(request, timeout=1).status == SERVING
            for call in held:
                assert call.answer()[0] is grpc.StatusCode.DEADLINE_EXCEEDED

    def test_bytes_that_are_no_health_request(self, server):
        status = rpc.call(server, "/grpc.health.v1.Health/Check", b"\xff")
        assert status == (grpc.StatusCode.INTERNAL, "Exception deserializing request!")

    def test_open_reflection_streams_do_not_hold_health(self, server):
        with rpc.channel(server) as busy, rpc.channel(server) as other:
            method = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
            never = [rpc.HeldCall(busy, method) for _ in range(20)]
            request = health_pb2.HealthCheckRequest()
            assert health_pb2_grpc.HealthStub(other).Check(request, timeout=1).status == SERVING
            for call in never:
                call.cancel()


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version(option):
    done = run("imgsvc-server", option)
    assert done.returncode == 0
    assert ("examples:" if option == "--help" else imgsvc.__version__) in done.stdout
