"""What pipelines leave out or do in one gives the same bytes."""

import dataclasses
import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imgsvc
from imgsvc import Pipeline
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import (
    OPERATIONS,
    Adjust,
    Crop,
    Flip,
    Gamma,
    GaussianBlur,
    Invert,
    Lut,
    Resize,
    Rotate90,
    Threshold,
    Transpose,
)
from imgsvc.operations.pixels import ColourTable
from tests.operations.every import EXAMPLES
from tests.operations.images import images

ROWS = np.random.default_rng(1).integers(0, 256, (4, 256), dtype=np.uint8)
LOOKUPS = [Invert(), Adjust(20, 1.5), Gamma(0.45), Threshold(100), Lut(ROWS[0])]
BY_CHANNEL = {(1,): Lut(ROWS[:1]), (3,): Lut(ROWS[:3]), (4,): Lut(ROWS)}
ORIENTATIONS = [*map(Rotate90, range(4)), Flip(0), Flip(1), Transpose()]
CROPS = [Crop(1, 2, 30, 20), Crop(0, 0, 20, 15), Crop(3, 1, 7, 6)]


def one_by_one(operations, image):
    """Return what the public functions make of an image, or None where one of them refuses."""
    for operation in operations:
        function = getattr(imgsvc, operation.name)
        values = {field.name: getattr(operation, field.name) for field in dataclasses.fields(operation)}
        try:
            image = function(image, **values)
        except InvalidParameterError:
            return None
    return image


def steps(operations, shape):
    return [step.operation for step in Pipeline(operations).plan(shape).steps]


@settings(max_examples=2 * settings.default.max_examples)
@given(
    images,
    st.lists(st.sampled_from(EXAMPLES + LOOKUPS + ORIENTATIONS + CROPS), max_size=8),
    st.integers(1, 3),
)
def test_the_bytes_of_the_functions_one_by_one(image, operations, num_threads):
    expected = one_by_one(operations, image)
    pipeline = Pipeline(operations)
    if expected is None:
        with pytest.raises(InvalidParameterError, match=r"^operations\[\d\]\."):
            pipeline.run(image)
    else:
        result = pipeline.run(image, num_threads=num_threads)
        assert result.shape == expected.shape
        np.testing.assert_array_equal(result, expected)


@settings(max_examples=2 * settings.default.max_examples)
@given(images, st.lists(st.sampled_from([*LOOKUPS, BY_CHANNEL]), min_size=1, max_size=6))
def test_lookups(image, drawn):
    operations = [BY_CHANNEL[image.shape[2:] or (1,)] if each is BY_CHANNEL else each for each in drawn]
    np.testing.assert_array_equal(Pipeline(operations).run(image), one_by_one(operations, image))
    plan = Pipeline(operations).plan(image.shape)
    assert plan.cost <= sum(operation.cost(image.shape) for operation in operations)


@given(images, st.lists(st.sampled_from(ORIENTATIONS), max_size=6))
def test_orientations(image, operations):
    np.testing.assert_array_equal(Pipeline(operations).run(image), one_by_one(operations, image))
    assert len(steps(operations, image.shape)) <= 2


@pytest.mark.parametrize("operation", EXAMPLES, ids=str)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_table_is_what_the_operation_does(operation, channels):
    table = operation.lookup_table(channels)
    if table is None:
        return
    image = np.repeat(np.arange(256, dtype=np.uint8)[np.newaxis, :, np.newaxis], channels, axis=2)
    expected = operation(image)[0].T
    np.testing.assert_array_equal(np.frombuffer(table, np.uint8).reshape(channels, 256), expected)


def test_which_operations_have_a_table():
    have = {name for name, each in OPERATIONS.items() if "lookup_table" in vars(each) and name != "lut"}
    assert have == {"invert", "adjust", "gamma", "threshold"}


@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 1), (9, 8, 3)])
def test_lookups_are_one(shape):
    rows = functools.reduce(lambda row, each: row.translate(each.lookup_table(1)), LOOKUPS, bytes(range(256)))
    assert steps(LOOKUPS, shape) == [Lut(rows)]


def test_alpha_is_left_alone_in_one_lookup():
    (step,) = steps([Gamma(2), Adjust(5), Gamma(0.7)], (9, 8, 4))
    assert type(step) is ColourTable


def test_several_tables_are_not_used_where_they_cost_more():
    """A lookup for all channels costs 2 a byte, and one of their own 5."""
    two = [Gamma(2), Lut(ROWS[0])]
    assert steps(two, (9, 8, 4)) == two
    (four,) = steps(two + two, (9, 8, 4))
    assert four.cost((9, 8, 4)) == 5 * 9 * 8 * 4


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ("invert | invert", []),
        ("invert | rotate90 0 | invert", []),
        ("invert | box 0 | pad | resize width=40 | crop left=0 top=0 width=40 height=30", [Invert()]),
        ("rotate90 | rotate90 | rotate90", [Rotate90(3)]),
        ("rotate90 3 | invert | invert | rotate90 1", []),
        ("flip 0 | flip 1", [Rotate90(2)]),
        ("flip 0 | flip 0", []),
        ("rotate90 2 | flip 1", [Flip(0)]),
        ("flip 1 | rotate90 1", [Transpose()]),
        ("crop 1 top=2 width=30 height=20 | crop 3 top=4 width=5 height=6", [Crop(4, 6, 5, 6)]),
        ("blur 1 | blur 1", [GaussianBlur(1), GaussianBlur(1)]),
        ("resize width=80 | resize width=40", [Resize(width=80), Resize(width=40)]),
    ],
)
def test_what_is_left(operations, expected):
    assert steps(operations, (30, 40, 3)) == (expected or [Rotate90(0)])
