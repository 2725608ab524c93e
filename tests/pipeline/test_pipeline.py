"""Pipelines as values, made of operations and of data, and run."""

import doctest
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgsvc
from imgsvc import Pipeline, operations
from imgsvc._stop import Stop
from imgsvc.errors import InvalidImageError, InvalidParameterError, StoppedError
from imgsvc.operations import OPERATIONS, GaussianBlur, Invert, Lut, MeanFilter, Resize, Rotate90
from imgsvc.pipeline import MAX_OPERATIONS
from tests.operations.every import EXAMPLES

PIPELINE = Pipeline("mean | rotate90 | resize width=20 resample=lanczos | blur 2 | gamma 0.5")


def test_each_operation_is_there_by_the_name_of_its_function():
    classes = {type(example) for example in EXAMPLES}
    assert {operation.name: operation for operation in classes} == OPERATIONS
    for name in OPERATIONS:
        assert getattr(imgsvc, name) is getattr(operations, name)


@given(st.lists(st.sampled_from(EXAMPLES), max_size=20))
def test_data_there_and_back(several):
    pipeline = Pipeline(several)
    assert pipeline.operations == tuple(several)
    assert Pipeline.from_data(pipeline.to_data()) == pipeline
    assert Pipeline.from_json(pipeline.to_json()) == pipeline
    assert pickle.loads(pickle.dumps(pipeline)) == pipeline
    assert len({pipeline, Pipeline(several)}) == 1


def test_data():
    pipeline = Pipeline([Resize(width=800, resample="lanczos"), MeanFilter(), Lut(bytes(512) + bytes(256))])
    assert pipeline.to_data() == [
        {"resize": {"width": 800, "resample": "lanczos"}},
        {"mean_filter": {}},
        {"lut": {"table": [[0] * 256] * 3}},
    ]
    assert json.loads(pipeline.to_json()) == pipeline.to_data()


def test_what_a_pipeline_is_made_of():
    expected = (Invert(), Rotate90(), GaussianBlur(2))
    for described in (
        "invert | rotate90 | blur 2",
        [Invert(), "rotate 90 | blur 2"],
        ({"invert": {}}, {"rotate90": {"turns": 1}}, GaussianBlur(2)),
        iter(expected),
    ):
        assert Pipeline(described).operations == expected
    assert Pipeline(Invert()).operations == (Invert(),)
    assert Pipeline().operations == ()


@pytest.mark.parametrize(
    ("described", "error"),
    [
        (3, "operations: 3, expected a text, an operation, or several of them in a list"),
        (
            {"invert": {}},
            "operations: {'invert': {}}, expected a text, an operation, or several of them in a list",
        ),
        ([3], 'operations[0]: 3, expected an operation, as {"resize": {"width": 800}} is one'),
        (["invert", {}], 'operations[1]: {}, expected an operation, as {"resize": {"width": 800}} is one'),
        (
            [{"resize": 3}],
            'operations[0].resize: 3, expected its parameters by their names, as {"width": 800}',
        ),
        ([{3: {}}], "operations[0]: 3, expected an operation; `imgsvc-client operations` lists all"),
        (
            "invert | resise 3",
            (
                "operations[1]: 'resise', expected an operation, such as resize, transpose, trim; "
                "`imgsvc-client operations` lists all"
            ),
        ),
        (
            "resize widht=3",
            (
                "operations[0].resize: 'widht', expected perhaps 'width', or a parameter: width, "
                "height, resample, alpha, fit, position, enlarge, background, scale"
            ),
        ),
        (
            [{"resize": {3: 4}}],
            (
                "operations[0].resize: 3, expected a parameter: width, height, resample, alpha, fit, "
                "position, enlarge, background, scale"
            ),
        ),
        ([{"invert": {"x": 4}}], "operations[0].invert: 'x', expected no parameters"),
        ("crop 3 top=1", "operations[0].crop.width: nothing, expected a value: it has no default"),
        (
            "invert | invert | resize 0",
            (
                "operations[2].resize.width: 0, expected an integer from 1 to 1073741824; "
                "leave it out to keep the aspect ratio"
            ),
        ),
        ([Invert()] * 65, "operations: more, expected at most 64"),
        ("|".join(["invert"] * 5000), "operations: more, expected at most 64"),
    ],
)
def test_what_is_no_pipeline(described, error):
    with pytest.raises(InvalidParameterError) as caught:
        Pipeline(described)
    assert str(caught.value).removesuffix("resize, rotate90, sharpen, threshold") == error


@pytest.mark.parametrize("text", ["", "[", "[" * 60000, "1" * 5000, b"\xff", '[{"invert": NaN}]', '{"a": 1}'])
def test_what_is_no_json_of_a_pipeline(text):
    with pytest.raises(InvalidParameterError, match=r"^(pipeline|operations|operations\[0\]\.invert): "):
        Pipeline.from_json(text)


def test_json_beyond_reason():
    with pytest.raises(InvalidParameterError, match="^pipeline: 65537 characters, expected at most 65536$"):
        Pipeline.from_json(" " * 65537)


def test_as_many_as_there_may_be(photo):
    pipeline = Pipeline("mean | invert | " * (MAX_OPERATIONS // 2 - 1) + "mean | invert")
    expected = photo
    for operation in pipeline.operations:
        expected = operation(expected)
    np.testing.assert_array_equal(pipeline.run(photo), expected)


def test_without_operations_the_image_is_copied(photo):
    result = Pipeline().run(photo[:, ::-1])
    np.testing.assert_array_equal(result, photo[:, ::-1])
    assert not np.may_share_memory(result, photo)


def test_any_strides_in_contiguous_out(photo):
    for view in (photo[::-1], photo[::2, ::3], photo[..., 1], np.asfortranarray(photo)):
        result = PIPELINE.run(view)
        np.testing.assert_array_equal(result, PIPELINE.run(np.ascontiguousarray(view)))
        assert result.flags.c_contiguous


def test_out_is_written_and_returned_and_the_image_left_alone(photo):
    before = photo.copy()
    expected = PIPELINE.run(photo)
    out = np.zeros_like(expected)
    assert PIPELINE.run(photo, out=out) is out
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(photo, before)


def test_what_cannot_be_run(photo):
    with pytest.raises(
        InvalidImageError, match="^image.dtype: float64, expected one of uint8, uint16, float32: "
    ):
        PIPELINE.run(photo / 2)
    with pytest.raises(
        InvalidImageError, match=r"^out: uint8 array of shape \(1, 1\), expected a uint8 array"
    ):
        PIPELINE.run(photo, out=np.zeros((1, 1), np.uint8))
    with pytest.raises(InvalidImageError, match="^out: overlaps image"):
        Pipeline("invert").run(photo, out=photo)
    with pytest.raises(InvalidParameterError, match="^num_threads: 0, expected an integer from 1 to 256"):
        PIPELINE.run(photo, num_threads=0)
    with pytest.raises(InvalidParameterError) as caught:
        Pipeline("rotate90 | crop 0 top=0 width=98 height=1").run(photo)
    assert str(caught.value) == (
        "operations[1].crop.left + width: 98, expected at most 97, the width of the image"
    )


def test_stopping(photo):
    stop = Stop()
    stop.cancel()
    for pipeline in (PIPELINE, Pipeline()):
        with pytest.raises(StoppedError, match="^cancelled before the result was ready$"):
            pipeline.run(photo, stop=stop)
    with pytest.raises(StoppedError, match="^not ready by its deadline$"):
        PIPELINE.run(photo, stop=Stop(0))


def test_deep_pixels(rng):
    image = rng.integers(0, 65536, (30, 40, 3), dtype=np.uint16)
    pipeline = Pipeline("convert uint16 | convert float32 | convert | blur 1 | invert | convert float32")
    expected = imgsvc.convert(imgsvc.invert(imgsvc.gaussian_blur(imgsvc.convert(image), 1)), "float32")
    plan = pipeline.plan(image.shape, "uint16")
    assert [step.dtype for step in plan.steps] == ["float32", "uint8", "uint8", "uint8", "float32"]
    assert plan.buffer_bytes == image.size * (4 + 1)
    out = np.empty(plan.shape, plan.dtype)
    assert pipeline.run(image, out=out) is out
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(Pipeline().run(image), image)
    with pytest.raises(InvalidImageError, match="^out: uint8 array of shape .*, expected a float32 array"):
        pipeline.run(image, out=np.empty(image.shape, np.uint8))


def test_deep_pixels_where_bytes_are_asked_for(rng):
    image = np.zeros((30, 40, 3), np.float32)
    with pytest.raises(InvalidParameterError) as caught:
        Pipeline("convert uint16 | mean").run(image)
    assert str(caught.value) == (
        "operations[1].mean_filter.image.dtype: uint16, expected uint8: put convert dtype=uint8 before it"
    )
    with pytest.raises(InvalidParameterError, match="^dtype: int64, expected one of uint8, uint16, float32$"):
        Pipeline().plan((3, 4), "int64")


def test_the_example_in_the_docstring():
    (test,) = doctest.DocTestFinder(recurse=False).find(
        Pipeline, "Pipeline", globs={"np": np, "Pipeline": Pipeline}
    )
    assert doctest.DocTestRunner().run(test) == (0, 5)


class TestJoining:
    def test_pipelines_operations_and_texts(self):
        expected = Pipeline("mean | resize width=8 | invert")
        first, second, third = MeanFilter(), Resize(width=8), Invert()
        assert first | second | third == expected
        assert Pipeline(first) | Pipeline([second, third]) == expected
        assert "mean" | (second | third) == expected
        assert "mean" | second | "invert" == expected
        assert first | "resize width=8 | invert" == expected
        assert first | (Pipeline(second) | third) == expected
        assert Pipeline() | Pipeline() == Pipeline()
        assert Pipeline(expected) == expected

    def test_neither_is_changed(self):
        one, other = Pipeline("mean"), Pipeline("invert")
        one | other
        assert (one, other) == (Pipeline("mean"), Pipeline("invert"))

    @pytest.mark.parametrize(
        "thing", [1, None, [MeanFilter()], {"mean": {}}, np.zeros((2, 2), np.uint8)], ids=repr
    )
    def test_what_is_none_of_these(self, thing):
        for mine in (Pipeline("mean"), MeanFilter()):
            with pytest.raises(TypeError):
                mine | thing
            with pytest.raises(TypeError):
                thing | mine

    def test_errors_count_from_the_first_operation(self):
        with pytest.raises(InvalidParameterError, match=r"^operations\[2\]: 'spin', expected"):
            Pipeline("mean | invert") | "spin"
        most = Pipeline([Invert()] * MAX_OPERATIONS)
        with pytest.raises(InvalidParameterError, match="^operations: more, expected at most 64$"):
            most | MeanFilter()


def test_a_call_is_a_run(photo):
    out = np.empty((26, 20, 3), np.uint8)
    pipeline = Pipeline("mean | resize width=20 height=26")
    assert pipeline(photo, out=out, num_threads=1) is out
    np.testing.assert_array_equal(out, pipeline.run(photo))
