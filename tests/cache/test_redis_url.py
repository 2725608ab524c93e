"""The URL of a Redis: what it may be, and that its password is shown nowhere."""

import dataclasses

import pytest

from imgsvc._options import Secret
from imgsvc.config import ServerConfig
from imgsvc.config.sources import as_toml
from imgsvc.config.values import redis_name, redis_url
from imgsvc.errors import ConfigurationError


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://localhost", "localhost:6379"),
        ("redis://localhost:1234/2", "localhost:1234"),
        ("rediss://cache.example:6380?ssl_ca_certs=/etc/ca.pem&db=1", "cache.example:6380"),
        ("unix:///run/redis.sock?db=1", "/run/redis.sock"),
        ("redis://user:pass@[::1]:7", "::1:7"),
    ],
)
def test_urls_and_what_the_log_calls_them(url, name):
    assert redis_url(f" {url}\n") == url
    assert redis_name(url) == name


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://:s3cret@h", "the scheme 'http', expected redis://, rediss:// or unix://"),
        ("s3cret", "the scheme '', expected redis://, rediss:// or unix://"),
        (
            "redis+sentinel://:s3cret@h:26379/main",
            "the scheme 'redis+sentinel', expected redis://, rediss:// or unix://",
        ),
        ("REDIS://h", "the scheme 'REDIS', expected redis://, rediss:// or unix://"),
        ("redis-sentinel://h", "the scheme 'redis-sentinel', expected redis://, rediss:// or unix://"),
        ("redis+cluster://h", "the scheme 'redis+cluster', expected redis://, rediss:// or unix://"),
        ("redis://:s3cret@a:1,b:2", "no URL, expected redis://, rediss:// or unix://"),
        ("redis://:s3cret@", "no host, expected redis://host:port"),
        ("unix://", "no path, expected unix:///path/to/socket"),
        ("redis://:s3cret@h:99999", "no URL, expected redis://, rediss:// or unix://"),
        ("redis://:s3cret@[h", "no URL, expected redis://, rediss:// or unix://"),
        ("redis://h:0", "port 0, expected 1 to 65535"),
        (
            "redis://h?socket_timeout=s3cret",
            "the parameter 'socket_timeout', expected one of db, ssl_ca_certs, ssl_certfile, ssl_keyfile",
        ),
        (
            "redis://h?ssl_ca_certs=/ca.pem",
            "the parameter 'ssl_ca_certs' of redis://, expected it of rediss:// only",
        ),
        ("rediss://h?ssl_keyfile=/k", "the parameter 'ssl_keyfile', expected 'ssl_certfile' beside it"),
        ("redis://h?db=s3cret", "the parameter 'db', expected a number"),
    ],
)
def test_others_are_refused_without_showing_them(url, message):
    with pytest.raises(ConfigurationError) as raised:
        redis_url(url)
    assert str(raised.value) == message


def test_one_with_a_password_is_shown_nowhere():
    config = ServerConfig(cache_redis_url=redis_url("redis://:s3cret@h"))
    assert isinstance(config.cache_redis_url, Secret)
    assert "s3cret" not in repr(config)
    assert "# cache_redis_url: not shown, as it holds a password\n" in as_toml(dataclasses.asdict(config))
    assert 'cache_redis_url = "redis://user@h"\n' in as_toml({"cache_redis_url": redis_url("redis://user@h")})


def test_there_is_one_url_at_most():
    with pytest.raises(ConfigurationError) as raised:
        ServerConfig(cache_redis_url="redis://h", cache_redis_url_file="/f")
    assert str(raised.value) == "--cache-redis-url-file: /f, expected no --cache-redis-url as well"
