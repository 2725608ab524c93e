"""Gray images of shape (H, W, 1) come back as such, from wherever."""

import asyncio

import numpy as np
import pytest

import imgsvc
from imgsvc.pipeline import Pipeline
from tests.operations.every import EXAMPLES

PIPELINES = [
    *EXAMPLES,
    Pipeline(),
    Pipeline("mean | grayscale | invert"),
    Pipeline("convert float32 | flip 0"),
]


@pytest.fixture
def gray(photo):
    return photo[..., :1]


@pytest.fixture(scope="module")
def client(server):
    with imgsvc.Client(server.target) as connected:
        yield connected


@pytest.mark.parametrize("pipeline", PIPELINES, ids=str)
def test_as_from_the_functions(client, gray, pipeline):
    for image in (gray, gray[..., 0]):
        expected = Pipeline(pipeline)(image)
        for process in (imgsvc.process, client.process):
            result = process(image, pipeline)
            assert result.array.shape == expected.shape
            np.testing.assert_array_equal(result.array, expected)
            assert (result.height, result.width) == expected.shape[:2]


def test_operations(client, gray):
    assert client.mean_filter(gray).shape == client.invert(gray).shape == gray.shape
    assert client.grayscale(gray).shape == gray.shape[:2]


def test_several_outputs(client, gray):
    outputs = {
        "small": imgsvc.Output("raw", pipeline="resize width=20"),
        "gray": imgsvc.Output("raw", pipeline="grayscale"),
        "file": "png",
    }
    for process in (imgsvc.process_outputs, client.process_outputs):
        results = process(gray, outputs=outputs)
        assert results["small"].array.shape == (30, 20, 1)
        assert results["gray"].array.shape == (97, 64)
        assert results["file"].array.shape == (97, 64)  # as of any file


def test_batches(server, client, gray, photo):
    images = [gray, gray[..., 0], photo]
    done = [result.array.shape for _, result in client.process_many(images, "mean", ordered=True)]
    assert done == [(97, 64, 1), (97, 64), (97, 64, 3)]
    [(_, made_gray)] = client.process_many([gray], "mean | grayscale")
    assert made_gray.array.shape == (97, 64)

    async def run():
        async with imgsvc.AsyncClient(server.target) as other:
            assert (await other.process(gray, "mean")).array.shape == (97, 64, 1)
            several = other.process_many(images, "mean", ordered=True)
            assert [result.array.shape async for _, result in several] == done

    asyncio.run(run())


def test_what_becomes_of_it(gray, tmp_path):
    result = imgsvc.process(gray, "mean")
    assert result.to_pillow().mode == "L"
    result.save(tmp_path / "gray.png")
    np.testing.assert_array_equal(imgsvc.process(tmp_path / "gray.png").array, result.array[..., 0])
    assert result._repr_png_().startswith(b"\x89PNG")
