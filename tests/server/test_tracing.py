"""Spans of an installed server, as a real OTLP receiver gets them."""

import contextlib
import socket
import threading
import time
from concurrent import futures

import grpc
import pytest
import trustme

from tests import processes, rpc, v1
from tests.processes import wait_for
from tests.server.test_batch_stream import MEAN, message
from tests.server.test_logs import BAD, GOOD, call

pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc", reason="OpenTelemetry is not installed")

from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "50"}


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self):
        self.spans, self.resources, self.metadata = [], [], []
        self.answer = threading.Event()
        self.answer.set()

    def Export(self, request, context):  # noqa: N802
        self.answer.wait()
        self.metadata.append(dict(context.invocation_metadata()))
        for each in request.resource_spans:
            self.resources.append({pair.key: pair.value.string_value for pair in each.resource.attributes})
            for scope in each.scope_spans:
                self.spans += scope.spans
        return trace_service_pb2.ExportTraceServiceResponse()

    def trace(self, trace_id, count):
        """Return the spans of a trace, once there are so many."""
        found = wait_for(
            lambda: (
                [s for s in self.spans if s.trace_id.hex() == trace_id] if len(self.spans) >= count else None
            )
        )
        assert len(found) == count
        return found


@contextlib.contextmanager
def receiving(credentials=None):
    receiver = Receiver()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    receiver.port = port
    try:
        yield receiver
    finally:
        receiver.answer.set()
        server.stop(None).wait()


@pytest.fixture
def receiver():
    with receiving() as running:
        yield running


@contextlib.contextmanager
def traced(receiver, *options, **variables):
    endpoint = f"127.0.0.1:{receiver.port}"
    with processes.serving(
        "--port", "0", "--otlp-endpoint", endpoint, "--otlp-insecure", *options, **{**SOON, **variables}
    ) as running:
        yield running


def attributes(span):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes}


def traceparent(flags="01", trace=TRACE):
    return ("traceparent", f"00-{trace}-{PARENT}-{flags}")


def test_a_call_of_a_traced_caller(receiver, photo):
    recipe = {"operations": [*MEAN.operations, {"flip": {"axis": 0}}]}
    recipe["outputs"] = [{"encoding": {"format": "FORMAT_PNG"}}]
    request = v1.request(v1.file(v1.encoded(photo)), **recipe).SerializeToString()
    variables = {"OTEL_EXPORTER_OTLP_HEADERS": "tenant=blue", "OTEL_SERVICE_NAME": "images"}
    with traced(receiver, **variables) as server:
        metadata = (traceparent(), ("tracestate", "vendor=x"), ("x-request-id", "mine"))
        assert isinstance(call(server, v1.PROCESS, request, *metadata), bytes)
        spans = receiver.trace(TRACE, 8)
        wait_for(lambda: f"trace_id={TRACE}" in server.log)
    (whole,) = [span for span in spans if span.parent_span_id.hex() == PARENT]
    assert whole.name == "imgsvc.v1.ImageService/Process"
    assert whole.kind == 2  # a server's
    assert whole.trace_state == "vendor=x"
    assert whole.status.code == 0
    found = attributes(whole)
    assert (found["rpc.system"], found["rpc.service"], found["rpc.method"]) == (
        "grpc",
        "imgsvc.v1.ImageService",
        "Process",
    )
    assert found["rpc.grpc.status_code"] == 0
    assert found["imgsvc.id"] == "mine"
    assert found["imgsvc.pixels"] == photo.shape[0] * photo.shape[1]
    stages = sorted((s for s in spans if s is not whole), key=lambda s: s.start_time_unix_nano)
    assert [stage.name for stage in stages] == [
        "receive", "queue", "decode", "mean_filter", "flip", "encode", "send",
    ]  # fmt: skip
    assert all(stage.parent_span_id == whole.span_id for stage in stages)
    moments = [whole.start_time_unix_nano]
    for stage in stages:
        moments += [stage.start_time_unix_nano, stage.end_time_unix_nano]
    assert moments == sorted(moments)
    assert moments[-1] == whole.end_time_unix_nano
    assert abs(moments[-1] / 1e9 - time.time()) < 60
    assert receiver.resources[0]["service.name"] == "images"
    assert receiver.resources[0]["service.version"]
    assert receiver.metadata[0]["tenant"] == "blue"


def test_items_of_a_batch_are_in_its_span(receiver, photo):
    with traced(receiver, "--max-pixels", "10000") as server, rpc.channel(server) as connection:
        body = message([("good", photo), ("bad", photo.repeat(20, 0))], MEAN)
        stream = connection.stream_stream(v1.BATCH)
        list(stream(iter([body]), metadata=(traceparent(),), timeout=30))
        wait_for(lambda: "ProcessBatch" in {span.name.rpartition("/")[2] for span in receiver.spans})
        spans = receiver.spans
        assert {span.trace_id.hex() for span in spans} == {TRACE}
    (whole,) = [span for span in spans if span.parent_span_id.hex() == PARENT]
    items = {attributes(s)["imgsvc.item"]: s for s in spans if s.name == "item"}
    assert {item.parent_span_id for item in items.values()} == {whole.span_id}
    assert attributes(items["bad"])["rpc.grpc.status_code"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert attributes(items["bad"])["imgsvc.field"] == "image"
    stages = {s.name for s in spans if s.parent_span_id == items["good"].span_id}
    assert stages == {"queue", "mean_filter", "send"}


def test_who_is_traced(receiver):
    with traced(receiver, "--trace-ratio", "0") as server:
        call(server, rpc.MEAN_FILTER, GOOD, traceparent("00"))
        call(server, rpc.MEAN_FILTER, GOOD)
        call(server, rpc.MEAN_FILTER, GOOD, ("traceparent", "00-nonsense"))
        call(server, rpc.MEAN_FILTER, GOOD, ("traceparent", "x" * 4000), ("tracestate", "\\"))
        call(server, rpc.MEAN_FILTER, BAD, traceparent())
        (span, *_) = receiver.trace(TRACE, 4)
        assert span.name == "receive"
    assert {span.trace_id.hex() for span in receiver.spans} == {TRACE}


def test_without_a_word_of_the_caller_every_call_is_a_trace_of_its_own(receiver):
    with traced(receiver) as server:
        call(server, rpc.MEAN_FILTER, GOOD, ("traceparent", f"00-{'0' * 32}-{PARENT}-01"))
        call(server, "/No/Such", GOOD)
        wait_for(lambda: len({span.trace_id for span in receiver.spans}) == 2)
        (unknown,) = wait_for(lambda: [span for span in receiver.spans if span.name == "No/Such"])
    assert not unknown.parent_span_id
    assert (unknown.status.code, unknown.status.message) == (2, "Method not found!")
    assert receiver.resources[0]["service.name"] == "imgsvc"


def test_spans_that_wait_are_sent_at_the_end(receiver):
    with traced(receiver, OTEL_BSP_SCHEDULE_DELAY="60000") as server:
        call(server, rpc.MEAN_FILTER, GOOD, traceparent())
        server.process.terminate()
        assert server.wait() == 0
    assert len(receiver.trace(TRACE, 5)) == 5


def test_over_tls(tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    leaf = authority.issue_cert("127.0.0.1")
    pair = (leaf.private_key_pem.bytes(), leaf.cert_chain_pems[0].bytes())
    with receiving(grpc.ssl_server_credentials([pair])) as receiver, processes.serving(
        "--port", "0", "--otlp-endpoint", f"https://127.0.0.1:{receiver.port}",
        OTEL_EXPORTER_OTLP_CERTIFICATE=str(tmp_path / "ca.pem"), **SOON,
    ) as server:  # fmt: skip
        call(server, rpc.MEAN_FILTER, GOOD, traceparent())
        receiver.trace(TRACE, 5)


def test_a_receiver_that_is_not_there_costs_a_line_of_the_log_and_no_more():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        endpoint = f"127.0.0.1:{nobody.getsockname()[1]}"
    with processes.serving("--port", "0", "--otlp-endpoint", endpoint, "--otlp-insecure", **SOON) as server:
        for _ in range(20):
            assert isinstance(call(server, rpc.MEAN_FILTER, GOOD), bytes)
        wait_for(lambda: "tracing: spans may be lost: " in server.log)
        begun = time.monotonic()
        server.process.terminate()
        assert server.wait() == 0
        assert time.monotonic() - begun < 10
    assert server.log.count("tracing: ") == 1
    assert "Traceback" not in server.log


def test_a_receiver_that_hangs_holds_up_nobody(receiver):
    receiver.answer.clear()
    with traced(receiver, OTEL_BSP_MAX_QUEUE_SIZE="10", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="10") as server:
        for _ in range(20):
            assert isinstance(call(server, rpc.MEAN_FILTER, GOOD), bytes)
        wait_for(lambda: server.log.count("status=OK") == 20)
        server.process.terminate()
        assert server.wait() == 0


def test_without_the_extra_it_says_what_to_install(tmp_path):
    (tmp_path / "opentelemetry.py").write_text("raise ImportError('not here')\n")
    done = processes.run("imgsvc-server", "--otlp-endpoint", "localhost:4317", PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        "imgsvc-server: --otlp-endpoint: localhost:4317 needs OpenTelemetry: pip install 'imgsvc[tracing]'\n"
    )
