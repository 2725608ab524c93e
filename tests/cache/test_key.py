"""Keys: the same for what has the same answer, another for whatever makes another."""

import dataclasses
import itertools

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from imgsvc.cache import key as keys
from imgsvc.cache.key import operation_key, recipe_key
from imgsvc.codec import DecodeOptions, EncodeOptions
from imgsvc.operations import Convert, MeanFilter, Rotate90
from imgsvc.pipeline import Pipeline
from imgsvc.pipeline.presets import Preset
from imgsvc.recipes.limits import Limits
from imgsvc.recipes.planning import plan_recipe
from imgsvc.recipes.recipe import Output, Recipe
from imgsvc.recipes.source import ImageFile, RawImage
from imgsvc.v1 import recipe_pb2
from imgsvc.wire.recipe import read_recipe
from tests import v1
from tests.operations.every import EXAMPLES

IMAGE = np.arange(48 * 32 * 3, dtype=np.uint8).reshape(48, 32, 3)
FILE = v1.encoded(IMAGE, "PNG")
PHOTO = v1.encoded(np.repeat(np.repeat(IMAGE, 8, 0), 8, 1), "JPEG")
FORMAT = {name: f"FORMAT_{name.upper()}" for name in ("raw", "jpeg", "png", "webp", "avif", "gif")}


def raw(image=IMAGE, profile=None):
    return RawImage(image.shape, image.dtype, image, profile)


def key(recipe, source=None, owner=""):
    source = source or raw()
    recipe = recipe if isinstance(recipe, Recipe) else Recipe(recipe)
    return recipe_key(plan_recipe(source, recipe, Limits()), source, owner)


def message_key(source=None, **fields):
    presets = {"small": Preset("small", Pipeline("resize width=16"), {"format": "jpeg", "quality": 80})}
    return key(read_recipe(recipe_pb2.Recipe(**fields), presets), source)


def output(**encoding):
    encoding["format"] = FORMAT[encoding["format"]]
    return recipe_pb2.Output(encoding=recipe_pb2.Encoding(**encoding))


def test_a_key_has_256_bits_and_is_the_same_again():
    assert len(key("mean")) == 32
    assert key("mean") == key("mean")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mean", "mean_filter"),
        ("gaussian_blur 2", "gaussian_blur sigma=2.0 border=reflect101"),
        ("rotate90 1 | rotate90 2", "rotate90 turns=3"),
        ("rotate90 1 | rotate90 3", ""),
        ("flip 0 | flip 1", "rotate90 2"),
        ("invert | gamma 0.8 | threshold 90", "invert | gamma gamma=0.8 | threshold level=90"),
        ("invert | invert", ""),
        (
            "crop left=2 top=2 width=20 height=20 | crop left=3 top=3 width=9 height=9",
            "crop left=5 top=5 width=9 height=9",
        ),
        ("resize width=16", "resize width=16 height=24 resample=bilinear"),
        ("resize height=24", "resize width=16"),
        ("resize 50%", "resize 16x"),
        ("resize 20x20 inside", "resize x20"),
        ("letterbox 40x40 fill=0", "resize 40x40 contain"),
        ("rotate 360 expand=false", ""),
    ],
)
def test_one_pipeline_written_in_two_ways_has_one_key(one, other):
    assert key(one) == key(other)


SIDES = ["width=11", "height=7", "scale=0.22", "width=11 height=7", "width=90 height=9"]
FITS = ["fill", "cover", "contain", "inside", "outside"]
RESIZES = [
    f"resize {sides} fit={fit} position={position} enlarge={enlarge}"
    for sides, fit, enlarge in itertools.product(SIDES, FITS, ["true", "false"])
    for position in ["north", *(["attention"] if fit == "cover" else [])]
]


def test_what_has_one_key_has_one_result():
    image = np.random.default_rng(1).integers(0, 256, (30, 50, 3), np.uint8)
    texts = [f"{text}{after}" for text in RESIZES for after in ("", " | trim | resize 50%")]
    results = {}
    for text in texts:
        result = Pipeline(text)(image)
        results.setdefault(key(text, raw(image)), set()).add((result.shape, result.tobytes()))
    assert len(results) < len(texts)
    assert all(len(found) == 1 for found in results.values())


def test_a_preset_is_what_it_stands_for():
    small = message_key(preset="small")
    assert small == message_key(text="resize width=16 height=24", outputs=[output(format="jpeg", quality=80)])
    assert small != message_key(text="resize width=16 height=24", outputs=[output(format="jpeg")])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"format": "jpeg"}, {"format": "jpeg", "quality": 90}),
        ({"format": "webp"}, {"format": "webp", "quality": 80, "effort": 3}),
        ({"format": "avif"}, {"format": "avif", "quality": 65, "effort": 2}),
        ({"format": "jpeg"}, {"format": "jpeg", "background": (255, 255, 255), "metadata": "METADATA_STRIP"}),
        ({"format": "png"}, {"format": "png", "background": (1, 2, 3)}),
        ({"format": "raw"}, {"format": "raw", "metadata": "METADATA_KEEP"}),
    ],
)
def test_what_is_so_by_default_may_be_said_or_not(one, other):
    assert message_key(outputs=[output(**one)]) == message_key(outputs=[output(**other)])


def test_what_is_done_for_all_outputs_at_once_may_be_done_for_each():
    two = (Output("raw", name="a"), Output("png", name="b"))
    once = Recipe("mean | rotate90 1", two)
    each = Recipe((), tuple(dataclasses.replace(one, pipeline="mean | rotate90 1") for one in two))
    assert key(once) == key(each)


def test_the_format_of_the_input_may_be_named():
    file = ImageFile(FILE)
    assert key(Recipe("mean"), file) == key(Recipe("mean", (Output("png"),)), file)
    assert key(Recipe("mean")) == key(Recipe("mean", (Output("raw"),)))


def test_every_operation_and_every_parameter_makes_another_key():
    with_alpha = raw(np.arange(48 * 32 * 4, dtype=np.uint8).reshape(48, 32, 4))
    copies = [operation for operation in EXAMPLES if operation in {Rotate90(0), Convert("uint8")}]
    others = [operation for operation in EXAMPLES if operation not in copies]
    assert len({key([operation], with_alpha) for operation in others}) == len(others)
    assert {key([operation]) for operation in copies} == {key("")}


OPTIONS = {
    "quality": (10, 91),
    "lossless": (True,),
    "effort": (0, 9),
    "max_bytes": (10_000,),
    "metadata": ("keep", "copyright"),
}


def test_every_option_of_an_output_makes_another_key():
    known = {field.name for field in dataclasses.fields(EncodeOptions)}
    assert known == {*OPTIONS, "progressive", "palette", "background", "subsampling"}, (
        "a new option needs a value here"
    )
    outputs = [Output("webp")]
    for name, values in OPTIONS.items():
        outputs += [dataclasses.replace(outputs[0], **{name: value}) for value in values]
    outputs += [Output("webp", name="x"), Output("webp", pipeline="mean"), Output("avif"), Output("raw")]
    outputs += [Output("jpeg", progressive=value) for value in (True, False)]
    outputs += [Output("jpeg", subsampling=value) for value in ("4:4:4", "4:2:2")]
    outputs += [Output("png", palette=value) for value in (True, False)]
    outputs += [Output("jpeg", background=(0, 0, value)) for value in (0, 1)]
    made = [key(Recipe((), (each,))) for each in outputs]
    made += [
        key(Recipe((), pair)) for pair in itertools.permutations((Output("raw"), Output("png", name="b")))
    ]
    assert len(set(made)) == len(made)


def test_what_is_noted_is_in_the_key_as_well():
    """What a file without metadata loses is noted where it should keep some."""
    made = {key(Recipe((), (Output("tiff", metadata=kind),))) for kind in ("strip", "keep", "copyright")}
    assert len(made) == 3


DECODING = {"depth": "keep", "color": "keep", "frames": "all", "auto_orient": False, "damaged": "partial"}
SHRINKS = "shrink_on_load"


def test_every_option_of_decoding_makes_another_key():
    file = ImageFile(FILE)
    known = {field.name for field in dataclasses.fields(DecodeOptions)}
    assert known == {*DECODING, SHRINKS}, "a new option needs a value here"
    options = [DecodeOptions(), *(DecodeOptions(**{name: value}) for name, value in DECODING.items())]
    assert len({key(Recipe("mean", decoding=each), file) for each in options}) == len(options)
    assert len({key(Recipe("mean", decoding=each)) for each in options}) == 1  # there is nothing to decode


def test_how_much_of_a_jpeg_is_decoded_makes_another_key():
    photo = ImageFile(PHOTO)
    shrunk, whole = (
        key(Recipe("resize width=20", decoding=DecodeOptions(shrink_on_load=on)), photo)
        for on in (True, False)
    )
    assert shrunk != whole
    off, on = (key(Recipe("mean", decoding=DecodeOptions(shrink_on_load=on)), photo) for on in (True, False))
    assert off == on


@hypothesis.given(st.integers(0, IMAGE.size - 1), st.integers(1, 255))
def test_every_pixel_makes_another_key(place, change):
    other = IMAGE.copy()
    other.reshape(-1)[place] ^= change
    assert key("mean", raw(other)) != key("mean")
    assert operation_key(MeanFilter(), other, "") != operation_key(MeanFilter(), IMAGE, "")


def test_shape_type_and_profile_make_another_key():
    sources = [
        raw(),
        raw(IMAGE.reshape(32, 48, 3)),
        raw(IMAGE.reshape(48, 96)),
        raw(IMAGE.reshape(48, 24, 4)),
        raw(IMAGE.reshape(-1).view(np.uint16).reshape(48, 48)),
        raw(profile=b"profile"),
        ImageFile(FILE),
        ImageFile(FILE + b"\0"),
    ]
    made = [key("", each) for each in sources]
    assert len(set(made)) == len(made)


def test_who_asks_and_which_method_and_version_make_another_key(monkeypatch):
    made = [key("mean"), key("mean", owner="a"), key("mean", owner="b")]
    made += [operation_key(MeanFilter(), IMAGE, owner) for owner in ("", "a")]
    made += [operation_key(Rotate90(turns), IMAGE, "") for turns in range(4)]
    monkeypatch.setattr(keys, "RESULTS", keys.RESULTS + 1)
    keys._made_by.cache_clear()
    made.append(key("mean"))
    monkeypatch.undo()
    keys._made_by.cache_clear()
    assert len(set(made)) == len(made)
    assert key("mean") == made[0]
