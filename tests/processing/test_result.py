"""Results where Python's others meet them: NumPy, notebooks, files that are open."""

import base64
import copy
import dataclasses
import html.parser
import io
import multiprocessing
import pickle
import re
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import imgsvc
from imgsvc.codec import DecodeOptions, decode, format_of
from imgsvc.errors import ImageWriteError, InvalidParameterError
from imgsvc.processing.result import Result
from tests.codec import profiles


class TestNumPy:
    def test_it_is_an_array_to_numpy(self, photo):
        for output in ("raw", "png"):
            result = imgsvc.process(photo, output=output)
            np.testing.assert_array_equal(result, photo)
            assert np.asarray(result) is result.array
            assert np.asarray(result, np.float64).dtype == np.float64
            assert np.mean(result) == photo.mean()

    def test_copies(self, photo):
        result = imgsvc.process(photo)
        copy = np.array(result)
        copy[...] = 0
        np.testing.assert_array_equal(result.array, photo)
        assert result.__array__(copy=True) is not result.array
        assert result.__array__(copy=False) is result.__array__() is result.array
        assert result.__array__(np.uint8, copy=False) is result.array
        with pytest.raises(ValueError, match="^uint8 pixels become float32 by a copy alone$"):
            result.__array__(np.float32, copy=False)


class TestSave:
    def test_what_is_a_file_is_written_as_it_came(self, photo):
        for output in ("png", "webp", "jpeg"):
            result = imgsvc.process(photo, output=output)
            file = io.BytesIO()
            result.save(file)
            assert file.getvalue() == result.data
            result.save(file, format=output)
            assert file.getvalue() == bytes(result.data) * 2, "from where it stands"
            assert not file.closed

    def test_pixels_are_written_in_a_format(self, photo, tmp_path):
        result = imgsvc.process(photo)
        with (tmp_path / "file").open("wb") as file:
            result.save(file, format="png")
        np.testing.assert_array_equal(decode((tmp_path / "file").read_bytes()).frames[0], photo)
        with pytest.raises(
            InvalidParameterError, match="^format: nothing, expected one of 'jpeg', 'pn.* own"
        ):
            result.save(io.BytesIO())

    def test_paths_have_a_format_too(self, photo, tmp_path):
        result = imgsvc.process(photo)
        result.save(tmp_path / "without", format="webp")
        assert (tmp_path / "without").read_bytes()[8:12] == b"WEBP"
        result.save(tmp_path / "a.png", "png")
        for each, name, kind, text in (
            (result, "a.jpg", "png", "a.jpg: the extension is of jpeg, expected one of png$"),
            (result, "a.xyz", None, "a.xyz: no format for the extension to write: use .jpg"),
            (
                imgsvc.process(photo, output="webp"),
                "a",
                "png",
                "the result is webp: name it .webp, or",
            ),
        ):
            with pytest.raises(ImageWriteError, match=text):
                each.save(tmp_path / name, format=kind)
            assert not (tmp_path / name).exists()

    @pytest.mark.parametrize("name", ["jpg", "JPG", "Jpeg"])
    def test_other_names_of_a_format(self, photo, tmp_path, name):
        file = io.BytesIO()
        for result in (imgsvc.process(photo, output=name), imgsvc.process(photo)):
            result.save(file, format=name)
            result.save(tmp_path / "z.jpg", format=name)
            result.save(tmp_path / "Z.JPG")
            for written in (file.getvalue(), *(path.read_bytes() for path in tmp_path.iterdir())):
                assert format_of(written) == "jpeg"
        with pytest.raises(ImageWriteError, match="z.png: the extension is of png, expected one of jpeg$"):
            result.save(tmp_path / "z.png", format=name)

    def test_what_cannot_be_written(self, photo, tmp_path):
        result = imgsvc.process(photo, output="png")
        with pytest.raises(ImageWriteError, match=r"^BytesIO: the result is png: name it .png, or ask"):
            result.save(io.BytesIO(), format="jpeg")
        with pytest.raises(InvalidParameterError, match="^format: 'jp', expected one of 'jpeg', 'png'"):
            result.save(io.BytesIO(), format="jp")
        for thing in (5, None, b"a.png", io.BytesIO):
            with pytest.raises(InvalidParameterError, match=r"^path: .*, expected a path, or a file that"):
                result.save(thing)
        for mode in ("w", "rb"):
            text = r"text.txt: cannot be written: write"
            with (tmp_path / "text.txt").open(mode) as file, pytest.raises(ImageWriteError, match=text):
                result.save(file)
        deep = imgsvc.process(photo, "convert float32")
        with pytest.raises(ImageWriteError, match="^BytesIO: cannot be written: image.dtype: RGB fl"):
            deep.save(io.BytesIO(), format="jpeg")

    def test_what_takes_a_part_at_a_time(self, photo):
        class Slow(io.RawIOBase):
            def __init__(self):
                self.taken = b""

            def write(self, data):
                self.taken += bytes(data[:100])
                return min(100, len(data))

        class Full(io.RawIOBase):
            def write(self, data):
                return 0

        result = imgsvc.process(photo, output="png")
        file = Slow()
        result.save(file)
        assert file.taken == result.data
        with pytest.raises(ImageWriteError, match="^Full: cannot be written: it takes no bytes$"):
            result.save(Full())


class TestPickle:
    """Out of a DataLoader's worker processes and the like."""

    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    @pytest.mark.parametrize("output", ["raw", "png"])
    def test_it_comes_back_as_it_was(self, photo, output, protocol):
        result = imgsvc.process(photo, "letterbox 200x100", output=output)
        result = dataclasses.replace(result, name="a", notes=("lost",), icc_profile=b"profile")
        again = pickle.loads(pickle.dumps(result, protocol))
        for field in dataclasses.fields(result):
            if field.name != "pixels":
                assert getattr(again, field.name) == getattr(result, field.name)
        np.testing.assert_array_equal(again.array, result.array)
        assert again.array.dtype == result.array.dtype
        assert not again.array.flags.writeable
        assert again.data is None or again.data.readonly
        assert again.placement == result.placement

    def test_nothing_goes_along_twice(self, photo):
        result = imgsvc.process(photo, output="png")
        size = len(pickle.dumps(result))
        assert size < len(result.data) + 1000
        assert result.array.size
        assert result._repr_png_()
        assert len(pickle.dumps(result)) == size, "what was decoded is decoded again"
        whole = dataclasses.replace(result, data=memoryview(bytes(1_000_000))[:10])
        assert len(pickle.dumps(whole)) < 1000, "of an answer that others are in, too"

    def test_buffers_stay_where_they_are(self, photo):
        for output in ("raw", "png"):
            result = imgsvc.process(photo, output=output)
            buffers = []
            small = pickle.dumps(result, 5, buffer_callback=buffers.append)
            assert len(small) < 1000
            for given in (buffers, [bytearray(buffer) for buffer in buffers]):
                again = pickle.loads(small, buffers=given)
                assert not again.array.flags.writeable
                assert again.data is None or again.data.readonly
                np.testing.assert_array_equal(again, result)

    def test_copies_are_of_the_same_pixels(self, photo):
        result = imgsvc.process(photo)
        assert np.shares_memory(copy.copy(result).array, result.array)
        np.testing.assert_array_equal(copy.deepcopy(imgsvc.process(photo, output="png")), photo)

    def test_worker_processes_return_results_and_errors(self, photo):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            result = pool.submit(imgsvc.process, photo, "invert", output="png").result()
            np.testing.assert_array_equal(result, 255 - photo)
            with pytest.raises(InvalidParameterError, match="^width: 0, expected"):
                pool.submit(imgsvc.resize, photo, width=0).result()


class Shown(html.parser.HTMLParser):
    """What a browser makes of it."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


class TestNotebooks:
    def test_small_images_are_shown_pixel_by_pixel(self, photo):
        for output in ("raw", "png", "tiff"):
            shown = imgsvc.process(photo, output=output)._repr_png_()
            np.testing.assert_array_equal(decode(shown).frames[0], photo)

    @pytest.mark.parametrize("shape", [(1500, 3000, 3), (3000, 1500, 4), (5000, 3), (2, 4000, 1)])
    def test_large_ones_are_shrunk_by_our_own_resize(self, rng, shape):
        image = rng.integers(0, 256, shape, np.uint8)
        shown = decode(imgsvc.process(image)._repr_png_()).frames[0]
        height, width = shown.shape[:2]
        assert max(height, width) == 1024
        expected = imgsvc.resize(image, width=width, height=height, resample="bilinear")
        np.testing.assert_array_equal(shown, expected.reshape(shown.shape))
        assert (
            round(height * shape[1] / width) in range(shape[0] - 2, shape[0] + 3) or min(height, width) == 1
        )

    def test_of_a_large_jpeg_no_more_is_decoded_than_it_takes(self, monkeypatch):
        result = imgsvc.process(np.zeros((4000, 6000, 3), np.uint8), output="jpeg")
        asked = []
        monkeypatch.setattr(
            "imgsvc.processing.preview.decode",
            lambda *args, **kwargs: asked.append(kwargs) or decode(*args, **kwargs),
        )
        assert decode(result._repr_png_()).frames[0].shape == (683, 1024, 3)
        assert asked == [{"at_least": (1024, 683)}]
        assert not result.has_pixels

    @pytest.mark.parametrize("dtype", ["uint16", "float32"])
    def test_deep_ones_as_bytes(self, photo, dtype):
        result = imgsvc.process(photo, imgsvc.operations.Convert(dtype))
        np.testing.assert_array_equal(decode(result._repr_png_()).frames[0], photo)

    def test_html_has_the_same_image_and_what_it_is(self, photo):
        result = imgsvc.process(photo, "invert", output="webp")
        shown = Shown(result._repr_html_())
        assert [tag for tag, _ in shown.tags] == ["figure", "img", "figcaption"]
        data = shown.tags[1][1]["src"].removeprefix("data:image/png;base64,")
        assert base64.b64decode(data) == result._repr_png_()
        assert shown.text == f"webp, 64×97 pixels, {len(result.data):,} bytes"

    def test_everything_is_escaped(self, photo):
        evil = "\"'><script>alert(1)</script>&amp;"
        result = imgsvc.process(photo, output="png")
        result = dataclasses.replace(result, name=evil, format=evil, notes=(evil, evil))
        text = result._repr_html_()
        shown = Shown(text)
        assert [tag for tag, _ in shown.tags] == ["figure", "img", "figcaption", "br", "br"]
        assert shown.tags[1][1].keys() == {"src", "alt", "style"}
        assert shown.text.count(evil) == 4
        assert "<script" not in text
        assert re.fullmatch(r"[\w+/=]+", shown.tags[1][1]["src"].removeprefix("data:image/png;base64,"))

    @pytest.mark.parametrize("data", [b"", b"no image", b"\xff\xd8\xff\xe0 cut"])
    def test_nothing_is_raised(self, data):
        result = Result("", "jpeg", 10, 10, memoryview(data), ("lost",))
        assert result._repr_png_() is None
        shown = Shown(result._repr_html_())
        assert [tag for tag, _ in shown.tags] == ["figure", "figcaption", "br"]
        assert "lost" in shown.text

    def test_a_colour_profile_goes_with_pixels(self, photo):
        result = dataclasses.replace(imgsvc.process(photo), icc_profile=profiles.rgb(profiles.gamma(1.8)))
        kept = decode(result._repr_png_(), DecodeOptions(color="keep"))
        np.testing.assert_array_equal(kept.frames[0], photo)
        assert kept.icc_profile == result.icc_profile
