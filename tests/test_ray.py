"""Ray Data: imgsvc.ray.process, and `imgsvc-client batch --engine ray`, on a real cluster of this machine."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tqdm import tqdm

import imgsvc.ray
from imgsvc.client.commands.batch_items import Item, Tally
from imgsvc.client.commands.batch_ray import Job, RayData
from imgsvc.errors import InvalidParameterError
from imgsvc.pipeline import Pipeline
from imgsvc.places.folder import Folder
from imgsvc.recipes.recipe import Output, Recipe
from tests import processes, v1
from tests.places import s3

ray = pytest.importorskip("ray", reason="needs Ray Data: pip install 'imgsvc[ray]'")
pytest.importorskip("ray.data", reason="needs Ray Data: pip install 'imgsvc[ray]'")

# Ray's own are not ours to mend.
pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.xdist_group("ray")]

CPUS = 2
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def cluster():
    """The address of a cluster of two CPUs, which is this process's, too."""
    ray.init(num_cpus=CPUS, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()


@pytest.fixture
def jpeg(photo):
    return v1.encoded(photo, "JPEG")


@pytest.fixture
def folder(tmp_path, jpeg):
    """Twelve photos in two folders, and a file that is none."""
    made = tmp_path / "in"
    (made / "below").mkdir(parents=True)
    for number in range(12):
        (made / ("below" if number % 2 else ".") / f"{number:02}.jpg").write_bytes(jpeg)
    (made / "bad.jpg").write_bytes(b"no image")
    return made


def files_below(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.*"))}


def batch(source, target, *options):
    return processes.run("imgsvc-client", "batch", source, target, "--engine", "ray", *options)


@pytest.mark.usefixtures("cluster")
class TestProcess:
    RECIPE = ("mean | resize width=20",)

    def test_paths(self, folder, jpeg):
        paths = sorted(map(str, folder.rglob("*.jpg")))
        rows = imgsvc.ray.process(
            ray.data.from_items([{"path": path, "tag": number} for number, path in enumerate(paths)]),
            *self.RECIPE,
            output=imgsvc.Output("webp", quality=50),
        ).take_all()
        expected = imgsvc.process(jpeg, *self.RECIPE, output=imgsvc.Output("webp", quality=50))
        assert sorted(row["tag"] for row in rows) == list(range(13))
        for row in rows:
            if row["path"].endswith("bad.jpg"):
                assert row["data"] is None
                assert row["error"].startswith("image: bytes of no known format")
            else:
                assert (row["data"], row["error"]) == (expected.data, "")
                assert (row["format"], row["width"], row["height"]) == ("webp", 20, expected.height)

    def test_bytes_are_not_handed_on(self, folder):
        files = ray.data.read_binary_files(str(folder), include_paths=True, file_extensions=["jpg"])
        rows = imgsvc.ray.process(files, *self.RECIPE).take_all()
        assert len(rows) == 13
        assert not any("bytes" in row for row in rows)
        assert sum(row["error"] == "" for row in rows) == 12

    def test_pixels_and_notes(self, photo):
        cut = v1.encoded(photo)[:9000]
        rows = ray.data.from_items([{"bytes": cut}])
        decoding = imgsvc.codec.DecodeOptions(damaged="partial")
        [row] = imgsvc.ray.process(rows, "invert", output="raw", decoding=decoding).take_all()
        expected = imgsvc.process(cut, "invert", output="raw", decoding=decoding)
        np.testing.assert_array_equal(row["array"], expected.array)
        assert tuple(row["notes"]) == expected.notes != ()

    def test_by_a_server(self, server, folder, jpeg):
        paths = ray.data.from_items([{"path": str(path)} for path in folder.rglob("0*.jpg")])
        with imgsvc.Client(server.target) as client:
            rows = imgsvc.ray.process(paths, *self.RECIPE, output="png", client=client).take_all()
        assert len(rows) == 10
        assert {row["data"] for row in rows} == {bytes(imgsvc.process(jpeg, *self.RECIPE, output="png").data)}

    def test_nothing_is_done_before_rows_are_asked_for(self):
        lazy = imgsvc.ray.process(ray.data.from_items([{"path": "/nonexistent/a.jpg"}]), "mean")
        [row] = lazy.take_all()
        assert row["error"] == "/nonexistent/a.jpg: no such file"

    def test_a_row_without_an_image(self):
        [row] = imgsvc.ray.process(ray.data.from_items([{"name": "a"}]), "mean").take_all()
        assert row["error"] == "the row has no bytes and no path: name"

    @pytest.mark.parametrize("num_cpus", [0.9, CPUS])
    def test_reads_are_not_starved(self, folder, num_cpus):
        """Not by tasks that take all CPUs, nor by those that take nearly one."""
        files = ray.data.read_binary_files([str(path) for path in folder.rglob("*.jpg")] * 4)
        rows = imgsvc.ray.process(files, *self.RECIPE, num_cpus=num_cpus).take_all()
        assert sum(row["error"] == "" for row in rows) == 48

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"num_cpus": 0}, "^num_cpus: 0, expected a positive number"),
            ({"output": {"a": "png", "b": "png"}}, "^output: several outputs, expected one"),
            ({"pipeline": "spin"}, "spin"),
        ],
    )
    def test_errors_come_at_once(self, arguments, message):
        rows = ray.data.from_items([{"path": "a.jpg"}])
        with pytest.raises(InvalidParameterError, match=message):
            imgsvc.ray.process(rows, **arguments)


class TestBatch:
    OPTIONS = ("--pipeline", "resize width=20", "--format", "webp", "--json")

    def test_is_what_a_stream_gives(self, cluster, folder, tmp_path):
        done = batch(folder, tmp_path / "out", "--address", cluster, *self.OPTIONS)
        assert done.returncode == 8, done.stderr
        report = json.loads(done.stdout)
        assert (report["done"], report["failed"], report["left_out"]) == (12, 1, 0)
        [failure] = report["failures"]
        assert failure["path"] == f"{folder}/bad.jpg"
        assert failure["message"].startswith("image: bytes of no known format")
        assert report["bytes_in"] == sum(map(len, files_below(folder).values()))
        assert report["bytes_out"] == sum(map(len, files_below(tmp_path / "out").values()))
        streamed = processes.run(
            "imgsvc-client", "batch", folder, tmp_path / "streamed", "--embedded", *self.OPTIONS
        )
        assert streamed.returncode == 8
        assert files_below(tmp_path / "out") == files_below(tmp_path / "streamed")

    def test_folders_are_the_drivers(self, cluster, folder, tmp_path, monkeypatch):
        """Workers have another working directory."""
        monkeypatch.chdir(tmp_path)
        report = json.loads(batch("in", "out", "--address", cluster, *self.OPTIONS).stdout)
        assert (report["done"], report["failed"]) == (12, 1)
        assert report["failures"][0]["path"] == "in/bad.jpg"
        assert len(files_below(tmp_path / "out")) == 12

    def test_resumes(self, cluster, folder, tmp_path):
        (folder / "bad.jpg").unlink()
        at = ("--address", cluster, *self.OPTIONS)
        assert json.loads(batch(folder, tmp_path / "out", *at).stdout)["done"] == 12
        assert batch(folder, tmp_path / "out", *at).returncode == 8
        before = files_below(tmp_path / "out")
        for name in ("00.webp", "below/03.webp"):
            (tmp_path / "out" / name).unlink()
        report = json.loads(batch(folder, tmp_path / "out", "--resume", *at).stdout)
        assert (report["done"], report["failed"], report["left_out"]) == (2, 0, 10)
        assert files_below(tmp_path / "out") == before

    def test_by_a_server_and_its_preset(self, serve, cluster, folder, tmp_path):
        presets = tmp_path / "presets.toml"
        presets.write_text('[small]\npipeline = "resize width=16"\nformat = "png"\n')
        server = serve("--port", "0", "--presets", presets)
        done = batch(
            folder, tmp_path / "out", "--address", cluster, "--target", server.target,
            "--preset", "small", "--json",
        )  # fmt: skip
        report = json.loads(done.stdout)
        assert (report["done"], [each["code"] for each in report["failures"]]) == (12, ["INVALID_ARGUMENT"])
        assert set(files_below(tmp_path / "out")) == {
            f"{'below/' if number % 2 else ''}{number:02}.png" for number in range(12)
        }

    @pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds workers in /proc")
    def test_a_worker_that_is_killed_costs_nothing(self, cluster, tmp_path, photo):
        source, target = tmp_path / "in", tmp_path / "out"
        source.mkdir()
        for number in range(120):
            (source / f"{number:03}.png").write_bytes(v1.encoded(np.tile(photo, (12, 18, 1))))
        command = [
            processes.program("imgsvc-client"), "batch", source, target, "--engine", "ray",
            "--address", cluster, "--pipeline", "gaussian_blur sigma=9", "--json",
        ]  # fmt: skip
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.wait_for(lambda: target.exists() and len(list(target.iterdir())) > 3)
        processes.wait_for(busy_workers)
        os.kill(busy_workers()[0], signal.SIGKILL)
        out, err = running.communicate(timeout=120)
        assert running.returncode == 0, err
        report = json.loads(out)
        assert (running.returncode, report["done"], report["failed"]) == (0, 120, 0), err
        assert sorted(path.name for path in target.iterdir()) == [f"{number:03}.png" for number in range(120)]
        assert len({path.read_bytes() for path in target.iterdir()}) == 1

    @pytest.mark.usefixtures("cluster")
    def test_an_image_that_kills_its_workers_is_a_failure_by_itself(self, folder, tmp_path):
        source = Deadly(folder, "below/05.jpg")
        items, tally = deadly_batch(source, tmp_path / "out")
        assert (tally.done, len(tally.failures)) == (len(items) - 2, 2)
        died, bad = sorted(tally.failures, key=lambda each: "below" not in each.path)
        assert died.path == f"{folder}/below/05.jpg"
        assert died.message == "its task died 3 times: too little memory, or a crash"
        assert bad.path == f"{folder}/bad.jpg"
        assert len(files_below(tmp_path / "out")) == len(items) - 2

    @pytest.mark.usefixtures("cluster")
    def test_an_error_that_nobody_foresaw_is_one_of_its_image(self, folder, tmp_path):
        source = Deadly(folder, "below/05.jpg", MemoryError("no more"))
        items, tally = deadly_batch(source, tmp_path / "out")
        assert tally.done == len(items) - 2
        assert "MemoryError: no more" in [each.message for each in tally.failures]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("--embedded",), "--embedded: tasks of --engine ray compute by themselves"),
            (("--in-flight", "3"), "--in-flight goes with --engine stream"),
            (("--tls-ca", "ca.pem"), "--tls and --token-file are of a server: name it"),
            (("--token-file", "key"), "--tls and --token-file are of a server: name it"),
            (("--preset", "small"), "--preset: 'small' is a server's: give --target, or the --presets FILE"),
            (("--address", "127.0.0.1:1"), "--address: 127.0.0.1:1: "),
        ],
    )
    def test_errors(self, folder, tmp_path, options, message):
        done = batch(folder, tmp_path / "out", *options)
        assert done.returncode == 2
        assert message in done.stderr
        assert not (tmp_path / "out").exists()

    def test_an_address_without_ray(self, tmp_path):
        done = processes.run("imgsvc-client", "batch", tmp_path, tmp_path / "out", "--address", "auto")
        assert done.returncode == 2
        assert "--address goes with --engine ray" in done.stderr


class TestStores:
    """Tasks of a cluster that the batch starts have its environment, and so its credentials."""

    OPTIONS = ("--engine", "ray", "--pipeline", "resize width=20", "--format", "webp", "--json")

    @pytest.fixture
    def bucket(self):
        with s3.running() as port, s3.bucket_of(port) as bucket:
            yield bucket

    def batch(self, bucket, *options):
        arguments = (f"{bucket.url}/in", f"{bucket.url}/out", *self.OPTIONS, *options)
        return processes.run("imgsvc-client", "batch", *arguments, **bucket.variables)

    def test_both_sides(self, bucket, jpeg):
        bucket.fill([f"in/{number:02}.jpg" for number in range(12)], jpeg)
        bucket.put("in/bad.jpg", b"no image")
        done = self.batch(bucket)
        report = json.loads(done.stdout)
        assert (done.returncode, report["done"], report["failed"]) == (8, 12, 1), done.stderr
        assert report["failures"][0]["path"] == f"{bucket.url}/in/bad.jpg"
        expected = imgsvc.process(jpeg, "resize width=20", output="webp").data
        assert set(bucket.sizes("out/").values()) == {len(expected)}
        assert bucket.get("out/00.webp") == expected
        report = json.loads(self.batch(bucket, "--resume").stdout)
        assert (report["done"], report["left_out"]) == (0, 12)

    def test_expired_credentials_end_it_at_once(self, bucket, jpeg):
        bucket.fill([f"in/{number:02}.jpg" for number in range(40)], jpeg)
        bucket.proxy.fault = s3.after(3, "GET", s3.EXPIRED)
        done = self.batch(bucket)
        assert done.returncode == 6, done.stderr
        assert json.loads(done.stdout)["done"] < 40
        assert "ExpiredToken" in done.stderr


class TestPage:
    """docs/bulk.md is true of Ray, too."""

    SECTION = (ROOT / "docs" / "bulk.md").read_text("utf-8").partition("\n## Ray\n")[2]

    def blocks(self, language):
        return re.findall(rf"^```{language}\n(.*?)^```", self.SECTION, re.DOTALL | re.MULTILINE)

    @pytest.fixture
    def place(self, tmp_path, monkeypatch, jpeg):
        for name in ("photos/b.jpg", "photos/2026/a.jpg"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(jpeg)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def test_its_commands(self, cluster, place):
        commands = [line for block in self.blocks("sh") for line in block.splitlines()]
        assert [shlex.split(command)[3] for command in commands] == ["by-ray", "by-cluster"]
        for command in commands:
            words = shlex.split(command.replace("--address auto", f"--address {cluster}"))
            done = processes.run(words[0], *words[1:])
            assert done.returncode == 0, done.stderr
            assert set(files_below(place / words[3])) == {"b.webp", "2026/a.webp"}

    @pytest.mark.usefixtures("cluster", "place")
    def test_its_python(self, capsys):
        (code,) = self.blocks("python")
        exec(compile(code, "bulk.md", "exec"), {})
        lines = sorted(capsys.readouterr().out.splitlines())
        assert [line.partition(", ")[0] for line in lines] == [
            "me a.jpg 256x388",
            "me b.jpg 256x388",
        ]


class Deadly(Folder):
    """A folder of which one file ends who reads it, or raises an error."""

    def __init__(self, path, name, error=None):
        super().__init__(path)
        self.name, self.error = name, error

    def __reduce__(self):
        return Deadly, (self.path.absolute(), self.name, self.error)

    def read(self, name):
        if name == self.name and self.error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        if name == self.name:
            raise self.error
        return super().read(name)


def deadly_batch(source, target):
    """Run a batch in this process's cluster; return its items and what became of them."""
    items = [Item(name, f"{name[:-4]}.webp") for name in source.listing().images]
    recipe = Recipe(Pipeline("resize width=20"), (Output("webp"),))
    tally = Tally(source, Folder(target))
    job = Job(recipe, source, Folder(target), None, replace=False)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers have no tests
    RayData(job, None).run(items, tally, tqdm(disable=True))
    return items, tally


def busy_workers():
    """Return the processes that run a task of a batch."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"ray::" in path.read_bytes() and b"_row" in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


def test_a_task_computes_on_one_thread(photo, tmp_path):
    """So that as many tasks as there are CPUs do not take more of them."""
    path = tmp_path / "large.png"
    path.write_bytes(v1.encoded(np.tile(photo, (12, 18, 1))))
    code = (
        "import sys, pathlib, imgsvc.ray; from imgsvc.ray import run_recipe;"
        "from imgsvc.recipes.recipe import Recipe;"
        "count = lambda: len(list(pathlib.Path('/proc/self/task').iterdir()));"
        "run_recipe(sys.argv[1], Recipe('rotate90 1'), None, 1); before = count();"
        "run_recipe(sys.argv[1], Recipe('gaussian_blur sigma=3'), None, 1); one = count() - before;"
        "run_recipe(sys.argv[1], Recipe('gaussian_blur sigma=3'), None, 2); two = count() - before;"
        "print(one, two)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["0", "1"]
