"""Compressed messages: what they become is counted, and bounded, before it is there."""

import contextlib
import gzip
import re
import struct
import zlib
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from imgsvc.server.inflate import MessageTooLong, inflate_small
from imgsvc.server.refusals import NotAMessage
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from imgsvc.v1.image_service_pb2 import BatchItem, ProcessBatchRequest, ProcessBatchResponse
from tests import http2, rpc, v1

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()
MIB = 1 << 20


def compressed(body, stream):
    """Return a message with the flag that says that it is compressed, and the call's own end."""
    return http2.frame(http2.DATA, http2.END_STREAM, stream, b"\1" + struct.pack(">I", len(body)) + body)


def peak_megabytes(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 1024


class TestInflate:
    def test_what_it_was(self):
        for body in b"", b"x", bytes(1000):
            assert inflate_small(gzip.compress(body), 1000) == body

    def test_beyond_the_limit(self):
        with pytest.raises(MessageTooLong, match=r"larger than max \(1001 vs. 1000\)"):
            inflate_small(gzip.compress(bytes(1001)), 1000)

    @pytest.mark.parametrize("said", [0, 1, 999, 1001])
    def test_another_size_than_it_says(self, said):
        body = gzip.compress(bytes(1000))[:-4] + said.to_bytes(4, "little")
        with pytest.raises(NotAMessage):
            inflate_small(body, 2000)

    # Named: gzip writes the time into them, and every process that collects tests is to find the same.
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"\x1f\x8b", id="two bytes"),
            pytest.param(b"\x1f\x8b" + bytes(30), id="zeros"),
            pytest.param(gzip.compress(b"x")[:-9], id="cut off"),
            pytest.param(gzip.compress(b"x") * 2, id="two in one"),
        ],
    )
    def test_what_is_none(self, body):
        with pytest.raises((NotAMessage, MessageTooLong)):
            inflate_small(body, 1000)


def test_a_bomb_takes_no_more_than_there_may_be(serve):
    """Half a megabyte that says the truth, and is half a gigabyte; each message is within its limit."""
    server = serve(
        *("--host", "127.0.0.1", "--port", "0", "--max-message-bytes", "32MiB"),
        *("--max-bytes-in-flight", "128MiB", "--max-queue-seconds", "0.2"),
    )
    bomb = zlib.compress(NLImage(data=bytes(16 * MIB)).SerializeToString(), 9, 31)
    assert len(bomb) < 17_000
    before = peak_megabytes(server)
    with contextlib.ExitStack() as stack:
        other = stack.enter_context(rpc.channel(server))
        for _ in range(10):
            peer = stack.enter_context(http2.Peer(server))
            for stream in 1, 3, 5:  # which a connection's window has room for
                peer.send(http2.headers(rpc.MEAN_FILTER, stream, encoding=b"gzip"), compressed(bomb, stream))
        health = health_pb2_grpc.HealthStub(other)
        for _ in range(20):
            health.Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert rpc.answer_of(lambda: other.unary_unary(rpc.MEAN_FILTER)(GOOD, timeout=20)) == GOOD
    assert peak_megabytes(server) < before + 256


def test_one_beyond_the_limit_is_refused(serve):
    server = serve("--host", "127.0.0.1", "--port", "0", "--max-message-bytes", "1MiB")
    with grpc.insecure_channel(server.target, compression=grpc.Compression.Gzip) as connection:
        body = NLImage(data=bytes(2 * MIB)).SerializeToString()
        code, details = rpc.answer_of(lambda: connection.unary_unary(rpc.MEAN_FILTER)(body, timeout=20))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert details == f"Received message larger than max ({len(body)} vs. {MIB})"


def test_batches_and_health(server, rng):
    image = v1.pixels(rng.integers(0, 4, (300, 400), dtype="uint8"))
    batch = ProcessBatchRequest(items=[BatchItem(id=str(number), image=image) for number in range(3)])
    with grpc.insecure_channel(server.target, compression=grpc.Compression.Gzip) as connection:
        answers = list(connection.stream_stream(v1.BATCH)(iter([batch.SerializeToString()] * 2), timeout=20))
        found = [each for answer in answers for each in ProcessBatchResponse.FromString(answer).results]
        assert [each.status.code for each in found] == [0] * 6
        request = health_pb2.HealthCheckRequest(service="NLImageService")
        assert health_pb2_grpc.HealthStub(connection).Check(request, timeout=20).status == 1
