"""imgsvc.Client, against the installed server and against servers that misbehave."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

import imgsvc
from imgsvc.errors import (
    ImgsvcError,
    InvalidImageError,
    InvalidParameterError,
    RequestRefusedError,
    ServiceError,
    ServiceTimeoutError,
    ServiceUnavailableError,
)
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from imgsvc.stubs.nl_image_service_pb2_grpc import (
    NLImageServiceServicer,
    add_NLImageServiceServicer_to_server,
)


@pytest.fixture(scope="module")
def client(server):
    with imgsvc.Client(server.target) as connected:
        yield connected


class TestAnswers:
    @pytest.mark.parametrize("shape", [(1, 1), (7, 5), (7, 5, 1), (7, 5, 3), (600, 800, 3)], ids=str)
    def test_equal_the_library(self, client, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        result = client.mean_filter(image)
        np.testing.assert_array_equal(result, imgsvc.mean_filter(image))
        assert result.shape == shape
        for turns in range(-1, 5):
            np.testing.assert_array_equal(client.rotate90(image, turns), imgsvc.rotate90(image, turns))

    def test_any_strides(self, client, photo):
        for view in (photo[::-1], photo[:, ::2], photo[..., ::-1], photo[..., 0], photo.transpose(1, 0, 2)):
            np.testing.assert_array_equal(client.rotate90(view), np.rot90(view))

    def test_read_only_unless_writable(self, client, photo):
        assert not client.mean_filter(photo).flags.writeable
        result = client.mean_filter(photo, writable=True)
        assert result.flags.writeable
        result[:] = 0

    def test_larger_than_grpc_s_own_limit(self, client, rng):
        image = rng.integers(0, 256, (1500, 2000, 3), dtype=np.uint8)  # 9 MB; gRPC's default is 4
        np.testing.assert_array_equal(client.mean_filter(image), imgsvc.mean_filter(image))

    def test_one_client_in_many_threads(self, client, rng):
        images = [rng.integers(0, 256, (50 + i, 60), dtype=np.uint8) for i in range(32)]
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(client.mean_filter, images))
        for image, result in zip(images, results, strict=True):
            np.testing.assert_array_equal(result, imgsvc.mean_filter(image))

    @pytest.mark.parametrize("compression", ["gzip", "deflate"])
    def test_compression(self, serve, photo, compression):
        server = serve("--port", "0", "--compression", compression)
        with imgsvc.Client(server.target, compression=compression) as connected:
            np.testing.assert_array_equal(connected.mean_filter(photo), imgsvc.mean_filter(photo))

    def test_a_unix_socket(self, serve, socket_path, photo):
        server = serve("--unix-socket", socket_path)
        with imgsvc.Client(server.target) as connected:
            connected.wait_until_ready()
            np.testing.assert_array_equal(connected.rotate90(photo), imgsvc.rotate90(photo))


class TestRefusesToSend:
    """A target that nobody serves shows that nothing was sent."""

    @pytest.fixture
    def unconnected(self):
        with imgsvc.Client("unix:/nonexistent") as connected:
            yield connected

    @pytest.mark.parametrize("method", ["mean_filter", "rotate90"])
    @pytest.mark.parametrize(
        ("image", "message"),
        [
            (np.zeros((4, 0), np.uint8), "at least one row"),
            ([[1]], "^image: list, expected a NumPy array"),
            (np.broadcast_to(np.uint8(0), (1 << 16, 1 << 15)), "^image: 2147483648 bytes, expected at most"),
        ],
    )
    def test_what_the_contract_cannot_carry(self, unconnected, method, image, message):
        with pytest.raises(InvalidImageError, match=message):
            getattr(unconnected, method)(image)

    @pytest.mark.parametrize(
        ("method", "dtypes"), [("mean_filter", "uint8"), ("rotate90", "one of uint8, uint16, float32")]
    )
    def test_dtypes(self, unconnected, method, dtypes):
        with pytest.raises(InvalidImageError, match=f"^image.dtype: float64, expected {dtypes}: "):
            getattr(unconnected, method)(np.zeros((4, 4)))

    def test_turns(self, unconnected, photo):
        with pytest.raises(InvalidParameterError, match="^turns: "):
            unconnected.rotate90(photo, 1.5)

    @pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "5"])
    def test_timeout(self, unconnected, photo, timeout):
        with pytest.raises(InvalidParameterError, match="^timeout: .*, expected seconds above 0, up to"):
            unconnected.mean_filter(photo, timeout=timeout)
        with pytest.raises(InvalidParameterError, match="^timeout: "):
            imgsvc.Client(timeout=timeout)
        with pytest.raises(InvalidParameterError, match="^timeout: "):
            unconnected.wait_until_ready(timeout)

    @pytest.mark.parametrize("target", ["", None, 50051])
    def test_target(self, target):
        with pytest.raises(InvalidParameterError, match="^target: .*, expected host:port or unix:/path"):
            imgsvc.Client(target)

    def test_a_closed_client(self, photo):
        closed = imgsvc.Client("unix:/nonexistent")
        closed.close()
        for call in (closed.wait_until_ready, lambda: closed.mean_filter(photo)):
            with pytest.raises(ServiceError, match="CANCELLED: this client is closed"):
                call()

    def test_compression(self):
        with pytest.raises(
            InvalidParameterError, match="^compression: 'zip', expected one of none, gzip, deflate"
        ):
            imgsvc.Client(compression="zip")


class Misbehaving(NLImageServiceServicer):
    """Answers what its test sets."""

    def __init__(self):
        self.answer = None
        self.abort = None

    def MeanFilter(self, request, context):  # noqa: N802
        if self.abort:
            context.abort(*self.abort)
        return self.answer


@pytest.fixture
def misbehaving():
    servicer = Misbehaving()
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(2))
        other = grpc.server(pool)
        add_NLImageServiceServicer_to_server(servicer, other)
        port = other.add_insecure_port("127.0.0.1:0")
        other.start()
        stack.callback(lambda: other.stop(None))
        servicer.client = stack.enter_context(imgsvc.Client(f"127.0.0.1:{port}"))
        yield servicer


class TestFailures:
    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            (grpc.StatusCode.INVALID_ARGUMENT, RequestRefusedError),
            (grpc.StatusCode.UNIMPLEMENTED, RequestRefusedError),
            (grpc.StatusCode.UNAUTHENTICATED, RequestRefusedError),
            (grpc.StatusCode.UNAVAILABLE, ServiceUnavailableError),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, ServiceUnavailableError),
            (grpc.StatusCode.DEADLINE_EXCEEDED, ServiceTimeoutError),
            (grpc.StatusCode.INTERNAL, ServiceError),
        ],
    )
    def test_each_status_is_an_exception_that_carries_it(self, misbehaving, photo, code, kind):
        misbehaving.abort = (code, "the reason")
        with pytest.raises(ServiceError, match="the reason") as raised:
            misbehaving.client.mean_filter(photo)
        assert type(raised.value) is kind
        assert raised.value.code is code
        assert raised.value.details == "the reason"
        assert isinstance(raised.value, ImgsvcError)

    @pytest.mark.parametrize(
        ("data", "reason"), [(b"bad image", "bad image"), (b"", "the server gave no reason")]
    )
    def test_a_null_image_is_an_exception_with_its_message(self, misbehaving, photo, data, reason):
        misbehaving.answer = NLImage(data=data)
        with pytest.raises(RequestRefusedError) as raised:
            misbehaving.client.mean_filter(photo)
        assert raised.value.details == reason
        assert raised.value.code is grpc.StatusCode.INVALID_ARGUMENT

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (NLImage(width=-1, height=1), r"answer\.width: -1, expected at least 1"),
            (NLImage(width=4, height=4, data=b"1"), r"answer\.data: 1 bytes, expected 16 bytes"),
            (NLImage(width=2, height=2, data=b"1234"), r"has shape \(2, 2\), expected \(97, 64, 3\)"),
            (
                NLImage(width=64, height=97, data=bytes(64 * 97)),
                r"has shape \(97, 64\), expected \(97, 64, 3\)",
            ),
        ],
    )
    def test_an_answer_that_is_no_such_image(self, misbehaving, photo, answer, reason):
        misbehaving.answer = answer
        with pytest.raises(ServiceError, match=reason) as raised:
            misbehaving.client.mean_filter(photo)
        assert raised.value.code is grpc.StatusCode.INTERNAL

    def test_no_server(self, photo):
        with imgsvc.Client("unix:/nonexistent") as unconnected:
            with pytest.raises(ServiceUnavailableError) as raised:
                unconnected.mean_filter(photo)
            assert raised.value.code is grpc.StatusCode.UNAVAILABLE
            with pytest.raises(
                ServiceUnavailableError, match=r"no server answers at unix:/nonexistent within 0\.1 s"
            ):
                unconnected.wait_until_ready(0.1)

    def test_a_deadline(self, serve):
        server = serve("--port", "0")
        with imgsvc.Client(server.target, timeout=0.001) as hasty:
            image = np.zeros((2000, 2000, 3), np.uint8)
            with pytest.raises(ServiceTimeoutError) as raised:
                hasty.mean_filter(image)
            assert raised.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
            assert isinstance(raised.value, TimeoutError)
            np.testing.assert_array_equal(hasty.mean_filter(image, timeout=30), image)

    def test_a_message_over_the_server_s_limit(self, serve, photo):
        server = serve("--port", "0", "--max-message-bytes", "2000")
        with (
            imgsvc.Client(server.target) as connected,
            pytest.raises(RequestRefusedError, match="larger than max"),
        ):
            connected.mean_filter(photo)
