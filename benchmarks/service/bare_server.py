"""A server of gRPC's without a service, after it has imported the modules that a file names.

python -m benchmarks.service.bare_server MODULES

MODULES is a file with a name a line. What cannot be imported by its name is left out.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from concurrent import futures
from pathlib import Path

import grpc

from benchmarks.service.serving import serve


def main() -> None:
    for name in Path(sys.argv[1]).read_text("utf-8").split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    serve(grpc.server(futures.ThreadPoolExecutor(max_workers=1)), "bare")


if __name__ == "__main__":
    main()
