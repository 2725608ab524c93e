"""The program of ``docs/clients/ruby.md``."""

import pytest

from tests.interop import generated, pages

pytestmark = [
    generated.needs("ruby", "grpc_tools_ruby_protoc"),
    pytest.mark.skipif(
        not generated.installed(["ruby", "-e", "require 'grpc'"]), reason="not installed: gRPC for Ruby"
    ),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ruby")
    compiler = ["grpc_tools_ruby_protoc", "-I", pages.PROTOS, f"--ruby_out={folder}", f"--grpc_out={folder}"]
    generated.succeed([*compiler, *generated.FILES])
    (folder / "client.rb").write_text(pages.program("ruby.md", "ruby"), "utf-8")
    return ["ruby", "-I", folder, folder / "client.rb"]


class TestPage(pages.ClientPage):
    @pytest.fixture
    def command(self, program):
        return program
