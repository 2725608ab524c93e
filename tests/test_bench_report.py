"""`ci/bench-report`: what a run measured, in the README, in a page and in a chart; losses like wins."""

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

REPORT = Path(__file__).parent.parent / "ci" / "bench-report"
SVG = "{http://www.w3.org/2000/svg}"

README = "# A title\n\n<!-- kernels -->\nan old table\n<!-- /kernels -->\n\nThe end.\n"


def ratio(work, threads, median, image="4000x3000-rgb", floor=1.0, **others):
    return {
        "work": work,
        "peer": "OpenCV",
        "image": image,
        "threads": threads,
        "seconds": 0.01,
        "peer_seconds": 0.01 * median,
        "rounds": 31,
        "quartiles": [median - 0.1, median, median + 0.1],
        "copies": 2.5,
        "floor": floor,
        "counts": floor is not None,
        "disturbance": 0.03,
        "version": "5.0.0",
        "isa": "x86-64-v3",
        **others,
    }


RATIOS = [
    ratio("mean 3×3", 1, 4.0),
    ratio("mean 3×3", 2, 8.0),
    ratio("turn <90°>", 1, 0.25),
    ratio("turn <90°>", 2, 0.5),
    ratio("resize, lanczos", 1, 3.0, peer="Pillow", copies=None, version="13.0", counts=False),
    ratio("invert", 1, 0.7, floor=None),
    ratio("mean 3×3", 1, 0.9, image="64x64-rgb", seconds=0.0000072, disturbance=None, counts=False),
]


def run_of(ratios):
    """Return the JSON of a run: with these ratios, and a benchmark that is none."""
    return {
        "machine_info": {
            "cpu": {"brand_raw": "A Fast One", "count": 2},
            "machine": "x86_64",
            "system": "Linux",
            "python_version": "3.11.7",
        },
        "commit_info": {"id": "0123456789abcdef", "dirty": False},
        "datetime": "2026-11-22T22:00:00+00:00",
        "benchmarks": [{"extra_info": {}}, *({"extra_info": {"ratio": each}} for each in ratios)],
    }


@pytest.fixture
def root(tmp_path):
    """A folder to write to."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    return tmp_path


def report(root, ratios=RATIOS, *options, text=None):
    run = root / "run.json"
    run.write_text(json.dumps(run_of(ratios)) if text is None else text, encoding="utf-8")
    command = [sys.executable, REPORT, "--root", root, *options, run]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def readme_of(root):
    return (root / "README.md").read_text(encoding="utf-8")


def bars(root):
    """Return the begin and the end of each bar of the chart, in their order."""
    tree = ElementTree.parse(root / "docs" / "kernels.svg")
    rectangles = [each.attrib for each in tree.iter(f"{SVG}rect") if each.get("height") != "12"]
    return [(float(each["x"]), float(each["x"]) + float(each["width"])) for each in rectangles]


def test_the_table_replaces_what_is_between_the_markers(root):
    assert report(root).returncode == 0
    before, _, rest = readme_of(root).partition("<!-- kernels -->\n")
    table, _, after = rest.partition("<!-- /kernels -->")
    assert (before, after) == ("# A title\n\n", "\n\nThe end.\n")
    assert "old" not in table
    assert (
        "| mean 3×3 | 10.0 ms | 10.0 ms | 40.0 ms | 80.0 ms | 4.00 (3.90–4.10) | 8.00 (7.90–8.10) |" in table
    )
    assert "| resize, lanczos (Pillow) | 10.0 ms |  | 30.0 ms |  | 3.00 (2.90–3.10) |  |" in table
    assert "invert" not in table


def test_losses_are_in_the_table_and_counted(root):
    report(root)
    table = readme_of(root)
    assert "| turn <90°> | 10.0 ms | 10.0 ms | 2.5 ms | 5.0 ms | **0.25** (0.15–0.35) |" in table
    assert "imgsvc is behind in 2 of 5 at 4000×3000 RGB, 1 of 1 at 64×64 RGB;" in table


def test_means_are_geometric_and_of_what_counts(root):
    report(root)
    assert "4 comparisons at 4000×3000 RGB: 1.00 with one thread, 2.00 with 2 threads." in readme_of(root)


def test_the_machine_is_named(root):
    report(root)
    assert (
        "Measured on A Fast One (2 CPUs), Linux, Python 3.11.7, OpenCV 5.0.0, Pillow 13.0, "
        "imgsvc 0123456789 (kernels for x86-64-v3), 2026-11-22." in readme_of(root)
    )


def test_the_page_has_every_row(root):
    report(root)
    page = (root / "docs" / "kernels.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^\| .+ \| \d \| ", page, re.MULTILINE)) == len(RATIOS)
    assert "| invert | 1 | 10.0 ms | 7.0 ms, OpenCV | **0.70** (0.60–0.80) |  | 2.50 | 0.03 |" in page
    assert "## 64×64 RGB" in page
    assert "| mean 3×3 | 1 | 7 µs | 9.0 ms, OpenCV | **0.90** (0.80–1.00) | 1.00 | 2.50 |  |" in page


def test_the_chart_shows_half_as_far_from_1_as_twice(root):
    report(root)
    (one, four), (also_one, eight), (quarter, end), (half, also_end), _ = bars(root)
    assert one == also_one
    assert end == pytest.approx(one, abs=0.11)
    assert also_end == pytest.approx(one, abs=0.11)
    assert four - one == pytest.approx(one - quarter, abs=0.2)
    assert eight - one == pytest.approx(3 * (one - half), abs=0.4)


def test_the_chart_has_a_title_and_its_figures_as_text(root):
    report(root)
    tree = ElementTree.parse(root / "docs" / "kernels.svg")
    described = tree.getroot().get("aria-labelledby").split()
    assert [tree.find(f".//*[@id='{each}']").tag for each in described] == [f"{SVG}title", f"{SVG}desc"]
    assert "turn <90°>: 1 thread 0.25, 2 threads 0.50" in tree.findtext(f".//{SVG}desc")
    texts = [each.text for each in tree.iter(f"{SVG}text")]
    assert {"mean 3×3", "turn <90°>", "resize, lanczos (Pillow)", "8.00", "0.25"} <= set(texts)
    assert "prefers-color-scheme: dark" in tree.findtext(f".//{SVG}style")


def test_the_same_run_gives_the_same_files(root):
    names = ("README.md", "docs/kernels.md", "docs/kernels.svg")
    report(root)
    first = [(root / name).read_bytes() for name in names]
    report(root)
    assert [(root / name).read_bytes() for name in names] == first


def test_check_prints_the_table_and_writes_nothing(root):
    done = report(root, RATIOS, "--check")
    assert "| mean 3×3 | 10.0 ms |" in done.stdout
    assert readme_of(root) == README
    assert not list((root / "docs").iterdir())


@pytest.mark.parametrize(
    "readme", ["no table", "<!-- kernels --> and no end", "<!-- /kernels --><!-- kernels -->", README * 2]
)
def test_a_readme_without_its_place_is_left_alone(root, readme):
    (root / "README.md").write_text(readme, encoding="utf-8")
    done = report(root)
    assert done.returncode == 2
    assert done.stderr == (
        f"bench-report: {root / 'README.md'}: expected <!-- kernels --> and, after it, <!-- /kernels -->, "
        "once each\n"
    )
    assert readme_of(root) == readme


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no --benchmark-json of benchmarks/kernels: JSONDecodeError"),
        ("[]", "is no --benchmark-json of benchmarks/kernels: TypeError"),
        ("{}", "is no --benchmark-json of benchmarks/kernels: KeyError('benchmarks')"),
        (json.dumps(run_of([])), "has no ratios: benchmarks/kernels/test_ratios.py did not run"),
    ],
)
def test_another_file_is_refused(root, text, reason):
    done = report(root, text=text)
    assert done.returncode == 2
    assert done.stderr.startswith(f"bench-report: {root / 'run.json'} {reason}")
    assert readme_of(root) == README


def test_a_missing_file_is_named(root):
    command = [sys.executable, REPORT, "--root", root, root / "none.json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (
        2,
        f"bench-report: {root / 'none.json'}: No such file or directory\n",
    )


def test_a_run_on_other_images_alone_has_no_table(root):
    done = report(root, [ratio("mean 3×3", 1, 2.0, image="640x480-gray")])
    assert done.returncode == 2
    assert "has no ratios with floors at 4000x3000-rgb" in done.stderr
