"""What lies in Redis is taken for nothing else than what was written there."""

import hypothesis
from hypothesis import strategies as st

from imgsvc.cache.frame import FRAME_BYTES, framed, message_of

KEY = bytes(range(32))
MESSAGE = b"an answer" * 20
VALUE = framed(KEY, MESSAGE) + MESSAGE


@hypothesis.given(st.binary(max_size=300))
def test_what_was_written_is_read(message):
    assert message_of(KEY, framed(KEY, message) + message) == message


@hypothesis.given(st.integers(0, len(VALUE) - 1), st.integers(1, 255))
def test_one_wrong_byte_anywhere_is_found_out(place, change):
    wrong = bytearray(VALUE)
    wrong[place] ^= change
    assert message_of(KEY, bytes(wrong)) is None


@hypothesis.given(st.integers(0, len(VALUE) - 1))
def test_what_is_cut_short_is_found_out(length):
    assert message_of(KEY, VALUE[:length]) is None


@hypothesis.given(
    st.binary(max_size=2 * FRAME_BYTES) | st.text() | st.integers() | st.none() | st.lists(st.none())
)
def test_anything_else_is_nothing(value):
    assert message_of(KEY, value) is None


def test_another_keys_value_is_nothing():
    assert message_of(KEY[::-1], VALUE) is None
    assert message_of(KEY, VALUE + b"x") is None
