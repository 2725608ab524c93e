"""The server's configuration: defaults, then a file, then the environment, then flags; frozen and validated.

Each option is one field of `imgsvc.config.options`. Its flag, its environment variable, its key in the file
and its line in ``--help`` are made from it.
"""

from __future__ import annotations

from imgsvc.config.options import DEFAULT_PORT, ServerConfig
from imgsvc.config.sources import ENVIRONMENT_PREFIX

__all__ = ["DEFAULT_PORT", "ENVIRONMENT_PREFIX", "ServerConfig"]
