"""Who may connect to a Unix socket: a mode, and an access list of users.

The kernel compares the credentials of the process that connects with both, in ``connect(2)``: who is not let
in never becomes a connection, and calls pay nothing. gRPC does not say which connection a call came by, so
credentials that are read afterwards (SO_PEERCRED) could not be matched with calls.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from imgsvc._files import failure_of
from imgsvc.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Rights", "access_list"]

ATTRIBUTE = "system.posix_acl_access"
VERSION = struct.pack("<I", 2)
ENTRY = struct.Struct("<HHI")
OWNER, USER, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
NOBODY = 2**32 - 1
"""In the place of a number of a user, where an entry is not about a certain one."""

READ_WRITE = 6
OWNER_ONLY = 0o600


class Rights:
    """Whom a socket lets in, beside root.

    Parameters
    ----------
    mode
        Octal; None for what the umask leaves, or for the owner alone where there are users.
    users
        Names or numbers, with commas between; None for nobody in particular.

    Raises
    ------
    ConfigurationError
        There is no such user, or this system has no access lists.
    """

    def __init__(self, mode: str | None, users: str | None) -> None:
        self._mode = None if mode is None else int(mode, 8)
        self._users = None if users is None else [_user_id(each.strip()) for each in users.split(",")]
        if users is not None and not hasattr(os, "setxattr"):
            raise ConfigurationError(f"--unix-socket-users: {users}, expected to run on Linux")

    @contextlib.contextmanager
    def applied_to(self, path: str) -> Iterator[None]:
        """Have the socket that is bound in the block let in nobody else, at no time.

        Raises
        ------
        ConfigurationError
            Its file system has no access lists.
        """
        if self._mode is None and self._users is None:
            yield
            return
        mode = OWNER_ONLY if self._mode is None else self._mode
        before = os.umask(~mode & 0o777)  # of the whole process, which does nothing else yet
        try:
            yield
        finally:
            os.umask(before)
        Path(path).chmod(mode)
        if self._users is not None:
            self._add_users(path, mode)

    def _add_users(self, path: str, mode: int) -> None:
        try:
            os.setxattr(path, ATTRIBUTE, access_list(mode, self._users or ()))
        except OSError as error:
            Path(path).unlink(missing_ok=True)
            raise ConfigurationError(
                f"--unix-socket-users: {path}: cannot have an access list: {failure_of(error)}; "
                "expected a file system that has them, such as ext4, xfs or tmpfs"
            ) from error


def access_list(mode: int, users: Iterable[int]) -> bytes:
    """Return an access list as Linux keeps it: what a mode says, and users who may read and write."""
    entries = [(OWNER, mode >> 6 & 7, NOBODY)]
    entries += [(USER, READ_WRITE, user) for user in sorted(set(users))]
    # The mask bounds what users and the group may.
    entries += [(GROUP, mode >> 3 & 7, NOBODY), (MASK, 7, NOBODY), (OTHER, mode & 7, NOBODY)]
    return VERSION + b"".join(ENTRY.pack(*entry) for entry in entries)


def _user_id(user: str) -> int:
    try:
        number = int(user) if user.isdecimal() else pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):
        number = NOBODY
    if not 0 <= number < NOBODY:
        raise ConfigurationError(
            f"--unix-socket-users: {user!r}, expected names or numbers of users, with commas between"
        )
    return number
