"""The unit: it passes systemd's own checks, and starts the server with options that there are."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from imgsvc.config import ServerConfig
from tests import processes

FOLDER = Path(__file__).parent.parent.parent / "deploy" / "systemd"
UNIT = FOLDER / "imgsvc.service"
PROGRAM = "/opt/imgsvc/bin/imgsvc-server"

MOST_EXPOSURE = 1.5
"""Of 10, by `systemd-analyze security`; units without any hardening have 9.6."""

analyzed = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze, of systemd, is not installed"
)


def setting(name):
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)


def analyze(*arguments):
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@analyzed
def test_verify(tmp_path):
    # The program is where this test's is, since verify wants it to be there.
    unit = tmp_path / "imgsvc.service"
    unit.write_text(UNIT.read_text("utf-8").replace(PROGRAM, processes.program("imgsvc-server")))
    done = analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@analyzed
def test_security():
    done = analyze("security", "--offline=true", f"--threshold={round(10 * MOST_EXPOSURE)}", UNIT)
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)[1])
    assert exposure <= MOST_EXPOSURE
    assert done.returncode == 0, done.stdout


def test_the_server_takes_its_configuration():
    assert setting("ExecStart") == [f"{PROGRAM} --config /etc/imgsvc/imgsvc.toml"]
    printed = processes.run("imgsvc-server", "--config", FOLDER / "imgsvc.toml", "--print-config")
    assert (printed.returncode, printed.stderr) == (0, "")
    assert "max_pixels = 50000000\n" in printed.stdout
    assert 'tls_cert = "/etc/imgsvc/server.pem"\n' in printed.stdout


def test_what_its_configuration_leaves_out_is_right_too(tmp_path):
    file = tmp_path / "imgsvc.toml"
    file.write_text(re.sub(r"(?m)^#(?=\w+ = )", "", (FOLDER / "imgsvc.toml").read_text("utf-8")))
    assert ServerConfig.from_file(file)["tls_client_ca"] == "/etc/imgsvc/clients.pem"


def test_systemd_waits_for_the_end_of_the_calls():
    given = ServerConfig.from_file(FOLDER / "imgsvc.toml")
    [seconds] = setting("TimeoutStopSec")
    assert int(seconds) >= given["grace"] + given.get("drain_delay", 0) + 10
