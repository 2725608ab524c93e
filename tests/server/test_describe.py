"""`Describe` of an installed server: it says what the library says, within the limits of all calls."""

import dataclasses
import json

import grpc
import numpy as np
import pytest

import imgsvc
from imgsvc.codec import GpsPosition, formats
from imgsvc.errors import RequestRefusedError
from imgsvc.v1 import image_service_pb2
from tests import v1
from tests.codec import profiles, secretive
from tests.codec.secretive import SECRETS
from tests.processes import wait_for
from tests.recipes.test_planning import far_frame

KINDS = [kind for kind in ("jpeg", "png", "webp", "avif", "tiff") if formats()[kind].encodes]
INVALID, DENIED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED
TOO_LONG = "image: an image of 5000000×1, expected sides of at most 4194176"
NO_GPS = "gps: true, expected false: this server was not started with --allow-gps"


def ask(server, image, **fields):
    """Return the answer, or the status and details of a failure."""
    body = image_service_pb2.DescribeRequest(image=image, **fields).SerializeToString()
    answer = v1.call(server, v1.DESCRIBE, body)
    return answer if isinstance(answer, tuple) else image_service_pb2.DescribeResponse.FromString(answer)


@pytest.fixture(scope="module")
def client(server):
    with imgsvc.Client(server.target) as connected:
        yield connected


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_described_as_by_the_library(client, kind):
    data = secretive.photo(kind)
    described = client.describe(data)
    assert described == imgsvc.describe(data)
    assert described.camera.model == "Model X"
    assert described.gps is None


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_pixels_are_described_as_by_the_library(client, photo, dtype):
    for pixels in (photo, photo[..., 0], photo[..., :1], np.dstack([photo, photo[..., 0]])):
        image = imgsvc.convert(pixels, dtype)
        assert client.describe(image) == imgsvc.describe(image)


def test_what_is_not_there_is_not_said(client):
    clear = np.zeros((3, 4, 4), np.uint8)
    described = client.describe(clear)
    assert described == imgsvc.describe(clear)
    assert (described.average_color, described.dominant_colors, described.icc_profile) == (None, (), None)


def test_profiles_and_frames(client, photo):
    wide = profiles.rgb(profiles.gamma(1.8), name="Wide Colours")
    for data in (v1.encoded(photo, "PNG", icc_profile=wide), v1.encoded(photo, "GIF")):
        assert client.describe(data) == imgsvc.describe(data)


def test_an_answer_by_its_fields(server):
    image = np.array([[[10, 20, 30], [10, 20, 30]]], np.uint8)
    answer = ask(server, v1.pixels(image))
    assert (answer.format, answer.width, answer.height, answer.channels) == (1, 2, 1, 3)
    assert (answer.bits, answer.frames, answer.orientation) == (8, 1, 1)
    assert not answer.HasField("icc_profile")
    average = answer.average_color
    assert (average.red, average.green, average.blue) == (10, 20, 30)
    assert [each.per_mille for each in answer.dominant_colors] == [1000]
    assert [list(each.counts).index(2) for each in answer.histogram] == [10, 20, 30]
    assert {len(each.counts) for each in answer.histogram} == {256}
    assert not answer.camera.ListFields()


class TestPlaces:
    def test_are_refused_unless_the_server_tells_them(self, server):
        photo = v1.file(secretive.photo("jpeg"))
        assert ask(server, photo, gps=True) == (DENIED, NO_GPS)
        assert not ask(server, photo, gps=False).HasField("gps")

    def test_are_refused_before_the_image_is_looked_at(self, server):
        assert ask(server, v1.file(b"nothing"), gps=True) == (DENIED, NO_GPS)

    @pytest.mark.parametrize("variable", [False, True])
    def test_are_told_on_request_by_a_server_that_does(self, serve, variable):
        options, variables = ((), {"IMGSVC_CFG_ALLOW_GPS": "true"}) if variable else (("--allow-gps",), {})
        server = serve("--port", "0", *options, **variables)
        data = secretive.photo("jpeg")
        with imgsvc.Client(server.target) as client:
            assert client.describe(data).gps is None
            described = client.describe(data, gps=True)
        assert described.gps == GpsPosition(-33.8601, 151.215, -12.5)
        assert described == imgsvc.describe(data, gps=True)
        told = json.dumps(dataclasses.asdict(described), ensure_ascii=False)
        assert not [secret for secret in SECRETS.values() if secret in told]


class TestErrors:
    def test_an_image_that_is_none(self, server):
        assert ask(server, None)[0] is INVALID
        code, details = ask(server, v1.file(b"nothing"))
        assert code is INVALID
        assert "bytes of no known format" in details

    def test_a_file_that_ends_too_early(self, server, photo):
        code, details = ask(server, v1.file(v1.encoded(photo)[:200]))
        assert (code, "ends too early" in details) == (INVALID, True)

    def test_pixels_that_do_not_fit(self, server, photo):
        image = v1.pixels(photo)
        image.pixels.data = b"123"
        assert ask(server, image)[0] is INVALID

    def test_no_message(self, server):
        code, _ = v1.call(server, v1.DESCRIBE, b"\xff\xff\xff")
        assert code is grpc.StatusCode.INTERNAL


class TestLimits:
    def test_pixels(self, serve, photo):
        server = serve("--port", "0", "--max-pixels", "6000")
        for image in (v1.file(v1.encoded(photo)), v1.pixels(photo)):
            code, details = ask(server, image)
            assert (code, details) == (INVALID, "image: 6208 pixels (64×97), expected at most 6000")

    def test_bytes_of_decoded_pixels(self, serve, photo):
        server = serve("--port", "0", "--max-decode-bytes", "18623")
        code, details = ask(server, v1.file(v1.encoded(photo)))
        assert code is INVALID
        assert "18624 bytes of decoded pixels" in details

    def test_operations_are_those_of_recipes(self, serve, photo):
        server = serve("--port", "0", "--max-operations", "1")
        for image in (
            v1.file(v1.encoded(photo)),
            v1.pixels(photo),
            v1.pixels(imgsvc.convert(photo, "uint16")),
        ):
            assert ask(server, image).width == 64

    def test_sides(self, server):
        long = np.zeros((1, 5_000_000), np.uint8)
        for image in (v1.pixels(long), v1.file(v1.encoded(long))):
            code, details = ask(server, image)
            assert (code, details) == (INVALID, TOO_LONG)
        with imgsvc.Client(server.target) as client:
            assert client.describe(long[:, :4_194_176]).width == 4_194_176

    def test_what_is_not_decoded_costs_nothing(self, serve):
        """Of frames but the first there is only the number."""
        server = serve("--port", "0", "--max-bytes-in-flight", "16MiB", "--max-message-bytes", "100KiB")
        assert ask(server, v1.file(far_frame())).frames == 2

    def test_memory(self, serve, photo):
        """As `Process`, it is charged what it takes beside its message."""
        server = serve("--port", "0", "--max-bytes-in-flight", "1MiB", "--max-message-bytes", "100KiB")
        code, details = ask(server, v1.file(v1.encoded(photo)))
        assert code is INVALID
        assert details.startswith("bytes in flight: ")

    def test_a_deadline(self, server):
        image = np.zeros((3000, 4000, 3), np.uint8)
        with imgsvc.Client(server.target, retries=0) as client, pytest.raises(imgsvc.ImgsvcError) as caught:
            client.describe(image, timeout=0.001)
        assert "DEADLINE_EXCEEDED" in str(caught.value)


def test_it_is_logged_as_other_calls(serve, photo):
    server = serve("--port", "0")
    ask(server, v1.pixels(photo))
    ask(server, v1.pixels(photo), gps=True)
    wait_for(lambda: server.log.count(v1.DESCRIBE) == 2)
    assert "PERMISSION_DENIED" in server.log


def test_the_client_s_checks(client, photo):
    with pytest.raises(imgsvc.ImgsvcError, match="^gps: 1, expected True or False$"):
        client.describe(photo, gps=1)
    with pytest.raises(RequestRefusedError) as caught:
        client.describe(secretive.photo("jpeg"), gps=True)
    assert caught.value.code is DENIED
    assert str(caught.value) == f"PERMISSION_DENIED: {NO_GPS}"
