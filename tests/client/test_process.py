"""imgsvc.Client with pipelines and files, against the installed server."""

import dataclasses
import inspect
import io

import numpy as np
import pytest
from PIL import Image as PillowImage

import imgsvc
from imgsvc.client.exchange import PLANNED_BYTES
from imgsvc.codec import DecodeOptions, decode
from imgsvc.errors import (
    ImageReadError,
    ImageWriteError,
    InvalidImageError,
    InvalidParameterError,
    RequestRefusedError,
)
from imgsvc.operations import OPERATIONS
from imgsvc.recipes.codec_memory import FILE_COPIES
from tests import v1
from tests.operations.every import EXAMPLES


@pytest.fixture(scope="module")
def client(server):
    with imgsvc.Client(server.target) as connected:
        yield connected


@pytest.fixture
def jpeg(photo):
    return v1.encoded(photo, "JPEG")


def called(function, image, operation):
    """Call a function as the operation says, by place where it must be."""
    parameters = {field.name: getattr(operation, field.name) for field in dataclasses.fields(operation)}
    args = [
        parameters.pop(name)
        for name, each in inspect.signature(function).parameters.items()
        if name in parameters and each.kind is each.POSITIONAL_OR_KEYWORD
    ]
    return function(image, *args, **parameters)


class TestOperations:
    @pytest.mark.parametrize("operation", EXAMPLES, ids=str)
    def test_each_gives_what_the_library_does(self, client, photo, operation):
        result = called(getattr(client, operation.name), photo, operation)
        expected = called(getattr(imgsvc, operation.name), photo, operation)
        np.testing.assert_array_equal(result, expected)
        assert result.shape == expected.shape
        assert result.dtype == expected.dtype

    @pytest.mark.parametrize("operation", [each for each in EXAMPLES if each.deep], ids=str)
    @pytest.mark.parametrize("dtype", [np.uint16, np.float32])
    def test_those_that_compute_nothing_take_deep_pixels(self, client, photo, operation, dtype):
        image = photo.astype(dtype) * 200
        result = called(getattr(client, operation.name), image, operation)
        expected = called(getattr(imgsvc, operation.name), image, operation)
        np.testing.assert_array_equal(result, expected)
        assert result.dtype == expected.dtype

    def test_width_and_height_by_their_places(self, client, photo):
        np.testing.assert_array_equal(client.resize(photo, 20, 10), imgsvc.resize(photo, width=20, height=10))

    def test_a_fill_between_integers(self, client):
        image = np.ones((2, 3), np.float32)
        np.testing.assert_array_equal(
            client.pad(image, left=1, fill=0.25), imgsvc.pad(image, left=1, fill=0.25)
        )
        with pytest.raises(InvalidParameterError, match="^fill: 0.25, expected an integer from 0 to 65535"):
            client.pad(image.astype(np.uint16), left=1, fill=0.25)

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_each_has_the_parameters_of_the_library(self, name):
        ours = inspect.signature(getattr(imgsvc.Client, name)).parameters
        theirs = inspect.signature(getattr(imgsvc, name)).parameters
        kept = {key: each for key, each in theirs.items() if key not in ("out", "num_threads")}
        assert list(ours) == ["self", *kept, "timeout", "writable"]
        for key, each in kept.items():
            assert (ours[key].kind, ours[key].default) == (each.kind, each.default)

    @pytest.mark.parametrize("shape", [(1, 1), (7, 5, 1), (7, 5, 4), (300, 400, 3)], ids=str)
    def test_shapes(self, client, rng, shape):
        image = rng.integers(0, 256, shape, dtype=np.uint8)
        result = client.invert(image[::-1])
        np.testing.assert_array_equal(result, imgsvc.invert(image[::-1]))
        assert not result.flags.writeable
        assert client.invert(image, writable=True).flags.writeable

    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_those_of_nl_image_service_take_what_the_others_take(self, client, rng, channels):
        image = rng.integers(0, 256, (30, 40, channels), dtype=np.uint8)
        np.testing.assert_array_equal(client.mean_filter(image), imgsvc.mean_filter(image))
        np.testing.assert_array_equal(client.rotate90(image, 3), imgsvc.rotate90(image, 3))

    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_alpha_may_be_a_channel(self, client, rng, channels):
        image = rng.integers(0, 256, (30, 40, channels), dtype=np.uint8)
        for name, parameters in (
            ("mean_filter", {}),
            ("box_blur", {"radius": 3}),
            ("gaussian_blur", {"sigma": 1.5}),
            ("sharpen", {}),
            ("convolve", {"weights": [[1, 2], [3, 4]]}),
            ("resize", {"width": 17}),
        ):
            results = [
                np.asarray(getattr(each, name)(image, alpha="channel", **parameters))
                for each in (client, imgsvc)
            ]
            np.testing.assert_array_equal(*results)
            weighted = getattr(imgsvc, name)(image, **parameters)
            assert np.array_equal(results[0], weighted) == (channels < 4)

    def test_what_cannot_be_applied_is_not_sent(self):
        with imgsvc.Client("unix:/nonexistent") as unconnected:
            with pytest.raises(InvalidParameterError, match="^left \\+ width: 9, expected at most 4"):
                unconnected.crop(np.zeros((4, 4), np.uint8), left=0, top=0, width=9, height=1)
            with pytest.raises(InvalidImageError, match="^image.dtype: uint16, expected uint8"):
                unconnected.invert(np.zeros((4, 4), np.uint16))
            with pytest.raises(InvalidParameterError, match="^sigma: "):
                unconnected.gaussian_blur(np.zeros((4, 4), np.uint8), -1)


class TestImages:
    def test_an_array(self, client, photo):
        result = client.process(photo, "mean | rotate90 turns=1")
        assert (result.format, result.width, result.height, result.data) == ("raw", 97, 64, None)
        np.testing.assert_array_equal(result.array, imgsvc.Pipeline("mean | rotate90 turns=1").run(photo))
        assert not result.array.flags.writeable

    @pytest.mark.parametrize("dtype", [np.uint16, np.float32])
    def test_a_deep_array(self, client, rng, dtype):
        image = rng.integers(0, 256, (40, 50), dtype=np.uint8).astype(dtype)
        np.testing.assert_array_equal(client.process(image).array, image)
        np.testing.assert_array_equal(client.process(image, "convert").array, imgsvc.convert(image))

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview], ids=lambda kind: kind.__name__)
    def test_the_bytes_of_a_file(self, client, photo, jpeg, kind):
        result = client.process(kind(jpeg), "rotate90")
        assert (result.format, result.width, result.height) == ("jpeg", 97, 64)
        expected = client.process(decode(jpeg).frames[0], "rotate90", output="jpeg")
        assert result.data == expected.data
        assert result.data.readonly

    @pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
    def test_the_path_of_a_file(self, client, photo, tmp_path, kind):
        path = tmp_path / "photo.png"
        path.write_bytes(v1.encoded(photo))
        result = client.process(kind(path), "invert")
        assert result.format == "png"
        np.testing.assert_array_equal(result.array, 255 - photo)

    @pytest.mark.parametrize(
        ("mode", "shape", "dtype"),
        [
            ("L", (97, 64), np.uint8), ("1", (97, 64), np.uint8), ("RGB", (97, 64, 3), np.uint8),
            ("RGBA", (97, 64, 4), np.uint8), ("P", (97, 64, 3), np.uint8), ("CMYK", (97, 64, 3), np.uint8),
            ("LA", (97, 64, 4), np.uint8), ("I;16", (97, 64), np.uint16), ("F", (97, 64), np.float32),
        ],
    )  # fmt: skip
    def test_a_pillow_image(self, client, photo, mode, shape, dtype):
        image = PillowImage.fromarray(photo)
        image = image.convert("L").convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
        result = client.process(image)
        assert (result.array.shape, result.array.dtype) == (shape, dtype)
        if mode in ("L", "RGB", "RGBA", "I;16", "F"):
            np.testing.assert_array_equal(result.array, np.asarray(image))
            np.testing.assert_array_equal(np.asarray(result.to_pillow()), np.asarray(image))

    def test_a_pillow_image_becomes_upright(self, client, photo):
        exif = PillowImage.Exif()
        exif[0x0112] = 6
        with PillowImage.open(io.BytesIO(v1.encoded(photo, "PNG", exif=exif))) as image:
            np.testing.assert_array_equal(client.process(image).array, np.rot90(photo, -1))

    @pytest.mark.parametrize(
        ("image", "kind", "message"),
        [
            (b"", InvalidImageError, "^image: 0 bytes, expected an image file$"),
            ([[1]], InvalidImageError, "^image: list, expected an array, an image file's bytes or path, or"),
            (
                memoryview(b"123456")[::2],
                InvalidImageError,
                "^image: a strided memoryview, expected bytes in one",
            ),
            (
                np.zeros((4, 4)),
                InvalidImageError,
                "^image.dtype: float64, expected one of uint8, uint16, float32",
            ),
            (np.zeros((4, 4), ">u2"), InvalidImageError, "^image.dtype: >u2, expected one of uint8"),
            (
                np.broadcast_to(np.uint8(0), (1 << 16, 1 << 15)),
                InvalidImageError,
                "^image: 2147483648 bytes, exp",
            ),
            ("/nonexistent/a.png", ImageReadError, "^/nonexistent/a.png: no such file$"),
            ("/", ImageReadError, "^/: Is a directory$"),
            ("a\0b", ImageReadError, "embedded null byte"),
        ],
        ids=lambda value: "memoryview" if isinstance(value, memoryview) else str(value),
    )
    def test_what_is_none_is_not_sent(self, image, kind, message):
        with imgsvc.Client("unix:/nonexistent") as unconnected, pytest.raises(kind, match=message):
            unconnected.process(image)


class TestOutputs:
    @pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif", "tiff", "gif", "bmp"])
    def test_each_format(self, client, jpeg, kind):
        result = client.process(jpeg, "resize width=32", output=kind)
        assert (result.format, result.width, result.height) == (kind, 32, 48)
        assert v1.opened(result.data).size == (32, 48)
        assert result.array.shape[:2] == (48, 32)

    def test_options(self, client, photo):
        small = client.process(photo, output=imgsvc.Output("jpeg", quality=20))
        assert len(small.data) < len(client.process(photo, output="jpeg").data) / 2

    def test_several(self, client, jpeg):
        results = client.process_outputs(
            jpeg,
            "grayscale",
            outputs={
                "thumb": imgsvc.Output("webp", pipeline="resize width=16"),
                "whole": "raw",
                "none": imgsvc.Output(pipeline="crop left=0 top=0 width=500 height=1"),
            },
        )
        assert list(results) == ["thumb", "whole", "none"]
        assert (results["thumb"].name, results["thumb"].format, results["thumb"].width) == (
            "thumb",
            "webp",
            16,
        )
        assert results["whole"].array.shape == (97, 64)
        assert isinstance(results["none"], RequestRefusedError)
        assert results["none"].field == "recipe.outputs[2].operations[0].crop.left + width"

    def test_decoding(self, client, rng):
        deep = rng.integers(0, 65536, (20, 30), dtype=np.uint16)
        file = v1.encoded(deep)
        kept = client.process(file, decoding=DecodeOptions(depth="keep"), output="raw")
        np.testing.assert_array_equal(kept.array, deep)
        assert client.process(file, output="raw").array.dtype == np.uint8
        # A file that came with 16 bits is shown with 16 bits.
        file = client.process(file, decoding=DecodeOptions(depth="keep"))
        np.testing.assert_array_equal(file.array, deep)

    def test_a_damaged_file(self, client, photo):
        cut = v1.encoded(photo)[:-500]
        with pytest.raises(RequestRefusedError, match="a PNG file that ends too early"):
            client.process(cut, output="raw")
        taken = DecodeOptions(damaged="partial")
        result = client.process(cut, output="raw", decoding=taken)
        assert result.notes[-1] == "the file is damaged: some of its pixels are missing"
        [(_, same)] = client.process_many([(1, cut)], output="raw", decoding=taken)
        np.testing.assert_array_equal(same.array, result.array)

    def test_what_becomes_of_damaged_files_is_the_preset_s_unless_it_is_said(self, serve, tmp_path, photo):
        presets = tmp_path / "presets.toml"
        presets.write_text('[patient]\npipeline = "invert"\ndamaged = "partial"\n')
        cut = v1.encoded(photo)[:-500]
        with imgsvc.Client(serve("--port", "0", "--presets", presets).target) as connected:
            for decoding in (None, DecodeOptions(), DecodeOptions(damaged="partial")):
                assert connected.process(cut, preset="patient", output="raw", decoding=decoding).notes
            with pytest.raises(RequestRefusedError, match="ends too early"):
                connected.process(cut, preset="patient", decoding=DecodeOptions(damaged="refuse"))

    def test_a_preset(self, serve, tmp_path, photo):
        presets = tmp_path / "presets.toml"
        presets.write_text('[thumbnail]\npipeline = "resize width=16"\nformat = "png"\n')
        server = serve("--port", "0", "--presets", presets)
        with imgsvc.Client(server.target) as connected:
            result = connected.process(photo, preset="thumbnail")
            assert (result.format, result.width) == ("png", 16)
            assert [preset.name for preset in connected.server_info().presets] == ["thumbnail"]
            with pytest.raises(
                RequestRefusedError, match="recipe.preset: 'other', expected one of thumbnail"
            ):
                connected.process(photo, preset="other")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"pipeline": "blur"}, "blur"),
            ({"output": "jpg2"}, "^format: 'jpg2', expected one of"),
            ({"output": 3}, "^output: 3, expected a format, an imgsvc.Output, or a dict of these$"),
            ({"preset": 3}, "^preset: 3, expected a name$"),
            ({"decoding": "keep"}, "^decoding: 'keep', expected imgsvc.codec.DecodeOptions$"),
            ({"timeout": 0}, "^timeout: 0, expected seconds above 0"),
        ],
        ids=str,
    )
    def test_wrong_options_are_not_sent(self, photo, options, message):
        with (
            imgsvc.Client("unix:/nonexistent") as unconnected,
            pytest.raises(InvalidParameterError, match=message),
        ):
            unconnected.process(photo, **options)

    def test_a_file_that_is_none(self, client):
        with pytest.raises(RequestRefusedError, match="INVALID_ARGUMENT: image: bytes of no known"):
            client.process(b"GIF8 is not enough")


class TestSaving:
    def test_a_file_as_it_came(self, client, jpeg, tmp_path):
        result = client.process(jpeg)
        result.save(tmp_path / "a.jpeg")
        assert (tmp_path / "a.jpeg").read_bytes() == result.data

    @pytest.mark.parametrize("name", ["a.png", "b.tif", "c.BMP"])
    def test_pixels_in_the_format_of_the_name(self, client, photo, tmp_path, name):
        client.process(photo).save(tmp_path / name)
        with PillowImage.open(tmp_path / name) as written:
            np.testing.assert_array_equal(np.asarray(written), photo)

    def test_deep_pixels(self, client, rng, tmp_path):
        deep = rng.integers(0, 65536, (20, 30), dtype=np.uint16)
        client.process(deep).save(tmp_path / "a.png")
        np.testing.assert_array_equal(
            decode((tmp_path / "a.png").read_bytes(), DecodeOptions(depth="keep")).frames[0], deep
        )

    @pytest.mark.parametrize(
        ("name", "output", "message"),
        [
            ("a.xyz", "png", "a.xyz: no format for the extension to write: use .jpg, .png"),
            ("a", "raw", "a: no format for the extension to write"),
            ("a.jpg", "png", r"a.jpg: the result is png: name it .png, or ask for output 'jpeg'$"),
            ("no/a.png", "png", "no/a.png: cannot be written: No such file or directory$"),
            ("a.gif", "deep", "a.gif: cannot be written: "),
        ],
    )
    def test_errors(self, client, photo, tmp_path, name, output, message):
        if output == "deep":
            result = client.process(photo[..., 0].astype(np.uint16))
        else:
            result = client.process(photo, output=output)
        with pytest.raises(ImageWriteError, match=message):
            result.save(tmp_path / name)
        assert not list(tmp_path.iterdir())


class TestReports:
    def test_plan(self, client, photo, jpeg):
        report = client.plan(
            jpeg, "resize width=32", output={"a": "png", "b": imgsvc.Output(pipeline="rotate90")}
        )
        assert (report.input.width, report.input.height, report.input.format) == (64, 97, "jpeg")
        images = {output.name: output.image for output in report.outputs}
        assert (images["a"].width, images["a"].height, images["a"].format) == (32, 48, "png")
        assert (images["b"].width, images["b"].height, images["b"].format) == (48, 32, "jpeg")
        assert report.cost_ms > 0
        assert report.num_bytes > 0
        assert report.broken_limits == ()
        crop = "crop left=0 top=0 width=500 height=1"
        with pytest.raises(RequestRefusedError, match=r"crop.left \+ width: 500, expected at most 64"):
            client.plan(photo, crop)
        fine, failing = client.plan(photo, output={"a": "raw", "b": imgsvc.Output(pipeline=crop)}).outputs
        assert (fine.image.format, fine.error) == ("raw", None)
        assert failing.image is None
        assert failing.error.field == "recipe.outputs[1].operations[0].crop.left + width"

    def test_a_plan_of_the_beginning_of_a_file_knows_its_size(self, client, rng):
        file = v1.encoded(rng.integers(0, 256, (600, 800, 3), np.uint8), "JPEG", quality=100)
        assert len(file) > 2 * PLANNED_BYTES
        half = client.plan(file[:PLANNED_BYTES], "rotate90", output="raw")
        whole = client.plan(file, "rotate90", output="raw")
        assert whole.num_bytes - half.num_bytes == FILE_COPIES * (len(file) - PLANNED_BYTES)

    def test_a_plan_of_pixels_that_are_not_sent(self, client):
        huge = np.broadcast_to(np.uint8(0), (40000, 40000))
        assert [limit.field for limit in client.plan(huge).broken_limits] != []

    def test_a_plan_of_all_frames_counts_them_all(self, client, rng):
        frames = [PillowImage.fromarray(rng.integers(0, 256, (200, 200), np.uint8)) for _ in range(20)]
        stream = io.BytesIO()
        frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])
        assert len(stream.getvalue()) > 2 * PLANNED_BYTES
        every = DecodeOptions(frames="all")
        report = client.plan(stream.getvalue(), "resize width=10", output="webp", decoding=every)
        assert report.input.frames == report.outputs[0].image.frames == 20

    def test_a_plan_of_a_file_whose_header_is_at_its_end(self, client, rng):
        stream = io.BytesIO()
        PillowImage.fromarray(rng.integers(0, 256, (400, 500, 3), dtype=np.uint8)).save(stream, "TIFF")
        assert len(stream.getvalue()) > 1 << 18
        assert client.plan(stream.getvalue()).input.width == 500

    def test_operations(self, client):
        found = {operation.name: operation for operation in client.list_operations()}
        assert set(found) == set(OPERATIONS)
        assert [(p.name, p.required, p.default) for p in found["gaussian_blur"].parameters] == [
            ("sigma", True, ""), ("border", False, "reflect101"), ("alpha", False, "weighted"),
        ]  # fmt: skip

    def test_server_info(self, client):
        info = client.server_info()
        assert info.version == imgsvc.__version__
        assert info.limits["max_pixels"] == 100_000_000
        assert {each.name for each in info.formats if each.encodes} >= {"jpeg", "png", "gif", "bmp"}
        assert "numpy" in info.libraries
