"""A web back end: six things that it does with what its users upload. Each takes the bytes of a file."""

from __future__ import annotations

import imgsvc


def avatar(upload: bytes) -> bytes:
    """Return a square of 256, cut out where there is the most to see."""
    # In sharp: resize(256, 256, {position: "attention"}).webp()
    return bytes(imgsvc.process(upload, "resize 256x256 cover attention", output="webp").data)


def responsive(upload: bytes) -> dict[str, bytes]:
    """Return three widths, decoded once, none larger than the photo."""
    # In Pillow: a loop, with EXIF's orientation by hand.
    sizes = {
        f"{width}.webp": imgsvc.Output("webp", pipeline=f"resize {width}x enlarge=false")
        for width in (320, 640, 1280)
    }
    return {name: bytes(each.data) for name, each in imgsvc.process_outputs(upload, outputs=sizes).items()}


def product(upload: bytes) -> bytes:
    """Return all of the photo upon a white square."""
    # In ImageMagick: -resize 600x600 -gravity center -extent 600x600
    return bytes(imgsvc.process(upload, "resize 600x600 contain background=white", output="jpeg").data)


def within(upload: bytes, max_bytes: int = 20_000) -> bytes:
    """Return a JPEG of at most so many bytes."""
    # Elsewhere: a search over qualities.
    return bytes(imgsvc.process(upload, "resize 800x800 inside", output="jpeg", max_bytes=max_bytes).data)


def placeholder(upload: bytes) -> str:
    """Return the average colour, to be shown while the photo loads."""
    # In Pillow: resize((1, 1)).getpixel((0, 0))
    return "#{:02x}{:02x}{:02x}".format(*imgsvc.describe(upload).average_color[:3])


def is_taken(upload: bytes) -> str | None:
    """Return why an upload is not taken, or None; it is decoded, so that damage is found now."""
    # In Pillow: verify(), load(), and a limit of pixels that holds for the whole process.
    try:
        imgsvc.process(upload, "resize 64x64 inside", output="png", limits=imgsvc.Limits(pixels=50_000_000))
    except imgsvc.ImgsvcError as error:
        return str(error)
    return None
