"""The program ``imgsvc-server``; also ``python -m imgsvc.server``."""

from __future__ import annotations

import sys

from imgsvc._process import prepare_process


def main() -> int:
    """Prepare the process, then load the rest and run it; return the exit code."""
    prepare_process()
    from imgsvc.server.cli import main as run  # noqa: PLC0415 - gRPC loads with it

    return run()


if __name__ == "__main__":
    sys.exit(main())
