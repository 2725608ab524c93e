"""The contract as another gRPC implementation speaks it: Node's, with no code of ours in between.

Its packages are installed by ``npm install --prefix tests/interop/node``; nothing here installs anything.
"""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests import reference

NODE_CLIENT = Path(__file__).parent / "node"
PROTO = Path(__file__).parents[2] / "proto" / "nl_image_service.proto"

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
