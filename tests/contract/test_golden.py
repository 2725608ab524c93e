"""Every message of imgsvc.v1 as JSON and in its bytes, as it was when it was first published.

A field that changes its number, name or type breaks those who have the old contract. What is added gets an
example of its own in ``golden.json``: all fields set, and one example for each member of a oneof.
"""

import json
from pathlib import Path

import pytest
from google.protobuf import json_format, message_factory

from tests.contract import protos

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text("utf-8"))
MESSAGES = {message.full_name: message for message in protos.messages()}
EXAMPLES = [(name, example) for name, examples in GOLDEN.items() for example in examples]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_stays_as_it_is(name, example):
    kind = message_factory.GetMessageClass(MESSAGES[name])
    from_wire = kind.FromString(bytes.fromhex(example["wire"]))
    assert json_format.MessageToDict(from_wire, preserving_proto_field_name=True) == example["json"]
    from_json = json_format.ParseDict(example["json"], kind())
    assert from_json.SerializeToString(deterministic=True).hex() == example["wire"]


@pytest.mark.parametrize("name", MESSAGES)
def test_examples_set_every_field(name):
    kind = message_factory.GetMessageClass(MESSAGES[name])
    set_fields = {
        field.name
        for example in GOLDEN[name]
        for field, _ in kind.FromString(bytes.fromhex(example["wire"])).ListFields()
    }
    assert set_fields == {field.name for field in MESSAGES[name].fields}


def test_nothing_has_been_taken_away():
    assert set(GOLDEN) == set(MESSAGES)
