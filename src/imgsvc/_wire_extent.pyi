from typing import Any

__test__: dict[str, str]  # Cython makes one in every module

def extent(body: bytes, kind: dict[int, Any], most_fields: int, most_bytes: int) -> tuple[int, int]: ...
