"""Pixels that change their places. Everybody's result is the same."""

from __future__ import annotations

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageChops, ImageOps

from benchmarks.kernels.case import Case
from benchmarks.kernels.images import SMALL
from benchmarks.kernels.peers import NumPy, OpenCV, Pillow, plain_copy

FRAME = 16
LEFT, TOP = 8, 8


def trimmed_by_pillow(image: PillowImage.Image, _: np.ndarray) -> PillowImage.Image:
    """Return the image without its edges of one colour: all of it, at a threshold of 255."""
    background = PillowImage.new(image.mode, image.size, image.getpixel((0, 0)))
    differs = ImageChops.difference(image, background).point([0] * 256 * len(image.getbands()))
    return image.crop(differs.getbbox()) if differs.getbbox() else image.copy()


CASES = (
    Case(
        "copy",
        "copy",
        "rotate90",
        (NumPy(plain_copy, floors=(None, None)),),
        {"turns": 0},
    ),
    Case(
        "rotate90",
        "rotate by 90°",
        "rotate90",
        (
            OpenCV(
                lambda cv2, src, out: cv2.rotate(src, cv2.ROTATE_90_COUNTERCLOCKWISE, out), floors=(1.0, 1.6)
            ),
            Pillow(lambda image, _: image.transpose(PillowImage.Transpose.ROTATE_90)),
            NumPy(lambda src, out: plain_copy(np.rot90(src), out)),
        ),
        {"turns": 1},
    ),
    Case(
        "rotate180",
        "rotate by 180°",
        "rotate90",
        (
            OpenCV(lambda cv2, src, out: cv2.rotate(src, cv2.ROTATE_180, out), floors=(1.0, 1.0)),
            Pillow(lambda image, _: image.transpose(PillowImage.Transpose.ROTATE_180)),
            NumPy(lambda src, out: plain_copy(src[::-1, ::-1], out)),
        ),
        {"turns": 2},
    ),
    Case(
        "flip-upside-down",
        "flip upside down",
        "flip",
        (
            OpenCV(lambda cv2, src, out: cv2.flip(src, 0, out), floors=(1.0, 1.0)),
            Pillow(lambda image, _: image.transpose(PillowImage.Transpose.FLIP_TOP_BOTTOM)),
            NumPy(lambda src, out: plain_copy(src[::-1], out)),
        ),
        {"axis": 0},
    ),
    Case(
        "flip-left-right",
        "flip left to right",
        "flip",
        (
            OpenCV(lambda cv2, src, out: cv2.flip(src, 1, out), floors=(1.0, 1.0)),
            Pillow(lambda image, _: image.transpose(PillowImage.Transpose.FLIP_LEFT_RIGHT)),
            NumPy(lambda src, out: plain_copy(src[:, ::-1], out)),
        ),
        {"axis": 1},
    ),
    Case(
        "transpose",
        "transpose",
        "transpose",
        (
            OpenCV(lambda cv2, src, out: cv2.transpose(src, out), floors=(1.0, 1.0)),
            Pillow(lambda image, _: image.transpose(PillowImage.Transpose.TRANSPOSE)),
            NumPy(lambda src, out: plain_copy(np.swapaxes(src, 0, 1), out)),
        ),
    ),
    Case(
        "pad",
        f"pad by {FRAME}, edge repeated",
        "pad",
        (
            OpenCV(
                lambda cv2, src, out: cv2.copyMakeBorder(src, *(FRAME,) * 4, cv2.BORDER_REPLICATE, out),
                floors=(None, None),
            ),
            NumPy(lambda src, _: np.pad(src, [(FRAME, FRAME)] * 2 + [(0, 0)] * (src.ndim - 2), "edge")),
        ),
        {"left": FRAME, "top": FRAME, "right": FRAME, "bottom": FRAME, "border": "replicate"},
    ),
    Case(
        "pad-constant",
        f"pad by {FRAME}, black",
        "pad",
        (
            OpenCV(lambda cv2, src, out: cv2.copyMakeBorder(src, *(FRAME,) * 4, cv2.BORDER_CONSTANT, out)),
            Pillow(lambda image, _: ImageOps.expand(image, FRAME)),
        ),
        {"left": FRAME, "top": FRAME, "right": FRAME, "bottom": FRAME},
        images=("4000x3000-rgb", "640x480-rgb", SMALL),
    ),
    Case(
        "trim",
        "trim, nothing but background",
        "trim",
        (Pillow(trimmed_by_pillow, floors=(None, None)),),
        {"threshold": 255},
        images=("4000x3000-rgb", "640x480-rgb"),
    ),
    Case(
        "crop",
        "crop to 48×48",
        "crop",
        (
            Pillow(lambda image, out: image.crop((LEFT, TOP, LEFT + out.shape[1], TOP + out.shape[0]))),
            NumPy(
                lambda src, out: plain_copy(src[TOP : TOP + out.shape[0], LEFT : LEFT + out.shape[1]], out)
            ),
        ),
        {"left": LEFT, "top": TOP, "width": 48, "height": 48},
        images=(SMALL,),
    ),
)
