"""XMP packets: what is read of a property and what is not, in literal packets."""

import pytest

from imgsvc.codec import xmp
from tests.codec.owned import packet

NAMES = ["dc:creator", "dc:rights", "xmpRights:Marked"]


def found(properties, start="", attributes=""):
    return xmp.properties(packet(properties, start, attributes), NAMES)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ("<dc:rights>a</dc:rights><dc:rights>b</dc:rights>", {"dc:rights": ["a"]}),
        ("<dc:rights> \n </dc:rights><dc:rights>b</dc:rights>", {"dc:rights": ["b"]}),
        ("<dc:rights>a<!-- no -->b&lt;<![CDATA[&]]></dc:rights>", {"dc:rights": ["ab<&"]}),
        (
            "<dc:creator><rdf:Seq> <rdf:li>a</rdf:li>no<rdf:li>b</rdf:li>no</rdf:Seq></dc:creator>",
            {"dc:creator": ["a", "b"]},
        ),
        # Of alternatives that of the usual language, the first of these, or else the first.
        (
            (
                '<dc:rights><rdf:Alt><rdf:li xml:lang="de">a</rdf:li><rdf:li xml:lang="x-default">b</rdf:li>'
                '<rdf:li xml:lang="x-default">c</rdf:li></rdf:Alt></dc:rights>'
            ),
            {"dc:rights": ["b"]},
        ),
        (
            '<dc:rights><rdf:Alt><rdf:li xml:lang="de">a</rdf:li><rdf:li>b</rdf:li></rdf:Alt></dc:rights>',
            {"dc:rights": ["a"]},
        ),
    ],
)
def test_values(properties, expected):
    assert found(properties) == expected


@pytest.mark.parametrize(
    "properties",
    [
        # Properties of other things than the image.
        (
            '<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource"><dc:rights>no</dc:rights></rdf:li>'
            "</rdf:Alt></xmp:Thumbnails>"
        ),
        (
            "<xmpMM:Ingredients><rdf:Bag><rdf:li><rdf:Description><dc:rights>no</dc:rights></rdf:Description>"
            "</rdf:li></rdf:Bag></xmpMM:Ingredients>"
        ),
        '<xmpMM:Ingredients><rdf:Bag><rdf:li dc:rights="no"/></rdf:Bag></xmpMM:Ingredients>',
        '<xmpMM:DerivedFrom dc:rights="no"/>',
        # What is no list.
        "<dc:creator><rdf:Seq><xmp:li>no</xmp:li></rdf:Seq></dc:creator>",
        "<dc:creator><xmp:Seq><rdf:li>no</rdf:li></xmp:Seq></dc:creator>",
        "<dc:creator><rdf:li>no</rdf:li></dc:creator>",
        "<dc:creator><rdf:Seq><rdf:li><xmp:name>no</xmp:name></rdf:li></rdf:Seq></dc:creator>",
        # Names of others.
        "<xmp:rights>no</xmp:rights>",
        "<dc:Rights>no</dc:Rights>",
    ],
)
def test_what_is_not_the_image_s(properties):
    assert found(properties) == {}


def test_it_is_utf_8_whatever_it_says():
    start = '<?xml version="1.0" encoding="iso-8859-1"?>'
    data = packet("<dc:rights>é</dc:rights>", attributes="").partition(b"?>")[2]
    assert xmp.properties(start.encode() + data, NAMES) == {"dc:rights": ["é"]}


def test_attributes_of_the_description():
    assert found("", attributes='dc:rights="a" xmpRights:Marked="True"') == {
        "dc:rights": ["a"], "xmpRights:Marked": ["True"],
    }  # fmt: skip


def test_as_many_values_as_are_read():
    items = "".join(f"<rdf:li>{number}</rdf:li>" for number in range(100))
    values = found(f"<dc:creator><rdf:Bag>{items}</rdf:Bag></dc:creator>")["dc:creator"]
    assert values == [str(number) for number in range(64)]


def test_the_longest_packet():
    rest = xmp.MOST_BYTES - len(packet("<dc:rights>a</dc:rights>"))
    data = packet("<dc:rights>a</dc:rights>" + " " * rest)
    assert len(data) == 131072
    assert xmp.properties(data, ["dc:rights"]) == {"dc:rights": ["a"]}
    with pytest.raises(ValueError, match="^too long$"):
        xmp.properties(data + b" ", ["dc:rights"])


def test_a_packet_that_is_written():
    data = xmp.packet({
        "dc:creator": ("Seq", ["A & B", "C"]), "dc:rights": ("Alt", ["<é>"]),
        "xmpRights:Marked": ("", ["True"]),
    })  # fmt: skip
    assert data.decode() == (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/">'
        "<dc:creator><rdf:Seq><rdf:li>A &amp; B</rdf:li><rdf:li>C</rdf:li></rdf:Seq></dc:creator>"
        '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">&lt;é&gt;</rdf:li></rdf:Alt></dc:rights>'
        "<xmpRights:Marked>True</xmpRights:Marked>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )
