"""What is the same for every operation: which arrays it takes and gives, and with how many threads."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

import imgsvc
from imgsvc import _dispatch, operations
from imgsvc.errors import InvalidImageError, InvalidParameterError
from tests import builds
from tests.operations.every import EVERY, EXAMPLES
from tests.operations.images import MOST_VALUES, THREADS


@EVERY
class TestArrays:
    @pytest.mark.parametrize(
        "view",
        [
            lambda a: a[::-1],
            lambda a: a[:, ::-1],
            lambda a: a[..., ::-1],
            lambda a: a[::2, ::3],
            lambda a: a[5:40, 7:50],
            lambda a: a[..., 1],
            lambda a: a[..., :1],
            lambda a: a.transpose(1, 0, 2),
            np.asfortranarray,
            lambda a: np.broadcast_to(a[0], (5, *a.shape[1:])),
            lambda a: np.broadcast_to(a[0, 0], (3, 4, 3)),
            lambda a: a[:1, :1],
        ],
    )
    def test_any_strides_in_contiguous_out(self, isa, operation, photo, view):
        result = operation(view(photo))
        np.testing.assert_array_equal(result, operation(np.ascontiguousarray(view(photo))))
        assert result.flags.c_contiguous
        assert result.flags.writeable

    def test_a_read_only_image(self, operation, photo):
        expected = operation(photo)
        photo.flags.writeable = False
        np.testing.assert_array_equal(operation(photo), expected)

    def test_the_image_is_not_changed(self, operation, photo):
        before = photo.copy()
        operation(photo)
        np.testing.assert_array_equal(photo, before)

    def test_out_is_written_and_returned(self, operation, photo):
        expected = operation(photo)
        out = np.zeros_like(expected)
        assert operation(photo, out=out) is out
        np.testing.assert_array_equal(out, expected)

    def test_out_of_the_wrong_shape(self, operation, photo):
        with pytest.raises(InvalidImageError, match=r"^out: uint8 array of shape \(1, 1\), expected a uint8"):
            operation(photo, out=np.zeros((1, 1), np.uint8))

    def test_out_of_the_wrong_dtype(self, operation, photo):
        with pytest.raises(InvalidImageError, match="^out: float64 array of shape"):
            operation(photo, out=np.zeros(operation(photo).shape))

    def test_out_that_is_no_array(self, operation, photo):
        with pytest.raises(InvalidImageError, match="^out: list, expected a uint8 array of shape"):
            operation(photo, out=[])

    def test_out_that_is_strided(self, operation, photo):
        shape = operation(photo).shape
        with pytest.raises(InvalidImageError, match="^out: strided .*C-contiguous"):
            operation(photo, out=np.zeros((*shape[:-1], 2 * shape[-1]), np.uint8)[..., ::2])

    def test_out_that_is_read_only(self, operation, photo):
        out = np.zeros_like(operation(photo))
        out.flags.writeable = False
        with pytest.raises(InvalidImageError, match="^out: read-only, expected a writable"):
            operation(photo, out=out)

    def test_a_masked_array(self, operation):
        with pytest.raises(InvalidImageError, match="^image: a masked array, expected one without a mask: "):
            operation(np.ma.masked_equal(np.zeros((4, 4), np.uint8), 0))

    def test_out_that_overlaps(self, operation):
        memory = np.zeros(1 << 20, np.uint8)
        shape = operation.output_shape((8, 8, 3))
        for start in (0, 8 * 8 * 3 - 1):
            out = memory[start : start + math.prod(shape)].reshape(shape)
            with pytest.raises(InvalidImageError, match="^out: overlaps image"):
                operation(memory[: 8 * 8 * 3].reshape(8, 8, 3), out=out)

    @pytest.mark.parametrize(
        ("shape", "advice"),
        [
            ((4,), "reshape"),
            ((), "reshape"),
            ((4, 4, 2), r"image\[\.\.\., :3\]"),
            ((3, 40, 50), r"moveaxis\(image, 0, -1\)"),
            ((2, 4, 4, 3), "one by one"),
        ],
    )
    def test_another_rank_says_how_to_convert(self, operation, shape, advice):
        with pytest.raises(InvalidImageError, match=rf"^image.shape: .*expected shape \(H, W\).*{advice}"):
            operation(np.zeros(shape, np.uint8))

    @pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0, 3)])
    def test_an_empty_image(self, operation, shape):
        with pytest.raises(InvalidImageError, match="^image.shape: .*at least one row and one column"):
            operation(np.zeros(shape, np.uint8))

    def test_what_is_no_array(self, operation):
        with pytest.raises(InvalidImageError, match="^image: list, expected a NumPy array"):
            operation([[1, 2], [3, 4]])

    @pytest.mark.parametrize("num_threads", [0, -1, 257, 10**30, 1.5, "2"])
    def test_num_threads_out_of_range(self, operation, photo, num_threads):
        with pytest.raises(
            InvalidParameterError, match="^num_threads: .*, expected an integer from 1 to 256"
        ):
            operation(photo, num_threads=num_threads)

    def test_the_same_bytes_on_any_number_of_threads_and_any_instruction_set(
        self, operation, monkeypatch, rng
    ):
        for shape in [(97, 64, 3), (300, 1100, 4), (2000, 3, 1), (1, 200_000), (200_000, 1)]:
            if math.prod(operation.output_shape(shape)) > MOST_VALUES:
                continue
            image = rng.integers(0, 256, shape, dtype=np.uint8)
            results = set()
            for isa, num_threads in itertools.product(_dispatch.usable_isas(), THREADS):
                builds.use(monkeypatch, isa)
                results.add(operation(image, num_threads=num_threads).tobytes())
            assert len(results) == 1

    def test_the_shape_is_known_before(self, operation, photo):
        for image in (photo, photo[..., :1], photo[..., 0]):
            assert operation(image).shape == operation.output_shape(image.shape)

    def test_the_cost_grows_with_the_image(self, operation):
        assert 0 < operation.cost((100, 100, 3)) <= operation.cost((1000, 1000, 3))

    def test_it_is_frozen_and_comparable(self, operation):
        assert dataclasses.replace(operation) == operation
        assert hash(dataclasses.replace(operation)) == hash(operation)
        with pytest.raises(dataclasses.FrozenInstanceError):
            operation.anything = 1


TWELVE_BITS = "if 4095 is white, imgsvc.convert((image / 4095).astype(numpy.float32)) makes it 255"
EIGHT_BITS = "if 255 is white, imgsvc.convert(image / 255) makes it 255"
FROM = "imgsvc.convert(image) makes 0 to 255 of 0 to"


@pytest.mark.parametrize("operation", [each for each in EXAMPLES if not each.deep], ids=str)
@pytest.mark.parametrize(
    ("image", "advice"),
    [
        (np.full((4, 4), True), "image.astype(numpy.uint8) * 255 converts a mask"),
        (
            np.full((4, 4), 7, np.uint16),
            "values here are from 7 to 7: image.astype(numpy.uint8) keeps them all",
        ),
        (
            np.array([[9, 3000]], np.uint16),
            f"values here are from 9 to 3000: {FROM} 65535, so that these end at 12; {TWELVE_BITS}",
        ),
        (np.array([[0, 65535]], np.uint16), f"values here are from 0 to 65535: {FROM} 65535"),
        (
            np.array([[0, 40000]]),
            f"values here are from 0 to 40000: {FROM.replace('image', 'image.astype(numpy.uint16)')} 65535",
        ),
        (
            np.array([[-5, 70000]]),
            "values here are from -5 to 70000: imgsvc.convert takes it scaled to floats from 0 to 1",
        ),
        (np.ones((4, 4), np.float32), f"{FROM} 1"),
        (np.ones((4, 4)), "imgsvc.convert(image.astype(numpy.float32)) makes 0 to 255 of 0 to 1"),
        (
            np.array([[0, np.nan, 200]], np.float32),
            f"{FROM} 1 and cuts off the rest; values here are from 0 to 200: {EIGHT_BITS}",
        ),
        (
            np.array([[-1.5, 2]], np.float32),
            f"{FROM} 1 and cuts off the rest; values here are from -1.5 to 2",
        ),
        (np.full((2, 2), np.nan, np.float32), f"{FROM} 1, and 0 of NaN, which all values here are"),
        (np.zeros((2, 2), complex), "imgsvc.convert takes it scaled to floats from 0 to 1"),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_another_dtype_says_what_converts_it_and_its_range(operation, image, advice):
    with pytest.raises(InvalidImageError) as caught:
        operation(image)
    assert str(caught.value) == f"image.dtype: {image.dtype}, expected uint8: {advice}"


@pytest.mark.parametrize("operation", [each for each in EXAMPLES if each.deep], ids=str)
@pytest.mark.parametrize(
    ("image", "advice"),
    [
        (np.full((4, 4), 7), "values here are from 7 to 7: image.astype(numpy.uint8) keeps them all"),
        (
            np.full((4, 4), 700, ">u2"),
            "values here are from 700 to 700: image.astype(numpy.uint16) keeps them all",
        ),
        (np.ones((4, 4)), "image.astype(numpy.float32) rounds to 24 bits, and keeps the range"),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")),
)
def test_what_no_operation_takes(operation, image, advice):
    with pytest.raises(InvalidImageError) as caught:
        operation(image)
    expected = f"one of uint8, uint16, float32: {advice}"
    assert str(caught.value) == f"image.dtype: {image.dtype}, expected {expected}"


def test_the_advice_holds():
    """What an error advises does to white what it says."""
    twelve = np.array([[0, 3000, 4095]], np.uint16)
    assert imgsvc.convert((twelve / 4095).astype(np.float32)).tolist() == [[0, 187, 255]]
    assert imgsvc.convert(twelve).max() == 16
    floats = np.array([[0, 255]], np.float32)
    assert imgsvc.convert(floats / 255).tolist() == [[0, 255]]


def test_every_operation_has_an_example():
    """What is tested for `EVERY` is tested for all that there are."""
    classes = {
        item
        for item in vars(operations).values()
        if isinstance(item, type) and issubclass(item, operations.Operation)
    }
    assert classes - {operations.Operation} == {type(example) for example in EXAMPLES}


def test_what_an_object_says_is_asked_each_time(photo):
    """Of numbers and strings alone it is known that they stay what they are."""

    class Radius:
        value = 1

        def __index__(self):
            return self.value

    radius = Radius()
    expected = [imgsvc.box_blur(photo, 1), imgsvc.box_blur(photo, 3)]
    np.testing.assert_array_equal(imgsvc.box_blur(photo, radius), expected[0])
    radius.value = 3
    np.testing.assert_array_equal(imgsvc.box_blur(photo, radius), expected[1])


def test_what_cannot_be_shown_is_refused_all_the_same(photo):
    """Python does not print integers of so many digits."""
    message = "^{}: something of type int, expected "
    with pytest.raises(InvalidParameterError, match=message.format("radius")):
        imgsvc.box_blur(photo, 10**5000)
    with pytest.raises(InvalidParameterError, match=message.format("gamma")):
        imgsvc.gamma(photo, 10**5000)
    with pytest.raises(InvalidParameterError, match=message.format("num_threads")):
        imgsvc.invert(photo, num_threads=10**5000)
