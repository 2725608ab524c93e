"""imgsvc.process: what the service gives, in this process."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as PillowImage

import imgsvc
from imgsvc.codec import FORMATS, DecodeOptions, decode, formats
from imgsvc.errors import (
    ImageReadError,
    InvalidInputError,
    InvalidParameterError,
    LimitExceededError,
    RequestRefusedError,
    UndecodableImageError,
)
from tests import v1
from tests.codec.encoded import by_pillow, exif
from tests.codec.kinds import KINDS
from tests.operations.every import EXAMPLES

WRITTEN = [name for name in FORMATS if formats()[name].encodes]


@pytest.fixture(scope="module")
def client(server):
    with imgsvc.Client(server.target) as connected:
        yield connected


def assert_same(ours, theirs):
    for field in ("name", "format", "width", "height", "data", "notes", "icc_profile"):
        assert getattr(ours, field) == getattr(theirs, field), field
    if theirs.pixels is not None:
        assert ours.array.dtype == theirs.array.dtype
        np.testing.assert_array_equal(ours.array, theirs.array)


class TestTheSameAsTheService:
    @pytest.mark.parametrize("kind", KINDS)
    def test_files_of_every_kind(self, client, photo, kind):
        data = KINDS[kind](photo)
        for output in ("png", "raw"):
            assert_same(
                imgsvc.process(data, "mean | rotate90 1", output=output),
                client.process(data, "mean | rotate90 1", output=output),
            )

    @pytest.mark.parametrize("kind", WRITTEN)
    def test_outputs_of_every_format(self, client, photo, kind):
        assert_same(imgsvc.process(photo, output=kind), client.process(photo, output=kind))

    @pytest.mark.parametrize("operation", EXAMPLES, ids=str)
    def test_every_operation(self, client, photo, operation):
        assert_same(imgsvc.process(photo, operation), client.process(photo, operation))

    def test_options(self, client, photo):
        data = v1.encoded(photo, "JPEG", quality=95)
        output = imgsvc.Output("webp", quality=33, effort=2, pipeline="resize width=20 | sharpen")
        assert_same(imgsvc.process(data, "mean", output=output), client.process(data, "mean", output=output))
        decoding = DecodeOptions(damaged="partial")
        cut = data[: len(data) // 2]
        assert_same(
            imgsvc.process(cut, decoding=decoding, output="png"),
            client.process(cut, decoding=decoding, output="png"),
        )

    def test_several_outputs(self, client, photo):
        data = v1.encoded(photo, "JPEG")
        outputs = {
            "small": imgsvc.Output("webp", pipeline="resize width=20"),
            "pixels": "raw",
            "none": imgsvc.Output("png", pipeline="crop left=500 top=0 width=1 height=1"),
            "gray": imgsvc.Output("raw", pipeline="grayscale"),
        }
        ours = imgsvc.process_outputs(data, "mean", outputs=outputs)
        theirs = client.process_outputs(data, "mean", outputs=outputs)
        assert list(ours) == list(theirs) == list(outputs)
        for name in ("small", "pixels", "gray"):
            assert_same(ours[name], theirs[name])
        assert isinstance(ours["none"], InvalidInputError)
        assert isinstance(theirs["none"], RequestRefusedError)
        assert str(ours["none"]) in str(theirs["none"])


class TestImages:
    def test_a_path(self, photo, tmp_path):
        PillowImage.fromarray(photo).save(tmp_path / "photo.png")
        result = imgsvc.process(tmp_path / "photo.png", "invert")
        assert result.format == "png"
        np.testing.assert_array_equal(result.array, 255 - photo)
        result.save(tmp_path / "out.png")
        np.testing.assert_array_equal(decode((tmp_path / "out.png").read_bytes()).frames[0], 255 - photo)

    def test_a_pillow_image(self, photo):
        result = imgsvc.process(PillowImage.fromarray(photo), "invert")
        np.testing.assert_array_equal(result.array, 255 - photo)

    def test_any_strides(self, photo):
        for image in (photo[::-1], photo[:, ::2], photo.transpose(1, 0, 2), photo[..., :1]):
            result = imgsvc.process(image, "mean").array
            np.testing.assert_array_equal(result.reshape(image.shape), imgsvc.mean_filter(image))

    def test_an_array_is_not_given_back(self, photo):
        result = imgsvc.process(photo).array
        assert not np.shares_memory(result, photo)
        assert not result.flags.writeable


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "kind", "text"),
        [
            ({"pipeline": "spin"}, InvalidParameterError, "spin"),
            ({"pipeline": "resize width=99999 height=99999"}, LimitExceededError, "9999800001"),
            ({"output": "jpg2"}, InvalidParameterError, "^format: 'jpg2'"),
            ({"output": {"a": "png", "b": "png"}}, InvalidParameterError, "^output: several outputs"),
            ({"output": 5}, InvalidParameterError, "^output: 5"),
            ({"num_threads": 0}, InvalidParameterError, "^num_threads: 0"),
            ({"limits": 5}, InvalidParameterError, "^limits: 5, expected imgsvc.Limits"),
        ],
    )
    def test_each_names_what_is_wrong(self, photo, arguments, kind, text):
        with pytest.raises(kind, match=text):
            imgsvc.process(photo, **arguments)

    def test_of_images(self, photo):
        with pytest.raises(ImageReadError, match=r"^/nonexistent/a.png: no such file$"):
            imgsvc.process("/nonexistent/a.png")
        with pytest.raises(UndecodableImageError, match="ends too early"):
            imgsvc.process(v1.encoded(photo)[:200])

    def test_limits_are_the_callers(self, photo):
        limits = imgsvc.Limits(pixels=100)
        with pytest.raises(LimitExceededError, match="^image: 6208 pixels"):
            imgsvc.process(photo, limits=limits)
        more = dataclasses.replace(limits, pixels=97 * 64)
        assert imgsvc.process(photo, limits=more).width == photo.shape[1]

    def test_outputs_without_names(self, photo):
        with pytest.raises(InvalidParameterError, match="^outputs: 'jpeg', expected a dict"):
            imgsvc.process_outputs(photo, outputs="jpeg")

    def test_no_output_can_be_made(self, photo):
        beyond = imgsvc.Output("png", pipeline="crop left=500 top=0 width=1 height=1")
        outputs = {"a": beyond, "b": beyond}
        with pytest.raises(InvalidParameterError, match=r"^recipe.outputs\[0\]"):
            imgsvc.process_outputs(photo, outputs=outputs)


@pytest.mark.parametrize("pipeline", ["", "resize width=10", "crop left=0 top=30 width=40 height=30"])
def test_orientations_may_be_left(client, pipeline):
    file = by_pillow(np.zeros((60, 40, 3), np.uint8), "JPEG", exif=exif(6))
    stored = DecodeOptions(auto_orient=False)
    ours = imgsvc.process(file, pipeline, decoding=stored)
    assert_same(ours, client.process(file, pipeline, decoding=stored))
    assert (ours.width, ours.height) == imgsvc.Pipeline(pipeline).plan((60, 40, 3)).shape[1::-1]
    planned = client.plan(file, pipeline, decoding=stored).outputs[0].image
    assert (planned.width, planned.height) == (ours.width, ours.height)


def test_threads_make_no_difference(rng):
    image = rng.integers(0, 256, (700, 900, 3), dtype=np.uint8)
    one, two, most = (imgsvc.process(image, "mean | sharpen", num_threads=n).array for n in (1, 2, None))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, most)


@pytest.mark.parametrize("module", ["grpc", "google.protobuf"])
def test_it_loads_nothing_of_the_service(module):
    code = (
        "import sys, numpy, imgsvc; imgsvc.process(numpy.zeros((9, 9), 'u1'), 'mean', output='png');"
        f"sys.exit(any(name.startswith({module!r}) for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
