"""Parts of the door, ``_door.pyx``: arrays as images, and parameters as keys."""
