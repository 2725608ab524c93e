"""The result cache of the installed server: what is found, what that is told, and what a bad Redis costs."""

import contextlib
import itertools
import re
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from imgsvc.config import ServerConfig
from imgsvc.server.callers.keys import new_key, shown_digest
from imgsvc.server.lifecycle import Server
from imgsvc.stubs.nl_image_service_pb2 import NLImageRotateRequest
from imgsvc.v1 import image_service_pb2 as messages
from imgsvc.v1 import recipe_pb2
from tests import processes, redis_server, rpc, v1
from tests.processes import wait_for

SLOW = "gaussian_blur 20 | gaussian_blur 10 | gaussian_blur 20"
TOLD = ("hit", "miss")
ALL = ("--cache-worth", "0")
"""Whatever is asked for is looked for."""


@pytest.fixture(scope="module")
def redis():
    with redis_server.running() as running:
        yield running


@pytest.fixture(scope="module")
def memory():
    with processes.serving("--port", "0", "--cache", "memory", *ALL) as server:
        yield server


@pytest.fixture
def image(rng):
    return rng.integers(0, 256, (120, 150, 3), dtype=np.uint8)


def with_redis(redis, *options):
    return processes.serving(
        "--port", "0", "--cache", "redis", "--cache-redis-url", redis.url, *ALL, *options
    )


def ask(connection, body, method=v1.PROCESS, timeout=30):
    """Return the answer's bytes, and what its trailing metadata say of the cache."""
    answer, call = connection.unary_unary(method).with_call(body, timeout=timeout)
    return answer, dict(call.trailing_metadata()).get("x-imgsvc-cache")


def body(image, text="gaussian_blur 3", **fields):
    return v1.request(v1.pixels(image), text=text, **fields).SerializeToString()


def counted(server):
    """End a server, and return what its log says of the cache."""
    server.process.terminate()
    server.wait()
    line = next(line for line in server.log.splitlines() if " cache: " in line)
    return {
        name: int(count)
        for name, _, count in (each.partition("=") for each in line.split(" cache: ")[1].split())
    }


def test_off_by_default(server, image):
    with rpc.channel(server) as connection:
        assert [ask(connection, body(image))[1] for _ in range(2)] == [None, None]


@pytest.mark.parametrize("kind", ["memory", "redis"])
def test_a_hit_is_a_miss_byte_for_byte(kind, image, server, request):
    running = contextlib.nullcontext(request.getfixturevalue("memory"))
    if kind == "redis":
        running = with_redis(request.getfixturevalue("redis"))
    outputs = [
        recipe_pb2.Output(name=name, encoding=recipe_pb2.Encoding(format=f"FORMAT_{name}"))
        for name in ("RAW", "JPEG", "PNG")
    ]
    file = v1.request(v1.file(v1.encoded(image)), text=SLOW, outputs=outputs).SerializeToString()
    with running as cached, rpc.channel(cached) as connection, rpc.channel(server) as uncached:
        for request_body in (body(image), file):
            expected, nothing = ask(uncached, request_body)
            assert nothing is None
            assert ask(connection, request_body) == (expected, "miss")
            wait_for(lambda sent=request_body: ask(connection, sent)[1] == "hit")
            assert ask(connection, request_body) == (expected, "hit")


def test_the_same_written_differently_is_a_hit_and_another_image_a_miss(memory, image):
    with rpc.channel(memory) as connection:
        assert ask(connection, body(image, "gaussian_blur 9 | rotate90 1 | rotate90 2"))[1] == "miss"
        assert ask(connection, body(image, "gaussian_blur sigma=9.0 | rotate90 3"))[1] == "hit"
        image[0, 0, 0] ^= 1
        assert ask(connection, body(image, "gaussian_blur sigma=9.0 | rotate90 3"))[1] == "miss"


def test_what_is_computed_sooner_than_found_is_not_looked_for(serve, rng):
    small = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    with rpc.channel(serve("--port", "0", "--cache", "memory")) as connection:
        assert [ask(connection, body(small, "invert"))[1] for _ in range(2)] == [None, None]
        photo = rng.integers(0, 256, (600, 800, 3), dtype=np.uint8)
        output = recipe_pb2.Output(encoding=recipe_pb2.Encoding(format="FORMAT_GIF"))
        slow = body(photo[:100], "gaussian_blur 2", outputs=[output])
        assert [ask(connection, slow)[1] for _ in range(2)] == ["miss", "hit"]


def test_both_methods_of_the_contract_are_looked_for(memory, image):
    message = rpc.image_message(image)
    turned = NLImageRotateRequest(image=message, rotation=1)
    with rpc.channel(memory) as connection:
        for request, method in ((message, rpc.MEAN_FILTER), (turned, rpc.ROTATE_IMAGE)):
            first, second = (ask(connection, request.SerializeToString(), method) for _ in range(2))
            assert first[0] == second[0]
            assert (first[1], second[1]) == ("miss", "hit")


def test_errors_are_not_kept(memory, image):
    damaged = v1.encoded(image)[:-1000]
    request = v1.request(v1.file(damaged), text=SLOW).SerializeToString()
    with rpc.channel(memory) as connection:
        for _ in range(2):
            code, details = rpc.answer_of(lambda: connection.unary_unary(v1.PROCESS)(request, timeout=30))
            assert code is grpc.StatusCode.INVALID_ARGUMENT
            assert details.startswith("image: ")


def test_many_equal_requests_at_a_time_compute_once(serve, rng):
    image = rng.integers(0, 256, (1000, 1500, 3), dtype=np.uint8)
    server = serve("--port", "0", "--cache", "memory", *ALL)
    with rpc.channel(server) as connection, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: ask(connection, body(image, SLOW)), range(12)))
    assert sorted(told for _, told in answers) == ["hit"] * 11 + ["miss"]
    assert len({answer for answer, _ in answers}) == 1
    counters = counted(server)
    assert (counters["hits"], counters["misses"], counters["stores"]) == (11, 1, 1)


@pytest.mark.parametrize("leaves", ["leader", "follower"])
def test_who_leaves_takes_nobody_along(memory, rng, leaves):
    image = rng.integers(0, 256, (1200, 1500, 3), dtype=np.uint8)
    request = body(image, SLOW)
    with rpc.channel(memory) as connection:
        calls = [connection.unary_unary(v1.PROCESS).future(request, timeout=30)]
        time.sleep(0.05)  # the first is computing, or about to; whichever it is, the other gets its answer
        calls.append(connection.unary_unary(v1.PROCESS).future(request, timeout=30))
        time.sleep(0.01)
        leaving, staying = calls if leaves == "leader" else calls[::-1]
        leaving.cancel()
        staying.result(30)
        assert dict(staying.trailing_metadata())["x-imgsvc-cache"] in {"hit", "miss"}
        assert ask(connection, request)[1] == "hit"


def batch(connection, items, text="gaussian_blur 3"):
    request = messages.ProcessBatchRequest(
        recipe=recipe_pb2.Recipe(text=text),
        items=[messages.BatchItem(id=name, image=v1.pixels(image)) for name, image in items],
    )
    call = connection.stream_stream(v1.BATCH)(iter([request.SerializeToString()]), timeout=60)
    results = [
        result for answer in call for result in messages.ProcessBatchResponse.FromString(answer).results
    ]
    return {result.id: result for result in results}, dict(call.trailing_metadata()).get("x-imgsvc-cache")


def test_items_of_a_batch_are_found_too_and_share_with_single_calls(memory, server, rng):
    images = [rng.integers(0, 256, (60, 80, 3), dtype=np.uint8) for _ in range(4)]
    items = [(f"id {number}", image) for number, image in enumerate(images)]
    with rpc.channel(memory) as connection, rpc.channel(server) as uncached:
        single, told = ask(connection, body(images[0]))
        assert told == "miss"
        expected, nothing = batch(uncached, items)
        assert nothing is None
        results, told = batch(connection, items)
        assert told == "hits=1 misses=3"
        assert results == expected
        assert results["id 0"].response == messages.ProcessResponse.FromString(single)
        assert batch(connection, items) == (expected, "hits=4 misses=0")
        assert ask(connection, body(images[3]))[1] == "hit"


def test_a_bad_item_of_a_batch_is_a_bad_result_and_not_kept(memory, image):
    bad = recipe_pb2.Recipe(text="resize width=1000 height=1000", outputs=[
        recipe_pb2.Output(encoding=recipe_pb2.Encoding(format="FORMAT_JPEG", max_bytes=10))])  # fmt: skip
    request = messages.ProcessBatchRequest(
        items=[messages.BatchItem(id="x", image=v1.pixels(image), recipe=bad)]
    )
    with rpc.channel(memory) as connection:
        for _ in range(2):
            call = connection.stream_stream(v1.BATCH)(iter([request.SerializeToString()]), timeout=60)
            (result,) = messages.ProcessBatchResponse.FromString(next(call)).results
            assert result.status.field == "recipe.outputs[0].encoding.max_bytes"


def test_never_more_bytes_than_given(serve, rng):
    server = serve("--port", "0", "--cache", "memory", "--cache-bytes", "1MiB", *ALL)
    images = rng.integers(0, 256, (12, 200, 200, 3), dtype=np.uint8)  # 120 KB each: 8 of them fit
    with rpc.channel(server) as connection:
        for image in images:
            assert ask(connection, body(image))[1] == "miss"
        assert ask(connection, body(images[-1]))[1] == "hit"
        assert ask(connection, body(images[0]))[1] == "miss"
        large = rng.integers(0, 256, (400, 400, 3), dtype=np.uint8)
        assert [ask(connection, body(large))[1] for _ in range(2)] == [None, None]
    counters = counted(server)
    assert (counters["hits"], counters["misses"], counters["entries"]) == (1, 13, 8)
    assert counters["evictions"] == 5
    assert 8 * 120_000 < counters["bytes"] <= 1 << 20
    lines = {told: [line for line in server.log.splitlines() if f" cache={told} " in line] for told in TOLD}
    assert [len(lines[told]) for told in TOLD] == [1, 13]
    assert all(" cache_ms=" in line for told in TOLD for line in lines[told])
    assert " compute_ms=" not in lines["hit"][0]
    assert all(" compute_ms=" in line for line in lines["miss"])


def test_nothing_is_kept_beyond_its_time(serve, image):
    server = serve("--port", "0", "--cache", "memory", "--cache-ttl", "0.2", *ALL)
    with rpc.channel(server) as connection:
        assert ask(connection, body(image))[1] == "miss"
        wait_for(lambda: ask(connection, body(image))[1] == "miss")


def test_several_servers_share_a_redis_and_keys_have_its_prefix(redis, image):
    with with_redis(redis, "--cache-redis-prefix", "both:") as one, rpc.channel(one) as connection:
        expected, told = ask(connection, body(image))
        assert told == "miss"
        wait_for(lambda: redis.results("both:"))
    with with_redis(redis, "--cache-redis-prefix", "both:") as other, rpc.channel(other) as connection:
        assert ask(connection, body(image)) == (expected, "hit")


@pytest.mark.parametrize("scope", ["caller", "shared"])
def test_callers_find_their_own_results_or_all(serve, tmp_path, image, scope):
    keys = {name: new_key() for name in ("webshop", "robot")}
    callers = tmp_path / "callers.toml"
    callers.write_text("".join(f"[{name}]\nkeys = ['{shown_digest(key)}']\n" for name, key in keys.items()))
    options = () if scope == "caller" else ("--cache-scope", "shared")
    server = serve("--port", "0", "--cache", "memory", "--callers", callers, *ALL, *options)
    with rpc.channel(server) as connection:
        told = []
        for name in ("webshop", "webshop", "robot", "robot"):
            metadata = [("authorization", f"Bearer {keys[name]}")]
            _, call = connection.unary_unary(v1.PROCESS).with_call(body(image), timeout=30, metadata=metadata)
            told.append(dict(call.trailing_metadata())["x-imgsvc-cache"])
    assert told == ["miss", "hit", "miss" if scope == "caller" else "hit", "hit"]


def test_garbage_in_redis_gives_the_right_answer(redis, image, server):
    def asked():
        answer, told = ask(connection, body(image))
        assert answer == expected
        return told

    running = with_redis(redis, "--cache-redis-prefix", "garbage:")
    with running as cached, rpc.channel(cached) as connection, rpc.channel(server) as uncached:
        expected = ask(uncached, body(image))[0]
        assert asked() == "miss"
        (name,) = wait_for(lambda: redis.results("garbage:"))
        with contextlib.closing(redis.client()) as client:
            for garbage in (b"", b"garbage" * 100, client.get(name)[:-1]):
                client.set(name, garbage)
                wait_for(lambda: asked() == "miss")
                wait_for(lambda: asked() == "hit")
        told = f"{name.decode()} does not hold what was written there"
        wait_for(lambda: told in cached.log)
        assert cached.log.count(told) == 1


def test_counters_are_metrics(image):
    pytest.importorskip("prometheus_client", reason="prometheus-client is not installed")
    options = ("--port", "0", "--cache", "memory", "--metrics-port", "0", *ALL)
    with processes.serving(*options) as server, rpc.channel(server) as connection:
        for told in ("miss", "hit"):
            assert ask(connection, body(image))[1] == told
        url = wait_for(lambda: re.search(r"metrics on (http://[^ ,]*/metrics)", server.log))[1]

        def scraped():
            with urllib.request.urlopen(url, timeout=20) as page:
                return dict(
                    line.rsplit(" ", 1) for line in page.read().decode().splitlines() if line[0] != "#"
                )

        requests = f'imgsvc_cached_requests_total{{method="{v1.PROCESS}",result="%s"}}'
        # A call is over a moment after its answer.
        metrics = wait_for(lambda: requests % "hit" in (found := scraped()) and found)
    answer = float(metrics["imgsvc_cache_bytes"])
    assert image.nbytes < answer < image.nbytes + 1000
    counted = ("entries", "stores_total", "dropped_total", "evictions_total", "errors_total")
    assert [float(metrics[f"imgsvc_cache_{name}"]) for name in counted] == [1, 1, 0, 0, 0]
    for told in ("miss", "hit"):
        assert metrics[requests % told] == "1.0"


class Traffic:
    """Callers that call until they are told to stop; each call is checked."""

    def __init__(self, connection, bodies, expected):
        self.over = False
        self.seconds = []
        self.told = set()
        self._connection = connection
        self._bodies = bodies
        self._expected = expected

    def __call__(self, number):
        for step in itertools.count(number):
            if self.over:
                return
            which = step % len(self._bodies)
            start = time.monotonic()
            answer, told = ask(self._connection, self._bodies[which])
            self.seconds.append(time.monotonic() - start)
            assert answer == self._expected[which]
            self.told.add(told)


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_a_redis_that_dies_amid_traffic_fails_no_call_and_delays_each_for_a_bounded_time(how, rng):
    images = rng.integers(0, 256, (6, 100, 100, 3), dtype=np.uint8)
    bodies = [body(image) for image in images]
    options = ("--cache-redis-timeout", "0.3")
    with (
        redis_server.running() as redis,
        with_redis(redis, *options) as server,
        rpc.channel(server) as connection,
    ):
        expected = [ask(connection, each)[0] for each in bodies]
        wait_for(lambda: len(redis.results()) == len(bodies))
        traffic = Traffic(connection, bodies, expected)
        with ThreadPoolExecutor(4) as pool:
            callers = [pool.submit(traffic, number) for number in range(4)]
            try:
                wait_for(lambda: traffic.told == {"hit"} and len(traffic.seconds) > 50)
                getattr(redis, how)()
                wait_for(lambda: "until it is back nothing is found in it" in server.log)
                calls = len(traffic.seconds)
                wait_for(lambda: len(traffic.seconds) > calls + 50)
                assert "miss" in traffic.told
                redis.start() if how == "kill" else redis.thaw()
                wait_for(lambda: ": back" in server.log)
                traffic.told.clear()
                wait_for(lambda: "hit" in traffic.told)
            finally:
                traffic.over = True
        for caller in callers:
            caller.result()
        assert max(traffic.seconds) < 1.5 * 0.3 + 1.0
        assert server.log.count("until it is back nothing is found in it") == 1


def test_a_server_starts_without_its_redis(tmp_path, image):
    redis_server.needed()
    with (
        processes.serving(
            "--port", "0", "--cache", "redis", "--cache-redis-url", f"unix://{tmp_path}/none", *ALL
        ) as server,
        rpc.channel(server) as connection,
    ):
        assert ask(connection, body(image))[1] == "miss"
        # What has not been given up writing is found meanwhile.
        processes.wait_for(lambda: ask(connection, body(image))[1] == "miss")
        assert f"redis {tmp_path}/none: Error 2 connecting to" in server.log


def test_a_password_comes_from_a_file_or_the_environment_and_is_shown_nowhere(tmp_path, image):
    with redis_server.running("--requirepass", "s3cret-word") as redis:
        url = redis.url.replace("unix://", "unix://:s3cret-word@")
        file = tmp_path / "url"
        file.write_text(f"{url}\n")
        options = (
            "--port",
            "0",
            "--cache",
            "redis",
            "--cache-redis-url-file",
            file,
            "--log-level",
            "debug",
            *ALL,
        )
        with processes.serving(*options) as server, rpc.channel(server) as connection:
            ask(connection, body(image))
            wait_for(lambda: ask(connection, body(image))[1] == "hit")
        assert "s3cret-word" not in server.log
        printed = processes.run("imgsvc-server", "--print-config", IMGSVC_CFG_CACHE_REDIS_URL=url)
        assert printed.returncode == 0
        assert "s3cret-word" not in printed.stdout
        assert "# cache_redis_url: not shown, as it holds a password\n" in printed.stdout
        refused = processes.run("imgsvc-server", "--cache-redis-url", url)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == (
            "imgsvc-server: --cache-redis-url: a password, which everybody on this machine sees in a flag; "
            "expected it in IMGSVC_CFG_CACHE_REDIS_URL or a file\n"
        )


def test_a_bad_url_or_none_keeps_the_server_from_starting(tmp_path):
    redis_server.needed()
    file = tmp_path / "url"
    arguments = ("--port", "0", "--cache", "redis", "--cache-redis-url-file", file)
    missing = processes.run("imgsvc-server", *arguments)
    assert missing.stderr == f"imgsvc-server: --cache-redis-url-file: {file}: No such file or directory\n"
    file.write_text("http://:s3cret@h")
    wrong = processes.run("imgsvc-server", *arguments)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == (
        f"imgsvc-server: --cache-redis-url-file: {file}: "
        "the scheme 'http', expected redis://, rediss:// or unix://\n"
    )


def test_without_the_extra_the_server_says_how_to_get_it():
    run = (
        "import sys; sys.modules['redis'] = None; from imgsvc.server.cli import main; "
        "main(['--port', '0', '--cache', 'redis'])"
    )
    ended = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.endswith(": --cache: redis, expected its client: pip install 'imgsvc[redis]'\n")


@pytest.mark.parametrize("method", [v1.PROCESS, v1.BATCH])
def test_who_was_let_in_is_not_refused_for_what_it_has_just_paid(method, tmp_path, monkeypatch):
    """Where another has computed the same in the moment between."""
    modest, other = new_key(), new_key()
    file = tmp_path / "callers.toml"
    quota = "pixels_per_second = 1000\n"
    file.write_text(
        "".join(
            f'[{name}]\nkeys = ["{shown_digest(key)}"]\n{more}'
            for name, key, more in (("modest", modest, quota), ("other", other, ""))
        )
    )
    request = v1.request(v1.pixels(np.zeros((100, 100), np.uint8)), text="invert")
    config = ServerConfig(host="127.0.0.1", port=0, cache="memory", cache_worth=0.0, callers=str(file))
    with Server(config) as server, grpc.insecure_channel(server.addresses[0]) as connection:

        def process(key):
            metadata = [("authorization", f"Bearer {key}")]
            if method == v1.PROCESS:
                body = request.SerializeToString()
                return connection.unary_unary(method)(body, timeout=20, metadata=metadata)
            item = messages.BatchItem(image=request.image, recipe=request.recipe)
            batch = messages.ProcessBatchRequest(items=[item]).SerializeToString()
            return list(connection.stream_stream(method)(iter([batch]), timeout=20, metadata=metadata))

        expected = process(other)
        cache = server._caching.cache
        [answer] = [kept.message for kept in cache._store._kept.values()]
        begin = cache._flights.begin

        def begin_late(key):
            cache._store.put(key, answer)
            return begin(key)

        monkeypatch.setattr(cache._flights, "begin", begin_late)
        assert process(modest) == expected
        assert cache.hits == 1
        wait_for(lambda: server.limiter.num_bytes == 0)
