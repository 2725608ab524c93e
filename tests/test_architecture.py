"""The arrows of the design: which room may import which, and who may know gRPC."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "imgsvc"

BELOW_SERVERS = {
    "_available_cores",
    "_files",
    "_images",
    "_options",
    "_process",
    "_targets",
    "_threads",
    "config",
    "errors",
    "runtime",
    "stubs",
    "v1",
    "wire",
    "imgsvc",
}
# Each room, and the rooms of imgsvc that it may import.
ROOMS = {
    "errors": set(),
    "stubs": {"stubs"},
    "v1": set(),
    "_available_cores": set(),
    "_files": set(),
    "_conversion_advice": set(),
    "_images": {"_conversion_advice", "errors"},
    "_options": {"errors"},
    "_process": {"runtime"},
    "_targets": set(),
    "_dispatch": {"_cpu", "errors"},
    "operations": {"_dispatch", "_door", "_images", "_stop", "_threads", "errors", "operations"},
    "pipeline": {"_images", "_stop", "_threads", "errors", "operations", "pipeline"},
    "runtime": {"_stop", "errors", "runtime"},
    "codec": {"_files", "_images", "_rle", "codec", "errors", "operations"},
    "recipes": {"_images", "_stop", "codec", "errors", "operations", "pipeline", "recipes"},
    "processing": {"_files", "_images", "_stop", "_threads", "codec", "errors", "operations", "pipeline"}
    | {"processing", "recipes"},
    "ray": {"errors", "processing"},
    "places": {"_files", "codec", "errors", "places", "processing"},
    "cache": {"_images", "cache", "codec", "errors", "operations", "pipeline", "recipes", "runtime"},
    "config": {"_available_cores", "_files", "_options", "_threads", "config", "errors"},
    "wire": {
        "_images",
        "_wire",
        "codec",
        "errors",
        "operations",
        "pipeline",
        "recipes",
        "stubs",
        "v1",
        "wire",
    },
    "server": BELOW_SERVERS | {"_dispatch", "cache", "codec", "operations", "pipeline", "recipes", "server"},
    "client": BELOW_SERVERS
    | {"_dispatch", "client", "codec", "operations", "pipeline", "places", "processing", "ray", "recipes"},
    "imgsvc": {"_images", "errors", "operations", "pipeline", "processing", "client", "runtime"},
}
KNOW_GRPC = {"server", "client"}
KNOW_PROTOBUF = {"server", "client", "stubs", "wire"}
# The one arrow that goes beside the picture: a program may start a server.
EXCEPTIONS = {("client/commands/connection.py", "server")}

MODULES = sorted(SOURCE.rglob("*.py"))


def room(path):
    relative = path.relative_to(SOURCE)
    return (
        "imgsvc"
        if relative.name == "__init__.py" and len(relative.parts) == 1
        else relative.parts[0].removesuffix(".py")
    )


def imports(path):
    """Yield the modules that a file imports when it runs; what only type checkers read does not count."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            if node.module == "imgsvc":
                yield from (
                    f"imgsvc.{a.name}" if not a.name.startswith("__") else "imgsvc" for a in node.names
                )
            else:
                yield node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_arrows(path):
    here = room(path)
    assert here in ROOMS, "a new room needs its arrows"
    for module in imports(path):
        package, _, rest = module.partition(".")
        if package == "grpc" or package.startswith("grpc_"):
            assert here in KNOW_GRPC, f"{here} may not import {module}"
        elif package == "google":
            assert here in KNOW_PROTOBUF, f"{here} may not import {module}"
        elif package == "imgsvc":
            target = rest.split(".")[0] or "imgsvc"
            allowed = target in ROOMS[here] or (str(path.relative_to(SOURCE)), target) in EXCEPTIONS
            assert allowed, f"{here} may not import {module}"


def test_the_test_sees_a_wrong_arrow(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import grpc\nimport imgsvc.server\n"
    )
    assert list(imports(wrong)) == ["typing", "imgsvc.server"]


@pytest.mark.parametrize("module", ["grpc", "google.protobuf", "imgsvc._kernels", "PIL"])
def test_importing_the_library_loads_nothing_heavy(module):
    code = f"import sys, imgsvc; sys.exit(any(name.startswith({module!r}) for name in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)


PRIVATE = re.compile(r"grpc\._[a-z]|cygrpc|experimental_|_rpc_event|credentials\._credentials")


def test_one_module_alone_knows_grpc_beyond_its_public_interface():
    """So that another grpcio is a matter of that module, and of the plain one that takes its place."""
    found = {str(path.relative_to(SOURCE)) for path in MODULES if PRIVATE.search(path.read_text())}
    assert found == {"server/transport.py"}
