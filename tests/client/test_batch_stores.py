"""``imgsvc-client batch`` on object stores and lists of work: the installed program, S3, and its requests."""

import importlib.util
import io
import json
import re
import subprocess

import pytest
from PIL import Image

from tests import processes
from tests.places import s3

PIPELINE = ("--pipeline", "resize width=4")
EXPIRED = "ExpiredToken: The provided token has expired."


def encoded(kind):
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, kind)
    return file.getvalue()


JPEG, PNG = encoded("JPEG"), encoded("PNG")


@pytest.fixture(scope="module")
def port():
    with s3.running() as port:
        yield port


@pytest.fixture
def bucket(port):
    with s3.bucket_of(port) as bucket:
        yield bucket


@pytest.fixture
def batch(server):
    def batch(*arguments, bucket=None, expected=0):
        variables = {} if bucket is None else bucket.variables
        done = processes.run(
            "imgsvc-client", "batch", "--port", server.port, *PIPELINE, *arguments, **variables
        )
        assert done.returncode == expected, done.stderr
        return done

    return batch


@pytest.fixture
def report(batch):
    """Runs a batch, and returns its report."""
    return lambda *arguments, **more: json.loads(batch(*arguments, "--json", **more).stdout)


def counts(report):
    return report["done"], report["failed"], report["left_out"]


def messages(report):
    return {each["path"]: each["message"] for each in report["failures"]}


def names_below(path):
    return sorted(each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file())


def kind_of(content):
    with Image.open(io.BytesIO(content)) as image:
        assert image.width == 4
        return image.format


@pytest.fixture
def photos(tmp_path):
    for name, content in {"a.jpg": JPEG, "below/b.png": PNG, "notes.txt": b"none"}.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "photos"


class TestPlaces:
    def test_a_folder_to_a_store(self, report, bucket, photos):
        found = report(photos, f"{bucket.url}/small", bucket=bucket)
        assert counts(found) == (2, 0, 0)
        assert found["no_images"] == ["notes.txt"]
        assert set(bucket.sizes()) == {"small/a.jpg", "small/below/b.png"}
        assert kind_of(bucket.get("small/below/b.png")) == "PNG"

    def test_a_store_to_a_folder(self, report, bucket, tmp_path):
        bucket.put("in/a.jpg", JPEG)
        bucket.put("in/below/b.png", PNG)
        bucket.put("elsewhere/c.png", PNG)
        found = report(f"{bucket.url}/in", tmp_path / "out", bucket=bucket)
        assert counts(found) == (2, 0, 0)
        assert (found["bytes_in"], found["bytes_out"]) == (
            len(JPEG) + len(PNG),
            sum(path.stat().st_size for path in (tmp_path / "out").rglob("*.*")),
        )
        assert names_below(tmp_path / "out") == ["a.jpg", "below/b.png"]
        assert kind_of((tmp_path / "out/a.jpg").read_bytes()) == "JPEG"

    def test_a_store_to_its_own_folder_which_is_left_out(self, report, bucket):
        bucket.put("a.jpg", JPEG)
        bucket.put("below/b.jpg", JPEG)
        for done, left_out in ((2, 0), (0, 2)):
            found = report(bucket.url, f"{bucket.url}/small", "--format", "webp", "--resume", bucket=bucket)
            assert counts(found) == (done, 0, left_out)
        assert set(bucket.sizes("small/")) == {"a.webp", "below/b.webp"}

    def test_requests(self, report, bucket):
        for number in range(20):
            bucket.put(f"in/{number}.jpg", JPEG)
        report(f"{bucket.url}/in", f"{bucket.url}/out", "--format", "webp", "--overwrite", bucket=bucket)
        assert bucket.proxy.counts() == {"GET": 20, "LIST": 1, "PUT": 20}
        assert not any("If-None-Match" in each.headers for each in bucket.proxy.of("PUT"))
        bucket.proxy.forget()
        found = report(f"{bucket.url}/in", f"{bucket.url}/more", "--format", "webp", bucket=bucket)
        assert counts(found) == (20, 0, 0)
        assert {each.headers["If-None-Match"] for each in bucket.proxy.of("PUT")} == {"*"}
        assert (len(bucket.proxy.of("GET")), len(bucket.proxy.of("PUT"))) == (20, 20)
        assert (bucket.proxy.of("post"), bucket.proxy.of("put"), bucket.uploads()) == ([], [], [])

    def test_more_than_a_page_goes_on_where_it_ended(self, report, bucket):
        names = [f"{number:04}" for number in range(1001)]
        bucket.fill([f"in/{name}.jpg" for name in names], JPEG)
        bucket.fill([f"out/{name}.webp" for name in names if not name.endswith("77")], b"there")
        found = report(f"{bucket.url}/in", f"{bucket.url}/out", "--format", "webp", "--resume", bucket=bucket)
        assert counts(found) == (10, 0, 991)
        assert bucket.proxy.counts() == {"GET": 10, "LIST": 3, "PUT": 10}  # of the folders two pages and one
        assert set(bucket.sizes("out/")) == {f"{name}.webp" for name in names}

    def test_a_pattern(self, report, bucket, tmp_path):
        for key in ("in/a.jpg", "in/below/b.jpg", "in/below/c.png"):
            bucket.put(key, PNG if key.endswith("png") else JPEG)
        found = report(f"{bucket.url}/**/*.jpg", tmp_path / "out", bucket=bucket)
        assert counts(found) == (2, 0, 0)
        assert names_below(tmp_path / "out") == ["in/a.jpg", "in/below/b.jpg"]

    def test_outputs_that_are_there(self, report, bucket, photos):
        bucket.put("small/a.jpg", b"there")
        bucket.put("small/below/b.png", b"")
        found = report(photos, f"{bucket.url}/small", bucket=bucket, expected=8)
        assert counts(found) == (1, 1, 0)
        assert messages(found) == {
            f"{photos}/a.jpg": f"{bucket.url}/small/a.jpg exists: --overwrite replaces it, "
            "--resume leaves it as it is"
        }
        assert bucket.get("small/a.jpg") == b"there"
        assert kind_of(bucket.get("small/below/b.png")) == "PNG"
        assert counts(report(photos, f"{bucket.url}/small", "--resume", bucket=bucket)) == (0, 0, 2)
        assert counts(report(photos, f"{bucket.url}/small", "--overwrite", bucket=bucket)) == (2, 0, 0)
        assert kind_of(bucket.get("small/a.jpg")) == "JPEG"

    def test_names_that_are_refused(self, report, bucket, tmp_path):
        faults = {
            "in/../a.jpg": "it has . or .. for a part",
            "in/b//a.jpg": "it has an empty part",
            "in//a.jpg": "it is absolute",
            "in/b\\a.jpg": "it has a backslash",
            "in/a\0.jpg": "it has control characters",
            "in/a\x1b.jpg": "it has control characters",
        }
        for key in (*faults, "in/a.jpg"):
            bucket.put(key, JPEG)
        failures = tmp_path / "failures.jsonl"
        found = report(
            f"{bucket.url}/in", tmp_path / "out", "--failures", failures, bucket=bucket, expected=8
        )
        assert counts(found) == (1, len(faults), 0)
        assert messages(found) == {
            f"{bucket.url}/{key}": f"no name of a file: {fault}" for key, fault in faults.items()
        }
        assert [json.loads(line) for line in failures.read_text().splitlines()] == found["failures"]
        assert names_below(tmp_path / "out") == ["a.jpg"]

    def test_objects_that_are_no_images(self, report, bucket, tmp_path):
        bucket.put("empty.jpg", b"")
        bucket.put("text.jpg", b"text")
        bucket.put("a.jpg", JPEG)
        found = report(bucket.url, tmp_path / "out", bucket=bucket, expected=8)
        assert counts(found) == (1, 2, 0)
        assert set(messages(found)) == {f"{bucket.url}/empty.jpg", f"{bucket.url}/text.jpg"}
        assert names_below(tmp_path / "out") == ["a.jpg"]


class TestFailures:
    @pytest.fixture
    def source(self, bucket):
        for number in range(40):
            bucket.put(f"in/{number:02}.jpg", JPEG)
        return f"{bucket.url}/in"

    def test_stores_that_slow_down(self, report, bucket):
        for name in ("a", "b", "c"):
            bucket.put(f"in/{name}.jpg", JPEG)
        slow = [s3.times(2, kind, s3.SLOW_DOWN) for kind in ("LIST", "GET", "PUT")]
        bucket.proxy.fault = lambda request: next(filter(None, (fault(request) for fault in slow)), None)
        found = report(f"{bucket.url}/in", f"{bucket.url}/out", "--format", "webp", bucket=bucket)
        assert counts(found) == (3, 0, 0)
        assert set(bucket.sizes("out/")) == {"a.webp", "b.webp", "c.webp"}
        assert min(len(bucket.proxy.of(kind)) for kind in ("GET", "PUT")) >= 9

    def test_one_that_cannot_be_written(self, report, bucket, source):
        def fault(request):
            return s3.Fault(400, "InvalidArgument", "No.") if request.key == "out/07.webp" else None

        bucket.proxy.fault = fault
        found = report(source, f"{bucket.url}/out", "--format", "webp", bucket=bucket, expected=8)
        assert counts(found) == (39, 1, 0)
        assert messages(found) == {
            f"{source}/07.jpg": f"{bucket.url}/out/07.webp: cannot be written: [Errno 22] No."
        }
        assert "07.webp" not in bucket.sizes("out/")
        assert bucket.uploads() == []

    def test_one_that_somebody_else_writes_meanwhile(self, report, bucket, source):
        def fault(request):
            if request.kind == "PUT" and request.key == "out/07.webp":
                bucket.put(request.key, b"another's")

        bucket.proxy.fault = fault
        found = report(source, f"{bucket.url}/out", "--format", "webp", bucket=bucket, expected=8)
        assert counts(found) == (39, 1, 0)
        assert messages(found)[f"{source}/07.jpg"].startswith(f"{bucket.url}/out/07.webp exists: ")
        assert bucket.get("out/07.webp") == b"another's"

    def test_connections_that_are_cut(self, report, bucket, source):
        cut, lost = s3.once("GET", s3.CUT), s3.once("PUT", s3.LOST)
        bucket.proxy.fault = lambda request: cut(request) or lost(request)
        found = report(source, f"{bucket.url}/out", "--format", "webp", bucket=bucket)
        assert counts(found) == (40, 0, 0)
        assert {kind_of(bucket.get(f"out/{name}")) for name in bucket.sizes("out/")} == {"WEBP"}

    @pytest.mark.parametrize("kind", ["GET", "PUT"])
    def test_a_store_that_no_longer_answers(self, batch, bucket, source, kind, monkeypatch):
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        arguments = (source, f"{bucket.url}/out", "--format", "webp", "--workers", "2", "--in-flight", "4")
        bucket.proxy.fault = s3.after(5, kind, s3.LOST)
        done = batch(*arguments, "--json", bucket=bucket, expected=6)
        assert re.search(r"no answer \d times in a row", done.stderr)
        ended = json.loads(done.stdout)
        assert ended["exit_code"] == 6
        assert 1 <= ended["failed"] <= 6

    @pytest.mark.parametrize("kind", ["GET", "PUT"])
    def test_credentials_that_expire(self, report, batch, bucket, source, kind):
        arguments = (source, f"{bucket.url}/out", "--format", "webp", "--workers", "2", "--in-flight", "4")
        bucket.proxy.fault = s3.after(5, kind, s3.EXPIRED)
        done = batch(*arguments, "--json", bucket=bucket, expected=6)
        place = source if kind == "GET" else f"{bucket.url}/out"
        text = f"{place}: {EXPIRED}"
        assert done.stderr == (
            f"imgsvc-client: {text}: not finished, --resume goes on where this has ended\n"
        )
        ended = json.loads(done.stdout)
        assert (ended["error"], ended["exit_code"], ended["failed"]) == (text, 6, 0)
        assert len(bucket.proxy.of(kind)) <= 5 + 3 + 2  # that were on their way, or are next
        written = bucket.sizes("out/")
        assert len(written) == ended["done"]
        bucket.proxy.fault = lambda request: None
        rest = report(*arguments, "--resume", bucket=bucket)
        assert counts(rest) == (40 - len(written), 0, len(written))
        assert len(bucket.sizes("out/")) == 40

    def test_counts_what_is_written_after_credentials_have_expired(self, batch, bucket, source):
        def fault(request):
            return s3.EXPIRED if request.key == "out/05.webp" else None

        bucket.proxy.fault = fault
        arguments = (source, f"{bucket.url}/out", "--format", "webp", "--workers", "64", "--json")
        ended = json.loads(batch(*arguments, bucket=bucket, expected=6).stdout)
        assert ended["done"] == len(bucket.sizes("out/")) == 39

    @pytest.mark.parametrize("options", [(), ("--format", "webp")], ids=["as the images", "webp"])
    def test_credentials_that_have_expired(self, batch, bucket, source, options, tmp_path):
        bucket.proxy.fault = lambda request: s3.EXPIRED
        done = batch(source, tmp_path / "out", *options, bucket=bucket, expected=6)
        assert (done.stdout, done.stderr) == ("", f"imgsvc-client: {source}: {EXPIRED}\n")
        assert bucket.proxy.counts() == {"LIST": 1}
        names = tmp_path / "names"
        names.write_text("".join(f"{number:02}.jpg\n" for number in range(400)))
        bucket.proxy.forget()
        more = ("--from", names, "--workers", "2")
        done = batch(source, tmp_path / "out", *options, *more, bucket=bucket, expected=6)
        assert done.stderr.startswith(f"imgsvc-client: {source}: {EXPIRED}")
        assert 0 < len(bucket.proxy.of("GET")) < 100
        assert not (tmp_path / "out").exists()

    def test_credentials_that_have_expired_for_the_destination(self, batch, bucket, photos):
        bucket.proxy.fault = lambda request: s3.EXPIRED
        done = batch(photos, f"{bucket.url}/out", "--resume", bucket=bucket, expected=6)
        assert done.stderr.startswith(f"imgsvc-client: {bucket.url}/out: {EXPIRED}")
        assert done.stderr.count("\n") == 1
        assert bucket.proxy.counts()["LIST"] == 1

    def test_a_bucket_that_is_none(self, batch, bucket, photos, tmp_path):
        done = batch("s3://no-such-bucket/in", tmp_path / "out", bucket=bucket, expected=3)
        assert done.stderr == "imgsvc-client: s3://no-such-bucket/in: no such bucket or folder\n"
        for options in ((), ("--overwrite",)):
            done = batch(photos, "s3://no-such-bucket/out", *options, bucket=bucket, expected=6)
            assert done.stderr.startswith("imgsvc-client: s3://no-such-bucket/out: NoSuchBucket: ")
            assert done.stderr.count("\n") == 1

    def test_nothing_to_do(self, batch, bucket, tmp_path):
        done = batch(f"{bucket.url}/in", tmp_path / "out", bucket=bucket, expected=3)
        assert done.stderr == f"imgsvc-client: {bucket.url}/in: no images\n"
        done = batch(f"{bucket.url}/in/*.jpg", tmp_path / "out", bucket=bucket, expected=3)
        assert done.stderr == f"imgsvc-client: {bucket.url}/in/*.jpg: no object is like this\n"


class TestUrls:
    @pytest.fixture(autouse=True)
    def _driver(self):
        pytest.importorskip("s3fs", reason="no s3fs: pip install 'imgsvc[stores]'")

    @pytest.mark.parametrize(
        ("url", "what"),
        [
            ("s3://", "s3://: expected a bucket, as in s3://BUCKET/FOLDER"),
            ("s3:///photos", "s3:///photos: expected a bucket, as in s3://BUCKET/FOLDER"),
            (
                "nosuch://bucket",
                "nosuch://bucket: nosuch:// is no store that is known; s3://, gs:// and az:// are",
            ),
            ("file:///photos", "file:///photos: expected a path without file://"),
        ],
    )
    def test_that_nothing_opens(self, batch, photos, url, what):
        for source, target in ((photos, url), (url, photos)):
            done = batch(source, target, expected=2)
            assert (done.stdout, done.stderr) == ("", f"imgsvc-client: {what}\n")

    @pytest.mark.parametrize(("scheme", "driver"), [("gs", "gcsfs"), ("az", "adlfs")])
    def test_whose_driver_is_not_installed(self, batch, photos, scheme, driver):
        if importlib.util.find_spec(driver):
            pytest.skip(f"{driver} is installed")
        done = batch(photos, f"{scheme}://bucket", expected=2)
        assert done.stderr == (
            f"imgsvc-client: {scheme}://bucket: needs {driver}: pip install 'imgsvc[stores]' {driver}\n"
        )


class TestLists:
    def test_a_text(self, report, photos, tmp_path):
        names = tmp_path / "names"
        names.write_text("\ufeffbelow/b.png\n\nnone.jpg\r\nbelow/b.png\n")
        found = report(photos, tmp_path / "out", "--from", names, expected=8)
        assert counts(found) == (1, 1, 0)
        assert messages(found) == {f"{photos}/none.jpg": f"{photos}/none.jpg: no such file"}
        assert names_below(tmp_path / "out") == ["below/b.png"]

    def test_stdin(self, server, photos, tmp_path):
        command = [
            processes.program("imgsvc-client"),
            "batch",
            photos,
            tmp_path / "out",
            "--from",
            "-",
            "--json",
        ]
        done = subprocess.run(
            [*command, "--port", str(server.port), *PIPELINE],
            input=b"a.jpg\nbelow/b.png\n",
            capture_output=True,
            env=processes.environment(),
            check=True,
        )
        assert counts(json.loads(done.stdout)) == (2, 0, 0)
        assert names_below(tmp_path / "out") == ["a.jpg", "below/b.png"]

    @pytest.mark.parametrize("header", ["", "input,output\n"], ids=["no header", "header"])
    def test_a_table_of_names(self, report, photos, tmp_path, header):
        table = tmp_path / "names.csv"
        table.write_text(f"{header}a.jpg,one/first.webp\na.jpg,second\nbelow/b.png,\n")
        arguments = (photos, tmp_path / "out", "--format", "webp", "--from", table)
        assert counts(report(*arguments)) == (3, 0, 0)
        assert names_below(tmp_path / "out") == ["below/b.webp", "one/first.webp", "second"]
        assert kind_of((tmp_path / "out/second").read_bytes()) == "WEBP"
        (tmp_path / "out/second").unlink()
        assert counts(report(*arguments, "--resume")) == (1, 0, 2)

    def test_names_that_say_another_format(self, report, photos, tmp_path):
        table = tmp_path / "names.csv"
        table.write_text("a.jpg,a.png\nbelow/b.png,b.png\n")
        found = report(photos, tmp_path / "out", "--from", table, expected=8)
        assert counts(found) == (1, 1, 0)
        assert messages(found) == {
            f"{photos}/a.jpg": "a.png: the result is jpeg: choose a --format, or another name"
        }
        assert names_below(tmp_path / "out") == ["b.png"]

    def test_two_of_one_name(self, report, photos, tmp_path):
        table = tmp_path / "names.csv"
        table.write_text("a.jpg,x.webp\nbelow/b.png,x.webp\n")
        found = report(photos, tmp_path / "out", "--format", "webp", "--from", table, expected=8)
        assert messages(found) == {
            f"{photos}/below/b.png": f"{tmp_path}/out/x.webp is the output of {photos}/a.jpg"
        }

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            ("a.jpg\n../b.jpg\n", ", line 2: '../b.jpg': it has . or .. for a part"),
            ("a.jpg,b.jpg\n\na.jpg,/b.jpg\n", ", line 3: '/b.jpg': it is absolute"),
            ("a.jpg,b.jpg,c.jpg\n", ", line 1: 3 columns, expected 1 or 2"),
            ("\n", ": no names in it"),
        ],
    )
    def test_faults(self, batch, photos, tmp_path, content, what):
        table = tmp_path / "names.csv"
        table.write_text(content)
        done = batch(photos, tmp_path / "out", "--from", table, expected=2)
        assert (done.stdout, done.stderr) == ("", f"imgsvc-client: --from: {table}{what}\n")
        assert not (tmp_path / "out").exists()

    def test_a_list_that_is_not_there(self, batch, photos, tmp_path):
        done = batch(photos, tmp_path / "out", "--from", tmp_path / "none", expected=2)
        assert done.stderr == f"imgsvc-client: --from: {tmp_path}/none: No such file or directory\n"

    def test_of_a_store(self, report, bucket, tmp_path):
        for name in ("a", "b", "c"):
            bucket.put(f"in/{name}.jpg", JPEG)
        table = tmp_path / "names.csv"
        table.write_text("input,output\na.jpg,deep/first.webp\nb.jpg\nnone.jpg\n")
        found = report(
            f"{bucket.url}/in", f"{bucket.url}/out", "--format", "webp", "--from", table,
            bucket=bucket, expected=8,
        )  # fmt: skip
        assert counts(found) == (2, 1, 0)
        assert messages(found) == {f"{bucket.url}/in/none.jpg": f"{bucket.url}/in/none.jpg: no such object"}
        assert set(bucket.sizes("out/")) == {"deep/first.webp", "b.webp"}
