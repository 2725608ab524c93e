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


def message_of(image):
    color = image.shape[2:] == (3,)
    return NLImage(color=color, data=image.tobytes(), width=image.shape[1], height=image.shape[0])


@pytest.mark.parametrize(
    "shape", [(1, 1), (2, 3, 1), (1, 127), (1, 128), (129, 127), (200, 300, 3), (1, 2, 1)], ids=str
)
class TestDrafts:
    def test_an_image_is_the_bytes_of_its_message(self, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        draft = nl_image.draft_image(shape)
        draft.pixels[...] = image
        assert draft.finish() == message_of(image).SerializeToString()
        np.testing.assert_array_equal(nl_image.read_answer(draft.finish()), squeezed(image))

    @pytest.mark.parametrize("turns", range(4))
    def test_a_rotate_request_is_the_bytes_of_its_message(self, rng, shape, turns):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        draft = nl_image.draft_rotate_request(Rotate90(turns), shape)
        draft.pixels[...] = image
        request = NLImageRotateRequest(rotation=turns, image=message_of(image))
        assert draft.finish() == request.SerializeToString()


def squeezed(image):
    return image[..., 0] if image.shape[2:] == (1,) else image


def test_the_bytes_of_an_image_are_no_others_while_they_are_written():
    """Bytes of the same content may be one object in Python; those that are still written must not be."""
    first, second = nl_image.draft_image((1, 1)), nl_image.draft_image((1, 1))
    first.pixels[:], second.pixels[:] = 1, 2
    assert first.finish() != second.finish()
    assert bytes([1]) == b"\x01"
    assert bytes([2]) == b"\x02"


def test_requests_become_operations(photo):
    message = message_of(photo)
    asked = nl_image.mean_filter_request(message.SerializeToString())
    assert asked.operation == MeanFilter()
    np.testing.assert_array_equal(asked.image, photo)
    for turns, rotation in enumerate(NLImageRotateRequest.Rotation.keys()):
        request = NLImageRotateRequest(rotation=rotation, image=message)
        asked = nl_image.rotate_request(request.SerializeToString())
        assert asked.operation == Rotate90(turns)
        np.testing.assert_array_equal(asked.image, photo)


@pytest.mark.parametrize("shape", [(1, 1), (200, 300, 3)])
def test_the_pixels_of_a_request_stay_where_they_are(rng, shape):
    message = message_of(rng.integers(0, 256, shape, dtype=np.uint8))
    for parse, request in (
        (nl_image.mean_filter_request, message),
        (nl_image.rotate_request, NLImageRotateRequest(image=message)),
    ):
        body = request.SerializeToString()
        image = parse(body).image
        assert np.shares_memory(image, np.frombuffer(body, np.uint8))
        assert not image.flags.writeable


PIXELS_ALONE = "this contract carries pixels; send files to imgsvc.v1 Process"


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
        (
            NLImage(width=2, height=2, data=b"\x89PNG\r\n\x1a\nwhat follows"),
            f"data: looks like a PNG file: {PIXELS_ALONE}, expected 4 bytes: width 2 x height 2 x 1",
        ),
        (
            NLImage(data=b"\xff\xd8\xff\xe0what follows"),
            f"data: looks like a JPEG file: {PIXELS_ALONE}, expected pixels, with their width and height",
        ),
        (
            NLImage(width=2, height=2, data=b"iVBORw0KGgoAAAANSUhEUg"),
            f"data: looks like a PNG file in base64: {PIXELS_ALONE}, expected 4 bytes",
        ),
        (
            NLImage(width=2, height=2, data=b"data:image/png;base64,"),
            f"data: looks like a file in a data URL: {PIXELS_ALONE}, expected 4 bytes",
        ),
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
def test_what_is_no_image(message, error):
    with pytest.raises(InvalidImageError) as raised:
        nl_image.mean_filter_request(message.SerializeToString())
    assert str(raised.value).startswith(error)
    with pytest.raises(InvalidImageError) as raised:
        nl_image.rotate_request(NLImageRotateRequest(image=message).SerializeToString())
    assert str(raised.value).startswith("image." + error)


def test_a_rotation_without_an_image():
    with pytest.raises(InvalidImageError, match="^image: missing, expected an NLImage$"):
        nl_image.rotate_request(NLImageRotateRequest(rotation="NINETY_DEG").SerializeToString())


@pytest.mark.parametrize("rotation", [4, -1, INT32_MAX])
def test_an_unknown_rotation(photo, rotation):
    request = NLImageRotateRequest(rotation=rotation, image=message_of(photo))
    with pytest.raises(
        InvalidParameterError, match=rf"^rotation: {rotation}, expected one of NONE \(0\), NINETY_DEG"
    ):
        nl_image.rotate_request(request.SerializeToString())


@given(body=st.binary(max_size=200))
def test_any_bytes_are_an_image_or_one_of_three_errors(body):
    for parse in (nl_image.mean_filter_request, nl_image.rotate_request):
        try:
            image = parse(body).image
        except (DecodeError, InvalidInputError):
            continue
        assert image.size <= len(body)


def test_a_null_image_holds_the_message():
    body = nl_image.null_image("width: 0 × 1")
    message = NLImage.FromString(body)
    assert (message.width, message.height, message.data.decode()) == (0, 0, "width: 0 × 1")
    assert nl_image.read_answer(body) == "width: 0 × 1"


def test_of_a_null_image_without_end_the_beginning_is_read():
    assert nl_image.read_answer(nl_image.null_image("x" * 10**6)) == "x" * nl_image.MAX_REASON
