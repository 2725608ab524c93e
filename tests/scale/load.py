"""Calls through a balancer, counted."""

import contextlib
import dataclasses
import threading

import numpy as np

import imgsvc

SMALL = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
INVERTED = 255 - SMALL


@dataclasses.dataclass
class Counts:
    """What became of calls."""

    done: int = 0
    wrong: int = 0
    failed: list = dataclasses.field(default_factory=list)

    @property
    def sent(self):
        return self.done + self.wrong + len(self.failed)


class Load:
    """Threads that call, each as soon as it has an answer, until they are told to stop."""

    def __init__(self, target, *, threads=4, image=SMALL, **options):
        self.counts = Counts()
        self._target = target
        self._image = image
        self._expected = 255 - image
        self._options = {"retries": 0, "timeout": 60, **options}
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self.counts

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        with imgsvc.Client(self._target, **self._options) as client:
            while not self._over.is_set():
                try:
                    result = client.invert(self._image)
                except imgsvc.ImgsvcError as error:
                    with self._lock:
                        self.counts.failed.append(str(error))
                else:
                    right = np.array_equal(result, self._expected)
                    with self._lock:
                        self.counts.done += right
                        self.counts.wrong += not right


def all_right(counts):
    """Look whether nothing failed and nothing was wrong."""
    assert counts.failed[:5] == []
    assert counts.wrong == 0
    return True


@contextlib.contextmanager
def under_load(target, **options):
    """Call meanwhile, and look at what became of that at the end."""
    load = Load(target, **options)
    with load as counts:
        yield counts
    all_right(counts)
