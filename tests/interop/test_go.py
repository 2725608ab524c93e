"""The program of ``docs/clients/go.md``, by the packages of Debian 12."""

import os
from pathlib import Path

import pytest

from tests.interop import generated, pages

LIBRARIES = Path("/usr/share/gocode")

pytestmark = [
    generated.needs("go", "protoc", "protoc-gen-go"),
    pytest.mark.skipif(
        not (LIBRARIES / "src" / "google.golang.org" / "grpc").is_dir(), reason="not installed: gRPC for Go"
    ),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("go")
    (folder / "src").mkdir()
    compiler = ["protoc", "-I", pages.PROTOS, f"--go_out=plugins=grpc:{folder / 'src'}"]
    generated.succeed([*compiler, *generated.FILES])
    (folder / "client.go").write_text(pages.program("go.md", "go"), "utf-8")
    environment = {"GO111MODULE": "off", "GOPATH": f"{folder}:{LIBRARIES}", "GOCACHE": str(folder / "cache")}
    build = ["go", "build", "-o", folder / "client", folder / "client.go"]
    generated.succeed(build, env={**os.environ, **environment})
    return [folder / "client"]


class TestPage(pages.ClientPage):
    @pytest.fixture
    def command(self, program):
        return program
