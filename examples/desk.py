"""A desk with a script and a scanner: six things that are done with files. Each takes paths."""

from __future__ import annotations

from pathlib import Path

import imgsvc


def smaller(source: Path, target: Path) -> None:
    """Write half the size, in the format of the target's name."""
    # In ImageMagick: convert a.jpg -resize 50% b.png
    imgsvc.process(source, "resize 50%", output=target.suffix.lstrip(".")).save(target)


def black_and_white(scan: Path, target: Path) -> None:
    """Write a scanned page in two colours, as a small PNG."""
    # In ImageMagick: -colorspace gray -threshold 60% -type palette
    imgsvc.process(scan, "grayscale | threshold 153", output="png", palette=True).save(target)


def readable(scan: Path, target: Path, degrees: float = 0) -> None:
    """Write a scan that lay askew straight, without its white margins, and with more contrast."""
    # In ImageMagick: -background white -rotate 2 -fuzz 15% -trim -sigmoidal-contrast 4
    steps = f"rotate {degrees} fill=white | trim 40 background=white | adjust contrast=1.4 | sharpen"
    imgsvc.process(scan, steps, output="jpeg", quality=90).save(target)


def turned(folder: Path, degrees: int = 90) -> list[Path]:
    """Turn all photos of a folder, into files beside them; those are left out when it is done again."""
    # With jpegtran: the same without decoding, for some sizes.
    made = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() == ".jpg" and not path.stem.endswith("-turned"):
            target = path.with_name(f"{path.stem}-turned.jpg")
            imgsvc.process(path, f"rotate {degrees}").save(target)
            made.append(target)
    return made


def framed(photo: Path, target: Path) -> None:
    """Write a photo with a white frame, for printing."""
    # In ImageMagick: -bordercolor white -border 40
    steps = "pad left=40 top=40 right=40 bottom=40 fill=white"
    imgsvc.process(photo, steps, output=target.suffix.lstrip(".")).save(target)


def for_mail(photos: list[Path]) -> list[bytes]:
    """Return photos as JPEGs of at most 100 kB each, without where they were taken."""
    # With exiftool and Pillow: two passes.
    steps = "resize 1600x1600 inside enlarge=false"
    results = (imgsvc.process(photo, steps, output="jpeg", max_bytes=100_000) for photo in photos)
    return [bytes(result.data) for result in results]
