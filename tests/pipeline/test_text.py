"""The text form: what it says, what is said of what is wrong, and that nothing else comes of any text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgsvc import Pipeline, rotate
from imgsvc.errors import InvalidParameterError
from imgsvc.operations import (
    OPERATIONS,
    Adjust,
    Convolve,
    GaussianBlur,
    Lut,
    MeanFilter,
    Pad,
    Resize,
    Rotate,
    Rotate90,
)
from imgsvc.pipeline.text import ALIASES, MAX_TEXT
from tests.operations.every import EVERY, EXAMPLES

LAPLACE = Convolve([[0, 1, 0], [1, -4, 1], [0, 1, 0]], bias=128)


@EVERY
def test_an_operation_there_and_back(operation):
    assert Pipeline(str(Pipeline(operation))).operations == (operation,)


@given(st.lists(st.sampled_from(EXAMPLES), max_size=20))
def test_there_and_back(operations):
    pipeline = Pipeline(operations)
    assert Pipeline(str(pipeline)) == pipeline


@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ("", ()),
        (" \n", ()),
        ("mean_filter", (MeanFilter(),)),
        (
            "mean|rotate90 turns=1|\n resize width=800 resample=lanczos",
            (MeanFilter(), Rotate90(1), Resize(width=800, resample="lanczos")),
        ),
        ("gaussian_blur 2", (GaussianBlur(2),)),
        ("blur 2 border='wrap'", (GaussianBlur(2, "wrap"),)),
        ('blur .5 border="re\\flect"', (GaussianBlur(0.5, "reflect"),)),
        ("adjust +1e1 contrast = 2.", (Adjust(10, 2),)),
        ("convolve weights=[[0,1,0],[1,-4,1],[0,1,0]] bias=128", (LAPLACE,)),
        ("convolve [ [0, 1,0] ,[1,-4,1],\t[0,1,0]] bias=128", (LAPLACE,)),
        ("pad left=1 fill=[1,2,3]", (Pad(1, fill=(1, 2, 3)),)),
        (f"lut table={list(range(256))}", (Lut(bytes(range(256))),)),
    ],
)
def test_what_a_text_says(text, operations):
    assert Pipeline(text).operations == operations


def test_the_canonical_text():
    pipeline = Pipeline([LAPLACE, "rotate 90 | rotate90 -1 | pad fill=7 left=2", GaussianBlur(0.1)])
    assert str(pipeline) == (
        "convolve weights=[[0,1,0],[1,-4,1],[0,1,0]] bias=128 | rotate90 | rotate90 turns=3 | "
        "pad left=2 fill=7 | gaussian_blur sigma=0.1"
    )


def test_aliases_are_of_operations_and_none_themselves():
    assert set(ALIASES.values()) <= set(OPERATIONS)
    assert not set(ALIASES) & set(OPERATIONS)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("| mean", "'| mean' at character 1, expected the name of an operation"),
        ("mean | | mean", "'| mean' at character 8, expected the name of an operation"),
        ("mean |", "the end of the text, expected the name of an operation"),
        (
            "resize width=",
            (
                "the end of the text, expected a value: a number, a word, a string in quotes or a list "
                "in brackets"
            ),
        ),
        (
            "blur 2 3",
            "'3' at character 8, expected name=value: only the first value may stand without a name",
        ),
        (
            "resize width=2 3",
            "'3' at character 16, expected name=value: only the first value may stand without a name",
        ),
        ("resize [1]=2", "'[1]=2' at character 8, expected the name of a parameter before ="),
        ("resize width=1 width=1", "'width=1' at character 16, expected width once"),
        ("blur 'x|mean", "\"'x|mean\" at character 6, expected a ' at the string's end"),
        ("pad fill=[1 2]", "'2]' at character 13, expected , or ]"),
        ("pad fill=[[[[[1]]]]]", "'[1]]]]]' at character 14, expected at most 4 brackets in each other"),
        ("pad " + " " * MAX_TEXT, f"{MAX_TEXT + 4} characters, expected at most {MAX_TEXT}"),
    ],
)
def test_what_is_no_pipeline(text, error):
    with pytest.raises(InvalidParameterError) as caught:
        Pipeline(text)
    assert str(caught.value) == f"pipeline: {error}"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("invert 3", "operations[0].invert: 3, expected no parameters"),
        ("mean 3", "operations[0].mean_filter.alpha: 3, expected one of 'weighted', 'channel'"),
        ("mean | rotate90 1 turns=2", "operations[1].rotate90.turns: 1 and 2, expected one"),
        ("mean | rotate 90 degrees=0", "operations[1].rotate.degrees: 90 and 0, expected one"),
        ("blur wrap", "operations[0].gaussian_blur.sigma: 'wrap', expected a number from 0.1 to 50"),
        ("blur nan", "operations[0].gaussian_blur.sigma: 'nan', expected a number from 0.1 to 50"),
        ("blur 1e999", "operations[0].gaussian_blur.sigma: inf, expected a number from 0.1 to 50"),
        (
            "flip " + "9" * 5000,
            "operations[0].flip.axis: '" + "9" * 79 + "…, expected an integer from 0 to 1: 0 "
            "turns the rows upside down, 1 exchanges left and right",
        ),
    ],
)
def test_what_an_operation_refuses(text, error):
    with pytest.raises(InvalidParameterError) as caught:
        Pipeline(text)
    assert str(caught.value) == error


TURNED = [
    *[
        ("rotate", 1),
        ("rotate 0", 0),
        ("rotate 90", 1),
        ("rotate 180", 2),
        ("rotate 270", 3),
        ("rotate 360", 0),
    ],
    *[
        ("rotate -90", 3),
        ("rotate -180", 2),
        ("rotate -270", 1),
        ("rotate 450", 1),
        ("rotate -360", 0),
        ("rotate degrees=+90", 1),
        ("rotate 9e1", 1),
    ],
    *[(f"rotate90 {turns}", turns % 4) for turns in range(-3, 4)],
    *[("rotate90", 1), ("rotate90 turns=-1", 3)],
]


@pytest.mark.parametrize(("text", "turns"), TURNED, ids=[text for text, _ in TURNED])
def test_rotate_says_degrees_and_rotate90_quarter_turns(text, turns):
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)
    pipeline = Pipeline(text)
    assert pipeline.operations == (Rotate90(turns),)
    assert pipeline.run(image).tolist() == np.rot90(image, turns).tolist()
    assert Pipeline(str(pipeline)) == pipeline


def test_a_quarter_turn_has_a_fill_as_the_function_has():
    image = np.zeros((2, 3, 4), np.uint8)
    assert Pipeline("rotate 90 fill=red").run(image).shape == (3, 2, 4)
    for turned in (Pipeline("rotate 90 fill=[1,2]").run, lambda image: rotate(image, 90, fill=[1, 2])):
        with pytest.raises(
            InvalidParameterError, match=r"fill: \(1, 2\), expected one level, or 3: red, green"
        ):
            turned(image)


ANGLES = "a number from -1e+06 to 1e+06, counter-clockwise"


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("rotate 1", Rotate(1)),
        ("rotate degrees=-2", Rotate(-2)),
        ("rotate 90.5", Rotate(90.5)),
        ("rotate 450.25 fill=white", Rotate(450.25, fill="#ffffff")),
        ("rotate degrees=3.5 expand=false", Rotate(3.5, expand=False)),
        ("rotate 90 expand=false", Rotate(90, expand=False)),
        ("rotate 90 resample=nearest", Rotate90(1)),
    ],
)
def test_rotate_takes_any_angle(text, operation):
    pipeline = Pipeline(text)
    assert pipeline.operations == (operation,)
    assert Pipeline(str(pipeline)) == pipeline


def test_a_turn_by_quarters_is_one_however_it_is_said():
    for described in (Rotate(-90), [{"rotate": {"degrees": 270}}], "rotate 630", "rotate90 -1"):
        assert Pipeline(described).operations == (Rotate90(3),)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("rotate left", f"rotate.degrees: 'left', expected {ANGLES}"),
        ("rotate [90]", f"rotate.degrees: [90], expected {ANGLES}"),
        ("rotate 1e7", f"rotate.degrees: 10000000.0, expected {ANGLES}"),
        ("rotate fill=white", "rotate.degrees: nothing, expected a value: it has no default"),
        (
            "rotate turns=1",
            "rotate: 'turns', expected a parameter: degrees; for quarter turns write rotate90 1",
        ),
        (
            "rotate 2 turns=3",
            "rotate: 'turns', expected a parameter: degrees; for quarter turns write rotate90 3",
        ),
        ("rotate90 90", "rotate90.turns: 90, expected an integer from -3 to 3; for degrees write rotate 90"),
        (
            "rotate90 turns=-180",
            "rotate90.turns: -180, expected an integer from -3 to 3; for degrees write rotate -180",
        ),
        ("rotate90 4", "rotate90.turns: 4, expected an integer from -3 to 3; for degrees write rotate 90"),
        ("rotate90 1.0", "rotate90.turns: 1.0, expected an integer: the number of quarter turns"),
        ("rotate90 degrees=90", "rotate90: 'degrees', expected a parameter: turns"),
    ],
)
def test_turns_that_are_something_else(text, error):
    with pytest.raises(InvalidParameterError) as caught:
        Pipeline(["invert", text])
    assert str(caught.value) == f"operations[1].{error}"


@pytest.mark.parametrize("turns", [-5, 4, 5, 90, 101])
def test_any_number_of_turns_outside_of_texts(turns):
    pipeline = Pipeline(Rotate90(turns))
    assert pipeline == Pipeline([{"rotate90": {"turns": turns}}])
    assert pipeline == Pipeline.from_json(f'[{{"rotate90": {{"turns": {turns}}}}}]')
    assert Pipeline(str(pipeline)) == pipeline


names = st.sampled_from(
    [
        *OPERATIONS,
        *ALIASES,
        "degrees",
        "turns",
        "width",
        "weights",
        "table",
        "fill",
        "border",
        "wrap",
        "sigma",
    ]
)
pieces = st.sampled_from(
    [*"|=[],'\" \\\n", "1", "90", "-0.5", "1e400", "9" * 40, "none", "[[1,2],[3]]", "[1,[2]]"]
)


@settings(max_examples=6 * settings.default.max_examples)
@given(st.lists(names | pieces | st.text(max_size=3), max_size=25).map("".join) | st.text(max_size=60))
def test_any_text_is_a_pipeline_or_refused(text):
    try:
        pipeline = Pipeline(text)
    except InvalidParameterError:
        return
    assert Pipeline(str(pipeline)) == pipeline


@settings(max_examples=4 * settings.default.max_examples)
@given(
    st.sampled_from([*OPERATIONS]),
    st.sampled_from(
        ["width", "weights", "table", "fill", "border", "sigma", "turns", "degrees", "left", "gamma", "level"]
    ),
    st.lists(
        st.sampled_from(["1", "-2.5", "[1,2]", "[[1,2],[3]]", "[1,[2]]", "[]", "wrap", "9" * 40, '""']),
        max_size=4,
    ),
)
def test_any_value_is_taken_or_refused(name, parameter, values):
    for text in (
        f"{name} {parameter}=[{','.join(values)}]",
        *(f"{name} {parameter}={value}" for value in values),
    ):
        try:
            Pipeline(text)
        except InvalidParameterError:
            continue


@pytest.mark.parametrize("piece", ["[", "'", "a", "1", "\\", " ", "|", "=", "a|", "[1,", "9", ".", "1e"])
def test_the_longest_text_is_read_in_no_time(piece):
    with pytest.raises(InvalidParameterError):
        Pipeline("pad " + (piece * MAX_TEXT)[: MAX_TEXT - 5] + "=")
