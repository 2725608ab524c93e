import sys
import tempfile
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from imgsvc import _dispatch
from tests import builds, processes
from tests.prepared import Programs
from tests.tiers import leave_more

hypothesis.settings.register_profile("quick", deadline=None, max_examples=20)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=100)
# For builds that are slow, and for runs beside a full one.
hypothesis.settings.register_profile("brief", deadline=None, max_examples=8)
hypothesis.settings.load_profile("quick")


def pytest_configure(config):
    if not config.getoption("thorough"):
        processes.prepared = Programs() if sys.platform == "linux" else None
    elif not config.getoption("hypothesis_profile"):
        hypothesis.settings.load_profile("thorough")


def pytest_unconfigure():
    if processes.prepared is not None:
        processes.prepared.close()


def pytest_generate_tests(metafunc):
    own = any(mark.args[0] == "isa" for mark in metafunc.definition.iter_markers("parametrize"))
    if "isa" in metafunc.fixturenames and not own:
        thorough = metafunc.config.getoption("thorough")
        isas = _dispatch.usable_isas() if thorough else [_dispatch.isa()]
        metafunc.parametrize("isa", isas, indirect=True)


def pytest_runtest_setup(item):
    if item.get_closest_marker("hypothesis"):
        leave_more(item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item):
    if processes.prepared is not None and processes.prepared.has_started():
        leave_more(item)


@pytest.fixture
def isa(request, monkeypatch):
    """The build of the kernels that this machine chooses, or each that it runs with `--thorough`."""
    builds.use(monkeypatch, request.param)
    yield request.param
    builds.forget()


@pytest.fixture
def rng():
    return np.random.default_rng(20240229)


@pytest.fixture
def photo(rng):
    """An RGB image whose rows and columns all differ."""
    return rng.integers(0, 256, (97, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def server():
    """The installed imgsvc-server as a process, with its defaults, on a free port."""
    with processes.serving("--port", "0") as running:
        yield running


@pytest.fixture
def socket_path():
    """A path for a Unix socket: short, which pytest's own folders are not everywhere."""
    with tempfile.TemporaryDirectory(prefix="imgsvc-", dir="/tmp") as folder:
        yield Path(folder) / "socket"


@pytest.fixture
def serve():
    """Starts installed servers with the options given, and ends them with the test."""
    started = []

    def start(*options, **kwargs):
        manager = processes.serving(*options, **kwargs)
        started.append(manager)
        return manager.__enter__()

    yield start
    for manager in reversed(started):
        manager.__exit__(None, None, None)
