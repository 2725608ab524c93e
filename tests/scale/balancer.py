"""A real Envoy before real servers: what deploy/envoy has, with ports and paths of this machine."""

import contextlib
import dataclasses
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import trustme
import yaml

from tests import certificates, processes
from tests.processes import wait_for

FOLDER = Path(__file__).parents[2] / "deploy" / "envoy"
START_SECONDS = 20
ZONES = ("a", "b")


def program():
    """Return where Envoy is, if anywhere."""
    beside = Path(sys.executable).parent / "envoy"
    return str(beside) if beside.exists() else shutil.which("envoy")


@dataclasses.dataclass
class Balancer:
    """An Envoy that runs."""

    target: str
    admin: int
    process: subprocess.Popen

    def asked(self, path):
        """Return what its administration says."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/{path}", timeout=20) as answer:
            return answer.read().decode()

    def told(self, path):
        """Have its administration do something."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin}/{path}", method="POST")
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 200

    def number(self, name):
        """Return one of its statistics."""
        return int(self.asked(f"stats?filter=^{name}$").rpartition(": ")[2])

    def healthy(self):
        """Return the ports of the servers that it knows and finds healthy."""
        found = set()
        for line in self.asked("clusters").splitlines():
            name, _, rest = line.partition("::")
            address, _, flag = rest.partition("::")
            if name == "imgsvc" and flag == "health_flags::healthy":
                found.add(int(address.rpartition(":")[2]))
        return found


@dataclasses.dataclass
class Site:
    """Servers, and one balancer or several before them.

    Attributes
    ----------
    balancers
        Those that were started; `target` is of the first.
    servers
        Those that run, by name.
    """

    folder: Path
    authority: trustme.CA
    stack: contextlib.ExitStack
    balancers: list = dataclasses.field(default_factory=list)
    servers: dict = dataclasses.field(default_factory=dict)
    zones: dict = dataclasses.field(default_factory=dict)

    @property
    def target(self):
        return self.balancers[0].target

    def start(self, name, *options, zone="a", port=0):
        """Start a server, which gets no calls before `tell`."""
        pair = certificates.Files(self.folder / name).put(self.authority.issue_cert("imgsvc"))
        server = self.stack.enter_context(
            processes.serving(
                *("--host", "127.0.0.1", "--port", port, "--cores", "1", "--drain-delay", "3"),
                *("--tls-cert", pair.cert, "--tls-key", pair.key),
                *("--tls-client-ca", self.folder / "tls" / "ca.pem", "--metrics-port", "0"),
                *options,
            )
        )
        self.servers[name] = server
        self.zones[name] = zone
        return server

    def tell(self, *names):
        """Let Envoy know these servers, and no others, and wait until it finds those healthy that are."""
        ports = {
            zone: [self.servers[name].port for name in names if self.zones[name] == zone] for zone in ZONES
        }
        places = [(zone, port) for zone in ZONES for port in ports[zone]]
        written(self.folder / "endpoints.yaml", "imgsvc", places)
        wait_for(lambda: self.healthy() == {port for _, port in places}, START_SECONDS)

    def healthy(self):
        """Return the ports of the servers that all balancers know and find healthy."""
        return set.intersection(*(each.healthy() for each in self.balancers if each.process.poll() is None))

    def balance(self, *options, overlay=None):
        """Start a balancer, which knows the same servers as the others."""
        port, admin = free_port(), free_port()
        text = (FOLDER / "envoy.yaml").read_text().replace("/etc/envoy", str(self.folder))
        config = yaml.safe_load(text)
        config["admin"]["address"]["socket_address"]["port_value"] = admin
        [listener] = config["static_resources"]["listeners"]
        listener["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": port}
        path = self.folder / f"envoy-{port}.yaml"
        path.write_text(yaml.safe_dump(config))
        if overlay is not None:
            options += ("--config-yaml", overlay(port))
        command = [
            program(), "--config-path", path, "--disable-hot-restart", "--concurrency", "1",
            "--log-level", "warning", *options,
        ]  # fmt: skip
        log = path.with_suffix(".log")
        with log.open("wb") as file:
            process = subprocess.Popen(list(map(str, command)), stdout=file, stderr=file, env=os.environ)
        self.stack.callback(ended, process)
        made = Balancer(f"127.0.0.1:{port}", admin, process)
        wait_for(lambda: is_live(made, log), START_SECONDS)
        self.balancers.append(made)
        return made

    def calls(self, name):
        """Return how many image calls a server has answered, by its metrics."""
        return sum(
            number
            for labels, number in metrics(self.servers[name], "imgsvc_requests_total")
            if "ImageService" in labels or "NLImage" in labels
        )

    def under_way(self, name):
        """Return how many calls a server has just now."""
        return sum(number for _, number in metrics(self.servers[name], "imgsvc_calls_in_flight"))


def metrics(server, name):
    """Yield the labels and the value of each of a server's numbers of a name."""
    pattern = r"metrics on http://127\.0\.0\.1:(\d+)/metrics"
    port = wait_for(lambda: re.search(pattern, server.log))[1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    for line in lines:
        found = re.fullmatch(rf"{name}(\{{.*\}})? (\S+)", line)
        if found:
            yield found[1] or "", float(found[2])


def written(path, cluster, places):
    """Put a file of endpoints, each a zone and a port, to its place by renaming."""
    resource = {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": cluster,
        "endpoints": [
            {
                "locality": {"zone": zone},
                "lb_endpoints": [
                    {
                        "endpoint": {
                            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}
                        }
                    }
                    for place, port in places
                    if place == zone
                ],
            }
            for zone in ZONES
        ],
    }
    new = path.with_suffix(".new")
    new.write_text(yaml.safe_dump({"version_info": str(time.monotonic()), "resources": [resource]}))
    new.replace(path)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


@contextlib.contextmanager
def site(folder, *, zone=None):
    """Start Envoy in a folder, without servers yet; with a zone of its own, zone-aware."""
    authority = trustme.CA()
    tls = folder / "tls"
    tls.mkdir()
    (tls / "ca.pem").write_bytes(authority.cert_pem.bytes())
    issued = authority.issue_cert("balancer")
    (tls / "balancer.pem").write_bytes(certificates.chain(issued))
    (tls / "balancer-key.pem").write_bytes(issued.private_key_pem.bytes())
    written(folder / "endpoints.yaml", "imgsvc", [])

    def zoned(port):
        places = [(each, port + index) for index, each in enumerate(ZONES)]
        written(folder / "balancers.yaml", "imgsvc-balancers", places)
        text = (FOLDER / "zones.yaml").read_text().replace("/etc/envoy", str(folder))
        return text.replace("{zone: a}", f"{{zone: {zone}}}")

    with contextlib.ExitStack() as stack:
        made = Site(folder, authority, stack)
        made.balance(overlay=None if zone is None else zoned)
        yield made
        for server in made.servers.values():
            if server.process.poll() is None:
                server.process.terminate()  # and once more by the stack, so that no drain delay is waited for


def is_live(made, log):
    assert made.process.poll() is None, log.read_text()
    try:
        return made.asked("ready") == "LIVE\n"
    except OSError:
        return False


def ended(process):
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
