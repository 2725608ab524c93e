"""Store: a place among the objects of S3, or of whatever else fsspec opens."""

from __future__ import annotations

import contextlib
import functools
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn

from imgsvc.codec import is_image_name
from imgsvc.errors import (
    ConfigurationError,
    ImageExistsError,
    ImageReadError,
    ImageWriteError,
    StoreAccessError,
)
from imgsvc.places.names import fault_of, says_version
from imgsvc.places.place import Listing, exists, is_below
from imgsvc.processing.given import MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from imgsvc.places.place import Place

__all__ = ["Store"]

# What becomes of no call until somebody sets it right; `AccessDenied` may be of one object alone.
LOCKED_OUT = {
    "ExpiredToken",
    "CredentialRetrievalError",
    "InvalidAccessKeyId",
    "InvalidToken",
    "NoCredentialsError",
    "NoSuchBucket",
    "PartialCredentialsError",
    "ProfileNotFound",
    "RefreshError",
    "RequestTimeTooSkewed",
    "SSOTokenLoadError",
    "SignatureDoesNotMatch",
    "ClientAuthenticationError",
    "TokenRefreshRequired",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
}
THERE = {"ConditionalRequestConflict", "PreconditionFailed"}

ONE_PUT = {"s3": {"chunksize": 5 << 30}, "s3a": {"chunksize": 5 << 30}}
"""So that a file is written by one request, which S3 takes up to 5 GiB; larger than 2 GiB there are none."""

READ_AT_ONCE = {"s3": {"max_concurrency": 1}, "s3a": {"max_concurrency": 1}}
"""Without asking for the size before: a batch reads many objects at a time, and none in pieces."""

LOCAL = {"file", "local"}
"""Drivers that would write through open files, where `Folder` does not."""

SILENT = {
    "ClientConnectorError",
    "ClientOSError",
    "ConnectTimeoutError",
    "ConnectionClosedError",
    "EndpointConnectionError",
    "ReadTimeoutError",
    "ServerDisconnectedError",
    "ServerTimeoutError",
}
"""Errors of a store that is not there; drivers have tried again by then, for many seconds."""

MOST_SILENCES = 4
"""In a row, before a batch ends."""

DRIVERS = {"gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "s3": "s3fs", "s3a": "s3fs"}


class Store:
    """The objects below a URL, such as ``s3://bucket/photos``.

    Nothing is kept of listings. Objects are written by one request each, never through a file that is open:
    what fails half-way would leave half an object. "Create only" is the store's own condition; where a driver
    looks whether there is an object before it writes one, or does not even look, the last writer wins.

    Attributes
    ----------
    protocol, root
        The URL's, and what is behind it: ``s3`` and ``bucket/photos``.

    Raises
    ------
    ConfigurationError
        The URL is none that something here opens.
    """

    def __init__(self, url: str) -> None:
        protocol, _, path = url.partition("://")
        self.protocol = protocol.rstrip(":/").lower()
        if not path.strip("/") or (path.startswith("/") and self.protocol in DRIVERS):
            raise ConfigurationError(f"{url}: expected a bucket, as in {self.protocol}://BUCKET/FOLDER")
        if "//" in path:
            raise ConfigurationError(f"{url}: expected a URL without empty parts")
        if says_version(url):
            raise ConfigurationError(f"{url}: expected a URL without ?versionId=")
        self._url = f"{self.protocol}://{path.rstrip('/')}"
        self.root = self._files._strip_protocol(self._url)  # noqa: SLF001 - its public way logs in
        self._empty: set[str] = set()
        self._is_measured = False
        self._silences = 0

    @functools.cached_property
    def _files(self) -> Any:
        """The driver; each process makes its own."""
        if self.protocol in LOCAL:
            raise ConfigurationError(f"{self._url}: expected a path without {self.protocol}://")
        try:
            import fsspec  # noqa: PLC0415 - an extra

            options = READ_AT_ONCE.get(self.protocol, {})
            return fsspec.filesystem(
                self.protocol, use_listings_cache=False, skip_instance_cache=True, **options
            )
        except Exception as error:  # drivers have errors of their own
            raise ConfigurationError(f"{self._url}: {_missing(self.protocol, error)}") from error

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs of it."""
        return {name: value for name, value in vars(self).items() if name != "_files"}

    def shown(self, name: str) -> str:
        """Return what people call a file of it."""
        return f"{self._url}/{name}"

    def holds(self, other: Place) -> str | None:
        """Return what names in `other` begin with, if that lies in here."""
        if not isinstance(other, Store) or other.protocol != self.protocol:
            return None
        if other.root == self.root:
            return ""
        inside = other.root.startswith(f"{self.root}/")
        return f"{other.root[len(self.root) + 1 :]}/" if inside else None

    def listing(self, apart_from: str | None = None) -> Listing:
        """Return what is there, but for names that begin with `apart_from`, and hidden ones."""
        listing = self._sorted(lambda name: not is_below(name, apart_from) and not _is_hidden(name))
        if not listing.images:
            raise ImageReadError(f"{self._url}: {listing.refused[0][1] if listing.refused else 'no images'}")
        return listing

    def matching(self, pattern: str, apart_from: str | None = None) -> Listing:
        """Return the files that are like a pattern below the URL, whatever their names end with.

        But for names that begin with `apart_from`.
        """
        like = _expression(pattern)

        def wanted(name: str) -> bool:
            return not is_below(name, apart_from) and like.fullmatch(name) is not None

        listing = self._sorted(wanted, by_name=False)
        if not listing.images:
            raise ImageReadError(f"{self._url}/{pattern}: no object is like this")
        return listing

    def existing(self, names: Iterable[str]) -> set[str]:
        """Return those of the names that are there; an object without bytes is not."""
        there = self._listed(ImageWriteError)
        self._empty = {name for name, size in there.items() if not size}
        return {name for name in names if there.get(name)}

    def beginning(self, name: str, size: int) -> bytes:
        """Return the first bytes of a file, or none."""
        with contextlib.suppress(ImageReadError), self._reading(name):
            return bytes(self._files.cat_file(self._path(name), start=0, end=size))
        return b""

    def read(self, name: str) -> bytes:
        """Return a file."""
        with self._reading(name):
            if not self._is_measured and (size := self._size(name)) > MESSAGE_BYTES:
                raise ImageReadError(f"{self.shown(name)}: {_too_large(size)}")
            content = bytes(self._files.cat_file(self._path(name)))
            self._silences = 0
            return content

    def write(self, name: str, data: bytes | memoryview, *, replace: bool) -> None:
        """Write a file, in full or not at all."""
        fault = fault_of(name)
        if fault:
            raise ImageWriteError(f"{self.shown(name)}: cannot be written: {fault}")
        options = ONE_PUT.get(self.protocol, {})
        try:
            if replace or name in self._empty:
                self._files.pipe_file(self._path(name), bytes(data), **options)
            else:
                self._files.pipe_file(self._path(name), bytes(data), mode="create", **options)
            self._silences = 0
        except Exception as error:  # noqa: BLE001 - drivers have errors of their own
            if isinstance(error, FileExistsError) or _code(error) in THERE:
                if self._is(name, data):  # it was written, and the answer lost, before the driver tried again
                    return
                raise ImageExistsError(exists(self.shown(name))) from None
            self._fail(error, ImageWriteError, f"{self.shown(name)}: cannot be written")

    def _path(self, name: str) -> str:
        return f"{self.root}/{name}"

    def _size(self, name: str) -> int:
        """Return the size of an object, 0 where none is told: who reads it is told why, as HEAD is not."""
        with contextlib.suppress(Exception):
            return self._files.info(self._path(name))["size"] or 0
        return 0

    def _is(self, name: str, data: bytes | memoryview) -> bool:
        with contextlib.suppress(Exception):
            return bool(self._files.cat_file(self._path(name)) == data)
        return False

    def _listed(self, kind: type[ImageReadError | ImageWriteError]) -> dict[str, int]:
        """Return the size of each object, by its name; a key that ends in ``/`` stands for a folder."""
        try:
            found = self._files.find(self.root, detail=True)
        except FileNotFoundError as error:
            if kind is ImageReadError:
                raise ImageReadError(f"{self._url}: no such bucket or folder") from None
            if _code(error) in LOCKED_OUT:
                self._fail(error, kind, self._url)
            return {}
        except Exception as error:  # noqa: BLE001 - drivers have errors of their own
            self._fail(error, kind, f"{self._url}: cannot be listed")
        start = len(self.root) + 1
        return {
            path[start:]: info.get("size") or 0
            for path, info in found.items()
            if info.get("type") != "directory" and len(path) > start and not path.endswith("/")
        }

    def _sorted(self, wanted: Callable[[str], bool], *, by_name: bool = True) -> Listing:
        """Return what there is, of which all are images unless their names say so."""
        sizes = {name: size for name, size in sorted(self._listed(ImageReadError).items()) if wanted(name)}
        self._is_measured = True
        refused = {}
        for name, size in sizes.items():
            fault = fault_of(name)
            if fault or size > MESSAGE_BYTES:
                refused[name] = f"no name of a file: {fault}" if fault else _too_large(size)
        sound = [name for name in sizes if name not in refused]
        return Listing(
            tuple(name for name in sound if not by_name or is_image_name(PurePosixPath(name))),
            tuple((self.shown(name), why) for name, why in refused.items()),
            tuple(name for name in sound if by_name and not is_image_name(PurePosixPath(name))),
        )

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except ImageReadError:
            raise
        except FileNotFoundError as error:
            if _code(error) in LOCKED_OUT:
                self._fail(error, ImageReadError, self._url)
            raise ImageReadError(f"{self.shown(name)}: no such object") from None
        except Exception as error:  # noqa: BLE001 - drivers have errors of their own
            self._fail(error, ImageReadError, f"{self.shown(name)}: cannot be read")

    def _fail(self, error: Exception, kind: type[ImageReadError | ImageWriteError], what: str) -> NoReturn:
        """Raise what to say of a driver's error."""
        said = " ".join(str(error).split()) or type(error).__name__
        if _code(error) in LOCKED_OUT:
            raise StoreAccessError(f"{self._url}: {_code(error)}: {said}") from error
        if _is_silence(error):
            self._silences += 1
            if self._silences >= MOST_SILENCES:
                told = f"no answer {self._silences} times in a row"
                raise StoreAccessError(f"{self._url}: {told}: {said}") from error
        else:
            self._silences = 0
        raise kind(f"{what}: {said}") from error


def _is_silence(error: BaseException) -> bool:
    cause = error.__cause__ or error
    return type(cause).__name__ in SILENT or isinstance(cause, (ConnectionError, TimeoutError))


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") and part not in (".", "..") for part in name.split("/"))


def _too_large(size: int) -> str:
    return f"{size} bytes, a message ends at {MESSAGE_BYTES}"


def _code(error: BaseException) -> str:
    """Return how a store calls an error, or else what class it has."""
    cause = error.__cause__ or error
    response = getattr(cause, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", ""))
    return type(cause).__name__


def _missing(protocol: str, error: Exception) -> str:
    """Return what to do for a protocol."""
    if isinstance(error, ImportError):
        driver = DRIVERS.get(protocol)
        if driver is None:
            return str(error)
        more = "" if driver == "s3fs" else f" {driver}"
        return f"needs {driver}: pip install 'imgsvc[stores]'{more}"
    if "Protocol not known" in str(error):
        return f"{protocol}:// is no store that is known; s3://, gs:// and az:// are"
    return f"cannot be opened: {error}"


def _expression(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern: ``**`` for any folders, ``*`` and ``?`` within a part.

    A folder may be one without a name, whose objects are refused.
    """
    parts = {"**/": "(?:[^/]*/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]/]+\])", pattern)
    like = "".join(
        parts.get(each) or (_characters(each) if len(each) > 1 and each[0] == "[" else re.escape(each))
        for each in pieces
    )
    try:
        return re.compile(like, re.DOTALL)
    except re.error as error:
        raise ConfigurationError(f"{pattern}: no pattern: {error.msg}") from error


def _characters(piece: str) -> str:
    """Return the expression of some characters in brackets, without what only expressions know."""
    kind, rest = ("[^", piece[2:]) if piece.startswith("[!") else ("[", piece[1:])
    return kind + re.sub(r"[\\^\[&|~]", r"\\\g<0>", rest)
