"""Results in Redis, and whatever a Redis, or what is there instead of it, may do."""

import contextlib
import logging
import re
import socket
import ssl
import threading
import time

import pytest
import trustme

from imgsvc.cache.frame import framed
from tests import redis_server
from tests.processes import wait_for

pytest.importorskip("redis", reason="no redis: pip install 'imgsvc[redis]'")
from imgsvc.cache import connections, redis_store

KEY, OTHER = b"k" * 32, b"o" * 32

MESSAGE = bytes(range(256)) * 40
TIMEOUT = 0.2
BOUND = 1.5 * TIMEOUT + 0.3
"""Of an operation: what is documented, and what a busy machine adds."""


@contextlib.contextmanager
def store(url, **options):
    options = {"timeout": TIMEOUT, "ttl": 60, "prefix": "imgsvc:", **options}
    kept = redis_store.RedisStore(url, "here", **options)
    try:
        yield kept
    finally:
        kept.close()


@pytest.fixture
def redis():
    with redis_server.running() as running:
        yield running


def written(kept, key=KEY, message=MESSAGE):
    """Put a message, wait until it is in Redis, and return its key."""
    kept.put(key, message)
    wait_for(lambda: kept.peek(key) is None)
    return key


def timed(function, *arguments):
    start = time.monotonic()
    result = function(*arguments)
    return result, time.monotonic() - start


def test_what_is_put_is_found_again_also_by_another(redis):
    with store(redis.url) as kept, store(redis.url) as other:
        assert kept.get(KEY) is None
        kept.put(KEY, MESSAGE)
        assert kept.get(KEY) == MESSAGE, "from the moment on when it is put"
        wait_for(lambda: kept.peek(KEY) is None)
        assert kept.get(KEY) == MESSAGE
        assert other.get(KEY) == MESSAGE
        assert kept.counters() == {
            "stores": 1,
            "evictions": 0,
            "dropped": 0,
            "errors": 0,
            "bytes": 0,
            "entries": 0,
        }


def test_large_ones_and_empty_ones(redis):
    with store(redis.url, timeout=5) as kept:
        for number, message in enumerate((b"", b"x" * 20_000_000)):
            assert kept.get(written(kept, bytes([number]) * 32, message)) == message


def test_keys_have_the_prefix_and_a_time_to_live(redis):
    with store(redis.url, prefix="mine:", ttl=30) as kept:
        key = written(kept)
        client = redis.client()
        assert redis.results("mine:") == [b"mine:" + key.hex().encode()]
        assert 25_000 < client.pttl(b"mine:" + key.hex().encode()) <= 30_000
        assert client.pttl(b"mine:probe") <= 1000
        client.close()


def test_nothing_is_found_after_its_time(redis):
    with store(redis.url, ttl=0.1) as kept:
        key = written(kept)
        wait_for(lambda: kept.get(key) is None)
        assert kept.counters()["errors"] == 0


def test_garbage_under_a_key_is_a_miss_and_is_replaced(redis, caplog):
    with store(redis.url) as kept, contextlib.closing(redis.client()) as client:
        key = written(kept)
        name = b"imgsvc:" + key.hex().encode()
        whole = framed(key, MESSAGE) + MESSAGE
        for number, value in enumerate((b"", b"garbage", whole[:-1], whole[:-1] + b"x", whole + b"x"), 1):
            client.set(name, value)
            assert kept.get(key) is None
            assert kept.counters()["errors"] == number
        client.delete(name)
        client.lpush(name, "a list")
        assert kept.get(key) is None
        assert "redis here: reading: refused: WRONGTYPE" in caplog.text
        kept.put(key, MESSAGE)
        wait_for(lambda: kept.peek(key) is None)
        assert kept.get(key) == MESSAGE


def test_a_redis_that_is_killed_costs_nothing_and_is_used_again_when_it_is_back(redis, caplog):
    caplog.set_level(logging.INFO)
    with store(redis.url) as kept:
        key = written(kept)
        redis.kill()
        for _ in range(50):
            found, seconds = timed(kept.get, key)
            assert found is None
            assert seconds < BOUND
        kept.put(key, MESSAGE)
        wait_for(lambda: kept.counters()["dropped"] == 1)
        redis.start()
        wait_for(lambda: "redis here: back" in caplog.text)
        assert kept.get(written(kept)) == MESSAGE
    assert caplog.text.count("until it is back nothing is found in it") == 1


def test_a_redis_that_stands_still_costs_one_bounded_delay(redis, caplog):
    caplog.set_level(logging.INFO)
    with store(redis.url) as kept:
        key = written(kept)
        redis.freeze()
        found, seconds = timed(kept.get, key)
        assert found is None
        assert TIMEOUT / 2 < seconds < BOUND
        end = time.monotonic() + 4 * TIMEOUT  # while it is tried again, in vain
        while time.monotonic() < end:
            assert kept.get(key) is None
        assert kept.counters()["errors"] == 1, "nobody else has waited for it"
        redis.thaw()
        wait_for(lambda: "redis here: back" in caplog.text)
        wait_for(lambda: kept.get(key) == MESSAGE)


def test_many_at_a_time_wait_no_longer_than_one(redis):
    with store(redis.url) as kept:
        key = written(kept)
        redis.freeze()
        seconds = []
        threads = [
            threading.Thread(target=lambda: seconds.append(timed(kept.get, key)[1])) for _ in range(40)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert max(seconds) < BOUND


def test_a_redis_that_is_full_refuses_and_is_read(redis, caplog):
    caplog.set_level(logging.INFO)
    with store(redis.url) as kept, contextlib.closing(redis.client()) as client:
        key = written(kept)
        client.config_set("maxmemory", 1)
        for number in range(3):
            written(kept, OTHER)
            assert kept.counters()["dropped"] == number + 1
        assert caplog.text.count("redis here: writing: refused: ") == 1
        assert "command not allowed when used memory" in caplog.text
        assert kept.get(key) == MESSAGE
        client.config_set("maxmemory", 0)
        assert kept.get(written(kept, OTHER)) == MESSAGE
        assert "redis here: writing: works again" in caplog.text


def test_no_redis_at_all_keeps_nothing_from_starting(tmp_path, caplog):
    with store(f"unix://{tmp_path}/none") as kept:
        assert kept.get(KEY) is None
        kept.put(KEY, MESSAGE)
    assert caplog.text.count("until it is back nothing is found in it") == 1


def test_a_password_is_given_and_never_logged(caplog):
    caplog.set_level(logging.DEBUG)
    with redis_server.running("--requirepass", "s3cret-word") as redis:
        with store(redis.url.replace("unix://", "unix://:s3cret-word@")) as kept:
            assert kept.get(written(kept)) == MESSAGE
        with store(redis.url.replace("unix://", "unix://:wr0ng-word@")) as kept:
            assert kept.get(KEY) is None
        with store(redis.url) as kept:
            assert kept.get(KEY) is None
    assert "invalid username-password pair" in caplog.text
    assert "s3cret-word" not in caplog.text
    assert "wr0ng-word" not in caplog.text


def test_a_redis_with_tls_that_stands_still_costs_one_bounded_delay(tmp_path):
    """What ends an exchange there is not what ends it on a plain socket."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)

    def trickle(connection, over):
        connection.sendall(b"$1000000\r\n")
        while not over.wait(TIMEOUT / 10):
            connection.sendall(b"x")

    with instead_of_redis(trickle, server) as plain:
        url = plain.replace("redis://127.0.0.1", "rediss://localhost") + f"?ssl_ca_certs={tmp_path}/ca.pem"
        with store(url, timeout=1) as kept:
            found, seconds = timed(kept.get, KEY)
            assert found is None
            assert 0.5 < seconds < 1.8
            assert kept.counters()["errors"] == 1


@contextlib.contextmanager
def instead_of_redis(answer, tls=None):
    """Listen, take any command for done, and answer those that ask for a result in the way of `answer`."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()
    threads = []

    def serve(connection):
        with connection, contextlib.suppress(OSError):
            while (received := connection.recv(1 << 16)) and not over.is_set():
                if b"GET\r\n" in received and b"probe" not in received:
                    answer(connection, over)
                else:
                    connection.sendall(b"+OK\r\n" * len(re.findall(rb"\*\d+\r\n\$", received)))

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection = listening.accept()[0]
                if tls is not None:
                    connection = tls.wrap_socket(connection, server_side=True)
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"redis://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for thread in (accepting, *threads):
            thread.join()


ANSWERS = (
    b"+OK\r\n",
    b"garbage\r\n",
    b"\xff\xfe\0",
    b"$5\r\nabc",
    b"*-7\r\n",
    b"-ERR \xff\xff\r\n",
    b":1\r\n",
    b"%1\r\n",
)


@pytest.mark.parametrize("answer", [*ANSWERS, b"+OK\r\n" * 9, b""], ids=repr)
def test_whatever_is_answered_is_a_miss_in_time(answer):
    with instead_of_redis(lambda connection, _: connection.sendall(answer)) as url, store(url) as kept:
        for _ in range(3):
            found, seconds = timed(kept.get, KEY)
            assert found is None
            assert seconds < BOUND
        assert kept.counters()["errors"] >= 1


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_what_is_no_redis_at_all_is_a_miss_and_keeps_nothing_from_starting(answer):
    def garbage(listening):
        connection = listening.accept()[0]
        connection.sendall(answer)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=garbage, args=(listening,))
        thread.start()
        with store(f"redis://127.0.0.1:{listening.getsockname()[1]}") as kept:
            assert kept.get(KEY) is None
        thread.join()


def test_a_redis_that_is_slow_is_found_out_and_asked_no_more_than_is_worth_it():
    timeout = 2 * TIMEOUT  # what a busy machine adds has room in it, or answers were late and not slow

    def slow(connection, over):
        over.wait(0.6 * timeout)
        connection.sendall(b"$-1\r\n")

    with instead_of_redis(slow) as url, store(url, timeout=timeout) as kept:
        at_first = kept.fetch_seconds(1000)
        for _ in range(20):
            found, seconds = timed(kept.get, KEY)
            assert (found, seconds < BOUND) == (None, True)
        assert at_first < TIMEOUT / 4
        assert kept.fetch_seconds(1000) == float("inf"), "it might not be done in time"


def test_an_answer_that_trickles_is_cut_off():
    """Each byte comes in time, and all of them never."""

    def trickle(connection, over):
        connection.sendall(b"$1000000\r\n")
        while not over.wait(TIMEOUT / 10):
            connection.sendall(b"x")

    with instead_of_redis(trickle) as url, store(url) as kept:
        found, seconds = timed(kept.get, KEY)
        assert found is None
        assert TIMEOUT / 2 < seconds < BOUND
        assert kept.counters()["errors"] == 1
        found, seconds = timed(kept.get, KEY)
        assert (found, seconds < TIMEOUT / 2) == (None, True)


def test_more_than_may_wait_to_be_written_is_dropped(redis, monkeypatch):
    monkeypatch.setattr(redis_store, "QUEUE_BYTES", 3 * len(MESSAGE))
    with store(redis.url) as kept:
        redis.freeze()
        for number in range(10):
            kept.put(bytes([number]) * 32, MESSAGE)
            assert kept.counters()["bytes"] <= 3 * len(MESSAGE)
        assert kept.counters()["dropped"] >= 6
        redis.thaw()


def test_what_would_take_longer_than_it_may_is_not_worth_it(redis):
    with store(redis.url) as kept:
        assert 0 < kept.fetch_seconds(1000) < TIMEOUT / 2
        assert kept.fetch_seconds(1000) < kept.fetch_seconds(10_000_000)
        assert kept.fetch_seconds(1 << 31) == float("inf")


def test_an_end_that_comes_while_the_watching_thread_is_about_to_sleep_is_no_sleep():
    watch = connections._Watch(0.001)

    class Late(threading.Event):
        def clear(self):
            watch._closed.set()  # as `close` does, just before
            self.set()
            super().clear()

    first, watch._some = watch._some, Late()
    watch._some.set()
    first.set()
    watch._thread.join(20)
    assert not watch._thread.is_alive()
