"""What is said counts, also where it is what would be so without a preset."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

import imgsvc
from tests import processes

PRESETS = '[kept]\npipeline = "resize 50%"\nmetadata = "keep"\nauto_orient = false\n'


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    presets = tmp_path_factory.mktemp("presets") / "presets.toml"
    presets.write_text(PRESETS)
    with processes.serving("--presets", presets) as server:
        yield server.target


def photo():
    exif = Image.Exif()
    exif[0x112], exif[0x10F] = 6, "Maker"
    file = io.BytesIO()
    Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(file, "JPEG", exif=exif)
    return file.getvalue()


def found(result):
    image = Image.open(io.BytesIO(result.data))
    return dict(image.getexif()).get(0x10F), image.size


SAID = {"metadata": "strip", "auto_orient": True}
OUTPUT = imgsvc.Output("jpeg", metadata="strip")
DECODING = imgsvc.codec.DecodeOptions(auto_orient=True)


def test_over_a_preset_of_the_server(target):
    with imgsvc.Client(target) as client:
        assert found(client.process(photo(), preset="kept")) == ("Maker", (20, 10))
        assert found(client.process(photo(), preset="kept", **SAID)) == (None, (10, 20))
        assert found(client.process(photo(), preset="kept", output=OUTPUT, decoding=DECODING)) == (
            None,
            (10, 20),
        )
        [(_, result)] = client.process_many([("a", photo())], preset="kept", **SAID)
        assert found(result) == (None, (10, 20))

    async def asynchronous():
        async with imgsvc.AsyncClient(target) as client:
            return await client.process(photo(), preset="kept", **SAID)

    assert found(asyncio.run(asynchronous())) == (None, (10, 20))


@pytest.mark.parametrize("flags", [(), ("--metadata", "strip", "--auto-orient")])
@pytest.mark.parametrize("where", ["server", "here"])
def test_by_the_program(target, tmp_path, flags, where):
    (tmp_path / "in.jpg").write_bytes(photo())
    (tmp_path / "presets.toml").write_text(PRESETS)
    port = ["--port", target.rsplit(":")[-1]]
    to = port if where == "server" else ["--embedded", "--presets", tmp_path / "presets.toml"]
    done = processes.run(
        "imgsvc-client", *to, tmp_path / "in.jpg", tmp_path / "out.jpg", "--preset", "kept", *flags
    )
    assert done.returncode == 0, done.stderr
    result = imgsvc.process(tmp_path / "out.jpg", format="jpeg", metadata="keep", auto_orient=False)
    assert found(result) == ((None, (10, 20)) if flags else ("Maker", (20, 10)))


def test_a_name_that_is_too_long_is_said_in_a_line(tmp_path):
    done = processes.run("imgsvc-client", "--embedded", f"{'a' * 300}.jpg", tmp_path / "out.png")
    assert done.returncode != 0
    assert done.stderr == f"imgsvc-client: {'a' * 300}.jpg: File name too long\n"
