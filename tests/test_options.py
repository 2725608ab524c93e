"""Options of decoding and outputs: one table, from which flags, keys of presets, keywords and docs follow."""

import asyncio
import dataclasses
import itertools
from pathlib import Path
from typing import get_args

import pytest

import imgsvc
from imgsvc._options import OneLineParser
from imgsvc.client.cli import make_parser
from imgsvc.client.commands import work
from imgsvc.client.commands.work import add_work_options
from imgsvc.codec import (
    FORMAT_ALIASES,
    FORMATS,
    Damaged,
    DecodeOptions,
    EncodeOptions,
    Metadata,
    Subsampling,
    encode,
    format_of,
)
from imgsvc.codec.decode_options import Color, Depth, Frames
from imgsvc.errors import InvalidParameterError
from imgsvc.pipeline import load_presets
from imgsvc.pipeline.options import DECODING, FORMAT_WORDS, OPTIONS, OUTPUT
from imgsvc.processing.request import DecodeKeywords, Keywords, make_recipe
from imgsvc.recipes.recipe import OUTPUT_FORMATS, Output, Recipe
from imgsvc.wire.recipe import read_recipe, recipe_message
from tests import v1

FORMATS_PAGE = (Path(__file__).parent.parent / "docs" / "formats.md").read_text("utf-8")
NO_OPTIONS = {"pipeline", "name"}
WORDS = {
    "metadata": Metadata, "subsampling": Subsampling, "depth": Depth, "color": Color, "frames": Frames,
    "damaged": Damaged,
}  # fmt: skip


def test_every_field_has_a_line():
    fields = {field.name for field in dataclasses.fields(Output)} - NO_OPTIONS
    assert {name for name, option in OPTIONS.items() if option.of == OUTPUT} == fields
    fields = {field.name for field in dataclasses.fields(DecodeOptions)}
    assert {name for name, option in OPTIONS.items() if option.of == DECODING} == fields
    assert {field.name for field in dataclasses.fields(EncodeOptions)} < set(OPTIONS)


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda each: each.name)
def test_a_line_says_what_is_so(option):
    kind = Output if option.of == OUTPUT else DecodeOptions
    assert getattr(kind, option.name) is None  # so that a preset has a say in what nobody says
    if option.kind == "word":
        words = get_args(WORDS[option.name]) if option.name in WORDS else tuple(OUTPUT_FORMATS)
        assert option.words == words
    if option.kind in {"integer", "bytes"}:
        assert getattr(kind(**{option.name: option.low}), option.name) == option.low
        assert getattr(kind(**{option.name: option.high}), option.name) == option.high
        for beyond in (option.low - 1, option.high + 1):
            with pytest.raises(ValueError, match=option.name):
                kind(**{option.name: beyond})


def test_the_words_of_formats():
    assert (*FORMATS, *FORMAT_ALIASES) == FORMAT_WORDS


GIVEN = {
    "format": ("jpg", "jpeg"), "quality": ("7", 7), "effort": ("0", 0), "max_bytes": ("2KiB", 2048),
    "background": ("#ff0080", (255, 0, 128)), "subsampling": ("4:2:2", "4:2:2"), "metadata": ("keep", "keep"),
    "depth": ("keep", "keep"), "color": ("keep", "keep"), "frames": ("all", "all"),
    "damaged": ("partial", "partial"),
}  # fmt: skip


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda each: each.name)
def test_every_option_is_a_flag(option):
    parser = OneLineParser(allow_abbrev=False)
    add_work_options(parser)
    if option.kind == "switch":
        text, value = (), option.of == OUTPUT
        flag = option.flag if value else f"--no-{option.flag[2:]}"
    else:
        (*text,), value, flag = GIVEN[option.name][:1], GIVEN[option.name][1], option.flag
    args = parser.parse_args([flag, *text])
    made = work.work_of(args)
    held = made.output() if option.of == OUTPUT else made.decoding()
    assert getattr(held, option.name) == value
    assert option.about in " ".join(parser.format_help().split()) or option.name == "format"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("#FF0080", (255, 0, 128)), ("ff0080", (255, 0, 128)), ("255, 0,128", (255, 0, 128)),
        ("#f08", (255, 0, 136)), ("red", (255, 0, 0)), ("Light Blue", (173, 216, 230)), ("7", (7, 7, 7)),
        ("000000", (0, 0, 0)), ("#ff008000", (255, 0, 128)),
    ],
)  # fmt: skip
def test_colours_as_flags(text, value):
    parser = OneLineParser(allow_abbrev=False)
    add_work_options(parser)
    assert parser.parse_args(["--background", text]).background == value


@pytest.mark.parametrize("text", ["", "redd", "#ff", "1,2", "1,2,3,4", "256", "1,2,256", "-1", "1.5", "f08"])
def test_what_is_no_colour_of_a_flag(text, capsys):
    parser = OneLineParser(allow_abbrev=False)
    add_work_options(parser)
    with pytest.raises(SystemExit):
        parser.parse_args([f"--background={text}"])
    assert "expected a colour as '#ff8800' or 'orange', or numbers" in capsys.readouterr().err


def test_the_flags_are_those_of_the_program():
    flags = set(itertools.chain(*(action.option_strings for action in make_parser()._actions)))
    assert {option.flag for option in OPTIONS.values()} <= flags


def test_every_option_is_a_key_of_presets(tmp_path):
    path = tmp_path / "presets.toml"
    toml = {"switch": "true", "integer": "5", "bytes": "2048", "color": "[1, 2, 3]"}
    keys = [
        f"{name} = {toml.get(option.kind) or repr(option.words[-1])}\n" for name, option in OPTIONS.items()
    ]
    path.write_text("[p]\npipeline = ''\n" + "".join(keys))
    assert set(load_presets(path)["p"].options) == set(OPTIONS)


def test_formats_in_capitals(photo, tmp_path):
    assert Output("PNG") == Output("png")
    assert (Output("JPG").format, Output("Raw").format) == ("jpeg", "raw")
    assert format_of(encode(photo, "TIF")) == "tiff"
    assert imgsvc.process(photo, format=Path("A.JPG").suffix[1:]).format == "jpeg"
    for name in ("JP", ["PNG"], ""):
        with pytest.raises(InvalidParameterError, match="^format: .*, expected one of 'raw', 'jpeg', 'png'"):
            Output(name)
    path = tmp_path / "presets.toml"
    path.write_text("[p]\npipeline = ''\nformat = 'JPG'\nquality = 3\n")
    for asked, made in ((None, Output("jpeg", quality=3)), ("png", Output("png"))):
        message = recipe_message(Recipe(outputs=(Output(asked),), preset="p"))
        assert read_recipe(message, load_presets(path)).outputs == (made,)


@pytest.mark.parametrize("option", OPTIONS.values(), ids=lambda each: each.name)
def test_every_option_is_in_the_docs_once(option):
    assert FORMATS_PAGE.count(f"\n| `{option.name}` | `{option.flag}") == 1


def test_every_option_is_a_keyword():
    assert set(Keywords.__annotations__) | set(DecodeKeywords.__annotations__) == set(OPTIONS)
    decoding = {name for name, option in OPTIONS.items() if option.of == DECODING}
    assert set(DecodeKeywords.__annotations__) == decoding


OTHERS = {"color": "keep", "frames": "all", "damaged": "partial", "depth": "keep"}


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if option.of == DECODING])
def test_keywords_of_decoding(name):
    value = OTHERS.get(name, False)
    recipe = make_recipe("", {"a": "png"}, DecodeOptions(), "", {name: value})
    assert recipe.decoding == DecodeOptions(**{name: value})


def test_keywords_go_over_an_output():
    recipe = make_recipe("", Output("webp", quality=3, effort=1), None, "", {"quality": 9, "format": "jpg"})
    assert recipe.outputs == (Output("jpeg", quality=9, effort=1),)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"qualty": 3}, "qualty: 3, expected perhaps 'quality', or an option: format, quality, "),
        ({"quality": 0}, "quality: 0, expected an integer from 1 to 100"),
        ({"depth": "16"}, "depth: '16', expected one of '8', 'keep'"),
    ],
)
def test_keywords_that_are_wrong(options, text):
    with pytest.raises(InvalidParameterError) as caught:
        make_recipe("", "webp", None, "", options)
    assert str(caught.value).startswith(text)


def test_an_option_of_outputs_goes_into_one_of_several():
    with pytest.raises(InvalidParameterError, match="quality: 3, expected it in the imgsvc.Output"):
        make_recipe("", {"a": "webp"}, None, "", {"quality": 3})


def test_the_clients_and_the_library_take_them(server, photo):
    file = v1.encoded(photo, "JPEG")
    options = {"quality": 30, "subsampling": "4:4:4", "shrink_on_load": False}
    ours = imgsvc.process(file, "resize width=20", output="jpg", **options)
    output, decoding = Output("jpeg", quality=30, subsampling="4:4:4"), DecodeOptions(shrink_on_load=False)
    assert ours.data == imgsvc.process(file, "resize width=20", output=output, decoding=decoding).data
    with imgsvc.Client(server.target) as client:
        assert client.process(file, "resize width=20", output="jpg", **options).data == ours.data
        [(_, many)] = client.process_many([file], "resize width=20", output="jpg", **options)
        assert many.data == ours.data
        several = client.process_outputs(file, outputs={"a": "png"}, auto_orient=False)
        assert several["a"].data == imgsvc.process(file, format="png", auto_orient=False).data
        assert client.plan(file, format="webp").outputs[0].image.format == "webp"

    async def asynchronously():
        async with imgsvc.AsyncClient(server.target) as client:
            return await client.process(file, "resize width=20", output="jpg", **options)

    assert asyncio.run(asynchronously()).data == ours.data
