"""Encoded images of every kind, made here."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, features

EXIF_ORIENTATION, EXIF_DESCRIPTION = 0x0112, 0x010E
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
AVIF = "avif" in features.get_supported_modules()


def photo(height=40, width=60):
    """Smooth colours with a little noise, as photographs have."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 9 + phase) * 60 + np.cos(y / 7 - phase) * 50 + 128 for phase in (0, 1, 2)]
    noise = np.random.default_rng(0).normal(0, 2, (height, width, 3))
    return (np.stack(waves, -1) + noise).clip(0, 255).astype(np.uint8)


def by_pillow(image, name, **options):
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, name, **options)
    return buffer.getvalue()


def by_pillow_decoded(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def png(header, rows, *chunks):
    """Return a PNG file of a width, height, depth, kind of colour, interlacing, and filtered rows."""
    *first, interlacing = header
    every = [(b"IHDR", struct.pack(">IIBBBBB", *first, 0, 0, interlacing)), *chunks]
    every += [(b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in every
    )


def png_of(kind, depth, rows, **chunks):
    """Return a PNG file of rows of pixels, each a tuple of values of so many bits."""
    packed = []
    for row in rows:
        values = [value for pixel in row for value in pixel]
        bits = "".join(f"{value:0{depth}b}" for value in values)
        bits += "0" * (-len(bits) % 8)
        packed.append(b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big"))
    header = (len(rows[0]), len(rows), depth, kind, 0)
    return png(header, packed, *((name.encode(), body) for name, body in chunks.items()))


def jpeg_of_scans(width, height, scans):
    """Return a progressive JPEG of three components and so many scans, which take time and hardly any bytes.

    The first says that all blocks are flat. Each other one refines all other coefficients of a component, of
    which there are none: that is a run over all blocks.
    """
    blocks = -(-width // 8) * (-(-height // 8))

    def segment(marker, body):
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    parts = [b"\xff\xd8", segment(0xDB, bytes([0, *[1] * 64]))]
    parts.append(segment(0xC2, struct.pack(">BHHB", 8, height, width, 3) + b"\1\x11\0\2\x11\0\3\x11\0"))
    parts.append(segment(0xC4, bytes([0, 1, *[0] * 15, 0])))  # a difference of nothing is one bit, 0
    runs = range(15)  # of up to twice two to that power of blocks, five bits each
    parts.append(segment(0xC4, bytes([0x10, 0, 0, 0, 0, 15, *[0] * 11, *(run << 4 for run in runs)])))
    parts.append(segment(0xDA, b"\3\1\0\2\0\3\0\0\0\0") + bytes(-(-3 * blocks // 8)))
    bits, left = "", blocks
    while left:
        run = min(left.bit_length() - 1, 14)
        length = min(left, (2 << run) - 1)
        bits += f"{run:05b}" + (f"{length - (1 << run):0{run}b}" if run else "")
        left -= length
    bits += "1" * (-len(bits) % 8)
    code = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    for scan in range(scans - 1):
        low = 13 - scan // 3 % 13
        high = low + 1 if scan >= 3 else 0
        parts.append(segment(0xDA, bytes([1, scan % 3 + 1, 0, 1, 63, high << 4 | low])) + code)
    return b"".join(parts) + b"\xff\xd9"


def exif(orientation=1):
    data = Image.Exif()
    data[EXIF_ORIENTATION] = orientation
    data[EXIF_DESCRIPTION] = "a description that is longer than four bytes"
    return data


def every_kind(height=40, width=60):
    """Return files by name, each of some size."""
    rgb = photo(height, width)
    image, gray = Image.fromarray(rgb), Image.fromarray(rgb[..., 0])
    rgba = Image.fromarray(np.dstack([rgb, rgb[..., 0]]))
    frames = {"save_all": True, "append_images": [rgba.rotate(180)], "duration": 70}
    files = {
        "jpeg": by_pillow(image, "JPEG", exif=exif(6), icc_profile=SRGB),
        "jpeg progressive": by_pillow(image, "JPEG", progressive=True),
        "jpeg cmyk": by_pillow(image.convert("CMYK"), "JPEG"),
        "jpeg gray": by_pillow(gray, "JPEG"),
        "png": by_pillow(image, "PNG", exif=exif(6), icc_profile=SRGB),
        "png palette": by_pillow(image.convert("P"), "PNG"),
        "png 16": by_pillow(rgb[..., 0].astype(np.uint16) * 257, "PNG"),
        "png animated": by_pillow(rgba, "PNG", **frames),
        "tiff": by_pillow(image, "TIFF", compression="tiff_adobe_deflate"),
        "tiff raw": by_pillow(image, "TIFF", exif=exif(6)),
        "tiff big": by_pillow(image, "TIFF", big_tiff=True),
        "tiff pages": by_pillow(image, "TIFF", save_all=True, append_images=[image.rotate(180)]),
        "gif": by_pillow(image, "GIF"),
        "gif animated": by_pillow(rgba, "GIF", **frames),
        "bmp": by_pillow(image, "BMP"),
    }
    if features.check("webp"):
        files["webp"] = by_pillow(image, "WEBP", exif=exif(6), icc_profile=SRGB)
        files["webp animated"] = by_pillow(rgba, "WEBP", **frames)
    if AVIF:
        files["avif"] = by_pillow(image, "AVIF", exif=exif(6), icc_profile=SRGB)
        files["avif animated"] = by_pillow(rgba, "AVIF", **frames)
    return files


def tiff(pixels, bits, photometric, *, order="<", planes=False, pages=1, **others):
    """Return an uncompressed TIFF of samples (H, W, S), whose further tags are integers by number."""
    height, width, samples = pixels.shape
    arrays = [pixels[..., sample : sample + 1] for sample in range(samples)] if planes else [pixels]
    strips = [_samples(array, bits, order) for array in arrays]
    file = bytearray(struct.pack(f"{order}2sHL", b"II" if order == "<" else b"MM", 42, 8))
    body = b"".join(strips)
    first = len(file) + len(body) + len(body) % 2
    struct.pack_into(f"{order}L", file, 4, first)
    file += body + b"\0" * (len(body) % 2)
    starts = [8 + sum(map(len, strips[:index])) for index in range(len(strips))]
    tags = {
        256: ("L", [width]), 257: ("L", [height]), 258: ("H", [bits] * samples), 259: ("H", [1]),
        262: ("H", [photometric]), 273: ("L", starts), 277: ("H", [samples]), 278: ("L", [height]),
        279: ("L", [len(strip) for strip in strips]), 284: ("H", [2 if planes else 1]),
    }  # fmt: skip
    tags |= {int(tag[1:]): ("H", numbers) for tag, numbers in others.items()}
    for page in range(pages):
        start = len(file)
        entries, contents = b"", b""
        behind = start + 2 + 12 * len(tags) + 4
        for tag, (kind, numbers) in sorted(tags.items()):
            content = struct.pack(f"{order}{len(numbers)}{kind}", *numbers)
            entries += struct.pack(f"{order}HHL", tag, {"H": 3, "L": 4}[kind], len(numbers))
            if len(content) <= 4:
                entries += content.ljust(4, b"\0")
            else:
                entries += struct.pack(f"{order}L", behind + len(contents))
                contents += content + b"\0" * (len(content) % 2)
        following = behind + len(contents) if page + 1 < pages else 0
        file += struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}L", following) + contents
    return bytes(file)


def _samples(array, bits, order):
    """Return rows of samples of so many bits, each padded to whole bytes."""
    if bits in {8, 16, 32}:
        kind = {8: "u1", 16: f"{order}u2", 32: f"{order}f4"}[bits]
        return array.astype(kind).tobytes()
    rows = []
    for row in array.reshape(len(array), -1):
        text = "".join(f"{int(value):0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        rows.append(int(text, 2).to_bytes(len(text) // 8, "big"))
    return b"".join(rows)
