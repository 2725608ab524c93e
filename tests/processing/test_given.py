"""What is taken for an image: by the functions on arrays, pipelines, `process`, `encode` and the clients."""

import asyncio
import io
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image as PillowImage

import imgsvc
from imgsvc.codec import decode, encode
from imgsvc.errors import ImageReadError, InvalidImageError, UndecodableImageError
from imgsvc.operations import Invert
from imgsvc.processing.given import read_given
from tests import v1
from tests.processing.given_images import WithArray, ways

TAKERS = {
    "function": imgsvc.invert,
    "operation": Invert(),
    "pipeline": imgsvc.Pipeline("invert"),
    "process": lambda image: imgsvc.process(image, "invert", output="raw").array,
    "outputs": lambda image: imgsvc.process_outputs(image, "invert", outputs={"a": "raw"})["a"].array,
    "encode": lambda image: 255 - decode(encode(image, "png")).frames[0],
}


@pytest.mark.parametrize("taker", TAKERS)
def test_each_takes_every_way_to_give_an_image(photo, tmp_path, taker):
    with ways(photo, tmp_path) as given:
        for name, image in given.items():
            np.testing.assert_array_equal(TAKERS[taker](image), 255 - photo, err_msg=name)


@pytest.mark.parametrize("taker", ["process", "invert", "mean_filter"])
def test_so_does_a_client(server, photo, tmp_path, taker):
    expected = imgsvc.mean_filter(photo) if taker == "mean_filter" else 255 - photo
    with imgsvc.Client(server.target) as client, ways(photo, tmp_path) as given:
        for name, image in given.items():
            if taker == "process":
                got = client.process(image, "invert", output="raw").array
            else:
                got = getattr(client, taker)(image)
            np.testing.assert_array_equal(got, expected, err_msg=name)


def test_so_does_a_client_for_asyncio(server, photo, tmp_path):
    async def run():
        async with imgsvc.AsyncClient(server.target) as client:
            with ways(photo, tmp_path) as given:
                for name, image in given.items():
                    np.testing.assert_array_equal(await client.invert(image), 255 - photo, err_msg=name)
            with ways(photo, tmp_path) as given:
                for name, image in given.items():
                    result = await client.process(image, "invert", output="raw")
                    np.testing.assert_array_equal(result.array, 255 - photo, err_msg=name)
            with ways(photo, tmp_path) as given:
                several = client.process_many(given.items(), "invert", output="raw", ordered=True)
                check(given, [each async for each in several], photo)

    asyncio.run(run())


def test_the_event_loop_does_not_wait_for_it(server, photo):
    class Asked(WithArray):
        def __array__(self, dtype=None, copy=None):
            threads.append(threading.current_thread())
            return super().__array__(dtype, copy)

    threads = []

    async def run():
        async with imgsvc.AsyncClient(server.target) as client:
            await client.invert(Asked(photo))
            await client.process(Asked(photo), "invert")
            assert [key async for key, _ in client.process_many([Asked(photo)])] == [0]

    asyncio.run(run())
    assert len(threads) == 3
    assert threading.main_thread() not in threads


def test_so_do_batches(server, photo, tmp_path):
    with imgsvc.Client(server.target) as client, ways(photo, tmp_path) as given:
        check(given, list(client.process_many(given.items(), "invert", output="raw", ordered=True)), photo)


def check(given, done, photo):
    assert [name for name, _ in done] == list(given)
    for name, result in done:
        np.testing.assert_array_equal(result.array, 255 - photo, err_msg=name)


class TestArrays:
    def test_the_door_is_as_it_was_for_what_came_before(self, photo):
        """A call with something else keeps nothing that a call with an array would find."""
        imgsvc.invert(photo)
        imgsvc.invert(PillowImage.fromarray(photo))
        np.testing.assert_array_equal(imgsvc.invert(photo), 255 - photo)

    def test_out_and_threads(self, photo):
        out = np.empty_like(photo)
        assert imgsvc.invert(WithArray(photo), out=out, num_threads=1) is out
        np.testing.assert_array_equal(out, 255 - photo)

    @pytest.mark.parametrize(
        "array",
        [
            np.zeros((3, 4), np.int16),
            np.zeros((3, 4, 2), np.uint8),
            np.zeros((0, 4), np.uint8),
            np.uint8(3),
            np.ma.masked_array(np.zeros((4, 4), np.uint8)),
        ],
        ids=["dtype", "channels", "empty", "number", "mask"],
    )
    def test_an_object_with_no_image_has_the_error_of_its_array(self, array):
        class Holder:
            def __array__(self, dtype=None, copy=None):
                return np.asanyarray(array)

        for taker in (imgsvc.mean_filter, imgsvc.rotate90, imgsvc.Pipeline("mean"), imgsvc.process):
            with pytest.raises(InvalidImageError) as expected:
                taker(np.asanyarray(array))
            with pytest.raises(InvalidImageError) as caught:
                taker(Holder())
            assert str(caught.value) == str(expected.value)

    def test_an_object_that_gives_no_array(self):
        class OnAnotherDevice:
            def __array__(self, dtype=None, copy=None):
                raise TypeError("can't convert a tensor of\nanother device")

        class Wrong:
            def __array__(self, dtype=None, copy=None):
                return "text"

        text = (
            "image: OnAnotherDevice, which gives no array (can't convert a tensor of another device), "
            "expected one whose __array__ works"
        )
        for taker in (imgsvc.mean_filter, imgsvc.process):
            with pytest.raises(InvalidImageError) as caught:
                taker(OnAnotherDevice())
            assert str(caught.value) == text
            with pytest.raises(InvalidImageError, match="^image: Wrong, which gives no array"):
                taker(Wrong())

    @pytest.mark.parametrize("thing", [None, [[1, 2]], 5, object(), np.ndarray, io.BytesIO])
    def test_what_is_nothing_of_this(self, thing):
        name = type(thing).__name__
        with pytest.raises(InvalidImageError, match=f"^image: {name}, expected a NumPy array"):
            imgsvc.mean_filter(thing)
        with pytest.raises(InvalidImageError, match=f"^image: {name}, expected an array, an image file's"):
            imgsvc.process(thing)


class TestPillow:
    @pytest.mark.parametrize(
        ("mode", "color", "pixel", "dtype"),
        [
            ("1", 1, 255, np.uint8),
            ("L", 7, 7, np.uint8),
            ("P", (200, 3, 4), [200, 3, 4], np.uint8),
            ("LA", (7, 9), [7, 7, 7, 9], np.uint8),
            ("PA", (200, 3, 4, 9), [200, 3, 4, 9], np.uint8),
            ("RGB", (1, 2, 3), [1, 2, 3], np.uint8),
            ("RGBX", (1, 2, 3), [1, 2, 3], np.uint8),
            ("RGBA", (1, 2, 3, 4), [1, 2, 3, 4], np.uint8),
            ("CMYK", (255, 0, 0, 0), [0, 255, 255], np.uint8),
            ("I;16", 300, 300, np.uint16),
            ("I;16L", 300, 300, np.uint16),
            ("I;16B", 300, 300, np.uint16),
            ("I;16N", 300, 300, np.uint16),
            ("I", 300, 300, np.uint16),
            ("I", 65535, 65535, np.uint16),
            ("F", 0.5, 0.5, np.float32),
            ("F", -3e4, -3e4, np.float32),
        ],
    )
    def test_modes(self, mode, color, pixel, dtype):
        image = PillowImage.new("RGBA", (3, 2), color).convert(mode) if mode == "PA" else None
        image = image or PillowImage.new(mode, (3, 2), color)
        for result in (imgsvc.flip(image, 0), imgsvc.process(image, "flip axis=0").array):
            np.testing.assert_array_equal(result, np.broadcast_to(pixel, (2, 3, *np.shape(pixel))))
            assert result.dtype == dtype

    @pytest.mark.parametrize(("first", "last"), [(0, 65536), (-1, 9), (-(1 << 31), (1 << 31) - 1)])
    def test_integers_that_are_more_than_16_bits(self, first, last):
        image = PillowImage.new("I", (3, 2), first)
        image.putpixel((2, 1), last)
        text = f"^image: a Pillow image of 32-bit integers, from {first} to {last}, expected 0 to 65535, "
        for function in (imgsvc.invert, imgsvc.process):
            with pytest.raises(InvalidImageError, match=text):
                function(image)

    def test_it_is_made_upright(self, photo):
        exif = PillowImage.Exif()
        exif[0x0112] = 6
        image = v1.opened(v1.encoded(photo, "PNG", exif=exif))
        np.testing.assert_array_equal(imgsvc.invert(image), 255 - np.rot90(photo, -1))

    def test_one_that_cannot_be_loaded(self, photo):
        cut = v1.opened(v1.encoded(photo)[:3000])
        with pytest.raises(UndecodableImageError, match=r"^image: a Pillow image \(.*truncated.*\), "):
            imgsvc.mean_filter(cut)
        closed = PillowImage.fromarray(photo)
        closed.close()
        with pytest.raises(UndecodableImageError, match=r"^image: a Pillow image \(Operation on clo"):
            imgsvc.process(closed)

    def test_one_that_is_too_large_is_not_loaded(self, photo):
        image = v1.opened(v1.encoded(photo))
        with pytest.raises(InvalidImageError, match="^image: 6208 bytes, expected at most 6000"):
            read_given(image, most=6000)
        assert image.fp is not None, "what is loaded has no file any more"


class TestFiles:
    def test_a_file_becomes_upright_bytes(self, photo):
        exif = PillowImage.Exif()
        exif[0x0112] = 6
        data = v1.encoded(photo, "PNG", exif=exif)
        np.testing.assert_array_equal(imgsvc.invert(data), 255 - np.rot90(photo, -1))
        deep = np.array([[0, 257, 65535]], np.uint16)
        np.testing.assert_array_equal(imgsvc.invert(v1.encoded(deep)), [[255, 254, 0]])

    def test_errors(self, photo, tmp_path):
        with pytest.raises(ImageReadError, match=r"^nothing.png: no such file$"):
            imgsvc.mean_filter("nothing.png")
        with pytest.raises(UndecodableImageError, match="ends too early"):
            imgsvc.mean_filter(v1.encoded(photo)[:200])
        with pytest.raises(InvalidImageError, match="^image: 0 bytes, expected an image file"):
            imgsvc.mean_filter(b"")
        with pytest.raises(InvalidImageError, match="^image: 20000×10000 pixels, expected at most 100000000"):
            imgsvc.mean_filter(v1.encoded(np.zeros((10000, 20000), bool)))

    def test_of_open_files(self, photo, tmp_path):
        file = io.BytesIO(v1.encoded(photo))
        imgsvc.mean_filter(file)
        assert not file.closed
        with pytest.raises(InvalidImageError) as caught:
            imgsvc.mean_filter(file)
        assert str(caught.value) == (
            "image: a file with nothing left to read, expected an image: "
            "file.seek(0) goes back to its beginning"
        )
        path = tmp_path / "image.png"
        path.write_bytes(file.getvalue())
        with (
            path.open(encoding="utf-8") as text,
            pytest.raises(InvalidImageError, match="^image: a file that reads text, expected one of byt"),
        ):
            imgsvc.mean_filter(text)
        with pytest.raises(
            InvalidImageError, match="^image: a file that reads str, expected one of bytes: op"
        ):
            imgsvc.process(io.StringIO("text"))
        with path.open("rb") as closed:
            pass
        with pytest.raises(ImageReadError, match=r"image.png: cannot be read: .*closed file"):
            imgsvc.process(closed)

    def test_one_without_an_end_is_not_read_to_it(self):
        class Endless:
            count = 0

            def read(self, size):
                self.count += 1
                return bytes(size)

        file = Endless()
        with pytest.raises(InvalidImageError, match="^image: a file of more than 5000000 bytes, expected"):
            read_given(file, most=5_000_000)
        assert file.count <= 6

    def test_pieces_of_any_size(self, photo):
        class Slow(io.BytesIO):
            def read(self, size=-1):
                return super().read(min(size, 7))

        np.testing.assert_array_equal(imgsvc.invert(Slow(v1.encoded(photo))), 255 - photo)


def test_a_result_keeps_its_file(photo):
    """It goes on as the file that it is, so that nothing but its pixels is not lost."""
    first = imgsvc.process(photo, output="webp")
    assert imgsvc.process(first, "invert").format == "webp"
    assert imgsvc.process(imgsvc.process(photo), "invert").format == "raw"


@pytest.mark.parametrize("module", ["PIL", "grpc"])
def test_arrays_load_nothing_for_it(module):
    code = (
        "import sys, numpy, imgsvc; imgsvc.mean_filter(numpy.zeros((9, 9), 'u1'));"
        f"sys.exit(any(name.startswith({module!r}) for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
