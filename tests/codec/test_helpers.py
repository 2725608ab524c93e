"""Helper programs: they do what is done in this process, and can be ended."""

import dataclasses
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

from imgsvc._stop import Stop
from imgsvc.codec import Decoded, DecodeLimits, DecodeOptions, EncodeOptions, decode, encode, read_header
from imgsvc.codec import helpers as helpers_module
from imgsvc.codec.helpers import Helpers
from imgsvc.errors import (
    ImgsvcError,
    InvalidImageError,
    InvalidParameterError,
    StoppedError,
    UndecodableImageError,
)
from tests.codec.encoded import every_kind, photo
from tests.processes import helper_programs, of_process, wait_for

FILES = every_kind()
EVERYTHING = DecodeOptions(depth="keep", color="keep", frames="all")
NOISE = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
ENDLESS = EncodeOptions(lossless=True, effort=9)


@pytest.fixture(scope="module")
def helpers():
    made = Helpers()
    yield made
    made.close()


def children():
    """Return the helpers of this process."""
    return helper_programs(os.getpid())


def helped(helpers, data, options=EVERYTHING, limits=None, stop=None):
    return helpers.decode(
        data,
        options,
        limits or DecodeLimits(),
        at_least=None,
        header=read_header(data),
        stop=stop or Stop(),
    )


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("options", [DecodeOptions(), EVERYTHING], ids=["plain", "everything"])
def test_decodes_the_same(helpers, kind, options):
    expected, found = decode(FILES[kind], options), helped(helpers, FILES[kind], options)
    for one, other in zip(expected.frames, found.frames, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype
    names = {field.name for field in dataclasses.fields(Decoded)} - {"frames"}
    assert {name: getattr(found, name) for name in names} == {name: getattr(expected, name) for name in names}


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "avif", "tiff", "gif", "bmp"])
def test_encodes_the_same(helpers, name):
    image = decode(FILES["png"], DecodeOptions(color="keep"))
    options = EncodeOptions(metadata="keep", background=(1, 2, 3))
    assert helpers.encode(image, name, options, stop=Stop()) == encode(image, name, options)


def test_errors_are_the_same(helpers):
    for attempt in (
        lambda how: how.decode(FILES["jpeg"][:500], DecodeOptions(), DecodeLimits()),
        lambda how: how.decode(FILES["png"], DecodeOptions(), DecodeLimits(pixels=10)),
        lambda how: how.encode(Decoded((photo(),)), "jpeg", EncodeOptions(max_bytes=10)),
        lambda how: how.encode(Decoded((photo(), photo())), "jpeg", EncodeOptions()),
    ):
        told = []
        for how in (Here(), There(helpers)):
            with pytest.raises((UndecodableImageError, InvalidImageError, InvalidParameterError)) as caught:
                attempt(how)
            told.append((type(caught.value), str(caught.value)))
        assert told[0] == told[1]


class Here:
    def decode(self, data, options, limits):
        return decode(data, options, limits)

    def encode(self, image, name, options):
        return encode(image, name, options)


class There:
    def __init__(self, helpers):
        self.helpers = helpers

    def decode(self, data, options, limits):
        return self.helpers.decode(
            data, options, limits, at_least=None, header=read_header(FILES["jpeg"]), stop=Stop()
        )

    def encode(self, image, name, options):
        return self.helpers.encode(image, name, options, stop=Stop())


class TestEnd:
    @pytest.fixture
    def own(self):
        made = Helpers()
        yield made
        made.close()
        wait_for(lambda: len(children()) <= 1)  # that of the others

    def test_at_the_deadline(self, own):
        start = time.monotonic()
        with pytest.raises(StoppedError, match="not ready by its deadline"):
            own.encode(Decoded((NOISE,)), "webp", ENDLESS, stop=Stop(1.0))
        assert time.monotonic() - start < 30

    def test_by_cancellation(self, own):
        stop, before = Stop(), set(children())
        threading.Timer(1.0, stop.cancel).start()
        with pytest.raises(StoppedError, match="cancelled"):
            own.encode(Decoded((NOISE,)), "webp", ENDLESS, stop=stop)
        assert set(children()) <= before
        assert own.encode(Decoded((photo(),)), "png", EncodeOptions(), stop=Stop())

    def test_of_a_helper_with_nothing_to_do_is_no_harm(self, own):
        before = set(children())
        assert helped(own, FILES["png"]).frames
        [pid] = set(children()) - before
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: b") Z " in of_process(pid, "stat"))
        assert helped(own, FILES["png"]).frames

    def test_in_the_middle_is_told_of_the_image(self, own):
        def kill():
            [busy] = wait_for(lambda: [helper for helper in own._busy if helper.began])
            time.sleep(0.3)  # until it has begun to work
            os.kill(busy._process.pid, signal.SIGKILL)

        thread = threading.Thread(target=kill)
        thread.start()
        with pytest.raises(InvalidImageError, match="one that ends its decoder or encoder"):
            own.encode(Decoded((NOISE,)), "webp", ENDLESS, stop=Stop())
        thread.join()

    def test_they_outlive_no_close(self, own):
        before = set(children())
        assert helped(own, FILES["png"]).frames
        own.close()
        assert set(children()) <= before
        assert helped(own, FILES["png"]).frames  # here

    def test_signals_are_for_others(self, own):
        before = set(children())
        assert helped(own, FILES["png"]).frames
        [pid] = set(children()) - before
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid, number)
        assert helped(own, FILES["png"]).frames
        assert set(children()) - before == {pid}


def test_several_at_a_time_have_one_each():
    own, errors = Helpers(), []

    def work():
        try:
            assert helped(own, FILES["jpeg"]).frames
        except (AssertionError, ImgsvcError) as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    own.close()
    assert errors == []


@pytest.mark.parametrize("program", ["/bin/false", "/no/such/program"])
def test_without_helpers_it_is_done_here(monkeypatch, caplog, program):
    monkeypatch.setattr(sys, "executable", program)
    own = Helpers()
    for _ in range(5):
        assert helped(own, FILES["png"]).frames
    own.close()
    assert 1 <= len(caplog.records) <= 5
    assert "helper program" in caplog.text


def test_where_there_is_no_such_memory_it_is_done_here(monkeypatch):
    monkeypatch.setattr(helpers_module, "AVAILABLE", False)
    before = children()
    assert helped(Helpers(), FILES["png"]).frames
    assert children() == before
