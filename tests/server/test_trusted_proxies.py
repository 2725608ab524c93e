"""Whose x-forwarded-for is believed, and who a call is counted for then."""

from types import SimpleNamespace

import pytest

from imgsvc.config import ServerConfig
from imgsvc.errors import ConfigurationError
from imgsvc.server.lifecycle import Server
from imgsvc.server.trusted_proxies import TrustedProxies
from imgsvc.stubs.nl_image_service_pb2 import NLImage
from tests import rpc
from tests.processes import wait_for

GOOD = NLImage(width=1, height=1, data=b"x").SerializeToString()


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("ipv4:10.0.0.1:50000", ["1.2.3.4"], "ipv4:1.2.3.4"),
        (
            "ipv4:10.0.0.1:50000",
            ["9.9.9.9, 1.2.3.4, 10.0.0.2"],
            "ipv4:1.2.3.4",
        ),  # 9.9.9.9 is the client's word
        ("ipv4:10.0.0.1:50000", ["1.2.3.4", "10.0.0.2:443"], "ipv4:1.2.3.4"),
        ("ipv4:10.0.0.1:50000", ["2001:db8:1:2::5"], "ipv6:2001:db8:1:2::5"),
        ("ipv4:10.0.0.1:50000", ["[2001:db8::5]:443"], "ipv6:2001:db8::5"),
        ("ipv6:%5B::ffff:10.0.0.1%5D:50000", ["1.2.3.4"], "ipv4:1.2.3.4"),
        ("ipv6:%5Bfd00::7%5D:50000", ["1.2.3.4"], "ipv4:1.2.3.4"),
        ("unix:", ["1.2.3.4"], "ipv4:1.2.3.4"),
        ("ipv4:10.0.0.1:50000", ["10.0.0.3"], "ipv4:10.0.0.3"),  # all are proxies: the first of them
        ("ipv4:10.0.0.1:50000", [], "ipv4:10.0.0.1:50000"),
        ("ipv4:10.0.0.1:50000", ["unknown, 10.0.0.2"], "ipv4:10.0.0.2"),
        ("ipv4:10.0.0.1:50000", ["no address"], "ipv4:10.0.0.1:50000"),
        ("ipv4:11.0.0.1:50000", ["1.2.3.4"], "ipv4:11.0.0.1:50000"),  # who is no proxy is believed nothing
        ("ipv6:%5B2001:db8::1%5D:50000", ["1.2.3.4"], "ipv6:%5B2001:db8::1%5D:50000"),
    ],
)
def test_the_client_is_the_rightmost_that_is_no_trusted_proxy(peer, forwarded, client):
    proxies = TrustedProxies("10.0.0.0/8, fd00::/8, unix")
    metadata = [("x-forwarded-for", value) for value in forwarded]
    assert proxies.client_of(peer, metadata) == client


def test_what_is_no_network():
    with pytest.raises(ConfigurationError, match="^--trusted-proxies: '10.0.0' does not appear to be"):
        TrustedProxies("10.0.0")


@pytest.mark.parametrize(
    ("trusted", "flows"),
    [("127.0.0.1", {"ipv4:1.2.3.4": 2, "ipv6:2001:db8:1:2::/64": 2}), (None, {"ipv4:127.0.0.1": 4})],
)
def test_calls_are_counted_for_those_behind_a_proxy(trusted, flows):
    """IPv6 by the network that a host has; without trust for the peer."""
    config = ServerConfig(host="127.0.0.1", port=0, trusted_proxies=trusted)
    clients = ["1.2.3.4", "2001:db8:1:2::3", "1.2.3.4", "2001:db8:1:2::4"]
    with Server(config) as server, rpc.channel(SimpleNamespace(target=server.addresses[0])) as connection:
        held = [
            rpc.HeldAnswer(connection, rpc.MEAN_FILTER, metadata=[("x-forwarded-for", client)])
            for client in clients
        ]
        wait_for(lambda: server.limiter.num_calls == len(clients))
        found = {call.flow.key: call.flow.calls for call in server._calls._open}
        assert found == flows
        for call in held:
            call.cancel()
