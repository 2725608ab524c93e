"""How many cores this process may use: what its affinity mask and its cgroup leave it."""

from __future__ import annotations

import functools
import math
import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


def available_cores() -> int:
    """Return the number of cores that this process may use, at least 1.

    The smaller of the cores in its affinity mask, which is looked at in each call, and of its cgroup's CPU
    quota rounded up, which is read once: it takes several files, and hardly ever changes.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = cores_of_quota()
    return cores if limit is None else min(cores, limit)


def cgroup_quota(root: Path = Path("/")) -> float | None:
    """Return how many cores' time the cgroup of this process gets, or None where nothing limits it.

    The least quota / period of the cgroup and its ancestors, as far up as they are mounted, in cgroup v1 and
    v2. What is missing, unreadable or malformed limits nothing: a wrong guess only costs threads. Formats:
    proc_pid_mountinfo(5), cgroups(7), and the kernel's cgroup-v2.rst and sched-bwc.rst.

    Parameters
    ----------
    root
        Where /proc and the mount points are looked for.
    """
    paths = dict(_own_paths(_read(root / "proc/self/cgroup")))
    mounts = list(_mounts(_read(root / "proc/self/mountinfo")))
    quotas = []
    for fstype, quota_of in (("cgroup", _quota_v1), ("cgroup2", _quota_v2)):
        if fstype in paths:
            same = [mount for mount in mounts if mount.fstype == fstype]
            quotas += [quota_of(root / cgroup) for cgroup in _lineage(paths[fstype], same)]
    return min((quota for quota in quotas if quota is not None), default=None)


@functools.cache
def cores_of_quota() -> int | None:
    """Return the quota of the cgroup rounded up to whole cores, read once; None where there is none."""
    quota = cgroup_quota()
    return None if quota is None else max(1, math.ceil(quota))


class _Mount(NamedTuple):
    fstype: str
    root: PurePosixPath
    """The cgroup that is seen at the mount point; in a container it need not be the topmost."""
    point: PurePosixPath
    """Without its leading slash, to be joined to another root."""


def _mounts(mountinfo: str) -> Iterator[_Mount]:
    """Yield where hierarchies that may hold the cpu controller are mounted."""
    for line in mountinfo.split("\n"):
        # The number of fields before the dash varies.
        place, _, kind = line.partition(" - ")
        try:
            _, _, _, root, point, *_ = place.split(" ")
            fstype, _, options = kind.split(" ")
        except ValueError:
            continue
        # The options of a v1 mount name its controllers, in any order: "rw,cpu,cpuacct".
        if fstype == "cgroup2" or (fstype == "cgroup" and "cpu" in options.split(",")):
            yield _Mount(fstype, PurePosixPath(_unescape(root)), PurePosixPath(_unescape(point).lstrip("/")))


def _own_paths(cgroup: str) -> Iterator[tuple[str, PurePosixPath]]:
    """Yield the type of each hierarchy that may hold the cpu controller, and this process's cgroup in it."""
    for line in cgroup.split("\n"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not path.startswith("/"):
            continue
        if number == "0" and not controllers:
            yield "cgroup2", PurePosixPath(path)
        elif "cpu" in controllers.split(","):
            yield "cgroup", PurePosixPath(path)


def _lineage(path: PurePosixPath, mounts: list[_Mount]) -> Iterator[PurePosixPath]:
    """Yield the directories of the cgroup at `path` and its ancestors, from the mount points down."""
    below = []
    for mount in mounts:
        if path.is_relative_to(mount.root):
            names = path.relative_to(mount.root).parts
            # Dots lead out of a cgroup namespace, to cgroups that have no directory here.
            if ".." not in names:
                below.append((mount.point, names))
    # A container may see its cgroup at the mount point under a name unknown here. A mount that does hold
    # `path` comes first all the same: another may show another container.
    for point, names in below or [(mount.point, ()) for mount in mounts[:1]]:
        for depth in range(len(names) + 1):
            yield point.joinpath(*names[:depth])


def _quota_v1(cgroup: Path) -> float | None:
    return _cores(_read(cgroup / "cpu.cfs_quota_us"), _read(cgroup / "cpu.cfs_period_us"))


def _quota_v2(cgroup: Path) -> float | None:
    quota, _, period = _read(cgroup / "cpu.max").partition(" ")
    return _cores(quota, period)


def _cores(quota: str, period: str) -> float | None:
    """Return quota / period; "max", as v2 has it, and -1, as v1 has it, are no limit."""
    try:
        numerator, denominator = int(quota), int(period)
        return numerator / denominator if numerator > 0 and denominator > 0 else None
    except (OverflowError, ValueError):
        return None


def _read(path: Path) -> str:
    """Return the text of a file, or none where there is no reading it."""
    try:
        # Paths stand in some of them, and may be any bytes.
        return os.fsdecode(path.read_bytes())
    except (OSError, ValueError):  # ValueError: garbage made a path that cannot be, with a zero byte
        return ""


def _unescape(field: str) -> str:
    r"""Return a field of mountinfo with its \040 and the like replaced."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), field)
