"""The examples do what they say."""

import importlib.util
import inspect
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imgsvc
from imgsvc.codec import decode, format_of

EXAMPLES = Path(__file__).parent.parent / "examples"
PHOTO = EXAMPLES / "photo.jpg"  # 600 x 400
UPLOAD = PHOTO.read_bytes()


def example(name):
    spec = importlib.util.spec_from_file_location(f"examples.{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WEB, TRAINING, DESK = map(example, ("web", "training", "desk"))


def size(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.size


@pytest.mark.parametrize("module", [WEB, TRAINING, DESK], ids=lambda module: module.__name__)
def test_there_are_six_of_each(module):
    functions = [
        each
        for _, each in inspect.getmembers(module, inspect.isfunction)
        if each.__module__ == module.__name__
    ]
    assert len(functions) == 6
    for function in functions:
        lines = inspect.getsource(function).splitlines()
        assert len(lines) <= 12, "a few lines each"
        assert any(line.startswith("    # ") for line in lines), "what the same takes elsewhere"


class TestWeb:
    def test_avatar(self):
        assert (format_of(WEB.avatar(UPLOAD)), size(WEB.avatar(UPLOAD))) == ("webp", (256, 256))

    def test_responsive(self):
        sizes = {name: size(data) for name, data in WEB.responsive(UPLOAD).items()}
        assert sizes == {"320.webp": (320, 213), "640.webp": (600, 400), "1280.webp": (600, 400)}

    def test_product(self):
        pixels = decode(WEB.product(UPLOAD)).frames[0]
        assert pixels.shape == (600, 600, 3)
        assert pixels[:90].min() > 250
        assert pixels[-90:].min() > 250

    def test_within(self):
        data = WEB.within(UPLOAD)
        assert len(data) <= 20_000
        assert size(data) == (800, 533)

    def test_placeholder(self):
        red, green, blue = bytes.fromhex(WEB.placeholder(UPLOAD)[1:])
        mean = decode(UPLOAD).frames[0].reshape(-1, 3).mean(0)
        assert np.abs(np.array([red, green, blue]) - mean).max() < 4

    def test_is_taken(self):
        assert WEB.is_taken(UPLOAD) is None
        assert "ends too early" in WEB.is_taken(UPLOAD[:20_000])
        assert "no known format" in WEB.is_taken(b"a letter")


class TestTraining:
    def test_letterboxed(self):
        pixels, placement = TRAINING.letterboxed(PHOTO)
        assert pixels.shape == (640, 640, 3)
        corners = placement.to_source([[0, 106], [640, 533]])
        np.testing.assert_allclose(corners, [[0, 0], [600, 400]], atol=1)
        assert (pixels[:100] == 0x72).all()
        assert (pixels[-100:] == 0x72).all()

    def test_center_crop_and_normalized(self):
        assert TRAINING.center_crop(PHOTO).shape == (224, 224, 3)
        floats = TRAINING.normalized(PHOTO)
        assert (floats.shape, floats.dtype) == ((3, 224, 224), np.float32)
        np.testing.assert_array_equal(np.rint(floats * 255), TRAINING.center_crop(PHOTO).transpose(2, 0, 1))

    @pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "CMYK"])
    def test_files_of_every_kind_become_rgb(self, mode, tmp_path):
        with Image.open(PHOTO) as photo:
            if mode.endswith("A"):
                photo.putalpha(Image.linear_gradient("L").resize(photo.size))
            path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
            photo.convert(mode).save(path)
        crop = TRAINING.center_crop(path)
        assert (crop.shape, crop.dtype) == ((224, 224, 3), np.uint8)
        if mode in {"L", "LA", "1"}:
            assert (crop == crop[:, :, :1]).all()
        if mode.endswith("A"):
            assert crop[0].min() > 250, "white shines through"
        floats = TRAINING.normalized(path)
        np.testing.assert_array_equal(np.rint(floats * 255), crop.transpose(2, 0, 1))
        assert TRAINING.letterboxed(path)[0].shape == (640, 640, 3)
        images = TRAINING.batch([path, PHOTO])
        assert images.shape == (2, 224, 224, 3)
        np.testing.assert_array_equal(images[0], crop)

    def test_what_is_rgb_stays_as_it_is(self):
        plain = imgsvc.process(PHOTO, "resize 224x224 cover resample=bicubic", output="raw")
        np.testing.assert_array_equal(TRAINING.center_crop(PHOTO), plain)

    def test_augmented(self):
        image = TRAINING.center_crop(PHOTO)
        first, again = (TRAINING.augmented(image, np.random.default_rng(3)) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert first.shape == image.shape
        assert not np.array_equal(first, image)

    def test_batch(self):
        images = TRAINING.batch([PHOTO] * 5)
        assert images.shape == (5, 224, 224, 3)
        np.testing.assert_array_equal(images[3], TRAINING.center_crop(PHOTO))

    def test_eight_bits(self, tmp_path):
        assert TRAINING.eight_bits(np.array([[0, 1000, 2000, 65535]], np.uint16), 1000, 2000).tolist() == [
            [0, 0, 255, 255]
        ]
        every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
        Image.fromarray(every).save(tmp_path / "deep.png")
        expected = np.clip((every.astype(float) - 300) / 40000, 0, 1) * 255
        for image in (every, tmp_path / "deep.png"):
            result = TRAINING.eight_bits(image, 300, 40300)
            assert result.dtype == np.uint8
            assert np.abs(result - expected).max() < 0.501


class TestDesk:
    def test_smaller(self, tmp_path):
        DESK.smaller(PHOTO, tmp_path / "b.png")
        assert size((tmp_path / "b.png").read_bytes()) == (300, 200)

    @pytest.mark.parametrize("name", ["A.JPG", "A.Tif", "a.jpeg"])
    def test_names_in_capitals(self, tmp_path, name):
        for write in (DESK.smaller, DESK.framed):
            write(PHOTO, tmp_path / name)
            kind = "tiff" if name.endswith("Tif") else "jpeg"
            assert format_of((tmp_path / name).read_bytes()) == kind

    def test_black_and_white(self, tmp_path):
        DESK.black_and_white(PHOTO, tmp_path / "page.png")
        with Image.open(tmp_path / "page.png") as image:
            assert len(image.convert("L").getcolors()) == 2
        assert (tmp_path / "page.png").stat().st_size < 600 * 400 // 8

    def test_readable(self, tmp_path):
        DESK.readable(PHOTO, tmp_path / "b.jpg")
        before, after = (decode(path.read_bytes()).frames[0] for path in (PHOTO, tmp_path / "b.jpg"))
        assert after.std() > before.std()

    def test_readable_of_what_lies_askew(self, tmp_path):
        page = np.full((300, 400), 255, np.uint8)
        page[100:200, 60:340] = np.arange(100)[:, np.newaxis] % 20 * 6
        scan = Image.fromarray(page).rotate(-2, resample=Image.Resampling.BICUBIC, fillcolor=255)
        scan.save(tmp_path / "scan.png")
        DESK.readable(tmp_path / "scan.png", tmp_path / "page.jpg", 2)
        width, height = size((tmp_path / "page.jpg").read_bytes())
        assert abs(width - 280) <= 8
        assert abs(height - 100) <= 8

    def test_turned(self, tmp_path):
        shutil.copy(PHOTO, tmp_path)
        shutil.copy(PHOTO, tmp_path / "A.JPG")
        for _ in range(2):
            assert DESK.turned(tmp_path) == [tmp_path / "A-turned.jpg", tmp_path / "photo-turned.jpg"]
        assert size((tmp_path / "photo-turned.jpg").read_bytes()) == (400, 600)
        assert len(list(tmp_path.iterdir())) == 4

    def test_framed(self, tmp_path):
        DESK.framed(PHOTO, tmp_path / "framed.png")
        pixels = decode((tmp_path / "framed.png").read_bytes()).frames[0]
        assert pixels.shape == (480, 680, 3)
        assert (pixels[:40] == 255).all()

    def test_for_mail(self):
        exif = Image.Exif()
        exif.get_ifd(0x8825)[1] = "N"
        with io.BytesIO() as file, Image.open(PHOTO) as photo:
            photo.resize((2400, 1600)).save(file, "JPEG", quality=99, exif=exif)
            (data,) = DESK.for_mail([file.getvalue()])
        assert len(data) <= 100_000
        assert size(data)[0] == 1600
        with Image.open(io.BytesIO(data)) as image:
            assert not image.getexif()

    @pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
    def test_a_png_for_mail(self, tmp_path, mode):
        with Image.open(PHOTO) as photo:
            photo.convert(mode).save(tmp_path / "a.png")
        (data,) = DESK.for_mail([tmp_path / "a.png"])
        assert format_of(data) == "jpeg"
        assert len(data) <= 100_000
