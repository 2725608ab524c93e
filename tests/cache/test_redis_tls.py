"""TLS between a store and Redis: handshakes with a real one, and files that are of no use."""

import dataclasses
import logging

import pytest
import trustme

from imgsvc.cache.redis_reasons import HUNG_UP
from imgsvc.cache.redis_tls import check_tls_files
from imgsvc.errors import ConfigurationError
from tests import redis_server
from tests.certificates import Files
from tests.processes import wait_for

pytest.importorskip("redis", reason="no redis: pip install 'imgsvc[redis]'")
from imgsvc.cache.redis_store import RedisStore

KEY, MESSAGE = b"k" * 32, b"a message"


@dataclasses.dataclass
class Authority:
    """One that signs certificates, and the file of its own."""

    signs: trustme.CA
    file: object


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authorities")
    made = {name: Authority(trustme.CA(), folder / f"{name}.pem") for name in ("own", "strange")}
    for authority in made.values():
        authority.signs.cert_pem.write_to_path(authority.file)
    return made


@pytest.fixture(scope="module")
def redis(authorities, tmp_path_factory):
    """One that shows a certificate for localhost."""
    own = authorities["own"]
    issued, folder = own.signs.issue_cert("localhost"), tmp_path_factory.mktemp("redis")
    with redis_server.running_tls(issued, own.file, asks_clients=False, folder=folder) as running:
        yield running


@pytest.fixture(scope="module")
def mutual(authorities, tmp_path_factory):
    """One that asks for its clients' certificates, too."""
    own = authorities["own"]
    issued, folder = own.signs.issue_cert("localhost"), tmp_path_factory.mktemp("mutual")
    with redis_server.running_tls(issued, own.file, asks_clients=True, folder=folder) as running:
        yield running


def store(url):
    return RedisStore(url, "here", timeout=5, ttl=60, prefix="imgsvc:")


def keeps(url):
    """Return whether what is put through one store is found through another."""
    one, other = store(url), store(url)
    try:
        one.put(KEY, MESSAGE)
        wait_for(lambda: one.peek(KEY) is None)
        return other.get(KEY) == MESSAGE
    finally:
        one.close()
        other.close()


def refused(url, caplog):
    """Return the only line of the log on a store that never finds anything, after several tries."""
    caplog.set_level(logging.INFO)
    kept = store(url)
    try:
        tries = kept._connections._look
        tried = []
        kept._connections._look = lambda: (tried.append(True), tries())
        wait_for(lambda: len(tried) >= 2)
        assert kept.get(KEY) is None
    finally:
        kept.close()
    (line,) = (record.getMessage() for record in caplog.records if record.name == "imgsvc.cache")
    return line


def test_a_certificate_that_is_trusted(redis, authorities):
    assert keeps(f"{redis.tls}?ssl_ca_certs={authorities['own'].file}")


def test_one_of_another_authority(redis, authorities, caplog):
    line = refused(f"{redis.tls}?ssl_ca_certs={authorities['strange'].file}", caplog)
    assert line.startswith("redis here: its certificate is refused: ")  # and why, in OpenSSL's words
    assert line.endswith("; until it is back nothing is found in it")


def test_one_that_only_the_system_could_trust(redis, caplog):
    assert refused(redis.tls, caplog).startswith("redis here: its certificate is refused: ")


def test_one_for_another_host(redis, authorities, caplog):
    url = redis.tls.replace("localhost", "127.0.0.1")
    line = refused(f"{url}?ssl_ca_certs={authorities['own'].file}", caplog)
    assert "its certificate is refused: IP address mismatch, certificate is not valid for '127.0.0.1'" in line


def test_a_client_with_a_certificate(mutual, authorities, tmp_path):
    files = Files(tmp_path / "client").put(authorities["own"].signs.issue_cert("imgsvc"))
    ca = authorities["own"].file
    assert keeps(f"{mutual.tls}?ssl_ca_certs={ca}&ssl_certfile={files.cert}&ssl_keyfile={files.key}")


def test_a_client_with_none(mutual, authorities, caplog):
    assert HUNG_UP in refused(f"{mutual.tls}?ssl_ca_certs={authorities['own'].file}", caplog)


def test_a_client_with_one_of_another_authority(mutual, authorities, tmp_path, caplog):
    files = Files(tmp_path / "client").put(authorities["strange"].signs.issue_cert("imgsvc"))
    ca = authorities["own"].file
    url = f"{mutual.tls}?ssl_ca_certs={ca}&ssl_certfile={files.cert}&ssl_keyfile={files.key}"
    assert HUNG_UP in refused(url, caplog)


def test_certificates_that_have_been_replaced_are_taken_at_the_next_handshake(
    mutual, authorities, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    own, strange = authorities["own"], authorities["strange"]
    files = Files(tmp_path / "client").put(strange.signs.issue_cert("imgsvc"))
    kept = store(f"{mutual.tls}?ssl_ca_certs={own.file}&ssl_certfile={files.cert}&ssl_keyfile={files.key}")
    try:
        assert kept.get(KEY) is None
        files.put(own.signs.issue_cert("imgsvc"))
        wait_for(lambda: "redis here: back" in caplog.text)
    finally:
        kept.close()


class TestFiles:
    @staticmethod
    def reason(parameters):
        with pytest.raises(ConfigurationError) as raised:
            check_tls_files(f"rediss://h?{parameters}")
        return str(raised.value)

    def test_that_are_not_there(self, tmp_path):
        none = tmp_path / "none.pem"
        for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
            expected = f"--cache-redis-url: {name}: {none}: No such file or directory"
            assert self.reason(f"{name}={none}") == expected

    def test_that_hold_something_else(self, authorities, tmp_path):
        files = Files(tmp_path / "one").put(authorities["own"].signs.issue_cert("imgsvc"))
        other = Files(tmp_path / "other").put(authorities["own"].signs.issue_cert("imgsvc"))
        expected = f"--cache-redis-url: ssl_ca_certs: {files.key}: no certificates in it, expected PEM"
        assert self.reason(f"ssl_ca_certs={files.key}") == expected
        for cert, key in ((files.cert, other.key), (files.key, files.key), (files.cert, files.cert)):
            expected = f"ssl_certfile: {cert}: not of the key in {key}, or no PEM without a passphrase"
            assert self.reason(f"ssl_certfile={cert}&ssl_keyfile={key}") == f"--cache-redis-url: {expected}"
        expected = (
            f"ssl_certfile: {files.cert}: not of the key in {files.cert}, or no PEM without a passphrase"
        )
        assert self.reason(f"ssl_certfile={files.cert}") == f"--cache-redis-url: {expected}"

    def test_that_can_be_used(self, authorities, tmp_path):
        files = Files(tmp_path / "one").put(authorities["own"].signs.issue_cert("imgsvc"))
        ca = authorities["own"].file
        check_tls_files(
            f"rediss://h?ssl_ca_certs={ca}&ssl_certfile={files.cert}&ssl_keyfile={files.key}&db=1"
        )
        check_tls_files("redis://h")
