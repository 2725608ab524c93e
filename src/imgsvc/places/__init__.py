"""Places where image files are: folders, and object stores that fsspec opens."""

from imgsvc.places.opening import listed, opened
from imgsvc.places.place import Listing, Place

__all__ = ["Listing", "Place", "listed", "opened"]
