"""Requests that fail, kept by an installed server and sent again by the installed client."""

import contextlib
import gc
import json
import os
import stat
import time
import weakref

import grpc
import pytest

from imgsvc.errors import ConfigurationError
from imgsvc.server import capture as module
from imgsvc.server.call import Request, Work
from imgsvc.server.capture import Capture
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import processes, rpc, v1
from tests.processes import wait_for
from tests.server.test_batch_stream import MEAN, message
from tests.server.test_logs import BAD, GOOD, call

PIXELS = b"PIXELS" * 100
LARGE = NLImage(width=99, height=99, data=PIXELS).SerializeToString()


def files(folder):
    return sorted(path for path in folder.iterdir() if path.suffix == ".request")


def parts(path):
    line, _, body = path.read_bytes().partition(b"\n")
    return json.loads(line), body


def replay(path, *options):
    return processes.run("imgsvc-client", "replay", path, *options)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "kept"


def test_what_is_kept_of_a_request(serve, folder):
    server = serve("--port", "0", "--capture-bad-requests", folder)
    secrets = [(name, "Bearer s3cret") for name in ("authorization", "x-api-key", "x-my-token", "x-kind")]
    call(server, rpc.MEAN_FILTER, GOOD)
    call(server, rpc.MEAN_FILTER, LARGE, ("x-request-id", "mine"), ("x-forwarded-for", "../../etc"), *secrets)
    (path,) = wait_for(lambda: files(folder))
    header, body = parts(path)
    assert body == LARGE
    assert {key: header[key] for key in ("format", "method", "id", "code", "field", "request_bytes")} == {
        "format": "imgsvc-request/1",
        "method": rpc.MEAN_FILTER,
        "id": "mine",
        "code": "INVALID_ARGUMENT",
        "field": "data",
        "request_bytes": len(LARGE),
    }
    assert header["details"].startswith("data: 600 bytes")
    assert ["x-forwarded-for", "../../etc"] in header["metadata"]
    assert b"s3cret" not in path.read_bytes()
    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(path.stat().st_mode)) == (0o700, 0o600)
    assert wait_for(lambda: f"captured={path.name} status=INVALID_ARGUMENT" in server.log)
    assert [each.name for each in folder.iterdir()] == [path.name]

    done = replay(path, "--port", server.port)
    assert done.returncode == 6
    assert "MeanFilter of 20" in done.stderr
    assert done.stderr.splitlines()[-1] == f"imgsvc-client: INVALID_ARGUMENT: {header['details']}"


def test_without_pixels(serve, folder, photo):
    server = serve("--port", "0", "--capture-bad-requests", folder, "--no-capture-pixels")
    request = v1.request(v1.file(PIXELS), operations=MEAN.operations).SerializeToString()
    bodies = (rpc.MEAN_FILTER, LARGE), (rpc.MEAN_FILTER, b"\x0a\xff" + PIXELS), (v1.PROCESS, request)
    for number, (method, body) in enumerate(bodies, 1):
        call(server, method, body)
        wait_for(lambda number=number: len(files(folder)) == number)  # behind the answer, in any order
    first, garbled, process = files(folder)
    for path in (first, garbled, process):
        assert b"PIXELS" not in path.read_bytes()
    assert parts(first)[0]["payload_bytes"] == parts(process)[0]["payload_bytes"] == [600]
    header, body = parts(garbled)
    assert (header["code"], header["payload_bytes"], body) == ("INTERNAL", None, b"")

    done = replay(first, "--port", server.port)
    assert "INVALID_ARGUMENT: data: 600 bytes" in done.stderr
    done = replay(process, "--port", server.port, "--json")
    assert json.loads(done.stdout)["error"].startswith("INVALID_ARGUMENT: image")
    done = replay(garbled, "--port", server.port)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.endswith("its message was not kept, since it was none without its pixels\n")


def test_an_installed_server_keeps_the_latest_few(serve, folder):
    limits = ("--capture-max-files", "2", "--capture-max-bytes", "2048")
    server = serve("--port", "0", "--capture-bad-requests", folder, *limits)
    for number in range(3):
        name = f"bad{number}"
        call(server, rpc.MEAN_FILTER, BAD, ("x-request-id", name))
        # They are kept behind the answer, and at once for several calls.
        wait_for(lambda name=name: name in [parts(path)[0]["id"] for path in files(folder)])
    call(server, rpc.MEAN_FILTER, NLImage(width=99, height=99, data=bytes(2048)).SerializeToString())
    wait_for(lambda: server.log.count("status=INVALID_ARGUMENT") == 4)
    assert [parts(path)[0]["id"] for path in files(folder)] == ["bad1", "bad2"]


def test_an_item_of_a_batch_is_a_batch_of_its_own(serve, folder, photo):
    strict = serve("--port", "0", "--capture-bad-requests", folder, "--max-pixels", "10000")
    with rpc.channel(strict) as connection:
        body = message([("good", photo), ("bad", photo.repeat(20, 0))], MEAN)
        list(connection.stream_stream(v1.BATCH)(iter([body]), timeout=30))
    (path,) = wait_for(lambda: files(folder))
    done = replay(path, "--port", strict.port)
    assert (done.returncode, done.stdout) == (6, "")
    assert "INVALID_ARGUMENT: image: " in done.stderr
    done = replay(path, "--embedded")
    assert (done.returncode, done.stdout.partition(":")[0]) == (0, "OK")


def test_load_is_no_reason_to_keep_a_request(serve, folder):
    server = serve("--port", "0", "--capture-bad-requests", folder, "--max-calls", "1")
    with rpc.channel(server) as connection:
        [held] = rpc.hold(connection, rpc.MEAN_FILTER, 1, GOOD)
        held.cancel()

        def cancelled():
            unfinished = rpc.HeldCall(connection, rpc.MEAN_FILTER)
            time.sleep(0.05)  # for its headers to get there
            unfinished.cancel()
            return "status=CANCELLED" in server.log

        wait_for(cancelled)
    wait_for(lambda: "status=RESOURCE_EXHAUSTED" in server.log)
    call(server, "/No/Such", b"")
    wait_for(lambda: "status=UNIMPLEMENTED" in server.log)
    wait_for(lambda: isinstance(call(server, rpc.MEAN_FILTER, BAD), tuple) and files(folder))
    assert {parts(path)[0]["code"] for path in files(folder)} == {"INVALID_ARGUMENT"}


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[]\nx", b'{"format": "imgsvc-request/2"}\n', b"\xff\n"])
def test_a_file_of_something_else(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    done = replay(path, "--embedded")
    assert done.returncode == 3
    assert done.stderr == f"imgsvc-client: {path}: is no request that a server has kept\n"


def failed(body=BAD, code="INVALID_ARGUMENT"):
    record = Work(rpc.MEAN_FILTER)
    record.code = code
    record.request = Request(len(body), lambda: body)
    record.request_bytes = len(body)
    return record


def keep(capture, *records):
    for record in records:
        capture.choose(record)
    capture.observe(records)
    assert all(record.request is None for record in records)


def test_the_oldest_go_first_also_those_of_an_earlier_server(folder):
    capture = Capture(str(folder), max_files=3, max_bytes=1 << 20, pixels=True)
    keep(capture, *(failed() for _ in range(3)))
    *_, third = files(folder)
    capture.close()
    (folder / f"{third.name}.part").write_text("")
    (folder / "notes").write_text("mine")
    capture = Capture(str(folder), max_files=3, max_bytes=1 << 20, pixels=True)
    assert not (folder / f"{third.name}.part").exists()
    keep(capture, failed(), failed())
    capture.close()
    assert files(folder)[0] == third
    assert len(files(folder)) == 3
    assert (folder / "notes").read_text() == "mine"


def test_bytes_are_bounded_on_disk_and_on_the_way_there(folder):
    capture = Capture(str(folder), max_files=100, max_bytes=4096, pixels=True)
    large = failed(b"x" * 2000)
    keep(capture, large)
    keep(capture, failed(b"y" * 1500))
    assert large.captured
    assert [path.name for path in files(folder)] != [large.captured]
    assert sum(path.stat().st_size for path in files(folder)) <= 4096
    too_large = failed(b"x" * 4097)
    capture.choose(too_large)
    assert too_large.request is None
    waiting = [failed(b"x" * 1500) for _ in range(3)]
    for record in waiting:
        capture.choose(record)
    assert [record.request is None for record in waiting] == [False, False, True]
    capture.close()


def test_a_flood_costs_a_few_files(folder, monkeypatch):
    monkeypatch.setattr(module, "PER_SECOND", 0.0)
    capture = Capture(str(folder), max_files=100, max_bytes=1 << 20, pixels=True)
    keep(capture, *(failed() for _ in range(50)))
    keep(capture, failed(code="UNAVAILABLE"))
    assert len(files(folder)) == module.BURST
    capture.close()


def test_a_disk_that_takes_no_more_leaves_no_halves(folder, monkeypatch):
    capture = Capture(str(folder), max_files=100, max_bytes=1 << 20, pixels=True)
    with monkeypatch.context() as full:
        full.setattr(os, "rename", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("no space")))
        records = [failed(b"x" * 1000) for _ in range(5)]
        for record in records:
            capture.choose(record)
        with pytest.raises(OSError, match="no space"):
            capture.observe(records)
    assert list(folder.iterdir()) == []
    assert all(record.request is None for record in records)
    assert capture._waiting_bytes == 0  # of none of the batch: or there would be no room for later ones
    keep(capture, failed())
    assert len(files(folder)) == 1
    capture.close()


def test_a_request_that_cannot_be_kept_is_let_go_of_at_once(folder, monkeypatch):
    capture = Capture(str(folder), max_files=100, max_bytes=1 << 20, pixels=True)
    monkeypatch.setattr(os, "rename", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("no space")))
    record = failed()
    body = weakref.ref(record.request.body)
    capture.choose(record)
    gc.disable()
    try:
        with contextlib.suppress(OSError):
            capture.observe([record])
        assert body() is None
    finally:
        gc.enable()
    capture.close()


def test_a_folder_that_others_can_read_is_refused(tmp_path):
    open_to_others = tmp_path / "open"
    open_to_others.mkdir(mode=0o755)
    done = processes.run("imgsvc-server", "--port", "0", "--capture-bad-requests", open_to_others)
    assert done.returncode == 2
    assert done.stderr == (
        f"imgsvc-server: --capture-bad-requests: {open_to_others}: mode 755 of user {os.getuid()}, "
        f"expected 700 of user {os.getuid()}: others could read what callers send\n"
    )
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ConfigurationError, match="file: Not a directory"):
        Capture(str(file), max_files=1, max_bytes=1024, pixels=True)
    with pytest.raises(ConfigurationError, match="none/kept: No such file or directory"):
        Capture(str(tmp_path / "none" / "kept"), max_files=1, max_bytes=1024, pixels=True)


def test_an_unforeseen_error_is_kept_with_its_id(folder):
    capture = Capture(str(folder), max_files=1, max_bytes=1 << 20, pixels=True)
    record = failed(code=grpc.StatusCode.INTERNAL.name)
    record.error_id = "abc"
    keep(capture, record)
    (path,) = files(folder)
    assert parts(path)[0]["error_id"] == "abc"
    assert path.name.endswith("-INTERNAL.request")
    capture.close()
