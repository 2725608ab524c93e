"""The allocator: tuned where it should be and nowhere else, and memory that comes back."""

import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import imgsvc
from tests import processes
from tests.processes import wait_for

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is tuned")

MIB = 1 << 20

# mallinfo2 (glibc 2.33) tells how many blocks were mapped by themselves.
MAPPED = """
import ctypes
class Info(ctypes.Structure):
    _fields_ = [(n, ctypes.c_size_t) for n in "arena ordblks smblks hblks hblkhd u f uo fo k".split()]
def mapped():
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = Info
    return mallinfo().hblks
def blocks_of_their_own():
    before = mapped()
    large = [bytes(n << 20) for n in (1, 20, 64, 300)]
    return mapped() - before
"""


def in_a_process(code):
    done = subprocess.run(
        [sys.executable, "-c", MAPPED + code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


def resident(pid):
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(re.search(r"VmRSS:\s*(\d+) kB", status)[1]) << 10


def test_large_buffers_stay_in_the_heap():
    code = (
        "from imgsvc.runtime.allocator import is_tuned, tune_allocator\n"
        "print(is_tuned(), tune_allocator(), is_tuned(), blocks_of_their_own())"
    )
    assert in_a_process(code) == ["False", "True", "True", "0"]


def test_the_programs_ask_for_it_before_grpc_is_loaded():
    code = (
        "import sys; from imgsvc._process import prepare_process; prepare_process()\n"
        "print('grpc' in sys.modules, blocks_of_their_own())"
    )
    assert in_a_process(code) == ["False", "0"]


def test_the_library_leaves_its_host_alone():
    code = "import imgsvc, imgsvc.client.sync, numpy; imgsvc.mean_filter(numpy.zeros((9, 9), numpy.uint8))"
    code += "\nprint(blocks_of_their_own() > 0)"
    assert in_a_process(code) == ["True"]


def test_a_server_keeps_memory_while_it_works_and_gives_it_back_when_it_is_quiet(serve):
    server = serve("--port", "0")
    wait_for(lambda: "large buffers: kept" in server.log)
    image = np.zeros((4000, 4000, 3), np.uint8)
    with imgsvc.Client(server.target) as client:
        client.mean_filter(image[:64, :64])
        before = resident(server.process.pid)
        client.mean_filter(image)
        assert resident(server.process.pid) > before + 80 * MIB  # a request and an answer of 48 MB
        wait_for(lambda: resident(server.process.pid) < before + 50 * MIB)
        client.mean_filter(image)


def test_the_programs_run_where_the_allocator_cannot_be_tuned(tmp_path):
    """As with another C library: what cannot be had is done without."""
    code = (
        "import ctypes; ctypes.CDLL = lambda name: object()\n"
        "from imgsvc.runtime.allocator import *; print(tune_allocator(), is_tuned(), trim())"
    )
    assert in_a_process(code) == ["False", "False", "False"]
    assert processes.run("imgsvc-client", "--version").returncode == 0
