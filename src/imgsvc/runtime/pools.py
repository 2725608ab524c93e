"""Thread pools that are complete when they are made."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from imgsvc.errors import ConfigurationError


def start_pool(threads: int, name: str) -> ThreadPoolExecutor:
    """Return a pool whose threads all run.

    An executor starts them as calls come, on gRPC's serving thread. Where the system gives no more threads,
    that ends the serving of every call, silently; here it is an error at start-up.

    Raises
    ------
    ConfigurationError
        The system gives no more threads.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix=f"imgsvc-{name}")
    all_run = threading.Barrier(threads + 1)
    try:
        for _ in range(threads):
            pool.submit(all_run.wait)
    except RuntimeError as error:
        all_run.abort()
        pool.shutdown(wait=False)
        raise ConfigurationError(f"cannot start {threads} threads for {name}: {error}") from error
    all_run.wait()
    return pool
