"""IPTC data, byte by byte: how long texts are, where they end, and whose they are."""

import pytest

from imgsvc.codec import iptc
from tests.codec.owned import block, dataset

OTHER = block(0x03ED, b"x")


class TestTexts:
    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b"\x1c\2\x50\0\1A\x1c\2\x74\0\2\xc3\xa9", {80: ["A"], 116: ["é"]}),
            (b"\x1c\2\x50\0\1A\x1c\2\x50\0\1B", {80: ["A", "B"]}),
            (b"\x1c\2\x50\0\0", {80: [""]}),
            # Zeros end them.
            (b"\x1c\2\x50\0\1A\0", {80: ["A"]}),
            (b"\x1c\2\x50\0\1A\0\x1c", {80: ["A"]}),
            # Lengths of four bytes, and of two.
            (b"\x1c\2\x50\x80\4\0\0\0\2AB\x1c\2\x74\0\1C", {80: ["AB"], 116: ["C"]}),
            (b"\x1c\2\x50\x80\2\0\1A\x1c\2\x74\0\1C", {80: ["A"], 116: ["C"]}),
            # Another record has other numbers, and other numbers are other texts.
            (b"\x1c\1\x50\0\1A\x1c\3\x50\0\1A\x1c\2\x51\0\1A", {}),
        ],
    )
    def test_of_bytes(self, data, expected):
        assert iptc.texts(data, (80, 116)) == expected

    @pytest.mark.parametrize(
        "data",
        [
            b"", b"\x1c", b"\x1c\2\x50\0", b"\x1c\2\x50\0\1", b"\x1c\2\x50\0\2A", b"\x1d\2\x50\0\1A",
            b"\x1c\2\x50\x80\4\0\0\0\2A", b"\x1c\2\x50\x80\4\0\0",
        ],
    )  # fmt: skip
    def test_damaged_ones(self, data):
        with pytest.raises(ValueError, match="it ends too early|no dataset|too long, or none"):
            iptc.texts(data, (80,))

    def test_as_many_as_are_read(self):
        names = [str(number) for number in range(70)]
        data = b"".join(dataset(80, name) for name in names)
        assert iptc.texts(data, (80,)) == {80: names[:64]}

    def test_the_longest(self):
        data = dataset(80, "A") + bytes(65536 - 6)
        assert iptc.texts(data, (80,)) == {80: ["A"]}
        with pytest.raises(ValueError, match="^too long, or none$"):
            iptc.texts(data + b"\0", (80,))


class TestPhotoshop:
    @pytest.mark.parametrize("name", [b"", b"a", b"ab"])
    @pytest.mark.parametrize("content", [b"A", b"AB"])
    def test_names_and_contents_are_padded(self, name, content):
        data = block(0x03ED, content, name) + block(0x0404, content, name)
        assert iptc.of_photoshop(data) == content
        # Its own padding may be missing, and no byte of it.
        assert iptc.of_photoshop(data[: len(data) - len(content) % 2]) == content
        for cut in range(1, 4 + 2 + 2 + len(name) + 4):
            assert iptc.of_photoshop(data[: len(data) - len(content) % 2 - cut]) == b""

    def test_without(self):
        assert iptc.of_photoshop(b"") is None
        assert iptc.of_photoshop(OTHER) is None
        assert iptc.of_photoshop(OTHER + bytes(3)) is None
        assert iptc.of_photoshop(OTHER + b"x") == b""

    def test_the_first_counts(self):
        assert iptc.of_photoshop(block(0x0404, b"A") + block(0x0404, b"B")) == b"A"

    def test_as_many_blocks_as_are_read(self):
        assert iptc.of_photoshop(OTHER * 999 + block(0x0404, b"A")) == b"A"
        assert iptc.of_photoshop(OTHER * 1000 + block(0x0404, b"A")) == b""

    def test_the_longest(self):
        assert iptc.of_photoshop(block(0x0404, bytes(65536))) == bytes(65536)
        assert iptc.of_photoshop(block(0x0404, bytes(65537))) == b""
