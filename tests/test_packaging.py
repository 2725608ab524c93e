"""What is installed: its requirements, and the files that it needs and no others."""

import importlib.resources
import re
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest

import imgsvc
from imgsvc.stubs import nl_image_service_pb2, nl_image_service_pb2_grpc


def floor(package):
    """Return the lowest version that imgsvc requires of a package."""
    for requirement in requires("imgsvc"):
        name = re.match(r"[\w.-]+", requirement)[0]
        if name == package and "extra ==" not in requirement:
            return re.search(r">=([\d.]+)", requirement)[1]
    raise AssertionError(f"{package} is not required")


def test_the_floor_of_grpcio_is_what_the_stubs_were_stamped_with():
    assert floor("grpcio") == nl_image_service_pb2_grpc.GRPC_GENERATED_VERSION


@pytest.mark.parametrize("package", ["grpcio-health-checking", "grpcio-reflection"])
def test_the_floors_of_its_companions_are_the_same(package):
    assert floor(package) == floor("grpcio")


def test_the_floor_of_protobuf_is_what_the_stubs_were_stamped_with():
    source = Path(nl_image_service_pb2.__file__).read_text()
    stamped = re.search(r"ValidateProtobufRuntimeVersion\(\s*\S+,\s*(\d+),\s*(\d+),\s*(\d+),", source)
    assert floor("protobuf") == ".".join(stamped.groups())


def test_the_version_is_the_distribution_s():
    assert imgsvc.__version__ == distribution("imgsvc").version


def test_the_protos_are_installed_with_it_as_they_are():
    root = Path(__file__).parents[1] / "proto"
    installed = importlib.resources.files("imgsvc") / "proto"
    files = [path.relative_to(root) for path in root.rglob("*.proto")]
    assert {path.name for path in installed.rglob("*.proto")} == {path.name for path in files}
    for path in files:
        assert installed.joinpath(*path.parts).read_bytes() == (root / path).read_bytes()


@pytest.mark.skipif(
    "direct_url.json" in {f.name for f in distribution("imgsvc").files or ()}
    and '"editable": true' in (distribution("imgsvc").read_text("direct_url.json") or ""),
    reason="an editable install has no files of its own",
)
def test_the_wheel_holds_what_it_needs_and_no_sources():
    files = {str(file) for file in distribution("imgsvc").files if "__pycache__" not in str(file)}
    assert not [file for file in files if file.endswith((".pyx", ".pxd", ".c", ".h", "CMakeLists.txt"))]
    protos = [file for file in files if file.endswith(".proto")]
    assert protos
    assert all(file.startswith("imgsvc/proto/") for file in protos)
    for name in (
        "py.typed",
        "_kernels.pyi",
        "stubs/nl_image_service_pb2.pyi",
        "stubs/nl_image_service_pb2_grpc.pyi",
    ):
        assert f"imgsvc/{name}" in files
    modules = [file for file in files if re.search(r"/_kernels.*\.(so|pyd)$", file)]
    assert modules, "no kernels"
    assert all(file.startswith(("imgsvc/", "imgsvc-", "../")) for file in files)
