import numpy as np
import pytest

import imgsvc
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import Letterbox


@pytest.mark.parametrize("shape", [(30, 40), (40, 30, 1), (9, 100, 3), (7, 7, 4)], ids=str)
@pytest.mark.parametrize("enlarge", [True, False])
def test_it_is_resize_upon_a_canvas(rng, shape, enlarge):
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    for position, alpha in (("center", "weighted"), ("northwest", "channel"), ((0.25, 0.75), "weighted")):
        how = {"resample": "bicubic", "alpha": alpha, "position": position, "enlarge": enlarge}
        result = imgsvc.letterbox(image, 64, 48, **how)
        expected = imgsvc.resize(image, width=64, height=48, fit="contain", background=(114,) * 3, **how)
        np.testing.assert_array_equal(result, expected)


def test_golden_vectors():
    image = np.array([[10, 50]], np.uint8)
    bars = [114] * 4
    # Twice as large: weights of 1/4 and 3/4 between the two.
    assert imgsvc.letterbox(image, 4, 4).tolist() == [bars, [10, 20, 40, 50], [10, 20, 40, 50], bars]
    # Of three free rows one is above, and the free column is on the right.
    assert imgsvc.letterbox(image, 3, 4, 7, enlarge=False).tolist() == [
        [7, 7, 7], [10, 50, 7], [7, 7, 7], [7, 7, 7]
    ]  # fmt: skip
    # The mean of two by their alphas: (200 * 255 + 100 * 85) / 340 and (80 * 85) / 340.
    row = np.array([[[200, 0, 0, 255], [100, 80, 0, 85]]], np.uint8)
    assert imgsvc.letterbox(row, 1, 3, (1, 2, 3, 4), resample="box").tolist() == [
        [[1, 2, 3, 4]], [[175, 20, 0, 170]], [[1, 2, 3, 4]]
    ]  # fmt: skip


def test_where_the_image_is(rng):
    image = rng.integers(0, 256, (20, 40, 3), dtype=np.uint8)
    result = imgsvc.letterbox(image, 40, 31, "red")
    np.testing.assert_array_equal(result[5:25], image)  # of 11 rows that are free, 5 are above
    assert (np.delete(result, np.s_[5:25], 0) == (255, 0, 0)).all()


def test_deep_images(rng):
    image = rng.integers(0, 65536, (20, 40), dtype=np.uint16)
    result = imgsvc.letterbox(image, 20, 20, 65535, resample="nearest")
    np.testing.assert_array_equal(result[5:15], imgsvc.resize(image, width=20, height=10, resample="nearest"))
    assert (np.delete(result, np.s_[5:15], 0) == 65535).all()


@pytest.mark.parametrize(("dtype", "gray", "most"), [("uint16", 114 * 257, 65535), ("float32", 114 / 255, 1)])
def test_its_gray_is_opaque_at_every_depth(dtype, gray, most):
    result = imgsvc.letterbox(np.zeros((2, 4, 4), dtype), 4, 4, resample="nearest")
    np.testing.assert_array_equal(result[0, 0], np.array([gray, gray, gray, most], dtype))
    flat = imgsvc.process(np.zeros((2, 4, 4), np.uint8), "letterbox 4x4 | flatten").array
    assert flat[0, 0].tolist() == [114] * 3


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"width": 0}, "width: 0, expected an integer from 1 to 1073741824"),
        ({"height": None}, "height: None, expected an integer from 1 to 1073741824"),
        ({"fill": 256}, "fill: 256, expected an integer from 0 to 255, the range of uint8, or one for each"),
        ({"fill": (1, 2)}, "fill: (1, 2), expected one level, or 3, one for each channel"),
        ({"fill": "gren"}, "fill: 'gren', expected a colour as '#ff8800' or 'orange', or levels"),
        ({"resample": "linear"}, "resample: 'linear', expected one of "),
        ({"position": "up"}, "position: 'up', expected one of "),
        ({"position": "attention"}, "position: 'attention', expected one of 'center', "),
        ({"enlarge": 1}, "enlarge: 1, expected true or false"),
    ],
)
def test_what_it_refuses(photo, values, error):
    with pytest.raises(InvalidParameterError) as caught:
        imgsvc.letterbox(photo, **{"width": 9, "height": 9, **values})
    assert str(caught.value).startswith(error)


def test_its_text():
    pipeline = imgsvc.Pipeline("letterbox 640x480 northwest fill=black")
    assert pipeline.operations == (Letterbox(640, 480, "black", position="northwest"),)
    assert imgsvc.Pipeline(str(pipeline)) == pipeline
