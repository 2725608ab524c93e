"""Addresses as gRPC takes them."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import quote


def unix_target(path: str | Path) -> str:
    """Return the target of a Unix socket, quoted: gRPC reads a URI, in which ``%`` and ``#`` mean more."""
    return f"unix:{quote(str(Path(path).absolute()))}"


def tcp_target(host: str, port: int) -> str:
    """Return the target of a host, which may be an IPv6 address with or without brackets."""
    bare = host.removeprefix("[").removesuffix("]")
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


def is_host(host: str) -> bool:
    """Return whether a text can be a host: a name, or an address, but not one with a port."""
    bare = host.removeprefix("[").removesuffix("]")
    if ":" not in bare:
        return bool(bare)
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return False
    return True


def is_local(target: str) -> bool:
    """Return whether a target is on this machine, where no proxy should stand between."""
    return target.startswith(("unix:", "localhost:", "127.", "[::1]:", "ipv4:127.", "ipv6:[::1]:"))


def is_name(target: str) -> bool:
    """Return whether a target names a host of which there may be several addresses."""
    if is_local(target) or target.startswith(("unix-abstract:", "ipv4:", "ipv6:", "vsock:")):
        return False
    host = target.removeprefix("dns:///").removeprefix("dns:").rpartition(":")[0]
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return bool(host)
    return False
