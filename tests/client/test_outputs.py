"""What imgsvc-client shows of names that others have chosen, and where it writes."""

import json

import numpy as np
import pytest
from PIL import Image

from imgsvc._files import creating
from imgsvc.client.commands.program import printable, show_json
from tests.processes import run

ESCAPE = "evil\x1b]0;owned\x07\x9b2J\u202e.png"
SHOWN = r"evil\x1b]0;owned\x07\x9b2J\u202e.png"


@pytest.fixture
def folder(tmp_path):
    """A folder with three photos."""
    made = tmp_path / "in"
    (made / "sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.png", "sub/c.png"):
        Image.fromarray(np.full((8, 9, 3), 100, np.uint8)).save(made / name)
    return made


def batch(server, source, target, *options):
    return run(
        "imgsvc-client", "batch", source, target, "--pipeline", "invert", "--port", server.port, *options
    )


def test_names_give_terminals_no_orders(server, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    (source / ESCAPE).write_bytes(b"\x89PNG no image")
    done = batch(server, source, tmp_path / "out")
    assert done.returncode != 0
    assert SHOWN in done.stdout + done.stderr
    assert not any(each in done.stdout + done.stderr for each in "\x1b\x07\x9b\u202e")
    done = batch(server, source, tmp_path / "out", "--json")
    assert not any(each in done.stdout for each in "\x1b\x07\x9b\u202e")
    [failure] = json.loads(done.stdout)["failures"]
    assert failure["path"] == str(source / ESCAPE)
    done = run("imgsvc-client", "process", "--input", source / ESCAPE, "--output", "-", "--port", server.port)
    assert "\x1b" not in done.stderr


def test_what_is_printable_is_as_it_is(capsys):
    text = "Straße – 写真.png"
    assert printable(text) == text
    show_json({"name": text, "raw": "\udcff"})
    assert text in (shown := capsys.readouterr().out)
    assert json.loads(shown)["raw"] == "\udcff"


def test_links_do_not_lead_out_of_the_folder(server, folder, tmp_path):
    target, outside = tmp_path / "out", tmp_path / "outside"
    target.mkdir()
    outside.mkdir()
    (outside / "mine.png").write_bytes(b"mine")
    (target / "sub").symlink_to(outside)
    (target / "a.png").symlink_to(outside / "mine.png")
    done = batch(server, folder, target, "--overwrite")
    assert done.returncode != 0
    assert done.stdout.count("a symbolic link leads out of") == 3
    assert [path.name for path in outside.iterdir()] == ["mine.png"]
    assert (outside / "mine.png").read_bytes() == b"mine"


def test_links_within_it_are_followed(server, folder, tmp_path):
    target = tmp_path / "out"
    (target / "real").mkdir(parents=True)
    (target / "sub").symlink_to(target / "real")
    assert batch(server, folder, target).returncode == 0
    assert sorted(path.name for path in (target / "real").iterdir()) == ["b.png", "c.png"]


def write(path, content, meanwhile=lambda: None):
    with creating(path) as file:
        meanwhile()
        file.write(content)


def test_of_two_who_write_a_file_the_second_does_not(tmp_path):
    """Both have seen that it is not there."""
    path = tmp_path / "file"
    with pytest.raises(FileExistsError):
        write(path, b"second", meanwhile=lambda: write(path, b"first"))
    assert path.read_bytes() == b"first"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_nothing_is_left_of_what_was_not_written(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "file", b"", meanwhile=lambda: 1 / 0)
    assert not list(tmp_path.iterdir())


def test_two_runs_into_one_folder(server, folder, tmp_path):
    target = tmp_path / "out"
    assert batch(server, folder, target).returncode == 0
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in target.rglob("*.png")}
    done = run("imgsvc-client", "batch", folder, target, "--pipeline", "mean", "--port", server.port)
    assert done.returncode != 0
    assert done.stdout.count("--overwrite replaces it, --resume leaves it as it is") == 3
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in target.rglob("*.png")}
    assert before == after
