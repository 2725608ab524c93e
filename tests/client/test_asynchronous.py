"""imgsvc.AsyncClient: what Client does, for asyncio."""

import asyncio
import functools
import inspect
import threading

import grpc
import numpy as np
import pytest

import imgsvc
from imgsvc.errors import (
    ImageReadError,
    InvalidImageError,
    InvalidParameterError,
    RequestRefusedError,
    ServiceError,
    ServiceTimeoutError,
    ServiceUnavailableError,
)
from imgsvc.operations import OPERATIONS
from tests import processes, v1
from tests.client import scripted


def asynchronous(test):
    """Run a test in an event loop of its own."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


def public(kind):
    return {name for name in dir(kind) if not name.startswith("_")}


class TestSurface:
    def test_is_that_of_the_client_that_waits(self):
        assert public(imgsvc.AsyncClient) == public(imgsvc.Client)
        for name in public(imgsvc.Client) - {"target", "process_many"}:
            theirs = inspect.signature(getattr(imgsvc.Client, name)).parameters
            ours = inspect.signature(getattr(imgsvc.AsyncClient, name)).parameters
            assert list(ours.values()) == list(theirs.values())
        ours, theirs = (inspect.signature(kind.process_many) for kind in (imgsvc.AsyncClient, imgsvc.Client))
        assert list(ours.parameters) == list(theirs.parameters)
        assert inspect.signature(imgsvc.AsyncClient) == inspect.signature(imgsvc.Client)

    @asynchronous
    async def test_a_request_as_it_is(self, server):
        with imgsvc.Client(server.target) as other:
            answers = other.send(v1.LIST_OPERATIONS, b"", timeout=20)
            with pytest.raises(RequestRefusedError, match="^UNIMPLEMENTED: the server has no /No/Such: Me"):
                other.send("/No/Such", b"")
        async with imgsvc.AsyncClient(server.target) as client:
            assert await client.send(v1.LIST_OPERATIONS, b"") == answers
            with pytest.raises(RequestRefusedError, match="^UNIMPLEMENTED: the server has no /No/Such: Me"):
                await client.send("/No/Such", b"")
        assert len(answers) == 1

    @asynchronous
    async def test_each_operation_can_be_awaited(self, server):
        async with imgsvc.AsyncClient(server.target) as client:
            for name in OPERATIONS:
                call = getattr(client, name)(None, *ARGUMENTS.get(name, ()), **KEYWORDS.get(name, {}))
                assert inspect.isawaitable(call)
                with pytest.raises(InvalidImageError, match="^image: NoneType, expected"):
                    await call


ARGUMENTS = {
    "box_blur": [1], "convolve": [[[1]]], "flip": [0], "gamma": [2], "gaussian_blur": [1],
    "letterbox": [5, 4], "rotate": [5], "warp_affine": [[[1, 0, 0], [0, 1, 0]]],
    "lut": [range(256)], "threshold": [1], "saturation": [1], "color_matrix": [[[1, 0, 0]] * 3],
}  # fmt: skip
KEYWORDS = {"crop": {"left": 0, "top": 0, "width": 1, "height": 1}, "resize": {"width": 1}}


class TestCalls:
    @pytest.mark.parametrize("shape", [(4, 5), (900, 1200, 3)], ids=["small", "large"])
    @asynchronous
    async def test_operations(self, server, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        async with imgsvc.AsyncClient(server.target) as client:
            await client.wait_until_ready()
            results = await asyncio.gather(
                client.mean_filter(image), client.rotate90(image, 3), client.gaussian_blur(image, 2.0)
            )
            assert (await client.invert(image, writable=True)).flags.writeable
        np.testing.assert_array_equal(results[0], imgsvc.mean_filter(image))
        np.testing.assert_array_equal(results[1], imgsvc.rotate90(image, 3))
        np.testing.assert_array_equal(results[2], imgsvc.gaussian_blur(image, 2.0))

    @asynchronous
    async def test_descriptions(self, server, rng, tmp_path):
        image = rng.integers(0, 256, (900, 1200, 3), dtype=np.uint8)
        path = tmp_path / "photo.png"
        path.write_bytes(v1.encoded(image))
        async with imgsvc.AsyncClient(server.target) as client:
            for given in (image, image[:5, :4, 0], path):
                assert await client.describe(given) == imgsvc.describe(given)
            with pytest.raises(RequestRefusedError, match="^PERMISSION_DENIED: gps: true, expected false"):
                await client.describe(path, gps=True)

    @asynchronous
    async def test_pipelines_and_files(self, server, photo, tmp_path):
        path = tmp_path / "photo.png"
        path.write_bytes(v1.encoded(photo))
        async with imgsvc.AsyncClient(server.target) as client:
            for image in (photo, path, path.read_bytes()):
                result = await client.process(image, "invert | rotate90", output="png")
                np.testing.assert_array_equal(result.array, np.rot90(255 - photo))
            outputs = {
                "a": "webp",
                "b": imgsvc.Output("png", pipeline="crop left=0 top=0 width=999 height=1"),
            }
            results = await client.process_outputs(path, outputs=outputs)
            assert results["a"].format == "webp"
            assert isinstance(results["b"], RequestRefusedError)

    @asynchronous
    async def test_reports(self, server, photo):
        async with imgsvc.AsyncClient(server.target) as client:
            assert (await client.plan(photo, "resize width=32")).outputs[0].image.width == 32
            noise = v1.encoded(np.concatenate([photo] * 30), "TIFF")
            assert (await client.plan(noise)).input.height == 30 * 97
            assert {operation.name for operation in await client.list_operations()} == set(OPERATIONS)
            assert (await client.server_info()).version == imgsvc.__version__
            assert await client.health() == "SERVING"

    @asynchronous
    async def test_errors(self, photo):
        async with imgsvc.AsyncClient("unix:/nonexistent", retries=0) as client:
            with pytest.raises(ServiceUnavailableError):
                await client.process(photo)
            with pytest.raises(ServiceUnavailableError, match=r"no server answers at .* within 0\.1 s"):
                await client.wait_until_ready(0.1)
            with pytest.raises(ImageReadError, match="no such file"):
                await client.process("/nonexistent.png")
            with pytest.raises(InvalidParameterError, match="^timeout: "):
                await client.process(photo, timeout=-1)
            with pytest.raises(InvalidImageError, match="expected uint8"):
                await client.mean_filter(np.zeros((4, 4), np.uint16))
        with pytest.raises(ServiceError, match="CANCELLED: this client is closed"):
            await client.process(photo)
        with pytest.raises(InvalidParameterError, match="^target: "):
            imgsvc.AsyncClient("")

    @asynchronous
    async def test_deadlines_and_cancellations(self, server):
        image = np.zeros((3000, 4000, 3), np.uint8)
        async with imgsvc.AsyncClient(server.target) as client:
            with pytest.raises(ServiceTimeoutError):
                await client.process(image, "gaussian_blur sigma=20", timeout=0.001)
            call = asyncio.ensure_future(client.process(image, "gaussian_blur sigma=50"))
            await asyncio.sleep(0.05)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (await client.invert(image[:9, :9])).shape == (9, 9, 3)

    @asynchronous
    async def test_retries_of_a_large_request(self, server):
        def script(number, context):
            if number < 2:
                context.abort(grpc.StatusCode.UNAVAILABLE, "shutting down")

        image = np.zeros((1200, 1600), np.uint8)
        handler = scripted.Scripted(script, server.target)
        with scripted.serving(handler) as port:
            async with imgsvc.AsyncClient(f"127.0.0.1:{port}", token="secret") as client:
                np.testing.assert_array_equal(await client.invert(image), 255 - image)
        assert handler.calls == 3
        assert handler.metadata[0]["authorization"] == "Bearer secret"


class TestMany:
    @asynchronous
    async def test_results(self, server, rng):
        images = [rng.integers(0, 256, (20 + i % 7, 30, 3), dtype=np.uint8) for i in range(200)]
        async with imgsvc.AsyncClient(server.target) as client:
            results = {key: result async for key, result in client.process_many(images, "invert")}
        assert sorted(results) == list(range(200))
        for number, image in enumerate(images):
            np.testing.assert_array_equal(results[number].array, 255 - image)

    @asynchronous
    async def test_of_an_asynchronous_iterable(self, server, photo, tmp_path):
        path = tmp_path / "photo.png"
        path.write_bytes(v1.encoded(photo))

        async def images():
            for key, image in [("a", path), ("b", b"no image"), ("c", "/nonexistent"), ("d", photo)]:
                await asyncio.sleep(0.001)
                yield key, image

        async with imgsvc.AsyncClient(server.target) as client:
            results = [each async for each in client.process_many(images(), "rotate90", ordered=True)]
            assert [each async for each in client.process_many([])] == []
        assert [key for key, _ in results] == list("abcd")
        kinds = [imgsvc.Result, RequestRefusedError, ImageReadError, imgsvc.Result]
        assert [type(result) for _, result in results] == kinds

    @asynchronous
    async def test_no_further_ahead_than_in_flight(self, server, photo):
        taken = []

        async def images():
            for number in range(50):
                taken.append(number)
                yield photo

        async with imgsvc.AsyncClient(server.target) as client:
            count = 0
            async for _ in client.process_many(images(), "invert", in_flight=4):
                count += 1
                assert len(taken) <= count + 4
        assert count == len(taken) == 50

    @asynchronous
    async def test_whoever_asks_for_no_more_ends_it(self, server, photo):
        async with imgsvc.AsyncClient(server.target) as client:
            results = client.process_many((photo for _ in range(10**9)), "invert", in_flight=4)
            for _ in range(10):
                await anext(results)
            await results.aclose()
            while len(asyncio.all_tasks()) > 1:  # the loop closes generators in tasks of their own
                await asyncio.sleep(0.01)
            assert (await client.invert(photo)).shape == photo.shape

    @asynchronous
    async def test_images_that_are_long_in_coming(self, serve, photo):
        server = serve("--port", "0", "--body-timeout", "0.2")

        async def images():
            for _ in range(3):
                yield photo
                await asyncio.sleep(0.6)  # meanwhile the server ends the stream

        async with imgsvc.AsyncClient(server.target, retries=0) as client:
            assert len([each async for each in client.process_many(images(), "invert")]) == 3
        processes.wait_for(lambda: server.log.count("ProcessBatch") >= 2)  # streams that were ended

    @asynchronous
    @pytest.mark.parametrize(("side", "count"), [(64, 60), (700, 10)])
    async def test_interruptions(self, rng, side, count):
        photo = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)  # a large one is still being sent

        class Script:
            def __call__(self, number, context):
                pass

            def batch(self, number, batches, context):
                yield scripted.answers(next(batches))
                if number % 2:
                    context.abort(grpc.StatusCode.UNAVAILABLE, "went away")

        handler = scripted.Scripted(Script())
        with scripted.serving(handler) as port:
            # gRPC may drop an answer that the end of its stream overtakes: such an attempt has no result.
            async with imgsvc.AsyncClient(f"127.0.0.1:{port}", retries=4) as client:
                images = [photo] * count
                results = [each async for each in client.process_many(images, "invert", in_flight=20)]
        assert sorted(key for key, _ in results) == list(range(count))
        assert len(handler.batches) > 2
        assert all(messages[0].HasField("recipe") for messages in handler.batches)

    @asynchronous
    async def test_answers_without_results_are_no_progress(self, photo):
        handler = scripted.Scripted(scripted.EmptyAnswers())
        with scripted.serving(handler) as port:
            async with imgsvc.AsyncClient(f"127.0.0.1:{port}", retries=2) as client:
                with pytest.raises(ServiceUnavailableError, match="before all results had come"):
                    await anext(client.process_many([photo]))
        assert handler.calls == 3

    @asynchronous
    async def test_failures(self, photo):
        class Script:
            refuses = True

            def __call__(self, number, context):
                if self.refuses:  # also once more, where gRPC has lost the status of the first
                    context.abort(grpc.StatusCode.PERMISSION_DENIED, "the reason")

            def batch(self, number, batches, context):
                next(batches)
                ended = threading.Event()
                context.add_callback(ended.set)
                ended.wait(20)
                yield b""

        def images():
            yield photo
            raise LookupError("no more")

        script = Script()
        with scripted.serving(scripted.Scripted(script)) as port:
            async with imgsvc.AsyncClient(f"127.0.0.1:{port}") as client:
                with pytest.raises(RequestRefusedError, match="the reason"):
                    await anext(client.process_many([photo]))
                script.refuses = False
                with pytest.raises(
                    ServiceTimeoutError, match=r"no result for 0\.3 s, 1 images were under way"
                ):
                    await anext(client.process_many([photo], timeout=0.3))
                with pytest.raises(LookupError, match="no more"):
                    await anext(client.process_many(images()))
                with pytest.raises(InvalidParameterError, match="^in_flight: "):
                    client.process_many([], in_flight=0)
