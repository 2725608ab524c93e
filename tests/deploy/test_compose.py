"""compose.yaml and what it mounts: valid, closed to other machines, and in step with the server's options."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from imgsvc.config import ServerConfig

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"


COMPOSE = ROOT / "compose.yaml"


@pytest.fixture(scope="module")
def services():
    yaml = pytest.importorskip("yaml", reason="PyYAML is in the extra [dev]")
    return yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
def test_docker_compose():
    command = ["docker-compose", "--file", COMPOSE, "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_service_is_closed(services):
    assert set(services) == {"imgsvc", "redis", "prometheus", "grafana"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name


def test_every_service_but_the_image_s_own_has_a_health_check(services):
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"imgsvc"}


def test_the_server_s_variables_are_options(services):
    variables = services["imgsvc"]["environment"]
    config = ServerConfig(**ServerConfig.from_environment(variables))
    assert config.cache == "redis"
    port = config.metrics_port
    assert f'["imgsvc:{port}"]' in (DEPLOY / "prometheus.yml").read_text("utf-8")


def test_grafana_is_provisioned_with_each_thing_once():
    """Two files of one data source, or of one dashboard provider, end Grafana at its start."""
    yaml = pytest.importorskip("yaml", reason="PyYAML is in the extra [dev]")
    for kind, key in ("dashboards", "providers"), ("datasources", "datasources"):
        folder = DEPLOY / "grafana" / "provisioning" / kind
        files = [path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"}]  # it reads both
        names = [each["name"] for path in files for each in yaml.safe_load(path.read_text("utf-8"))[key]]
        assert len(names) == len(set(names)) == 1


def test_what_is_mounted_is_there():
    mounted = re.findall(r"- \./(\S+?):", COMPOSE.read_text("utf-8"))
    assert "deploy/prometheus.yml" in mounted
    assert all((ROOT / path).exists() for path in mounted)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of Prometheus, is not installed")
def test_promtool():
    done = subprocess.run(
        ["promtool", "check", "config", DEPLOY / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert "is valid prometheus config file syntax" in done.stdout


def test_alerts_are_about_metrics_that_there_are():
    documented = (ROOT / "docs" / "observability.md").read_text("utf-8")
    named = re.findall(r"imgsvc_\w+", (DEPLOY / "prometheus-rules.yml").read_text("utf-8"))
    assert len(named) > 3
    assert [name for name in named if f"`{name}`" not in documented] == []
