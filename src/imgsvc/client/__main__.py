"""The program ``imgsvc-client``; also ``python -m imgsvc.client``."""

from __future__ import annotations

import sys

from imgsvc._process import EXIT_INTERRUPTED, prepare_process

EXIT_INCOMPLETE = 1


def main() -> int:
    """Prepare the process, then load the rest and run it; return the exit code."""
    prepare_process()
    try:
        try:
            from imgsvc.client.cli import main as run  # noqa: PLC0415 - gRPC loads with it
        except ImportError as error:
            print(
                f"imgsvc-client: {error}: reinstall it with pip install --force-reinstall .", file=sys.stderr
            )
            return EXIT_INCOMPLETE
        return run()
    except KeyboardInterrupt:  # before the program itself looks out for it
        return EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
