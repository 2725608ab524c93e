"""imgsvc's NLImage stays out of protobuf's default pool: users bring their own stubs of the contract."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from imgsvc.stubs import nl_image_service_pb2

IMGSVC = "import imgsvc.stubs.nl_image_service_pb2_grpc, imgsvc.server.lifecycle, imgsvc.client.cli"
USER = "import nl_image_service_pb2, nl_image_service_pb2_grpc"
ROUND_TRIP = """
from imgsvc.stubs.nl_image_service_pb2 import NLImage, NLImageRotateRequest
ours = NLImageRotateRequest(rotation="NINETY_DEG", image=NLImage(width=1, height=1, data=b"x"))
theirs = nl_image_service_pb2.NLImageRotateRequest.FromString(ours.SerializeToString())
assert theirs.SerializeToString() == ours.SerializeToString() and theirs.image.data == b"x"
assert type(theirs) is not type(ours)
"""


@pytest.fixture(scope="module")
def user_stubs(tmp_path_factory):
    """What protoc writes for a user: the build's edits of its output, undone."""
    folder = tmp_path_factory.mktemp("stubs")
    ours = Path(nl_image_service_pb2.__file__)
    edits = {
        "nl_image_service_pb2.py": [
            ("_builder.POOL", "_descriptor_pool.Default()"),
            (
                "from imgsvc.stubs import private_pool as _builder",
                "from google.protobuf.internal import builder as _builder",
            ),
        ],
        "nl_image_service_pb2_grpc.py": [("from imgsvc.stubs import nl_image", "import nl_image")],
    }
    for name, pairs in edits.items():
        text = ours.with_name(name).read_text()
        for edited, original in pairs:
            assert text.count(edited) == 1
            text = text.replace(edited, original)
        assert "imgsvc" not in text
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("implementation", ["upb", "python"])
@pytest.mark.parametrize("order", [(IMGSVC, USER), (USER, IMGSVC)], ids=["imgsvc-first", "user-first"])
def test_both_stubs_in_one_process(user_stubs, order, implementation):
    code = "\n".join((*order, ROUND_TRIP))
    variables = {"PYTHONPATH": str(user_stubs), "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": implementation}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_nothing_of_imgsvc_is_in_the_default_pool():
    code = f"""
{IMGSVC}
from google.protobuf import descriptor_pool
for find in ("FindMessageTypeByName", "FindFileContainingSymbol"):
    try:
        getattr(descriptor_pool.Default(), find)("NLImage")
    except KeyError:
        continue
    raise SystemExit(find)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
