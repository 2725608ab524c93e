"""The program of ``docs/clients/node.md``."""

import pytest

from tests.interop import pages
from tests.interop.test_node import NODE_CLIENT, pytestmark  # noqa: F401 - skips without Node.js


class TestPage(pages.ClientPage):
    @pytest.fixture
    def command(self, tmp_path, monkeypatch):
        monkeypatch.setenv("NODE_PATH", str(NODE_CLIENT / "node_modules"))
        monkeypatch.setenv("PROTOS", str(pages.PROTOS))
        (tmp_path / "client.js").write_text(pages.program("node.md", "js"), "utf-8")
        return ["node", tmp_path / "client.js"]
