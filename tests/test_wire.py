"""Messages of NLImageService: what they carry, and every way in which they can be wrong."""

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from imgsvc.errors import InvalidImageError, InvalidInputError, InvalidParameterError
from imgsvc.operations import MeanFilter, Rotate90
from imgsvc.stubs.nl_image_service_pb2 import NLImage, NLImageRotateRequest
from imgsvc.wire import nl_image

INT32_MAX = 2**31 - 1


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1), (2, 3, 3)])
def test_round_trip(rng, shape):
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    message = nl_image.to_nl_image(image)
    assert (message.width, message.height, message.color) == (3, 2, shape[2:] == (3,))
    back = nl_image.from_nl_image(NLImage.FromString(message.SerializeToString()))
    np.testing.assert_array_equal(back, image[..., 0] if shape[2:] == (1,) else image)


@pytest.mark.parametrize("shape", [(1, 1), (1, 127), (1, 128), (129, 127), (200, 300, 3), (1, 2, 1)], ids=str)
def test_the_bytes_of_an_image_are_those_of_its_message(rng, shape):
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    assert nl_image.nl_image_bytes(image) == nl_image.to_nl_image(image).SerializeToString()


def test_requests_become_operations(photo):
    message = nl_image.to_nl_image(photo)
    operation, image = nl_image.mean_filter_request(message.SerializeToString())
    assert operation == MeanFilter()
    np.testing.assert_array_equal(image, photo)
    for turns, rotation in enumerate(NLImageRotateRequest.Rotation.keys()):
        request = NLImageRotateRequest(rotation=rotation, image=message)
        operation, image = nl_image.rotate_request(request.SerializeToString())
        assert operation == Rotate90(turns)
        np.testing.assert_array_equal(image, photo)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (NLImage(), "width: 0, expected at least 1"),
        (NLImage(width=0, height=4, data=b"1234"), "width: 0, expected at least 1"),
        (NLImage(width=4, height=0, data=b"1234"), "height: 0, expected at least 1"),
        (NLImage(width=-2, height=2, data=b"1234"), "width: -2, expected at least 1"),
        (NLImage(width=-2, height=-2, data=b"1234"), "width: -2, expected at least 1"),
        (NLImage(width=2, height=-(2**31), data=b"1234"), "height: -2147483648, expected at least 1"),
        (
            NLImage(width=2, height=2, data=b"123"),
            "data: 3 bytes, expected 4 bytes: width 2 x height 2 x 1 channel (color is false)",
        ),
        (
            NLImage(width=2, height=2, data=b"12345"),
            "data: 5 bytes, expected 4 bytes: width 2 x height 2 x 1 channel (color is false)",
        ),
        (
            NLImage(width=2, height=2, data=b"1234", color=True),
            "data: 4 bytes, expected 12 bytes: width 2 x height 2 x 3 channels (color is true)",
        ),
        (NLImage(width=2, height=2), "data: 0 bytes, expected 4 bytes"),
        # 2**16 squared is 0 in 32 bits, and 2**31 squared times 4 would be 0 in 64.
        (NLImage(width=2**16, height=2**16), "data: 0 bytes, expected 4294967296 bytes"),
        (
            NLImage(width=INT32_MAX, height=INT32_MAX, data=b"1"),
            f"data: 1 bytes, expected {INT32_MAX**2} bytes",
        ),
        (
            NLImage(width=INT32_MAX, height=INT32_MAX, color=True, data=b"1"),
            f"data: 1 bytes, expected {3 * INT32_MAX**2} bytes",
        ),
    ],
)
@pytest.mark.parametrize("prefix", ["", "image."])
def test_what_is_no_image(message, error, prefix):
    with pytest.raises(InvalidImageError) as raised:
        nl_image.from_nl_image(message, prefix)
    assert str(raised.value).startswith(prefix + error)


def test_a_rotation_without_an_image():
    with pytest.raises(InvalidImageError, match="^image: missing, expected an NLImage$"):
        nl_image.rotate_request(NLImageRotateRequest(rotation="NINETY_DEG").SerializeToString())


@pytest.mark.parametrize("rotation", [4, -1, INT32_MAX])
def test_an_unknown_rotation(photo, rotation):
    request = NLImageRotateRequest(rotation=rotation, image=nl_image.to_nl_image(photo))
    with pytest.raises(
        InvalidParameterError, match=rf"^rotation: {rotation}, expected one of NONE \(0\), NINETY_DEG"
    ):
        nl_image.rotate_request(request.SerializeToString())


@given(body=st.binary(max_size=200))
def test_any_bytes_are_an_image_or_one_of_three_errors(body):
    for parse in (nl_image.mean_filter_request, nl_image.rotate_request):
        try:
            _, image = parse(body)
        except (DecodeError, InvalidInputError):
            continue
        assert image.size <= len(body)


def test_a_null_image_holds_the_message():
    message = NLImage.FromString(nl_image.null_image("width: 0 × 1"))
    assert (message.width, message.height, message.data.decode()) == (0, 0, "width: 0 × 1")
