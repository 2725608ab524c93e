"""Callers' files and quotas, without a server."""

import pytest

from imgsvc.errors import ConfigurationError
from imgsvc.server.call import Call
from imgsvc.server.callers import addresses
from imgsvc.server.callers.access import IMAGE_METHODS
from imgsvc.server.callers.addresses import CallersByAddress
from imgsvc.server.callers.caller import Caller
from imgsvc.server.callers.entry import CallerEntry
from imgsvc.server.callers.keys import digest_of, new_key, shown_digest
from imgsvc.server.callers.known import read_callers
from imgsvc.server.refusals import OverQuota
from tests import rpc

A, B = "sha256:" + "0a" * 32, "sha256:" + "0b" * 32


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def read(tmp_path, text):
    file = tmp_path / "callers.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_callers(str(file), IMAGE_METHODS)


class TestFile:
    def test_all_that_can_be_in_it(self, tmp_path):
        key = new_key()
        known = read(
            tmp_path,
            f"""
            ["web.shop-1"]
            keys = ["{shown_digest(key)}", "{A}"]
            certificates = ["robot"]
            methods = ["/NLImageService/MeanFilter", "imgsvc.v1.ImageService/*"]
            max_calls = 16
            pixels_per_second = 50_000_000

            [revoked]
            keys = []
            """,
        )
        caller = known.by_key(key)
        assert (caller.name, caller.max_calls, caller.pixels_per_second) == ("web.shop-1", 16, 50_000_000)
        assert caller.digests == {digest_of(key), bytes.fromhex(A[7:])}
        assert caller.methods == IMAGE_METHODS - {"/NLImageService/RotateImage"}
        assert known.callers["revoked"].methods == IMAGE_METHODS
        assert known.by_key(new_key()) is None
        assert known.by_key(key + "ä\udcff") is None
        assert known.by_certificate(["other", "robot"]) is caller
        assert known.by_certificate([]) is None

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "nobody in it, expected a table for each caller"),
            (b"\xff", "no TOML: byte 0 is no UTF-8"),
            ("a = ", "no TOML: Invalid value (at end of document)"),
            ("a = 1", "[a]: 1, expected a table"),
            ("['a b']\nkeys = []", "[a b]: expected a name of 1 to 64 of A-Z a-z 0-9 _ . -"),
            ("[a]", "[a]: expected keys, certificates, or both"),
            ("[a]\nkey = []", "[a] key: there is no such key; did you mean keys?"),
            (
                "[a]\nx = 1",
                (
                    "[a] x: there is no such key, expected one of keys, certificates, methods, max_calls, "
                    "pixels_per_second"
                ),
            ),
            ("[a]\nkeys = 'secret'", "[a] keys: something else, expected a list of strings"),
            ("[a]\nkeys = [1]", "[a] keys: something else, expected a list of strings"),
            (
                "[a]\nkeys = ['secret']",
                (
                    "[a] keys: something else, expected 'sha256:' and 64 hexadecimal digits, "
                    "as imgsvc-server --new-key prints them"
                ),
            ),
            (f"[a]\nkeys = ['{A}']\n[b]\nkeys = ['{B}', '{A}']", "[b] keys: one of them is also [a]'s"),
            ("[a]\ncertificates = ['x']\n[b]\ncertificates = ['x']", "[b] certificates: 'x' is also [a]'s"),
            (
                "[a]\nkeys = []\nmethods = ['imgsvc.v1.ImageService/Proces']",
                (
                    "[a] methods: 'imgsvc.v1.ImageService/Proces' is no method of this server; did you mean "
                    "imgsvc.v1.ImageService/Process?"
                ),
            ),
            ("[a]\nkeys = []\nmethods = ['x/*']", "[a] methods: 'x/*' is no method of this server"),
            (
                "[a]\nkeys = []\nmax_calls = 0",
                "[a] max_calls: 0, expected an integer from 1 to 1048576",
            ),
            (
                "[a]\nkeys = []\npixels_per_second = true",
                "[a] pixels_per_second: True, expected an integer from 1 to 1125899906842624",
            ),
        ],
    )
    def test_what_cannot_be_in_it(self, tmp_path, text, message):
        with pytest.raises(ConfigurationError) as raised:
            read(tmp_path, text)
        assert str(raised.value) == f"{tmp_path / 'callers.toml'}: {message}"


class TestQuotas:
    def test_calls(self):
        caller = Caller("a", CallerEntry("a", max_calls=2))
        caller.calls = 1
        caller.check_calls()
        caller.calls = 2
        with pytest.raises(OverQuota, match="^caller a: 3 calls in flight, expected at most 2; try"):
            caller.check_calls()

    def test_pixels_are_saved_up_for_a_second_and_may_be_owed(self, clock):
        caller = Caller("a", CallerEntry("a", pixels_per_second=1000), clock)
        clock.now += 3600
        caller.check_pixels()
        caller.spend(999)
        caller.check_pixels()  # one is left
        caller.spend(5000)
        with pytest.raises(
            OverQuota, match=r"^caller a: more than 1000 pixels a second; try again in 5 s$"
        ) as raised:
            caller.check_pixels()
        assert raised.value.retry_after == 5.0
        clock.now += raised.value.retry_after
        caller.check_pixels()

    def test_quotas_that_change(self, clock):
        caller = Caller("a", CallerEntry("a"), clock)
        caller.calls = 1
        caller.spend(10**9)
        caller.check_pixels()
        caller.check_calls()
        caller.replace(CallerEntry("a", max_calls=1, pixels_per_second=1000))
        caller.check_pixels()
        with pytest.raises(OverQuota):
            caller.check_calls()
        caller.spend(10**6)
        caller.replace(CallerEntry("a", pixels_per_second=10**7))
        clock.now += 0.1
        caller.check_pixels()
        caller.check_calls()

    def test_an_address_has_none(self):
        caller = Caller("ipv4:10.0.0.1")
        caller.calls = 10**6
        caller.check_calls()
        caller.spend(10**12)
        caller.check_pixels()
        assert caller.name == ""


class TestCallersByAddress:
    def test_one_for_each_address(self):
        callers = CallersByAddress()
        first = callers.of("ipv4:10.0.0.1:50000")
        assert callers.of("ipv4:10.0.0.1:50001") is first
        assert callers.of("ipv4:10.0.0.2:50001") is not first

    def test_those_with_calls_stay_and_others_share_one_when_there_is_no_room(self, monkeypatch):
        monkeypatch.setattr(addresses, "MAX_KNOWN", 3)
        callers = CallersByAddress()
        busy = callers.of("ipv4:10.0.0.1:1")
        busy.calls = 1
        for number in range(2, 100):
            callers.of(f"ipv4:10.0.0.{number}:1")
        assert callers.of("ipv4:10.0.0.1:1") is busy
        for number in range(9):
            callers.of(f"ipv4:10.0.1.{number}:1").calls += 1
        assert callers.of("ipv4:10.0.2.1:1") is callers.of("ipv4:10.0.2.2:1")


def test_records_hold_no_secret():
    secrets = ("authorization", "Bearer secret"), ("cookie", "secret"), ("x-api-key", "secret")
    record = Call(rpc.Headers(*secrets, ("traceparent", "00-1")))
    assert list(record.metadata) == [("traceparent", "00-1")]
    assert "secret" not in repr(record)
    assert "traceparent" not in repr(record)
