"""Which addresses are those of the internet, in whatever form they are written."""

from __future__ import annotations

import pytest

from shared.webhooks.addresses import is_loopback, is_public

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


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_every_other_one_is_not(address: str) -> None:
    assert not is_public(address)


def test_this_machine_is_known_by_any_of_its_forms() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("10.0.0.1", "8.8.8.8", "169.254.169.254", "name")))
