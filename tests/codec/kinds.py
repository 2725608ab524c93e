"""An image of 8 bits in RGB, made a file of every kind that is served."""

import functools

import numpy as np
from PIL import Image

from imgsvc.codec import encode
from tests.codec import profiles
from tests.codec.encoded import AVIF, by_pillow, tiff

OTHER_PROFILE = profiles.rgb(profiles.gamma(1.8), profiles.P3_COLUMNS)


def with_alpha(image):
    return np.dstack([image, image[..., 0]])


def in_mode(mode, image):
    return Image.fromarray(image).convert(mode)


def deep(image):
    return image.astype(np.uint16) * 257


KINDS = {
    "jpeg": lambda image: by_pillow(image, "JPEG", quality=90),
    "jpeg 4:4:4": lambda image: by_pillow(image, "JPEG", quality=95, subsampling=0),
    "jpeg progressive": lambda image: by_pillow(image, "JPEG", quality=85, progressive=True),
    "jpeg gray": lambda image: by_pillow(image[..., 0], "JPEG"),
    "jpeg of inks": lambda image: by_pillow(in_mode("CMYK", image), "JPEG"),
    "jpeg with a profile": lambda image: by_pillow(image, "JPEG", icc_profile=OTHER_PROFILE),
    "png": lambda image: by_pillow(image, "PNG"),
    "png by imgsvc": lambda image: encode(image, "png"),
    "png palette": lambda image: by_pillow(in_mode("P", image), "PNG"),
    "png palette with alpha": lambda image: by_pillow(
        in_mode("P", image), "PNG", transparency=bytes(range(256))
    ),
    "png gray": lambda image: by_pillow(image[..., 0], "PNG"),
    "png gray with a key": lambda image: by_pillow(image[..., 0], "PNG", transparency=7),
    "png gray with alpha": lambda image: by_pillow(in_mode("LA", image), "PNG"),
    "png 1 bit": lambda image: by_pillow(in_mode("1", image), "PNG"),
    "png rgba": lambda image: by_pillow(with_alpha(image), "PNG"),
    "png gray 16": lambda image: encode(deep(image[..., 0]), "png"),
    "png rgb 16": lambda image: encode(deep(image), "png"),
    "webp": lambda image: by_pillow(image, "WEBP", method=0),
    "webp with alpha": lambda image: by_pillow(with_alpha(image), "WEBP", method=0),
    "webp lossless": lambda image: by_pillow(image, "WEBP", lossless=True, method=0, quality=0),
    **{
        f"tiff {name}": functools.partial(by_pillow, name="TIFF", compression=name)
        for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma")
    },
    "tiff fax": lambda image: by_pillow(in_mode("1", image), "TIFF", compression="group4"),
    "tiff 12 bits": lambda image: tiff(deep(image[:200, :, :1]) >> 4, 12, 1),
    "tiff 16 bits in planes": lambda image: tiff(deep(image), 16, 2, planes=True),
    "tiff rgb 16": lambda image: encode(deep(image), "tiff"),
    "tiff rgb 16 with alpha": lambda image: tiff(deep(with_alpha(image)), 16, 2, _338=[1]),
    "tiff 16 bits with alpha": lambda image: tiff(deep(image[..., :2]), 16, 1, _338=[2]),
    "gif": lambda image: by_pillow(in_mode("P", image), "GIF"),
    "bmp": lambda image: by_pillow(image, "BMP"),
}
if AVIF:
    KINDS["avif"] = lambda image: by_pillow(image, "AVIF", speed=10)
