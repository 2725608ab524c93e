"""Places by what a command line calls them."""

import importlib.util
import sys

import pytest

from imgsvc.errors import ConfigurationError, ImageReadError
from imgsvc.places import listed, opened
from imgsvc.places.folder import Folder

STORES = "expected a bucket, as in "


@pytest.fixture
def photos(tmp_path):
    for name in ("a.jpg", "below/b.jpg", "below/c.png", "small/a.jpg"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "photos"


def test_a_folder(photos):
    place = opened(str(photos))
    assert isinstance(place, Folder)
    assert place.path == photos
    assert isinstance(opened("s3:/bucket"), Folder)
    assert isinstance(opened("C:\\photos"), Folder)


def test_lists_a_folder_apart_from_the_target(photos):
    place, listing = listed(str(photos), Folder(photos / "small"))
    assert place.path == photos
    assert listing.images == ("a.jpg", "below/b.jpg", "below/c.png")


def test_lists_a_pattern_from_what_its_files_have_in_common(photos):
    place, listing = listed(f"{photos}/below/*", Folder(photos / "small"))
    assert (place.path, listing.images) == (photos / "below", ("b.jpg", "c.png"))
    place, listing = listed(f"{photos}/**/*.jpg", Folder(photos / "small"))
    assert (place.path, listing.images) == (photos, ("a.jpg", "below/b.jpg"))
    place, listing = listed(f"{photos}/small/*", Folder(photos / "small"))
    assert (place.path, listing.images) == (photos / "small", ("a.jpg",))
    with pytest.raises(ImageReadError, match=r"\*\.tif: no file is like this$"):
        listed(f"{photos}/*.tif", Folder(photos))


class TestStores:
    @pytest.fixture(autouse=True)
    def _driver(self):
        pytest.importorskip("fsspec", reason="no fsspec: pip install 'imgsvc[stores]'")

    @pytest.mark.parametrize(
        ("url", "what"),
        [
            ("s3://", f"s3://: {STORES}s3://BUCKET/FOLDER"),
            ("s3:///", f"s3:///: {STORES}s3://BUCKET/FOLDER"),
            ("s3:///photos", f"s3:///photos: {STORES}s3://BUCKET/FOLDER"),
            ("s3://bucket//photos", "s3://bucket//photos: expected a URL without empty parts"),
            ("GS://", f"GS://: {STORES}gs://BUCKET/FOLDER"),
            ("nosuch://bucket", "nosuch://bucket: nosuch:// is no store that is known"),
            ("zip://none/photos", "zip://none/photos: cannot be opened: "),
            ("file:///photos", "file:///photos: expected a path without file://"),
            ("memory://bucket/a?versionId=1", "a?versionId=1: expected a URL without ?versionId="),
        ],
    )
    def test_urls_that_nothing_opens(self, url, what):
        with pytest.raises(ConfigurationError) as failure:
            opened(url)
        assert what in str(failure.value)

    def test_a_pattern_for_a_bucket(self):
        with pytest.raises(ConfigurationError, match=f"{STORES}s3://BUCKET/FOLDER"):
            listed("s3://bu*/a.jpg", Folder("out"))

    @pytest.mark.parametrize(("scheme", "driver"), [("gs", "gcsfs"), ("az", "adlfs")])
    def test_a_driver_that_is_not_installed(self, scheme, driver):
        if importlib.util.find_spec(driver):
            pytest.skip(f"{driver} is installed")
        with pytest.raises(ConfigurationError) as failure:
            opened(f"{scheme}://bucket/photos")
        assert str(failure.value) == (
            f"{scheme}://bucket/photos: needs {driver}: pip install 'imgsvc[stores]' {driver}"
        )

    def test_a_store(self):
        place = opened("MEMORY://bucket/photos/")
        assert (place.protocol, place.root) == ("memory", "/bucket/photos")
        assert place.shown("a.jpg") == "memory://bucket/photos/a.jpg"


def test_stores_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ConfigurationError) as failure:
        opened("s3://bucket")
    assert str(failure.value) == "s3://bucket: needs s3fs: pip install 'imgsvc[stores]'"
