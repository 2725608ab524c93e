"""The contracts as another gRPC implementation speaks them: Node's, with no code of ours in between.

Its packages are installed by ``npm install --prefix tests/interop/node``; nothing here installs anything.
"""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import imgsvc
from tests import reference, v1

NODE_CLIENT = Path(__file__).parent / "node"
PROTOS = Path(__file__).parents[2] / "proto"
PROTO = PROTOS / "nl_image_service.proto"

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed"),
    pytest.mark.skipif(
        not (NODE_CLIENT / "node_modules" / "@grpc" / "grpc-js").is_dir(),
        reason="its packages are not installed: npm install --prefix tests/interop/node",
    ),
]

ROTATIONS = ("NONE", "NINETY_DEG", "ONE_EIGHTY_DEG", "TWO_SEVENTY_DEG")


def ask(server, requests):
    """Return the answers of the server to requests that Node sends."""
    done = subprocess.run(
        ["node", NODE_CLIENT / "client.js", server.target, PROTO],
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def message(image):
    data = base64.b64encode(image.tobytes()).decode()
    return {"color": image.ndim == 3, "width": image.shape[1], "height": image.shape[0], "data": data}


def pixels(answer):
    shape = (answer["height"], answer["width"], 3) if answer["color"] else (answer["height"], answer["width"])
    return np.frombuffer(base64.b64decode(answer["data"]), np.uint8).reshape(shape)


@pytest.fixture(params=[(1, 1), (97, 64), (97, 64, 3), (1300, 1100, 3)], ids=str)
def image(request, rng):
    return rng.integers(0, 256, request.param, dtype=np.uint8)


def test_mean_filter(server, image):
    [answer] = ask(server, [{"method": "MeanFilter", "image": message(image)}])
    np.testing.assert_array_equal(pixels(answer), reference.mean_filter_large(image))


def test_rotate_image(server, image):
    requests = [{"method": "RotateImage", "rotation": name, "image": message(image)} for name in ROTATIONS]
    for turns, answer in enumerate(ask(server, requests)):
        np.testing.assert_array_equal(pixels(answer), reference.rotate90(image, turns))


def test_the_golden_vector_of_the_contract(server):
    image = np.array([[13, 14, 15], [11, 12, 13], [7, 8, 9]], np.uint8)
    [answer] = ask(server, [{"method": "MeanFilter", "image": message(image)}])
    assert pixels(answer).tolist() == [[12, 13, 13], [10, 11, 11], [9, 10, 10]]


def test_an_error_keeps_its_status_and_details(server):
    bad = {"color": False, "width": 2, "height": 2, "data": ""}
    [answer] = ask(server, [{"method": "MeanFilter", "image": bad}])
    expected = "data: 0 bytes, expected 4 bytes: width 2 x height 2 x 1 channel (color is false)"
    assert answer == {"code": "INVALID_ARGUMENT", "details": expected}


class TestImageService:
    def ask(self, server, **asked):
        """Return what Node gets from imgsvc.v1."""
        done = subprocess.run(
            ["node", NODE_CLIENT / "image_client.js", server.target, PROTOS],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def raw(self, image):
        fields = {"width": image.shape[1], "height": image.shape[0], "channels": 1 if image.ndim == 2 else 3}
        return {"pixels": {**fields, "data": base64.b64encode(image.tobytes()).decode()}}

    def file(self, data):
        return {"encoded": {"data": base64.b64encode(data).decode()}}

    def test_raw_pixels(self, server, image):
        recipe = {"operations": [{"mean_filter": {}}, {"rotate90": {"turns": 1}}]}
        (answer,) = self.ask(server, process=[{"image": self.raw(image), "recipe": recipe}])["process"]
        (result,) = answer["results"]
        found = result["image"]["pixels"]
        expected = np.rot90(reference.mean_filter_large(image))
        shape = (found["height"], found["width"], *expected.shape[2:])
        assert found["dtype"] == "DATA_TYPE_UINT8"
        data = np.frombuffer(base64.b64decode(found["data"]), np.uint8)
        np.testing.assert_array_equal(data.reshape(shape), expected)

    def test_a_file_with_several_outputs(self, server, photo):
        recipe = {
            "text": "invert",
            "outputs": [
                {"name": "thumb", "text": "resize width=16", "encoding": {"format": "FORMAT_WEBP"}},
                {"name": "whole", "encoding": {"format": "FORMAT_PNG"}},
                {"name": "none", "text": "crop left=0 top=0 width=999 height=1"},
            ],
        }
        request = {"image": self.file(v1.encoded(photo)), "recipe": recipe}
        (answer,) = self.ask(server, process=[request])["process"]
        thumb, whole, none = answer["results"]
        assert [each["name"] for each in answer["results"]] == ["thumb", "whole", "none"]
        with v1.opened(base64.b64decode(thumb["image"]["encoded"]["data"])) as opened:
            assert (opened.format, opened.size) == ("WEBP", (16, 24))
        with v1.opened(base64.b64decode(whole["image"]["encoded"]["data"])) as opened:
            np.testing.assert_array_equal(np.asarray(opened), 255 - photo)
        assert none["status"]["code"] == 3
        assert none["status"]["field"] == "recipe.outputs[2].operations[0].crop.left + width"

    def test_an_error_keeps_its_status_and_details(self, server, photo):
        request = {"image": self.raw(photo), "recipe": {"operations": [{"gaussian_blur": {"sigma": -1}}]}}
        (answer,) = self.ask(server, process=[request])["process"]
        assert answer["code"] == "INVALID_ARGUMENT"
        assert answer["details"].startswith("recipe.operations[0].gaussian_blur.sigma: -1.0, expected")

    def test_a_batch(self, server, rng):
        images = [rng.integers(0, 256, (20 + i % 7, 30), dtype=np.uint8) for i in range(300)]
        items = [{"id": f"item {i}", "image": self.raw(image)} for i, image in enumerate(images)]
        items[77]["image"] = self.file(b"no image")
        items[78]["recipe"] = {"text": "rotate90 turns=2"}
        messages = [{"items": items[at : at + 9]} for at in range(0, 300, 9)]
        messages[0]["recipe"] = {"text": "gaussian_blur sigma=1.5"}
        answer = self.ask(server, batch=messages)["batch"]
        assert "code" not in answer
        found = {result["id"]: result for result in answer["results"]}
        assert len(found) == len(answer["results"]) == 300
        assert found.pop("item 77")["status"]["code"] == 3
        for name, result in found.items():
            image = images[int(name.split()[1])]
            expected = imgsvc.rotate90(image, 2) if name == "item 78" else imgsvc.gaussian_blur(image, 1.5)
            (output,) = result["response"]["results"]
            assert base64.b64decode(output["image"]["pixels"]["data"]) == expected.tobytes()
