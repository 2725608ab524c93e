"""What an option is: a field of a dataclass, and how it is read and shown."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["option"]

MIB = 1 << 20


def option(
    default: Any,
    parse: Callable[[str], Any],
    description: str,
    *,
    aliases: tuple[str, ...] = (),
    metavar: str | None = None,
) -> Any:
    """Return a field.

    Parameters
    ----------
    default
        Its value where nobody says another.
    parse
        Makes the value of a text, or raises ConfigurationError.
    description, metavar
        For ``--help``.
    aliases
        Further flags, such as ``--host-name``.
    """
    metadata = {"parse": parse, "help": description, "aliases": aliases, "metavar": metavar}
    return dataclasses.field(default=default, metadata=metadata)
