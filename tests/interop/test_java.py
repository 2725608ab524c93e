"""The program of ``docs/clients/java.md``, by the packages of Debian 12."""

from pathlib import Path

import pytest

from tests.interop import generated, pages

LIBRARIES = Path("/usr/share/java")
JARS = ("grpc", "netty", "perfmark", "protobuf", "guava", "geronimo-annotation")

pytestmark = [
    generated.needs("java", "javac", "protoc", "grpc_java_plugin"),
    pytest.mark.skipif(
        not all(
            (LIBRARIES / f"{jar}.jar").exists() for jar in ("grpc-netty", "netty-codec-http2", "protobuf")
        ),
        reason="not installed: gRPC for Java",
    ),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("java")
    plugin = generated.path_of("grpc_java_plugin")
    outputs = [f"--java_out={folder}", f"--grpc_out={folder}", f"--plugin=protoc-gen-grpc={plugin}"]
    generated.succeed(["protoc", "-I", pages.PROTOS, *outputs, *generated.FILES])
    details = generated.googleapis()
    generated.succeed(["protoc", "-I", details, f"--java_out={folder}", *generated.DETAILS])
    (folder / "ImageClient.java").write_text(pages.program("java.md", "java"), "utf-8")
    jars = sorted(str(jar) for prefix in JARS for jar in LIBRARIES.glob(f"{prefix}*.jar"))
    path = ":".join([str(folder / "classes"), *jars])
    generated.succeed(["javac", "-cp", path, "-d", folder / "classes", *folder.rglob("*.java")])
    return ["java", "-cp", path, "ImageClient"]


class TestPage(pages.ClientPage):
    @pytest.fixture
    def command(self, program):
        return program
