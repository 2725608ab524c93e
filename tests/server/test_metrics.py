"""The metrics of an installed server, as Prometheus reads them, and the port where it does."""

import contextlib
import http.client
import json
import re
import socket
import sys
import threading
from pathlib import Path

import grpc
import numpy as np
import pytest

import imgsvc
from imgsvc.server.callers.keys import new_key, shown_digest
from imgsvc.server.listening.tcp import find_addresses
from imgsvc.server.metrics import http as http_module
from tests import processes, rpc, v1
from tests.processes import wait_for
from tests.server.test_batch_stream import MEAN, message
from tests.server.test_logs import BAD, GOOD, call

pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")

from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parent.parent.parent


def metrics_port(server):
    return int(wait_for(lambda: re.search(r"metrics on http://127\.0\.0\.1:(\d+)/metrics", server.log))[1])


@contextlib.contextmanager
def measured(*options, **variables):
    with processes.serving("--port", "0", "--metrics-port", "0", *options, **variables) as running:
        running.metrics_port = metrics_port(running)
        yield running


@pytest.fixture(scope="module")
def server():
    with measured("--cores", "1", "--max-calls", "3", "--max-workers", "4") as running:
        yield running


def get(server, path, method="GET", headers=()):
    connection = http.client.HTTPConnection("127.0.0.1", server.metrics_port, timeout=20)
    try:
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers
    finally:
        connection.close()


def scrape(server):
    """Return the samples by name and labels."""
    status, text, _ = get(server, "/metrics")
    assert status == 200
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(server, name, **labels):
    return scrape(server).get((name, *sorted(labels.items())), 0.0)


def test_requests_by_method_code_and_caller(server):
    for body in (GOOD, GOOD, BAD):
        call(server, rpc.MEAN_FILTER, body)
    call(server, "/No/Such", b"")
    call(server, "/No/Such2", b"")
    wait_for(
        lambda: value(server, "imgsvc_requests_total", method="other", code="UNIMPLEMENTED", caller="") == 2
    )
    labels = {"method": rpc.MEAN_FILTER, "caller": ""}
    assert value(server, "imgsvc_requests_total", code="OK", **labels) == 2
    assert value(server, "imgsvc_requests_total", code="INVALID_ARGUMENT", **labels) == 1
    assert value(server, "imgsvc_request_bytes_total", method=rpc.MEAN_FILTER) == 2 * len(GOOD) + len(BAD)
    assert value(server, "imgsvc_answer_bytes_total", method=rpc.MEAN_FILTER) == 2 * len(GOOD)
    assert value(server, "imgsvc_pixels_total", **labels) == 12
    assert value(server, "imgsvc_request_seconds_count", method=rpc.MEAN_FILTER) == 3
    assert not any("/No/Such" in str(key) for key in scrape(server))


def test_where_the_time_of_a_file_went(server, photo):
    recipe = {"operations": MEAN.operations, "outputs": [{"encoding": {"format": "FORMAT_PNG"}}]}
    request = v1.request(v1.file(v1.encoded(photo)), **recipe).SerializeToString()
    assert isinstance(call(server, v1.PROCESS, request), bytes)
    wait_for(lambda: value(server, "imgsvc_request_seconds_count", method=v1.PROCESS) == 1)
    total = value(server, "imgsvc_request_seconds_sum", method=v1.PROCESS)
    stages = ("queue", "receive", "decode", "compute", "encode", "send")
    for stage in stages:
        assert value(server, "imgsvc_stage_seconds_count", method=v1.PROCESS, stage=stage) == 1
    assert (
        sum(value(server, "imgsvc_stage_seconds_sum", method=v1.PROCESS, stage=stage) for stage in stages)
        <= total
    )
    assert value(server, "imgsvc_core_seconds_total") > 0


def test_items_of_batches_count_by_themselves(server, photo):
    with rpc.channel(server) as connection:
        body = message([("a", photo), ("b", photo)], MEAN)
        list(connection.stream_stream(v1.BATCH)(iter([body]), timeout=30))
    wait_for(lambda: value(server, "imgsvc_requests_total", method=v1.BATCH, code="OK", caller="") == 1)
    assert value(server, "imgsvc_requests_total", method=f"{v1.BATCH}:item", code="OK", caller="") == 2


def test_refusals_by_reason_and_what_is_in_flight(server):
    with rpc.channel(server) as connection:
        held = rpc.hold(connection, rpc.MEAN_FILTER, 3, GOOD)
        assert value(server, "imgsvc_calls_in_flight") == 3
        assert value(server, "imgsvc_calls_in_flight_limit") == 3
        wait_for(lambda: value(server, "imgsvc_refusals_total", reason="calls in flight", caller="") >= 2)
        assert all(isinstance(each.answer(), bytes) for each in held)
    wait_for(lambda: value(server, "imgsvc_calls_in_flight") == 0)


def test_callers_and_those_who_are_none(tmp_path):
    key, file = new_key(), tmp_path / "callers.toml"
    file.write_text(f"[web]\nkeys = ['{shown_digest(key)}']\nmethods = ['NLImageService/MeanFilter']\n")
    with measured("--callers", file) as server, rpc.channel(server) as connection:
        for method, given in [
            (rpc.MEAN_FILTER, key),
            (rpc.ROTATE_IMAGE, key),
            (rpc.MEAN_FILTER, "wrong"),
            (rpc.MEAN_FILTER, ""),
        ]:
            metadata = [("authorization", f"Bearer {given}")] if given else []
            send = connection.unary_unary(method)
            rpc.answer_of(lambda send=send, metadata=metadata: send(GOOD, timeout=20, metadata=metadata))
        labels = {"method": rpc.MEAN_FILTER, "caller": "web"}
        wait_for(lambda: value(server, "imgsvc_requests_total", code="OK", **labels) == 1)
        for reason, caller in [("no key", ""), ("unknown key", ""), ("method of a caller", "web")]:
            labels = {"reason": reason, "caller": caller}
            wait_for(lambda labels=labels: value(server, "imgsvc_refusals_total", **labels) == 1)


def test_what_runs_here(server):
    (build,) = [dict(key[1:]) for key in scrape(server) if key[0] == "imgsvc_build_info"]
    assert build["grpcio"] == grpc.__version__
    assert set(build) == {"version", "isa", "python", "grpcio"}
    assert value(server, "imgsvc_cores_limit") == 1
    assert value(server, "imgsvc_helper_programs") == 0
    assert value(server, "process_resident_memory_bytes") > 1e6
    assert value(server, "imgsvc_ready") == 1


def test_helper_programs():
    slow = imgsvc.Output("avif", effort=6)
    with measured("--cores", "1") as server, imgsvc.Client(server.target) as client:
        client.process(np.zeros((700, 900, 3), np.uint8), "invert", output=slow)
        assert value(server, "imgsvc_helper_programs") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is loopback on Linux")
def test_on_another_address():
    with processes.serving("--port", "0", "--metrics-port", "0", "--metrics-host", "127.0.0.2") as server:
        port = wait_for(lambda: re.search(r"metrics on http://127\.0\.0\.2:(\d+)/metrics", server.log))[1]
        with socket.create_connection(("127.0.0.2", int(port)), timeout=20) as client:
            client.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
            assert client.makefile("rb").read().endswith(b"\r\n\r\nalive\n")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port)), timeout=20)


def test_openmetrics_on_request(server):
    _, text, headers = get(
        server, "/metrics", headers=[("Accept", "application/openmetrics-text; version=1.0.0")]
    )
    assert headers["Content-Type"].startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")


def test_other_pages(server):
    assert get(server, "/livez")[:2] == (200, "alive\n")
    assert get(server, "/readyz?verbose")[:2] == (200, "ready\n")
    assert get(server, "/livez", "HEAD")[:2] == (200, "")
    assert get(server, "/etc/passwd")[:2] == (404, "one of /metrics, /livez, /readyz\n")
    assert get(server, "/metrics", "POST")[:2] == (405, "GET or HEAD\n")


def test_a_server_that_shuts_down_is_alive_and_not_ready():
    with measured("--max-calls", "1") as server, rpc.channel(server) as connection:
        [held] = rpc.hold(connection, rpc.MEAN_FILTER, 1, GOOD)
        server.process.terminate()
        wait_for(lambda: get(server, "/readyz")[:2] == (503, "not ready: shutting down\n"))
        assert get(server, "/livez")[0] == 200
        assert value(server, "imgsvc_ready") == 0
        assert isinstance(held.answer(), bytes)
        assert server.wait() == 0


def test_slow_clients_pile_up_nowhere(server):
    before = threads(server)
    with contextlib.ExitStack() as stack:
        slow = []
        for _ in range(2 * http_module.MAX_CONNECTIONS):
            client = stack.enter_context(
                socket.create_connection(("127.0.0.1", server.metrics_port), timeout=20)
            )
            with contextlib.suppress(OSError):
                client.sendall(b"GET /metrics HTTP/1.1\r\n")  # and never the end
            slow.append(client)
        assert threads(server) == before
        # Those beyond the limit are closed at once, the others after a while.
        closed = []
        for client in slow[-8:]:
            closed.append(threading.Thread(target=wait_for_end, args=(client,)))
            closed[-1].start()
        for thread in closed:
            thread.join(http_module.SECONDS / 2)
            assert not thread.is_alive()
    wait_for(lambda: answers(server))


def wait_for_end(client):
    with contextlib.suppress(OSError):
        assert client.recv(1) == b""


def answers(server):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return get(server, "/livez")[0] == 200


def threads(server):
    with open(f"/proc/{server.process.pid}/status") as status:  # noqa: PTH123
        return int(re.search(r"Threads:\s+(\d+)", status.read())[1])


def test_nobody_has_more_than_some_seconds(monkeypatch):
    monkeypatch.setattr(http_module, "SECONDS", 0.05)
    probe = http_module.HttpServer([address()])
    probe.start({})
    try:
        with socket.create_connection(probe._sockets[0].getsockname(), timeout=20) as client:
            client.sendall(b"GET / HTTP/1.1\r\n")
            assert client.recv(1) == b""
        with socket.create_connection(probe._sockets[0].getsockname(), timeout=20) as client:
            client.sendall(b"x" * 100_000)
            wait_for_end(client)
    finally:
        probe.close()


def address():
    return find_addresses("127.0.0.1", 0)[0]


def test_a_page_that_fails_says_so_and_no_more(caplog):
    def boom(accept):
        raise KeyError("secret")

    probe = http_module.HttpServer([address()])
    probe.start({"/boom": boom})
    try:
        with socket.create_connection(probe._sockets[0].getsockname(), timeout=20) as client:
            client.sendall(b"GET /boom HTTP/1.1\r\n\r\n")
            answer = client.makefile("rb").read()
    finally:
        probe.close()
    assert answer.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert answer.endswith(b"\r\n\r\nthe server's log says more\n")
    assert "/boom fails" in caplog.text


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("127.0.0.1", "port {port} on 127.0.0.1 is in use: give another --metrics-port (0 picks a free one)"),
        ("nowhere.invalid", "--metrics-host: 'nowhere.invalid' is no name or address of this machine: "),
    ],
)
def test_a_port_that_cannot_be_had_ends_the_start(host, message):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = processes.run("imgsvc-server", "--port", "0", "--metrics-port", port, "--metrics-host", host)
    assert done.returncode == 2
    assert done.stderr.startswith(f"imgsvc-server: {message.format(port=port)}")


def test_without_the_extra_it_says_what_to_install(tmp_path):
    (tmp_path / "prometheus_client.py").write_text("raise ImportError('not here')\n")
    done = processes.run("imgsvc-server", "--port", "0", "--metrics-port", "0", PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == (
        "imgsvc-server: --metrics-port: 0 needs prometheus-client: pip install 'imgsvc[metrics]'\n"
    )


@pytest.fixture(scope="module")
def everything(photo_file):
    """A server that has had calls of all kinds, with a cache."""
    with measured("--max-calls", "1", "--cache", "memory", "--cache-worth", "0") as server:
        request = v1.request(v1.file(photo_file), operations=MEAN.operations).SerializeToString()
        for _ in range(2):
            # The call before may keep its place for a moment after its answer.
            wait_for(lambda: isinstance(call(server, v1.PROCESS, request), bytes))
        with rpc.channel(server) as connection:
            [held] = rpc.hold(connection, rpc.MEAN_FILTER, 1, GOOD)
            held.cancel()
        wait_for(lambda: value(server, "imgsvc_refusals_total", reason="calls in flight", caller=""))
        yield server


@pytest.fixture(scope="module")
def photo_file():
    return (ROOT / "examples" / "photo.jpg").read_bytes()


def test_the_page_names_every_metric(everything):
    page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`((?:imgsvc|process)_\w+)`", page))
    _, text, _ = get(everything, "/metrics")
    families = list(text_string_to_metric_families(text))
    served = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert documented == {name for name in served if not name.endswith("_created")}


def test_the_dashboard_shows_what_there_is(everything):
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "imgsvc.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    shown = {name for query in queries for name in re.findall(r"\b(?:imgsvc|process)_\w+", query)}
    served = {}
    for name, *labels in scrape(everything):
        served.setdefault(name, set()).update(key for key, _ in labels)
    assert shown <= served.keys()
    for query in queries:
        (name, *_) = re.findall(r"\b(?:imgsvc|process)_\w+", query)
        by = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", ")}
        assert by - {"instance"} <= served[name], query  # Prometheus adds the instance
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
