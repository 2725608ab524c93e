"""XMP packets: some properties of a stranger's, and new packets of texts that were checked.

Source: ISO 16684-1 (XMP, part 1), 7. Of XML nothing is taken that could grow: no declaration of types, so
no entities.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["MOST_BYTES", "NAMESPACES", "packet", "properties"]

MOST_BYTES = 1 << 17
"""Of a packet that is read; in JPEG, where all are, none is longer than half of that."""

MOST_DEPTH = 64
MOST_VALUES = 64
"""Of a property that are read."""

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
}
"""Of properties, by the prefix that goes before their names here."""

LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
ANY_LANGUAGE = "x-default"
PARENTS = [f"{RDF} RDF", f"{RDF} Description"]
CONTAINERS = {f"{RDF} {name}" for name in ("Alt", "Bag", "Seq")}
ALTERNATIVES, ITEM, RESOURCE = f"{RDF} Alt", f"{RDF} li", f"{RDF} resource"


def properties(data: bytes, names: Collection[str]) -> dict[str, list[str]]:
    """Return the values of some properties of a packet, those of alternatives in the usual language alone.

    Parameters
    ----------
    names
        With a prefix of `NAMESPACES`, such as ``"dc:creator"``.

    Raises
    ------
    ValueError
        It is no such packet, is longer than `MOST_BYTES`, or declares what a packet has no need of.
    """
    if len(data) > MOST_BYTES:
        raise ValueError("too long")
    reader = _Reader(names)
    try:
        reader.read(data.strip(b"\0 \t\r\n"))
    except expat.ExpatError as error:
        raise ValueError(str(error)) from None
    return reader.found


class _Reader:
    """Reads properties as they come.

    Attributes
    ----------
    found
        Their values, by name.
    """

    def __init__(self, names: Collection[str]) -> None:
        self.found: dict[str, list[str]] = {}
        self._names = {f"{NAMESPACES[name.split(':')[0]]} {name.split(':')[1]}": name for name in names}
        self._path: list[str] = []
        self._depth = 0  # of the property that is read; 0 of none
        self._values: list[tuple[str, list[str]]] = []  # each a language, and pieces of a text
        self._pieces: list[str] | None = None  # of the text that is read

    def read(self, data: bytes) -> None:
        """Read a packet."""
        parser = expat.ParserCreate("utf-8", " ")  # which it is, in all files, whatever it says
        parser.StartDoctypeDeclHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.Parse(data, True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._path) >= MOST_DEPTH:
            raise ValueError("too deep")
        self._pieces = None
        is_in_list = len(self._path) == self._depth + 1 and self._path[-1] in CONTAINERS
        if not self._depth:
            if self._path[-2:] == PARENTS and name in self._names:
                self._depth = len(self._path) + 1
                self._values = [self._begun(attributes)]
        elif is_in_list and name == ITEM and len(self._values) <= MOST_VALUES:
            self._values.append(self._begun(attributes))
        self._path.append(name)
        if self._path[-2:] == PARENTS:
            for each in attributes.keys() & self._names.keys():
                self._add(each, [attributes[each]])

    def _begun(self, attributes: dict[str, str]) -> tuple[str, list[str]]:
        self._pieces = [attributes.get(RESOURCE, "")]
        return attributes.get(LANGUAGE, ""), self._pieces

    def _text(self, text: str) -> None:
        if self._pieces is not None:
            self._pieces.append(text)

    def _end(self, name: str) -> None:
        self._pieces = None
        self._path.pop()
        if not self._depth:
            return
        if name == ALTERNATIVES and len(self._path) == self._depth:
            usual = [value for value in self._values if value[0] == ANY_LANGUAGE]
            self._values = usual[:1] or self._values[1:2]
        if len(self._path) < self._depth:
            self._depth = 0
            self._add(name, ["".join(pieces) for _, pieces in self._values])

    def _add(self, full_name: str, values: Sequence[str]) -> None:
        said = [value for value in values if value.strip()]
        if said:
            self.found.setdefault(self._names[full_name], said)


def _refuse(*_: object) -> None:
    raise ValueError("a declaration of types")


def packet(values: Mapping[str, tuple[str, Sequence[str]]]) -> bytes:
    """Return a packet of properties.

    Parameters
    ----------
    values
        By name, as in `properties`: the container, ``"Alt"``, ``"Bag"``, ``"Seq"`` or none, and the values.
    """
    prefixes = sorted({name.split(":")[0] for name in values})
    namespaces = "".join(f' xmlns:{prefix}="{NAMESPACES[prefix]}"' for prefix in prefixes)
    body = "".join(f"<{name}>{_written(*value)}</{name}>" for name, value in values.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">'
        f'<rdf:Description rdf:about=""{namespaces}>{body}</rdf:Description></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="r"?>'
    ).encode()


def _written(container: str, values: Sequence[str]) -> str:
    escaped = [html.escape(value) for value in values]
    if not container:
        return escaped[0]
    language = f' xml:lang="{ANY_LANGUAGE}"' if container == "Alt" else ""
    items = "".join(f"<rdf:li{language}>{value}</rdf:li>" for value in escaped)
    return f"<rdf:{container}>{items}</rdf:{container}>"
