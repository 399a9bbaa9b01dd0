"""Which addresses are those of the internet, in whatever form they are written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest

from shared.webhooks.addresses import is_loopback, is_public

SPECIAL_IPV4 = (
    *("0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32"),
    *("192.0.0.10/32", "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24", "192.31.196.0/24"),
    *("192.52.193.0/24", "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16", "192.175.48.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32"),
)
"""All entries of the IANA IPv4 Special-Purpose Address Registry."""

SPECIAL_IPV6 = (
    *("::1/128", "::/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23"),
    *("2001::/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32"),
    *("2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32"),
    *("2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10"),
)
"""All entries of the IANA IPv6 Special-Purpose Address Registry but the three below."""

HOLDERS_OF_IPV4 = ("::ffff:0:0/96", "64:ff9b::/96", "2002::/16")
"""Its other three: an address of these is the IPv4 address that it holds."""

OTHERS = ("224.0.0.0/4", "ff00::/8", "fec0::/10", "::/96", "4000::/2", "8000::/1")
"""Multicast (IPv4 and IPv6), site-local, IPv4-compatible, and what IANA has given to nobody."""

PUBLIC = ("8.8.8.8", "20.50.2.1", "2a01:111:f100::1", "64:ff9b::808:808", "2002:808:808::1")

NOT_PUBLIC = (
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "::1", "::"),
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fd00::1", "fc00::1", "fec0::1"),
    *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254"),
    *("168.63.129.16", "100.64.0.1", "100.127.255.254", "100.100.100.200"),
    *("224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "ff02::1"),
    *("192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "2001:db8::1"),
    # IPv4 in IPv6: mapped, compatible, 6to4, NAT64, Teredo.
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1"),
    *("2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "64:ff9b::a83f:8110"),
    "2001:0:53aa:64c:0:0:80ff:fffe",
    *("", "localhost", "0x7f.1", "127.1", "2130706433"),
)


def ends_of(network: str) -> tuple[str, str]:
    """The first and the last address of a network."""
    parsed = ip_network(network)
    return str(parsed[0]), str(parsed[-1])


def forms_of(address: str) -> list[str]:
    """An IPv4 address as IPv6 has it: mapped, 6to4, NAT64 and, in it, the prefix for local use."""
    number = int(IPv4Address(address))
    held = [0xFFFF << 32 | number, 0x2002 << 112 | number << 80, 0x64FF9B << 96 | number]
    local = 0x64FF9B0001 << 80
    # RFC 6052 section 2.2: behind 48, 56, 64 and 96 bits, around bits 64 to 71, which are zero.
    held += [local | (number >> 16) << 64 | (number & 0xFFFF) << 40]
    held += [local | (number >> 24) << 64 | (number & 0xFFFFFF) << 32]
    held += [local | number << 24, local | number]
    return [str(IPv6Address(each)) for each in held]


@pytest.mark.parametrize("network", [*SPECIAL_IPV4, *SPECIAL_IPV6, *OTHERS])
def test_no_address_of_special_purpose_is_public(network: str) -> None:
    assert not any(map(is_public, ends_of(network)))


@pytest.mark.parametrize("network", SPECIAL_IPV4)
def test_nor_is_one_of_ipv6_that_holds_it(network: str) -> None:
    held = [form for address in ends_of(network) for form in forms_of(address)]
    assert [form for form in held if is_public(form)] == []


@pytest.mark.parametrize("network", HOLDERS_OF_IPV4)
def test_neither_end_of_what_holds_ipv4_is_public(network: str) -> None:
    assert not any(map(is_public, ends_of(network)))


def test_a_public_address_is_one_in_each_form_that_is_routed() -> None:
    mapped, six_to_four, translated, *local = forms_of("8.8.8.8")
    assert all(map(is_public, (mapped, six_to_four, translated)))
    assert not any(map(is_public, local))


@pytest.mark.parametrize(
    "address",
    [
        *("1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"),
        *("223.255.255.255", "168.63.129.15", "168.63.129.17", "2000::", "2001:200::"),
        *("2001:db7:ffff::", "2001:db9::", "2620:4f:8001::", "3ffe:ffff::", "3fff:1000::"),
    ],
)
def test_the_neighbours_of_such_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_every_other_one_is_not(address: str) -> None:
    assert not is_public(address)


def test_this_machine_is_known_by_any_of_its_forms() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("10.0.0.1", "8.8.8.8", "169.254.169.254", "name")))
