"""The program of ``docs/clients/cpp.md``."""

import pytest

from tests.interop import generated, pages

PACKAGES = ["pkg-config", "--cflags", "--libs", "grpc++", "protobuf"]

pytestmark = [
    generated.needs("g++", "pkg-config", "protoc", "grpc_cpp_plugin"),
    pytest.mark.skipif(not generated.installed(PACKAGES), reason="not installed: gRPC for C++"),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cpp")
    plugin = generated.path_of("grpc_cpp_plugin")
    outputs = [f"--cpp_out={folder}", f"--grpc_out={folder}", f"--plugin=protoc-gen-grpc={plugin}"]
    generated.succeed(["protoc", "-I", pages.PROTOS, *outputs, *generated.FILES])
    details = generated.googleapis()
    generated.succeed(["protoc", "-I", details, f"--cpp_out={folder}", *generated.DETAILS])
    (folder / "client.cpp").write_text(pages.program("cpp.md", "cpp"), "utf-8")
    libraries = generated.succeed(PACKAGES).split()
    sources = [folder / "client.cpp", *folder.rglob("*.cc")]
    generated.succeed(["g++", "-std=c++17", "-I", folder, *sources, "-o", folder / "client", *libraries])
    return [folder / "client"]


class TestPage(pages.ClientPage):
    @pytest.fixture
    def command(self, program):
        return program
