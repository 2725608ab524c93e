"""What it costs the server to know who calls, and to encrypt: CPU time of a small call."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import trustme

import imgsvc
from benchmarks.service.process import Process, program
from benchmarks.service.small_calls import compare, lines
from imgsvc.server.callers.keys import new_key, shown_digest

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.service.report import Report

START_SECONDS = 30.0
OTHERS = 1000


def test_security(benchmark: Any, report: Report, tmp_path: Path) -> None:
    authority, key = trustme.CA(), new_key()
    issued, mine = authority.issue_cert("127.0.0.1"), authority.issue_cert("robot")
    ca, cert, private = (str(tmp_path / name) for name in ("ca.pem", "cert.pem", "key.pem"))
    authority.cert_pem.write_to_path(ca)
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(private)
    keyed, certified = tmp_path / "keyed.toml", tmp_path / "certified.toml"
    tables = [f"[other{number}]\nkeys = ['{shown_digest(new_key())}']\n" for number in range(OTHERS)]
    keyed.write_text(
        "".join(tables) + f"[web]\nkeys = ['{shown_digest(key)}']\npixels_per_second = {1 << 50}\n"
    )
    certified.write_text("[robot]\ncertificates = ['robot']\n")

    tls = ["--tls-cert", cert, "--tls-key", private]
    trust = authority.cert_pem.bytes()
    pair = mine.cert_chain_pems[0].bytes(), mine.private_key_pem.bytes()
    ways: dict[str, tuple[list[str], dict[str, Any]]] = {
        "anybody may call": ([], {}),
        f"a key, of {OTHERS + 1}, and a quota": (["--callers", str(keyed)], {"token": key}),
        "TLS": (tls, {"tls": imgsvc.Tls(trust)}),
        "TLS, and who a certificate is": (
            [*tls, "--tls-client-ca", ca, "--callers", str(certified)],
            {"tls": imgsvc.Tls(trust, *pair)},
        ),
    }
    with contextlib.ExitStack() as stack:
        servers = {}
        for name, (options, connection) in ways.items():
            command = [program("imgsvc-server"), "--host", "127.0.0.1", "--port", "0", *options]
            process = stack.enter_context(Process(command, {}, tmp_path / f"{name}.log"))
            target = process.read_line(START_SECONDS).split(" serving on ")[1].split()[0]
            servers[name] = process, stack.enter_context(imgsvc.Client(target, **connection))
        report.security += lines(compare(benchmark, servers))
