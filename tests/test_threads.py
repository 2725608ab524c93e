"""Threads: how many by default, and in a process that was forked."""

import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pytest

import imgsvc
from imgsvc import _dispatch, _threads
from tests import processes, reference


def test_small_images_take_one_thread():
    assert _threads.threads_for(64 * 64, None) == 1


def test_large_images_take_the_cores_of_the_affinity_mask():
    assert _threads.threads_for(1 << 30, None) == min(_threads.available_cores(), _threads.MAX_THREADS)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity masks")
def test_the_affinity_mask_counts():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert _threads.available_cores() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_more_threads_than_cores_are_the_callers_choice():
    assert _threads.threads_for(1 << 30, 7) == 7


def test_no_more_threads_than_have_something_to_do():
    assert _threads.threads_for(3 * _threads.BYTES_PER_THREAD, 7) == 3
    assert _threads.threads_for(_threads.BYTES_PER_THREAD, 7) == 1
    assert _threads.threads_for(1, 7) == 1


def _filter_in_child(image, pipe):
    pipe.send(imgsvc.mean_filter(image, num_threads=4))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely enough to try")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_finishes(rng):
    """A second libgomp team would wait for the parent's threads for ever."""
    image = rng.integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    expected = imgsvc.mean_filter(image, num_threads=2)
    np.testing.assert_array_equal(expected, reference.mean_filter_large(image))

    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=_filter_in_child, args=(image, theirs), daemon=True)
    child.start()
    try:
        assert ours.poll(30), "the child hangs"
        np.testing.assert_array_equal(ours.recv(), expected)
    finally:
        child.kill()
        child.join()
        child.close()


@pytest.mark.skipif(
    not _dispatch.kernels().openmp or sys.platform != "linux",
    reason="only libgomp tells how its threads wait",
)
class TestWaiting:
    """libgomp prints what it has read from the environment when it is loaded, with the kernels."""

    def test_the_programs_make_idle_threads_sleep(self, tmp_path):
        (tmp_path / "in.pgm").write_bytes(b"P5 1 1 255 \x00")
        arguments = ("--embedded", "--mean", "--input", tmp_path / "in.pgm", "--output", tmp_path / "out.png")
        done = processes.run("imgsvc-client", *arguments, OMP_DISPLAY_ENV="true")
        assert done.returncode == 0
        assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr

    def test_the_library_leaves_it_to_its_host(self):
        code = "import os, imgsvc._dispatch; before = dict(os.environ); imgsvc._dispatch.kernels()"
        code += "; assert os.environ == before and 'OMP_WAIT_POLICY' not in before"
        environment = {k: v for k, v in processes.environment().items() if k != "OMP_WAIT_POLICY"}
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)
