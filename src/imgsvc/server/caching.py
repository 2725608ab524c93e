"""The result cache between plans and kernels: which requests it is asked for, and what callers are told."""

from __future__ import annotations

import importlib.util
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc._files import failure_of
from imgsvc.cache.cache import ResultCache
from imgsvc.cache.memory import MemoryStore
from imgsvc.config.values import DEFAULT_URL, redis_name, redis_url
from imgsvc.errors import ConfigurationError
from imgsvc.server.call import CACHE
from imgsvc.server.overload.price import Price

if TYPE_CHECKING:
    from collections.abc import Callable

    from imgsvc.cache.cache import Made
    from imgsvc.cache.store import Store
    from imgsvc.config import ServerConfig
    from imgsvc.recipes.prediction import Prediction
    from imgsvc.server.call import Call, Work
    from imgsvc.server.prepared import Prepared

__all__ = ["METADATA", "CachedItems", "Caching", "open_cache"]

METADATA = "x-imgsvc-cache"
"""Among the trailing metadata of calls that the cache was asked for."""

MAX_URL_BYTES = 4096


def open_cache(config: ServerConfig, prediction: Prediction) -> Caching | None:
    """Return the cache that is configured; None for none.

    Raises
    ------
    ConfigurationError
        What it needs is not installed, or the file with the URL cannot be read or holds none.
    """
    if config.cache == "off":
        return None
    prediction.calibrate()  # without times nothing would be worth keeping
    cache = ResultCache(_store(config), config.cache_worth)
    return Caching(cache, prediction, per_caller=config.cache_scope == "caller")


def _store(config: ServerConfig) -> Store:
    if config.cache == "memory":
        return MemoryStore(config.cache_bytes, config.cache_ttl)
    url = config.cache_redis_url or DEFAULT_URL
    if config.cache_redis_url_file is not None:
        url = _url_in(config.cache_redis_url_file)
    if importlib.util.find_spec("redis") is None:
        raise ConfigurationError("--cache: redis, expected its client: pip install 'imgsvc[redis]'")
    from imgsvc.cache.redis_store import RedisStore  # noqa: PLC0415 - only where it is there

    return RedisStore(
        url,
        redis_name(url),
        timeout=config.cache_redis_timeout,
        ttl=config.cache_ttl,
        prefix=config.cache_redis_prefix,
    )


def _url_in(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            content = file.read(MAX_URL_BYTES)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--cache-redis-url-file: {path}: {failure_of(error)}") from error
    try:
        return redis_url(content)
    except ConfigurationError as error:
        raise ConfigurationError(f"--cache-redis-url-file: {path}: {error}") from None


class Caching:
    """Finds answers.

    Parameters
    ----------
    cache
        Where they are kept.
    prediction
        How long computing takes.
    per_caller
        Whether a caller finds only what it has asked for itself.
    """

    def __init__(self, cache: ResultCache, prediction: Prediction, *, per_caller: bool) -> None:
        self.cache = cache
        self._prediction = prediction
        self._per_caller = per_caller

    def key(self, prepared: Prepared, work: Work) -> bytes | None:
        """Return the key of a request's answer; None where it is not worth to look for."""
        if not self._is_worth(prepared.price, prepared.num_bytes, prepared.answer_bytes):
            return None
        start = time.monotonic()
        key = prepared.cache_key(self._owner(work))
        work.note(CACHE, start, time.monotonic())
        return key

    def answer(self, key: bytes, call: Call, price: Price, compute: Callable[[], Made]) -> bytes:
        """Return the answer to a unary call, and tell its caller where it comes from."""
        start = time.monotonic()
        message, found, admitted = self.cache.answer(key, call, lambda: call.charge(price), compute)
        if found:
            call.note(CACHE, start, time.monotonic())
            if not admitted:  # or it holds enough, and its quota has been asked
                call.charge(Price(len(message), 0.0, 0))
            call.pixels = price.pixels
        call.cache = "hit" if found else "miss"
        call.trailing = ((METADATA, call.cache),)
        return message

    def counted(self) -> str:
        """Return what its counters say, for the log."""
        return " ".join(f"{name}={count}" for name, count in self.cache.counters().items())

    def close(self) -> None:
        """Let go of everything."""
        self.cache.close()

    def _is_worth(self, price: Price, hashed_bytes: int, found_bytes: int) -> bool:
        # What a request takes by itself it takes in any case.
        seconds = max(price.core_seconds - self._prediction.fixed_seconds, 0.0)
        return self.cache.rule.is_worth(seconds, hashed_bytes, found_bytes)

    def _owner(self, work: Work) -> str:
        return work.caller if self._per_caller else ""


class CachedItems:
    """Finds the results of one stream's items, and counts.

    Parameters
    ----------
    caching
        Where they are found.
    """

    def __init__(self, caching: Caching) -> None:
        self._caching = caching
        self._lock = threading.Lock()
        self._hits = 0
        self._misses = 0

    def key(self, prepared: Prepared, work: Work) -> bytes | None:
        """Return an item's key; None where it is not worth to look for."""
        return self._caching.key(prepared, work)

    def answer(
        self,
        key: bytes,
        work: Work,
        *,
        price: Price,
        admit: Callable[[Price], None],
        compute: Callable[[], Made],
    ) -> bytes:
        """Return the answer to `Process` that the item's result is made of."""
        start = time.monotonic()
        message, found, admitted = self._caching.cache.answer(key, work, lambda: admit(price), compute)
        if found:
            work.note(CACHE, start, time.monotonic())
            if not admitted:
                admit(Price(len(message), 0.0, 0))
        work.cache = "hit" if found else "miss"
        with self._lock:
            self._hits += found
            self._misses += not found
        return message

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return what the caller is told of how many results were found, if any was looked for."""
        if self._hits or self._misses:
            return ((METADATA, f"hits={self._hits} misses={self._misses}"),)
        return ()
