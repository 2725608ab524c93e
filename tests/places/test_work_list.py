"""Lists of work: text, tables, and what is wrong with them."""

import io

import pytest

from imgsvc.errors import ConfigurationError
from imgsvc.places.work_list import read_work_list


@pytest.fixture
def read(tmp_path):
    def read(content, name="list.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_work_list(str(path))

    return read


def test_a_name_in_each_line(read):
    found = read("\ufeffa.jpg\n\n  \nbelow/b.jpg\r\nc d,e.jpg\r\nü\u2028.jpg")
    assert found == [("a.jpg", None), ("below/b.jpg", None), ("c d,e.jpg", None), ("ü\u2028.jpg", None)]


@pytest.mark.parametrize("begin", ["", "input,output\n", "\ufeff\n\nInput, Output\r\n"], ids=ascii)
def test_a_table(read, begin):
    found = read(f'{begin}a.jpg,small/a.webp\nb.jpg\n\nc.jpg,\n"d, ""e"".jpg",d.webp\n', "list.CSV")
    assert found == [
        ("a.jpg", "small/a.webp"),
        ("b.jpg", None),
        ("c.jpg", None),
        ('d, "e".jpg', "d.webp"),
    ]


def test_a_header_only_comes_first(read):
    assert read("a.jpg,b.jpg\ninput,output\n", "list.csv")[1] == ("input", "output")
    assert read("input,output\na.jpg\n") == [("input,output", None), ("a.jpg", None)]


def test_stdin(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(b"a.jpg\nb,c.jpg\n"))
    monkeypatch.setattr("sys.stdin", stdin)
    assert read_work_list("-") == [("a.jpg", None), ("b,c.jpg", None)]


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        ("", "list.txt", "no names in it"),
        ("\n \n", "list.txt", "no names in it"),
        ("input,output\n", "list.csv", "no names in it"),
        ("a.jpg\n\n../b.jpg\n", "list.txt", r"line 3: '\.\./b\.jpg': it has \. or \.\. for a part"),
        ("/b.jpg\n", "list.txt", r"line 1: '/b\.jpg': it is absolute"),
        ("a.jpg,/b.jpg\n", "list.csv", r"line 1: '/b\.jpg': it is absolute"),
        ("a.jpg\n,b.jpg\n", "list.csv", "line 2: '': it is empty"),
        ("a.jpg,b.jpg,c.jpg\n", "list.csv", "line 1: 3 columns, expected 1 or 2"),
        ('a.jpg\n"b\nc.jpg"\n', "list.csv", r"line 2: 'b\\nc\.jpg': it has control characters"),
        ('"a.jpg', "list.csv", "unexpected end of data"),
        ('"a"b.jpg', "list.csv", "',' expected after '\"'"),
        (b"a\xff.jpg\n", "list.txt", ".*can't decode byte 0xff"),
        (b"a.jpg\x85b.jpg\n", "list.txt", ".*can't decode byte 0x85"),
    ],
)
def test_faults(read, content, name, reason):
    with pytest.raises(ConfigurationError, match=f"^--from: .*/{name}(: |, ){reason}"):
        read(content, name)


def test_a_list_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match=f"^--from: {tmp_path}/none: No such file or directory$"):
        read_work_list(str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match=f"^--from: {tmp_path}: Is a directory$"):
        read_work_list(str(tmp_path))
