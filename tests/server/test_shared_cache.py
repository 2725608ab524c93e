"""One Redis under several servers: what one has computed the others find, and nobody needs it to be there."""

import collections
import contextlib
import itertools
import threading

import grpc
import numpy as np
import pytest
import trustme

from tests import processes, redis_server, rpc, v1
from tests.certificates import Files
from tests.processes import wait_for

pytest.importorskip("redis", reason="no redis: pip install 'imgsvc[redis]'")
from imgsvc.cache.redis_mode import CLUSTER, SENTINEL

CACHE = "x-imgsvc-cache"
DOWN, BACK = "until it is back nothing is found in it", ": back"
THREADS = 6


def serving(url):
    """Start a server that looks for whatever it is asked for."""
    options = ("--cache", "redis", "--cache-redis-url", url, "--cache-worth", "0")
    return processes.serving("--port", "0", *options)


def bodies_of(rng, count):
    images = rng.integers(0, 256, (count, 60, 80, 3), dtype=np.uint8)
    return [v1.request(v1.pixels(image), text="gaussian_blur 3").SerializeToString() for image in images]


def ask(connection, body):
    """Return the answer's bytes, and whether it was found."""
    answer, call = connection.unary_unary(v1.PROCESS).with_call(body, timeout=60)
    return answer, dict(call.trailing_metadata()).get(CACHE)


def counted(server):
    """End a server, and return what its log says of the cache."""
    server.process.terminate()
    server.wait()
    line = next(line for line in server.log.splitlines() if " cache: " in line)
    return dict(each.split("=") for each in line.split(" cache: ")[1].split())


def test_a_miss_on_one_is_a_hit_on_the_other_over_tls(rng, server, tmp_path):
    authority = trustme.CA()
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    mine = Files(tmp_path / "client").put(authority.issue_cert("imgsvc"))
    issued, folder = authority.issue_cert("localhost"), tmp_path / "redis"
    bodies = bodies_of(rng, 10)
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(redis_server.running_tls(issued, ca, asks_clients=True, folder=folder))
        url = f"{redis.tls}?ssl_ca_certs={ca}&ssl_certfile={mine.cert}&ssl_keyfile={mine.key}"
        servers = [stack.enter_context(serving(url)) for _ in range(2)]
        connections = [stack.enter_context(rpc.channel(each)) for each in servers]
        uncached = stack.enter_context(rpc.channel(server))
        for number, body in enumerate(bodies):
            first, other = connections if number < 7 else connections[::-1]
            expected, nothing = ask(uncached, body)
            assert nothing is None
            assert ask(first, body) == (expected, "miss")
            wait_for(lambda written=number + 1: len(redis.results()) == written)
            assert ask(other, body) == (expected, "hit")
        counts = [counted(each) for each in servers]
    assert [(count["misses"], count["hits"], count["stores"]) for count in counts] == [
        ("7", "3", "7"),
        ("3", "7", "3"),
    ]
    assert [count["errors"] for count in counts] == ["0", "0"]


class Load:
    """Threads that ask all servers in turn, each as soon as it has an answer, and count what comes of it."""

    def __init__(self, servers, bodies, expected):
        self.counts = collections.Counter()
        self._servers, self._bodies, self._expected = servers, bodies, expected
        self._over, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(THREADS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def further(self, what, count=100):
        """Wait for so many calls more of which that is said."""
        so_far = self.counts[what]
        wait_for(lambda: self.counts[what] >= so_far + count, 60)

    def _run(self, start):
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(rpc.channel(server)) for server in self._servers]
            for number in itertools.count(start):
                if self._over.is_set():
                    return
                which = number % len(self._bodies)
                connection = connections[number // len(self._bodies) % len(connections)]
                said = self._asked(connection, which)
                with self._lock:
                    self.counts[said] += 1

    def _asked(self, connection, which):
        try:
            answer, said = ask(connection, self._bodies[which])
        except grpc.RpcError as error:
            return f"failed: {error.code().name}"
        return said if answer == self._expected[which] else "wrong"


def test_redis_killed_under_load_costs_hits_and_no_call(rng, server):
    bodies = bodies_of(rng, 12)
    with rpc.channel(server) as uncached:
        expected = [ask(uncached, body)[0] for body in bodies]
    (port,) = redis_server.free_ports(1)
    with redis_server.running(port=port) as redis, serving(redis.tcp) as one, serving(redis.tcp) as other:
        servers = [one, other]
        with Load(servers, bodies, expected) as load:
            load.further("hit")
            redis.kill()
            load.further("miss")
            for each in servers:
                wait_for(lambda each=each: DOWN in each.log)
            load.further("miss")
            redis.start()
            for each in servers:
                wait_for(lambda each=each: BACK in each.log)
            load.further("hit", 200)
        assert set(load.counts) == {"hit", "miss"}, load.counts
        wait_for(lambda: len(redis.results()) == len(bodies))
        with rpc.channel(one) as first, rpc.channel(other) as second:
            (body,) = bodies_of(rng, 1)
            answer, said = ask(first, body)
            assert said == "miss"
            wait_for(lambda: len(redis.results()) == len(bodies) + 1)
            assert ask(second, body) == (answer, "hit")
        for each in servers:
            assert (each.log.count(DOWN), each.log.count(BACK)) == (1, 1)


def refusal(**variables):
    done = processes.run(
        "imgsvc-server", "--port", "0", "--cache", "redis", "--cache-redis-timeout", "5", **variables
    )
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def test_a_cluster_and_a_sentinel_keep_the_server_from_starting():
    with redis_server.running_cluster(1, 1, password="s3cret-word") as (node, _):
        address = node.tcp.removeprefix("redis://")
        said = refusal(IMGSVC_CFG_CACHE_REDIS_URL=f"redis://:s3cret-word@{address}")
        assert said == f"imgsvc-server: --cache: redis {address}: {CLUSTER}\n"
    (port,) = redis_server.free_ports(1)
    with redis_server.running(port=port) as redis, redis_server.running_sentinel(redis) as sentinel:
        address = sentinel.tcp.removeprefix("redis://")
        said = refusal(IMGSVC_CFG_CACHE_REDIS_URL=sentinel.tcp)
        assert said == f"imgsvc-server: --cache: redis {address}: {SENTINEL}\n"


def test_a_file_of_no_use_keeps_the_server_from_starting(tmp_path):
    redis_server.needed()
    none = tmp_path / "none.pem"
    said = refusal(IMGSVC_CFG_CACHE_REDIS_URL=f"rediss://localhost?ssl_ca_certs={none}")
    assert said == f"imgsvc-server: --cache-redis-url: ssl_ca_certs: {none}: No such file or directory\n"
