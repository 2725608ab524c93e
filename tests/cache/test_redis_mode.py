"""What is no Redis that holds all keys: real clusters and sentinels, and what a proxy may say of one."""

import contextlib
import logging

import pytest

from imgsvc.errors import ConfigurationError
from tests import redis_server
from tests.processes import wait_for

pytest.importorskip("redis", reason="no redis: pip install 'imgsvc[redis]'")
from imgsvc.cache.redis_commands import command
from imgsvc.cache.redis_errors import RefusedError, UnservedError
from imgsvc.cache.redis_mode import CLUSTER, KEYS, SENTINEL, check_mode
from imgsvc.cache.redis_store import RedisStore

MESSAGE = b"a message"
KEYS_OF_ALL_NODES = [bytes([number]) * 32 for number in range(40)]


@contextlib.contextmanager
def store(url):
    kept = RedisStore(url, "here", timeout=5, ttl=60, prefix="imgsvc:")
    try:
        yield kept
    finally:
        kept.close()


def found(kept):
    """Put a message under each key, and return how many are found when all have been written."""
    for key in KEYS_OF_ALL_NODES:
        kept.put(key, MESSAGE)
    wait_for(lambda: kept.counters()["entries"] == 0)
    return sum(kept.get(key) == MESSAGE for key in KEYS_OF_ALL_NODES)


def refusal(url):
    with pytest.raises(ConfigurationError) as raised, store(url):
        pass
    return str(raised.value)


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "imgsvc.cache"]


@pytest.fixture(scope="module")
def cluster():
    with redis_server.running_cluster(1, 1, password="s3cret-word") as nodes:
        yield nodes


def test_each_node_of_a_cluster_is_refused_at_the_start(cluster, caplog):
    for node in cluster:
        for more in ("", "/1"):
            url = node.tcp.replace("redis://", "redis://:s3cret-word@") + more
            assert refusal(url) == f"--cache: redis here: {CLUSTER}"
    assert lines(caplog) == []


def test_a_sentinel_is_refused_at_the_start(caplog):
    (port,) = redis_server.free_ports(1)
    with redis_server.running(port=port) as redis, redis_server.running_sentinel(redis) as sentinel:
        for url in (sentinel.tcp, sentinel.tcp.replace("redis://", "redis://:s3cret-word@") + "/1"):
            assert refusal(url) == f"--cache: redis here: {SENTINEL}"
        with store(redis.tcp) as kept:
            assert found(kept) == len(KEYS_OF_ALL_NODES)
    assert lines(caplog) == []


def test_a_cluster_that_comes_later_is_logged_once_and_never_asked_again(caplog):
    caplog.set_level(logging.INFO)
    (port,) = redis_server.free_ports(1)
    with store(f"redis://127.0.0.1:{port}") as kept:
        assert kept.fetch_seconds(100) < float("inf")
        with redis_server.running_cluster(1, 1, port=port):
            wait_for(lambda: kept.fetch_seconds(100) == float("inf"), 40)
            assert found(kept) == 0
            wait_for(lambda: not kept._connections._thread.is_alive())
    down, *told = lines(caplog)
    assert down.endswith("; until it is back nothing is found in it")
    # While its nodes find each other it is like one that is down.
    assert [line for line in told if CLUSTER in line] == [
        f"redis here: {CLUSTER}; it is not asked again before the server is restarted"
    ]
    assert told[-1].endswith("before the server is restarted")


def test_a_cluster_of_one_node_holds_all_keys_until_it_lacks_slots(caplog):
    """Then it is like a Redis that is down: it may be whole again."""
    caplog.set_level(logging.INFO)
    with redis_server.running_cluster(1) as (alone,), store(alone.tcp) as kept:
        assert found(kept) == len(KEYS_OF_ALL_NODES)
        with contextlib.closing(alone.client()) as client:
            half = (0, redis_server.SLOTS // 2)
            client.config_set("cluster-require-full-coverage", "no")
            client.execute_command("CLUSTER", "DELSLOTSRANGE", *half)
            wait_for(lambda: found(kept) == 0)
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", *half)
            wait_for(lambda: found(kept) == len(KEYS_OF_ALL_NODES))
    went, came = lines(caplog)
    assert went.endswith("; until it is back nothing is found in it")
    assert came == "redis here: back"


def test_a_cluster_whose_slots_move_away_is_logged_once_and_never_asked_again(caplog):
    """The first key that is elsewhere tells, over connections that were there before."""
    caplog.set_level(logging.INFO)
    with (
        redis_server.running_cluster(1, 0) as (first, second),
        store(first.tcp) as kept,
    ):
        assert found(kept) == len(KEYS_OF_ALL_NODES)
        redis_server.move_slots(range(redis_server.SLOTS // 2), first, second)
        assert found(kept) < len(KEYS_OF_ALL_NODES)
        assert found(kept) == 0
        assert kept.fetch_seconds(100) == float("inf")
    assert lines(caplog) == [f"redis here: {CLUSTER}; it is not asked again before the server is restarted"]


def test_a_replica_is_read_and_refuses_to_be_written_to(caplog):
    (port,) = redis_server.free_ports(1)
    with redis_server.running(port=port) as primary, store(primary.tcp) as kept:
        assert found(kept) == len(KEYS_OF_ALL_NODES)
        with redis_server.running("--replicaof", "127.0.0.1", str(port)) as replica:
            wait_for(lambda: len(replica.results()) == len(KEYS_OF_ALL_NODES))
            with store(replica.url) as reads:
                assert all(reads.get(key) == MESSAGE for key in KEYS_OF_ALL_NODES)
                reads.put(b"another key" * 3, MESSAGE)
                wait_for(lambda: reads.counters()["dropped"] == 1)
    (line,) = lines(caplog)
    assert line.startswith("redis here: writing: refused: ")


def test_a_user_needs_three_rights():
    with redis_server.running() as redis, contextlib.closing(redis.client()) as client:
        client.acl_setuser(
            "imgsvc", enabled=True, passwords=["+word"], keys=["imgsvc:*"], commands=["+get", "+set", "+ping"]
        )
        with store(redis.url.replace("unix://", "unix://imgsvc:word@")) as kept:
            assert found(kept) == len(KEYS_OF_ALL_NODES)
            assert kept.counters()["errors"] == 0


class TestAnswers:
    """What others than Redis itself may answer."""

    @staticmethod
    def asked(hello, get):
        """Return what is asked, where these are the answers, or raised."""
        commands = []

        def run(sent):
            commands.append(sent)
            answer = hello if sent == command(b"HELLO", b"2") else get
            if isinstance(answer, Exception):
                raise answer
            return answer

        check_mode(run, b"mine:")
        return commands

    def test_a_single_redis_is_asked_once(self):
        assert len(self.asked([b"server", b"redis", b"mode", b"standalone"], None)) == 1

    def test_a_proxy_of_a_cluster_says_that_it_is_one_and_holds_all_keys(self):
        _, *keys = self.asked([b"server", b"redis", b"mode", b"cluster", b"modules", []], None)
        assert len({tuple(key) for key in keys}) == KEYS
        assert all(b"mine:probe:" in key[0] for key in keys)

    def test_one_key_elsewhere_is_enough(self):
        with pytest.raises(UnservedError):
            self.asked([b"mode", b"cluster"], UnservedError(CLUSTER))

    def test_one_that_refuses_to_say_or_to_read(self):
        assert len(self.asked(RefusedError("unknown command"), None)) == 1
        assert len(self.asked([b"mode", b"cluster"], RefusedError("NOPERM"))) == 1 + KEYS

    @pytest.mark.parametrize("answer", [b"OK", None, 1, [], [b"mode"], [[b"mode"], b"cluster"], {}], ids=repr)
    def test_garbage_is_no_mode(self, answer):
        assert len(self.asked(answer, None)) == 1
