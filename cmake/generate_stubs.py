"""Generate Python stubs from one .proto file; if asked, for a private descriptor pool.

protoc writes modules that import each other by their place below the root, and that register their
descriptors in protobuf's default pool. Those for a private pool are edited. Each edit below must match
exactly once: a new generator that writes something else fails the build here instead of a user's program
later.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from grpc_tools import protoc


def main() -> None:
    """Run protoc, then put its output into the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("proto", type=Path, help="relative to the root")
    parser.add_argument("--root", type=Path, required=True, help="where imports are found")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--service", action="store_true", help="it has a service")
    parser.add_argument(
        "--private-pool", metavar="PACKAGE", help="a pool of their own, for stubs in this package"
    )
    args = parser.parse_args()

    # The plugin stands beside the interpreter where its environment is not activated.
    os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    args.out.mkdir(parents=True, exist_ok=True)
    kinds = ["python", "pyi", *(["grpc_python", "mypy_grpc"] if args.service else [])]
    outputs = [f"--{kind}_out={args.out}" for kind in kinds]
    if protoc.main(["protoc", f"-I{args.root}", *outputs, str(args.proto)]) != 0:
        sys.exit(f"protoc failed on {args.proto}")

    package = args.private_pool
    if package:
        stem = f"{args.proto.stem}_pb2"
        for stub in (f"{stem}_grpc.py", f"{stem}_grpc.pyi"):
            replace_once(args.out / stub, f"\nimport {stem}", f"\nfrom {package} import {stem}")
        messages = args.out / f"{stem}.py"
        replace_once(messages, "_descriptor_pool.Default()", "_builder.POOL")
        builder = "from google.protobuf.internal import builder as _builder"
        replace_once(messages, builder, f"from {package} import private_pool as _builder")


def replace_once(path: Path, old: str, new: str) -> None:
    """Replace the only occurrence of `old` in a file; anything else ends the build."""
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        sys.exit(f"{path.name}: expected exactly one {old!r}, found {text.count(old)}")
    path.write_text(text.replace(old, new), encoding="utf-8")


if __name__ == "__main__":
    main()
