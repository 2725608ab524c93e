"""docs/bulk.md is true: its commands run, and make what it says."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests import processes
from tests.places import s3

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "bulk.md").read_text("utf-8")


def blocks(title):
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)[1]
    return re.findall(r"^```sh\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


@pytest.fixture
def run(tmp_path):
    photo = ROOT / "examples" / "photo.jpg"
    for name in ("photos/2026/a.jpg", "photos/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, tmp_path / name)
    programs = Path(processes.program("imgsvc-client")).parent
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"

    def run(script):
        process = subprocess.Popen(
            ["bash", "-c", f"set -euo pipefail\n{script}"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=processes.environment(PATH=path, **s3.CREDENTIALS),
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=120)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == 0, said
        return said.splitlines()

    return run


def names_below(path):
    return sorted(each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file())


def test_folders_and_lists(run, tmp_path):
    said = run("".join(blocks("Folders and lists")))
    assert [line.split(", in ")[0] for line in said] == [
        "2 done, 0 failed, 0 left out",
        "0 done, 0 failed, 2 left out",
        "2 done, 0 failed, 0 left out",
        "2 done, 0 failed, 0 left out",
    ]
    assert names_below(tmp_path / "small") == ["2026/a.webp", "b.webp"]
    assert names_below(tmp_path / "some") == ["2026/a.jpg", "b.jpg"]
    assert names_below(tmp_path / "named") == ["first.webp", "second"]
    assert (tmp_path / "failed.jsonl").read_text() == ""


def test_object_stores(run, tmp_path):
    s3.needed()
    for name in ("curl", "moto_server"):
        if (
            shutil.which(name) is None
            and not Path(processes.program("imgsvc-client")).with_name(name).exists()
        ):
            pytest.skip(f"no {name}")
    (script,) = blocks("Object stores")
    assert "5000" in script
    said = run(script.replace("5000", str(s3.free_port())))
    assert [line.split(", in ")[0] for line in said] == ["2 done, 0 failed, 0 left out"] * 3
    assert names_below(tmp_path / "local") == ["2026/a.webp", "b.webp"]
