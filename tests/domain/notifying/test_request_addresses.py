"""Which addresses a request may reach."""

import pytest

from grace.domain.notifying.addresses import names_loopback, refusal

HOST = "hooks.example.org"


@pytest.mark.parametrize(
    ("address", "least"),
    [
        ("93.184.216.34", "public"),
        ("2606:2800:220:1:248:1893:25c8:1946", "public"),
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("fd12:3456::1", "private"),
        ("::ffff:10.1.2.3", "private"),
        ("64:ff9b::a01:203", "private"),
        ("2002:0a01:0203::1", "private"),
        ("169.254.1.1", "any"),
        ("fe80::1%eth0", "any"),
        ("169.254.169.254", "any"),
        ("::ffff:169.254.169.254", "any"),
        ("100.100.100.200", "any"),
        ("fd00:ec2::254", "any"),
        ("240.0.0.1", "any"),
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("0.0.0.0", None),
        ("::", None),
        ("224.0.0.1", None),
        ("ff02::1", None),
        ("no address", None),
    ],
)
def test_each_address_is_reached_from_its_network_on(address, least):
    networks = ("public", "private", "any")
    reached = [network for network in networks if refusal(HOST, address, network) is None]
    assert reached == ([] if least is None else list(networks[networks.index(least) :]))


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_is_reached_by_its_own_name(host):
    assert names_loopback(host)
    assert refusal(host, "127.0.0.1", "public") is None


def test_a_foreign_name_does_not_reach_this_machine():
    assert not names_loopback(HOST)
    assert refusal(HOST, "127.0.0.1", "any") == f"{HOST} is 127.0.0.1, which is this machine"
    assert not names_loopback("10.0.0.1")
