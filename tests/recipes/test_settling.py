"""Recipes whose operations look at the image: what they do is known when it has been decoded."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

import imgsvc
from imgsvc import Limits, Output
from imgsvc.errors import InvalidInputError, InvalidParameterError, LimitExceededError, RequestRefusedError
from imgsvc.pipeline import Pipeline
from tests import v1
from tests.processes import serving


def page(top, left, height, width, shape=(300, 400)):
    """Return a white page with something gray in it."""
    image = np.full((*shape, 3), 255, np.uint8)
    image[top : top + height, left : left + width] = 90
    return image


def animation(*frames):
    file = io.BytesIO()
    first, *others = map(Image.fromarray, frames)
    first.save(file, "WEBP", save_all=True, append_images=others, duration=50, lossless=True)
    return file.getvalue()


class TestTrim:
    def test_each_output_gets_what_is_left(self):
        results = imgsvc.process_outputs(
            page(50, 60, 100, 200),
            "trim",
            outputs={
                "raw": Output(),
                "half": Output("png", pipeline="resize 50%"),
                "again": Output(pipeline="pad left=5 fill=white | trim | rotate90 1"),
            },
        )
        sizes = {name: (result.width, result.height) for name, result in results.items()}
        assert sizes == {"raw": (200, 100), "half": (100, 50), "again": (100, 200)}
        assert results["half"].placement.to_source([0, 0]).tolist() == [60, 50]
        assert results["again"].placement.to_source([0, 200]).tolist() == [60, 50]

    def test_the_first_frame_counts_for_all(self):
        file = animation(page(50, 60, 100, 200), 255 - page(0, 0, 300, 400))
        result = imgsvc.process(file, "trim | resize 100x", frames="all", format="webp", lossless=True)
        frames = Image.open(io.BytesIO(result.data))
        assert (frames.size, frames.n_frames) == ((100, 50), 2)
        for number in range(2):
            frames.seek(number)
            np.testing.assert_array_equal(
                np.asarray(frames.convert("RGB")), np.full((50, 100, 3), (90, 165)[number])
            )

    def test_what_is_left_may_be_somewhat_enlarged(self):
        assert imgsvc.process(page(50, 60, 200, 200), "trim | resize 400x").height == 400

    def test_and_no_more_than_there_is_room_for(self):
        with pytest.raises(LimitExceededError, match="^recipe: .* give both a width and a height"):
            imgsvc.process(page(0, 60, 300, 2), "trim | resize 400x")
        with pytest.raises(LimitExceededError, match="^recipe.outputs.0., resize: 320000 pixels"):
            imgsvc.process(page(50, 60, 200, 100), "trim | resize 400x", limits=Limits(pixels=200_000))

    def test_one_output_fails_for_what_is_left(self):
        results = imgsvc.process_outputs(
            page(50, 60, 100, 200), "trim", outputs={"a": Output(), "b": Output(pipeline="crop 300x10")}
        )
        assert results["a"].width == 200
        error = results["b"]
        assert isinstance(error, InvalidInputError)
        assert str(error).startswith("recipe.outputs[1].operations[0].crop.width: 300, expected at most 200")

    def test_nothing_can_be_made_of_what_is_left(self):
        with pytest.raises(InvalidParameterError, match=r"operations\[1\].crop.width: 300, expected "):
            imgsvc.process(page(50, 60, 100, 200), "trim | crop 300x10")


@pytest.mark.parametrize("size", [3, 4, 16, 24, 32, 64, 128])
@pytest.mark.parametrize("text", ["resize {0}x{0} contain", "resize {0}x", "rotate 90 expand=false"])
def test_tables_of_icons_have_room(size, text):
    icon = np.zeros((size, size, 4), np.uint8)
    icon[size // 8 : -(size // 8) or None, size // 2 : size // 2 + 2] = 255
    assert imgsvc.process(icon, f"trim | {text.format(size)}").width in {2, size}


class TestWhatIsEnlarged:
    """A line of a few pixels, that is enlarged between two operations that look."""

    LINE = np.zeros((200, 200), np.uint8)
    LINE[:, 100] = 255
    TEXT = "trim | resize 500x | trim"

    def test_nothing_is_allocated_for_it(self):
        tracemalloc.start()
        try:
            with pytest.raises(LimitExceededError, match="^recipe.outputs.0., resize: 50000000 pixels"):
                imgsvc.process(self.LINE, self.TEXT, limits=Limits(pixels=1_000_000))
            with pytest.raises(LimitExceededError, match="^recipe: .* give both a width and a height"):
                imgsvc.process(self.LINE, self.TEXT)
            with pytest.raises(LimitExceededError, match="^recipe: .* give both a width and a height"):
                imgsvc.process_outputs(
                    self.LINE, "trim | resize 500x", outputs={"a": Output(), "b": Output()}
                )
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 5_000_000


def test_each_way_to_go_on_has_a_result_of_its_own():
    """What is planned after `trim` is for an upper bound, and says nothing of what will be."""
    texts = ["trim | resize 50%", "trim | resize 100x", "trim | resize x100", "trim | resize 100x100"]
    assert len({Pipeline(text).plan((200, 200)).canonical for text in texts}) == len(texts)
    assert Pipeline("resize 50% | trim").plan((200, 200)) != Pipeline("resize 100x | trim").plan((200, 200))
    known = {Pipeline(f"{text} | trim").plan((200, 200)).canonical for text in ("resize 50%", "resize 100x")}
    assert len(known) == 1


class TestServer:
    def test_it_does_the_same(self, tmp_path):
        image = page(50, 60, 100, 200)
        file = v1.encoded(image)
        with serving() as server, imgsvc.Client(server.target) as client:
            for given in (image, file):
                for text in ("trim", "trim | resize 50% | flip 1", "crop 50x50 attention | invert"):
                    result = client.process(given, text, format="png")
                    expected = imgsvc.process(given, text, format="png")
                    np.testing.assert_array_equal(result.array, expected.array)
                    assert result.placement == expected.placement
            np.testing.assert_array_equal(client.trim(image), image[50:150, 60:260])
            [(_, batch)] = client.process_many([("a", image)], "trim")
            np.testing.assert_array_equal(batch.array, image[50:150, 60:260])
            with pytest.raises(RequestRefusedError, match="give both a width and a height"):
                client.process(page(0, 60, 300, 2), "trim | resize 400x")

    def test_its_plan_is_an_upper_bound_and_says_so(self):
        image = page(50, 60, 100, 200)
        with serving() as server, imgsvc.Client(server.target) as client:
            [output] = client.plan(image, "trim | invert").outputs
            assert (output.at_most, output.image.width, output.image.height) == (True, 400, 300)
            [output] = client.plan(image, "crop 50x60 attention").outputs
            assert (output.at_most, output.image.width, output.image.height) == (False, 50, 60)
