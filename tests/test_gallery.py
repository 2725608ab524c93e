"""The pictures of docs/gallery.md are what imgsvc makes of the texts beside them."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from imgsvc.codec import decode
from imgsvc.pipeline import Pipeline

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "gallery.md"

spec = importlib.util.spec_from_file_location("examples.gallery", ROOT / "examples" / "gallery.py")
GALLERY = importlib.util.module_from_spec(spec)
spec.loader.exec_module(GALLERY)
PICTURES = list(GALLERY.pictures(PAGE))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.path.stem)
def test_it_would_be_made_again(picture):
    there, made = (decode(bytes(data)).frames[0] for data in (picture.path.read_bytes(), picture.made().data))
    assert there.shape == made.shape
    # Another version of the encoder may have other bytes.
    assert abs(there.astype(int) - made).mean() < 2


def test_every_row_and_every_file_is_a_picture():
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert len(rows) == len(PICTURES)
    assert {picture.path for picture in PICTURES} == set((PAGE.parent / "gallery").iterdir())


def test_what_is_shown():
    shown = {
        operation.name
        for each in PICTURES
        for operation in Pipeline(each.text.replace("\\|", "|")).operations
    }
    assert shown >= {
        "color_matrix", "flatten", "letterbox", "rotate", "saturation", "transpose", "trim", "warp_affine",
    }  # fmt: skip


def test_a_cut_out_has_soft_edges():
    alpha = GALLERY.cut_out(np.zeros((20, 30, 3), np.uint8))[..., 3]
    assert (alpha[0, 0], alpha[10, 15]) == (0, 255)
    assert len(np.unique(alpha)) > 2
