"""Camera data: what EXIF data may tell others, by a list of what is allowed; nothing else of them is read.

Not on the list, and so never told: serial numbers, owners and artists, makers' notes, comments, thumbnails.
Where a photo was taken is told to those alone who ask for it. Source: CIPA DC-008 (Exif 2.32), 4.6.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from imgsvc.codec import exif as exif_data
from imgsvc.codec import exif_values
from imgsvc.codec.exif import EXIF_DIRECTORY, MAKE, MODEL, TIME, UNIT, X_RESOLUTION, Y_RESOLUTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imgsvc.codec.exif_values import Value

__all__ = ["CameraData", "GpsPosition", "camera_data", "gps_position"]

GPS_DIRECTORY = 0x8825
EXPOSURE_TIME, APERTURE, ISO, TIME_TAKEN, FOCAL_LENGTH, LENS = 0x829A, 0x829D, 0x8827, 0x9003, 0x920A, 0xA434
MAIN = frozenset({MAKE, MODEL, X_RESOLUTION, Y_RESOLUTION, UNIT, TIME, exif_data.COPYRIGHT})
CAMERA = frozenset({EXPOSURE_TIME, APERTURE, ISO, TIME_TAKEN, FOCAL_LENGTH, LENS})

LATITUDE_REF, LATITUDE, LONGITUDE_REF, LONGITUDE, ALTITUDE_REF, ALTITUDE = range(1, 7)
GPS = frozenset({LATITUDE_REF, LATITUDE, LONGITUDE_REF, LONGITUDE, ALTITUDE_REF, ALTITUDE})
BELOW_THE_SEA = (1,)

CENTIMETRES = 3
INCH = 2.54
DIGITS = 6
"""Of numbers behind the point: of a degree a tenth of a metre, of a second a millionth."""

DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)")


@dataclasses.dataclass(frozen=True)
class GpsPosition:
    """Where a photo was taken.

    Attributes
    ----------
    latitude, longitude : float
        Degrees, positive to the north and to the east.
    altitude : float or None
        Metres above the sea.
    """

    latitude: float
    longitude: float
    altitude: float | None = None


@dataclasses.dataclass(frozen=True)
class CameraData:
    """What a photo says of how it was taken; None where it does not.

    Attributes
    ----------
    date : str or None
        ``"2026-11-29T12:30:00"``, by the camera's clock; when the file was changed, where no more is said.
    make, model, lens : str or None
        Of the camera, and its lens.
    exposure_time : float or None
        Seconds.
    f_number : float or None
        Of the aperture.
    iso : int or None
    focal_length : float or None
        Millimetres.
    dpi : tuple of two floats or None
        Pixels an inch, across and down.
    copyright : str or None
    """

    date: str | None = None
    make: str | None = None
    model: str | None = None
    lens: str | None = None
    exposure_time: float | None = None
    f_number: float | None = None
    iso: int | None = None
    focal_length: float | None = None
    dpi: tuple[float, float] | None = None
    copyright: str | None = None


def camera_data(exif: bytes) -> CameraData:
    """Return what is allowed of EXIF data, with or without their prefix; what is damaged is not there."""
    main = exif_values.values(exif, (), MAIN)
    camera = exif_values.values(exif, (EXIF_DIRECTORY,), CAMERA)
    iso = _numbers(camera, ISO, 1)
    return CameraData(
        date=_date(camera.get(TIME_TAKEN)) or _date(main.get(TIME)),
        make=_text(main, MAKE),
        model=_text(main, MODEL),
        lens=_text(camera, LENS),
        exposure_time=_positive(camera, EXPOSURE_TIME),
        f_number=_positive(camera, APERTURE),
        iso=int(iso[0]) if iso and iso[0] > 0 else None,
        focal_length=_positive(camera, FOCAL_LENGTH),
        dpi=_dpi(main),
        copyright=_text(main, exif_data.COPYRIGHT),
    )


def gps_position(exif: bytes) -> GpsPosition | None:
    """Return where a photo was taken, if its EXIF data say so."""
    found = exif_values.values(exif, (GPS_DIRECTORY,), GPS)
    latitude = _degrees(found, LATITUDE, LATITUDE_REF, "NS", 90)
    longitude = _degrees(found, LONGITUDE, LONGITUDE_REF, "EW", 180)
    if latitude is None or longitude is None:
        return None
    metres = _numbers(found, ALTITUDE, 1)
    sign = -1 if found.get(ALTITUDE_REF) == BELOW_THE_SEA else 1
    return GpsPosition(latitude, longitude, round(sign * metres[0], DIGITS) if metres else None)


def _text(found: Mapping[int, Value], tag: int) -> str | None:
    value = found.get(tag)
    return value or None if isinstance(value, str) else None


def _numbers(found: Mapping[int, Value], tag: int, count: int) -> list[float] | None:
    """Return the first numbers of a value; None where there are fewer, or one has no sense."""
    value = found.get(tag)
    if value is None or isinstance(value, str) or len(value) < count:
        return None
    numbers = []
    for each in value[:count]:
        above, below = each if isinstance(each, tuple) else (each, 1)
        if below == 0:
            return None
        numbers.append(above / below)
    return numbers


def _positive(found: Mapping[int, Value], tag: int) -> float | None:
    numbers = _numbers(found, tag, 1)
    return round(numbers[0], DIGITS) if numbers and numbers[0] > 0 else None


def _date(value: Value | None) -> str | None:
    match = DATE.fullmatch(value) if isinstance(value, str) else None
    return "{}-{}-{}T{}".format(*match.groups()) if match else None


def _dpi(found: Mapping[int, Value]) -> tuple[float, float] | None:
    across, down = _positive(found, X_RESOLUTION), _positive(found, Y_RESOLUTION)
    unit = _numbers(found, UNIT, 1) or [exif_data.INCHES]
    if across is None or down is None or unit[0] not in {exif_data.INCHES, CENTIMETRES}:
        return None
    factor = INCH if unit[0] == CENTIMETRES else 1
    return round(across * factor, DIGITS), round(down * factor, DIGITS)


def _degrees(found: Mapping[int, Value], tag: int, side: int, sides: str, most: int) -> float | None:
    numbers, letter = _numbers(found, tag, 3), found.get(side)
    if numbers is None or not isinstance(letter, str) or letter not in tuple(sides):
        return None
    degrees = numbers[0] + numbers[1] / 60 + numbers[2] / 3600
    if not 0 <= degrees <= most:
        return None
    return round(-degrees if letter == sides[1] else degrees, DIGITS)
