"""Figures to reach with four clients."""

from __future__ import annotations

from benchmarks.service.floors import Floor

CLIENTS = 4

FLOORS = [
    Floor("1600x1200 to JPEG", CLIENTS, "imgsvc", "sharp", 1.2),
    Floor("1600x1200 to JPEG", CLIENTS, "imgsvc", "fastapi+pillow", 1.4),
    Floor("1600x1200 to JPEG", CLIENTS, "imgsvc", "fastapi+pyvips", 1.7),
    Floor("4000x3000 to JPEG", CLIENTS, "imgsvc", "sharp", 1.0),
    Floor("1600x1200 to WebP", CLIENTS, "imgsvc", "sharp", 1.5),
]

MOST_CPU = {"1600x1200 to JPEG": 1.12}
"""How many times as much CPU time the server may take as the same work in process."""
