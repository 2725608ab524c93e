"""Which functions of imgsvc's run in this process, while it is asked."""

from __future__ import annotations

import dataclasses
import functools
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import CodeType, FrameType
    from typing import Any

COMPREHENSIONS = {"<listcomp>", "<dictcomp>", "<setcomp>"}
"""No functions to who reads the source, nor to Python 3.12."""

SOURCES = Path(__file__).parents[2] / "src"


@dataclasses.dataclass(frozen=True)
class Function:
    """One run of a function, on a thread."""

    thread: str
    module: str
    code: CodeType

    def __str__(self) -> str:
        """Return its name, and the thread's."""
        return f"{self.module}.{getattr(self.code, 'co_qualname', self.code.co_name)}  [{self.thread}]"


class Profiler:
    """Listens in every thread that starts after it is made."""

    def __init__(self) -> None:
        self._functions: list[Function] | None = None
        threading.setprofile(self._note)

    def begin(self) -> None:
        """Begin to count."""
        self._functions = []

    def end(self) -> list[Function]:
        """Return what ran meanwhile."""
        functions, self._functions = self._functions, None
        return functions or []

    def _note(self, frame: FrameType, event: str, _argument: Any) -> None:
        functions = self._functions
        if functions is None or event != "call":
            return
        module = frame.f_globals.get("__name__", "")
        if module.startswith("imgsvc.") and frame.f_code.co_name not in COMPREHENSIONS:
            functions.append(Function(threading.current_thread().name, module, frame.f_code))


def lines_of(code: CodeType) -> int:
    """Return how many lines a function has, from its `def` to its end; 0 where it has no source."""
    if code.co_filename.startswith("<"):  # as a dataclass's
        return 0
    lines = _lines(_source(code.co_filename))[code.co_firstlineno - 1 :]
    start = next((number for number, line in enumerate(lines) if "def " in line), 0)
    indent = _indent(lines[start])
    last = start
    for number, line in enumerate(lines[start + 1 :], start + 1):
        if line.strip():
            # The last line of a long signature stands as far left as the first.
            if _indent(line) <= indent and not line.lstrip().startswith(")"):
                break
            last = number
    return last - start + 1


def _source(name: str) -> Path:
    """Return the file of a function, which Cython names as seen from where it was built."""
    path = Path(name)
    if path.is_absolute():
        return path
    return SOURCES.joinpath(*path.parts[path.parts.index("imgsvc") :])


@functools.cache
def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
