"""ICC profiles of every kind, made here."""

import struct

D50 = (0.9642, 1.0, 0.8249)
SRGB_COLUMNS = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
P3_COLUMNS = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))


def xyz(values):
    return b"XYZ \0\0\0\0" + struct.pack(">3l", *(round(value * 65536) for value in values))


def gamma(value):
    """Return a curve that is one exponent."""
    return struct.pack(">4s4xLH2x", b"curv", 1, round(value * 256))


def parametric(kind, *numbers):
    return struct.pack(f">4s4xH2x{len(numbers)}l", b"para", kind, *(round(each * 65536) for each in numbers))


def table(values):
    """Return a curve of values from 0 to 1."""
    body = struct.pack(f">{len(values)}H", *(round(value * 65535) for value in values))
    return struct.pack(">4s4xL", b"curv", len(values)) + body


SRGB_CURVE = parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def described(name):
    """Return a description as version 2 has it."""
    text = name.encode("ascii") + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">L", len(text)) + text + bytes(78)


def in_languages(*names):
    """Return a description as version 4 has it."""
    records, texts = b"", b""
    for name in names:
        text = name.encode("utf-16-be")
        records += struct.pack(">2s2sLL", b"en", b"US", len(text), 16 + 12 * len(names) + len(texts))
        texts += text
    return b"mluc\0\0\0\0" + struct.pack(">LL", len(names), 12) + records + texts


def profile(space, tags, kind=b"mntr"):
    """Return a profile with tags, of which those with the same bytes share them."""
    start = 132 + 12 * len(tags)
    entries, body, places = b"", b"", {}
    for tag, content in tags:
        if content not in places:
            places[content] = start + len(body)
            body += content + b"\0" * (-len(content) % 4)
        entries += struct.pack(">4sLL", tag, places[content], len(content))
    size = start + len(body)
    header = struct.pack(">L4xL4s4s4s12x4s28x", size, 0x04200000, kind, space, b"XYZ ", b"acsp")
    header += struct.pack(">3l", *(round(value * 65536) for value in D50))
    return header.ljust(128, b"\0") + struct.pack(">L", len(tags)) + entries + body


def rgb(curve, columns=SRGB_COLUMNS, name="a profile", more=()):
    matrix = zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
    tags = [(b"desc", described(name)), (b"wtpt", xyz(D50))]
    tags += [(tag, xyz(column)) for tag, column in matrix]
    tags += [(tag, curve) for tag in (b"rTRC", b"gTRC", b"bTRC")]
    return profile(b"RGB ", [*tags, *more])


def gray(exponent):
    return profile(b"GRAY", [(b"desc", described("gray")), (b"wtpt", xyz(D50)), (b"kTRC", gamma(exponent))])


def many_elements(count):
    """Return sRGB's profile with a tag of so many elements, all of the same bytes."""
    identity = struct.pack(">4s4xHH12f", b"matf", 3, 3, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)
    places = struct.pack(">LL", 16 + 8 * count, len(identity)) * count
    elements = struct.pack(">4s4xHHL", b"mpet", 3, 3, count) + places + identity
    return rgb(gamma(1.8), more=[(b"D2B0", elements), (b"D2B1", elements)])
