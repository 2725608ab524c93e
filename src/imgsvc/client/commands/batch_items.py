"""Items of a batch: each image with the name of its result; and the tally of what became of them."""

from __future__ import annotations

import collections
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from imgsvc.client.commands.files import MOST_OF_BEGINNING, result_name
from imgsvc.client.commands.program import advice
from imgsvc.codec import format_of, format_of_name
from imgsvc.errors import ImageWriteError, InvalidInputError, ServiceError
from imgsvc.places.place import exists

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imgsvc.errors import ImgsvcError
    from imgsvc.places import Place

__all__ = [
    "PAUSE_SECONDS",
    "Failure",
    "Image",
    "Item",
    "Tally",
    "check_fits",
    "named",
    "sorted_failures",
    "told_of",
    "without_doubles",
    "without_those_of_others",
    "without_those_there",
]


PAUSE_SECONDS = 1.0
"""Before images that a busy server has turned down are sent again."""

Image = tuple[str, str | None]
"""The name of an image, and what a list of work calls its result, if it does."""


@dataclasses.dataclass(frozen=True)
class Item:
    """An image, and what its result is called, or its several results; each in its place.

    Attributes
    ----------
    name, output, more
        The image, the result, and further ones.
    base
        What a list of work calls the result.
    """

    name: str
    output: str
    more: tuple[str, ...] = ()
    base: str | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """All results."""
        return (self.output, *self.more)


@dataclasses.dataclass(frozen=True)
class Failure:
    """An image that there is no result of."""

    path: str
    code: str
    message: str


class Tally:
    """What became of images: results in seconds and bytes, notes, failures."""

    def __init__(self, source: Place, target: Place) -> None:
        self._source = source
        self._target = target
        self.failures: list[Failure] = []
        self.latencies: list[float] = []
        self.notes: collections.Counter[str] = collections.Counter()
        self.bytes_in = 0
        self.bytes_out = 0

    @property
    def done(self) -> int:
        """How many there are results of."""
        return len(self.latencies)

    @property
    def ended(self) -> int:
        """How many there is nothing left to do for."""
        return self.done + len(self.failures)

    def succeed(self, seconds: float, bytes_out: int, notes: Iterable[str]) -> None:
        """Count a result."""
        self.latencies.append(seconds)
        self.bytes_out += bytes_out
        self.notes.update(notes)

    def fail(self, name: str, error: ImgsvcError) -> None:
        """Count an image that there is no result of."""
        self.fail_as(name, *told_of(error))

    def fail_as(self, name: str, code: str, message: str) -> None:
        """Count an image that there is no result of, for what `told_of` has said."""
        self.failures.append(Failure(self._source.shown(name), code, message))

    def fail_double(self, item: Item, owner: Item) -> None:
        """Count an image whose result would replace that of another."""
        shared = next((name for name in item.outputs if name in owner.outputs), item.output)
        what = f"{self._target.shown(shared)} is the output of {self._source.shown(owner.name)}"
        self.fail(item.name, ImageWriteError(what))

    def fail_other(self, item: Item, output: str) -> None:
        """Count an image whose result would replace an image that is none of its own."""
        what = f"{self._target.shown(output)} is another image of this batch"
        self.fail(item.name, ImageWriteError(what))

    def fail_existing(self, item: Item, output: str) -> None:
        """Count an image one of whose results is there."""
        self.fail(item.name, ImageWriteError(exists(self._target.shown(output))))


def told_of(error: ImgsvcError) -> tuple[str, str]:
    """Return the gRPC code of an error, or an empty one, and what to say of it."""
    return error.code.name if isinstance(error, ServiceError) else "", f"{error}{advice(error)}"


def named(source: Place, images: Sequence[Image], kind: str | None, workers: int) -> list[Item]:
    """Return images with the names of their results, which have the format `kind`, or each that of its image.

    What an image is, its first bytes say, which several threads read: its name may not.
    """

    def item(image: Image) -> Item:
        name, output = image
        if output is not None:
            return Item(name, output)
        return Item(name, result_name(name, kind or _format_of(source.beginning(name, MOST_OF_BEGINNING))))

    if kind is not None:
        return list(map(item, images))
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(item, images))


def _format_of(beginning: bytes) -> str | None:
    try:
        return format_of(beginning)
    except InvalidInputError:  # who reads all of it says so
        return None


def without_doubles(items: Iterable[Item], tally: Tally) -> list[Item]:
    """Return items with outputs of their own; another one of the same output has failed."""
    owners: dict[str, Item] = {}
    kept: dict[Item, None] = {}
    for item in items:
        owner = next((owners[name] for name in item.outputs if name in owners), item)
        if owner != item:
            tally.fail_double(item, owner)
            continue
        owners.update(dict.fromkeys(item.outputs, item))
        kept[item] = None
    return list(kept)


def without_those_of_others(items: Sequence[Item], source: Place, target: Place, tally: Tally) -> list[Item]:
    """Return items whose outputs replace no other item's image; an item of which one would has failed."""
    prefix = source.holds(target)
    if prefix is None:
        return list(items)
    names = {item.name for item in items}
    kept = []
    for item in items:
        replaced = ((name, prefix + name) for name in item.outputs)
        other = next((name for name, image in replaced if image in names and image != item.name), None)
        if other is None:
            kept.append(item)
        else:
            tally.fail_other(item, other)
    return kept


def without_those_there(items: Sequence[Item], target: Place, tally: Tally, *, resume: bool) -> list[Item]:
    """Return items with their outputs that are not there; without `resume` items of others have failed."""
    there = target.existing(name for item in items for name in item.outputs)
    left = []
    for item in items:
        missing = [name for name in item.outputs if name not in there]
        if missing and (resume or len(missing) == len(item.outputs)):
            left.append(dataclasses.replace(item, output=missing[0], more=tuple(missing[1:])))
        elif not resume:
            tally.fail_existing(item, next(name for name in item.outputs if name in there))
    return left


def check_fits(output: str, kind: str) -> None:
    """Raise ImageWriteError if a name that somebody chose says another format than that of the result."""
    named = format_of_name(output)
    if named is not None and named != kind:
        raise ImageWriteError(f"{output}: the result is {kind}: choose a --format, or another name")


def sorted_failures(failures: Iterable[Failure]) -> list[Failure]:
    """Return failures by the names of their files."""
    return sorted(failures, key=lambda each: each.path)
