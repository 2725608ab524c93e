import sys

from typing_extensions import Self, disjoint_base

__test__: dict[str, str]  # Cython makes one in every module

@disjoint_base
class WireBuffer:
    def __new__(cls, size: int) -> Self: ...
    @property
    def content(self) -> bytes: ...
    def view(self) -> memoryview: ...
    if sys.version_info >= (3, 12):
        def __buffer__(self, flags: int, /) -> memoryview: ...
