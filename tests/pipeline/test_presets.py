"""Files of presets: what is in them, and what is said of what should not be."""

import pytest

from imgsvc import Pipeline
from imgsvc.errors import ConfigurationError
from imgsvc.pipeline import Preset, load_presets
from imgsvc.pipeline.options import OPTIONS
from imgsvc.pipeline.presets import MAX_FILE_BYTES


@pytest.fixture
def presets_of(tmp_path):
    """Loads a file with the text given."""
    path = tmp_path / "presets.toml"

    def load(text):
        path.write_text(text)
        return load_presets(path)

    return load


KEYS = ", ".join(("pipeline", "description", *OPTIONS))


def test_a_preset(presets_of):
    presets = presets_of("""
        [thumbnail]
        pipeline = "resize width=320 resample=lanczos | sharpen amount=0.5"
        format = "webp"
        quality = 80
        description = "for lists"
        damaged = "partial"

        [plain-1_]
        pipeline = [{resize = {width = 10}}, "invert | mean"]
    """)
    thumbnail = Pipeline("resize width=320 resample=lanczos | sharpen amount=0.5")
    assert presets == {
        "thumbnail": Preset(
            "thumbnail", thumbnail, {"format": "webp", "quality": 80, "damaged": "partial"}, "for lists"
        ),
        "plain-1_": Preset("plain-1_", Pipeline("resize 10 | invert | mean")),
    }


def test_an_empty_file(presets_of):
    assert presets_of("") == {}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[a", "no TOML: Expected ']' at the end of a table declaration (at end of document)"),
        ("[a]", "[a] pipeline: missing"),
        ("a = 1", "[a]: 1, expected a table"),
        ("[A]\npipeline = ''", "[A]: expected a name of 1 to 64 of a-z 0-9 _ -"),
        (
            "[a]\npipeline = ''\nqualty = 3",
            f"[a] 'qualty': unknown, expected perhaps 'quality', or one of {KEYS}",
        ),
        ("[a]\npipeline = ''\nquality = true", "[a] quality: True, expected an integer"),
        ("[a]\npipeline = ''\nformat = 3", "[a] format: 3, expected a string"),
        ("[a]\npipeline = ''\nlossless = 1", "[a] lossless: 1, expected true or false"),
        (
            "[a]\npipeline = ''\nbackground = 0.5",
            "[a] background: 0.5, expected a string or a list or an integer",
        ),
    ],
)
def test_what_is_wrong_in_a_file(presets_of, tmp_path, text, error):
    with pytest.raises(ConfigurationError) as caught:
        presets_of(text)
    assert str(caught.value) == f"{tmp_path}/presets.toml: {error}"


@pytest.mark.parametrize(
    ("text", "line", "error"),
    [
        (
            "[a]\npipeline = 'rotate90 | crop 1'",
            2,
            "[a] pipeline: operations[1].crop.top: nothing, expected a value: it has no default",
        ),
        (
            "[a]\npipeline = 3",
            2,
            "[a] pipeline: operations: 3, expected a text, an operation, or several of them in a list",
        ),
        (
            '[b]\npipeline = "rotate 90"\n\n[a]\nformat = "png"\npipeline = "mean | rotate left"\n',
            6,
            (
                "[a] pipeline: operations[1].rotate.degrees: 'left', expected a number from -1e+06 to 1e+06, "
                "counter-clockwise"
            ),
        ),
        (
            "a.pipeline = ['invert', 'rotate turns=2']",
            1,
            (
                "[a] pipeline: operations[1].rotate: 'turns', expected a parameter: degrees; "
                "for quarter turns write rotate90 2"
            ),
        ),
        (
            "\n\na = {pipeline = [\n'rotate90 180'\n]}",
            3,
            (
                "[a] pipeline: operations[0].rotate90.turns: 180, expected an integer from -3 to 3; "
                "for degrees write rotate 180"
            ),
        ),
    ],
)
def test_what_is_wrong_in_a_pipeline_is_said_with_its_line(presets_of, tmp_path, text, line, error):
    with pytest.raises(ConfigurationError) as caught:
        presets_of(text)
    assert str(caught.value) == f"{tmp_path}/presets.toml, line {line}: {error}"


def test_a_name_of_several_lines_is_said_in_one(presets_of):
    with pytest.raises(ConfigurationError, match=r"^[^\n]*$"):
        presets_of('["a\\nb"]\npipeline = ""')


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match=r"/none: No such file or directory$"):
        load_presets(tmp_path / "none")


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "presets").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="/presets: no TOML: 'utf-8' codec can't decode byte 0xff"):
        load_presets(tmp_path / "presets")


def test_a_file_beyond_reason(presets_of):
    with pytest.raises(ConfigurationError, match=f"presets.toml: more than {MAX_FILE_BYTES} bytes$"):
        presets_of("#" * (MAX_FILE_BYTES + 1))
