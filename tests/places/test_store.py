"""Stores as places of a batch: S3 as a server has it, by requests; and drivers without conditions."""

import itertools
import pickle

import pytest

from imgsvc.errors import (
    ConfigurationError,
    ImageExistsError,
    ImageReadError,
    ImageWriteError,
    StoreAccessError,
)
from imgsvc.places import store
from imgsvc.places.folder import Folder
from imgsvc.places.store import Store
from tests.places import s3

fsspec = pytest.importorskip("fsspec", reason="no fsspec: pip install 'imgsvc[stores]'")

NAMES = itertools.count(1)


@pytest.fixture(scope="module")
def port():
    with s3.running() as port:
        yield port


@pytest.fixture
def bucket(port, monkeypatch):
    with s3.bucket_of(port) as bucket:
        for name, value in bucket.variables.items():
            monkeypatch.setenv(name, value)
        yield bucket


class TestListing:
    def test_more_than_a_page(self, bucket):
        names = [f"{number:04}.jpg" for number in range(2001)]
        bucket.fill([f"all/{name}" for name in names], b"1")
        listing = Store(f"{bucket.url}/all").listing()
        assert listing.images == tuple(names)
        assert bucket.proxy.counts() == {"LIST": 3}
        assert Store(f"{bucket.url}/all").existing([*names, "none.jpg"]) == set(names)
        assert bucket.proxy.counts() == {"LIST": 6}

    def test_what_is_there_and_what_is_not(self, bucket):
        for key in ("p/b.jpg", "p/a.PNG", "p/deep/er/c.jpg", "p/notes.txt", "p/folder/", "p2/d.jpg", "p"):
            bucket.put(key, b"1")
        there = Store(f"{bucket.url}/p/")
        listing = there.listing()
        assert listing.images == ("a.PNG", "b.jpg", "deep/er/c.jpg")
        assert listing.others == ("notes.txt",)
        assert listing.refused == ()
        assert there.listing("deep/").images == ("a.PNG", "b.jpg")

    def test_keys_that_are_no_names(self, bucket):
        faults = {
            "p/../a.jpg": "it has . or .. for a part",
            "p/b/./a.jpg": "it has . or .. for a part",
            "p//a.jpg": "it is absolute",
            "p/b//a.jpg": "it has an empty part",
            "p/C:a.jpg": "it is absolute",
            "p/b\\a.jpg": "it has a backslash",
            "p/a\0.jpg": "it has control characters",
            "p/a\x1b[31m.jpg": "it has control characters",
            "p/a.jpg?versionId=b.jpg": "it has ?versionId=",
        }
        for key in (*faults, "p/a.jpg"):
            bucket.put(key, b"1")
        for listing in (Store(f"{bucket.url}/p").listing(), Store(f"{bucket.url}/p").matching("**")):
            assert listing.images == ("a.jpg",)
            assert dict(listing.refused) == {
                f"{bucket.url}/{key}": f"no name of a file: {fault}" for key, fault in faults.items()
            }

    def test_objects_that_are_too_large(self, bucket, monkeypatch):
        monkeypatch.setattr(store, "MESSAGE_BYTES", 3)
        bucket.put("a.jpg", b"123")
        bucket.put("b.jpg", b"1234")
        listing = Store(bucket.url).listing()
        assert listing.images == ("a.jpg",)
        assert listing.refused == ((f"{bucket.url}/b.jpg", "4 bytes, a message ends at 3"),)
        with pytest.raises(ImageReadError, match=r"b\.jpg: 4 bytes, a message ends at 3$"):
            Store(bucket.url).read("b.jpg")
        assert "GET" not in bucket.proxy.counts()

    def test_nothing_to_list(self, bucket):
        bucket.put("p/notes.txt", b"1")
        bucket.put("q/../a.jpg", b"1")
        for url, reason in (
            (f"{bucket.url}/p", "no images"),
            (f"{bucket.url}/none", "no images"),
            (f"{bucket.url}/q", "no name of a file: it has . or .. for a part"),
            ("s3://no-such-bucket", "no such bucket or folder"),
        ):
            with pytest.raises(ImageReadError) as failure:
                Store(url).listing()
            assert str(failure.value) == f"{url}: {reason}"

    @pytest.mark.parametrize(
        ("pattern", "names"),
        [
            ("**/*.jpg", ("a.jpg", "b/c.jpg", "b/d/e.jpg")),
            ("*.jpg", ("a.jpg",)),
            ("*/*.jpg", ("b/c.jpg",)),
            ("b/**", ("b/[x].png", "b/c.jpg", "b/d/e.jpg")),
            ("?.jpg", ("a.jpg",)),
            ("b/[!a-b].j[op]g", ("b/c.jpg",)),
            ("b/[[]x].png", ("b/[x].png",)),
            ("**/[^a]*", ("a.jpg",)),
        ],
    )
    def test_patterns(self, bucket, pattern, names):
        for key in ("a.jpg", "b/c.jpg", "b/d/e.jpg", "b/[x].png"):
            bucket.put(key, b"1")
        assert Store(bucket.url).matching(pattern).images == names

    def test_patterns_of_nothing(self, bucket):
        with pytest.raises(ImageReadError, match=r"\*\.tif: no object is like this$"):
            Store(bucket.url).matching("*.tif")
        with pytest.raises(ConfigurationError, match="^\\[z-a\\]: no pattern: bad character range"):
            Store(bucket.url).matching("[z-a]")


class TestReading:
    def test_one_request_for_what_was_listed(self, bucket):
        bucket.put("a.jpg", b"content")
        there = Store(bucket.url)
        there.listing()
        assert there.read("a.jpg") == b"content"
        assert bucket.proxy.counts() == {"GET": 1, "LIST": 1}

    def test_asks_for_the_size_of_what_was_not(self, bucket):
        bucket.put("a.jpg", b"content")
        assert Store(bucket.url).read("a.jpg") == b"content"
        assert bucket.proxy.counts() == {"GET": 1, "HEAD": 1}

    def test_the_beginning(self, bucket):
        bucket.put("a.jpg", b"content")
        bucket.put("empty.jpg", b"")
        there = Store(bucket.url)
        assert there.beginning("a.jpg", 3) == b"con"
        assert there.beginning("empty.jpg", 3) == there.beginning("none.jpg", 3) == b""
        assert "HEAD" not in bucket.proxy.counts()
        assert there.read("empty.jpg") == b""

    def test_what_is_not_there(self, bucket):
        with pytest.raises(ImageReadError) as failure:
            Store(bucket.url).read("none.jpg")
        assert str(failure.value) == f"{bucket.url}/none.jpg: no such object"

    def test_what_one_may_not_read(self, bucket):
        bucket.put("a.jpg", b"content")
        bucket.proxy.fault = s3.after(0, "GET", s3.Fault(403, "AccessDenied", "Not you."))
        there = Store(bucket.url)
        with pytest.raises(ImageReadError) as failure:
            there.read("a.jpg")
        assert str(failure.value) == f"{bucket.url}/a.jpg: cannot be read: Not you."

    def test_an_answer_that_ends_too_early(self, bucket):
        bucket.put("a.jpg", b"content" * 10000)
        bucket.proxy.fault = s3.once("GET", s3.CUT)
        assert Store(bucket.url).read("a.jpg") == b"content" * 10000
        assert bucket.proxy.counts()["GET"] == 2

    def test_an_answer_that_always_ends_too_early(self, bucket):
        bucket.put("a.jpg", b"content" * 10000)
        bucket.proxy.fault = s3.after(0, "GET", s3.CUT)
        with pytest.raises(ImageReadError, match=r"a\.jpg: cannot be read: "):
            Store(bucket.url).read("a.jpg")


class TestWriting:
    def test_one_request_that_creates_only(self, bucket):
        there = Store(f"{bucket.url}/out")
        there.write("deep/a.jpg", memoryview(b"content"), replace=False)
        assert bucket.get("out/deep/a.jpg") == b"content"
        (request,) = bucket.proxy.requests
        assert (request.kind, request.key) == ("PUT", "out/deep/a.jpg")
        assert request.headers["If-None-Match"] == "*"

    def test_one_request_that_replaces(self, bucket):
        bucket.put("a.jpg", b"before")
        Store(bucket.url).write("a.jpg", b"after", replace=True)
        assert bucket.get("a.jpg") == b"after"
        (request,) = bucket.proxy.requests
        assert request.kind == "PUT"
        assert "If-None-Match" not in request.headers

    def test_one_request_for_a_large_one(self, bucket):
        content = bytes(101 << 20)  # of which the driver would by itself make parts
        Store(bucket.url).write("a.tif", content, replace=False)
        assert bucket.proxy.counts() == {"PUT": 1}
        assert bucket.sizes() == {"a.tif": len(content)}

    def test_what_was_put_there_meanwhile(self, bucket):
        there = Store(bucket.url)
        assert there.existing(["a.jpg"]) == set()
        bucket.put("a.jpg", b"another's")
        with pytest.raises(ImageExistsError) as failure:
            there.write("a.jpg", b"mine", replace=False)
        assert str(failure.value) == (
            f"{bucket.url}/a.jpg exists: --overwrite replaces it, --resume leaves it as it is"
        )
        assert bucket.get("a.jpg") == b"another's"
        assert there.existing(["a.jpg"]) == {"a.jpg"}

    @pytest.mark.parametrize(
        "fault", [s3.Fault(412, "PreconditionFailed"), s3.Fault(409, "ConditionalRequestConflict")], ids=str
    )
    def test_what_is_put_there_at_the_same_time(self, bucket, fault):
        bucket.proxy.fault = s3.after(0, "PUT", fault)
        with pytest.raises(ImageExistsError):
            Store(bucket.url).write("a.jpg", b"mine", replace=False)
        assert bucket.sizes() == {}

    def test_an_answer_that_is_lost(self, bucket):
        bucket.proxy.fault = s3.once("PUT", s3.LOST)
        Store(bucket.url).write("a.jpg", b"mine", replace=False)
        assert bucket.get("a.jpg") == b"mine"
        assert bucket.proxy.counts()["PUT"] > 1

    def test_objects_without_bytes_are_not_there(self, bucket):
        bucket.put("a.jpg", b"")
        bucket.put("b.jpg", b"1")
        there = Store(bucket.url)
        assert there.existing(["a.jpg", "b.jpg"]) == {"b.jpg"}
        pickle.loads(pickle.dumps(there)).write("a.jpg", b"mine", replace=False)
        assert bucket.get("a.jpg") == b"mine"
        with pytest.raises(ImageExistsError):
            there.write("b.jpg", b"mine", replace=False)

    @pytest.mark.parametrize("replace", [False, True])
    def test_what_fails_leaves_nothing(self, bucket, replace):
        bucket.proxy.fault = s3.after(0, "PUT", s3.Fault(400, "InvalidArgument", "No."))
        with pytest.raises(ImageWriteError) as failure:
            Store(bucket.url).write("a.jpg", bytes(101 << 20), replace=replace)
        assert str(failure.value).endswith("/a.jpg: cannot be written: [Errno 22] No.")
        assert not isinstance(failure.value, ImageExistsError)
        assert (bucket.sizes(), bucket.uploads()) == ({}, [])

    @pytest.mark.parametrize(
        "name", ["../a.jpg", "/a.jpg", "a//b.jpg", "a.jpg?versionId=1", "a\0.jpg"], ids=ascii
    )
    def test_what_is_no_name(self, bucket, name):
        with pytest.raises(ImageWriteError, match=": cannot be written: it "):
            Store(f"{bucket.url}/out").write(name, b"mine", replace=True)
        assert bucket.proxy.requests == []


class TestAccess:
    def test_stores_that_slow_down(self, bucket):
        for kind in ("LIST", "GET", "PUT"):
            bucket.proxy.fault = s3.times(2, kind, s3.SLOW_DOWN)
            bucket.put("in/a.jpg", b"content")
            assert Store(f"{bucket.url}/in").listing().images == ("a.jpg",)
            assert Store(f"{bucket.url}/in").read("a.jpg") == b"content"
            Store(f"{bucket.url}/out").write("a.jpg", b"content", replace=True)
            assert bucket.proxy.counts()[kind] >= 3

    @pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
    def test_credentials_that_are_none(self, bucket, code):
        bucket.put("a.jpg", b"content")
        bucket.proxy.fault = lambda request: s3.Fault(403, code, "Go away.")
        there = Store(bucket.url)
        for call in (
            there.listing,
            lambda: there.matching("*"),
            lambda: there.existing(["b.jpg"]),
            lambda: there.beginning("a.jpg", 3),
            lambda: there.read("a.jpg"),
            lambda: there.write("b.jpg", b"mine", replace=False),
        ):
            with pytest.raises(StoreAccessError) as failure:
                call()
            assert str(failure.value) == f"{bucket.url}: {code}: Go away."

    def test_no_credentials(self, bucket, monkeypatch, tmp_path):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        with pytest.raises(StoreAccessError, match="NoCredentialsError: Unable to locate credentials"):
            Store(bucket.url).listing()

    def test_a_bucket_that_is_none(self, bucket):
        there = Store("s3://no-such-bucket/out")
        for call in (
            lambda: there.existing(["a.jpg"]),
            lambda: there.read("a.jpg"),
            lambda: there.write("a.jpg", b"mine", replace=True),
        ):
            with pytest.raises(StoreAccessError, match="^s3://no-such-bucket/out: NoSuchBucket: "):
                call()
        assert Store(f"{bucket.url}/out").existing(["a.jpg"]) == set()


class TestAnyDriver:
    @pytest.fixture
    def there(self):
        place = Store(f"memory://bucket-{next(NAMES)}/in")
        yield place
        place._files.store.clear()
        place._files.pseudo_dirs.clear()

    def test_writes_lists_and_reads(self, there):
        there.write("b/c.jpg", b"two", replace=False)
        there.write("a.png", memoryview(b"one"), replace=False)
        there.write("notes.txt", b"three", replace=False)
        there.write("empty.jpg", b"", replace=False)
        listing = there.listing()
        assert listing.images == ("a.png", "b/c.jpg", "empty.jpg")
        assert listing.others == ("notes.txt",)
        assert there.existing(["a.png", "empty.jpg", "none.jpg"]) == {"a.png"}
        assert there.matching("*.png").images == ("a.png",)
        assert there.read("b/c.jpg") == b"two"
        assert there.beginning("b/c.jpg", 2) == b"tw"
        with pytest.raises(ImageReadError, match=r"/none\.jpg: no such object$"):
            there.read("none.jpg")

    def test_replaces_only_when_told(self, there):
        there.write("a.png", b"one", replace=False)
        with pytest.raises(ImageExistsError):
            there.write("a.png", b"two", replace=False)
        assert there.read("a.png") == b"one"
        there.write("a.png", b"two", replace=True)
        assert there.read("a.png") == b"two"

    def test_of_a_driver_that_only_looks_the_last_writer_wins(self, there, monkeypatch):
        driver = there._files
        plain = fsspec.AbstractFileSystem.pipe_file

        def pipe_file(path, value, mode="overwrite"):
            assert mode == "create"
            with monkeypatch.context() as patch:
                patch.setattr(driver, "exists", lambda path: False)  # and then another one writes
                plain(driver, path, value, mode)

        monkeypatch.setattr(driver, "pipe_file", pipe_file)
        there.write("a.png", b"one", replace=False)
        there.write("a.png", b"two", replace=False)
        assert there.read("a.png") == b"two"

    def test_knows_what_lies_in_it(self, there):
        below = Store("memory://b/in")
        assert below.holds(Store("memory://b/in/small/er")) == "small/er/"
        assert below.holds(Store("MEMORY://b/in/small/")) == "small/"
        assert below.holds(below) == ""
        for other in (Store("memory://b"), Store("memory://b/in2"), Folder("b")):
            assert below.holds(other) is None

    def test_pickles(self, there):
        there.write("a.png", b"one", replace=False)
        assert pickle.loads(pickle.dumps(there)).read("a.png") == b"one"
