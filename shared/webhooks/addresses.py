"""Addresses that a webhook may go to: public ones, whatever form they are written in."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

_OF_THE_PLATFORM = frozenset({IPv4Address("168.63.129.16")})
"""The host of an Azure VM, by an address that is public in form alone."""

_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""NAT64 (RFC 6052, RFC 8215): the last 32 bits are an IPv4 address."""

_REFUSED = tuple(
    ip_network(each)
    for each in (
        "192.88.99.0/24",  # relays of 6to4
        "::/96",  # IPv4-compatible, and the unspecified address
        "fec0::/10",  # site-local
        "100::/64",  # discarded
    )
)


def is_public(address: str) -> bool:
    """Tell whether an address is that of a host of the internet.

    IPv4 in IPv6 counts as the IPv4 that it stands for. What is not an address is none.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return _is_public(parsed)


def is_loopback(address: str) -> bool:
    """Tell whether an address is that of this machine."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = _ipv4_in(address)
        if inner is not None:
            return _is_public(inner)
    if address in _OF_THE_PLATFORM or any(address in network for network in _REFUSED):
        return False
    is_special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not is_special


def _ipv4_in(address: IPv6Address) -> IPv4Address | None:
    """Find the IPv4 address that packets to an IPv6 address end at.

    Teredo (`2001::/32`) is not unwrapped: it is not global, and refused as it is.
    """
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
