import sys
from collections.abc import Sequence
from typing import Final

from typing_extensions import Self, disjoint_base

__test__: dict[str, str]  # Cython makes one in every module

PAYLOAD: Final[int]
MESSAGE: Final[int]
PLACEHOLDER_BYTES: Final[int]

@disjoint_base
class Schema:
    def __new__(cls, kinds: list[list[tuple[int, int, int]]]) -> Self: ...

@disjoint_base
class Walk: ...

def extent(body: bytes, schema: Schema, most_fields: int, most_bytes: int) -> tuple[int, int]: ...
def split(
    body: bytes, schema: Schema, most_fields: int, most_bytes: int
) -> tuple[bytes, list[memoryview]] | None: ...

@disjoint_base
class Layout:
    def __new__(
        cls, header: bytes | None = None, schema: Schema | None = None, sizes: Sequence[int] = ()
    ) -> Self: ...
    @property
    def size(self) -> int: ...
    def around(self, prefix: bytes) -> Layout: ...
    def zeros(self) -> bytes: ...

@disjoint_base
class Draft:
    def __new__(cls, layout: Layout) -> Self: ...
    @property
    def payloads(self) -> list[memoryview]: ...
    def finish(self) -> bytes: ...
    if sys.version_info >= (3, 12):
        def __buffer__(self, flags: int, /) -> memoryview: ...
