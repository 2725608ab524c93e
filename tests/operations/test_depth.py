"""Depths of pixels: every integer there is, and floats against fractions."""

import fractions
import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgsvc
from imgsvc.errors import InvalidImageError, InvalidParameterError
from tests.operations.images import CHANNELS, per_isa

BYTES = np.arange(256, dtype=np.uint8).reshape(16, 16)
WORDS = np.arange(65536, dtype=np.uint16).reshape(256, 256)


def test_integers_are_exact(isa):
    expected = [round(fractions.Fraction(255 * word, 65535)) for word in range(65536)]
    assert imgsvc.convert(WORDS).ravel().tolist() == expected
    assert imgsvc.convert(BYTES, "uint16").ravel().tolist() == [257 * byte for byte in range(256)]


@pytest.mark.parametrize("image", [BYTES, WORDS], ids=["uint8", "uint16"])
def test_integers_come_back_from_floats(isa, image):
    floats = imgsvc.convert(image, "float32")
    largest = np.iinfo(image.dtype).max
    np.testing.assert_array_equal(floats, (image / np.float64(largest)).astype(np.float32))
    np.testing.assert_array_equal(imgsvc.convert(floats, image.dtype.name), image)


def test_bytes_come_back_from_words():
    np.testing.assert_array_equal(imgsvc.convert(imgsvc.convert(BYTES, "uint16")), BYTES)


@per_isa
@given(
    image=hnp.arrays(np.float32, (3, 5), elements=st.floats(width=32) | st.floats(0, 1, width=32)),
    to=st.sampled_from([("uint8", 255), ("uint16", 65535)]),
)
def test_floats_are_rounded_once(isa, image, to):
    dtype, largest = to
    result = imgsvc.convert(image, dtype)
    assert result.dtype == dtype
    for value, got in zip(image.ravel().tolist(), result.ravel().tolist(), strict=True):
        inside = 0.0 if math.isnan(value) else min(max(value, 0.0), 1.0)
        assert got == round(fractions.Fraction(inside) * largest)


def test_ties_are_even(isa):
    """(2 k + 1) / 510 is no float; of 65535 halves are: 0.5 is 32767.5."""
    image = np.array([[0.5, -0.0, np.inf, -np.inf, np.nan]], np.float32)
    assert imgsvc.convert(image, "uint16").tolist() == [[32768, 0, 65535, 0, 0]]
    assert imgsvc.convert(image, "uint8").tolist() == [[128, 0, 255, 0, 0]]


@pytest.mark.parametrize(("dtype", "largest"), [("uint8", 255), ("uint16", 65535)])
def test_floats_beside_ties(isa, dtype, largest):
    """What is half of a level, rounded to a float, and the floats on both sides of it."""
    halves = ((np.arange(largest) + 0.5) / largest).astype(np.float32)[None]
    for image in (halves, np.nextafter(halves, np.float32(1)), np.nextafter(halves, np.float32(0))):
        exact = image.astype(np.float64) * largest  # 24 bits and 16
        np.testing.assert_array_equal(imgsvc.convert(image, dtype), np.rint(exact))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_same_dtype_is_copied(dtype):
    image = np.array([[3, 1], [0, 2]], dtype)
    result = imgsvc.convert(image, dtype)
    np.testing.assert_array_equal(result, image)
    assert result is not image


@pytest.mark.parametrize("channels", CHANNELS, ids=str)
@pytest.mark.parametrize("size", [(1, 1), (3, 30000), (30000, 3), (1, 200_000), (130, 513)])
def test_chunks_cover_the_image(isa, rng, size, channels):
    image = rng.integers(0, 65536, size + channels, dtype=np.uint16)
    np.testing.assert_array_equal(imgsvc.convert(image), ((image.astype(int) + 128) // 257))
    np.testing.assert_array_equal(
        imgsvc.convert(image[::-1, ::2]), ((image[::-1, ::2].astype(int) + 128) // 257)
    )


@pytest.mark.parametrize("dtype", ["int64", "uint32", "", 3, None, np.uint8])
def test_another_dtype_is_refused(dtype):
    with pytest.raises(
        InvalidParameterError, match="^dtype: .*, expected one of 'uint8', 'uint16', 'float32'$"
    ):
        imgsvc.convert(BYTES, dtype)


@pytest.mark.parametrize("dtype", ["float64", "int16", ">u2", "bool"])
def test_an_image_of_another_dtype_is_refused(dtype):
    with pytest.raises(InvalidImageError, match="^image.dtype: .*, expected one of uint8, uint16, float32: "):
        imgsvc.convert(np.zeros((3, 4), dtype))


def test_out_of_another_dtype_is_refused():
    with pytest.raises(InvalidImageError) as caught:
        imgsvc.convert(WORDS, out=np.zeros_like(WORDS))
    assert str(caught.value) == (
        "out: uint16 array of shape (256, 256), expected a uint8 array of shape (256, 256)"
    )
