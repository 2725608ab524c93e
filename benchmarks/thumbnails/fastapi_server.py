"""Thumbnails by FastAPI on uvicorn, as anyone would write it first: one process, work in its pool of threads.

python -m benchmarks.thumbnails.fastapi_server {pillow,pyvips}
"""

from __future__ import annotations

import io
import socket
import sys

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

from benchmarks.thumbnails.work import QUALITY, WIDTH, thumbnail_size

app = FastAPI()


def by_pillow(data: bytes, kind: str) -> bytes:
    from PIL import Image  # noqa: PLC0415 - one library or the other

    with Image.open(io.BytesIO(data)) as image:
        size = thumbnail_size(*image.size)
        image.draft("RGB", size)  # a JPEG is decoded no larger than it has to be
        file = io.BytesIO()
        image.resize(size, Image.Resampling.LANCZOS).save(file, kind, quality=QUALITY)
        return file.getvalue()


def by_pyvips(data: bytes, kind: str) -> bytes:
    import pyvips  # noqa: PLC0415 - one library or the other

    thumbnail = pyvips.Image.thumbnail_buffer(data, WIDTH)  # Lanczos, by default
    file: bytes = thumbnail.write_to_buffer(f".{kind}", Q=QUALITY)
    return file


LIBRARIES = {"pillow": by_pillow, "pyvips": by_pyvips}


@app.post("/{kind}")
async def thumbnail(kind: str, request: Request) -> Response:
    data = await request.body()
    file = await run_in_threadpool(LIBRARIES[sys.argv[1]], data, kind)
    return Response(file, media_type=f"image/{kind}")


def main() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"fastapi serving on 127.0.0.1:{listening.getsockname()[1]}", flush=True)
    # No line for each call: nobody reads its stdout.
    uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning")).run([listening])


if __name__ == "__main__":
    main()
