"""Metadata that say whose an image is, beside secrets: XMP packets, IPTC data and Photoshop's blocks."""

import struct

from imgsvc.codec import xmp

PROPERTIES = """
<dc:creator><rdf:Seq><rdf:li>Ана</rdf:li><rdf:li>Bo &amp; Co &lt;b&gt;</rdf:li></rdf:Seq></dc:creator>
<dc:rights><rdf:Alt><rdf:li xml:lang="de">Alle Rechte</rdf:li>
  <rdf:li xml:lang="x-default">All rights</rdf:li></rdf:Alt></dc:rights>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">SECRET-title</rdf:li></rdf:Alt></dc:title>
<exif:GPSLatitude>SECRET-33,51S</exif:GPSLatitude>
<aux:SerialNumber>SECRET-serial</aux:SerialNumber>
<aux:OwnerName>SECRET-owner</aux:OwnerName>
<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource"><dc:creator>SECRET-inner</dc:creator></rdf:li>
  </rdf:Alt></xmp:Thumbnails>
<xmpMM:Ingredients><rdf:Bag><rdf:li><rdf:Description><dc:rights>SECRET-ingredient</dc:rights>
  </rdf:Description></rdf:li></rdf:Bag></xmpMM:Ingredients>
<xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang="en">By "licence"</rdf:li></rdf:Alt></xmpRights:UsageTerms>
<xmpRights:WebStatement rdf:resource="https://example.com/?a=1&amp;b=2"/>
<xmpRights:Owner><rdf:Bag><rdf:li>Agency</rdf:li></rdf:Bag></xmpRights:Owner>
"""


def packet(properties=PROPERTIES, start="", attributes='photoshop:Credit="Credit" xmpRights:Marked="True"'):
    namespaces = {
        "exif": "http://ns.adobe.com/exif/1.0/", "aux": "http://ns.adobe.com/exif/1.0/aux/",
        "xmp": "http://ns.adobe.com/xap/1.0/", "xmpMM": "http://ns.adobe.com/xap/1.0/mm/", **xmp.NAMESPACES,
    }  # fmt: skip
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in namespaces.items())
    return (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>{start}<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{xmp.RDF}"><rdf:Description rdf:about="" photoshop:City="SECRET-city" '
        f"{declared} {attributes}>{properties}</rdf:Description></rdf:RDF></x:xmpmeta>"
        f'{" " * 200}<?xpacket end="w"?>\0'
    ).encode()


def dataset(number, text, record=2):
    content = text if isinstance(text, bytes) else text.encode()
    return struct.pack(">BBBH", 0x1C, record, number, len(content)) + content


def block(number, content, name=b""):
    name = bytes([len(name)]) + name
    name += b"\0" * (len(name) % 2)
    return (
        b"8BIM"
        + struct.pack(">H", number)
        + name
        + struct.pack(">L", len(content))
        + content
        + b"\0" * (len(content) % 2)
    )


IIM = b"".join([
    dataset(90, b"\x1b%G", record=1),
    dataset(80, "Byline A"), dataset(80, "Byline B"), dataset(90, "SECRET-city"),
    dataset(110, "Credited"), dataset(115, "SECRET-source"), dataset(116, "© by IPTC"),
])  # fmt: skip
PHOTOSHOP = block(0x03ED, b"SECRET-resolution", b"name") + block(0x0404, IIM) + block(0x040C, b"SECRET-small")
