"""What the fuzzer begins with, and what it has found: nothing breaks any more."""

from pathlib import Path

import pytest

from fuzz.codecs import with_checksums
from fuzz.targets import TARGETS
from tests.test_envelope import delimited

FOUND = Path(__file__).parent.parent / "fuzz" / "found"


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_seeds(target):
    seeds = list(target.seeds())
    assert seeds
    assert max(map(len, seeds)) <= target.largest
    for seed in seeds:
        target.check(seed)


def test_found():
    for path in sorted(FOUND.glob("*/*")):
        TARGETS[path.parent.name].check(path.read_bytes())


class TestInvariants:
    """A target that nothing fails would find nothing: each sees a fault that is put in."""

    def test_envelopes(self, monkeypatch):
        monkeypatch.setattr("imgsvc.wire.envelope.Opened.payload", lambda self, field: memoryview(b"wrong"))
        with pytest.raises(AssertionError):
            TARGETS["envelopes"].check(b"\0" + delimited(2, b"right"))

    def test_exceptions(self, monkeypatch):
        monkeypatch.setattr("fuzz.requests.read_source", lambda *_, **__: {}["missing"])
        with pytest.raises(KeyError):
            TARGETS["requests"].check(next(iter(TARGETS["requests"].seeds())))

    def test_codecs(self, monkeypatch):
        monkeypatch.setattr("fuzz.codecs.DTYPES", set())
        with pytest.raises(AssertionError):
            TARGETS["bmp"].check(next(iter(TARGETS["bmp"].seeds())))

    def test_metadata(self, monkeypatch):
        monkeypatch.setattr("fuzz.metadata.profile_name", lambda data: "x" * 20_000)
        with pytest.raises(AssertionError):
            TARGETS["metadata"].check(b"")

    def test_costs(self, monkeypatch):
        monkeypatch.setattr("fuzz.codecs.MOST_SECONDS", 0.0)
        with pytest.raises(AssertionError, match="0.0 s"):
            TARGETS["bmp"].check(next(iter(TARGETS["bmp"].seeds())))
        monkeypatch.undo()
        monkeypatch.setattr("fuzz.codecs.MOST_BYTES", -1)
        with pytest.raises(AssertionError, match="MiB"):
            TARGETS["bmp"].check(next(iter(TARGETS["bmp"].seeds())))

    def test_pipelines(self, monkeypatch):
        monkeypatch.setattr("imgsvc.pipeline.Pipeline.__str__", lambda self: "invert")
        with pytest.raises(AssertionError):
            TARGETS["pipelines"].check(b"mean")

    def test_files(self, monkeypatch):
        monkeypatch.setattr("imgsvc.config.sources._named", lambda name, *_: {}[name])
        with pytest.raises(KeyError):
            TARGETS["files"].check(b"port = 1")


def test_checksums_are_mended():
    [seed, *_] = TARGETS["png"].seeds()
    assert with_checksums(seed) == seed
    assert with_checksums(seed[:40] + b"\xff" + seed[41:] + b"\0\0\0\1") != seed
