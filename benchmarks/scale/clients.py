"""The lean client of servers that take calls of balancers alone: what Envoy is to them, without Envoy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import grpc

from benchmarks.service.clients import BytesClient
from benchmarks.service.generated import MEAN_FILTER
from benchmarks.service.serving import UNLIMITED

ROUND_ROBIN = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})


class DirectClient(BytesClient):
    """Bytes in, bytes out, over TLS with the balancer's certificate, to each server in turn.

    Parameters
    ----------
    target
        The folder of the certificates, and after ``@`` the servers' addresses, with commas between them.
    """

    def __init__(self, target: str) -> None:
        folder, _, addresses = target.rpartition("@")
        trust, key, certificate = (
            Path(folder, name).read_bytes() for name in ("ca.pem", "balancer-key.pem", "balancer.pem")
        )
        options = [
            *UNLIMITED,
            ("grpc.ssl_target_name_override", "imgsvc"),
            ("grpc.service_config", ROUND_ROBIN),
        ]
        credentials = grpc.ssl_channel_credentials(trust, key, certificate)
        channel = grpc.secure_channel(f"ipv4:{addresses}", credentials, options)
        self._mean_filter: Any = channel.unary_unary(MEAN_FILTER)
