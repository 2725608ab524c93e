"""What EXIF data tell of a photo: what is on the list, and nothing else."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgsvc.codec import CameraData, GpsPosition, camera_data, exif, formats, gps_position, icc, read_metadata
from tests.codec import profiles, secretive
from tests.codec.secretive import SECRETS, photo

KNOWN = CameraData(
    date="2026-11-28T12:30:01",
    make="Maker",
    model="Model X",
    lens="Lens 50mm",
    exposure_time=0.004,
    f_number=2.8,
    iso=400,
    focal_length=50.0,
    dpi=(300.0, 150.0),
    copyright="(c) A. Body",
)
KINDS = [kind for kind in ("jpeg", "png", "webp", "avif") if formats()[kind].encodes]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_allowed(kind):
    found, _ = read_metadata(photo(kind))
    assert camera_data(found) == KNOWN
    assert gps_position(found) == GpsPosition(-33.8601, 151.215, -12.5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_has_what_is_not_told(kind):
    """Or the tests above would prove nothing."""
    found, _ = read_metadata(photo(kind))
    for secret in SECRETS.values():
        assert secret.encode() in found
    assert not [secret for secret in SECRETS.values() if secret in json.dumps(repr(camera_data(found)))]


def test_a_date_of_the_file_where_there_is_no_other():
    data = secretive.exif()
    del data.get_ifd(0x8769)[0x9003]
    assert camera_data(data.tobytes()).date == "2026-11-29T20:00:00"


def one(tag, kind, count, content, order="<"):
    return exif.made(order, {tag: (kind, count, content)})


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (one(0x10F, 2, 7, b"Maker\0\0"), CameraData(make="Maker")),
        (one(0x10F, 2, 4, b" a\0b"), CameraData(make="a")),
        (one(0x10F, 2, 3, b"\n\t\0"), CameraData()),
        (one(0x10F, 3, 1, b"\1\0"), CameraData()),
        (one(0x110, 2, 5000, b"x" * 5000), CameraData(model="x" * 1000)),
        (one(0x132, 2, 20, b"2026-11-29 20:00:00\0"), CameraData()),
        (one(0x132, 2, 20, b"2026:11:29 20:00:00\0", ">"), CameraData(date="2026-11-29T20:00:00")),
    ],
)
def test_values(data, expected):
    assert camera_data(data) == expected
    assert camera_data(exif.PREFIX + data) == expected


@pytest.mark.parametrize(
    ("unit", "across", "dpi"),
    [
        (2, (72, 1), (72.0, 72.0)),
        (3, (100, 1), (254.0, 254.0)),
        (1, (72, 1), None),
        (2, (72, 0), None),
        (2, (0, 1), None),
    ],
)
def test_resolutions(unit, across, dpi):
    resolution = struct.pack("<LL", *across)
    data = exif.made(
        "<",
        {0x11A: (5, 1, resolution), 0x11B: (5, 1, resolution), 0x128: (3, 1, struct.pack("<H", unit))},
    )
    assert camera_data(data).dpi == dpi


@pytest.mark.parametrize("latitude", [("S", (91, 0, 0)), ("X", (1, 0, 0)), ("", (1, 0, 0))])
def test_places_that_are_none(latitude):
    assert gps_position(secretive.exif(latitude=latitude).tobytes()) is None


@given(st.data())
def test_damaged_data_raise_nothing(data):
    whole = bytearray(secretive.exif().tobytes())
    for _ in range(data.draw(st.integers(0, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    camera_data(cut)
    gps_position(cut)
    icc.name_of(cut)


@pytest.mark.parametrize(
    ("description", "name"),
    [
        (profiles.described("Display P3"), "Display P3"),
        (profiles.in_languages("Écran", "Screen"), "Écran"),
        (profiles.described("x" * 5000), "x" * 200),
        (b"text\0\0\0\0name\0", ""),
        (b"mluc", ""),
        (b"", ""),
    ],
)
def test_names_of_profiles(description, name):
    assert (
        icc.name_of(profiles.profile(b"RGB ", [(b"wtpt", profiles.xyz((1, 1, 1))), (b"desc", description)]))
        == name
    )
    assert icc.name_of(b"") == icc.name_of(bytes(140)) == ""
