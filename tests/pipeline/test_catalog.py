"""The catalogue of operations."""

import re

import numpy as np
import pytest

from imgsvc.errors import InvalidParameterError
from imgsvc.operations import OPERATIONS
from imgsvc.pipeline import Pipeline
from imgsvc.pipeline.catalog import EXAMPLES, catalog, entry
from imgsvc.pipeline.text import ALIASES

ENTRIES = {each.name: each for each in catalog()}


def test_it_has_all_operations_with_an_example_each():
    assert list(ENTRIES) == sorted(OPERATIONS)
    assert set(EXAMPLES) == set(OPERATIONS)


@pytest.mark.parametrize("each", ENTRIES.values(), ids=lambda each: each.name)
def test_every_example_runs(each):
    channels = 4 if each.name == "flatten" else 3
    image = np.random.default_rng(0).integers(0, 256, (48, 64, channels), dtype=np.uint8)
    image[:3] = 255
    for example in each.examples:
        pipeline = Pipeline(example)
        [operation] = pipeline.operations
        assert operation.name == ("rotate90" if example == "rotate 90" else each.name)
        assert not np.array_equal(pipeline.run(image), image)


@pytest.mark.parametrize("each", ENTRIES.values(), ids=lambda each: each.name)
def test_every_parameter_says_what_it_may_be(each):
    for parameter in each.parameters:
        assert parameter.expected, parameter.name


def test_ranges_are_those_that_are_checked():
    [radius, border, _] = ENTRIES["box_blur"].parameters
    low, high = map(int, re.findall(r"\d+", radius.expected))
    Pipeline(f"box_blur {low} | box_blur {high}")
    with pytest.raises(InvalidParameterError):
        Pipeline(f"box_blur {high + 1}")
    assert (radius.required, radius.type) == (True, "int")
    assert (border.required, border.default, border.type) == (False, "reflect101", "str")
    assert "'wrap'" in border.expected


def test_aliases():
    assert all(alias in ENTRIES[name].aliases for alias, name in ALIASES.items())
    assert entry("mean") == entry("mean_filter")
    assert entry("rotate").name == "rotate"


def test_no_such_operation():
    with pytest.raises(InvalidParameterError) as caught:
        entry("grayscal")
    assert str(caught.value) == (
        "operation: 'grayscal', expected an operation, such as grayscale, gaussian_blur, gamma; "
        "`imgsvc-client operations` lists all"
    )
