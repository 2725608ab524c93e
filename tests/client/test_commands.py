"""imgsvc-client's pipelines and commands: the installed programs on real files."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import numpy as np
import pytest
import trustme
from PIL import Image

import imgsvc
from imgsvc.client.commands import COMMANDS
from tests import processes, v1
from tests.client import scripted
from tests.codec import secretive


def client(*arguments, **kwargs):
    return processes.run("imgsvc-client", *arguments, **kwargs)


def said(done):
    return done.stderr.removeprefix("imgsvc-client: ")


@pytest.fixture
def at(server):
    return ("--port", server.port)


@pytest.fixture
def jpeg(tmp_path, photo):
    path = tmp_path / "photo.jpg"
    path.write_bytes(v1.encoded(photo, "JPEG"))
    return path


@pytest.fixture
def folder(tmp_path, photo):
    """Files in two folders, and one that is no image though its name says so."""
    photos = tmp_path / "photos"
    (photos / "below").mkdir(parents=True)
    for name in ("a.jpg", "b.png", "below/c.jpg"):
        (photos / name).write_bytes(v1.encoded(photo, "PNG" if name.endswith("png") else "JPEG"))
    (photos / "bad.jpg").write_bytes(b"no image")
    (photos / "notes.txt").write_text("not looked at")
    return photos


def names_below(path):
    return sorted(str(each.relative_to(path)) for each in path.rglob("*") if each.is_file())


class TestOneFile:
    def test_is_what_the_library_gets(self, server, at, jpeg, tmp_path):
        done = client(
            *at, "--pipeline", "resize width=32 | sharpen", "--input", jpeg, "--output", tmp_path / "o.png"
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        with imgsvc.Client(server.target) as connected:
            expected = connected.process(jpeg, "resize width=32 | sharpen", output="png")
        assert (tmp_path / "o.png").read_bytes() == expected.data

    def test_sixteen_bits_are_turned_and_padded(self, at, tmp_path, photo):
        source, target = tmp_path / "photo.png", tmp_path / "o.png"
        source.write_bytes(v1.encoded(photo[..., 0]))
        text = "convert uint16 | rotate90 1 | pad left=3 fill=40000"
        done = client(*at, "--pipeline", text, "--input", source, "--output", target)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        expected = np.pad(
            np.rot90(photo[..., 0].astype(np.uint16) * 257), ((0, 0), (3, 0)), constant_values=40000
        )
        np.testing.assert_array_equal(np.asarray(v1.opened(target.read_bytes())).astype(np.uint16), expected)

    @pytest.mark.parametrize(
        ("options", "output", "kind"),
        [
            (("--format", "webp"), "o.webp", "WEBP"),
            ((), "o.png", "PNG"),
            ((), "o.WebP", "WEBP"),
            (("--pipeline", ""), "o.jpg", "JPEG"),
            (("--format", "PNG"), "o.png", "PNG"),
            (("--pipeline", "invert"), "o.tif", "TIFF"),
            (("--pipeline", "invert"), "o", "JPEG"),
            (("--quality", "10"), "o.jpeg", "JPEG"),
            (("--format", "jpg"), "o", "JPEG"),
            (("--format", "TIF"), "o", "TIFF"),
        ],
    )
    def test_format(self, at, jpeg, tmp_path, options, output, kind):
        done = client(*at, *options, "--input", jpeg, "--output", tmp_path / output)
        assert (done.returncode, done.stderr) == (0, "")
        with Image.open(tmp_path / output) as image:
            assert image.format == kind

    def test_what_is_in_the_format_of_its_output(self, jpeg, tmp_path):
        jpeg.rename(tmp_path / "photo.png")  # what counts is what is in it
        for source, output in (("photo.png", "o.jpg"), ("photo.png", "o"), (".", "o.jpg")):
            done = client("--embedded", tmp_path / source, tmp_path / output)
            assert done.returncode == 2
            assert "nothing to do: give --mean" in said(done)
            assert "or name OUT for another format" in said(done)
        done = client("--embedded", tmp_path / "photo.png", tmp_path / "photo.png")
        assert (done.returncode, done.stderr) == (0, "")
        with Image.open(tmp_path / "photo.png") as image:
            assert image.format == "PNG"

    @pytest.mark.parametrize("text", ["letterbox 200x100 | rotate90 1", "trim", "", "rotate 30 | crop 9x9"])
    def test_json_says_where_the_image_is(self, at, jpeg, tmp_path, text):
        done = client(*at, jpeg, tmp_path / "o.png", "--pipeline", text, "--json")
        (described,) = json.loads(done.stdout)
        expected = imgsvc.process(jpeg, text).placement
        assert imgsvc.Placement(**{**described["placement"], "matrix": expected.matrix}) == expected
        assert described["placement"]["matrix"] == list(expected.matrix)

    def test_a_pipe_is_converted(self, jpeg, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(jpeg.read_bytes(),))
        writer.start()
        done = client("--embedded", tmp_path / "pipe", tmp_path / "o.png")
        writer.join()
        assert (done.returncode, done.stderr) == (0, "")
        assert v1.opened((tmp_path / "o.png").read_bytes()).size == (64, 97)

    def test_an_output_that_is_named_for_another_format(self, jpeg, tmp_path):
        (tmp_path / "p.toml").write_text("[p]\npipeline = 'invert'\nformat = 'webp'\n")
        presets = ("--presets", tmp_path / "p.toml", "--preset", "p")
        for options in (("--format", "webp"), presets):
            # The server of a port that nobody has is not asked.
            done = client("--port", 1, jpeg, tmp_path / "o.png", *options)
            text = f"{tmp_path}/o.png: the extension is of png, expected one of webp\n"
            assert (done.returncode, said(done)) == (4, text)
        assert not (tmp_path / "o.png").exists()

    def test_quality(self, at, jpeg, tmp_path):
        for quality in ("10", "90"):
            client(*at, "--quality", quality, "--input", jpeg, "--output", tmp_path / f"{quality}.jpg")
        assert (tmp_path / "10.jpg").stat().st_size < (tmp_path / "90.jpg").stat().st_size / 2

    def test_the_older_options_go_before(self, at, photo, tmp_path):
        (tmp_path / "in.png").write_bytes(v1.encoded(photo))
        done = client(
            *at, "--mean", "--rotate", "90", "--format", "png", "--input", tmp_path / "in.png",
            "--output", tmp_path / "o.png", "--json",
        )  # fmt: skip
        (described,) = json.loads(done.stdout)
        assert (described["width"], described["height"], described["format"]) == (97, 64, "png")
        with Image.open(tmp_path / "o.png") as image:
            np.testing.assert_array_equal(np.asarray(image), np.rot90(imgsvc.mean_filter(photo)))

    def test_stdin_and_stdout(self, at, jpeg, photo):
        command = [
            processes.program("imgsvc-client"),
            *map(str, at),
            "--pipeline",
            "invert",
            "--format",
            "png",
        ]
        done = subprocess.run(
            [*command, "--input", "-", "--output", "-"],
            input=v1.encoded(photo),
            capture_output=True,
            check=True,
        )
        assert done.stderr == b""
        with v1.opened(done.stdout) as image:
            np.testing.assert_array_equal(np.asarray(image), 255 - photo)
        empty = subprocess.run(
            [*command, "--input", "-", "--output", "-"], input=b"", capture_output=True, check=False
        )
        assert (empty.returncode, empty.stderr) == (3, b"imgsvc-client: -: nothing came from stdin\n")

    def test_presets(self, serve, jpeg, tmp_path):
        presets = tmp_path / "presets.toml"
        presets.write_text('[small]\npipeline = "resize width=16"\nformat = "webp"\nquality = 20\n')
        server = serve("--port", "0", "--presets", presets)
        for options in (("--port", server.port), ("--embedded", "--presets", presets)):
            done = client(
                *options, "--preset", "small", "--input", jpeg, "--output", tmp_path / "o.webp", "--json"
            )
            (described,) = json.loads(done.stdout)
            assert (described["width"], described["format"]) == (16, "webp")
            done = client(
                *options, "--preset", "small", "--pipeline", "rotate90 1", jpeg, tmp_path / "o.webp", "--json"
            )
            (described,) = json.loads(done.stdout)
            assert (described["width"], described["height"]) == (24, 16), "the preset goes first"
        done = client("--embedded", "--presets", presets, "--preset", "big", "--input", jpeg, "--output", "-")
        assert (done.returncode, said(done)) == (2, f"--preset: 'big', expected one of {presets}: small\n")
        done = client("--port", server.port, "--preset", "big", "--input", jpeg, "--output", "-")
        assert done.returncode == 6
        assert "recipe.preset: 'big', expected one of small" in done.stderr

    @pytest.mark.parametrize(
        ("options", "code", "message"),
        [
            (("--pipeline", "blur"), 2, "blur"),
            (("--pipeline", "invert", "--mean"), 2, "--pipeline: --mean and --rotate go into it"),
            (
                ("--pipeline", "invert", "--timeit"),
                2,
                "--timeit goes with --mean and --rotate: `imgsvc-client batch`",
            ),
            (("--mean", "--json"), 2, "--json goes with --pipeline"),
            (("--format", "jpe"), 2, "--format: 'jpe', expected one of jpeg, png"),
            (
                ("--background", "redd"),
                2,
                "--background: 'redd', expected a colour as '#ff8800' or 'orange', or",
            ),
            (("--max-bytes", "0"), 2, "--max-bytes: '0', expected 1 to 1099511627776 bytes"),
            (("--subsampling", "4:2"), 2, "--subsampling: '4:2', expected one of 4:4:4, 4:2:2, 4:2:0"),
            (("--quality", "0"), 2, "--quality: '0', expected an integer from 1 to 100"),
            (("--presets", "p.toml", "--format", "png"), 2, "--presets: p.toml, expected with --preset"),
            (("--pipeline", "invert", "--tls"), 2, "--tls: --embedded is in this process"),
            (("--pipeline", "invert", "--tls-ca", "/nonexistent"), 2, "--tls: --embedded is in this process"),
            (
                ("--pipeline", "crop left=0 top=0 width=999 height=1"),
                6,
                "crop.left + width: 999, expected at most 64",
            ),
            (("--format", "png", "--quality", "5"), 6, "encoding.quality"),
            (("--format", "gif"), 4, "o.png: the extension is of png, expected one of gif"),
            (("--format", "gif", "--tls"), 2, "--tls: --embedded is in this process"),
        ],
        ids=str,
    )
    def test_errors(self, jpeg, tmp_path, options, code, message):
        done = client("--embedded", *options, "--input", jpeg, "--output", tmp_path / "o.png")
        assert (done.returncode, done.stdout) == (code, "")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
        assert names_below(tmp_path) == ["photo.jpg"]

    @pytest.mark.parametrize(
        ("source", "target", "code", "message"),
        [
            ("{folder}/nothing.jpg", "o.png", 3, "nothing.jpg: no such file"),
            ("/nonexistent.jpg", "o.png", 3, "/nonexistent.jpg: no such file"),
            ("{folder}/*.jpeg", "o.png", 3, "*.jpeg: no file is like this"),
            ("{folder}/photo.jpg", "no/o.png", 4, "there is no folder"),
            ("{folder}/photo.jpg", "o.xyz", 4, "no format for the extension '.xyz' to write: use .jpg, .png"),
        ],
    )  # fmt: skip
    def test_files(self, jpeg, tmp_path, source, target, code, message):
        source = source.format(folder=tmp_path)
        done = client(
            "--embedded", "--pipeline", "invert", "--input", source, "--output", tmp_path / target, "--json"
        )
        assert done.returncode == code
        assert message in said(done)
        document = json.loads(done.stdout)
        assert document == {"error": said(done).rstrip("\n"), "exit_code": code}
        assert names_below(tmp_path) == ["photo.jpg"]


class TestSeveralFiles:
    def test_names_and_patterns(self, at, folder, tmp_path):
        done = client(
            *at, "--pipeline", "resize width=16", "--format", "webp", "--json",
            "--input", folder / "*.jpg", folder / "below" / "c.jpg", "--output", tmp_path / "small",
        )  # fmt: skip
        assert done.returncode == 8
        described = json.loads(done.stdout)
        assert [Path(each["input"]).name for each in described] == ["a.jpg", "bad.jpg", "c.jpg"]
        assert "bytes of no known format" in described[1]["error"]
        assert said(done) == f"{folder / 'bad.jpg'}: {described[1]['error']}\n"
        assert names_below(tmp_path / "small") == ["a.webp", "c.webp"]

    def test_of_a_pattern_that_one_file_is_like(self, at, folder, tmp_path):
        target = tmp_path / "small"
        command = ("--pipeline", "resize width=16", "--input", folder / "a*.jpg", "--output")
        assert client(*at, *command, target).returncode == 0
        assert client(*at, *command, f"{tmp_path}/other/").returncode == 0
        assert client(*at, *command, tmp_path / "one.jpg").returncode == 0
        assert names_below(target) == names_below(tmp_path / "other") == ["a.jpg"]
        assert (tmp_path / "one.jpg").is_file()

    def test_of_the_same_name(self, at, folder, tmp_path):
        (folder / "below" / "a.jpg").write_bytes((folder / "a.jpg").read_bytes())
        target = tmp_path / "small"
        done = client(*at, "--mean", "--input", folder / "a.jpg", folder / "below/a.jpg", "--output", target)
        assert done.returncode == 8
        assert said(done) == f"{folder}/below/a.jpg: {target}/a.jpg is the output of {folder}/a.jpg\n"

    def test_do_not_go_to_stdout(self, at, folder):
        done = client(*at, "--mean", "--input", folder / "a.jpg", folder / "b.png", "--output", "-")
        assert (done.returncode, said(done)) == (4, "-: several images do not go to stdout: give a folder\n")
        done = client(*at, "--mean", "--input", folder / "a.jpg", "-", "--output", "-")
        assert (done.returncode, done.stdout) == (2, "")
        assert "--input: stdin is one image: give - alone" in done.stderr


class TestPositional:
    def test_in_and_out(self, at, jpeg, tmp_path):
        command = (jpeg, *at, "--pipeline", "resize width=8", tmp_path / "o.png")
        done = client(*command, "--quality", "3", "--json")
        assert done.returncode == 6
        assert "encoding.quality: 3, expected none for png" in done.stderr
        done = client(*command)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        with Image.open(tmp_path / "o.png") as image:
            assert (image.format, image.size) == ("PNG", (8, 12))

    def test_through_the_older_service(self, at, photo, tmp_path):
        (tmp_path / "in.png").write_bytes(v1.encoded(photo))
        assert client("--mean", *at, tmp_path / "in.png", tmp_path / "o.png").returncode == 0
        with Image.open(tmp_path / "o.png") as image:
            np.testing.assert_array_equal(np.asarray(image), imgsvc.mean_filter(photo))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("a.jpg",), "'a.jpg', expected IN and OUT, or --input with several, and --output"),
            (("bacth", "a", "b"), "'bacth a b', expected perhaps 'batch', or IN and OUT"),
            (
                ("a.jpg", "b.jpg", "--output", "c"),
                "give --input and --output, or IN and OUT without them: 'a.jpg'",
            ),
            (("--output", "c"), "required: --input (or IN OUT)"),
        ],
    )
    def test_too_few_and_too_many(self, arguments, message):
        self.fails(message, "--embedded", "--pipeline", "invert", *arguments)

    @pytest.mark.parametrize(
        "arguments",
        [
            ("descibe", "{jpeg}"),
            ("descibe", "{jpeg}", "--json"),
            ("descibe", "{jpeg}", "--gps"),
            ("--json", "descibe", "{jpeg}"),
            ("Describe", "{jpeg}"),
        ],
        ids=str,
    )
    def test_a_command_that_is_typed_wrong(self, jpeg, arguments):
        arguments = [each.format(jpeg=jpeg) for each in arguments]
        word = next(each for each in arguments if each.lower().startswith("des"))
        self.fails(f"{word!r}, expected perhaps 'describe', or an image: there is no such file", *arguments)

    def test_a_file_that_is_called_nearly_as_a_command(self, jpeg, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        jpeg.rename("plans")
        done = client("--embedded", "plans", "o.png")
        assert (done.returncode, done.stderr) == (0, "")
        done = client("--embedded", "plan.jpg", "o.png")
        assert (done.returncode, said(done)) == (3, "plan.jpg: no such file\n")

    @staticmethod
    def fails(message, *arguments):
        done = client(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1


class TestSets:
    """Responsive sets: the photo is 64 pixels wide."""

    def test_of_one_file(self, at, jpeg, tmp_path):
        out = tmp_path / "out"
        out.mkdir()
        done = client(
            *at, jpeg, out / "a.b.jpg", "--widths", "16,32,64,500,1280", "--formats", "webp,jpg", "--json",
            "--quality", "70",
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert names_below(out) == sorted(
            f"a.b-{width}{extension}" for width in (16, 32, 64) for extension in (".webp", ".jpg")
        )
        for described in json.loads(done.stdout):
            with Image.open(described["output"]) as image:
                assert image.size == (described["width"], described["height"])
                assert image.width == int(Path(described["output"]).stem.split("-")[1])
                assert image.format.lower() == described["format"]

    def test_is_what_the_library_makes(self, at, jpeg, tmp_path):
        done = client(*at, jpeg, tmp_path / "a", "--pipeline", "rotate90", "--widths", "9,1000")
        assert (done.returncode, done.stderr) == (0, "")
        outputs = {
            "9": imgsvc.Output("jpeg", pipeline="resize width=9 resample=lanczos"),
            "97": imgsvc.Output("jpeg"),
        }
        for name, expected in imgsvc.process_outputs(jpeg, "rotate90", outputs=outputs).items():
            assert (tmp_path / f"a-{name}.jpg").read_bytes() == expected.data

    def test_formats_alone(self, at, jpeg, tmp_path):
        done = client(*at, jpeg, tmp_path / "a.jpg", "--formats", "png,webp", "--lossless", "--effort", "1")
        assert (done.returncode, done.stderr) == (0, "")
        pixels = [np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "a.webp")]
        np.testing.assert_array_equal(*pixels)

    def test_with_a_preset(self, serve, jpeg, tmp_path):
        presets = tmp_path / "presets.toml"
        presets.write_text('[small]\npipeline = "resize width=20"\nformat = "webp"\n')
        server = serve("--port", "0", "--presets", presets)
        for index, options in enumerate((("--port", server.port), ("--embedded", "--presets", presets))):
            out = tmp_path / str(index)
            out.mkdir()
            done = client(*options, jpeg, out / "a", "--preset", "small", "--widths", "10,40")
            assert (done.returncode, done.stderr) == (0, "")
            assert names_below(out) == ["a-10.webp", "a-20.webp"]

    def test_an_output_that_cannot_be(self, at, jpeg, tmp_path):
        done = client(*at, jpeg, tmp_path / "a", "--formats", "png,jpeg", "--max-bytes", "3000", "--json")
        assert done.returncode == 8
        assert said(done).startswith(f"{tmp_path}/a.png: ")
        failed, made = json.loads(done.stdout)
        assert "max_bytes: 3000, expected at least" in failed["error"]
        assert (failed["output"], made["output"]) == (f"{tmp_path}/a.png", f"{tmp_path}/a.jpg")
        assert names_below(tmp_path) == ["a.jpg", "photo.jpg"]

    def test_of_several_files(self, at, folder, tmp_path):
        done = client(
            *at, "--input", folder / "a.jpg", folder / "bad.jpg", folder / "b.png",
            "--output", tmp_path / "out", "--widths", "16,32", "--json",
        )  # fmt: skip
        assert done.returncode == 8
        assert names_below(tmp_path / "out") == ["a-16.jpg", "a-32.jpg", "b-16.png", "b-32.png"]
        failed = [each for each in json.loads(done.stdout) if "error" in each]
        assert [Path(each["input"]).name for each in failed] == ["bad.jpg"]

    @pytest.mark.parametrize(
        ("options", "code", "message"),
        [
            (("--widths", "0"), 2, "--widths: '0', expected an integer from 1 to"),
            (("--widths", "10,x"), 2, "--widths: 'x', expected an integer from 1 to"),
            (("--formats", "heic"), 2, "--formats: 'heic', expected one of jpeg, png"),
            (("--formats", "png", "--format", "png"), 2, "--formats: png, expected without --format"),
            (("--formats", "png,gif", "--quality", "3"), 2, "--quality: 3, expected none for png, gif"),
            (("--formats", "jpg,gif", "--lossless"), 2, "client: --lossless, expected none for jpeg, gif"),
            (
                ("--formats", "png,gif,webp", "--widths", "1,2,3,4,5,6"),
                2,
                "--widths: 6 widths in 3 formats are 18 outputs, expected at most 16",
            ),
            (("--widths", "16", "--output", "-"), 4, "a set of widths and formats does not go to stdout"),
            (("--widths", "16", "--output", "no/o.png"), 4, "there is no folder no: create it first"),
        ],
        ids=str,
    )
    def test_errors(self, jpeg, tmp_path, options, code, message):
        output = () if "--output" in options else ("--output", tmp_path / "o.png")
        done = client("--embedded", *options, "--input", jpeg, *output)
        assert (done.returncode, done.stdout) == (code, "")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
        assert names_below(tmp_path) == ["photo.jpg"]

    def test_of_a_folder(self, at, folder, tmp_path):
        out = tmp_path / "out"
        command = ("batch", folder, out, *at, "--widths", "16,500", "--formats", "webp,jpeg", "--json")
        done = client(*command)
        report = json.loads(done.stdout)
        assert (done.returncode, report["done"], report["failed"]) == (8, 3, 1)
        names = [
            f"{stem}-{width}{extension}"
            for stem in ("a", "b", "below/c")
            for width in (16, 64)
            for extension in (".jpg", ".webp")
        ]
        assert names_below(out) == sorted(names)
        (folder / "bad.jpg").unlink()
        (out / "a-64.webp").unlink()
        kept = (out / "a-16.webp").stat().st_mtime_ns
        done = client(*command)
        assert (done.returncode, json.loads(done.stdout)["failed"]) == (8, 3)
        assert not (out / "a-64.webp").exists()
        report = json.loads(client(*command, "--resume").stdout)
        assert (report["done"], report["failed"], report["left_out"]) == (1, 0, 2)
        assert names_below(out) == sorted(names)
        assert (out / "a-16.webp").stat().st_mtime_ns == kept
        report = json.loads(client(*command, "--overwrite").stdout)
        assert (report["done"], report["failed"]) == (3, 0)
        assert (out / "a-16.webp").stat().st_mtime_ns != kept

    def test_of_a_list(self, at, folder, tmp_path):
        listed = tmp_path / "list.csv"
        listed.write_text("image,output\na.jpg,x/one.webp\nb.png,two.png\nbad.jpg,three.png\n")
        done = client("batch", folder, tmp_path / "out", *at, "--from", listed, "--widths", "16,32")
        assert done.returncode == 8
        assert "bad.jpg: " in done.stdout
        assert names_below(tmp_path / "out") == ["two-16.png", "two-32.png", "x/one-16.webp", "x/one-32.webp"]

    def test_of_the_same_names(self, at, folder, tmp_path):
        (folder / "bad.jpg").unlink()
        (folder / "a.png").write_bytes((folder / "b.png").read_bytes())
        done = client("batch", folder, tmp_path / "out", *at, "--widths", "16", "--formats", "webp")
        assert done.returncode == 8
        assert f"{tmp_path}/out/a-16.webp is the output of {folder}/a." in done.stdout

    def test_a_server_that_has_gone(self, folder, tmp_path):
        done = client("batch", folder, tmp_path / "out", "--port", "1", "--retries", "0", "--widths", "16")
        assert done.returncode == 5
        assert "not finished, --resume goes on where this has ended" in done.stderr

    def test_not_by_ray(self, folder, tmp_path):
        done = client("batch", folder, tmp_path / "out", "--engine", "ray", "--widths", "16")
        assert (done.returncode, done.stdout) == (2, "")
        assert "--widths and --formats go with --engine stream" in done.stderr


class TestBatch:
    def batch(self, *arguments, **kwargs):
        return client("batch", *arguments, **kwargs)

    def test_a_folder(self, at, folder, tmp_path, photo):
        target = tmp_path / "out"
        done = self.batch(folder, target, *at, "--pipeline", "rotate90", "--format", "png")
        assert done.returncode == 8
        summary, others, failure = done.stdout.splitlines()
        assert others == "no images by their names: 1, such as notes.txt"
        assert summary.startswith("3 done, 1 failed, 0 left out, in ")
        assert failure.startswith(
            f"failed: {folder}/bad.jpg: INVALID_ARGUMENT: image: bytes of no known format"
        )
        assert done.stderr == ""  # no bar: stderr is no terminal
        assert names_below(target) == ["a.png", "b.png", "below/c.png"]
        with Image.open(target / "b.png") as image:
            np.testing.assert_array_equal(np.asarray(image), np.rot90(photo))

    def test_tells_what_was_lost_and_left(self, at, folder, tmp_path):
        (folder / "bad.jpg").unlink()
        frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
        for name in ("one.gif", "two.gif"):
            frames[0].save(folder / name, save_all=True, append_images=frames[1:])
        (folder / "below" / "notes.txt").write_text("no image")
        arguments = (folder, tmp_path / "out", *at, "--pipeline", "invert", "--format", "png")
        done = self.batch(*arguments)
        assert done.returncode == 0
        assert done.stdout.splitlines()[1:] == [
            "2 with the note: only the first frame is used",
            "no images by their names: 2, such as below/notes.txt",
        ]
        report = json.loads(self.batch(*arguments, "--overwrite", "--json").stdout)
        assert report["notes"] == {"only the first frame is used": 2}
        assert report["no_images"] == ["below/notes.txt", "notes.txt"]

    def test_takes_what_is_there_of_damaged_files(self, at, folder, tmp_path):
        data = (folder / "b.png").read_bytes()
        (folder / "bad.jpg").unlink()
        (folder / "b.png").write_bytes(data[: len(data) // 2])
        arguments = (folder, tmp_path / "out", *at, "--pipeline", "invert", "--format", "webp")
        failed = self.batch(*arguments)
        assert failed.returncode == 8
        assert "b.png: INVALID_ARGUMENT: image: a PNG file that ends too early" in failed.stdout
        taken = self.batch(*arguments, "--resume", "--damaged", "partial")
        assert taken.returncode == 0
        assert "1 with the note: the file is damaged: some of its pixels are missing" in taken.stdout
        one = client(
            *at, "--mean", "--damaged", "partial", "--input", folder / "b.png", "--output", tmp_path / "o.png"
        )
        assert one.returncode == 0, one.stderr
        assert "some of its pixels are missing" in one.stderr

    def test_resumes(self, at, folder, tmp_path):
        (folder / "bad.jpg").unlink()
        target = tmp_path / "out"
        self.batch(folder, target, *at, "--pipeline", "rotate90")
        kept = (target / "a.jpg").stat().st_mtime_ns
        (target / "b.png").unlink()
        done = self.batch(folder, target, *at, "--pipeline", "rotate90")
        assert done.returncode == 8
        assert (
            f"failed: {folder}/a.jpg: {target}/a.jpg exists: --overwrite replaces it, --resume" in done.stdout
        )
        (target / "b.png").unlink()
        done = self.batch(folder, target, *at, "--pipeline", "rotate90", "--resume", "--json")
        assert done.returncode == 0
        report = json.loads(done.stdout)
        assert (report["done"], report["failed"], report["left_out"]) == (1, 0, 2)
        assert (target / "a.jpg").stat().st_mtime_ns == kept
        done = self.batch(folder, target, *at, "--pipeline", "rotate90", "--overwrite", "--json")
        assert json.loads(done.stdout)["done"] == 3
        assert (target / "a.jpg").stat().st_mtime_ns != kept

    def test_resumes_with_a_preset_that_says_the_format(self, serve, folder, tmp_path):
        (folder / "bad.jpg").unlink()
        presets, target = tmp_path / "presets.toml", tmp_path / "out"
        presets.write_text(
            '[small]\npipeline = "resize width=16"\nformat = "webp"\n'
            '[raw]\npipeline = "invert"\nformat = "raw"\n'
        )
        at = ("--port", serve("--port", "0", "--presets", presets).port)
        report = json.loads(self.batch(folder, target, *at, "--preset", "small", "--json").stdout)
        assert (report["done"], names_below(target)) == (3, ["a.webp", "b.webp", "below/c.webp"])
        (target / "b.webp").unlink()
        report = json.loads(self.batch(folder, target, *at, "--preset", "small", "--resume", "--json").stdout)
        assert (report["done"], report["left_out"]) == (1, 2)
        done = self.batch(folder, target, *at, "--preset", "raw")
        assert (done.returncode, said(done)) == (
            2,
            "--preset: 'raw' gives raw pixels: choose a --format\n",
        )
        done = client(*at, "--preset", "raw", "--input", folder / "a.jpg", "--output", "-")
        assert (done.returncode, said(done)) == (4, "the result is raw pixels: choose a --format\n")

    def test_names_that_say_another_format(self, at, folder, tmp_path):
        (folder / "bad.jpg").unlink()
        target = tmp_path / "out"
        for name in ("a.png", "d.png"):
            (folder / name).write_bytes((folder / "a.jpg").read_bytes())
        done = self.batch(folder, target, *at, "--pipeline", "rotate90", "--json")
        (failure,) = json.loads(done.stdout)["failures"]
        assert failure["message"] == f"{target}/a.jpg is the output of {folder}/a.jpg"
        assert names_below(target) == ["a.jpg", "b.png", "below/c.jpg", "d.jpg"]
        (folder / "a.png").unlink()
        done = self.batch(folder, target, *at, "--pipeline", "rotate90", "--resume", "--json")
        report = json.loads(done.stdout)
        assert (report["done"], report["failed"], report["left_out"]) == (0, 0, 4)

    def test_reports(self, at, folder, tmp_path):
        failures = tmp_path / "failures.jsonl"
        done = self.batch(
            folder, tmp_path / "out", *at, "--preset", "", "--json", "--failures", failures,
        )  # fmt: skip
        assert done.returncode == 2
        done = self.batch(folder, tmp_path / "out", *at, "--json", "--failures", failures, "--workers", "3")
        report = json.loads(done.stdout)
        assert (report["done"], report["failed"], report["left_out"]) == (3, 1, 0)
        assert set(report["latency_ms"]) == {"p50", "p90", "p99"}
        assert report["bytes_in"] == sum(path.stat().st_size for path in folder.rglob("*.[jp]*"))
        assert report["bytes_out"] == sum(path.stat().st_size for path in (tmp_path / "out").rglob("*.*"))
        (line,) = failures.read_text().splitlines()
        assert [json.loads(line)] == report["failures"]
        assert report["failures"][0]["code"] == "INVALID_ARGUMENT"
        assert report["failures"][0]["path"] == f"{folder}/bad.jpg"

    def test_a_pattern(self, at, folder, tmp_path):
        done = self.batch(folder / "**" / "*.jpg", tmp_path / "out", *at, "--pipeline", "invert", "--json")
        report = json.loads(done.stdout)
        assert (report["done"], report["failed"]) == (2, 1)
        assert names_below(tmp_path / "out") == ["a.jpg", "below/c.jpg"]

    def test_a_pattern_leaves_out_what_lies_below_the_output(self, at, folder):
        (folder / "bad.jpg").unlink()
        arguments = (folder / "**" / "*.jpg", folder / "out", *at, "--json", "--resume")
        assert json.loads(self.batch(*arguments).stdout)["done"] == 2
        again = json.loads(self.batch(*arguments).stdout)
        assert (again["done"], again["left_out"]) == (0, 2)

    def test_results_do_not_replace_other_images_of_the_batch(self, at, folder, photo):
        (folder / "bad.jpg").unlink()
        (folder / "a.webp").write_bytes(v1.encoded(np.full_like(photo, 9), "WEBP", lossless=True))
        options = ("--pipeline", "invert", "--format", "webp", "--overwrite")
        done = self.batch(folder, folder, *at, *options)
        assert done.returncode == 8
        assert done.stdout.startswith("3 done, 1 failed")
        assert f"failed: {folder}/a.jpg: {folder}/a.webp is another image of this batch" in done.stdout
        with Image.open(folder / "a.webp") as own:  # of itself, and not of the other
            assert np.asarray(own.convert("RGB")).min() > 240

    def test_images_may_be_replaced_by_their_own_results(self, at, folder):
        (folder / "bad.jpg").unlink()
        done = self.batch(folder, folder, *at, "--pipeline", "resize width=9", "--overwrite", "--json")
        assert json.loads(done.stdout)["done"] == 3

    def test_two_images_of_one_output(self, at, folder, tmp_path, photo):
        (folder / "a.png").write_bytes(v1.encoded(photo))
        (folder / "bad.jpg").unlink()
        done = self.batch(folder, tmp_path / "out", *at, "--format", "webp")
        assert done.returncode == 8
        assert f"failed: {folder}/a.png: {tmp_path}/out/a.webp is the output of {folder}/a.jpg" in done.stdout

    def test_many(self, at, tmp_path, photo):
        source = tmp_path / "in"
        source.mkdir()
        content = v1.encoded(photo, "JPEG")
        for number in range(500):
            (source / f"{number:03}.jpg").write_bytes(content)
        done = self.batch(
            source, tmp_path / "out", *at, "--pipeline", "resize width=16", "--json", "--in-flight", "8"
        )
        assert json.loads(done.stdout)["done"] == 500
        assert len(names_below(tmp_path / "out")) == 500
        assert len({path.read_bytes() for path in (tmp_path / "out").iterdir()}) == 1

    def test_a_server_that_goes_away(self, serve, tmp_path, photo):
        source = tmp_path / "in"
        source.mkdir()
        content = v1.encoded(np.tile(photo, (8, 12, 1)))
        for number in range(100):
            (source / f"{number:03}.png").write_bytes(content)
        server = serve("--port", "0")
        command = [
            processes.program("imgsvc-client"), "batch", source, tmp_path / "out", "--port", str(server.port),
            "--pipeline", "gaussian_blur sigma=5", "--json", "--retries", "1",
        ]  # fmt: skip
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.wait_for(
            lambda: (tmp_path / "out").exists() and len(list((tmp_path / "out").iterdir())) > 5
        )
        server.process.kill()
        out, err = running.communicate(timeout=60)
        assert running.returncode == 5
        report = json.loads(out)
        assert report["exit_code"] == 5
        assert 5 < report["done"] < 100
        assert err.endswith(": not finished, --resume goes on where this has ended\n")
        again = serve("--port", "0")
        command = ("--port", again.port, "--pipeline", "gaussian_blur sigma=5", "--json", "--resume")
        done = self.batch(source, tmp_path / "out", *command)
        resumed = json.loads(done.stdout)
        assert (done.returncode, resumed["done"] + resumed["left_out"]) == (0, 100)
        assert len(names_below(tmp_path / "out")) == 100

    @pytest.mark.parametrize(
        ("arguments", "code", "message"),
        [
            (("/nonexistent", "out"), 3, "/nonexistent: No such file or directory"),
            (("{empty}", "out"), 3, "no images in this folder"),
            (("{empty}/*.jpg", "out"), 3, "*.jpg: no file is like this"),
            (("{empty}", "out", "--resume", "--overwrite"), 2, "give one of --resume and --overwrite"),
            (("{empty}", "out", "--workers", "many"), 2, "--workers: 'many', expected one of auto"),
            (("{empty}", "out", "--in-flight", "0"), 2, "--in-flight: '0', expected an integer from 1"),
        ],
    )
    def test_errors(self, tmp_path, arguments, code, message):
        arguments = [each.format(empty=tmp_path) for each in arguments]
        done = self.batch(*arguments, "--embedded")
        assert (done.returncode, done.stdout) == (code, "")
        assert message in done.stderr

    def test_a_failures_file_that_cannot_be_written(self, folder, tmp_path):
        done = self.batch(folder, tmp_path / "out", "--embedded", "--failures", "/nonexistent/f")
        assert (done.returncode, said(done)) == (2, "--failures: /nonexistent/f: No such file or directory\n")
        assert not (tmp_path / "out").exists()


class TestTerminal:
    def shown(self, *arguments, **variables):
        """Return what a terminal gets of a command."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))
        with subprocess.Popen(
            [processes.program("imgsvc-client"), *map(str, arguments)],
            stdout=theirs,
            stderr=theirs,
            env=processes.environment(TERM="xterm", **variables),
        ) as running:
            os.close(theirs)
            text = b""
            while True:
                try:
                    part = os.read(ours, 1 << 16)
                except OSError:  # the other side is closed
                    break
                if not part:
                    break
                text += part
        os.close(ours)
        assert running.returncode in (0, 8)
        return text.decode()

    def test_a_bar(self, at, folder, tmp_path):
        assert "image/s" in self.shown("batch", folder, tmp_path / "out", *at)
        assert "image/s" not in self.shown("batch", folder, tmp_path / "out2", *at, "--json")
        timed = ("--timeit", "--mean", "--input", folder, "--output", tmp_path / "out3")
        assert "4/4" in self.shown(*timed, *at)

    def test_colours(self):
        assert "\x1b[32mok" in self.shown("doctor", "--embedded")
        assert "\x1b[" not in self.shown("doctor", "--embedded", NO_COLOR="1")


class TestInfo:
    def test_says_what_the_server_is(self, at):
        done = client("info", *at)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"imgsvc {imgsvc.__version__}, kernels for ")
        assert "\n  gaussian_blur sigma=… [border=reflect101] [alpha=weighted]\n" in done.stdout
        assert "\n  max_pixels                100,000,000\n" in done.stdout

    def test_json(self, at):
        info = json.loads(client("info", *at, "--json").stdout)
        assert info["limits"]["max_pixels"] == 100_000_000
        assert {each["name"] for each in info["operations"]} >= {"resize", "mean_filter"}

    def test_no_server(self):
        done = client("info", "--port", "1", "--retries", "0", "--json")
        assert done.returncode == 5
        assert json.loads(done.stdout)["exit_code"] == 5
        assert done.stderr.endswith("is imgsvc-server running there? --embedded needs none\n")


class TestOperations:
    def test_lists_all_without_a_server(self):
        done = client("operations")
        assert (done.returncode, done.stderr) == (0, "")
        assert "gaussian_blur sigma=… [border=reflect101] [alpha=weighted]\n" in done.stdout
        assert "    The mean over the 3×3 neighbourhood; also called mean\n" in done.stdout
        assert len(json.loads(client("operations", "--json").stdout)) == len(imgsvc.operations.OPERATIONS)

    def test_shows_one(self):
        done = client("operations", "blur")
        assert done.returncode == 0
        first, *parameters, example = done.stdout.splitlines()
        assert first == "gaussian_blur: A mean weighted by a Gaussian; also called blur, gaussian"
        assert parameters[0] == "  sigma      a number from 0.1 to 50 (needed)"
        assert example == '  imgsvc-client IN OUT --pipeline "gaussian_blur sigma=2.5 border=replicate"'

    def test_json_of_one(self):
        [gamma] = json.loads(client("operations", "gamma", "--json").stdout)
        assert gamma["parameters"] == [
            {"name": "gamma", "type": "float", "required": True, "default": "",
             "expected": "a number from 0.01 to 100"}
        ]  # fmt: skip
        assert gamma["examples"] == ["gamma 0.8"]

    def test_no_such_one(self):
        done = client("operations", "sharp")
        assert (done.returncode, done.stdout) == (2, "")
        assert said(done).startswith("operation: 'sharp', expected an operation, such as sharpen, ")


class TestHealth:
    def test_of_a_server_and_of_a_service(self, at):
        for more in ([], ["--service", "imgsvc.v1.ImageService"]):
            done = client("health", *at, *more)
            assert (done.returncode, done.stdout, done.stderr) == (0, "SERVING\n", "")

    def test_json(self, at):
        assert json.loads(client("health", *at, "--json").stdout) == {"status": "SERVING"}

    def test_no_such_service(self, at):
        done = client("health", *at, "--service", "Nothing")
        assert (done.returncode, done.stdout) == (6, "")
        assert done.stderr.startswith("imgsvc-client: NOT_FOUND")

    def test_no_server(self):
        assert client("health", "--port", "1", "--retries", "0").returncode == 5


class TestPlan:
    def test_says_what_would_be_done(self, at, jpeg):
        done = client("plan", jpeg, *at, "--pipeline", "resize width=32", "--format", "png")
        assert (done.returncode, done.stderr) == (0, "")
        first, second, third = done.stdout.splitlines()
        assert first == f"{jpeg}: 64×97 RGB uint8, jpeg"
        assert second == "becomes 32×48 RGB uint8, png"
        assert third.startswith("in some ")

    def test_json(self, serve, jpeg):
        server = serve("--port", "0", "--max-pixels", "1000")
        plan = json.loads(
            client("plan", jpeg, "--port", server.port, "--pipeline", "invert", "--json").stdout
        )
        assert plan["broken_limits"] == [{"field": "image", "value": 64 * 97, "limit": 1000}]
        assert plan["cost_ms"] > 0

    def test_errors(self, at, tmp_path, jpeg):
        done = client("plan", tmp_path / "no.jpg", *at)
        assert (done.returncode, said(done)) == (3, f"{tmp_path}/no.jpg: no such file\n")
        assert client("plan", jpeg, *at, "--pipeline", "resize").returncode == 2
        program = [processes.program("imgsvc-client"), "plan", "-", *map(str, at)]
        piped = subprocess.run(program, input=jpeg.read_bytes(), capture_output=True, check=False)
        assert piped.stdout.startswith("-: 64×97".encode())


class TestBench:
    def test_json(self, at, jpeg):
        done = client("bench", *at, "--seconds", "0.3", "--clients", "2", "--input", jpeg, "--json")
        report = json.loads(done.stdout)
        assert (done.returncode, report["clients"], report["errors"]) == (0, 2, {})
        assert report["calls"] > 0
        assert report["latency_ms"]["p50"] <= report["latency_ms"]["max"]

    def test_for_people(self, at):
        done = client("bench", *at, "--seconds", "0.3", "--size", "64x48", "--pipeline", "invert")
        calls, latency = done.stdout.splitlines()
        assert calls.endswith(" a second")
        assert latency.startswith("latency in ms: p50 ")

    def test_errors(self, serve):
        assert "--size: '0x4', expected WxH" in client("bench", "--size", "0x4").stderr
        server = serve("--port", "0", "--max-pixels", "10")
        done = client("bench", "--port", server.port, "--size", "8x8")
        assert done.returncode == 6
        assert "64 pixels" in done.stderr


class TestDoctor:
    def test_all_is_well(self):
        done = client("doctor", "--embedded", "--json")
        findings = json.loads(done.stdout)
        assert done.returncode == 0
        assert {each["what"] for each in findings} >= {
            "packages",
            "kernels",
            "OpenMP",
            "cores",
            "formats",
            "server",
        }
        assert "problem" not in {each["state"] for each in findings}

    def test_no_server(self):
        done = client("doctor", "--port", "1")
        assert done.returncode == 1
        assert done.stdout.splitlines()[-1].startswith("problem  server: UNAVAILABLE: no server answers at")

    def test_an_instruction_set_that_there_is_not(self):
        done = client("doctor", "--embedded", IMGSVC_ISA="z80")
        text = "IMGSVC_ISA: 'z80': no kernels are built for it, expected one of "
        assert done.returncode == 1
        assert f"problem  instruction set: {text}" in done.stdout
        assert done.stdout.splitlines()[-1].startswith(f"problem  server: {text}")

    def test_an_installation_that_lacks_something(self):
        program = (
            "import sys; sys.modules['simplejpeg'] = None; from imgsvc.client.__main__ import main; main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            env=processes.environment(),
            check=False,
        )
        (line,) = done.stderr.splitlines()
        assert line.startswith("imgsvc-client: import of simplejpeg halted")
        assert line.endswith(": reinstall it with pip install --force-reinstall .")

    def test_another_instruction_set(self):
        done = client("doctor", "--embedded", "--json", IMGSVC_ISA="baseline")
        found = {each["what"]: each for each in json.loads(done.stdout)}
        assert found["instruction set"]["text"].startswith(
            "baseline (IMGSVC_ISA says so); this CPU runs baseline"
        )


class TestConnections:
    def test_tls_and_a_token(self, server, jpeg, tmp_path):
        authority = trustme.CA()
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        (tmp_path / "token").write_text("secret\n")
        handler = scripted.Scripted(lambda number, context: None, server.target)
        certificate = authority.issue_cert("localhost")
        with scripted.serving(handler, scripted.credentials_of(certificate)) as port:
            encrypted = ("--port", port, "--tls-ca", tmp_path / "ca.pem")
            assert client("plan", jpeg, *encrypted, "--token-file", tmp_path / "token").returncode == 0
            assert client("plan", jpeg, *encrypted, IMGSVC_TOKEN="from the environment").returncode == 0
            assert client("plan", jpeg, "--port", port, "--tls", "--retries", "0").returncode == 5
        sent = [metadata["authorization"] for metadata in handler.metadata]
        assert sent == ["Bearer secret", "Bearer from the environment"]

    def test_a_token_that_others_would_see(self, jpeg):
        done = client("plan", jpeg, "--host", "images.example", IMGSVC_TOKEN="secret")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("imgsvc-client: token: given, expected none without TLS")

    def test_several_servers(self, serve):
        servers = [serve("--port", "0") for _ in range(2)]
        targets = [each for server in servers for each in ("--target", f"localhost:{server.port}")]
        assert client("info", *targets).returncode == 0
        servers[0].process.kill()
        assert client("info", *targets).returncode == 0
        assert "give one of --embedded" in client("info", *targets, "--host", "a").stderr


def test_describe(tmp_path):
    """Without a server, and with nothing of EXIF data but what is allowed."""
    path = tmp_path / "a.jpg"
    path.write_bytes(secretive.photo("jpeg", quality=95))
    done = client("describe", path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"{path}: jpeg, 40×30 RGB, 8 bits"
    told = {line[:14].strip(): line[15:] for line in lines[1:]}
    assert told["date"] == "2026-11-28T12:30:01"
    assert told["exposure"] == "0.004 s"
    assert told["copyright"] == "(c) A. Body"
    assert told["dominant"].endswith(" 100 %")
    assert "place" not in told
    assert not [secret for secret in secretive.SECRETS.values() if secret in done.stdout]
    assert "  place        -33.860100, 151.215000, -12.5 m" in client("describe", path, "--gps").stdout

    described = json.loads(client("describe", path, "--json").stdout)
    assert described["camera"]["model"] == "Model X"
    assert described["gps"] is None
    assert len(described["histogram"]) == 3
    assert described["dominant_colors"][0].keys() == {"color", "per_mille"}
    assert json.loads(client("describe", path, "--json", "--gps").stdout)["gps"]["longitude"] == 151.215

    program = [processes.program("imgsvc-client"), "describe", "-"]
    piped = subprocess.run(program, input=path.read_bytes(), capture_output=True, check=True)
    assert piped.stdout.decode().startswith("-: jpeg, 40×30")
    done = client("describe", tmp_path / "none.jpg")
    assert (done.returncode, said(done)) == (3, f"{tmp_path}/none.jpg: no such file\n")
    path.write_bytes(b"no image")
    assert client("describe", path).returncode == 3


def test_describe_by_a_server(at, tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(secretive.photo("jpeg"))
    local = client("describe", path, "--json", "--gps").stdout
    done = client("describe", path, "--json", "--gps", "--embedded")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", local)
    assert client("describe", path, *at).stdout == client("describe", path).stdout
    done = client("describe", path, "--gps", *at)
    refused = "PERMISSION_DENIED: gps: true, expected false: this server was not started with --allow-gps\n"
    assert (done.returncode, said(done)) == (6, refused)
    done = client("describe", path, "--embedded", *at)
    assert (done.returncode, "give one of --embedded" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command):
    done = client(command, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: imgsvc-client {command} ")
    assert "exit codes:" in done.stdout


def test_the_commands_are_in_the_help_of_all():
    done = client("--help")
    for command, what in COMMANDS.items():
        assert f"  {command:10} {what}\n" in done.stdout
