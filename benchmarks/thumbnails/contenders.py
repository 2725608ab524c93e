"""Who makes thumbnails: imgsvc, and what people have otherwise."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.needs import FASTAPI, PYVIPS, SHARP
from benchmarks.service.contenders import TUNED_MALLOC, Contender, Server
from benchmarks.service.process import program
from benchmarks.thumbnails.work import check

NODE = Path(__file__).parent / "node"


def servers(cache: Path) -> tuple[list[Server], list[str]]:
    """Return the servers that this machine can run, imgsvc first, and a line for each of the others.

    Parameters
    ----------
    cache
        A folder that stays from run to run.
    """
    found, notes = [Server("imgsvc", (program("imgsvc-server"), "--port", "0"))], []
    if not SHARP.is_met():
        notes.append(f"sharp was left out: it takes {SHARP.how}")
    elif failure := install_sharp(cache):
        notes.append(f"sharp was left out: {failure}")
    else:
        variables = {"NODE_PATH": str(cache / "node_modules")}
        found.append(Server("sharp", ("node", str(NODE / "server.js")), variables))
    for name, need in (("pillow", FASTAPI), ("pyvips", PYVIPS)):
        if need.is_met():
            module = (sys.executable, "-m", "benchmarks.thumbnails.fastapi_server", name)
            found.append(Server(f"fastapi+{name}", module))
        else:
            notes.append(f"FastAPI with {name} was left out: it takes {need.how}")
    return found, notes


def contenders(found: list[Server], kind: str) -> list[Contender]:
    """Return the servers with their clients, for thumbnails in a format."""
    return [
        Contender(server.name, server, _client(protocol, kind), check, TUNED_MALLOC)
        for server in found
        for protocol in ("Process" if server.name == "imgsvc" else "Http",)
    ]


def in_process(imgsvc: Server, kind: str) -> Contender:
    """Return who does the same without the server, which stands idle beside it."""
    return Contender("in process", imgsvc, _client("InProcess", kind), check, TUNED_MALLOC)


def install_sharp(folder: Path) -> str | None:
    """Install sharp below a folder, if it is not there; return what went wrong."""
    package = folder / "package.json"
    wanted = (NODE / "package.json").read_bytes()
    if (folder / "node_modules" / "sharp").is_dir() and package.read_bytes() == wanted:
        return None
    shutil.copyfile(NODE / "package.json", package)
    command = ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"npm install: {done.stderr.strip()[-300:]}"


def _client(protocol: str, kind: str) -> str:
    return f"benchmarks.thumbnails.clients:{protocol}{kind.capitalize()}"
