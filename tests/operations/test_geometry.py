"""Moves of pixels against NumPy, on every instruction set this machine has."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgsvc
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import Crop, Pad, Rotate90
from imgsvc.operations.borders import BORDERS
from tests import reference
from tests.operations.images import CHANNELS, CHUNK_SHAPES, EDGE_SHAPES, THREADS, images, per_isa


class TestRotate90:
    @per_isa
    @given(image=images, turns=st.integers(-9, 9))
    def test_equals_the_reference(self, isa, image, turns):
        np.testing.assert_array_equal(imgsvc.rotate90(image, turns), reference.rotate90(image, turns))

    @pytest.mark.parametrize("shape", EDGE_SHAPES, ids=str)
    def test_block_edges_at_every_thread_count(self, isa, rng, shape):
        for channels, turns in itertools.product(CHANNELS, range(4)):
            image = rng.integers(0, 256, shape + channels, dtype=np.uint8)
            expected = reference.rotate90(image, turns)
            for num_threads in THREADS:
                result = imgsvc.rotate90(image, turns, num_threads=num_threads)
                np.testing.assert_array_equal(result, expected)

    @pytest.mark.parametrize("shape", CHUNK_SHAPES, ids=str)
    def test_chunk_edges(self, isa, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        for turns in range(4):
            np.testing.assert_array_equal(
                imgsvc.rotate90(image, turns, num_threads=2), reference.rotate90(image, turns)
            )

    def test_golden_vectors(self, isa):
        image = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
        assert imgsvc.rotate90(image).tolist() == [[3, 6], [2, 5], [1, 4]]
        assert imgsvc.rotate90(image, 2).tolist() == [[6, 5, 4], [3, 2, 1]]
        assert imgsvc.rotate90(image, 3).tolist() == [[4, 1], [5, 2], [6, 3]]
        assert imgsvc.rotate90(image, -1).tolist() == imgsvc.rotate90(image, 3).tolist()

    def test_no_turn_is_a_copy(self, isa, photo):
        result = imgsvc.rotate90(photo, 4)
        np.testing.assert_array_equal(result, photo)
        assert not np.shares_memory(result, photo)

    @pytest.mark.parametrize("turns", [1.0, "1", None])
    def test_turns_must_be_an_integer(self, photo, turns):
        with pytest.raises(InvalidParameterError, match=r"^turns: .*, expected an integer"):
            imgsvc.rotate90(photo, turns)

    @pytest.mark.parametrize("turns", range(4))
    def test_output_shape(self, photo, turns):
        assert Rotate90(turns).output_shape(photo.shape) == reference.rotate90(photo, turns).shape

    def test_turns_are_taken_modulo_4(self):
        assert Rotate90(5) == Rotate90(1) == Rotate90(-3)


class TestFlip:
    @per_isa
    @given(image=images, axis=st.integers(0, 1))
    def test_equals_numpy(self, isa, image, axis):
        np.testing.assert_array_equal(imgsvc.flip(image, axis), np.flip(image, axis))

    @pytest.mark.parametrize("shape", CHUNK_SHAPES, ids=str)
    def test_chunk_edges(self, isa, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        for axis in (0, 1):
            np.testing.assert_array_equal(imgsvc.flip(image, axis, num_threads=2), np.flip(image, axis))

    def test_every_remainder_of_a_row(self, isa, rng):
        for width, channels in itertools.product(range(1, 70), CHANNELS):
            image = rng.integers(0, 256, (2, width, *channels), dtype=np.uint8)
            np.testing.assert_array_equal(imgsvc.flip(image, 1), np.flip(image, 1))

    @pytest.mark.parametrize("axis", [2, -1, True, 1.0, None, "1"])
    def test_another_axis(self, photo, axis):
        with pytest.raises(
            InvalidParameterError, match="^axis: .*, expected an integer from 0 to 1: 0 turns"
        ):
            imgsvc.flip(photo, axis)


class TestTranspose:
    @per_isa
    @given(image=images)
    def test_equals_numpy(self, isa, image):
        np.testing.assert_array_equal(imgsvc.transpose(image), np.swapaxes(image, 0, 1))

    @pytest.mark.parametrize("shape", CHUNK_SHAPES, ids=str)
    def test_chunk_edges(self, isa, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        np.testing.assert_array_equal(imgsvc.transpose(image, num_threads=2), np.swapaxes(image, 0, 1))

    def test_strides_and_a_given_result(self, photo):
        view = photo[::-2, 3:]
        out = np.empty((view.shape[1], view.shape[0], *view.shape[2:]), np.uint8)
        assert imgsvc.transpose(view, out=out) is out
        np.testing.assert_array_equal(out, np.swapaxes(view, 0, 1))


class TestCrop:
    @per_isa
    @given(image=images, data=st.data())
    def test_equals_a_slice(self, isa, image, data):
        left = data.draw(st.integers(0, image.shape[1] - 1))
        top = data.draw(st.integers(0, image.shape[0] - 1))
        width = data.draw(st.integers(1, image.shape[1] - left))
        height = data.draw(st.integers(1, image.shape[0] - top))
        result = imgsvc.crop(image, left=left, top=top, width=width, height=height)
        np.testing.assert_array_equal(result, image[top : top + height, left : left + width])
        assert result.flags.c_contiguous
        assert not np.shares_memory(result, image)

    @pytest.mark.parametrize(
        ("rectangle", "message"),
        [
            ((0, 0, 65, 1), r"^left \+ width: 65, expected at most 64, the width of the image$"),
            ((60, 0, 5, 1), r"^left \+ width: 65, expected at most 64"),
            ((0, 97, 1, 1), r"^top \+ height: 98, expected at most 97, the height of the image$"),
            ((0, 1 << 62, 1, 1 << 62), r"^top \+ height: 9223372036854775808, expected at most 97"),
            ((-1, 0, 1, 1), "^left: -1, expected an integer from 0 to"),
            ((0, -1, 1, 1), "^top: -1, expected an integer from 0 to"),
            ((0, 0, 0, 1), "^width: 0, expected an integer from 1 to"),
            ((0, 0, 1, 0), "^height: 0, expected an integer from 1 to"),
            ((0, 0, 1, 10**30), "^height: 10+, expected an integer from 1 to"),
            ((0, 0, 1.0, 1), "^width: 1.0, expected an integer"),
            ((None, 0, 1, 1), "^left: nothing, expected a value: it has no default"),
        ],
    )
    def test_what_is_not_inside(self, photo, rectangle, message):
        left, top, width, height = rectangle
        with pytest.raises(InvalidParameterError, match=message):
            imgsvc.crop(photo, left=left, top=top, width=width, height=height)

    def test_output_shape(self):
        assert Crop(1, 2, 3, 4).output_shape((10, 10, 3)) == (4, 3, 3)
        assert Crop(1, 2, 3, 4).output_shape((10, 10)) == (4, 3)


ANY_LEVEL = (
    "expected a level of the image's values, 0 to 255 of 8 bits, or one for each channel, "
    "or a colour as '#ff8800' or 'orange'"
)
amounts = st.tuples(*[st.integers(0, 90)] * 4)


class TestPad:
    @pytest.mark.parametrize("border", BORDERS)
    @per_isa
    @given(image=images, amounts=amounts)
    def test_equals_the_reference(self, isa, border, image, amounts):
        left, top, right, bottom = amounts
        result = imgsvc.pad(image, left=left, top=top, right=right, bottom=bottom, border=border)
        np.testing.assert_array_equal(result, reference.pad(image, left, top, right, bottom, border))

    @pytest.mark.parametrize("border", BORDERS)
    @pytest.mark.parametrize("shape", [(2, 70000), (400, 300, 3)], ids=str)
    def test_chunk_edges(self, isa, rng, shape, border):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        for num_threads in THREADS:
            result = imgsvc.pad(
                image, left=70, top=3, right=500, bottom=1, border=border, num_threads=num_threads
            )
            np.testing.assert_array_equal(result, reference.pad(image, 70, 3, 500, 1, border))

    def test_golden_vectors(self, isa):
        row = np.array([[1, 2, 3]], np.uint8)
        expected = {
            "constant": [0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0],
            "replicate": [1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3],
            "reflect": [3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1],
            "reflect101": [1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3],
            "wrap": [3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1],
        }
        for border, values in expected.items():
            assert imgsvc.pad(row, left=4, right=4, border=border).tolist() == [values]

    def test_a_colour(self, isa):
        image = np.zeros((1, 1, 3), np.uint8)
        result = imgsvc.pad(image, right=1, top=1, fill=(10, 20, 30))
        assert result.tolist() == [[[10, 20, 30], [10, 20, 30]], [[0, 0, 0], [10, 20, 30]]]
        assert imgsvc.pad(image, left=1, fill=7).tolist() == [[[7, 7, 7], [0, 0, 0]]]
        np.testing.assert_array_equal(imgsvc.pad(image, left=1, fill=np.array([1, 2, 3]))[0, 0], [1, 2, 3])

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"left": -1}, "^left: -1, expected an integer from 0 to 1073741824$"),
            ({"top": 1.5}, "^top: 1.5, expected an integer from 0"),
            ({"right": 1 << 62}, "^right: 4611686018427387904, expected"),
            (
                {"right": 1 << 30},
                "^left, top, right, bottom: a result of 1073741888×97 pixels, expected at most",
            ),
            ({"right": 1 << 23, "bottom": 1 << 23}, "^left, top, right, bottom: .* and 1099511627776 bytes$"),
            (
                {"border": "mirror"},
                "^border: 'mirror', expected one of 'constant', 'replicate', 'reflect', 'refl",
            ),
            ({"border": None}, "^border: None, expected one of 'constant'"),
            (
                {"fill": 256},
                "^fill: 256, expected an integer from 0 to 255, the range of uint8, or one for each channel$",
            ),
            ({"fill": (1, 2)}, r"^fill: \(1, 2\), expected one level, or 3, one for each channel$"),
            ({"fill": (1, 2, -3)}, "^fill: -3, expected an integer from 0 to 255"),
            ({"fill": 0.5}, "^fill: 0.5, expected an integer"),
            ({"fill": ()}, rf"^fill: \(\), {ANY_LEVEL}$"),
            ({"fill": [0] * 100_000}, rf"^fill: \[0, 0, .*…, {ANY_LEVEL}$"),
            ({"fill": np.zeros((2, 2))}, rf"^fill: array\(.*, {ANY_LEVEL}$"),
            ({"fill": np.inf}, rf"^fill: inf, {ANY_LEVEL}$"),
            ({"fill": np.nan}, rf"^fill: nan, {ANY_LEVEL}$"),
            ({"fill": True}, rf"^fill: True, {ANY_LEVEL}$"),
            ({"fill": 1e39}, rf"^fill: 1e\+39, {ANY_LEVEL}$"),
        ],
    )
    def test_parameters_out_of_range(self, photo, parameters, message):
        with pytest.raises(InvalidParameterError, match=message):
            imgsvc.pad(photo, **parameters)

    def test_output_shape(self):
        assert Pad(1, 2, 3, 4).output_shape((10, 20, 3)) == (16, 24, 3)
