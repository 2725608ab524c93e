"""What an installed server writes to its log, and in which format."""

import json
import logging
import os
import pty
import re
import subprocess
import sys

import grpc
import pytest

from imgsvc.config import ServerConfig
from imgsvc.server import lifecycle
from imgsvc.server.access_log import AccessLog
from imgsvc.server.call import Work
from imgsvc.server.logs import set_up, text_message
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import processes, rpc, v1
from tests.processes import wait_for
from tests.server.test_batch_stream import MEAN, message

GOOD = NLImage(width=3, height=2, data=b"abcdef").SerializeToString()
ROW = NLImage(width=6, height=1, data=b"abcdef").SerializeToString()
COLUMN = NLImage(width=1, height=6, data=b"abcdef").SerializeToString()
BAD = NLImage(width=-1, height=1, data=b"x").SerializeToString()
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


@pytest.fixture(scope="module")
def json_server():
    with processes.serving("--port", "0", "--max-pixels", "10000", IMGSVC_CFG_LOG_FORMAT="auto") as running:
        yield running


def events(server, **wanted):
    """Return the log's events that have these values, once there are any."""
    return wait_for(lambda: [e for e in read(server) if wanted.items() <= e.items()])


def read(server):
    return [json.loads(line) for line in server.log.splitlines()]


def call(server, method, body, *metadata):
    with rpc.channel(server) as connection:
        return rpc.answer_of(lambda: connection.unary_unary(method)(body, metadata=metadata, timeout=30))


def test_a_call_is_a_line_of_json_where_no_terminal_is(json_server):
    answer = call(json_server, rpc.MEAN_FILTER, ROW, ("x-request-id", "mine-1"))
    (event,) = events(json_server, id="mine-1")
    assert re.fullmatch(TIME, event.pop("timestamp"))
    assert re.fullmatch(r"ipv4:127\.0\.0\.1:\d+", event.pop("peer"))
    times = {key: event.pop(key) for key in list(event) if key.endswith("_ms")}
    assert event == {
        "level": "info",
        "logger": "imgsvc.server",
        "event": "call",
        "method": rpc.MEAN_FILTER,
        "id": "mine-1",
        "request_bytes": len(ROW),
        "answer_bytes": len(answer),
        "pixels": 6,
        "status": "OK",
    }
    assert set(times) == {"queue_ms", "receive_ms", "compute_ms", "send_ms", "total_ms"}
    assert all(0 <= times[key] <= times["total_ms"] for key in times)


def test_a_small_call_like_one_before_waits_for_nobody(json_server):
    for name in "new", "known":
        call(json_server, rpc.MEAN_FILTER, COLUMN, ("x-request-id", name))
    (new,), (known,) = events(json_server, id="new"), events(json_server, id="known")
    assert set(new) - set(known) == {"queue_ms"}
    assert set(known) - set(new) == set()


def test_a_file_has_its_decoding_and_encoding_timed(json_server, photo):
    recipe = {"operations": MEAN.operations, "outputs": [{"encoding": {"format": "FORMAT_JPEG"}}]}
    request = v1.request(v1.file(v1.encoded(photo)), **recipe)
    assert isinstance(
        call(json_server, v1.PROCESS, request.SerializeToString(), ("x-request-id", "f")), bytes
    )
    (event,) = events(json_server, id="f")
    stages = [event[f"{stage}_ms"] for stage in ("queue", "receive", "decode", "compute", "encode", "send")]
    assert sum(stages) <= event["total_ms"] + 0.01
    assert event["core_ms"] > 0
    assert event["pixels"] == photo.shape[0] * photo.shape[1]


def test_a_refused_call_says_why(json_server):
    code, details = call(json_server, rpc.MEAN_FILTER, BAD, ("x-request-id", "bad"))
    (event,) = events(json_server, id="bad")
    assert (code, event["status"], event["level"]) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "INVALID_ARGUMENT",
        "warning",
    )
    assert (event["field"], event["value"], event["details"]) == ("width", "-1", details)


def test_items_of_a_batch_have_lines_with_the_id_of_their_stream(json_server, photo):
    large = photo.repeat(20, 0)
    with rpc.channel(json_server) as connection:
        stream = connection.stream_stream(v1.BATCH)
        body = message([("good", photo), ("bad\n", large)], MEAN)
        answers = list(stream(iter([body]), metadata=(("x-request-id", "batch"),), timeout=30))
    wait_for(lambda: len(events(json_server, id="batch")) == 3)
    whole, *items = sorted(events(json_server, id="batch"), key=lambda event: event.get("item", ""))
    assert (whole["status"], whole["request_bytes"]) == ("OK", len(body))
    assert whole["answer_bytes"] == sum(map(len, answers))
    assert [(e["item"], e["status"], e["request_bytes"]) for e in items] == [
        ("bad\n", "INVALID_ARGUMENT", large.nbytes),
        ("good", "OK", photo.nbytes),
    ]
    assert items[0]["details"].startswith("image: ")
    assert items[1]["compute_ms"] > 0


def test_one_line_for_each_call_and_the_rest_is_json_too(json_server):
    names = [f"n{number}" for number in range(20)]
    for number, name in enumerate(names):
        call(json_server, rpc.MEAN_FILTER, (GOOD, BAD)[number % 2], ("x-request-id", name))
    # A call is over when all have left it, which may be after the next has begun.
    for name in names:
        events(json_server, id=name)
    calls = [event["id"] for event in read(json_server) if event["event"] == "call"]
    assert sorted(name for name in calls if name in names) == sorted(names)
    (kernels,) = [event for event in read(json_server) if event["event"].startswith("kernels: ")]
    assert (kernels["logger"], kernels["level"]) == ("imgsvc.server", "info")


def test_text_on_request(serve):
    server = serve("--port", "0", "--log-format", "text")
    call(server, rpc.MEAN_FILTER, GOOD, ("x-request-id", "a b"))
    call(server, rpc.MEAN_FILTER, BAD, ("x-request-id", "2"))
    wait_for(lambda: "status=INVALID" in server.log)
    good, bad = server.log.splitlines()[-2:]
    stamp = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} "
    assert re.match(
        stamp + r'INFO imgsvc\.server: /NLImageService/MeanFilter peer=ipv4:127\.0\.0\.1:\d+ id="a b" '
        r"request_bytes=\d+ answer_bytes=\d+ pixels=6 receive_ms=[\d.]+ .*total_ms=[\d.]+ status=OK$",
        good,
    )
    assert re.match(
        stamp + r"WARNING imgsvc\.server: /NLImageService/MeanFilter peer=\S+ id=2 .*"
        r"status=INVALID_ARGUMENT field=width value=-1: width: -1, expected at least 1$",
        bad,
    )


def test_a_terminal_gets_text():
    keyboard, screen = pty.openpty()
    program = subprocess.Popen(
        [processes.program("imgsvc-server"), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=screen,
        text=True,
        env=processes.environment(IMGSVC_CFG_LOG_FORMAT="auto"),
    )
    try:
        assert " serving on " in program.stdout.readline()
        shown = b""
        while b" INFO imgsvc.server: kernels: " not in shown:
            shown += os.read(keyboard, 1000)
    finally:
        program.terminate()
        assert program.wait(30) == 0
        program.stdout.close()
        os.close(screen)
        os.close(keyboard)


@pytest.mark.parametrize("options", [["--no-access-log"], ["--log-level", "warning"]])
def test_calls_that_go_well_can_be_left_out(serve, options):
    server = serve("--port", "0", *options)
    call(server, rpc.MEAN_FILTER, GOOD)
    call(server, rpc.MEAN_FILTER, BAD)
    server.process.terminate()
    assert server.wait() == 0
    assert [
        line.count("status=INVALID_ARGUMENT") for line in server.log.splitlines() if "/NLImage" in line
    ] == [1]


def test_the_id_of_an_error_nobody_foresaw_is_in_its_status_and_in_the_log_and_no_more_is_told(
    tmp_path, monkeypatch
):
    class Boom:
        on_invalid_input = None

        def find(self, body):
            return None

        def prepare(self, body):
            raise KeyError("secret\n2026-01-01 12:00:00,000 INFO forged: line")

    monkeypatch.setattr(lifecycle, "nl_image_methods", lambda *args, **more: {"/a/Boom": Boom()})
    with (tmp_path / "log").open("w+") as stream:
        lines = set_up(ServerConfig(log_format="text"), stream)
        with lifecycle.Server(ServerConfig(port=0), lines) as server:
            server.target = server.addresses[0]
            code, details = call(server, "/a/Boom", b"")
        logging.captureWarnings(False)
        stream.seek(0)
        log = stream.read().splitlines()
    assert code is grpc.StatusCode.INTERNAL
    (error_id,) = re.fullmatch(r"internal error ([0-9a-f]{12}): the server's log says more", details).groups()
    assert sum(f"status=INTERNAL error_id={error_id} field=server" in line for line in log) == 1
    (error,) = [line for line in log if line.startswith("    KeyError")]
    assert error == "    KeyError: 'secret\\n2026-01-01 12:00:00,000 INFO forged: line'"


def test_nobody_outside_can_forge_a_line():
    event = {"event": "a\nb", "id": "\x1b[2K", "details": "x\r\ny\u2028z", "exception": "one\n2026\rtwo"}
    assert text_message(event) == 'a\\nb id="\\u001b[2K": x\\r\\ny\\u2028z\n    one\n    2026\\rtwo'


def test_nobody_outside_can_forge_a_field(serve):
    server = serve("--port", "0", "--log-format", "text")
    method = "/x peer=ipv4:10.0.0.1:1 caller=webshop"
    call(server, method, b"", ("x-request-id", '1" caller=webshop status=OK'))
    wait_for(lambda: "status=UNIMPLEMENTED" in server.log)
    line = server.log.splitlines()[-1]
    subject, peer, request_id = re.search(
        r'imgsvc\.server: ("[^"]*") peer=(\S+) id=("(?:\\.|[^"])*") ', line
    ).groups()
    assert json.loads(subject) == method
    assert peer.startswith("ipv4:127.0.0.1:")
    assert json.loads(request_id) == '1" caller=webshop status=OK'


def test_a_client_that_does_not_take_a_large_answer_is_told_of_once(serve):
    server = serve("--port", "0", "--log-format", "text")
    image = NLImage(width=2400, height=2000, data=bytes(2400 * 2000)).SerializeToString()
    for number in range(3):
        with grpc.insecure_channel(server.target) as connection:  # with gRPC's own limit
            method = connection.unary_unary(rpc.MEAN_FILTER)
            code, _ = rpc.answer_of(lambda: method(image, timeout=60))  # noqa: B023 - called at once
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        wait_for(lambda: server.log.count("status=OK") == number + 1)  # noqa: B023
    assert server.log.count("did not take an answer of") == 1
    (line,) = [line for line in server.log.splitlines() if "did not take" in line]
    size = len(image)
    assert re.search(
        rf"WARNING imgsvc\.server: {rpc.MEAN_FILTER} peer=ipv4:\S+ did not take .* {size} bytes", line
    )


def test_clients_that_take_large_answers_are_told_nothing(serve):
    server = serve("--port", "0", "--log-format", "text")
    image = NLImage(width=2400, height=2000, data=bytes(2400 * 2000)).SerializeToString()
    assert call(server, rpc.MEAN_FILTER, image) == image
    wait_for(lambda: "status=OK" in server.log)
    assert "did not take" not in server.log


def test_an_item_with_spaces_is_quoted():
    event = {
        "event": "call",
        "method": "/a/B",
        "item": 'ä peer="x"',
        "value": "a=b\n",
        "field": "core seconds",
    }
    assert text_message({**event, "details": "all of it"}) == (
        '/a/B item="ä peer=\\"x\\"" value="a=b\\n" field=core seconds: all of it'
    )


@pytest.mark.parametrize("style", ["text", "json"])
def test_warnings_and_exceptions_of_others_come_in_the_same_format(style):
    code = (
        "import logging, warnings\n"
        "from imgsvc.config import ServerConfig\n"
        "from imgsvc.server.logs import set_up\n"
        f"set_up(ServerConfig(log_format={style!r}))\n"
        "warnings.warn('old')\n"
        "try:\n    1 / 0\nexcept ZeroDivisionError:\n    logging.getLogger('grpc').exception('sad %d', 7)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ZeroDivisionError: division by zero" in done.stderr
    if style == "json":
        warning, error = map(json.loads, done.stderr.splitlines())
        assert (warning["logger"], warning["level"]) == ("py.warnings", "warning")
        assert "UserWarning: old" in warning["event"]
        assert (error["logger"], error["level"], error["event"]) == ("grpc", "error", "sad 7")
        assert error["exception"].startswith("Traceback ")
    else:
        warning, error, *traceback = done.stderr.splitlines()
        assert " WARNING py.warnings: " in warning
        assert error.endswith(" ERROR grpc: sad 7")
        assert all(line.startswith("    ") for line in traceback)


def test_a_server_inside_another_program_logs_failures_as_that_does(caplog):
    record = Work("/a/B")
    record.peer, record.code = "ipv6:%5B::1%5D:5", "UNAVAILABLE"
    record.field, record.value, record.details = "server", "x", "y"
    AccessLog(every=True).observe([record, Work("/a/Fine")])
    assert [entry.levelname for entry in caplog.records] == ["WARNING"]
    assert "/a/B peer=ipv6:[::1]:5 id=" in caplog.text
    assert caplog.text.endswith(" status=UNAVAILABLE field=server value=x: y\n")
