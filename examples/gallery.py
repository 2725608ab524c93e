"""The pictures of docs/gallery.md: each is what imgsvc makes of the text in its row.

``python examples/gallery.py docs/gallery.md`` makes them again.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import imgsvc

if TYPE_CHECKING:
    from collections.abc import Iterator

PHOTO = Path(__file__).parent / "photo.jpg"
ROW = re.compile(r"^\| `(?P<text>.+?)`.*\| !\[.*\]\((?P<name>gallery/[a-z0-9-]+\.webp)\) \|$", re.MULTILINE)
SMALL = "resize 300x200"
CUT_OUT = "flatten"
"""What is shown of the photo cut out: of one that is opaque it makes the same."""


class Picture(NamedTuple):
    """A row of the page."""

    text: str
    path: Path

    def made(self) -> imgsvc.Result:
        """Return the picture, made now."""
        source = imgsvc.process(PHOTO, SMALL, output="raw").array
        text = self.text.replace("\\|", "|")
        if text.startswith(CUT_OUT):
            source = cut_out(source)
        return imgsvc.process(source, text, output="webp", quality=60)


def cut_out(image: np.ndarray) -> np.ndarray:
    """Return what is inside of an ellipse, with a soft edge."""
    height, width = image.shape[:2]
    down, across = np.mgrid[-1 : 1 : 1j * height, -1 : 1 : 1j * width]
    alpha = np.clip((1 - np.hypot(down, across)) * 8, 0, 1) * 255
    return np.dstack([image, alpha.astype(np.uint8)])


def pictures(page: Path) -> Iterator[Picture]:
    """Yield the pictures of a page."""
    for row in ROW.finditer(page.read_text("utf-8")):
        yield Picture(row["text"], page.parent / row["name"])


def main() -> None:
    """Make all pictures of the page that is named."""
    for picture in pictures(Path(sys.argv[1])):
        picture.path.parent.mkdir(exist_ok=True)
        picture.made().save(picture.path)


if __name__ == "__main__":
    main()
