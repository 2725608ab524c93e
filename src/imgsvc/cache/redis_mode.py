"""Modes of a Redis in which it does not hold all keys: a node of a cluster, a sentinel."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from imgsvc.cache.redis_commands import command
from imgsvc.cache.redis_errors import RefusedError, UnservedError

if TYPE_CHECKING:
    from imgsvc.cache.connections import Run

__all__ = ["CLUSTER", "SENTINEL", "check_mode"]

CLUSTER = (
    "a node of a cluster, which holds some of the keys; "
    "expected one that holds all: a Redis by itself, a proxy of the cluster, or a Redis for each server"
)
SENTINEL = "a sentinel, which holds no keys; expected the address of the primary that it watches"

KEYS = 64
"""That a cluster is asked for: of a node with nine tenths of them all, 998 of 1000 times one is elsewhere."""


def check_mode(run: Run, prefix: bytes) -> None:
    """Find out whether a Redis holds all keys.

    What it calls itself does not tell: a cluster of one node, and some proxies of a whole one, say that they
    are a cluster, and hold all. So what says so is asked for keys that fall to all nodes.

    Parameters
    ----------
    run
        Runs a command; raises `UnservedError` where its key is on another node.
    prefix
        What the keys begin with; others may be forbidden.

    Raises
    ------
    UnservedError
        It does not.
    """
    try:
        mode = _mode(run(command(b"HELLO", b"2")))
    except RefusedError:  # of a proxy, or a Redis before 6; the first key that is elsewhere will tell
        return
    if mode == b"sentinel":
        raise UnservedError(SENTINEL)
    if mode == b"cluster":
        for number in range(KEYS):
            with contextlib.suppress(RefusedError):
                run(command(b"GET", b"%sprobe:%d" % (prefix, number)))


def _mode(answer: object) -> object:
    """Return the mode from a list of names, each with its value behind it; None of anything else."""
    if not isinstance(answer, list):
        return None
    pairs = zip(answer[::2], answer[1::2], strict=False)
    return next((value for name, value in pairs if name == b"mode"), None)
