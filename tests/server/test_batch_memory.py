"""A batch of thousands takes no more memory than the server was given, whatever its client does."""

import itertools
import re
import time
from pathlib import Path

import numpy as np
import pytest

from imgsvc.v1 import image_service_pb2 as messages
from imgsvc.v1 import recipe_pb2
from tests import rpc, v1

ITEMS = 5000
SHAPE = (240, 320, 3)
MIB = 1 << 20


def resident(process, field):
    status = Path(f"/proc/{process.pid}/status")
    return int(re.search(rf"^{field}:\s+(\d+) kB$", status.read_text(), re.MULTILINE)[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_of_a_client_that_does_not_read(serve, rng):
    server = serve("--port", "0", "--max-message-bytes", "8MiB", "--max-bytes-in-flight", "32MiB")
    image = v1.pixels(rng.integers(0, 256, SHAPE, dtype=np.uint8))  # 1.1 GB of them, and of results
    taken = itertools.count()
    sent = 0

    def requests():
        nonlocal sent
        for number in range(ITEMS):
            recipe = recipe_pb2.Recipe(text="gaussian_blur sigma=1") if number == 0 else None
            item = messages.BatchItem(id=str(number), image=image)
            sent = next(taken)
            yield messages.ProcessBatchRequest(recipe=recipe, items=[item]).SerializeToString()

    with rpc.channel(server) as connection:
        before = resident(server.process, "VmRSS")
        call = connection.stream_stream(v1.BATCH)(requests(), timeout=300)
        while True:  # until the server takes no more
            so_far = sent
            time.sleep(0.5)
            if 0 < so_far == sent:
                break
        assert sent < ITEMS / 5
        found = set()
        for body in call:
            for result in messages.ProcessBatchResponse.FromString(body).results:
                assert result.WhichOneof("result") == "response"
                found.add(result.id)
        assert found == set(map(str, range(ITEMS)))
        # The budget, messages that gRPC has under way, and what the threads need.
        assert resident(server.process, "VmHWM") - before < 150 * MIB
