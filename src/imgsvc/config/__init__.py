"""The server's configuration: defaults, then a file, then the environment, then flags; frozen and validated.

Each option is one field of a class here. Its flag, its environment variable, its key in the file and its line
in ``--help`` are made from it.
"""

from __future__ import annotations

from imgsvc.config.listening import DEFAULT_PORT
from imgsvc.config.server import ServerConfig
from imgsvc.config.sources import ENVIRONMENT_PREFIX

__all__ = ["DEFAULT_PORT", "ENVIRONMENT_PREFIX", "ServerConfig"]
