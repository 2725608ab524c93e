"""The process of `tests/prepared.py` that has loaded the programs and forks them."""

import contextlib
import gc
import importlib
import json
import os
import pickle
import select
import signal
import socket
import struct
import sys

from imgsvc import _threads
from imgsvc._process import prepare_process
from imgsvc.client.__main__ import main as client
from imgsvc.recipes.prediction import Prediction
from imgsvc.server.__main__ import main as server

MAIN = {"imgsvc-server": server, "imgsvc-client": client}
NUMBER = struct.Struct("=q")
REQUEST_BYTES = 1 << 17


def serve(connection):
    """Fork a program for each request, and tell when it ends; in its process, return its function."""
    woken, wakes = socket.socketpair()
    for each in (woken, wakes):
        each.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    tellers = {}
    while True:
        readable, _, _ = select.select([connection, woken], [], [])
        if woken in readable:
            woken.recv(1 << 12)
            for pid in list(tellers):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
                        os.write(tellers[pid], NUMBER.pack(status))
                    os.close(tellers.pop(pid))
        if connection in readable:
            request, descriptors, _, _ = socket.recv_fds(connection, REQUEST_BYTES, 4)
            if not request:
                return None
            pid = os.fork()
            if pid == 0:
                return become(*json.loads(request), descriptors[:3])
            *streams, tellers[pid] = descriptors
            for descriptor in streams:
                os.close(descriptor)
            os.write(tellers[pid], NUMBER.pack(pid))


def become(program, arguments, environment, streams):
    """Make of a forked process what the program's own would be; return the program's function."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    _threads._forked = False  # nothing has run on several threads where it was forked
    return MAIN[program]


def load():
    """Load what the programs load, and measure what servers measure."""
    del sys.path[0]  # of this file: a program has nothing to do with what lies there
    prepare_process()
    for program in MAIN:
        importlib.import_module(f"{program.replace('-', '.')}.cli")
    figures = measured()
    Prediction.calibrate = lambda self: vars(self).update(figures)
    gc.collect()
    gc.freeze()  # no collection writes to what all share


def measured():
    """Return what a server measures when it starts; no kernel runs in this process itself."""
    end, other = os.pipe()
    if os.fork() == 0:
        prediction = Prediction()
        prediction.calibrate()
        with os.fdopen(other, "wb") as file:
            pickle.dump({name: value for name, value in vars(prediction).items() if name != "_lock"}, file)
        os._exit(0)
    os.close(other)
    with os.fdopen(end, "rb") as file:
        figures = pickle.load(file)
    os.wait()
    return figures


if __name__ == "__main__":
    requests = socket.socket(fileno=int(sys.argv[1]))
    load()
    run = serve(requests)
    sys.exit(run and run())
