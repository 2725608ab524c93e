"""S3 for tests: moto's server as a process, and a proxy that counts requests and can answer faults."""

import collections
import contextlib
import dataclasses
import http.client
import itertools
import os
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests import processes

LISTEN = "127.0.0.1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
SERVER = """
import logging, sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""

CUT = object()
"""Instead of an answer: half of the store's own, and no more."""

LOST = object()
"""Instead of an answer: none, though the store has done it."""

BUCKETS = itertools.count(1)


def needed():
    """Skip the test where the server or the driver is not installed."""
    pytest.importorskip("s3fs", reason="no s3fs: pip install 'imgsvc[stores]'")
    pytest.importorskip("moto.server", reason="no S3 server: pip install 'moto[server]'")


def free_port():
    """Return a port that nobody listens on."""
    with socket.create_server((LISTEN, 0)) as listening:
        return listening.getsockname()[1]


@contextlib.contextmanager
def running():
    """Start moto's server, give its port, and end it."""
    needed()
    # Of its own, since what it imports warns of things to come, and so do warnings become errors here.
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=processes.environment(**CREDENTIALS),
    )
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(processes.STOP_SECONDS)


@dataclasses.dataclass(frozen=True)
class Request:
    """One that came, with its key as it is, not quoted."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]

    @property
    def key(self):
        """What it is for, below the bucket; nothing of a listing."""
        return self.path.lstrip("/").partition("/")[2]

    @property
    def kind(self):
        """``LIST``, ``PUT`` and so on; in lower case where it is about an upload in parts."""
        if {"uploads", "uploadId"} & set(self.query):
            return self.method.lower()
        return "LIST" if self.method == "GET" and not self.key else self.method


@dataclasses.dataclass(frozen=True)
class Fault:
    """What S3 answers when it does not do it."""

    status: int
    code: str
    text: str = "as a test wants it"

    @property
    def body(self):
        more = "<Condition>If-None-Match</Condition>" if self.status == 412 else ""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{self.text}</Message>{more}"
            "<RequestId>1</RequestId></Error>"
        ).encode()


SLOW_DOWN = Fault(503, "SlowDown", "Please reduce your request rate.")
EXPIRED = Fault(400, "ExpiredToken", "The provided token has expired.")


def once(kind, instead):
    """Return what answers the first request of a kind and of each key in another way."""
    return times(1, kind, instead)


def times(count, kind, instead):
    """Return what answers the first requests of a kind and of each key in another way."""
    seen = collections.Counter()

    def fault(request):
        if request.kind != kind:
            return None
        seen[request.key] += 1
        return instead if seen[request.key] <= count else None

    return fault


def after(count, kind, instead):
    """Return what answers the requests of a kind in another way, but for the first of them."""
    seen = itertools.count(1)
    return lambda request: instead if request.kind == kind and next(seen) > count else None


class Proxy:
    """Passes requests on, and keeps them; `fault` says of a request what else is answered, or None."""

    def __init__(self, port):
        self.requests = []
        self.fault = lambda request: None
        self._port = port
        self._lock = threading.Lock()
        self._server = _Server((LISTEN, 0), type("Handler", (_Handler,), {"proxy": self}))
        self.url = f"http://{LISTEN}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, request):
        """Keep a request, and return what is answered instead."""
        with self._lock:
            self.requests.append(request)
            return self.fault(request)

    def of(self, kind):
        """Return the requests of a kind."""
        with self._lock:
            return [each for each in self.requests if each.kind == kind]

    def counts(self):
        """Return how many requests of each kind there were."""
        with self._lock:
            kinds = [each.kind for each in self.requests]
        return {kind: kinds.count(kind) for kind in sorted(set(kinds))}

    def forget(self):
        with self._lock:
            self.requests.clear()

    def ask(self, method, path, headers, body):
        """Return the store's answer."""
        connection = http.client.HTTPConnection(LISTEN, self._port, timeout=30)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                if name.lower() not in {"expect", "connection"}:
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy = None

    def _do(self):
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(
            self.command,
            unquote(parts.path, errors="surrogateescape"),
            parse_qs(parts.query, keep_blank_values=True),
            dict(self.headers),
        )
        instead = self.proxy.take(request)
        if isinstance(instead, Fault):
            content = b"" if self.command == "HEAD" else instead.body
            self._answer(instead.status, [("Content-Type", "application/xml")], len(content), content)
            return
        status, headers, content = self.proxy.ask(self.command, self.path, self.headers.items(), body)
        if instead is LOST:
            self.close_connection = True
            return
        length = {name.lower(): value for name, value in headers}.get("content-length", len(content))
        if instead is CUT:
            content = content[: len(content) // 2]
            self.close_connection = True
        self._answer(status, headers, length, content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _do  # noqa: N815 - http.server calls them so

    def _answer(self, status, headers, length, content):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in {"connection", "content-length", "transfer-encoding"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    def handle(self):
        with contextlib.suppress(OSError):  # of a client that has gone
            super().handle()

    def log_message(self, *args):
        pass


class Bucket:
    """A bucket of its own behind a proxy, filled and looked at past it."""

    def __init__(self, proxy, client, name):
        self.proxy = proxy
        self.name = name
        self.url = f"s3://{name}"
        self._client = client
        client.create_bucket(Bucket=name)

    @property
    def variables(self):
        """What a user of it has in the environment."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.proxy.url}

    def put(self, key, content):
        self._client.put_object(Bucket=self.name, Key=key, Body=content)

    def fill(self, keys, content):
        """Put many, without signing each."""
        connection = http.client.HTTPConnection(LISTEN, self._client.meta.endpoint_url.rpartition(":")[2])
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"}
        with contextlib.closing(connection):
            for key in keys:
                connection.request("PUT", f"/{self.name}/{key}", content, signed)
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200, key

    def get(self, key):
        return self._client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def sizes(self, prefix=""):
        """Return the size of each object below a prefix, by its key after that."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        found = [each for page in pages for each in page.get("Contents", [])]
        return {each["Key"][len(prefix) :]: each["Size"] for each in found}

    def uploads(self):
        """Return uploads in parts that nobody has ended."""
        return self._client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])


@contextlib.contextmanager
def bucket_of(port):
    """Give a new bucket behind a proxy of its own."""
    import boto3  # noqa: PLC0415 - an extra

    proxy = Proxy(port)
    try:
        client = boto3.client(
            "s3",
            endpoint_url=f"http://{LISTEN}:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="secret",
        )
        with contextlib.closing(client):
            yield Bucket(proxy, client, f"bucket-{os.getpid()}-{next(BUCKETS)}")
    finally:
        proxy.close()
