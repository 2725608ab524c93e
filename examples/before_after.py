"""Make the README's picture: the photo, what the service makes of it, and a detail of each enlarged."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import imgsvc
from imgsvc.server.embedded import embedded_server

DETAIL = np.s_[150:250, 330:430]
ENLARGED = 300


def main() -> None:
    """Run mean filter and rotation through a real server, and paste the four pictures side by side."""
    with Image.open(Path(__file__).with_name("photo.jpg")) as file:
        photo = np.asarray(file)
    with embedded_server() as target, imgsvc.Client(target) as client:
        filtered = client.mean_filter(photo)
        turned = client.rotate90(filtered)

    sheet = Image.new("RGB", (600 + 400 + ENLARGED, 600), "white")
    sheet.paste(Image.fromarray(photo), (0, 100))
    sheet.paste(Image.fromarray(turned), (600, 0))
    for i, image in enumerate((photo, filtered)):
        detail = Image.fromarray(image[DETAIL]).resize((ENLARGED, ENLARGED), Image.Resampling.NEAREST)
        sheet.paste(detail, (1000, i * ENLARGED))
    sheet.save(sys.argv[1], quality=85)


if __name__ == "__main__":
    main()
