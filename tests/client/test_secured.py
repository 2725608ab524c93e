"""imgsvc-client and the library with a real server that has TLS and wants a key: how that goes wrong."""

import datetime
import json

import numpy as np
import pytest
import trustme

import imgsvc
from imgsvc.errors import RequestRefusedError
from imgsvc.server.callers.keys import new_key, shown_digest
from tests.certificates import Files
from tests.processes import run, serving

PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
KEY = new_key()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("secured")


@pytest.fixture(scope="module")
def authority(folder):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other-ca.pem")
    return authority


@pytest.fixture(scope="module")
def secured(authority, folder):
    with serving(*options(folder, authority.issue_cert("127.0.0.1"))) as running:
        yield running


def options(folder, issued, *more):
    callers = folder / "callers.toml"
    callers.write_text(f"[webshop]\nkeys = ['{shown_digest(KEY)}']\n")
    files = Files(folder / "tls").put(issued)
    tls = ("--tls-cert", files.cert, "--tls-key", files.key)
    return ("--host", "127.0.0.1", "--port", "0", *tls, "--callers", callers, *more)


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "webshop.key"
    path.touch(0o600)
    path.write_text(f"{KEY}\n")
    return path


def client(server, command, *arguments, **variables):
    where = ("--host", "127.0.0.1", "--port", server.port)
    return run("imgsvc-client", command, *where, *arguments, **variables)


def problem(done):
    """Return what doctor found."""
    assert done.returncode == 1
    [found] = [each for each in json.loads(done.stdout) if each["state"] == "problem"]
    assert found["what"] == "server"
    return found["text"]


def test_a_key_from_a_file_named_in_the_environment_or_from_it(secured, folder, key_file):
    ca = ("--tls-ca", folder / "ca.pem")
    for arguments, variables in [
        ((), {"IMGSVC_TOKEN_FILE": str(key_file)}),
        ((), {"IMGSVC_TOKEN": KEY}),
        (("--token-file", key_file), {"IMGSVC_TOKEN_FILE": "/nonexistent", "IMGSVC_TOKEN": "wrong"}),
    ]:
        done = client(secured, "info", *ca, *arguments, **variables)
        assert (done.returncode, done.stderr) == (0, ""), (arguments, variables)
        assert "reads" in done.stdout


def test_doctor(secured, folder, key_file):
    done = client(secured, "doctor", "--tls-ca", folder / "ca.pem", "--token-file", key_file)
    assert done.returncode == 0
    assert "ok       its kernels: they compute" in done.stdout


def test_a_key_that_every_user_can_read_warns(secured, folder, key_file):
    key_file.chmod(0o644)
    done = client(secured, "info", "--tls-ca", folder / "ca.pem", "--token-file", key_file)
    assert done.returncode == 0
    assert done.stderr == (
        f"imgsvc-client: warning: {key_file}: every user of this machine can read or write this key: "
        "chmod o= it\n"
    )


def test_no_key_and_a_wrong_one(secured, folder):
    ca = ("--tls-ca", folder / "ca.pem")
    done = client(secured, "info", *ca)
    expected = "expected 'Bearer KEY' with a key that this server knows"
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr == (
        f"imgsvc-client: UNAUTHENTICATED: authorization: no key, {expected}; "
        "give one by --token-file, IMGSVC_TOKEN_FILE or IMGSVC_TOKEN\n"
    )
    wrong = new_key()
    done = client(secured, "doctor", *ca, "--json", IMGSVC_TOKEN=wrong)
    advice = "is it this server's, and has it not been revoked?"
    assert problem(done) == f"UNAUTHENTICATED: authorization: unknown key, {expected}; {advice}"
    assert wrong not in done.stdout + done.stderr


def test_another_authority(secured, folder):
    arguments = ("--tls-ca", folder / "other-ca.pem", "--json")
    words = "an authority has signed the server's certificate that this client does not trust: --tls-ca names"
    assert words in problem(client(secured, "doctor", *arguments, "--timeout", "0.5"))


def test_another_name(secured, folder):
    arguments = ("--tls-ca", folder / "ca.pem", "--tls-server-name", "images.example", "--retries", "0")
    done = client(secured, "info", *arguments)
    assert done.returncode == 5
    assert "the server's certificate is for another name" in done.stderr


def test_no_tls_where_there_is_some_and_some_where_there_is_none(secured, server, folder):
    done = client(secured, "info", "--retries", "0")
    assert "something is there, and hangs up: does it have TLS (--tls-ca), or want" in done.stderr
    done = client(server, "info", "--tls-ca", folder / "ca.pem", "--retries", "0")
    assert "what answers there has no TLS: leave out the --tls options" in done.stderr


def test_a_certificate_that_has_expired(serve, authority, tmp_path, folder):
    expired = authority.issue_cert("127.0.0.1", not_before=PAST, not_after=PAST + datetime.timedelta(1))
    server = serve(*options(tmp_path, expired))
    done = client(server, "info", "--tls-ca", folder / "ca.pem", "--retries", "0")
    assert done.returncode == 5
    assert "the server's certificate has expired: whoever runs it must renew it" in done.stderr


def test_the_library(secured, authority, key_file):
    tls = imgsvc.Tls(ca=authority.cert_pem.bytes())
    image = np.zeros((4, 4), np.uint8)
    where = secured.target
    with imgsvc.Client(where, tls=tls, token=key_file) as known:
        assert (known.invert(image) == 255).all()
        assert (known.mean_filter(image) == 0).all()
        [(_, result)] = known.process_many([image], "invert")
        assert (result.array == 255).all()
    with imgsvc.Client(where, tls=tls) as unknown:
        with pytest.raises(RequestRefusedError, match="^UNAUTHENTICATED: authorization: no key"):
            unknown.invert(image)
        with pytest.raises(RequestRefusedError, match="^UNAUTHENTICATED: authorization: no key"):
            list(unknown.process_many([image], "invert"))
