"""Animations: which frames there are, how often they are shown, and that none shines through the next."""

import struct
import zlib

import numpy as np
import pytest

from imgsvc.codec import Decoded, DecodeOptions, decode, encode, formats, read_header
from imgsvc.errors import InvalidImageError, UndecodableImageError
from tests.codec.encoded import by_pillow_decoded

EVERY = DecodeOptions(frames="all")
SHOWN = [name for name in ("gif", "png", "webp") if formats()[name].encodes]
RED, GREEN = (255, 0, 0), (0, 255, 0)


def bar(width=16, frames=3, bar_width=5):
    """Return frames of a red bar that moves over nothing."""
    made = []
    for index in range(frames):
        frame = np.zeros((16, width, 4), np.uint8)
        frame[:, index * bar_width : (index + 1) * bar_width] = (*RED, 255)
        made.append(frame)
    return Decoded(tuple(made), durations=(100, 200, 300))


@pytest.mark.parametrize("name", SHOWN)
def test_nothing_shines_through_the_next_frame(name):
    decoded = decode(encode(bar(), name), EVERY)
    assert [int((frame[..., 3] > 0).sum()) for frame in decoded.frames] == [80, 80, 80]
    assert decoded.durations == (100, 200, 300)


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("loop", [0, 1, 2, 7])
def test_how_often_they_are_shown_is_the_same_everywhere(name, loop):
    frames = tuple(np.full((8, 8, 3), value, np.uint8) for value in (0, 100, 200))
    data = encode(Decoded(frames, durations=(50, 60, 70), loop=loop), name)
    assert decode(data, EVERY).loop == loop


@pytest.mark.parametrize("name", SHOWN)
def test_equal_neighbours_keep_their_time(name):
    values = (0, 100, 100, 200)
    frames = tuple(np.full((8, 8, 3), value, np.uint8) for value in values)
    decoded = decode(encode(Decoded(frames, durations=(50, 60, 70, 80)), name), EVERY)
    assert sum(decoded.durations) == 260
    assert decoded.durations[-1] == 80


class TestGif:
    """What GIF says of its loops: nothing, for ever, or how often again."""

    def file(self, *extensions, frames=((0, 0, 4, 4, 0), (0, 0, 4, 4, 1)), size=(4, 4)):
        """Return a file of frames of one colour each: left, top, width, height and its index."""
        blocks = [*extensions]
        for left, top, width, height, index in frames:
            blocks.append(
                b"\x21\xf9\x04\0\x0a\0\0\0" + struct.pack("<BHHHHB", 0x2C, left, top, width, height, 0)
            )
            codes = [4, *[index] * (width * height), 5]
            blocks.append(b"\2" + self.packed(codes) + b"\0")
        palette = bytes([*RED, *GREEN, 0, 0, 255, 0, 0, 0])
        return b"GIF89a" + struct.pack("<HHBBB", *size, 0x81, 0, 0) + palette + b"".join(blocks) + b"\x3b"

    def packed(self, codes):
        """Return codes of 3 bits in blocks; a clear code keeps them at that."""
        bits, taken = "", []
        for number, code in enumerate(codes):
            if number > 1 and number % 2:
                taken.append(4)
            taken.append(code)
        for code in taken:
            bits = f"{code:03b}" + bits
        bits = "0" * (-len(bits) % 8) + bits
        body = int(bits, 2).to_bytes(len(bits) // 8, "little")
        return b"".join(
            bytes([len(body[at : at + 255])]) + body[at : at + 255] for at in range(0, len(body), 255)
        )

    def again(self, number):
        return b"\x21\xff\x0bNETSCAPE2.0\3\1" + struct.pack("<H", number) + b"\0"

    @pytest.mark.parametrize(("extensions", "loop"), [((), 1), ((0,), 0), ((1,), 2), ((4,), 5)])
    def test_loops(self, extensions, loop):
        data = self.file(*(self.again(number) for number in extensions))
        assert decode(data, EVERY).loop == loop

    def test_frames_beyond_the_canvas_are_clipped(self):
        data = self.file(frames=((0, 0, 4, 4, 0), (2, 2, 9, 7, 1)))
        header = read_header(data)
        assert (header.width, header.height, header.frames) == (4, 4, 2)
        first, second = decode(data, EVERY).frames
        np.testing.assert_array_equal(first, np.full((4, 4, 3), RED))
        assert first.shape == second.shape
        assert second[0, 0].tolist() == list(RED)
        assert second[3, 3].tolist() == list(GREEN)

    def test_a_canvas_for_all_frames_counts(self):
        data = self.file(frames=((0, 0, 4, 4, 0), (60_000, 60_000, 4, 4, 1)))
        assert decode(data).frames[0].shape == (4, 4, 3)
        with pytest.raises(InvalidImageError, match="3600480016 pixels"):
            decode(data, EVERY)

    def test_nothing_behind_the_first_frame_refuses_it(self):
        data = self.file()
        at = data.rindex(b"\x21\xf9")
        damaged = data[:at] + b"what" + data[at:]
        np.testing.assert_array_equal(decode(damaged).frames[0], np.full((4, 4, 3), RED))
        assert read_header(damaged).frames == 1
        with pytest.raises(UndecodableImageError):
            decode(damaged, EVERY)


class TestPng:
    def file(self, *chunks):
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))
            for kind, body in chunks
        )

    def pixels(self, value):
        return zlib.compress((b"\0" + bytes([value] * 2)) * 2)

    def control(self, number):
        return struct.pack(">LLLLLHHBB", number, 2, 2, 0, 0, 1, 10, 0, 0)

    def test_pixels_that_are_no_frame(self):
        """Those for readers that know no animations."""
        data = self.file(
            (b"IHDR", struct.pack(">LLBBBBB", 2, 2, 8, 0, 0, 0, 0)),
            (b"acTL", struct.pack(">LL", 2, 3)),
            (b"IDAT", self.pixels(9)),
            (b"fcTL", self.control(0)),
            (b"fdAT", struct.pack(">L", 1) + self.pixels(100)),
            (b"fcTL", self.control(2)),
            (b"fdAT", struct.pack(">L", 3) + self.pixels(200)),
            (b"IEND", b""),
        )
        assert read_header(data).frames == 2
        decoded = decode(data, EVERY)
        assert [int(frame[0, 0]) for frame in decoded.frames] == [100, 200]
        assert (decoded.durations, decoded.loop) == ((100, 100), 3)
        assert decode(data).frames[0].tolist() == [[9, 9], [9, 9]]

    def test_nothing_behind_the_first_frame_refuses_it(self):
        data = bytearray(encode(bar(), "png"))
        at = data.index(b"fdAT")
        data[at + 10] ^= 1
        np.testing.assert_array_equal(decode(bytes(data)).frames[0], by_pillow_decoded(encode(bar(), "png")))
        with pytest.raises(UndecodableImageError, match="checksum"):
            decode(bytes(data), EVERY)


@pytest.mark.parametrize(
    ("name", "most"), [("gif", 1 << 16), ("webp", (1 << 16) - 1), ("png", (1 << 31) - 1)]
)
def test_more_loops_than_a_format_holds_are_as_many_as_it_does(name, most):
    frames = tuple(np.full((4, 4, 3), value, np.uint8) for value in (0, 255))
    decoded = Decoded(frames, durations=(50, 50), loop=1 << 40)
    assert decode(encode(decoded, name), DecodeOptions(frames="all")).loop == most
