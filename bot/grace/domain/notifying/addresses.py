"""Which network addresses a request may reach; a name of a host can be made to mean any of them."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Literal

_METADATA: Final = frozenset(
    ip_address(text)
    for text in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254")
)
_NAT64: Final = ip_network("64:ff9b::/96")
_LOW_32_BITS: Final = 0xFFFFFFFF


def names_loopback(host: str) -> bool:
    """Tell whether a host, as it is written in a URL, says that it is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(host: str, address: str, network: Literal["public", "private", "any"]) -> str | None:
    """Say why a request for a host must not go to an address that it resolves to; None: it may.

    This machine is reached only by whoever names it so: a foreign name may be pointed at it.
    """
    meant = _meant(address)
    if meant is None:
        return f"{address} is no address"
    if meant.is_unspecified or meant.is_multicast:
        return f"{host} is {meant}, which is no address of one machine"
    if meant.is_loopback:
        return None if names_loopback(host) else f"{host} is {meant}, which is this machine"
    if network == "any":
        return None
    if meant in _METADATA:
        return f"{host} is {meant}, where a cloud tells machines their secrets"
    if meant.is_link_local:
        return f"{host} is {meant}, which is of this machine's own link"
    if meant.is_global:
        return None
    if meant.is_reserved:
        return f"{host} is {meant}, which is reserved"
    if network == "private":
        return None
    return f"{host} is {meant}, of a private network; say network: private if it is meant"


def _meant(address: str) -> IPv4Address | IPv6Address | None:
    """Read an address; one of IPv4 that travels inside one of IPv6 is what is meant."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv4Address):
        return found
    if found.ipv4_mapped is not None:
        return found.ipv4_mapped
    if found.sixtofour is not None:
        return found.sixtofour
    if found in _NAT64:
        return IPv4Address(int(found) & _LOW_32_BITS)
    return found
