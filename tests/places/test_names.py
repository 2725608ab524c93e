"""Names that come from others: which are refused, and what the rest cannot do."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imgsvc.places.names import fault_of, says_version

FAULTS = {
    "": "it is empty",
    "/": "it is absolute",
    "/etc/a.jpg": "it is absolute",
    "//host/a.jpg": "it is absolute",
    "C:/a.jpg": "it is absolute",
    "c:a.jpg": "it is absolute",
    ".": "it has . or .. for a part",
    "..": "it has . or .. for a part",
    "../a.jpg": "it has . or .. for a part",
    "a/../b.jpg": "it has . or .. for a part",
    "a/./b.jpg": "it has . or .. for a part",
    "a/..": "it has . or .. for a part",
    "a\n/../b.jpg": "it has . or .. for a part",
    "a//b.jpg": "it has an empty part",
    "a/": "it has an empty part",
    "a\\b.jpg": "it has a backslash",
    "a\n\\b.jpg": "it has a backslash",
    "a\0.jpg": "it has control characters",
    "a.jpg\n": "it has control characters",
    "a\x1b[31m.jpg": "it has control characters",
    "a\x7f.jpg": "it has control characters",
    "a\x9b31m.jpg": "it has control characters",
    "a.jpg?versionId=b.jpg": "it has ?versionId=",
    "a.jpg?versionid=": "it has ?versionId=",
}


@pytest.mark.parametrize(("name", "fault"), FAULTS.items(), ids=map(ascii, FAULTS))
def test_faults(name, fault):
    assert fault_of(name) == fault


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg",
        "a/b/c.jpg",
        "..a.jpg",
        "a...jpg",
        ".hidden/a.jpg",
        "ü \u2028 é.jpg",
        "a?b#c%2F.jpg",
        "~/a.jpg",
    ],
    ids=ascii,
)
def test_names_that_are_fine(name):
    assert fault_of(name) is None


@given(st.lists(st.text(st.sampled_from("a./\\:~ \0\n\x85é?") | st.characters(), max_size=5)).map("/".join))
@example("a/..//..")
@example("...")
def test_what_is_let_through_stays_below_a_folder(name):
    if fault_of(name) is not None:
        return
    folder = Path("/some/folder")
    path = folder / name
    assert path.is_relative_to(folder)
    assert path != folder
    assert ".." not in path.parts
    assert path.relative_to(folder).as_posix() == name


def test_versions_of_urls():
    assert says_version("s3://bucket/a?versionId=1")
    assert not says_version("s3://bucket/a?b/versionId=1")
