"""Where keys are in TOML: whatever stands around them, and however they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsvc.pipeline.toml_lines import line_of

# What else may be in a file, some of which looks like the key that is looked for.
AROUND = [
    "",
    "# [a]",
    "[b]\r",
    "[ c . a ] # [a]",
    "[[d]]",
    "[[j.a]]\npipeline = 1",
    '[e]\ntext = \'[a]\'\nother = "pipeline = \\" ["',
    '[f]\ntext = """\n[a]\npipeline = [ \\""" """"',
    "[g]\ntext = '''\n[a]\npipeline = { '' ''''",
    "[h]\nlist = [ # ]\n  [1, 2], '[',\n  {pipeline = ']'},\n]",
    '[i]\na = {pipeline = 3}\n"a.pipeline" = 1',
]
# Statements, and the line of each that begins with the key.
KEYS = [
    ("[a]\npipeline = 1", 1),
    ("[ \"a\" ] # here\nname = 'pipeline = 1'\n\t'pipeline' = [\n'x', # ]\n'y'\n]", 2),
    ('[a.b]\npipeline = 2\n[a]\n# pipeline\n\npipeline = """\nmean\n"""', 5),
]


@pytest.mark.parametrize(("key", "at"), KEYS)
@given(around=st.permutations(AROUND), before=st.integers(0, len(AROUND)))
def test_the_line_of_a_key(key, at, around, before):
    text = "\n".join([*around[:before], key, *around[before:], ""])
    lines_before = sum(each.count("\n") + 1 for each in around[:before])
    assert line_of(text, "a", "pipeline") == lines_before + at + 1


def test_a_key_that_is_not_there():
    with pytest.raises(KeyError):
        line_of("[b]\na.pipeline = 1\n[a.c]\npipeline = 1\n[[d]]\n", "a", "pipeline")
