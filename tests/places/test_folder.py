"""Folders as places of a batch."""

import pickle

import pytest

from imgsvc.errors import ImageExistsError, ImageReadError, ImageWriteError
from imgsvc.places.folder import Folder
from imgsvc.places.place import Listing


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "photos"
    for name in ("b.png", "a.jpg", "below/c.gif", "small/a.jpg", "notes.txt", ".hidden/d.png"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(name.encode())
    return Folder(path)


def names_below(path):
    return sorted(str(each.relative_to(path)) for each in path.rglob("*") if each.is_file())


def test_lists_images_and_what_else_there_is(folder):
    images = ("a.jpg", "b.png", "below/c.gif", "small/a.jpg")
    assert folder.listing() == Listing(images, (), ("notes.txt",))
    assert folder.listing("small/") == Listing(images[:-1], (), ("notes.txt",))


def test_lists_no_images(tmp_path):
    with pytest.raises(ImageReadError, match=f"^{tmp_path}: no images in this folder$"):
        Folder(tmp_path).listing()
    with pytest.raises(ImageReadError, match=f"^{tmp_path}/none: No such file or directory$"):
        Folder(tmp_path / "none").listing()


def test_knows_what_lies_in_it(folder):
    assert folder.holds(Folder(folder.path / "small")) == "small/"
    assert folder.holds(Folder(folder.path / "below" / ".." / "new" / "deep")) == "new/deep/"
    assert folder.holds(folder) == ""
    assert folder.holds(Folder(folder.path.parent)) is None
    assert folder.holds(Folder(folder.path.with_name("photos2"))) is None


def test_knows_what_lies_in_it_by_a_link(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder.path)
    assert Folder(tmp_path / "link").holds(Folder(folder.path / "small")) == "small/"


def test_tells_what_is_there(folder):
    assert folder.existing(["a.jpg", "below/c.gif", "none.jpg", "none/a.jpg", "n" * 300]) == {
        "a.jpg",
        "below/c.gif",
    }


def test_reads(folder):
    assert folder.read("below/c.gif") == b"below/c.gif"
    assert folder.beginning("below/c.gif", 5) == b"below"
    assert folder.beginning("none.jpg", 5) == b""
    with pytest.raises(ImageReadError, match=f"^{folder.path}/none.jpg: no such file$"):
        folder.read("none.jpg")


def test_writes_and_replaces_only_when_told(folder):
    folder.write("new/deep/a.jpg", b"first", replace=False)
    with pytest.raises(ImageExistsError, match="a.jpg exists: --overwrite replaces it, --resume leaves it"):
        folder.write("new/deep/a.jpg", b"second", replace=False)
    assert folder.read("new/deep/a.jpg") == b"first"
    folder.write("new/deep/a.jpg", memoryview(b"third"), replace=True)
    assert folder.read("new/deep/a.jpg") == b"third"
    assert names_below(folder.path / "new") == ["deep/a.jpg"]


@pytest.mark.parametrize("replace", [False, True])
def test_writes_nothing_beyond_itself(folder, tmp_path, replace):
    (tmp_path / "elsewhere").mkdir()
    (folder.path / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ImageWriteError, match="a symbolic link leads out of"):
        folder.write("out/a.jpg", b"", replace=replace)
    with pytest.raises(ImageWriteError, match="a symbolic link leads out of"):
        folder.write("../elsewhere/a.jpg", b"", replace=replace)
    assert names_below(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("name", ["a.jpg/b.jpg", "n" * 300, "nul\0"], ids=ascii)
def test_says_what_cannot_be_written(folder, name):
    there = names_below(folder.path)
    with pytest.raises(ImageWriteError, match="cannot be written: "):
        folder.write(name, b"", replace=True)
    assert names_below(folder.path) == there


def test_pickles(folder):
    assert pickle.loads(pickle.dumps(folder)).read("a.jpg") == b"a.jpg"
