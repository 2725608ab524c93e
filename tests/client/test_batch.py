"""Folders of images: which ones, how many at a time, and what is reported."""

import os
import threading
from pathlib import Path

import pytest

from imgsvc.client.batch import Done, Report, process_folder
from imgsvc.errors import ImageReadError
from imgsvc.places.folder import find_images


@pytest.fixture
def names(tmp_path):
    names = [Path(f"{i:03}.png") for i in range(50)]
    for name in names:
        (tmp_path / name).touch()
    return names


def test_find_images_leaves_out_the_output_and_what_is_hidden(tmp_path):
    for name in (
        "b.png",
        "a.JPG",
        "out/a.JPG",
        "sub/c.gif",
        ".git/d.png",
        ".e.png",
        "notes.txt",
        "noextension",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    images, unreadable, others = find_images(tmp_path, tmp_path / "out")
    assert images == [Path("a.JPG"), Path("b.png"), Path("sub/c.gif")]
    assert unreadable == ()
    assert others == [Path("noextension"), Path("notes.txt")]


def test_find_images_names_what_it_cannot_read(tmp_path):
    missing = tmp_path / "none"
    assert find_images(missing, tmp_path) == ([], ((missing, "No such file or directory"),), [])


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_than_the_concurrency_at_a_time(tmp_path, names, concurrency):
    lock, running, most = threading.Lock(), 0, 0
    together = threading.Barrier(concurrency)  # as many as may run at a time do
    names = names[: 12 * concurrency]

    def process(source, target):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        assert source == tmp_path / target.name
        together.wait(30)
        with lock:
            running -= 1
        return Done(1, 0.001)

    report = process_folder(
        names, tmp_path, tmp_path / "out", process, concurrency=concurrency, overwrite=False
    )
    assert len(report.done) == len(names)
    assert not report.failures
    assert most == concurrency


def test_failures_are_reported_by_name_in_order(tmp_path, names):
    def process(source, target):
        if source.stem.endswith("7"):
            raise ImageReadError(f"{source.name} is bad")
        return Done(1_000_000, 0.002)

    report = process_folder(names, tmp_path, tmp_path / "out", process, concurrency=4, overwrite=False)
    assert [str(name) for name, _ in report.failures] == [
        "007.png",
        "017.png",
        "027.png",
        "037.png",
        "047.png",
    ]
    text = str(report)
    assert text.startswith("45 images done, 5 failed, in ")
    assert "p50 2.0 ms, p95 2.0 ms, p99 2.0 ms" in text
    assert text.endswith("failed: 047.png: 047.png is bad")


def test_an_error_that_nobody_foresaw_does_not_stop_the_rest(tmp_path, names):
    def process(source, target):
        if source.stem == "013":
            raise ZeroDivisionError("no idea")
        return Done(1, 0.001)

    report = process_folder(names, tmp_path, tmp_path / "out", process, concurrency=2, overwrite=False)
    assert len(report.done) == len(names) - 1
    assert report.failures == ((Path("013.png"), "ZeroDivisionError: no idea"),)


def test_an_interruption_ends_it(tmp_path, names):
    seen, cancelled = [], []

    def process(source, target):
        seen.append(source)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process_folder(
            names, tmp_path, tmp_path / "out", process, concurrency=2, overwrite=False,
            cancel=lambda: cancelled.append(True),
        )  # fmt: skip
    assert cancelled == [True]
    assert len(seen) < len(names)


def test_the_report_of_known_figures():
    done = tuple(Done(2_000_000, i / 1000) for i in range(1, 102))
    assert str(Report(2.0, done, ())).splitlines() == [
        "101 images done, 0 failed, in 2.00 s: 50.5 images/s, 101.0 MB/s of pixels",
        "service latency an image: p50 51.0 ms, p95 96.0 ms, p99 100.0 ms",
    ]
