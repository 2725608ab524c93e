"""Run the fuzzer.

``python -m fuzz`` lists the targets, ``python -m fuzz TARGET FOLDER OPTION...`` looks for what breaks one.
FOLDER gets the inputs that lead to new code; the options are libFuzzer's.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import atheris

# What is imported here is followed: the fuzzer keeps inputs that reach new lines of it.
with atheris.instrument_imports(include=["imgsvc", "PIL"]):
    from fuzz.targets import TARGETS

NAMES_ONLY = 1


def main() -> None:
    """Write the seeds, then run until libFuzzer ends the process."""
    if len(sys.argv) == NAMES_ONLY:
        print(*TARGETS)
        return
    name, folder, *options = sys.argv[1:]
    target = TARGETS[name]
    corpus = Path(folder)
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    atheris.Setup(
        ["fuzz", str(corpus), f"-max_len={target.largest}", *options],
        target.check,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
