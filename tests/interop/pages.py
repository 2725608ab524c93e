"""The programs of ``docs/clients``, as their pages show them, and what a client in any language has to do."""

import re
import subprocess
from pathlib import Path

import grpc
import numpy as np
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from tests import v1
from tests.client import scripted

PROTOS = Path(__file__).parents[2] / "proto"
PAGES = Path(__file__).parents[2] / "docs" / "clients"


def program(page, language):
    """Return the longest piece of code in a language on a page: the program."""
    text = (PAGES / page).read_text("utf-8")
    return max(re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE), key=len)


def busy_once(number, context):
    """A script: the first call finds a busy server, which says when to come back."""
    if number == 0:
        abort_with(context, retry_after=1)


def busy_without_a_word(number, context):
    """A script: each call finds a busy server, which does not say when to come back."""
    abort_with(context)


def slow(number, context):
    """A script: each call takes as long as its client waits."""
    while context.is_active() and context.time_remaining() > 0:
        context.add_callback(lambda: None)


def abort_with(context, retry_after=None):
    code, message = grpc.StatusCode.RESOURCE_EXHAUSTED, "no room"
    if retry_after is not None:
        info = RetryInfo()
        info.retry_delay.FromMilliseconds(retry_after)
        packed = Any()
        packed.Pack(info)
        status = Status(code=code.value[0], message=message, details=[packed])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, message)


class ClientPage:
    """Tests of a page; a subclass has the fixture `command`, which starts its program."""

    def run(self, command, target, seconds, pipeline, *files):
        arguments = [*command, target, str(seconds), pipeline, *map(str, files)]
        return subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)

    def test_an_answer_over_4_mib(self, server, command, tmp_path, rng):
        image = rng.integers(0, 256, (1200, 1400, 3), dtype=np.uint8)
        (tmp_path / "in.png").write_bytes(v1.encoded(image))
        assert (tmp_path / "in.png").stat().st_size > 5_000_000
        done = self.run(command, server.target, 60, "invert", tmp_path / "in.png", tmp_path / "out.png")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{tmp_path / 'out.png'}: FORMAT_PNG, 1400x1200\n"
        assert (tmp_path / "out.png").stat().st_size > 4 << 20
        with v1.opened((tmp_path / "out.png").read_bytes()) as opened:
            np.testing.assert_array_equal(np.asarray(opened), 255 - image)

    def test_a_batch_with_a_bad_image(self, server, command, tmp_path, photo):
        for name in "abc":
            (tmp_path / name).write_bytes(v1.encoded(photo))
        (tmp_path / "b").write_bytes(b"no image")
        files = [tmp_path / each for name in "abc" for each in (name, f"{name}.out")]
        done = self.run(command, server.target, 60, "invert", *files)
        assert done.returncode == 1
        assert f"{tmp_path / 'b.out'}: INVALID_ARGUMENT: image: bytes of no known format" in done.stderr
        assert done.stderr.rstrip().endswith("1 of 3 failed")
        for name in "ac":
            with v1.opened((tmp_path / f"{name}.out").read_bytes()) as opened:
                np.testing.assert_array_equal(np.asarray(opened), 255 - photo)
        assert not (tmp_path / "b.out").exists()

    def test_an_error_names_the_field(self, server, command, tmp_path, photo):
        (tmp_path / "in.png").write_bytes(v1.encoded(photo))
        files = (tmp_path / "in.png", tmp_path / "out.png")
        done = self.run(command, server.target, 60, "gaussian_blur sigma=-1", *files)
        assert done.returncode == 1
        text = "INVALID_ARGUMENT: recipe.text: operations[0].gaussian_blur.sigma: -1, expected a number from"
        assert done.stderr.startswith(text)
        assert done.stderr.endswith("[field recipe.text: operations[0].gaussian_blur.sigma]\n")

    def test_a_busy_server_is_asked_again_when_it_says_so(self, server, command, tmp_path, photo):
        (tmp_path / "in.png").write_bytes(v1.encoded(photo))
        handler = scripted.Scripted(busy_once, server.target)
        with scripted.serving(handler) as port:
            files = (tmp_path / "in.png", tmp_path / "out.png")
            done = self.run(command, f"127.0.0.1:{port}", 60, "invert", *files)
        assert (done.returncode, done.stderr, handler.calls) == (0, "", 2)
        with v1.opened((tmp_path / "out.png").read_bytes()) as opened:
            np.testing.assert_array_equal(np.asarray(opened), 255 - photo)

    def test_one_that_does_not_say_so_is_not(self, command, tmp_path, photo):
        (tmp_path / "in.png").write_bytes(v1.encoded(photo))
        handler = scripted.Scripted(busy_without_a_word)
        with scripted.serving(handler) as port:
            files = (tmp_path / "in.png", tmp_path / "out.png")
            done = self.run(command, f"127.0.0.1:{port}", 60, "invert", *files)
        assert (done.returncode, done.stderr, handler.calls) == (1, "RESOURCE_EXHAUSTED: no room\n", 1)

    def test_the_deadline_ends_it(self, command, tmp_path, photo):
        (tmp_path / "in.png").write_bytes(v1.encoded(photo))
        with scripted.serving(scripted.Scripted(slow)) as port:
            files = (tmp_path / "in.png", tmp_path / "out.png")
            done = self.run(command, f"127.0.0.1:{port}", 1, "invert", *files)
        assert done.returncode == 1
        assert done.stderr.startswith("DEADLINE_EXCEEDED: ")
