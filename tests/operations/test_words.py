"""Parameters that are one of some words: the annotations say just those that the run time takes."""

import builtins
import collections
import dataclasses
import re
import sys
from typing import Literal, get_args, get_origin

import pytest

from imgsvc.errors import InvalidParameterError
from imgsvc.operations import OPERATIONS, Rotate
from tests.operations.every import EXAMPLES

NO_WORDS = {"ArrayLike", "Matrix", "Weights"}
"""Types of parameters that operations import for type checkers alone."""


def words_of(kind):
    """Return the words of an operation's parameters that are one of some, by their annotations."""
    known = collections.ChainMap(
        *(vars(sys.modules[each.__module__]) for each in kind.__mro__), vars(builtins)
    )
    found = {}
    for field in dataclasses.fields(kind):
        for name in set(str(field.type).split(" | ")) - NO_WORDS - {"None"}:
            if get_origin(known[name]) is Literal:
                found[field.name] = get_args(known[name])
    return found


# By the first example of each operation.
WORDS = {
    (type(each), field): (each, words)
    for each in reversed(EXAMPLES)
    for field, words in words_of(type(each)).items()
}


@pytest.mark.parametrize(("kind", "field"), WORDS, ids=lambda part: getattr(part, "__name__", part))
def test_the_words_of_a_parameter_are_those_of_the_run_time(kind, field):
    example, words = WORDS[kind, field]
    with pytest.raises(InvalidParameterError, match=rf"^{field}: 'none', expected one of '") as caught:
        dataclasses.replace(example, **{field: "none"})
    _, _, told = str(caught.value).partition("expected one of ")
    assert tuple(re.findall("'([^']*)'", told)) == words
    for word in words:
        assert getattr(dataclasses.replace(example, **{field: word}), field) == word


def test_operations_with_words():
    assert {kind for kind in OPERATIONS.values() if words_of(kind)} == {kind for kind, _ in WORDS}
    assert words_of(Rotate) == {
        "resample": ("nearest", "bilinear", "bicubic"), "alpha": ("weighted", "channel")
    }  # fmt: skip
