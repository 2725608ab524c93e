"""Photos whose EXIF data tell more than others should know, made by Pillow."""

import io

import numpy as np
from PIL import Image, TiffImagePlugin

SECRETS = {
    "artist": "ARTIST-Jane",
    "owner": "OWNER-Jane",
    "body": "BODY-12345",
    "lens": "LENS-67890",
    "note": "MAKERNOTE-7",
    "comment": "COMMENT-8",
    "description": "DESCRIPTION-9",
    "software": "SOFTWARE-10",
    "host": "HOST-11",
    "unique": "UNIQUE-12",
    "area": "AREA-13",
}
FRACTION = TiffImagePlugin.IFDRational


SOUTH = "S", (33, 51, FRACTION(3636, 100))


def exif(*, latitude=SOUTH):
    data = Image.Exif()
    data[0x010E] = SECRETS["description"]
    data[0x010F] = "Maker"
    data[0x0110] = "Model X"
    data[0x0112] = 6
    data[0x011A], data[0x011B], data[0x0128] = FRACTION(300), FRACTION(150), 2
    data[0x0131] = SECRETS["software"]
    data[0x0132] = "2026:11:29 20:00:00"
    data[0x013B] = SECRETS["artist"]
    data[0x013C] = SECRETS["host"]
    data[0x8298] = "(c) A. Body"
    data[0xC62F] = SECRETS["body"]
    camera = data.get_ifd(0x8769)
    camera.update(
        {
            0x829A: FRACTION(1, 250),
            0x829D: FRACTION(28, 10),
            0x8827: 400,
            0x9003: "2026:11:28 12:30:01",
            0x920A: FRACTION(50),
            0x927C: SECRETS["note"].encode(),
            0x9286: SECRETS["comment"].encode(),
            0xA420: SECRETS["unique"],
            0xA430: SECRETS["owner"],
            0xA431: SECRETS["body"],
            0xA434: "Lens 50mm",
            0xA435: SECRETS["lens"],
        }
    )
    place = data.get_ifd(0x8825)
    place.update(
        {
            1: latitude[0],
            2: latitude[1],
            3: "E",
            4: (151, 12, FRACTION(54, 1)),
            5: b"\x01",
            6: FRACTION(125, 10),
            0x1B: SECRETS["area"].encode(),
        }
    )
    small = data.get_ifd(1)
    small.update({0x010F: "THUMBNAIL-14"})
    return data


def photo(kind, **options):
    """Return a file of 40×30 pixels, stored on its side."""
    stream = io.BytesIO()
    pixels = np.full((40, 30, 3), (200, 100, 50), np.uint8)
    Image.fromarray(pixels).save(stream, kind, exif=exif().tobytes(), **options)
    return stream.getvalue()
