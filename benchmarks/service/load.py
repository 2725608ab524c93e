"""A load generator: a process that calls one server with one kind of client, as it is told.

python -m benchmarks.service.load {imgsvc,imgsvc-untuned,stock,bytes,MODULE:CLASS} TARGET

What it is told, and what it answers, is in `benchmarks.service.commands`.
"""

from __future__ import annotations

import sys


def main() -> None:
    kind, target = sys.argv[1:]
    if kind == "imgsvc":
        from imgsvc import tune_allocator  # noqa: PLC0415 - in this process only, before gRPC

        tune_allocator()
    from benchmarks.service.commands import obey  # noqa: PLC0415 - loads gRPC

    obey(kind, target)


if __name__ == "__main__":
    main()
