"""Rights: of all metadata only whose the image is, however they say it, and nothing else of them."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

import imgsvc
from imgsvc.codec import (
    Decoded,
    DecodeOptions,
    EncodeOptions,
    decode,
    encode,
    exif_values,
    formats,
    iptc,
    rights_of,
    xmp,
)
from imgsvc.codec import exif as exif_data
from imgsvc.codec.helper import decoded_of, parts_of
from tests.codec import secretive
from tests.codec.encoded import by_pillow, photo
from tests.codec.owned import IIM, PHOTOSHOP, block, dataset, packet
from tests.codec.test_exif import THUMBNAIL, with_thumbnail

ARTIST, COPYRIGHT = 0x13B, 0x8298
HELD = [name for name in ("jpeg", "png", "webp", "avif") if formats()[name].encodes]
DAMAGED_XMP = "its XMP data are damaged or too long and are dropped"
DAMAGED_IPTC = "its IPTC data are damaged or too long and are dropped"
WRITTEN = {
    "dc:creator": ["Ана", "Bo & Co <b>"],
    "dc:rights": ["All rights"],
    "photoshop:Credit": ["Credit"],
    "xmpRights:Owner": ["Agency"],
    "xmpRights:UsageTerms": ['By "licence"'],
    "xmpRights:WebStatement": ["https://example.com/?a=1&b=2"],
    "xmpRights:Marked": ["True"],
}


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(*segments):
    data = by_pillow(photo(), "JPEG")
    return data[:2] + b"".join(segment(*each) for each in segments) + data[2:]


def with_xmp(content):
    return 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + content


def with_photoshop(content):
    return 0xED, b"Photoshop 3.0\0" + content


def with_exif(content):
    return 0xE1, b"Exif\0\0" + content


def kept(data, name="jpeg", options=None, **more):
    return encode(decode(data, options), name, EncodeOptions(metadata="copyright", **more))


def said(file):
    """Return what a file says in XMP, and in EXIF, where Pillow has to find the same tags and no others."""
    decoded = decode(file)
    (content,) = [content for kind, content in decoded.others if kind == "XMP"] or [None]
    found = content and xmp.properties(content, [*WRITTEN, "xmpRights:Certificate"])
    exif = exif_values.values(decoded.exif or b"", (), {ARTIST, COPYRIGHT})
    assert set(Image.open(io.BytesIO(file)).getexif()) == set(exif)
    return found, exif


def everything(kind):
    """Return a file with what there can be of metadata, where they fit into that format."""
    exif = secretive.exif().tobytes()
    if kind == "jpeg":
        return jpeg(with_exif(exif.removeprefix(b"Exif\0\0")), with_photoshop(PHOTOSHOP), with_xmp(packet()))
    more = {"xmp": packet()}
    if kind == "png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet().decode())
        more = {"pnginfo": info}
    return by_pillow(photo(), kind, exif=exif, **more)


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("kind", HELD)
def test_rights_are_kept_and_nothing_else(kind, name):
    source = everything(kind)
    assert b"SECRET-city" in source
    file = kept(source, name)
    found, exif = said(file)
    assert found == WRITTEN
    assert exif == {ARTIST: secretive.SECRETS["artist"], COPYRIGHT: "(c) A. Body"}
    secrets = [secret for name, secret in secretive.SECRETS.items() if name != "artist"]
    for secret in (*secrets, "SECRET", "Maker", "Model", "THUMBNAIL", "2026"):
        assert secret.encode() not in file
    again = encode(decode(file), name, EncodeOptions(metadata="keep"))
    assert len(Image.open(io.BytesIO(again)).getexif()) == 2


@pytest.mark.parametrize("name", HELD)
def test_a_thumbnail_goes(name):
    source = jpeg(with_exif(with_thumbnail()), with_photoshop(PHOTOSHOP))
    file = kept(source, name)
    assert THUMBNAIL[20:40] not in file
    assert b"secret maker" not in file
    assert said(file)[1] == {ARTIST: "Byline A; Byline B", COPYRIGHT: "© by IPTC"}


def test_every_way_to_write_a_png():
    still = decode(everything("png"))
    frames = still.frames[0], np.ascontiguousarray(still.frames[0][::-1])
    animation = Decoded(frames, durations=(50, 50), exif=still.exif, others=still.others)
    for image, options in (
        (still, EncodeOptions(metadata="copyright", effort=3)),
        (still, EncodeOptions(metadata="copyright", palette=True)),
        (animation, EncodeOptions(metadata="copyright")),
    ):
        found, exif = said(encode(image, "png", options))
        assert found == WRITTEN
        assert set(exif) == {ARTIST, COPYRIGHT}


@pytest.mark.parametrize("metadata", ["strip", "keep"])
def test_nothing_of_them_unless_asked_for(metadata):
    file = encode(decode(everything("jpeg")), "jpeg", EncodeOptions(metadata=metadata))
    assert b"Agency" not in file
    assert (secretive.SECRETS["artist"].encode() in file) == (metadata == "keep")


class TestOneSpeaksForTheOthers:
    def test_iptc_alone(self):
        file = kept(jpeg(with_photoshop(PHOTOSHOP)))
        found, exif = said(file)
        assert found == {
            "dc:creator": ["Byline A", "Byline B"],
            "dc:rights": ["© by IPTC"],
            "photoshop:Credit": ["Credited"],
        }
        assert exif == {ARTIST: "Byline A; Byline B", COPYRIGHT: "© by IPTC"}
        assert b"SECRET" not in file

    def test_in_two_segments(self):
        parts = PHOTOSHOP[:70], PHOTOSHOP[70:]
        assert said(kept(jpeg(*map(with_photoshop, parts))))[1][COPYRIGHT] == "© by IPTC"

    def test_exif_alone(self):
        exif = exif_data.made(
            "<",
            {
                ARTIST: exif_data.text("A; B"),
                COPYRIGHT: (2, 16, b"photographer\0ed\0"),
            },
        )
        found, kept_exif = said(kept(jpeg(with_exif(exif))))
        assert found == {"dc:creator": ["A", "B"], "dc:rights": ["photographer; ed"]}
        assert kept_exif == {ARTIST: "A; B", COPYRIGHT: "photographer; ed"}

    def test_nothing_between_names(self):
        exif = exif_data.made("<", {ARTIST: exif_data.text(";;")})
        assert said(kept(jpeg(with_exif(exif))))[0] == {"dc:creator": [";;"]}

    @pytest.mark.parametrize("content", ["© Zoë".encode(), "© Zoë".encode("cp1252")])
    def test_in_either_alphabet(self, content):
        exif = exif_data.made("<", {COPYRIGHT: (2, len(content) + 1, content + b"\0")})
        assert said(kept(jpeg(with_exif(exif))))[0] == {"dc:rights": ["© Zoë"]}
        data = jpeg(with_photoshop(block(0x0404, dataset(116, content))))
        assert said(kept(data))[0] == {"dc:rights": ["© Zoë"]}

    def test_each_keeps_what_it_said(self):
        exif = exif_data.made("<", {ARTIST: exif_data.text("By EXIF")})
        data = jpeg(with_exif(exif), with_photoshop(PHOTOSHOP), with_xmp(packet()))
        found, kept_exif = said(kept(data))
        assert (found["dc:creator"], kept_exif[ARTIST]) == (["Ана", "Bo & Co <b>"], "By EXIF")
        assert kept_exif[COPYRIGHT] == "All rights"

    def test_texts_of_a_png_beside_exif_data(self):
        info = PngImagePlugin.PngInfo()
        info.add_text("Copyright", "by text")
        exif = exif_data.made(">", {ARTIST: exif_data.text("by EXIF")})
        data = by_pillow(photo(), "PNG", pnginfo=info, exif=exif)
        assert decode(data).unkept == ("text",)
        assert said(kept(data))[0] == {"dc:creator": ["by EXIF"], "dc:rights": ["by text"]}

    def test_of_tiff(self):
        tags = {700: packet(), 33723: IIM, ARTIST: "by TIFF"}
        data = by_pillow(photo(), "TIFF", tiffinfo=tags)
        found, exif = said(kept(data))
        assert found == WRITTEN
        assert exif == {ARTIST: "by TIFF", COPYRIGHT: "All rights"}

    def test_a_packed_text_of_png(self):
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet().decode(), zip=True)
        assert said(kept(by_pillow(photo(), "PNG", pnginfo=info)))[0] == WRITTEN

    def test_as_attributes(self):
        data = jpeg(with_xmp(packet("", attributes='dc:rights="mine" xmpRights:Marked="maybe"')))
        assert said(kept(data))[0] == {"dc:rights": ["mine"]}


def test_what_cannot_be_written_in_xml_is_left_out():
    data = jpeg(with_photoshop(block(0x0404, dataset(116, b"a\x01b\x1bc \xef\xbf\xbf\r\nd<&>\"'"))))
    assert said(kept(data))[0] == {"dc:rights": ["a b c d<&>\"'"]}
    data = jpeg(with_photoshop(block(0x0404, dataset(116, "e\x7ff\x85g\x9fh\xa0i"))))
    assert said(kept(data))[0] == {"dc:rights": ["e f g h i"]}


def rights(*others, exif=None):
    """Return what metadata say."""
    image = Decoded((np.zeros((1, 1), np.uint8),), exif=exif, others=others)
    return rights_of(image)


class TestWhatCounts:
    LONG = ("of rights, texts of more than 2048 bytes and further ones are dropped",)

    def test_the_first_packet(self):
        packets = [("XMP", packet(f"<dc:rights>{text}</dc:rights>", attributes="")) for text in "ab"]
        assert rights(*packets).properties == {"dc:rights": ["a"]}

    def test_names_that_are_told_twice_once(self):
        found = rights(("IPTC", dataset(80, "A") + dataset(80, " A ") + dataset(80, "B")))
        assert (found.properties, found.notes) == ({"dc:creator": ["A", "B"]}, ())

    def test_of_a_single_text_the_first(self):
        found = rights(("IPTC", dataset(116, "A") + dataset(116, "B")))
        assert (found.properties, found.notes) == ({"dc:rights": ["A"]}, self.LONG)

    def test_iptc_before_exif_in_xmp_and_exif_before_iptc_in_exif(self):
        exif = exif_data.made("<", {ARTIST: exif_data.text("by EXIF")})
        found = rights(("IPTC", dataset(80, "by IPTC")), exif=exif)
        assert (found.properties, found.exif) == ({"dc:creator": ["by IPTC"]}, {ARTIST: "by EXIF"})

    def test_of_many_names_in_exif_the_first(self):
        names = [str(number) for number in range(9)]
        found = rights(exif=exif_data.made("<", {ARTIST: exif_data.text("; ".join(names))}))
        assert (found.properties, found.exif) == ({"dc:creator": names[:8]}, {ARTIST: "; ".join(names)})

    @pytest.mark.parametrize(
        ("text", "more"), [("a" * 2048, "a"), ("é" * 1024, "a"), ("&" * 409 + "abc", "a")]
    )
    def test_the_longest_text(self, text, more):
        for kept_text, notes in ((text, ()), (text + more, self.LONG)):
            exif = exif_data.made("<", {COPYRIGHT: exif_data.text(kept_text)})
            found = rights(exif=exif)
            assert (found.exif, found.notes) == ({} if notes else {COPYRIGHT: text}, notes)
            assert rights(("IPTC", dataset(116, kept_text))).notes == notes

    def test_sound_data_that_say_nothing_of_rights(self):
        assert rights(exif=exif_data.made("<", {0x010F: exif_data.text("a maker")})) == ({}, {}, ())


def test_of_many_and_long_ones_the_first():
    many = "".join(f"<rdf:li>{number}</rdf:li>" for number in range(100))
    properties = f"<dc:creator><rdf:Seq>{many}</rdf:Seq></dc:creator><dc:rights>{'&amp;' * 500}</dc:rights>"
    rights = rights_of(decode(jpeg(with_xmp(packet(properties)))))
    assert rights.properties["dc:creator"] == [str(number) for number in range(8)]
    assert "dc:rights" not in rights.properties
    assert rights.notes == ("of rights, texts of more than 2048 bytes and further ones are dropped",)


def test_the_longest_fit_into_a_jpeg():
    long = "&amp;" * 409
    items = "".join(f"<rdf:li>{long[:-5]}{number}</rdf:li>" for number in range(8))
    properties = f"<dc:creator><rdf:Seq>{items}</rdf:Seq></dc:creator>"
    properties += f"<xmpRights:Owner><rdf:Bag>{items}</rdf:Bag></xmpRights:Owner>"
    single = ("dc:rights", "photoshop:Credit", *(f"xmpRights:{n}" for n in ("UsageTerms", "Certificate")))
    properties += "".join(f"<{name}>{long}</{name}>" for name in single)
    image = decode(jpeg(with_xmp(packet(properties, attributes=""))))
    assert rights_of(image).notes == ()
    found, exif = said(encode(image, "jpeg", EncodeOptions(metadata="copyright")))
    assert [len(found[name]) for name in ("dc:creator", "xmpRights:Owner")] == [8, 8]
    assert set(found) == {"dc:creator", "xmpRights:Owner", *single}
    assert set(exif) == {ARTIST, COPYRIGHT}


LAUGHS = "<!DOCTYPE x [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {new} '{f'&{old};' * 10}'>" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "content",
    [
        packet("<dc:rights>&i;</dc:rights>", start=LAUGHS + "]>"),
        packet(start="<!DOCTYPE x SYSTEM 'file:///etc/passwd'>"),
        packet("<dc:rights>&#0;</dc:rights>"),
        packet("<dc:rights>&undeclared;</dc:rights>"),
        packet()[:-300],
        packet("<a>" * 100 + "</a>" * 100),
        b"\xff\xfe<\0",
        b"",
        b"\0" * 100,
        packet().replace(b"Alle", b"\xff\xff"),
    ],
)
def test_hostile_xmp_is_dropped(content):
    data = jpeg(with_xmp(content), with_exif(exif_data.made("<", {COPYRIGHT: exif_data.text("mine")})))
    decoded = decode(data)
    assert said(encode(decoded, "jpeg", EncodeOptions(metadata="copyright")))[0] == {"dc:rights": ["mine"]}
    assert rights_of(decoded).notes == (DAMAGED_XMP,)


def test_long_packets_are_not_read():
    long = packet("<dc:rights>mine</dc:rights>" + " " * xmp.MOST_BYTES)
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", long.decode())
    bomb = PngImagePlugin.PngInfo()
    bomb.add_itxt("XML:com.adobe.xmp", "\0" * (1 << 25), zip=True)
    files = [by_pillow(photo(), "PNG", pnginfo=each) for each in (info, bomb)]
    files += [by_pillow(photo(), kind, xmp=long) for kind in HELD if kind in {"webp", "avif"}]
    files.append(by_pillow(photo(), "TIFF", tiffinfo={700: long}))
    for data in files:
        rights = rights_of(decode(data))
        assert (rights.properties, rights.notes) == ({}, (DAMAGED_XMP,))
        assert all(len(content) <= xmp.MOST_BYTES for _, content in decode(data).others)


@pytest.mark.parametrize(
    "content",
    [
        PHOTOSHOP[:40],
        PHOTOSHOP[:-20][:60],
        block(0x0404, IIM)[:-4],
        b"8BIM\4\4\0\0\xff\xff\xff\xff" + IIM,
        b"8BIM\4\4\xff",
        b"8BPS" + PHOTOSHOP,
        block(0x0404, IIM[:-1]),
        block(0x0404, dataset(116, "x")[:3] + b"\x80\x04\xff\xff\xff\xffx"),
        block(0x0404, dataset(116, "x")[:3] + b"\xff\xffx"),
        block(0x0404, b"\x1d" + IIM),
        block(0x0404, b""),
        block(1, b"") * 1001,
    ],
)
def test_hostile_iptc_is_dropped(content):
    decoded = decode(jpeg(with_photoshop(content)))
    rights = rights_of(decoded)
    assert (rights.exif, rights.properties, rights.notes) == ({}, {}, (DAMAGED_IPTC,))
    encode(decoded, "jpeg", EncodeOptions(metadata="copyright"))


def test_too_many_datasets():
    content = dataset(5, "") * (iptc.MOST_DATASETS + 1)
    assert rights_of(decode(jpeg(with_photoshop(block(0x0404, content))))).notes == (DAMAGED_IPTC,)


def test_photoshop_without_iptc():
    assert rights_of(decode(jpeg(with_photoshop(block(0x03ED, b"x") + b"\0")))).notes == ()


def directory(*entries, rest=b""):
    """Return EXIF data of texts: for each a tag, a count of letters, and where in `rest` they are."""
    behind = 8 + 2 + 12 * len(entries) + 4
    body = b"".join(struct.pack(">HHLL", tag, 2, count, behind + at) for tag, count, at in sorted(entries))
    return struct.pack(">2sHLH", b"MM", 42, 8, len(entries)) + body + bytes(4) + rest


SERIAL = 0xC62F


@pytest.mark.parametrize(
    ("entries", "rest"),
    [
        ([(COPYRIGHT, 40, 0)], b"(c) Ann\0Ed\0SERIAL-4711\0OWNER Jane Doe\0".ljust(40, b"\0")),
        ([(COPYRIGHT, 20, 0), (SERIAL, 12, 8)], b"(c) Ann\0SERIAL-4711\0"),
        ([(COPYRIGHT, 12, 8), (SERIAL, 12, 8)], b"(c) Ann\0SERIAL-4711\0"),
        ([(COPYRIGHT, 11, 9), (SERIAL, 12, 8)], b"(c) Ann\0SERIAL-4711\0"),
        ([(ARTIST, 20, 0), (SERIAL, 12, 8)], b"(c) Ann SERIAL-4711\0"),
        ([(ARTIST, 38, -38), (SERIAL, 12, 8)], b"(c) Ann SERIAL-4711\0"),
    ],
)
def test_a_text_of_a_wrong_length_or_place_tells_nothing_else(entries, rest):
    file = jpeg(with_exif(directory(*entries, rest=rest)))
    assert not any(word in kept(file, "png") for word in (b"SERIAL", b"4711", b"Jane"))
    assert "4711" not in str(imgsvc.describe(file).camera)


@pytest.mark.parametrize("missing", [0, 1, 9])
@pytest.mark.parametrize(
    "steps", [[(0x8769, 8)], [(0x8769, 8)] * 3000, [(0x8825, 8), (0x8769, 9)], [(0x8769, 26)]], ids=len
)
def test_a_directory_in_itself(missing, steps):
    """All that is read of it comes to an end."""
    entries = [(COPYRIGHT, 2, 6, 8 + 2 + 12 * (len(steps) + 1)), *((tag, 4, 1, at) for tag, at in steps)]
    body = b"".join(struct.pack("<HHLL", *entry) for entry in entries)
    data = struct.pack("<2sHLH", b"II", 42, 8, len(entries) + missing) + body + b"\0\0\0\0(c) A"
    file = jpeg(with_exif(data))
    assert imgsvc.describe(file).format == "jpeg"
    assert imgsvc.process(file, format="png", metadata="copyright").format == "png"


def test_texts_that_are_written_once():
    data = directory((ARTIST, 11, 0), (COPYRIGHT, 11, 0), rest=b"Ann Author\0")
    assert exif_values.values(data, (), {ARTIST, COPYRIGHT}) == dict.fromkeys(
        (ARTIST, COPYRIGHT), "Ann Author"
    )


def test_more_entries_than_anybody_writes():
    for count, found in ((4000, {COPYRIGHT: "(c) Ann"}), (5000, {})):
        others = ((0x9000 + number, 1, 0) for number in range(count))
        data = directory((COPYRIGHT, 8, 0), *others, rest=b"(c) Ann\0")
        assert exif_values.values(data, (), {COPYRIGHT}) == found


@pytest.mark.parametrize(
    ("rest", "notice"),
    [
        (b"(c) Ann\0", "(c) Ann"),
        (b"(c) Ann\0Ed\0", "(c) Ann; Ed"),
        (b" \0Editor\0", "Editor"),
        (b"(c) Ann", "(c) Ann"),
        (b"(c) Ann\0\0\0\0\0", "(c) Ann"),
        (b"(c) Ann\0Ed\0Jane\0", "(c) Ann"),
    ],
)
def test_a_copyright_is_of_a_photographer_and_an_editor(rest, notice):
    data = directory((COPYRIGHT, len(rest), 0), (SERIAL, 5, len(rest)), rest=rest + b"1234\0")
    assert exif_values.values(data, (), {COPYRIGHT}) == {COPYRIGHT: notice}


@pytest.mark.parametrize("exif", [b"II*\0\xff\xff\xff\xff", b"none", b""])
def test_hostile_exif_is_dropped(exif):
    rights = rights_of(decode(jpeg(with_exif(exif))))
    expected = ("its EXIF data are damaged or too long and are dropped",)
    assert (rights.exif, rights.notes) == ({}, expected)


@given(st.data())
def test_damaged_metadata_raise_nothing(data):
    whole = bytearray(data.draw(st.sampled_from([packet(), PHOTOSHOP, IIM])))
    for _ in range(data.draw(st.integers(0, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    others = (("XMP", cut), ("IPTC", cut), ("IPTC", iptc.of_photoshop(cut) or b""), ("EXIF", cut))
    rights = rights_of(Decoded((np.zeros((1, 1), np.uint8),), others=others))
    rights.as_exif()
    if rights.properties:
        assert set(xmp.properties(rights.as_xmp(), rights.properties)) == set(rights.properties)


def test_helpers_hand_them_on():
    image = decode(everything("jpeg"), DecodeOptions())
    told, parts = parts_of(image)
    back = decoded_of(told, memoryview(b"".join(bytes(part) for part in parts)))
    assert (back.exif, back.others) == (image.exif, image.others)
    assert [kind for kind, _ in back.others] == ["XMP", "IPTC"]
