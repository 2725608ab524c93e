"""What the examples in the docstrings print is what they say."""

import doctest

import numpy as np
import pytest

import imgsvc
from imgsvc import operations

FUNCTIONS = [name for name in operations.__all__ if name[0].islower() and callable(getattr(operations, name))]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example(name):
    function = getattr(operations, name)
    names = {"np": np, **{each: getattr(imgsvc, each) for each in FUNCTIONS}}
    tests = doctest.DocTestFinder(recurse=False).find(function, name, globs=names)
    examples = [example for test in tests for example in test.examples]
    assert examples, "no example"
    results = [doctest.DocTestRunner().run(test) for test in tests]
    assert sum(result.failed for result in results) == 0


def test_every_operation_is_offered_at_the_top():
    assert set(FUNCTIONS) <= set(imgsvc.__all__)
