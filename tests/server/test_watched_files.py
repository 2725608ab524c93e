"""Files that are read again, and that cannot be read for a while."""

import errno
import os

import pytest

from imgsvc.errors import ConfigurationError
from imgsvc.server import watched_files as module
from imgsvc.server.watched_files import WatchedFiles
from tests.processes import wait_for


class Reader:
    """What it has read last; `error` is in its way."""

    def __init__(self, path):
        self.path = path
        self.error = None
        self.tries = 0
        self.content = ""

    def load(self):
        self.tries += 1
        if isinstance(self.error, OSError):
            raise ConfigurationError(f"{self.path}: {self.error.strerror}") from self.error
        if self.error:
            raise self.error
        self.content = self.path.read_text("ascii")


@pytest.fixture
def reader(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    path = tmp_path / "file"
    path.write_text("old")
    reader = Reader(path)
    files = WatchedFiles()
    files.add([str(path)], reader.load)
    files.start()
    yield reader
    files.close()


def replace(path, text):
    other = path.with_suffix(".new")
    other.write_text(text)
    other.replace(path)


@pytest.mark.parametrize("error", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_what_cannot_be_read_is_read_when_it_can_and_logged_once(reader, caplog, error):
    reader.error = OSError(error, os.strerror(error))
    replace(reader.path, "new")
    wait_for(lambda: reader.tries > 5)
    assert reader.content == "old"
    reader.error = None
    wait_for(lambda: reader.content == "new")
    assert caplog.text.count(os.strerror(error)) == 1


def test_what_is_wrong_is_read_once_and_again_with_other_permissions(reader, caplog):
    reader.error = ConfigurationError("wrong")
    replace(reader.path, "new")
    wait_for(lambda: "wrong; what was read before stays in use" in caplog.text)
    tries = reader.tries
    reader.error = None
    reader.path.chmod(0o640)
    wait_for(lambda: reader.content == "new")
    assert reader.tries == tries + 1
    assert caplog.text.count("wrong") == 1
