"""Messages with payloads, against protobuf itself: the same messages are read, and the same bytes written."""

import functools

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgsvc._wire import extent
from imgsvc.errors import LimitExceededError
from imgsvc.stubs.nl_image_service_pb2 import NLImage, NLImageRotateRequest
from imgsvc.v1.image_pb2 import Image, Pixels
from imgsvc.v1.image_service_pb2 import BatchResult, OutputResult, ProcessBatchResponse, ProcessResponse
from imgsvc.wire import envelope
from imgsvc.wire.envelope import Draft, Envelope, Layout, placeholder
from imgsvc.wire.process import RESPONSE, batch_response_around, batch_response_layout
from tests.payloads import parse, replace

VARINT, FIXED64, LENGTH_DELIMITED, START_GROUP, END_GROUP, FIXED32 = range(6)
MAX_NUMBER = 2**29 - 1
MOST_PLACES = 1 << 16  # of payloads and messages around them, in `_wire.pyx`

# Tags of payloads take one, two and five bytes.
SCHEMA = {
    "Leaf": "bytes data 1, optional bytes mask 2, int32 size 3, string name 4, repeated bytes tiles 16",
    "Branch": "Leaf leaf 1, repeated Leaf leaves 2, oneof bytes raw 3, oneof Leaf one 4,"
    "oneof sint64 count 5, bytes plain 6",
    "Tree": "Branch branch 1, repeated Branch branches 2, oneof bytes raw 3, oneof bytes other 4,"
    "oneof Branch one 5, oneof string text 6, repeated int32 numbers 7, fixed64 weight 8,"
    f"optional fixed32 short 9, Tree tree 10, Leaf plain 11, bytes data {MAX_NUMBER}",
}
LEAF = ["data", "mask", "tiles"]
BRANCH = ["raw", *(f"{place}.{path}" for place in ("leaf", "leaves", "one") for path in LEAF)]
TREE = ["data", "raw", "other", "tree.data", "tree.branch.raw"]
TREE += [f"{place}.{path}" for place in ("branch", "branches", "one") for path in BRANCH]


def _message_classes():
    file = descriptor_pb2.FileDescriptorProto(name="places.proto", package="places", syntax="proto3")
    for kind_name, fields in SCHEMA.items():
        kind = file.message_type.add(name=kind_name)
        for declaration in fields.split(","):
            *rule, type_name, name, number = declaration.split()
            field = kind.field.add(name=name, number=int(number))
            field.label = field.LABEL_REPEATED if rule == ["repeated"] else field.LABEL_OPTIONAL
            if type_name in SCHEMA:
                field.type, field.type_name = field.TYPE_MESSAGE, f".places.{type_name}"
            else:
                field.type = field.Type.Value(f"TYPE_{type_name.upper()}")
            if rule in (["oneof"], ["optional"]):  # in proto3 an optional field is a oneof of its own
                field.proto3_optional = rule == ["optional"]
                oneofs = [oneof.name for oneof in kind.oneof_decl]
                oneof = f"_{name}" if field.proto3_optional else "choice"
                field.oneof_index = [*oneofs, oneof].index(oneof)
                if oneof not in oneofs:
                    kind.oneof_decl.add(name=oneof)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(f"places.{name}")) for name in SCHEMA]


Leaf, Branch, Tree = _message_classes()
PATHS = {Leaf: LEAF, Branch: BRANCH, Tree: TREE, NLImage: ["data"], NLImageRotateRequest: ["image.data"]}
ENVELOPES = {kind: Envelope(kind, *paths) for kind, paths in PATHS.items()}


# Fields on the wire, legal or not.


def varint(value, padding=0):
    """Return `value` in `padding` bytes more than it needs."""
    groups = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)] + [0] * padding
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def tag(number, wire_type, padding=0):
    return varint(number << 3 | wire_type, padding)


def delimited(number, content, error=0, padding=0):
    """Return a field of bytes whose length is wrong by `error`."""
    return tag(number, LENGTH_DELIMITED) + varint(max(len(content) + error, 0), padding) + content


def group(number, content=b"", depth=1):
    return tag(number, START_GROUP) * depth + content + tag(number, END_GROUP) * depth


def chain(number, content, depth):
    for _ in range(depth):
        content = delimited(number, content)
    return content


PADDINGS = [1, 3, 4, 5, 8, 9, 10]
WRONG_BY = [-1, 1, 8, 100, 2**31 - 2, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**35, 2**64 - 1, 2**64, 2**70]

paddings = st.sampled_from([0, 0, *PADDINGS])
integers = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1), st.just(2**64 - 1))
payloads = st.one_of(st.binary(max_size=8), st.sampled_from([b"p" * size for size in (126, 127, 128, 129)]))
SCALARS = {
    FieldDescriptor.CPPTYPE_STRING: (LENGTH_DELIMITED, payloads),
    FieldDescriptor.CPPTYPE_UINT64: (FIXED64, st.binary(min_size=8, max_size=8)),
    FieldDescriptor.CPPTYPE_UINT32: (FIXED32, st.binary(min_size=4, max_size=4)),
}


def field_of(field, odd, depth):
    """Return a strategy for encodings of a field of a message."""
    if field.message_type:
        return wire(field.message_type, odd, depth - 1).map(functools.partial(delimited, field.number))
    wire_type, values = SCALARS.get(field.cpp_type, (VARINT, integers.map(varint)))
    if field.type == field.TYPE_STRING:
        values = st.text(max_size=5).map(str.encode)
    if wire_type == LENGTH_DELIMITED:
        return values.map(functools.partial(delimited, field.number))
    return values.map(lambda value: tag(field.number, wire_type) + value)


def odd_field(kind):
    """Return a strategy for what may stand in no message, or may stand there but rarely does."""
    number = st.sampled_from([*kind.fields_by_number, 0, 15, 2000])
    flat = [field_of(field, False, 0) for field in kind.fields if not field.message_type]
    content = st.one_of(payloads, *flat)
    excess = st.sampled_from([0, 0, 0, 2**32, 2**34, 2**35, 2**63, 2**64])
    tags = st.builds(
        lambda number, kind, excess, padding: varint((number << 3 | kind) + excess, padding),
        *(number, st.integers(0, 7), excess, paddings),
    )
    values = st.one_of(
        st.builds(varint, st.integers(0, 2**71), paddings),
        st.builds(lambda data, padding: varint(len(data), padding) + data, content, paddings),
        st.binary(max_size=10),
    )
    return st.one_of(
        st.builds(delimited, number, content, st.sampled_from([0, 0, *WRONG_BY]), paddings),
        st.tuples(tags, values).map(b"".join),
        st.builds(group, number, content, st.sampled_from([1, 2, 99, 100, 101])),
        st.builds(group, number, content).map(lambda whole: whole[:-1]),
        st.builds(tag, number, st.just(END_GROUP)),
    )


@functools.cache
def wire(kind, odd=False, depth=3):
    """Return a strategy for messages: any fields in any order, unknown ones too, and one odd if so asked."""
    fields = [field_of(field, False, depth) for field in kind.fields if depth or not field.message_type]
    unknown = st.one_of(
        integers.map(lambda value: tag(15, VARINT) + varint(value)),
        payloads.map(functools.partial(delimited, 2000)),
        st.just(tag(17, FIXED64) + b"unknown!"),
        st.just(tag(MAX_NUMBER - 1, FIXED32) + b"four"),
    )
    ordinary = st.lists(st.one_of(*fields, unknown), max_size=6).map(b"".join)
    if not odd:
        return ordinary
    inner = [field_of(field, True, depth) for field in kind.fields if depth and field.message_type]
    return st.tuples(ordinary, st.one_of(odd_field(kind), *inner), ordinary).map(b"".join)


@st.composite
def broken(draw, bodies):
    body = draw(bodies) + draw(bodies)
    for _ in range(draw(st.sampled_from([1, 1, 2, 3]))):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(body))] * 2)))
        before, at, after = body[:start], body[start : start + 1], body[start + 1 :]
        flipped = bytes(byte ^ 1 << draw(st.integers(0, 7)) for byte in at)
        inserted = before + draw(st.binary(min_size=1, max_size=2)) + at + after
        shortened, repeated = before + body[end:], body[:end] + body[start:]
        changed = [before + flipped + after, inserted, before + after, shortened, repeated, before]
        body = draw(st.sampled_from(changed))
    return body


def any_kind(bodies):
    """Return a strategy for a kind of message and something out of `bodies(descriptor)`."""
    return st.sampled_from([Tree, Tree, Branch, *PATHS]).flatmap(
        lambda kind: st.tuples(st.just(kind), bodies(kind.DESCRIPTOR))
    )


many = settings(max_examples=4 * settings.default.max_examples, suppress_health_check=list(HealthCheck))


# The comparison.


def assert_opens(kind, body):
    """Check that `body` opens to what protobuf makes of it, and return its payloads."""
    expected = parse(kind, body)
    if isinstance(expected, type):
        with pytest.raises(expected):
            ENVELOPES[kind].open(body)
        return []
    opened = ENVELOPES[kind].open(body)
    found = []

    def resolve(field):
        payload = opened.payload(field)
        assert (type(payload), payload.readonly, payload.format, payload.ndim) == (memoryview, True, "B", 1)
        found.append(payload)
        return payload.tobytes()

    for path in PATHS[kind]:
        replace(opened.message, path, resolve)
    # As bytes: those tell what is missing from what is empty, and hold the unknown fields too.
    assert opened.message.SerializeToString() == expected.SerializeToString()
    return found


def address(data):
    return np.frombuffer(data, np.uint8).__array_interface__["data"][0]


def assert_views(kind, body):
    """Check that `body` opens, and that its payloads are in its own memory."""
    assert isinstance(parse(kind, body), kind)
    for payload in assert_opens(kind, body):
        assert not payload or 0 <= address(payload) - address(body) <= len(body) - len(payload)


# Reading.

LEAVES = delimited(1, b"first") + delimited(16, b"a") + delimited(16, b"") + delimited(16, b"c")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Tree, b""),
        (Leaf, delimited(1, b"first") + delimited(3, b"") + delimited(1, b"last")),
        (Leaf, delimited(1, b"first") + delimited(1, b"")),
        (Leaf, delimited(2, b"")),
        (Leaf, delimited(4, b"name") + tag(3, VARINT) + varint(2**64 - 1) + delimited(1, b"after")),
        (Leaf, tag(1, VARINT) + b"\1" + tag(1, FIXED32) + b"four" + tag(1, FIXED64) + b"eight..." + LEAVES),
        (Leaf, tag(3, VARINT) + varint(5, padding=9) + LEAVES),
        (Leaf, tag(99, VARINT) + varint(2**63) + delimited(99, b"unknown") + LEAVES),
        (Branch, delimited(1, delimited(1, b"split")) + b"\x28\1" + delimited(1, delimited(16, b"in two"))),
        (Branch, delimited(1, LEAVES) + delimited(1, b"") + delimited(1, delimited(1, b"merged"))),
        (Branch, delimited(2, LEAVES) + delimited(2, b"") + delimited(2, LEAVES)),
        (Branch, delimited(3, b"raw") + delimited(4, LEAVES)),
        (Branch, delimited(4, LEAVES) + delimited(3, b"raw") + delimited(4, delimited(2, b"not merged"))),
        (Branch, delimited(4, LEAVES) + delimited(4, delimited(2, b"merged"))),
        (Branch, delimited(3, b"raw") + delimited(5, b"no number") + delimited(6, b"plain")),
        (Branch, delimited(3, b"raw") + tag(5, VARINT) + b"\1"),
        (Branch, delimited(4, b"")),
        (Tree, delimited(3, b"raw") + delimited(4, b"other") + delimited(MAX_NUMBER, b"data")),
        (Tree, delimited(3, b"raw") + delimited(4, b"")),
        (Tree, delimited(2, delimited(2, LEAVES) * 3) * 3 + delimited(1, delimited(1, LEAVES)) * 2),
        (Tree, delimited(5, delimited(4, LEAVES)) + delimited(5, delimited(3, b"raw"))),
        (Tree, delimited(7, b"\1\2\3") + tag(7, VARINT) + b"\4" + delimited(11, LEAVES)),
        (NLImage, tag(4, VARINT) + b"\2" + delimited(2, b"sixsix") + tag(3, VARINT) + b"\3"),
        (NLImageRotateRequest, delimited(2, delimited(2, b"late")) + b"\x08\3" + delimited(2, b"\x18\1")),
    ],
)
def test_payloads_of_ordinary_messages_are_views(kind, body):
    assert_views(kind, body)


@given(any_kind(wire))
@many
def test_payloads_of_any_ordinary_message_are_views(case):
    assert_views(*case)


@pytest.mark.parametrize("size", [127, 128, 16383, 16384, 2097151, 2097152])
@pytest.mark.parametrize(("kind", "path"), [(Leaf, [1]), (Branch, [1, 2]), (Tree, [16, 2, 1])])
def test_payloads_of_every_size_are_views(rng, kind, path, size):
    body = rng.bytes(size)
    for number in path:
        body = delimited(number, body)
    assert_views(kind, body)


ODDITIES = {
    "the end of a group": tag(1, END_GROUP),
    "a group that ends as another": tag(1, START_GROUP) + tag(2, END_GROUP),
    "a group that does not end": tag(1, START_GROUP),
    "a group with a payload's tag in it": group(1, delimited(1, b"inside")),
    "groups in others": group(77, LEAVES, depth=90),
    "groups in too many others": group(77, LEAVES, depth=101),
    "field 0 as a number": b"\0\0",
    "field 0 as bytes": delimited(0, b"zero"),
    "field 0 in more bytes": tag(0, LENGTH_DELIMITED, padding=1) + b"\1z",
    "wire type 6": tag(1, 6) + b"\1p",
    "wire type 7": tag(1, 7) + b"\1p",
    "no string": delimited(4, b"\xff"),
    "a fixed32 cut short": tag(9, FIXED32) + b"123",
    "a fixed64 cut short": tag(9, FIXED64) + b"1234567",
    "half a tag": b"\x8a",
    "a tag only": tag(1, LENGTH_DELIMITED),
    "a number's tag only": tag(3, VARINT),
    "half a length": tag(1, LENGTH_DELIMITED) + b"\x80",
    "half a number": tag(3, VARINT) + b"\xff",
    **{f"a tag {bits} bits up": varint(10 + 2**bits) + b"\1p" for bits in (32, 33, 34, 35, 42, 63, 64)},
    **{f"a tag in {1 + more} bytes": tag(1, LENGTH_DELIMITED, more) + b"\1p" for more in PADDINGS},
    **{f"a length in {1 + more} bytes": delimited(1, b"p", padding=more) for more in PADDINGS},
    **{f"a number in {1 + more} bytes": tag(3, VARINT) + varint(1, more) for more in PADDINGS},
    **{f"a number of {bits} bits": tag(3, VARINT) + varint(2**bits) for bits in (31, 32, 63, 64, 69, 70)},
    **{f"a length wrong by {error}": delimited(1, b"p", error) for error in WRONG_BY},
}


@pytest.mark.parametrize("odd", ODDITIES.values(), ids=ODDITIES)
def test_odd_encodings_are_what_protobuf_takes_them_for(odd):
    before, after = delimited(1, b"before"), delimited(1, b"after!")
    for leaf in (odd, before + odd, odd + after, before + odd + after):
        assert_opens(Leaf, leaf)
        for more in (b"", delimited(3, b"what it could run into")):
            assert_opens(Branch, delimited(1, leaf) + more)
            assert_opens(Tree, delimited(2, delimited(4, leaf) + more) + more)


@pytest.mark.parametrize("depth", [97, 98, 99, 100, 101, 102])
def test_messages_in_messages_as_deep_as_protobuf_goes(depth):
    payload = delimited(MAX_NUMBER, b"data")
    assert_opens(Tree, chain(10, payload, depth))
    assert_opens(Tree, delimited(10, payload) + chain(10, group(99), depth))


@given(any_kind(functools.partial(wire, odd=True)))
@many
def test_any_odd_message_is_what_protobuf_takes_it_for(case):
    assert_opens(*case)


@given(any_kind(lambda kind: broken(wire(kind))))
@many
def test_any_broken_message_is_what_protobuf_takes_it_for(case):
    assert_opens(*case)


@pytest.mark.parametrize("body", [b"", delimited(6, b"plain"), delimited(1, delimited(4, b"name"))])
def test_a_message_without_payloads_is_its_header(body):
    assert ENVELOPES[Branch].split(body) == (body, [])


@given(any_kind(wire), st.randoms())
@many
def test_messages_that_differ_in_their_payloads_have_one_header(case, random):
    """And a header, with the sizes of the payloads, is all that a message says beside them."""
    kind, body = case
    header, views = ENVELOPES[kind].split(body)
    layout = Layout(header, ENVELOPES[kind]._schema, [len(view) for view in views])
    draft = Draft(layout)
    for room, view in zip(draft.payloads, views, strict=True):
        room[:] = view
    assert draft.finish() == body
    for room in draft.payloads:
        room[:] = random.randbytes(len(room))
    other, others = ENVELOPES[kind].split(draft.finish())
    assert other == header
    assert [len(view) for view in others] == [len(view) for view in views]


@given(any_kind(lambda kind: st.one_of(broken(wire(kind)), wire(kind, odd=True), st.binary(max_size=40))))
@many
def test_what_is_split_is_what_protobuf_takes_it_for(case):
    """Message by message: a header is one exactly where the body is, and the rest of both is the same."""
    kind, body = case
    parts = ENVELOPES[kind].split(body)
    if parts is None:
        return
    header, views = parts
    expected = parse(kind, body)
    message = parse(kind, header)
    assert isinstance(message, type) == isinstance(expected, type)
    if not isinstance(expected, type):
        for path in PATHS[kind]:
            replace(message, path, lambda field: field and bytes(views[int.from_bytes(field, "little")]))
        assert message.SerializeToString() == expected.SerializeToString()


UNUSUAL = [
    "a group with a payload's tag in it",
    "groups in others",
    "a tag in 2 bytes",
    "a tag in 5 bytes",
    "a length in 2 bytes",
    "a length in 5 bytes",
    "field 0 as bytes",
    *(name for name in ODDITIES if "cut short" in name or name.startswith("a length wrong by")),
]


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_is_not_split(name):
    for body in (ODDITIES[name], LEAVES + ODDITIES[name]):
        assert ENVELOPES[Leaf].split(body) is None
        assert ENVELOPES[Branch].split(delimited(2, body) + delimited(2, LEAVES)) is None


@pytest.mark.parametrize("inner", [b"", delimited(MAX_NUMBER, b"data")], ids=["empty", "payload"])
def test_messages_too_deep_for_protobuf_are_not_split(inner):
    assert ENVELOPES[Tree].split(chain(10, inner, 100)) is not None
    assert ENVELOPES[Tree].split(chain(10, inner, 200)) is None
    assert_opens(Tree, chain(10, inner, 100_000))


HOSTILE = {
    "numbers": tag(5, VARINT) + b"\1",
    "unknown fields": delimited(15, b""),
    "empty payloads": delimited(3, b""),
    "payloads": delimited(3, b"raw"),
    "empty messages": delimited(2, b""),
    "messages": delimited(2, LEAVES),
    "large messages": delimited(2, delimited(1, b"p") * 1000),
}


@pytest.mark.parametrize("field", HOSTILE.values(), ids=HOSTILE)
def test_many_fields_are_what_protobuf_takes_them_for(field):
    assert_opens(Branch, field * (200_000 // len(field)))


@pytest.mark.parametrize("count", [MOST_PLACES - 1, MOST_PLACES, MOST_PLACES + 1])
def test_as_many_payloads_as_are_viewed_and_one_more(count):
    payloads = delimited(16, b"tile") * count
    assert (ENVELOPES[Leaf].split(payloads) is None) == (count > MOST_PLACES)
    messages = delimited(2, delimited(1, b"p")) * (count // 2) + delimited(3, b"raw") * (count % 2)
    assert (ENVELOPES[Branch].split(messages) is None) == (count > MOST_PLACES)
    assert_opens(Branch, messages)


@pytest.mark.parametrize("more", [0, 1])
def test_as_many_fields_as_there_may_be_and_one_more(monkeypatch, more):
    monkeypatch.setattr(envelope, "MAX_FIELDS", 100)
    monkeypatch.setattr(envelope, "MAX_OTHER_BYTES", 60)
    for fields in (
        delimited(1, delimited(1, b"p") * 99) + delimited(3, b"raw") * more,
        delimited(1, delimited(3, bytes(98 + more))),
        delimited(6, bytes(60 + more)),
        delimited(2, delimited(4, bytes(30 + more)) + delimited(16, bytes(99))) + delimited(99, bytes(30)),
    ):
        for odd in (b"", group(77)[: 2 * more]):  # where it is unusual it is counted just so
            assert (ENVELOPES[Branch].split(fields) is None) == bool(more)
            if more:
                with pytest.raises(LimitExceededError):
                    ENVELOPES[Branch].open(odd + fields)
            else:
                ENVELOPES[Branch].open(fields)


@given(any_kind(lambda kind: st.one_of(wire(kind, odd=True), broken(wire(kind)))), st.integers(0, 30))
@many
def test_what_is_split_is_counted_as_what_is_not(case, most):
    kind, body = case
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MAX_FIELDS", "MAX_OTHER_BYTES"):
            patch.setattr(envelope, name, most)
        fields, num_bytes = extent(body, ENVELOPES[kind]._schema, most, most)
        if fields > most or num_bytes > most:
            assert ENVELOPES[kind].split(body) is None
            with pytest.raises(LimitExceededError):
                ENVELOPES[kind].open(body)


# Writing.


def draft_of(kind, message, sizes, data):
    """Return `message` with payloads of these sizes of `data`, as drafted and as protobuf has it."""
    contents = []

    def numbered(_):
        index = len(contents)
        contents.append(data[index : index + sizes[index % len(sizes)]])
        return placeholder(index)

    for path in PATHS[kind]:
        replace(message, path, numbered)
    draft = Draft(ENVELOPES[kind].layout(message, *map(len, contents)))
    for path in PATHS[kind]:
        replace(message, path, lambda field: contents[int.from_bytes(field, "little")])
    assert [len(payload) for payload in draft.payloads] == [len(content) for content in contents]
    for payload, content in zip(draft.payloads, contents, strict=True):
        payload[:] = content
    return draft.finish(), message.SerializeToString()


@given(any_kind(wire), st.lists(st.integers(1, 300), min_size=1), st.randoms())
@many
def test_drafts_are_what_protobuf_writes(case, sizes, random):
    kind, body = case
    written, expected = draft_of(kind, kind.FromString(body), sizes, random.randbytes(2000))
    assert type(written) is bytes
    assert written == expected
    assert_views(kind, written)


@given(any_kind(wire), st.lists(st.integers(0, 2), min_size=1))
@many
def test_drafts_have_empty_payloads_too(case, sizes):
    kind, body = case
    written, expected = draft_of(kind, kind.FromString(body), sizes, bytes(range(1, 256)))
    # protobuf leaves out an empty field where nobody can tell it from a missing one.
    assert kind.FromString(written).SerializeToString() == kind.FromString(expected).SerializeToString()
    assert_opens(kind, written)


NESTED = [
    (Leaf, delimited(16, b"p")),
    (Branch, delimited(4, delimited(1, b"p"))),
    (Tree, delimited(2, delimited(1, delimited(1, b"p")))),
    (NLImage, delimited(2, b"p") + b"\x18\1"),
    (NLImageRotateRequest, delimited(2, delimited(2, b"p") + b"\x18\1")),
]


@pytest.mark.parametrize("border", [2**7, 2**14, 2**21])
@pytest.mark.parametrize(("kind", "body"), NESTED)
def test_drafts_of_every_size_are_what_protobuf_writes(rng, kind, body, border):
    data = rng.bytes(border + 1)
    for size in range(border - 16, border + 2) if border < 2**20 else (border - 1, border):
        written, expected = draft_of(kind, kind.FromString(body), [size], data)
        assert written == expected


@pytest.mark.parametrize("message", [Tree(), Tree(text="none")], ids=["empty", "text"])
def test_a_draft_without_payloads(message):
    draft = Draft(ENVELOPES[Tree].layout(message))
    assert (draft.payloads, draft.finish()) == ([], message.SerializeToString())


def test_drafts_of_one_layout_share_no_memory():
    layout = ENVELOPES[NLImage].layout(NLImage(width=1, height=4, data=placeholder(0)), 4)
    first, second = Draft(layout), Draft(layout)
    first.payloads[0][:], second.payloads[0][:] = b"1111", b"2222"
    assert [NLImage.FromString(draft.finish()).data for draft in (first, second)] == [b"1111", b"2222"]


def test_a_draft_may_have_more_fields_than_a_request(monkeypatch):
    monkeypatch.setattr(envelope, "MAX_FIELDS", 100)
    count = 4000
    written, expected = draft_of(Leaf, Leaf(tiles=[b"p"] * count), [3], bytes(range(256)) * 20)
    assert written == expected


@pytest.mark.parametrize("prefix", [b"", b"before" * 50])
@pytest.mark.parametrize(("kind", "body"), [*NESTED, (Leaf, LEAVES), (Leaf, b"")])
def test_a_layout_with_bytes_before_it(rng, kind, body, prefix):
    header, views = ENVELOPES[kind].split(body)
    layout = ENVELOPES[kind].layout(kind.FromString(header), *(1000 + len(view) for view in views))
    plain, after = Draft(layout), Draft(layout.around(prefix))
    for room, other in zip(plain.payloads, after.payloads, strict=True):
        room[:] = other[:] = rng.bytes(len(room))
    assert layout.around(prefix).size == len(prefix) + layout.size
    assert after.finish() == prefix + plain.finish()
    assert Draft(layout.around(b"b").around(b"a")).finish()[:2] == b"ab"


@pytest.mark.parametrize(
    ("sizes", "error"),
    [([], IndexError), ([-1], ValueError), ([2**63], ValueError), ([2**80], ValueError), (["1"], TypeError)],
)
def test_sizes_that_are_none(sizes, error):
    header, _ = ENVELOPES[NLImage].split(delimited(2, b"data"))
    with pytest.raises(error):
        ENVELOPES[NLImage].refill(header, sizes)


def test_sizes_that_are_too_many_together():
    header = delimited(16, placeholder(0)) * 3
    with pytest.raises(ValueError, match="bytes"):
        ENVELOPES[Leaf].refill(header, [2**39])


def test_a_payload_that_is_given_twice_is_filled_with_zeros_twice():
    assert ENVELOPES[Leaf].refill(delimited(16, placeholder(0)) * 2, [300]) == delimited(16, bytes(300)) * 2


@pytest.mark.parametrize("unknown", [b"\x7b\x7c", b"\xf8\x80\x00\x01", b"\x7a\x81\x00z"])
def test_a_message_with_odd_unknown_fields_is_no_draft(unknown):
    message = NLImage.FromString(unknown)
    message.data = placeholder(0)
    with pytest.raises(ValueError, match="^NLImage: unknown fields that a draft cannot take over$"):
        ENVELOPES[NLImage].layout(message, 1)


@pytest.mark.parametrize(
    ("payloads", "error"),
    [
        (("data", "data.more"), "places.Leaf.data has no fields"),
        (("size",), "places.Leaf.size is no bytes field"),
        (("name",), "places.Leaf.name is no bytes field"),
        (("nothing",), "places.Leaf has no field nothing"),
    ],
)
def test_what_is_no_payload(payloads, error):
    with pytest.raises(TypeError, match=f"^{error}$"):
        Envelope(Leaf, *payloads)


def test_a_message_is_no_payload():
    with pytest.raises(TypeError, match=r"^places\.Branch\.leaf is no bytes field$"):
        Envelope(Branch, "leaf.data", "leaf")


@pytest.mark.parametrize("name", ["", "1", "a name of some length" * 12])
def test_an_answer_to_a_batch_is_laid_out_around_that_to_one_image(rng, name):
    image = Image(pixels=Pixels(width=20, height=10, data=placeholder(0)))
    layout = RESPONSE.layout(ProcessResponse(results=[OutputResult(name="small", image=image)]), 200)
    draft = Draft(batch_response_layout(name, layout))
    draft.payloads[0][:] = pixels = rng.bytes(200)
    image.pixels.data = pixels
    response = ProcessResponse(results=[OutputResult(name="small", image=image)])
    expected = ProcessBatchResponse(results=[BatchResult(id=name, response=response)]).SerializeToString()
    assert draft.finish() == expected == batch_response_around(name, response.SerializeToString())
