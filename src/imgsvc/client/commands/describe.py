"""``imgsvc-client describe``: what an image is, by this process or by a server."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgsvc.client.commands.connection import (
    add_connection_options,
    check_connection,
    connect,
    names_a_caller,
    names_a_server,
)
from imgsvc.client.commands.files import read_input
from imgsvc.client.commands.program import (
    add_output_options,
    command_parser,
    printable,
    run_command,
    show_json,
)
from imgsvc.processing.describe import describe

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from imgsvc.codec import CameraData
    from imgsvc.recipes.description import Description

DESCRIPTION = """Say what an image is, how it was taken, and which colours it has. No server is asked unless
one is named, or --embedded."""
CHANNELS = {1: "gray", 3: "RGB", 4: "RGBA"}
BARS = " ▁▂▃▄▅▆▇█"
VALUES_A_BAR = 8


def main(argv: Sequence[str]) -> int:
    """Run the command; return the exit code."""
    parser = command_parser(
        "describe", DESCRIPTION, ["photo.jpg", "photo.jpg --gps --json", "photo.jpg --host images.example"]
    )
    parser.add_argument("input", type=Path, metavar="FILE", help="image file; - is stdin")
    parser.add_argument("--gps", action="store_true", help="say where it was taken, too")
    add_connection_options(parser)
    add_output_options(parser)
    args = parser.parse_args(argv)
    check_connection(parser, args)
    return run_command(run, args)


def run(args: argparse.Namespace) -> int:
    """Describe the image."""
    image = read_input(args.input)
    if args.embedded or names_a_server(args) or names_a_caller(args):
        with connect(args) as client:
            described = client.describe(image, gps=args.gps)
    else:
        described = describe(image, gps=args.gps)
    if args.json:
        show_json(_document(described))
    else:
        for line in _lines(args.input, described):
            print(printable(line))
    return 0


def _document(described: Description) -> dict[str, Any]:
    colors = [color._asdict() for color in described.dominant_colors]
    return {**dataclasses.asdict(described), "dominant_colors": colors}


def _lines(path: Path, described: Description) -> Iterator[str]:
    size = f"{described.width}×{described.height} {CHANNELS[described.channels]}, {described.bits} bits"
    frames = f", {described.frames} frames" if described.frames > 1 else ""
    yield f"{path}: {described.format}, {size}{frames}"
    yield _line("orientation", described.orientation)
    yield _line("profile", described.icc_profile or "none")
    if described.average_color:
        yield _line("average", _hex(described.average_color))
    dominant = [f"{_hex(each.color)} {each.per_mille / 10:g} %" for each in described.dominant_colors]
    yield _line("dominant", ", ".join(dominant) or "none")
    names = ("gray",) if described.channels == 1 else ("red", "green", "blue", "alpha")
    for name, counts in zip(names, described.histogram, strict=False):
        yield _line(name, f"|{_bars(counts)}|")
    yield from _taken(described.camera)
    if described.gps:
        altitude = "" if described.gps.altitude is None else f", {described.gps.altitude:g} m"
        yield _line("place", f"{described.gps.latitude:.6f}, {described.gps.longitude:.6f}{altitude}")


def _taken(camera: CameraData) -> Iterator[str]:
    dpi = None if camera.dpi is None else "×".join(f"{each:g}" for each in camera.dpi)
    for name, value in (
        ("date", camera.date),
        ("make", camera.make),
        ("model", camera.model),
        ("lens", camera.lens),
        ("exposure", camera.exposure_time and f"{camera.exposure_time:g} s"),
        ("aperture", camera.f_number and f"f/{camera.f_number:g}"),
        ("ISO", camera.iso),
        ("focal length", camera.focal_length and f"{camera.focal_length:g} mm"),
        ("dpi", dpi),
        ("copyright", camera.copyright),
    ):
        if value is not None:
            yield _line(name, value)


def _line(name: str, value: object) -> str:
    return f"  {name:12} {value}"


def _hex(color: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


def _bars(counts: Sequence[int]) -> str:
    """Return a bar for each eight values, by how many pixels have them; it is blank where none has."""
    sums = [sum(counts[start : start + VALUES_A_BAR]) for start in range(0, len(counts), VALUES_A_BAR)]
    most = len(BARS) - 1
    return "".join(BARS[-(-each * most // max(sums))] for each in sums)
