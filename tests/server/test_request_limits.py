"""How large one request may be: what the installed server answers to more, and what it says in a plan."""

import io
import time

import grpc
import numpy as np
import pytest
from PIL import Image as PillowImage

import imgsvc
from imgsvc.v1 import image_service_pb2
from imgsvc.v1.recipe_pb2 import Decoding, Encoding
from imgsvc.v1.recipe_pb2 import Output as OutputMessage
from tests import rpc, v1
from tests.server.test_batch_stream import MEAN, Stream, message, results

INVALID = grpc.StatusCode.INVALID_ARGUMENT
RAW = Encoding(format="FORMAT_RAW")
WEIGHTS = "convolve weights=[[0,0,0],[0,1,0],[0,0,0]]"
NOISE = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
PNG = v1.encoded(NOISE)

# An option and its value, a request, and which field it breaks with what.
TOO_LARGE = [
    (
        ("--max-operations", 2),
        v1.request(v1.pixels(NOISE), text="mean | invert | flip 0"),
        ("recipe.operations", 3, "3 operations"),
    ),
    (
        ("--max-operations", 2),
        v1.request(
            v1.pixels(NOISE),
            text="mean",
            outputs=[OutputMessage(text="mean | invert | flip 0", encoding=RAW)],
        ),
        ("recipe.outputs[0].operations", 3, "3 operations"),
    ),
    (
        ("--max-weights", 8),
        v1.request(v1.pixels(NOISE), text=f"mean | {WEIGHTS}"),
        ("recipe.operations[1].convolve.weights", 9, "9 weights (3×3)"),
    ),
    (
        ("--max-output-bytes", 1799),
        v1.request(v1.pixels(NOISE), text="mean"),
        ("recipe.outputs[0]", 1800, "1800 bytes of results"),
    ),
    (
        ("--max-decode-bytes", 1799),
        v1.request(v1.file(PNG)),
        ("image", 1800, "1800 bytes of decoded pixels (30×20)"),
    ),
]


@pytest.mark.parametrize(("option", "request_", "broken"), TOO_LARGE, ids=lambda value: str(value)[:30])
def test_a_request_beyond_a_limit_is_refused_and_its_plan_says_so(serve, option, request_, broken):
    server = serve("--port", "0", *option)
    field, value, shown = broken
    assert v1.process(server, request_) == (INVALID, f"{field}: {shown}, expected at most {option[1]}")
    limits = [(each.field, each.value, each.limit) for each in v1.plan(server, request_).broken_limits]
    assert limits == [(field, value, option[1])]


def test_requests_up_to_the_limits_are_answered_and_the_server_shows_them(serve):
    server = serve(
        "--port", "0", "--max-operations", 2, "--max-weights", 9, "--max-output-bytes", 1800,
        "--max-decode-bytes", 1800, "--max-stream-items", 3, "--max-stream-seconds", 2.5,
        "--max-connections", 7,
    )  # fmt: skip
    answer = v1.process(
        server, v1.request(v1.file(PNG), text=f"mean | {WEIGHTS}", outputs=[OutputMessage(encoding=RAW)])
    )
    assert v1.array(answer.results[0].image).shape == NOISE.shape
    info = image_service_pb2.GetServerInfoResponse.FromString(rpc.call(server, v1.INFO, b""))
    expected = {
        "max_operations": 2, "max_weights": 9, "max_output_bytes": 1800, "max_decode_bytes": 1800,
        "max_stream_items": 3, "max_stream_seconds": 3, "max_connections": 7,
    }  # fmt: skip
    assert expected.items() <= dict(info.limits).items()


def test_a_plan_names_every_limit_that_is_broken(serve):
    server = serve("--port", "0", "--max-pixels", 599, "--max-decode-bytes", 1799, "--max-operations", 1)
    plan = v1.plan(server, v1.request(v1.file(PNG), text="mean | invert"))
    assert {(each.field, each.value, each.limit) for each in plan.broken_limits} == {
        ("image", 600, 599), ("image", 1800, 1799), ("recipe.operations", 2, 1),
    }  # fmt: skip


def test_all_results_of_a_request_share_the_limit_files_and_pixels(serve):
    """The pixels are known before; a file when it is written. What fails takes nothing."""
    server = serve("--port", "0", "--max-output-bytes", 1860)
    outputs = [
        OutputMessage(name="file", encoding=Encoding(format="FORMAT_TIFF")),
        OutputMessage(name="pixels", encoding=RAW),
        OutputMessage(name="more pixels", encoding=RAW),
        OutputMessage(name="small", text="resize width=1 height=1", encoding=Encoding(format="FORMAT_BMP")),
    ]
    file, pixels, more, small = v1.process(server, v1.request(v1.pixels(NOISE), outputs=outputs)).results
    assert v1.array(pixels.image).shape == NOISE.shape
    assert len(small.image.encoded.data) == 58
    for result, index in ((file, 0), (more, 2)):
        assert result.status.field == f"recipe.outputs[{index}]"
        assert result.status.message.endswith(" bytes of results, expected at most 1860")
    assert more.status.message.startswith("recipe.outputs[2]: 3600 bytes")


def animation(count):
    frames = [PillowImage.fromarray(np.roll(NOISE, i, 0)).resize((300, 200)) for i in range(count)]
    stream = io.BytesIO()
    frames[0].save(stream, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    return v1.file(stream.getvalue())


ALL_FRAMES = Decoding(frames="FRAMES_ALL")


def test_more_frames_than_may_be_are_refused_where_all_are_asked_for(serve):
    server = serve("--port", "0", "--max-frames", 3)
    refused = v1.process(server, v1.request(animation(4), decoding=ALL_FRAMES))
    assert refused == (INVALID, "image: 4 frames, expected at most 3")
    for allowed in v1.request(animation(3), decoding=ALL_FRAMES), v1.request(animation(4)):
        assert v1.process(server, allowed).results


def test_frames_count_as_decoded(serve):
    server = serve("--port", "0", "--max-decode-bytes", 1 << 20)
    code, details = v1.process(server, v1.request(animation(8), decoding=ALL_FRAMES))
    assert code is INVALID
    assert "bytes of decoded pixels (300×200 of 8 frames), expected at most 1048576" in details


def test_no_more_items_of_a_stream_than_it_may_have_are_under_way(serve, rng):
    """One at a time: none passes another, however small it is."""
    server = serve("--port", "0", "--cores", "2", "--max-stream-items", "1")
    large, small = rng.integers(0, 256, (2000, 2000, 3), dtype=np.uint8), NOISE
    items = [(str(i), small if i % 2 else large) for i in range(8)]
    with rpc.channel(server) as connection:
        stream = Stream(connection)
        stream.send(message(items, MEAN))
        stream.half_close()
        assert list(results(stream.call)) == [name for name, _ in items]


class TestStreamSeconds:
    DETAILS = "stream: open for 0.5 s, expected to end by then: go on in another one"

    def test_one_that_is_open_for_too_long_ends(self, serve, photo):
        server = serve("--port", "0", "--max-stream-seconds", "0.5")
        with rpc.channel(server) as connection:
            stream = Stream(connection)
            stream.send(message([("a", photo)], MEAN))
            assert results([next(stream.call)]).keys() == {"a"}
            with pytest.raises(grpc.RpcError) as raised:
                next(stream.call)
        assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.UNAVAILABLE, self.DETAILS)

    def test_the_client_library_goes_on_in_another_and_loses_nothing(self, serve, photo):
        server = serve("--port", "0", "--max-stream-seconds", "0.3")
        end = time.monotonic() + 1.5
        sent = 0

        def images():
            nonlocal sent
            while time.monotonic() < end:
                sent += 1
                yield photo

        with imgsvc.Client(server.target) as client:
            results = dict(client.process_many(images(), "mean"))
        assert sorted(results) == list(range(sent))
        expected = imgsvc.mean_filter(photo)
        for result in results.values():
            np.testing.assert_array_equal(result.array, expected)
