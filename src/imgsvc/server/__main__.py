"""The program ``imgsvc-server``; also ``python -m imgsvc.server``."""

from __future__ import annotations

import sys

from imgsvc._process import EXIT_INTERRUPTED, prepare_process


def main() -> int:
    """Prepare the process, then load the rest and run it; return the exit code."""
    prepare_process()
    try:
        from imgsvc.server.cli import main as run  # noqa: PLC0415 - gRPC loads with it

        return run()
    except KeyboardInterrupt:  # before the program itself looks out for it
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
