"""Certificates for tests, as files."""

import dataclasses
from pathlib import Path

import grpc


@dataclasses.dataclass
class Files:
    """What a server is given, or a client; rewritten by `put`."""

    folder: Path

    def __post_init__(self):
        self.folder.mkdir(exist_ok=True)
        self.cert, self.key = self.folder / "cert.pem", self.folder / "key.pem"

    def put(self, issued):
        """Replace both by renaming, the key first: for a moment they do not fit each other."""
        replace(self.key, issued.private_key_pem.bytes())
        replace(self.cert, chain(issued))
        return self


def chain(issued):
    return b"".join(part.bytes() for part in issued.cert_chain_pems)


def replace(path, content):
    new = path.with_suffix(".new")
    new.touch(0o600)
    new.write_bytes(content)
    new.replace(path)


def channel(server, authority, issued=None, name="localhost"):
    """Connect over TLS, in a connection of its own."""
    pair = (None, None) if issued is None else (issued.private_key_pem.bytes(), chain(issued))
    credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes(), *pair)
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.ssl_target_name_override", name)]
    return grpc.secure_channel(server.target, credentials, options)
