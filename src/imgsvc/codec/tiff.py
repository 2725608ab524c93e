"""TIFF: its pages, with nothing in them but what decoding needs."""

from __future__ import annotations

import itertools
import struct

from imgsvc.codec import exif as exif_data
from imgsvc.codec import tiff_directory as tags
from imgsvc.codec.source import FIRST_ALONE, PROFILE_BYTES, DamageError, Source, ends_early
from imgsvc.codec.tiff_pixels import (
    Kind,
    Stored,
    check,
    check_streams,
    halve,
    is_made_anew,
    made_anew,
    places,
    readable,
    slowest_coding,
    values,
)

__all__ = ["halve", "read", "values"]

UNKEPT = {
    tags.XMP: "XMP", tags.IPTC: "IPTC", tags.CAMERA: "EXIF of the camera", tags.PLACE: "EXIF of the place",
}  # fmt: skip


def read(data: bytes, frames: int, *, whole: bool, partial: bool) -> Source:
    """Look through the directories of up to `frames` pages."""
    layout = tags.Layout.of(data)
    every = frames > FIRST_ALONE
    pages: list[tags.Page] = []
    try:
        pages.extend(itertools.islice(tags.walk(data), frames))
    except struct.error:
        if not pages or (every and whole and not partial):
            raise ends_early() from None
    except DamageError:
        if not pages or every:
            raise
    if not pages:
        raise DamageError("it has no pixels")
    first = pages[0]
    width, height = first.value(tags.WIDTH), first.value(tags.HEIGHT)
    if not width or not height:
        raise DamageError("it does not say its size")
    wanted = pages if every else pages[:1]  # nothing behind it refuses the first
    for page in wanted:
        check(page, len(data))
        check_streams(data, page)
    kind = Kind.of(first)
    orientation = first.value(tags.ORIENTATION, 1)
    profile = first.entries.get(tags.PROFILE)
    file = b""
    if whole:
        anew, known = made_anew(data, wanted)
        file = tags.rewritten(anew, readable(known), layout)
    return Source(
        "tiff",
        width,
        height,
        kind.channels,
        file,
        frames=len(pages),
        bits=kind.kept_bits,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        icc_profile=profile.content if profile and 0 < len(profile.content) <= PROFILE_BYTES else None,
        notes=("16 bits a channel are cut to 8",) if kind.bits > kind.kept_bits and not kind.is_gray else (),
        depth=kind.bits,
        coding=slowest_coding(wanted),
        stored_bits=max(each.bits * each.samples for each in map(Kind.of, wanted)),
        made_anew=any(map(is_made_anew, wanted)),
        parts=max(len(places(page)) for page in wanted),
        exif=_exif(first),
        unkept=tuple(name for tag, name in UNKEPT.items() if tag in first.entries),
        others=tuple(
            (UNKEPT[tag], first.entries[tag].content) for tag in tags.MOST_OTHER_BYTES if tag in first.entries
        ),
        stored=tuple(Stored.of(page) for page in wanted),
        largest_part=max(_part(page) for page in wanted),
    )


def _exif(page: tags.Page) -> bytes | None:
    """Return what a page says of its image that EXIF data say in the same tags."""
    found = {tag: page.entries[tag] for tag in tags.DESCRIBING if tag in page.entries}
    values = {tag: (entry.kind, entry.count, entry.content) for tag, entry in found.items() if entry.content}
    return exif_data.made(page.layout.order, values)


def _part(page: tags.Page) -> int:
    """Return the pixels of what is decoded at a time."""
    tile = page.value(tags.TILE_WIDTH) * page.value(tags.TILE_HEIGHT)
    return max(tile, page.value(tags.WIDTH) * page.value(tags.HEIGHT))
