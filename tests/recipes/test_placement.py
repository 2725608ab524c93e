"""Where an image is in what was made of it."""

import numpy as np
import pytest

import imgsvc
from imgsvc import Placement
from imgsvc.errors import InvalidParameterError
from imgsvc.processing.describe import describe
from tests import v1
from tests.processes import serving


def marked(row, column):
    image = np.zeros((30, 40), np.uint8)
    image[row, column] = 255
    return image


@pytest.mark.parametrize(
    "text",
    [
        *(f"rotate90 {turns}" for turns in range(4)),
        "flip 0",
        "flip 1",
        "transpose",
        "crop left=3 top=2 width=30 height=25",
        "pad left=3 top=5 right=1",
        "rotate90 1 | crop 28x38 northeast | flip 0 | pad top=3",
        "transpose | rotate90 3 | flip 1",
        "rotate 90",
        "rotate -90 expand=false resample=nearest",
        "rotate 30",
        "rotate 30 | crop 40x40 | rotate -30 expand=false",
        "warp_affine [[1,0.25,3],[0,1,-2]] resample=nearest",
        "warp_affine [[2,0,0],[0,2,0]] width=90 height=70 | warp_affine [[0.5,0,0],[0,0.5,0]]",
    ],
)
def test_each_pixel_is_where_its_centre_is(text):
    for row, column in [(9, 17), (20, 13)]:
        result = imgsvc.process(marked(row, column), text)
        y, x = np.average(np.argwhere(result.array), axis=0, weights=result.array[result.array > 0])
        near = 0.5 if "rotate 30" in text or "nearest" in text else 1e-9
        placement, centre = result.placement, [column + 0.5, row + 0.5]
        np.testing.assert_allclose(placement.to_result(centre), [x + 0.5, y + 0.5], atol=near)
        np.testing.assert_allclose(placement.to_source([x + 0.5, y + 0.5]), centre, atol=near)


@pytest.mark.parametrize(
    ("text", "scale", "offset"),
    [
        ("resize 20x", (0.5, 0.5), (0, 0)),
        ("resize 80x30", (2, 1), (0, 0)),
        ("resize 20x20 cover east", (2 / 3, 2 / 3), (-7, 0)),
        ("resize 20x20 contain", (0.5, 0.5), (0, 2)),
        ("letterbox 80x80", (2, 2), (0, 10)),
        ("letterbox 80x80 | crop 60x60 southeast", (2, 2), (-20, -10)),
        ("crop 10x10 | resize 40x40", (4, 4), (-60, -40)),
    ],
)
def test_scales_and_offsets(text, scale, offset):
    placement = imgsvc.process(marked(0, 0), text).placement
    assert (placement.source_width, placement.source_height) == (40, 30)
    # The sides of cover are whole pixels, so their ratios are not just those that were asked for.
    np.testing.assert_allclose(placement.scale, scale, rtol=0.02)
    assert placement.offset == offset


def test_of_a_file_that_is_decoded_smaller_and_of_several_outputs():
    path = "examples/photo.jpg"
    outputs = imgsvc.process_outputs(
        path, "letterbox 64x64", outputs={"a": imgsvc.Output("png"), "b": imgsvc.Output(pipeline="flip 1")}
    )
    described = describe(path)
    for result in outputs.values():
        assert (result.placement.source_width, result.placement.source_height) == (
            described.width,
            described.height,
        )
    corners = [[0, 0], [described.width, described.height]]
    height = 64 * described.height / described.width
    top = (64 - height) / 2
    np.testing.assert_allclose(
        outputs["a"].placement.to_result(corners), [[0, top], [64, top + height]], atol=1
    )
    np.testing.assert_allclose(
        outputs["b"].placement.to_result(corners), [[64, top], [0, top + height]], atol=1
    )


def test_nothing_moved():
    assert imgsvc.process(marked(1, 1), "mean | flip 1 | flip 1").placement == Placement(40, 30)


@pytest.mark.parametrize("points", [1, [1], [[1, 2, 3]], "ab", None, [[1, 2], [3]]])
def test_no_points(points):
    with pytest.raises(InvalidParameterError, match=r"^points: .*, expected an array of shape \(\.\.\., 2\)"):
        Placement(4, 3).to_source(points)


def test_turns_are_exact():
    """The angle's sine and cosine are computed with integers, on every machine the same."""
    half = imgsvc.process(marked(1, 1), "rotate 30 expand=false").placement.matrix
    assert (half[1], -half[3]) == (0.5, 0.5)
    assert half[0] == half[4] == 0.8660254037844386  # of half the square root of 3, the nearest
    quarter = imgsvc.process(marked(1, 1), "rotate 90 expand=false").placement.matrix
    assert quarter == (0, 1, 5, -1, 0, 35)


@pytest.mark.parametrize("matrix", [(1.0, 2.0, 0.0, 2.0, 4.0, 0.0), (float("nan"), 0, 0, 0, 1, 0)])
def test_no_way_back(matrix):
    with pytest.raises(InvalidParameterError, match=r"^matrix: \(.*\), expected one that can be inverted$"):
        Placement(4, 3, matrix).to_source([0, 0])


def test_the_way_back_of_what_is_much_smaller():
    text = "warp_affine [[1e-200,0,0],[0,1e-200,0]] width=1 height=1"
    placement = imgsvc.process(marked(1, 1), text).placement
    np.testing.assert_allclose(placement.to_source([1.5, 0.5]), [1e200, 0])


def test_a_server_says_the_same(photo):
    with serving() as server, imgsvc.Client(server.target) as client:
        for image in (photo, v1.encoded(photo)):
            for text in ("letterbox 50x70 | rotate90 1", "invert", "crop 9x9", "rotate 17"):
                assert client.process(image, text).placement == imgsvc.process(image, text).placement
        [(_, batch)] = client.process_many([("a", photo)], "letterbox 50x70")
        assert batch.placement == imgsvc.process(photo, "letterbox 50x70").placement
