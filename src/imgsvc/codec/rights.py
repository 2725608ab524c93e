"""Rights: whose an image is, as its metadata say, and nothing else of these.

Nothing is copied as it is: texts are read from EXIF, IPTC and XMP data, checked, and written anew. So no
place, serial number, owner of a camera, thumbnail or maker's note can come along. IPTC's "source" is not
among them: it says from whom a copy was had.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, NamedTuple

from imgsvc.codec import exif as exif_data
from imgsvc.codec import exif_values, iptc, xmp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from imgsvc.codec.decoding import Decoded

__all__ = ["Rights", "rights_of"]

MOST_BYTES, MOST_VALUES = 2048, 8
"""Of a text, as XMP has it, and of creators or owners: all of them together go into one segment of a JPEG."""

UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
CREATOR, NOTICE, MARKED = "dc:creator", "dc:rights", "xmpRights:Marked"
CONTAINERS = {
    CREATOR: "Seq", NOTICE: "Alt", "photoshop:Credit": "", "xmpRights:Owner": "Bag",
    "xmpRights:UsageTerms": "Alt", "xmpRights:WebStatement": "", "xmpRights:Certificate": "", MARKED: "",
}  # fmt: skip
"""What is read, by XMP's names, and how XMP holds it."""

SEVERAL = {"Seq", "Bag"}
OF_IPTC = {80: CREATOR, 110: "photoshop:Credit", 116: NOTICE}
OF_EXIF = {exif_data.ARTIST: CREATOR, exif_data.COPYRIGHT: NOTICE}
BETWEEN = "; "
"""What EXIF has between several creators."""


class Rights(NamedTuple):
    """What an image says of rights.

    Attributes
    ----------
    exif
        By tag, what EXIF data say of it; what they lack is from the others.
    properties
        By XMP's name, what XMP data say of it; what they lack is from IPTC data, and then from EXIF data.
    notes
        What was dropped of it.
    """

    exif: Mapping[int, str]
    properties: Mapping[str, Sequence[str]]
    notes: tuple[str, ...]

    def as_exif(self) -> bytes | None:
        """Return EXIF data that say it."""
        return exif_data.made(">", {tag: exif_data.text(text) for tag, text in self.exif.items()})

    def as_xmp(self) -> bytes | None:
        """Return an XMP packet that says it."""
        if not self.properties:
            return None
        return xmp.packet(
            {
                name: (container, self.properties[name])
                for name, container in CONTAINERS.items()
                if name in self.properties
            }
        )


def rights_of(image: Decoded) -> Rights:
    """Return what an image's metadata say of rights."""
    found = _Found()
    for kind, content in (("EXIF", image.exif), *image.others):
        if content is None:
            continue
        try:
            found.take(kind, content)
        except ValueError:
            found.note(f"its {kind} data are damaged or too long and are dropped")
    return found.rights()


class _Found:
    """What is found, by the kind of metadata it is from."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, list[str]]] = {"XMP": {}, "IPTC": {}, "EXIF": {}}
        self._notes: list[str] = []

    def note(self, note: str) -> None:
        """Take a note, once."""
        if note not in self._notes:
            self._notes.append(note)

    def take(self, kind: str, content: bytes) -> None:
        """Read metadata; raises ValueError of damaged ones."""
        read: Iterable[tuple[str, Sequence[str]]]
        if kind == "XMP":
            read = xmp.properties(content, CONTAINERS).items()
        elif kind == "IPTC":
            read = ((OF_IPTC[each], texts) for each, texts in iptc.texts(content, OF_IPTC).items())
        else:
            values = exif_values.values(content, (), OF_EXIF, MOST_BYTES + 1)
            if not values and not exif_data.is_sound(content):
                raise ValueError("damaged")
            read = ((OF_EXIF[tag], [value]) for tag, value in values.items() if isinstance(value, str))
        for name, texts in read:
            checked = self._checked(name, texts)
            if checked:
                self._of[kind].setdefault(name, checked)

    def _checked(self, name: str, texts: Sequence[str]) -> list[str]:
        """Return what can be written of the texts of a property."""
        plain = dict.fromkeys(" ".join(UNWRITABLE.sub(" ", text).split()) for text in texts)
        if name == MARKED:
            return [text for text in plain if text in {"True", "False"}][:1]
        short = [text for text in plain if text and len(html.escape(text).encode()) <= MOST_BYTES]
        checked = short[: MOST_VALUES if CONTAINERS[name] in SEVERAL else 1]
        if checked != [text for text in plain if text]:
            self.note(f"of rights, texts of more than {MOST_BYTES} bytes and further ones are dropped")
        return checked

    def rights(self) -> Rights:
        """Return all of it."""
        by_xmp, by_iptc, by_exif = self._of.values()
        listed = {**by_exif}
        if CREATOR in listed:
            names = [name.strip() for name in listed[CREATOR][0].split(BETWEEN.strip())]
            listed[CREATOR] = [name for name in names if name][:MOST_VALUES] or listed[CREATOR]
        texts = {}
        for tag, name in OF_EXIF.items():
            said = by_exif.get(name) or by_xmp.get(name) or by_iptc.get(name)
            if said:
                texts[tag] = BETWEEN.join(said)
        return Rights(texts, {**listed, **by_iptc, **by_xmp}, tuple(self._notes))
