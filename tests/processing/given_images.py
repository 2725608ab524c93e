"""An image in every way in which callers give one."""

import contextlib
import io

import numpy as np
from PIL import Image as PillowImage

import imgsvc


class WithArray:
    """As tensors and frames are: with ``__array__`` alone."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)


@contextlib.contextmanager
def ways(image, folder):
    """Yield the image as a lossless file, and as pixels, by what that is called."""
    stream = io.BytesIO()
    PillowImage.fromarray(image).save(stream, "png")
    data = stream.getvalue()
    path = folder / "image.png"
    path.write_bytes(data)
    with (
        PillowImage.open(path) as not_loaded,
        path.open("rb") as file,
        path.open("rb", buffering=0) as raw,
    ):
        yield {
            "array": image,
            "__array__": WithArray(image),
            "Pillow": PillowImage.fromarray(image),
            "Pillow, not loaded": not_loaded,
            "result of pixels": imgsvc.process(image),
            "path": path,
            "name": str(path),
            "bytes": data,
            "bytearray": bytearray(data),
            "memoryview": memoryview(data),
            "result of a file": imgsvc.process(data),
            "file in memory": io.BytesIO(data),
            "file": file,
            "file without a buffer": raw,
            "file behind something else": after(b"header", data),
        }


def after(before, data):
    file = io.BytesIO(before + data)
    file.read(len(before))
    return file
