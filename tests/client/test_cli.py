"""The installed imgsvc-client, with the installed imgsvc-server, on real files."""

import numpy as np
import pytest
from PIL import Image

import imgsvc
from tests import processes, reference
from tests.client import scripted


def client(*arguments, **kwargs):
    return processes.run("imgsvc-client", *arguments, **kwargs)


@pytest.fixture
def at(server):
    """The options that name the server."""
    return ("--host", "127.0.0.1", "--port", server.port)


@pytest.fixture
def png(tmp_path, photo):
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    return path


@pytest.fixture
def jpeg(tmp_path, photo):
    path = tmp_path / "photo.jpg"
    Image.fromarray(photo).save(path, quality=95)
    return path


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


class TestOneImage:
    @pytest.mark.parametrize("source", ["png", "jpeg"])
    def test_mean(self, at, request, tmp_path, source):
        path = request.getfixturevalue(source)
        done = client(*at, "--mean", "--input", path, "--output", tmp_path / "out.png")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        np.testing.assert_array_equal(pixels(tmp_path / "out.png"), reference.mean_filter(pixels(path)))

    @pytest.mark.parametrize(
        ("rotation", "turns"),
        [("NONE", 0), ("NINETY_DEG", 1), ("one_eighty_deg", 2), ("Two_Seventy_Deg", 3),
         ("0", 0), ("90", 1), ("180", 2), ("270", 3)],
    )  # fmt: skip
    def test_rotate(self, at, png, tmp_path, photo, rotation, turns):
        done = client(*at, "--rotate", rotation, "--input", png, "--output", tmp_path / "out.png")
        assert done.returncode == 0
        np.testing.assert_array_equal(pixels(tmp_path / "out.png"), np.rot90(photo, turns))

    def test_mean_comes_before_rotation(self, at, png, tmp_path, photo):
        done = client(*at, "--rotate", "90", "--mean", "--input", png, "--output", tmp_path / "out.tif")
        assert done.returncode == 0
        expected = np.rot90(reference.mean_filter(photo))
        np.testing.assert_array_equal(pixels(tmp_path / "out.tif"), expected)

    def test_gray_stays_gray(self, at, tmp_path, photo):
        Image.fromarray(photo[..., 0]).save(tmp_path / "in.png")
        done = client(*at, "--mean", "--input", tmp_path / "in.png", "--output", tmp_path / "out.png")
        assert done.returncode == 0
        np.testing.assert_array_equal(pixels(tmp_path / "out.png"), reference.mean_filter(photo[..., 0]))

    def test_jpeg_to_jpeg(self, at, jpeg, tmp_path):
        done = client(
            *at, "--mean", "--jpeg-quality", "98", "--input", jpeg, "--output", tmp_path / "out.jpg"
        )
        assert done.returncode == 0
        difference = np.abs(pixels(tmp_path / "out.jpg").astype(int) - reference.mean_filter(pixels(jpeg)))
        assert difference.mean() < 5  # chroma at half the resolution, of noise

    def test_embedded_needs_no_server(self, png, tmp_path, photo):
        done = client(
            "--embedded", "--mean", "--rotate", "NINETY_DEG", "--input", png, "--output", tmp_path / "o.png"
        )
        assert (done.returncode, done.stderr) == (0, "")
        np.testing.assert_array_equal(pixels(tmp_path / "o.png"), np.rot90(reference.mean_filter(photo)))

    def test_a_unix_socket(self, serve, png, tmp_path, photo, socket_path):
        serve("--unix-socket", socket_path)
        done = client(
            "--unix-socket",
            socket_path,
            "--rotate",
            "180",
            "--input",
            png,
            "--output",
            tmp_path / "o.png",
        )
        assert done.returncode == 0
        np.testing.assert_array_equal(pixels(tmp_path / "o.png"), np.rot90(photo, 2))

    def test_host_name_and_compression(self, server, png, tmp_path, photo):
        at = ("--host-name", "localhost", "--port", server.port, "--compression", "GZIP")
        done = client(*at, "--mean", "--input", png, "--output", tmp_path / "out.png")
        assert done.returncode == 0
        np.testing.assert_array_equal(pixels(tmp_path / "out.png"), reference.mean_filter(photo))

    def test_what_is_lost_is_a_note(self, at, tmp_path, photo):
        Image.fromarray(photo).convert("RGB").save(tmp_path / "opaque.png")
        translucent = Image.fromarray(photo)
        translucent.putalpha(7)
        translucent.save(tmp_path / "in.png")
        done = client(*at, "--rotate", "0", "--input", tmp_path / "in.png", "--output", tmp_path / "out.png")
        assert done.returncode == 0
        assert done.stderr == f"imgsvc-client: note: {tmp_path / 'in.png'}: alpha is dropped\n"
        np.testing.assert_array_equal(pixels(tmp_path / "out.png"), photo)


class TestFailures:
    """One clear line on stderr each, and exit codes that tell them apart."""

    @staticmethod
    def fails(code, text, *arguments, **kwargs):
        done = client(*arguments, **kwargs)
        assert done.stderr.startswith("imgsvc-client: "), done.stderr
        assert text in done.stderr
        assert done.stderr.count("\n") == 1
        assert done.returncode == code
        return done

    def test_nothing_to_do(self, png, tmp_path):
        self.fails(
            2,
            "nothing to do: give --mean, --rotate or both",
            "--input",
            png,
            "--output",
            tmp_path / "out.png",
        )

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            (["--rotate", "RIGHT"], "argument --rotate: 'RIGHT', expected one of NONE, NINETY_DEG"),
            (["--rotate", "45"], '180, 270; other angles are --pipeline "rotate 45" (see'),
            (["--rotate=-2.5"], '180, 270; other angles are --pipeline "rotate -2.5" (see'),
            (["--port", "0"], "argument --port: '0', expected an integer from 1 to 65535"),
            (["--timeout", "0"], "argument --timeout: '0', expected seconds"),
            (["--jpeg-quality", "101"], "argument --jpeg-quality: '101'"),
            (["--embedded", "--port", "1"], "give one of --embedded, --unix-socket"),
            (["--host", "localhost:50051"], "no name or address; a port goes into --port"),
            (["--unix-socket", "/a,b"], "--unix-socket: gRPC takes a comma for the end of the path"),
            (["--overwrite"], "--overwrite and --concurrency go with --timeit"),
            (["--frobnicate"], "unrecognized arguments"),
        ],
    )
    def test_a_bad_option(self, png, tmp_path, options, text):
        self.fails(2, text, "--mean", *options, "--input", png, "--output", tmp_path / "out.png")

    def test_a_missing_option(self):
        self.fails(2, "required: --input, --output", "--mean")

    def test_a_missing_file(self, at, tmp_path):
        arguments = ("--mean", "--input", tmp_path / "none.png", "--output", tmp_path / "out.png")
        self.fails(3, "none.png: no such file", *at, *arguments)

    def test_a_name_that_is_too_long(self, at, png, tmp_path):
        long = tmp_path / ("x" * 300 + ".png")
        self.fails(3, "File name too long", *at, "--mean", "--input", long, "--output", tmp_path / "out.png")
        self.fails(4, "File name too long", *at, "--mean", "--input", png, "--output", long)

    def test_an_unreadable_image(self, at, tmp_path):
        (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
        arguments = ("--mean", "--input", tmp_path / "bad.jpg", "--output", tmp_path / "out.png")
        self.fails(3, "bad.jpg: ", *at, *arguments)

    def test_an_unknown_extension_is_told_before_any_work(self, png, tmp_path):
        arguments = ("--port", 1, "--mean", "--input", png, "--output", tmp_path / "out.xyz")
        self.fails(4, "no format for the extension '.xyz'", *arguments)

    def test_an_output_folder_that_is_not_there(self, at, png, tmp_path):
        arguments = ("--mean", "--input", png, "--output", tmp_path / "no" / "out.png")
        self.fails(4, "create it first", *at, *arguments)

    def test_a_server_that_cannot_be_reached(self, png, tmp_path):
        arguments = (
            "--unix-socket",
            tmp_path / "none",
            "--mean",
            "--input",
            png,
            "--output",
            tmp_path / "out.png",
        )
        self.fails(5, "is imgsvc-server running there? --embedded needs none", *arguments)
        assert not (tmp_path / "out.png").exists()

    def test_a_refused_request(self, serve, png, tmp_path):
        server = serve("--port", "0", "--max-message-bytes", "2000")
        arguments = ("--port", server.port, "--mean", "--input", png, "--output", tmp_path / "out.png")
        self.fails(6, "raise the server's limit (imgsvc-server's is --max-message-bytes)", *arguments)

    @pytest.mark.parametrize("kind", ["one", "batch", "info", "describe"])
    def test_a_server_without_imgsvc_v1(self, server, png, tmp_path, kind):
        what, arguments = {
            "one": ("Process", ("--pipeline", "invert", "--input", png, "--output", tmp_path / "out.png")),
            "batch": ("ProcessBatch", ("batch", tmp_path, tmp_path / "out", "--pipeline", "invert")),
            "info": ("GetServerInfo", ("info",)),
            "describe": ("Describe", ("describe", png)),
        }[kind]
        with scripted.serving(scripted.NLImageServiceOnly(server.target)) as port:
            at = ("--host", "127.0.0.1", "--port", port)
            text = (
                f"UNIMPLEMENTED: the server has no /imgsvc.v1.ImageService/{what}: Method not found!; "
                "is it imgsvc-server, and no older than this client? One of NLImageService alone does --mean "
                "and --rotate by themselves, of gray and RGB"
            )
            self.fails(6, text, *arguments, *at)

    def test_a_server_without_imgsvc_v1_does_what_it_knows(self, server, png, tmp_path, photo):
        with scripted.serving(scripted.NLImageServiceOnly(server.target)) as port:
            at = ("--host", "127.0.0.1", "--port", port)
            done = client(*at, "--mean", "--input", png, "--output", tmp_path / "out.png")
        assert (done.returncode, done.stderr) == (0, "")
        np.testing.assert_array_equal(pixels(tmp_path / "out.png"), reference.mean_filter(photo))

    def test_a_timeout(self, at, tmp_path):
        Image.new("RGB", (4000, 3000)).save(tmp_path / "large.bmp")
        arguments = (
            "--timeout",
            "0.001",
            "--mean",
            "--input",
            tmp_path / "large.bmp",
            "--output",
            tmp_path / "out.png",
        )
        self.fails(7, "allow more with --timeout", *at, *arguments)

    def test_a_folder_without_timeit(self, at, tmp_path):
        arguments = ("--mean", "--input", tmp_path, "--output", tmp_path / "out.png")
        self.fails(2, "--timeit processes all of it", *at, *arguments)

    def test_debug_shows_the_traceback(self, at, tmp_path):
        done = client(
            *at, "--debug", "--mean", "--input", tmp_path / "none.png", "--output", tmp_path / "out.png"
        )
        assert "Traceback" in done.stderr
        assert done.returncode == 1


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path, rng):
        """Three images, one of them in a subfolder, a file that is none, and one that is damaged."""
        source = tmp_path / "in"
        (source / "sub").mkdir(parents=True)
        for name in ("a.png", "b.tif", "sub/c.png"):
            Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(source / name)
        (source / "notes.txt").write_text("no image")
        (source / ".hidden.png").write_text("no image")
        return source

    def test_every_image_is_processed_and_subfolders_are_kept(self, at, folder, tmp_path):
        done = client(*at, "--timeit", "--mean", "--input", folder, "--output", tmp_path / "out")
        assert done.returncode == 0
        written = [path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.*")]
        assert sorted(path.as_posix() for path in written) == ["a.png", "b.tif", "sub/c.png"]
        for name in ("a.png", "b.tif", "sub/c.png"):
            expected = reference.mean_filter(pixels(folder / name))
            np.testing.assert_array_equal(pixels(tmp_path / "out" / name), expected)
        assert done.stdout.startswith("3 images done, 0 failed, in ")
        for part in ("images/s", "MB/s", "p50", "p95", "p99"):
            assert part in done.stdout
        assert done.stderr == ""  # no bar: stderr is no terminal

    def test_one_bad_file_does_not_stop_the_rest(self, at, folder, tmp_path):
        (folder / "bad.png").write_bytes((folder / "a.png").read_bytes()[:300])
        done = client(*at, "--timeit", "--rotate", "90", "--input", folder, "--output", tmp_path / "out")
        assert done.returncode == 8
        assert done.stdout.startswith("3 images done, 1 failed, in ")
        assert "failed: bad.png: " in done.stdout
        assert not (tmp_path / "out" / "bad.png").exists()

    def test_an_existing_output_is_kept_without_overwrite(self, at, folder, tmp_path):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "a.png").write_text("before")
        arguments = (*at, "--timeit", "--mean", "--input", folder, "--output", tmp_path / "out")
        done = client(*arguments)
        assert done.returncode == 8
        assert "failed: a.png: " in done.stdout
        assert "--overwrite" in done.stdout
        assert (tmp_path / "out" / "a.png").read_text() == "before"
        done = client(*arguments, "--overwrite")
        assert done.returncode == 0
        np.testing.assert_array_equal(
            pixels(tmp_path / "out" / "a.png"), reference.mean_filter(pixels(folder / "a.png"))
        )

    def test_the_output_may_lie_inside_the_input(self, at, folder):
        arguments = (*at, "--timeit", "--mean", "--overwrite", "--input", folder, "--output", folder / "out")
        assert client(*arguments).returncode == 0
        done = client(*arguments)
        assert done.stdout.startswith("3 images done, 0 failed")

    def test_embedded(self, folder, tmp_path):
        arguments = (
            "--embedded",
            "--timeit",
            "--mean",
            "--concurrency",
            2,
            "--input",
            folder,
            "--output",
            tmp_path / "out",
        )
        assert client(*arguments).returncode == 0

    def test_no_images(self, at, tmp_path):
        (tmp_path / "empty").mkdir()
        done = client(*at, "--timeit", "--mean", "--input", tmp_path / "empty", "--output", tmp_path / "out")
        assert done.returncode == 3
        assert "no images in this folder" in done.stderr

    def test_a_missing_folder(self, at, tmp_path):
        done = client(*at, "--timeit", "--mean", "--input", tmp_path / "none", "--output", tmp_path / "out")
        assert done.returncode == 3
        assert "none: No such file or directory" in done.stderr

    def test_what_is_lost_is_a_note(self, at, folder, tmp_path):
        Image.new("RGBA", (3, 3), (1, 2, 3, 4)).save(folder / "translucent.png")
        done = client(*at, "--timeit", "--mean", "--input", folder, "--output", tmp_path / "out")
        assert done.returncode == 0
        assert f"imgsvc-client: note: {folder / 'translucent.png'}: alpha is dropped\n" in done.stderr

    def test_a_file_in_place_of_the_folder(self, at, png, tmp_path):
        done = client(*at, "--timeit", "--mean", "--input", png, "--output", tmp_path / "out")
        assert done.returncode == 2
        assert "is no folder" in done.stderr

    def test_no_server(self, folder, tmp_path):
        arguments = ("--unix-socket", tmp_path / "none", "--timeout", "0.2", "--timeit", "--mean")
        done = client(*arguments, "--input", folder, "--output", tmp_path / "out")
        assert done.returncode == 5
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version(option):
    done = client(option)
    assert done.returncode == 0
    assert ("examples:" if option == "--help" else imgsvc.__version__) in done.stdout
