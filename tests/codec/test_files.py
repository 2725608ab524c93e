"""Image files of every kind that matters, made here."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from imgsvc.codec import EncoderOptions, Photo, check_writable, read_image, write_image
from imgsvc.errors import ImageReadError, ImageWriteError

WIDTH, HEIGHT = 9, 5


@pytest.fixture
def gray(rng):
    return rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)


@pytest.fixture
def rgb(rng):
    return rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def write_png_of_16_bit_colour(path, rows):
    """Write what Pillow only reads."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 16, 2, 0, 0, 0)
    data = b"".join(b"\0" + b"".join(struct.pack(">3H", *pixel) for pixel in row) for row in rows)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


class TestRead:
    @pytest.mark.parametrize("extension", ["png", "tif", "bmp", "webp", "ppm"])
    def test_lossless_formats(self, tmp_path, rgb, extension):
        if extension == "webp" and not features.check("webp"):
            pytest.skip("this Pillow has no WebP")
        path = tmp_path / f"image.{extension}"
        Image.fromarray(rgb).save(path, **({"lossless": True} if extension == "webp" else {}))
        photo = read_image(path)
        np.testing.assert_array_equal(photo.pixels, rgb)
        assert photo.notes == ()

    def test_grayscale_stays_grayscale(self, tmp_path, gray):
        path = tmp_path / "image.png"
        Image.fromarray(gray).save(path)
        np.testing.assert_array_equal(read_image(path).pixels, gray)

    def test_a_bilevel_image_becomes_black_and_white_gray(self, tmp_path, gray):
        path = tmp_path / "image.png"
        Image.fromarray(gray > 127).save(path)
        np.testing.assert_array_equal(read_image(path).pixels, (gray > 127) * np.uint8(255))

    def test_a_palette_is_looked_up(self, tmp_path):
        path = tmp_path / "image.gif"
        indexed = Image.new("P", (2, 1))
        indexed.putpalette([10, 20, 30, 200, 100, 50])
        indexed.putpixel((1, 0), 1)
        indexed.save(path)
        photo = read_image(path)
        assert photo.pixels.tolist() == [[[10, 20, 30], [200, 100, 50]]]
        assert photo.notes == ()

    def test_alpha_is_dropped_with_a_note(self, tmp_path, rng):
        path = tmp_path / "image.png"
        rgba = rng.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
        Image.fromarray(rgba).save(path)
        photo = read_image(path)
        np.testing.assert_array_equal(photo.pixels, rgba[..., :3])
        assert photo.notes == ("alpha is dropped",)

    def test_gray_with_alpha_stays_gray(self, tmp_path, rng, gray):
        path = tmp_path / "image.png"
        alpha = rng.integers(0, 255, gray.shape, dtype=np.uint8)
        Image.merge("LA", [Image.fromarray(gray), Image.fromarray(alpha)]).save(path)
        photo = read_image(path)
        np.testing.assert_array_equal(photo.pixels, gray)
        assert photo.notes == ("alpha is dropped",)

    def test_opaque_alpha_is_no_loss(self, tmp_path, rgb):
        path = tmp_path / "image.png"
        Image.fromarray(rgb).convert("RGBA").save(path)
        assert read_image(path).notes == ()

    def test_a_transparent_palette(self, tmp_path):
        path = tmp_path / "image.gif"
        indexed = Image.new("P", (2, 1))
        indexed.putpalette([10, 20, 30, 200, 100, 50])
        indexed.save(path, transparency=0)
        assert read_image(path).notes == ("alpha is dropped",)

    def test_16_bit_gray_is_rounded(self, tmp_path):
        path = tmp_path / "image.png"
        values = np.array([[0, 128, 129, 257, 32767, 65535]], np.uint16)
        Image.fromarray(values).save(path)
        photo = read_image(path)
        assert photo.pixels.tolist() == [[0, 0, 1, 1, 127, 255]]
        assert photo.notes == ("16 bits are rounded to 8",)

    def test_16_bit_colour_is_cut_with_a_note(self, tmp_path):
        path = tmp_path / "image.png"
        write_png_of_16_bit_colour(path, [[(0x01FF, 0x00FF, 0xFFFF), (0x8000, 0x7FFF, 0x0180)]])
        photo = read_image(path)
        assert photo.pixels.tolist() == [[[0x01, 0x00, 0xFF], [0x80, 0x7F, 0x01]]]
        assert photo.notes == ("16 bits a channel are cut to 8",)

    @pytest.mark.parametrize("values", [(0, 11), (0, 1 << 20), (-5, 5)])
    def test_32_bit_labels_are_refused(self, tmp_path, values):
        path = tmp_path / "labels.tif"
        Image.fromarray(np.array([values], np.int32)).save(path)
        with pytest.raises(ImageReadError, match="its pixels are 32-bit integers: save it with 8 or 16 bits"):
            read_image(path)

    def test_a_palette_with_degrees_of_transparency(self, tmp_path):
        path = tmp_path / "image.png"
        indexed = Image.new("P", (2, 1))
        indexed.putpalette([10, 20, 30, 200, 100, 50])
        indexed.putpixel((1, 0), 1)
        indexed.save(path, transparency=bytes([255, 128]))
        photo = read_image(path)
        assert photo.pixels.tolist() == [[[10, 20, 30], [200, 100, 50]]]
        assert photo.notes == ("alpha is dropped",)

    def test_32_bit_pixels_are_refused(self, tmp_path):
        for name, pixels in (
            ("floats", np.ones((2, 2), np.float32)),
            ("32-bit", np.full((2, 2), 1 << 20, np.int32)),
        ):
            path = tmp_path / "image.tif"
            Image.fromarray(pixels).save(path)
            with pytest.raises(
                ImageReadError, match=rf"image\.tif: its pixels are {name}.*save it with 8 or 16 bits"
            ):
                read_image(path)

    def test_cmyk_is_converted_with_a_note(self, tmp_path):
        path = tmp_path / "image.tif"
        Image.new("CMYK", (2, 2), (255, 0, 0, 0)).save(path)
        photo = read_image(path)
        assert photo.pixels[0, 0].tolist() == [0, 255, 255]
        assert photo.notes == ("CMYK is converted to RGB",)

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_the_exif_orientation_is_applied(self, tmp_path, rgb, orientation):
        path = tmp_path / "image.png"
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(rgb).save(path, exif=exif)
        upright = {
            1: rgb, 2: rgb[:, ::-1], 3: rgb[::-1, ::-1], 4: rgb[::-1],
            5: rgb.swapaxes(0, 1), 6: np.rot90(rgb, -1), 7: np.rot90(rgb, 2).swapaxes(0, 1), 8: np.rot90(rgb),
        }[orientation]  # fmt: skip
        np.testing.assert_array_equal(read_image(path).pixels, upright)

    def test_the_first_frame_of_an_animation(self, tmp_path):
        path = tmp_path / "image.gif"
        frames = [Image.new("L", (3, 3), value) for value in (10, 200, 90)]
        frames[0].save(path, save_all=True, append_images=frames[1:])
        photo = read_image(path)
        assert np.unique(photo.pixels).tolist() == [10]
        assert photo.notes == ("only the first of 3 frames is used",)

    def test_the_content_counts_and_not_the_name(self, tmp_path, rgb):
        path = tmp_path / "image.jpg"
        Image.fromarray(rgb).save(path, format="PNG")
        np.testing.assert_array_equal(read_image(path).pixels, rgb)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(ImageReadError, match=r"none\.png: no such file$"):
            read_image(tmp_path / "none.png")

    def test_a_folder(self, tmp_path):
        with pytest.raises(ImageReadError, match=r"Is a directory$"):
            read_image(tmp_path)

    def test_what_is_no_image(self, tmp_path):
        path = tmp_path / "text.png"
        path.write_text("hello")
        with pytest.raises(ImageReadError, match=r"text\.png: not an image in a format that Pillow reads"):
            read_image(path)

    @pytest.mark.parametrize("extension", ["png", "jpg", "gif", "tif", "bmp"])
    def test_a_truncated_image(self, tmp_path, rng, extension):
        path = tmp_path / f"image.{extension}"
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(ImageReadError, match=rf"image\.{extension}: "):
            read_image(path)


class TestWrite:
    @pytest.mark.parametrize("extension", ["png", "PNG", "tif", "bmp"])
    @pytest.mark.parametrize("channels", [(), (3,)])
    def test_round_trip(self, tmp_path, rng, extension, channels):
        path = tmp_path / f"image.{extension}"
        pixels = rng.integers(0, 256, (HEIGHT, WIDTH, *channels), dtype=np.uint8)
        write_image(path, Photo(pixels, None, ()))
        np.testing.assert_array_equal(read_image(path).pixels, pixels)
        assert [entry.name for entry in tmp_path.iterdir()] == [path.name]

    def test_quality_and_compression(self, tmp_path, rng):
        noise = Photo(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), None, ())
        flat = Photo(np.zeros((64, 64, 3), np.uint8), None, ())
        sizes = {}
        for level in (0, 9):
            path = tmp_path / f"{level}.png"
            write_image(path, flat, EncoderOptions(png_compression=level))
            sizes[level] = path.stat().st_size
        for quality in (10, 95):
            path = tmp_path / f"{quality}.jpg"
            write_image(path, noise, EncoderOptions(jpeg_quality=quality))
            sizes[quality] = path.stat().st_size
        assert sizes[9] < sizes[0]
        assert sizes[10] < sizes[95]

    def test_the_colour_profile_stays(self, tmp_path, rgb):
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        Image.fromarray(rgb).save(tmp_path / "in.png", icc_profile=profile)
        photo = read_image(tmp_path / "in.png")
        write_image(tmp_path / "out.jpg", photo)
        with Image.open(tmp_path / "out.jpg") as image:
            assert image.info["icc_profile"] == profile

    def test_an_existing_file_is_replaced_as_a_whole_or_not_at_all(self, tmp_path, gray, monkeypatch):
        path = tmp_path / "image.png"
        path.write_text("before")

        def fail(self, file, **_):
            file.write(b"half")
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(Image.Image, "save", fail)
            with pytest.raises(
                ImageWriteError, match=r"image\.png: cannot be written: No space left on device"
            ):
                write_image(path, Photo(gray, None, ()))
        assert path.read_text() == "before"
        assert len(list(tmp_path.iterdir())) == 1
        write_image(path, Photo(gray, None, ()))
        np.testing.assert_array_equal(read_image(path).pixels, gray)

    def test_the_mode_of_a_file_that_is_replaced_stays(self, tmp_path, gray):
        path = tmp_path / "image.png"
        path.touch(0o600)
        write_image(path, Photo(gray, None, ()))
        assert path.stat().st_mode & 0o777 == 0o600

    def test_a_name_as_long_as_may_be(self, tmp_path, gray):
        path = tmp_path / ("x" * 251 + ".png")
        write_image(path, Photo(gray, None, ()))
        np.testing.assert_array_equal(read_image(path).pixels, gray)

    def test_a_symbolic_link_stays_one(self, tmp_path, gray):
        target, link = tmp_path / "target.png", tmp_path / "link.png"
        link.symlink_to(target)
        write_image(link, Photo(gray, None, ()))
        assert link.is_symlink()
        np.testing.assert_array_equal(read_image(target).pixels, gray)

    @pytest.mark.parametrize("name", ["image.xyz", "image", "image.psd", "image.ico", ".png"])
    def test_an_extension_that_cannot_be_written(self, tmp_path, name):
        with pytest.raises(ImageWriteError, match=r"no format for the extension .* use \.png, \.jpg"):
            check_writable(tmp_path / name)

    def test_a_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(ImageWriteError, match="there is no folder .*: create it first"):
            check_writable(tmp_path / "no" / "image.png")

    def test_a_folder_in_its_place(self, tmp_path):
        (tmp_path / "image.png").mkdir()
        with pytest.raises(ImageWriteError, match="is a folder"):
            check_writable(tmp_path / "image.png")

    def test_a_format_that_cannot_hold_it(self, tmp_path, rgb):
        with pytest.raises(ImageWriteError, match=r"image\.xbm: cannot be written"):
            write_image(tmp_path / "image.xbm", Photo(rgb, None, ()))
