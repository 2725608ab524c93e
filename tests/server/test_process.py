"""`ImageService.Process` and `Plan` against the installed server."""

import itertools

import grpc
import numpy as np
import pytest
from PIL import Image as PillowImage

import imgsvc
from imgsvc.operations import OPERATIONS, Pad
from imgsvc.pipeline import Pipeline
from imgsvc.recipes.recipe import Output
from imgsvc.v1.operations_pb2 import Operation
from imgsvc.v1.recipe_pb2 import DAMAGED_PARTIAL, Encoding
from imgsvc.v1.recipe_pb2 import Output as OutputMessage
from imgsvc.wire.operations import operation_message
from tests import v1
from tests.codec.encoded import SRGB
from tests.operations.every import EXAMPLES

INVALID = grpc.StatusCode.INVALID_ARGUMENT
RAW = OutputMessage(encoding=Encoding(format="FORMAT_RAW"))


@pytest.mark.parametrize("channels", [(), (3,), (4,)], ids=str)
@pytest.mark.parametrize("operation", EXAMPLES, ids=str)
def test_every_operation_gives_what_the_library_gives(server, rng, operation, channels):
    image = rng.integers(0, 256, (67, 51, *channels), dtype=np.uint8)
    answer = v1.process(server, v1.request(v1.pixels(image), operations=[operation_message(operation)]))
    np.testing.assert_array_equal(v1.array(answer.results[0].image), operation(image))


DEEP = [
    *itertools.product([each for each in EXAMPLES if each.deep], ["uint16", "float32"]),
    (Pad(left=2, fill=0.5), "float32"),
    (Pad(top=1, fill=(0.5, 1, 70000)), "float32"),
    (Pad(top=1, fill=(0, 1, 65535)), "uint16"),
]


@pytest.mark.parametrize(("operation", "dtype"), DEEP, ids=str)
def test_what_computes_nothing_takes_deep_pixels(server, rng, operation, dtype):
    image = rng.integers(0, 256, (67, 51, 3 * np.dtype(dtype).itemsize), np.uint8).view(dtype)
    answer = v1.process(server, v1.request(v1.pixels(image), operations=[operation_message(operation)]))
    result, expected = v1.array(answer.results[0].image), operation(image)
    assert result.dtype == expected.dtype
    assert result.tobytes() == expected.tobytes()


def test_a_fill_out_of_the_range_of_the_pixels(server):
    message = operation_message(Pad(left=1, fill=65536))
    status, details = v1.process(
        server, v1.request(v1.pixels(np.zeros((4, 4), np.uint16)), operations=[message])
    )
    assert status == INVALID
    assert "pad.fill: 65536, expected an integer from 0 to 65535, the range of uint16" in details


def test_a_fill_of_both_kinds_is_refused(server):
    message = Operation(pad={"left": 1, "fill": [1], "fill_values": [0.5]})
    image = v1.pixels(np.zeros((4, 4), np.float32))
    status, details = v1.process(server, v1.request(image, operations=[message]))
    assert status == INVALID
    assert "operations[0].pad.fill_values: set, as fill is, expected one of them" in details


def test_whole_values_are_taken_as_integers_are(server):
    message = Operation(pad={"left": 1, "fill_values": [300]})
    image = np.zeros((1, 1), np.uint16)
    answer = v1.process(server, v1.request(v1.pixels(image), operations=[message]))
    assert v1.array(answer.results[0].image).tolist() == [[300, 0]]


def test_there_is_an_example_of_every_operation():
    assert {type(operation) for operation in EXAMPLES} >= {
        kind for name, kind in OPERATIONS.items() if name != "convert"
    }


def test_a_pipeline_in_one_call_is_the_pipeline_in_process(server, photo):
    text = "mean | rotate90 turns=1 | resize width=300 resample=lanczos | gamma 0.8 | invert"
    answer = v1.process(server, v1.request(v1.pixels(photo), text=text))
    np.testing.assert_array_equal(v1.array(answer.results[0].image), Pipeline(text).run(photo))


def test_a_large_one_runs_on_several_cores_and_gives_the_same(serve, rng):
    image = rng.integers(0, 256, (3000, 2000, 3), dtype=np.uint8)
    text = "gaussian_blur 2 | rotate90 | sharpen"
    answer = v1.process(serve("--port", "0", "--cores", "2"), v1.request(v1.pixels(image), text=text))
    np.testing.assert_array_equal(v1.array(answer.results[0].image), Pipeline(text).run(image))


def test_without_operations_the_image_comes_back(server, photo):
    answer = v1.process(server, v1.request(v1.pixels(photo)))
    np.testing.assert_array_equal(v1.array(answer.results[0].image), photo)


def test_texts_come_before_listed_operations(server, photo):
    listed = [operation_message(OPERATIONS["flip"](0))]
    answer = v1.process(server, v1.request(v1.pixels(photo), text="rotate90 1", operations=listed))
    np.testing.assert_array_equal(v1.array(answer.results[0].image), np.rot90(photo)[::-1])


def test_one_image_in_several_outputs(server, photo):
    outputs = [
        OutputMessage(name="thumb", text="resize width=16", encoding=Encoding(format="FORMAT_JPEG")),
        OutputMessage(name="raw", encoding=Encoding(format="FORMAT_RAW")),
        OutputMessage(name="same"),
        OutputMessage(name="bad", text="crop left=9000 top=0 width=1 height=1"),
    ]
    request = v1.request(v1.file(v1.encoded(photo)), text="flip 1", outputs=outputs)
    thumb, raw, same, bad = v1.process(server, request).results
    flipped = photo[:, ::-1]
    assert [each.name for each in (thumb, raw, same, bad)] == ["thumb", "raw", "same", "bad"]
    assert v1.opened(thumb.image.encoded.data).format == "JPEG"
    assert v1.opened(thumb.image.encoded.data).size == (thumb.image.encoded.width, 24) == (16, 24)
    np.testing.assert_array_equal(v1.array(raw.image), flipped)
    np.testing.assert_array_equal(np.asarray(v1.opened(same.image.encoded.data)), flipped)
    assert not bad.HasField("image")
    assert bad.status.code == INVALID.value[0]
    assert bad.status.field == "recipe.outputs[3].operations[0].crop.left + width"
    assert bad.status.message == f"{bad.status.field}: 9001, expected at most 64, the width of the image"


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "tiff", "gif", "bmp"])
def test_files_of_every_format(server, photo, kind):
    number = f"FORMAT_{kind.upper()}"
    request = v1.request(v1.pixels(photo), outputs=[OutputMessage(encoding=Encoding(format=number))])
    first = v1.process(server, request).results[0].image.encoded
    assert v1.opened(first.data).format.lower() == kind
    again = v1.process(server, v1.request(v1.file(first.data), outputs=[RAW])).results[0].image
    assert v1.array(again).shape == photo.shape


def test_deep_colours_stay_deep_where_asked(server, rng):
    image = rng.integers(0, 65536, (20, 30, 3), dtype=np.uint16)
    png = OutputMessage(encoding=Encoding(format="FORMAT_PNG"))
    data = v1.process(server, v1.request(v1.pixels(image), outputs=[png])).results[0].image.encoded.data
    again = v1.request(v1.file(data), outputs=[RAW], decoding={"depth": "DEPTH_KEEP"})
    np.testing.assert_array_equal(v1.array(v1.process(server, again).results[0].image), image)


def test_a_profile_does_not_stay_with_other_colours(server, photo):
    image = v1.pixels(photo)
    image.pixels.icc_profile = SRGB
    same, gray = v1.process(
        server,
        v1.request(
            image,
            outputs=[
                OutputMessage(name="same", text="invert"),
                OutputMessage(name="gray", text="grayscale"),
            ],
        ),
    ).results
    assert (same.image.pixels.icc_profile, list(same.notes)) == (SRGB, [])
    assert gray.image.pixels.icc_profile == b""
    assert list(gray.notes) == ["its colour profile is for other colours and is dropped"]


def test_metadata_that_are_not_kept_are_told(server, photo):
    file = v1.file(v1.encoded(photo, "JPEG", comment=b"a comment"))
    keep, strip = v1.process(
        server,
        v1.request(
            file,
            outputs=[
                OutputMessage(name="keep", encoding=Encoding(format="FORMAT_PNG", metadata="METADATA_KEEP")),
                OutputMessage(name="strip", encoding=Encoding(format="FORMAT_PNG")),
            ],
        ),
    ).results
    assert (list(keep.notes), list(strip.notes)) == (["metadata are dropped: a comment"], [])


def test_metadata_that_a_format_cannot_keep_are_told(server, photo):
    exif = PillowImage.Exif()
    exif[0x010F] = "maker"
    file = v1.file(v1.encoded(photo, "JPEG", exif=exif))
    kinds = ["webp", "gif"]
    outputs = [
        OutputMessage(name=kind, encoding=Encoding(format=f"FORMAT_{kind.upper()}", metadata="METADATA_KEEP"))
        for kind in kinds
    ]
    webp, gif = v1.process(server, v1.request(file, outputs=outputs)).results
    assert v1.opened(webp.image.encoded.data).getexif()[0x010F] == "maker"
    assert list(webp.notes) == []
    assert list(gif.notes) == ["EXIF data are dropped: gif is written without"]


def test_rights_alone_are_kept_where_that_is_asked_for(server, photo):
    exif = PillowImage.Exif()
    exif[0x010F], exif[0x8298] = "maker", "mine"
    file = v1.file(v1.encoded(photo, "JPEG", exif=exif, comment=b"a comment"))
    outputs = [
        OutputMessage(name=kind, encoding=Encoding(format=kind, metadata="METADATA_COPYRIGHT"))
        for kind in ("FORMAT_WEBP", "FORMAT_GIF")
    ]
    webp, gif = v1.process(server, v1.request(file, outputs=outputs)).results
    assert dict(v1.opened(webp.image.encoded.data).getexif()) == {0x8298: "mine"}
    assert list(webp.notes) == []
    assert list(gif.notes) == ["what it says of rights is dropped: gif is written without"]


def test_a_damaged_file_is_taken_where_that_is_asked_for(serve, tmp_path, photo):
    presets = tmp_path / "presets.toml"
    presets.write_text('[patient]\npipeline = "flip axis=1"\ndamaged = "partial"\n')
    server = serve("--port", "0", "--presets", str(presets), "--cache", "memory", "--cache-bytes", "1MiB")
    data = v1.encoded(photo)
    cut = v1.file(data[: len(data) // 2])
    for asked, taken in (
        ({}, False),
        ({"decoding": {"damaged": "DAMAGED_REFUSE"}}, False),
        ({"decoding": {"damaged": "DAMAGED_PARTIAL"}}, True),
        ({"preset": "patient"}, True),
        ({"preset": "patient", "decoding": {"damaged": "DAMAGED_REFUSE"}}, False),
        ({}, False),  # nor is it in the cache
    ):
        answer = v1.process(server, v1.request(cut, outputs=[RAW], **asked))
        if taken:
            [result] = answer.results
            assert list(result.notes)[-1] == "the file is damaged: some of its pixels are missing"
            rows = v1.array(result.image)[:10]
            np.testing.assert_array_equal(rows[:, ::-1] if "preset" in asked else rows, photo[:10])
        else:
            assert answer[0] == INVALID
            assert answer[1].startswith("image: a PNG file that ends too early")
    [patient] = v1.info(server).presets
    assert patient.damaged == DAMAGED_PARTIAL


def test_alpha_that_a_format_cannot_keep_is_told(server, rng):
    image = rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    kinds = ["png", "webp", "jpeg", "bmp"]
    outputs = [OutputMessage(name=kind, encoding=Encoding(format=f"FORMAT_{kind.upper()}")) for kind in kinds]
    notes = {
        each.name: list(each.notes)
        for each in v1.process(server, v1.request(v1.pixels(image), outputs=outputs)).results
    }
    assert notes == {
        "png": [],
        "webp": [],
        "jpeg": ["alpha is lost: jpeg has none, and the background shines through"],
        "bmp": ["alpha is lost: bmp has none, and the background shines through"],
    }
    image[..., 3] = 255
    results = v1.process(server, v1.request(v1.pixels(image), outputs=outputs)).results
    assert [list(each.notes) for each in results] == [[]] * 4


def test_alpha_is_a_channel_where_asked(server, rng):
    image = rng.integers(0, 256, (20, 30, 4), dtype=np.uint8)
    for text, expected in (
        ("mean", imgsvc.mean_filter(image)),
        ("mean alpha=channel", imgsvc.mean_filter(image, alpha="channel")),
        ("resize 7 alpha=weighted", imgsvc.resize(image, width=7)),
        ("resize 7 alpha=channel", imgsvc.resize(image, width=7, alpha="channel")),
    ):
        (result,) = v1.process(server, v1.request(v1.pixels(image), text=text, outputs=[RAW])).results
        np.testing.assert_array_equal(v1.array(result.image), expected)


def test_deep_pixels_stay_deep_where_asked(server, rng):
    image = rng.integers(0, 65536, (20, 30), dtype=np.uint16)
    keep = {"decoding": {"depth": "DEPTH_KEEP"}, "outputs": [RAW]}
    answer = v1.process(server, v1.request(v1.file(v1.encoded(image)), **keep))
    np.testing.assert_array_equal(v1.array(answer.results[0].image), image)
    png = v1.request(v1.pixels(image), outputs=[OutputMessage(encoding=Encoding(format="FORMAT_PNG"))])
    data = v1.process(server, png).results[0].image.encoded.data
    np.testing.assert_array_equal(np.asarray(v1.opened(data)).astype(np.uint16), image)
    converted = v1.process(server, v1.request(v1.pixels(image), text="convert | mean_filter"))
    expected = Pipeline("convert | mean_filter").run(image)
    np.testing.assert_array_equal(v1.array(converted.results[0].image), expected)


class TestRefusals:
    """What is wrong is named, and nothing of it is run."""

    @pytest.mark.parametrize(
        ("recipe", "details"),
        [
            (
                {"operations": [Operation()]},
                "recipe.operations[0]: none that this server knows, expected one of",
            ),
            (
                {"operations": [Operation(crop={"left": 1})]},
                "recipe.operations[0].crop.top: nothing, expected a value: it has no default",
            ),
            (
                {"operations": [Operation(mean_filter={}), Operation(flip={"axis": 2})]},
                "recipe.operations[1].flip.axis: 2, expected an integer from 0 to 1",
            ),
            (
                {"operations": [Operation(convolve={"weights": {"columns": 2, "values": [1, 2, 3]}})]},
                "recipe.operations[0].convolve.weights: 3 values in rows of 2, expected complete rows",
            ),
            (
                {"operations": [Operation(gaussian_blur={"sigma": 1, "border": 77})]},
                "recipe.operations[0].gaussian_blur.border: 77, expected one of BORDER_CONSTANT,",
            ),
            (
                {"operations": [Operation(invert={})] * 65},
                "recipe.operations: 65 of them, expected at most 64",
            ),
            ({"outputs": [{"name": "a"}, {"name": "a"}]}, "recipe.outputs[1].name: 'a', expected names that"),
            (
                {"outputs": [{"name": str(i)} for i in range(17)]},
                "recipe.outputs: 17 of them, expected at most",
            ),
            ({"preset": "none"}, "recipe.preset: 'none', expected none: this server has no presets"),
            (
                {"outputs": [{"encoding": {"format": "FORMAT_JPEG", "quality": 101}}]},
                "recipe.outputs[0].encoding.quality: 101, expected",
            ),
            (
                {"outputs": [{"encoding": {"format": 99}}]},
                "recipe.outputs[0].encoding.format: 99, expected one of FORMAT_RAW, FORMAT_JPEG,",
            ),
            (
                {"text": "pad left=100000 | resize width=100 height=100"},
                "recipe, pad: 9706208 pixels (100064×97), expected at most 1000000",
            ),
        ],
    )
    def test_recipes(self, serve, photo, recipe, details):
        server = serve("--port", "0", "--max-pixels", "1000000")
        code, text = v1.process(server, v1.request(v1.pixels(photo), **recipe))
        assert code is INVALID
        assert text.startswith(details)

    def test_an_operation_of_a_later_version(self, server, photo):
        later = v1.request(v1.pixels(photo), operations=[Operation.FromString(b"\xa2\x06\x00")])
        code, details = v1.process(server, later)
        assert code is INVALID
        assert details.startswith(
            "recipe.operations[0]: none that this server knows, expected one of adjust,"
        )

    @pytest.mark.parametrize(
        ("image", "details"),
        [
            ({}, "image: without a source that this server knows, expected pixels or encoded"),
            ({"encoded": {}}, "image.encoded.data: 0 bytes, expected an image file"),
            ({"pixels": {"height": 1}}, "image.pixels.width: 0, expected 1 to 2147483647"),
            (
                {"pixels": {"width": 2, "height": 1, "channels": 2}},
                "image.pixels.channels: 2, expected 1, 3 or 4",
            ),
            (
                {"pixels": {"width": 2, "height": 1, "channels": 3, "data": b"12345"}},
                "image.pixels.data: 5 bytes, expected 6 bytes: width 2 x height 1 x 3 channels of uint8",
            ),
            (
                {"pixels": {"width": 2, "height": 1, "dtype": 9, "data": b"12"}},
                "image.pixels.dtype: 9, expected one of DATA_TYPE_UINT8,",
            ),
        ],
    )
    def test_images(self, server, image, details):
        code, text = v1.process(server, v1.request(v1.image_pb2.Image(**image)))
        assert code is INVALID
        assert text.startswith(details)

    def test_an_image_beyond_the_limit(self, serve, photo):
        server = serve("--port", "0", "--max-pixels", "6000")
        for image in (v1.pixels(photo), v1.file(v1.encoded(photo))):
            assert v1.process(server, v1.request(image)) == (
                INVALID,
                "image: 6208 pixels (64×97), expected at most 6000",
            )

    def test_a_file_that_breaks_off(self, server, photo):
        data = v1.encoded(photo, "JPEG")
        code, details = v1.process(server, v1.request(v1.file(data[: len(data) // 2]), outputs=[RAW]))
        assert code is INVALID
        assert details == "image: a JPEG file that ends too early, expected a whole one"

    def test_no_format(self, server):
        code, details = v1.process(server, v1.request(v1.file(b"something else"), outputs=[RAW]))
        assert code is INVALID
        assert details.startswith("image: ")

    def test_a_known_format_that_is_not_served(self, server):
        heic = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(100)
        code, _ = v1.process(server, v1.request(v1.file(heic), outputs=[RAW]))
        assert code is grpc.StatusCode.UNIMPLEMENTED

    def test_no_message(self, server):
        code, _ = v1.process(server, b"\xff\xff\xff")
        assert code is grpc.StatusCode.INTERNAL


class TestPlan:
    def test_what_it_says_is_what_comes(self, server, photo):
        outputs = [
            OutputMessage(name="a", text="rotate90", encoding=Encoding(format="FORMAT_WEBP")),
            OutputMessage(name="b", text="grayscale", encoding=Encoding(format="FORMAT_RAW")),
            OutputMessage(name="c", text="crop left=0 top=0 width=100 height=1"),
        ]
        request = v1.request(v1.file(v1.encoded(photo)), text="resize width=40", outputs=outputs)
        plan = v1.plan(server, request)
        assert (plan.input.width, plan.input.height, plan.input.channels, plan.input.frames) == (64, 97, 3, 1)
        a, b, c = v1.process(server, request).results
        assert (plan.outputs[0].image.width, plan.outputs[0].image.height) == (
            a.image.encoded.width,
            a.image.encoded.height,
        )
        assert (plan.outputs[1].image.width, plan.outputs[1].image.channels) == (b.image.pixels.width, 1)
        assert plan.outputs[2].status == c.status
        assert plan.cost_ms > plan.outputs[0].cost_ms > 0
        assert plan.bytes > 0
        assert not plan.broken_limits

    def test_pixels_may_be_left_out(self, server):
        image = v1.image_pb2.Image(pixels={"width": 4000, "height": 3000, "channels": 3})
        plan = v1.plan(server, v1.request(image, text="gaussian_blur 2"))
        assert plan.outputs[0].image.width == 4000
        assert plan.bytes >= 36_000_000

    def test_the_head_of_a_file_is_enough(self, server, rng):
        noise = rng.integers(0, 256, (400, 500, 3), dtype=np.uint8)
        plan = v1.plan(server, v1.request(v1.file(v1.encoded(noise, "JPEG")[:2000])))
        assert (plan.input.width, plan.input.height) == (500, 400)

    def test_the_recipe_and_its_one_output_may_have_more_operations_than_a_pipeline(self, server, photo):
        outputs = [OutputMessage(text="|".join(["rotate90 1"] * 40), encoding=Encoding(format="FORMAT_RAW"))]
        request = v1.request(v1.pixels(photo), text="|".join(["mean", "rotate90 1"] * 20), outputs=outputs)
        assert v1.plan(server, request).outputs[0].image.width == photo.shape[1]
        expected = photo
        for _ in range(20):
            expected = imgsvc.rotate90(imgsvc.mean_filter(expected))
        assert v1.process(server, request).results[0].image.pixels.data == expected.tobytes()

    def test_limits_that_it_breaks(self, serve):
        server = serve("--port", "0", "--max-pixels", "6000", "--max-message-bytes", "1MiB")
        image = v1.image_pb2.Image(pixels={"width": 4000, "height": 3000, "channels": 3})
        plan = v1.plan(server, v1.request(image))
        assert [(each.field, each.value, each.limit) for each in plan.broken_limits] == [
            ("image", 12_000_000, 6000),
            ("bytes in flight", plan.bytes, 8 << 20),
        ]


def test_an_output_says_what_is_wrong_with_it_before_anything_is_sent():
    with pytest.raises(ValueError, match=r"quality: 0, expected"):
        Output("jpeg", quality=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("quality", 80), ("lossless", True), ("progressive", True), ("effort", 0), ("max_bytes", 9)],
)
def test_raw_pixels_have_no_options_of_files(server, photo, name, value):
    output = OutputMessage(encoding=Encoding(format="FORMAT_RAW", **{name: value}))
    assert v1.process(server, v1.request(v1.pixels(photo), outputs=[output])) == (
        INVALID,
        f"recipe.outputs[0].encoding.{name}: {value}, expected none for raw: pixels are no file",
    )
