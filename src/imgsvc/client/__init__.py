"""The client of NLImageService: `Client` for programs, ``imgsvc-client`` for the shell."""

from imgsvc.client.sync import Client

__all__ = ["Client"]
