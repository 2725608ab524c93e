"""Damaged files of which what is there is taken, where that is asked for."""

import contextlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from imgsvc.codec import DecodeOptions, EncodeOptions, decode, encode
from imgsvc.codec.decoding import PARTIAL
from imgsvc.errors import InvalidImageError, InvalidParameterError, UndecodableImageError
from tests.codec.encoded import AVIF, by_pillow, photo, png_of

TAKEN = DecodeOptions(damaged="partial")
ALL = DecodeOptions(damaged="partial", frames="all")
HEIGHT, WIDTH = 160, 120
IMAGE = photo(HEIGHT, WIDTH)
STILLS = {
    "jpeg": encode(IMAGE, "jpeg"),
    "jpeg progressive": encode(IMAGE, "jpeg", EncodeOptions(progressive=True)),
    "jpeg of inks": by_pillow(Image.fromarray(IMAGE).convert("CMYK"), "JPEG"),
    "png": encode(IMAGE, "png"),
    "png of 16 bits": encode(IMAGE.astype(np.uint16) * 257, "png"),
    "png of a palette": by_pillow(Image.fromarray(IMAGE).convert("P"), "PNG"),
    "gif": by_pillow(IMAGE, "GIF", interlace=0),
    "bmp": encode(IMAGE, "bmp"),
    "tiff": encode(IMAGE, "tiff", EncodeOptions(effort=0)),
}


def rows_alike(one, other):
    return (one.astype(int) == other).reshape(len(one), -1).all(1)


@pytest.mark.parametrize("kind", STILLS)
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_what_is_there_of_a_file_that_ends_too_early_is_taken(kind, share):
    whole, cut = STILLS[kind], STILLS[kind][: int(len(STILLS[kind]) * share)]
    with pytest.raises(UndecodableImageError, match="ends too early"):
        decode(cut)
    taken, right = decode(cut, TAKEN), decode(whole)
    assert taken.notes[-1] == PARTIAL
    assert decode(whole, TAKEN).notes == right.notes
    alike = rows_alike(taken.frames[0], right.frames[0])
    if kind == "jpeg progressive":  # all rows are there, and none in full
        assert np.abs(taken.frames[0].astype(int) - right.frames[0]).mean() < IMAGE.std() / 2
        return
    if kind == "bmp":  # which begins with the last row
        alike = alike[::-1]
    there = int(np.argmin(alike))
    assert share - 0.25 < there / HEIGHT < share + 0.1
    assert not alike[there + 16 :].any()


@pytest.mark.parametrize("kind", STILLS)
def test_pixels_are_those_of_the_file_or_none_and_never_what_memory_held_before(kind):
    whole = STILLS[kind]
    for end in range(len(whole) // 3, len(whole), 1 + len(whole) // 50):
        taken = []
        for value in (77, 155):
            np.full((HEIGHT, WIDTH, 3), value, np.uint8)  # leaves its memory to whoever comes next
            with contextlib.suppress(UndecodableImageError):
                taken.append(decode(whole[:end], TAKEN).frames[0])
        assert len(taken) in {0, 2}
        assert all((each == taken[0]).all() for each in taken)


def test_what_is_there_of_a_progressive_jpeg_is_taken_wherever_it_ends():
    whole = STILLS["jpeg progressive"]
    right = decode(whole).frames[0].astype(int)
    for end in range(len(whole) // 3, len(whole)):
        taken = decode(whole[:end], TAKEN).frames[0]
        assert np.abs(right - taken).mean() < IMAGE.std() / 2


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "bmp"])
def test_what_is_behind_damaged_pixels_is_left_out_or_guessed(kind):
    data = bytearray(STILLS[kind])
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff\x55" * 20
    if kind == "bmp":  # any bytes are pixels
        assert decode(bytes(data)).notes == ()
        return
    right = decode(STILLS[kind]).frames[0]
    try:
        taken = decode(bytes(data))
    except UndecodableImageError:
        taken = decode(bytes(data), TAKEN)
        assert taken.notes[-1] == PARTIAL
    assert rows_alike(taken.frames[0], right)[: HEIGHT // 4].all()


def test_the_bytes_that_are_missing_may_be_a_checksum_alone():
    data = bytearray(png_of(2, 8, [[(1, 2, 3)] * 4] * 4))
    at = data.index(b"IEND") - 8
    data[at] ^= 1
    with pytest.raises(UndecodableImageError, match="the checksum of a chunk IDAT is wrong"):
        decode(bytes(data))
    assert (decode(bytes(data), TAKEN).frames[0] == (1, 2, 3)).all()


FRAMES = [np.roll(IMAGE, 9 * index, 1) for index in range(5)]


@pytest.mark.parametrize("name", ["png", "webp", "gif", "tiff"])
def test_frames_that_are_there_are_taken(name):
    whole = encode(FRAMES, name)
    right = decode(whole, DecodeOptions(frames="all"))
    cut = whole[: int(len(whole) * 0.7)]
    taken = decode(cut, ALL)
    assert taken.notes[-1] == PARTIAL
    assert 2 <= len(taken.frames) == len(taken.durations) < 5
    for index in range(2):
        assert (taken.frames[index] == right.frames[index]).all()


def test_a_part_of_a_later_frame_would_be_without_what_it_is_drawn_upon():
    red = Image.new("RGB", (60, 60), "red")
    second = red.copy()
    second.paste(Image.fromarray(photo(40, 40)), (10, 10))
    whole = by_pillow(red, "GIF", save_all=True, append_images=[second])
    taken = decode(whole[: int(len(whole) * 0.8)], ALL)
    assert len(taken.frames) == 1
    assert (taken.frames[0] == (255, 0, 0)).all()


@pytest.mark.parametrize("name", ["webp", *(["avif"] if AVIF else [])])
def test_of_some_nothing_can_be_taken(name):
    data = encode(IMAGE, name)
    with pytest.raises(UndecodableImageError) as caught:
        decode(data[: len(data) // 2], TAKEN)
    with pytest.raises(UndecodableImageError) as refused:
        decode(data[: len(data) // 2])
    assert str(caught.value) == str(refused.value)


@pytest.mark.parametrize("kind", STILLS)
def test_every_cut_is_taken_or_refused(kind):
    whole = STILLS[kind]
    size = decode(whole).frames[0].shape
    for end in range(len(whole) // 4, len(whole), 1 + len(whole) // 100):
        try:
            taken = decode(whole[:end], TAKEN)
        except InvalidImageError:
            continue
        assert taken.frames[0].shape == size


def test_pillows_switch_for_all_threads_stays_off():
    decode(STILLS["png"][: len(STILLS["png"]) // 2], TAKEN)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_another_word():
    with pytest.raises(InvalidParameterError, match="damaged: 'skip', expected one of 'refuse', 'partial'"):
        DecodeOptions(damaged="skip")
