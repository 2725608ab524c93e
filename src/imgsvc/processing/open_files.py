"""Open files: images read from, and written to, what a caller has opened and will close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from imgsvc._files import failure_of
from imgsvc.errors import ImageReadError, ImageWriteError, InvalidImageError

if TYPE_CHECKING:
    from imgsvc.errors import ImageFileError

__all__ = ["is_readable", "is_writable", "name_of", "read_open", "write_open"]

CHUNK_BYTES = 1 << 20
"""Read at a time: what has no end is not read to its end."""


def is_readable(value: object) -> bool:
    """Return whether it is something that reads."""
    return callable(getattr(value, "read", None)) and not isinstance(value, type)


def is_writable(value: object) -> bool:
    """Return whether it is something that writes."""
    return callable(getattr(value, "write", None)) and not isinstance(value, type)


def read_open(file: Any, most: int) -> bytes:
    """Return what is left of an open file, from where it stands; `most` bytes at most.

    Raises
    ------
    InvalidImageError
        Nothing is left, more than `most` is, or it reads something else than bytes.
    ImageReadError
        It cannot be read.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        try:
            chunk = file.read(CHUNK_BYTES)
        except UnicodeDecodeError:
            raise _not_binary("text") from None
        except Exception as error:  # noqa: BLE001 - objects of strangers raise what they like
            _failed(ImageReadError, file, "read", error)
        if not isinstance(chunk, bytes | bytearray | memoryview):
            raise _not_binary(type(chunk).__name__)
        if not chunk:
            break
        size += len(chunk)
        if size > most:
            raise InvalidImageError("image", f"a file of more than {most} bytes", f"at most {most}")
        chunks.append(bytes(chunk))
    if not chunks:
        expected = "an image: file.seek(0) goes back to its beginning"
        raise InvalidImageError("image", "a file with nothing left to read", expected)
    return b"".join(chunks)


def write_open(file: Any, data: bytes | memoryview) -> None:
    """Write all of `data` into an open file, at where it stands.

    Raises
    ------
    ImageWriteError
        It cannot be written; a part may be there.
    """
    left = memoryview(data)
    while left:
        try:
            written = file.write(left)
        except Exception as error:  # noqa: BLE001 - as above
            _failed(ImageWriteError, file, "written", error)
        # Only what has no buffer tells less than all; others may tell nothing.
        if not isinstance(written, int) or written >= len(left):
            return
        if written <= 0:
            _failed(ImageWriteError, file, "written", OSError("it takes no bytes"))
        left = left[written:]


def name_of(file: object) -> str:
    """Return the name by which messages call an open file."""
    name = getattr(file, "name", None)
    return name if isinstance(name, str) else type(file).__name__


def _not_binary(got: str) -> InvalidImageError:
    return InvalidImageError("image", f"a file that reads {got}", "one of bytes: open(path, 'rb') gives one")


def _failed(kind: type[ImageFileError], file: object, what: str, error: Exception) -> NoReturn:
    raise kind(f"{name_of(file)}: cannot be {what}: {failure_of(error)}") from error
