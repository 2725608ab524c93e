"""Messages that are small on the wire, and would be large or slow as messages."""

import subprocess
import sys

import pytest

from imgsvc.errors import LimitExceededError
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from imgsvc.v1.image_service_pb2 import PlanRequest, ProcessBatchRequest, ProcessRequest
from imgsvc.wire.envelope import MAX_FIELDS, MAX_OTHER_BYTES, delimiter
from imgsvc.wire.nl_image import IMAGE
from imgsvc.wire.process import BATCH_REQUEST, PLAN_REQUEST, PROCESS_REQUEST

SIZE = 20 << 20
GROUP = b"\xfb\x3e\xfc\x3e"  # of number 1007, with which no message is split
ENVELOPES = {
    ProcessRequest: PROCESS_REQUEST,
    PlanRequest: PLAN_REQUEST,
    ProcessBatchRequest: BATCH_REQUEST,
    NLImage: IMAGE,
}


def within(kind, path, content):
    """Return a message of a kind with `content` in the field of a path."""
    name, _, rest = path.partition(".")
    field = kind.fields_by_name[name]
    inner = within(field.message_type, rest, content) if rest else content
    return delimiter(field.number, len(inner)) + inner


def empty(number, size=SIZE):
    """Return empty fields of a number, in so many bytes."""
    field = delimiter(number, 0)
    return field * (size // len(field))


BOMBS = {
    "items": (ProcessBatchRequest, empty(2)),
    "operations": (ProcessRequest, within(ProcessRequest.DESCRIPTOR, "recipe", empty(4))),
    "operations of a plan": (PlanRequest, within(PlanRequest.DESCRIPTOR, "recipe", empty(4))),
    "outputs": (ProcessRequest, within(ProcessRequest.DESCRIPTOR, "recipe", empty(5))),
    "operations of an output": (
        ProcessRequest,
        within(ProcessRequest.DESCRIPTOR, "recipe.outputs", empty(3)),
    ),
    "operations of items": (
        ProcessBatchRequest,
        within(ProcessBatchRequest.DESCRIPTOR, "items.recipe", empty(4, 2000)) * (SIZE // 2000),
    ),
    "operations of items' outputs": (
        ProcessBatchRequest,
        within(ProcessBatchRequest.DESCRIPTOR, "items.recipe.outputs", empty(3)),
    ),
    "numbers": (
        ProcessRequest,
        within(ProcessRequest.DESCRIPTOR, "recipe.outputs.encoding.background", bytes(SIZE)),
    ),
    "operations after a group": (
        ProcessRequest,
        GROUP + within(ProcessRequest.DESCRIPTOR, "recipe", empty(4)),
    ),
}


@pytest.mark.parametrize(("kind", "body"), BOMBS.values(), ids=BOMBS)
def test_a_message_of_many_messages_is_refused(kind, body):
    with pytest.raises(
        LimitExceededError, match=r"^message: \d+ fields or more, expected at most 262144$"
    ) as caught:
        ENVELOPES[kind].open(body)
    assert caught.value.amount > caught.value.limit == MAX_FIELDS
    assert ENVELOPES[kind].strip(body) is None


PEAK = """
import resource, sys
from imgsvc.wire.process import BATCH_REQUEST, PROCESS_REQUEST
body = sys.stdin.buffer.read()
request = BATCH_REQUEST if sys.argv[1] == "batch" else PROCESS_REQUEST
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    opened = request.open(body)
except ValueError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def peak(kind, body):
    """Return what a process says that opens a message, and the KiB which that takes it at most."""
    made = subprocess.run([sys.executable, "-c", PEAK, kind], input=body, capture_output=True, check=True)
    *said, memory = made.stdout.decode().splitlines()
    return said, int(memory)


@pytest.mark.parametrize("name", ["items", "operations", "operations of items", "operations after a group"])
def test_a_message_that_is_refused_takes_no_memory(name):
    kind, body = BOMBS[name]
    said, memory = peak("batch" if kind is ProcessBatchRequest else "process", body)
    assert said == [f"message: {MAX_FIELDS + 1} fields or more, expected at most {MAX_FIELDS}"]
    assert memory < 64 << 10  # the message without its payloads, which it has none of, and no more


@pytest.mark.parametrize(
    ("kind", "path", "number"), [("batch", None, 2), ("batch", "items.recipe", 4), ("process", "recipe", 5)]
)
def test_the_largest_message_that_is_taken_takes_little_memory(kind, path, number):
    content = empty(number, 2 * (MAX_FIELDS - 2))
    of = (ProcessBatchRequest if kind == "batch" else ProcessRequest).DESCRIPTOR
    said, memory = peak(kind, within(of, path, content) if path else content)
    assert said == []
    assert memory < 64 << 10


def test_as_many_fields_as_there_may_be_and_one_more():
    assert len(BATCH_REQUEST.open(empty(2, 2 * MAX_FIELDS)).message.items) == MAX_FIELDS
    with pytest.raises(LimitExceededError):
        BATCH_REQUEST.open(empty(2, 2 * MAX_FIELDS + 2))


@pytest.mark.parametrize("group", [b"", GROUP], ids=["", "with a group"])
def test_payloads_may_be_of_any_size_and_what_is_unknown_may_not(group):
    payload = delimiter(2, MAX_OTHER_BYTES + 1) + bytes(MAX_OTHER_BYTES + 1)
    opened = IMAGE.open(group + payload)
    assert len(opened.payload(opened.message.data)) == MAX_OTHER_BYTES + 1
    unknown = delimiter(99, MAX_OTHER_BYTES) + bytes(MAX_OTHER_BYTES)
    assert IMAGE.open(group + unknown).message.ByteSize() >= MAX_OTHER_BYTES
    more = (
        rf"^message: {MAX_OTHER_BYTES + 1} bytes beside images, or more, expected at most {MAX_OTHER_BYTES}$"
    )
    with pytest.raises(LimitExceededError, match=more):
        IMAGE.open(group + unknown + delimiter(99, 1) + b"1")


def test_what_is_in_a_group_is_no_message():
    content = empty(2, 2 * 1000)
    inside = GROUP[:2] + delimiter(2, len(content)) + content + GROUP[2:]
    many = inside * (MAX_FIELDS // 1000)  # as messages these were too many
    assert not BATCH_REQUEST.open(many).message.items


def test_the_largest_recipe_is_far_from_the_limit(monkeypatch):
    request = ProcessRequest()
    for _ in range(64):
        weights = request.recipe.operations.add().convolve.weights
        weights.columns = 31
        weights.values.extend([0.5] * 31 * 31)
    for index in range(16):
        output = request.recipe.outputs.add(name=str(index))
        for _ in range(64):
            output.operations.add().lut.table = bytes(768)
    body = request.SerializeToString()
    assert PROCESS_REQUEST.open(body).message == request
    monkeypatch.setattr("imgsvc.wire.envelope.MAX_FIELDS", MAX_FIELDS // 2)
    PROCESS_REQUEST.open(body)
