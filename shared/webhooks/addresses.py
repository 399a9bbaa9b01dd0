"""Addresses that a webhook may go to: public ones, whatever form they are written in.

Which are not is written out here. What Python's `ipaddress` takes for global differs from version
to version.
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

_REFUSED_IPV4 = tuple(
    IPv4Network(each)
    for each in (
        # https://www.iana.org/assignments/iana-ipv4-special-registry, all that it has. Its anycast
        # addresses are reachable, and none of a receiver.
        "0.0.0.0/8",  # this network (RFC 791)
        "10.0.0.0/8",  # private (RFC 1918)
        "100.64.0.0/10",  # shared by carriers (RFC 6598)
        "127.0.0.0/8",  # loopback (RFC 1122)
        "169.254.0.0/16",  # link-local, and the metadata of clouds (RFC 3927)
        "172.16.0.0/12",  # private (RFC 1918)
        "192.0.0.0/24",  # protocol assignments (RFC 6890)
        "192.0.2.0/24",  # documentation (RFC 5737)
        "192.31.196.0/24",  # AS112 (RFC 7535)
        "192.52.193.0/24",  # AMT (RFC 7450)
        "192.88.99.0/24",  # relays of 6to4 (RFC 7526) and 6a44 (RFC 6751)
        "192.168.0.0/16",  # private (RFC 1918)
        "192.175.48.0/24",  # AS112 (RFC 7534)
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "198.51.100.0/24",  # documentation (RFC 5737)
        "203.0.113.0/24",  # documentation (RFC 5737)
        "240.0.0.0/4",  # reserved, and limited broadcast (RFC 1112, RFC 919)
        # Others.
        "224.0.0.0/4",  # multicast (RFC 5771)
        "168.63.129.16/32",  # the host of an Azure VM, by an address that is public in form alone
    )
)

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""The one block of IPv6 from which hosts of the internet have addresses (RFC 3513, RFC 4291)."""

_REFUSED_IPV6 = tuple(
    IPv6Network(each)
    for each in (
        # https://www.iana.org/assignments/iana-ipv6-special-registry, what it has in that block.
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID, anycast (RFC 2928)
        "2001:db8::/32",  # documentation (RFC 3849)
        "2620:4f:8000::/48",  # AS112 (RFC 7534)
        "3fff::/20",  # documentation (RFC 9637)
    )
)

_TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64 (RFC 6052): the last 32 bits are an IPv4 address. The prefix for local use (RFC 8215) has
that at one of several places, and is refused."""


def is_public(address: str) -> bool:
    """Tell whether an address is that of a host of the internet.

    IPv4 in IPv6 counts as the IPv4 that it stands for. What is not an address is none.
    """
    parsed = _parsed(address)
    return parsed is not None and _is_public(parsed)


def is_loopback(address: str) -> bool:
    """Tell whether an address is that of this machine."""
    parsed = _parsed(address)
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    known = mapped or parsed
    return known is not None and known.is_loopback


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address.partition("%")[0])
    except ValueError:
        return None


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_IPV4)
    inner = _ipv4_in(address)
    if inner is not None:
        return _is_public(inner)
    is_refused = any(address in network for network in _REFUSED_IPV6)
    return address in _GLOBAL_UNICAST and not is_refused


def _ipv4_in(address: IPv6Address) -> IPv4Address | None:
    """Find the IPv4 address that packets to an IPv6 address end at.

    Teredo is not unwrapped: it is refused as it is.
    """
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
