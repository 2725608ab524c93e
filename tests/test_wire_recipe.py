"""Messages of recipes: every option comes back, and presets say what the message leaves open."""

import dataclasses

import pytest

from imgsvc.codec import DecodeOptions
from imgsvc.errors import ConfigurationError, InvalidParameterError
from imgsvc.pipeline import Pipeline, Preset
from imgsvc.pipeline.options import DECODING, OPTIONS
from imgsvc.processing.request import make_recipe
from imgsvc.recipes.recipe import Output, Recipe
from imgsvc.v1 import recipe_pb2
from imgsvc.v1.image_pb2 import FORMAT_JPEG, FORMAT_RAW, FORMAT_WEBP
from imgsvc.wire.recipe import check_presets, read_recipe, recipe_message

OTHER = {
    "format": "jpeg", "quality": 3, "lossless": True, "progressive": True, "effort": 0, "palette": True,
    "subsampling": "4:4:4", "metadata": "keep", "max_bytes": 12345, "background": (1, 2, 3), "depth": "keep",
    "color": "keep", "frames": "all", "shrink_on_load": False, "auto_orient": False, "damaged": "partial",
}  # fmt: skip


SAID = {
    "lossless": False, "progressive": False, "palette": False, "metadata": "strip",
    "background": (255, 255, 255), "depth": "8", "color": "srgb", "frames": "first", "shrink_on_load": True,
    "auto_orient": True, "damaged": "refuse",
}  # fmt: skip
"""What is so where nobody says anything, but for what has no such value or another in each format."""


def test_there_is_another_value_of_every_option():
    assert set(OTHER) == set(OPTIONS)
    assert not {name for name, value in SAID.items() if OTHER[name] == value}


@pytest.mark.parametrize("name", OTHER)
def test_an_option_comes_back(name):
    given = {name: OTHER[name]}
    is_of_decoding = OPTIONS[name].of == DECODING
    recipe = Recipe(decoding=DecodeOptions(**given)) if is_of_decoding else Recipe(outputs=(Output(**given),))
    assert read_recipe(recipe_message(recipe), {}) == recipe


@pytest.mark.parametrize("name", OTHER)
def test_a_preset_has_every_option(name):
    presets = {"p": Preset("p", Pipeline(), {name: OTHER[name]})}
    recipe = read_recipe(recipe_pb2.Recipe(preset="p"), presets)
    held = recipe.decoding if OPTIONS[name].of == DECODING else recipe.outputs[0]
    assert getattr(held, name) == OTHER[name]


def output(preset, **encoding):
    message = recipe_pb2.Recipe(
        preset="p", outputs=[recipe_pb2.Output(encoding=recipe_pb2.Encoding(**encoding))]
    )
    made = read_recipe(message, {"p": Preset("p", Pipeline(), preset)}).outputs[0]
    defaults = {field.name: field.default for field in dataclasses.fields(Output)}
    return {name: getattr(made, name) for name in defaults if getattr(made, name) != defaults[name]}


WEBP = {"format": "webp", "quality": 7, "metadata": "keep"}


@pytest.mark.parametrize(
    ("preset", "encoding", "expected"),
    [
        (WEBP, {}, WEBP),
        (WEBP, {"format": FORMAT_WEBP, "quality": 9}, {**WEBP, "quality": 9}),
        (WEBP, {"format": FORMAT_JPEG}, {"format": "jpeg", "metadata": "keep"}),
        (WEBP, {"format": FORMAT_RAW}, {"format": "raw", "metadata": "keep"}),
        (WEBP, {"lossless": True}, {"format": "webp", "lossless": True, "metadata": "keep"}),
        ({"format": "webp", "lossless": True}, {"quality": 9}, {"format": "webp", "quality": 9}),
        ({"format": "webp", "lossless": True}, {"lossless": False}, {"format": "webp", "lossless": False}),
        (WEBP, {"metadata": recipe_pb2.METADATA_STRIP}, {**WEBP, "metadata": "strip"}),
        ({"progressive": True}, {"progressive": False}, {"progressive": False}),
        ({"background": "red"}, {"background": [255, 255, 255]}, {"background": (255, 255, 255)}),
        ({"format": "jpg", "quality": 7}, {"format": FORMAT_JPEG}, {"format": "jpeg", "quality": 7}),
        ({"format": "raw", "max_bytes": 7}, {}, {"format": "raw"}),
    ],
    ids=str,
)
def test_what_the_message_says_counts(preset, encoding, expected):
    assert output(preset, **encoding) == expected


def test_decoding_that_a_message_says_counts():
    presets = {"p": Preset("p", Pipeline(), {"depth": "keep", "auto_orient": False})}
    message = recipe_pb2.Recipe(
        preset="p", decoding=recipe_pb2.Decoding(depth=recipe_pb2.DEPTH_EIGHT, auto_orient=True)
    )
    assert read_recipe(message, presets).decoding == DecodeOptions("8", auto_orient=True)


@pytest.mark.parametrize("name", SAID)
def test_what_is_so_by_default_may_be_said_against_a_preset(name):
    presets = {"p": Preset("p", Pipeline(), {name: OTHER[name]})}

    def found(**said):
        recipe = read_recipe(recipe_message(make_recipe(None, None, None, "p", said)), presets)
        return getattr(recipe.outputs[0], name, getattr(recipe.decoding, name, None))

    assert found() == OTHER[name]
    assert found(**{name: SAID[name]}) == SAID[name]


def test_raw_pixels_have_no_options_of_files():
    with pytest.raises(InvalidParameterError, match=r"outputs\[0\].encoding.max_bytes: 7, expected none"):
        output({}, format=FORMAT_RAW, max_bytes=7)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"format": "gif", "quality": 3}, "quality: 3, expected none for gif"),
        ({"format": "png", "subsampling": "4:4:4"}, "subsampling: '4:4:4', expected none for png"),
        ({"frames": "last"}, "frames: 'last', expected one of 'first', 'all'"),
        ({"background": [1, 2]}, "background: [1, 2], expected one level, or 3"),
        ({"background": "redd"}, "background: 'redd', expected a colour as '#ff8800' or 'orange'"),
        ({"effort": 12}, "effort: 12, expected an integer from 0 to 9"),
    ],
    ids=str,
)
def test_a_preset_that_no_recipe_can_have_is_refused(options, error):
    with pytest.raises(ConfigurationError) as caught:
        check_presets({"p": Preset("p", Pipeline(), options)}, "presets.toml")
    assert str(caught.value).startswith(f"presets.toml: [p] {error}")


def test_a_background_by_its_name():
    assert output(WEBP, background_color="orange") == {**WEBP, "background": (255, 165, 0)}
    assert output(WEBP, background_color="#FA0") == {**WEBP, "background": (255, 170, 0)}


@pytest.mark.parametrize(
    ("encoding", "error"),
    [
        (
            {"background_color": "redd"},
            "background: 'redd', expected a colour as '#ff8800' or 'orange', or levels",
        ),
        (
            {"background_color": "red", "background": [1, 2, 3]},
            "background_color: set, as background is, expected one of them",
        ),
    ],
)
def test_a_background_that_is_none(encoding, error):
    with pytest.raises(InvalidParameterError) as caught:
        output({}, **encoding)
    assert str(caught.value) == f"recipe.outputs[0].encoding.{error}"
