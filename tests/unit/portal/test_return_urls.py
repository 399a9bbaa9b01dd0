"""Where the portal may lead back to: https addresses of hosts that the settings name."""

from __future__ import annotations

import pytest

from shared.portal_codes import may_return_to

HOSTS = frozenset({"app.example.com", "localhost:8443"})


@pytest.mark.parametrize(
    "url",
    [
        "https://app.example.com",
        "https://app.example.com/settings?tab=sso#here",
        "https://APP.example.com/",
        "https://localhost:8443/",
    ],
)
def test_an_address_of_a_named_host_is_one(url: str) -> None:
    assert may_return_to(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://app.example.com",
        "//app.example.com",
        "/settings",
        "javascript:alert(1)",
        "HTTPS://app.example.com",
        "https://",
        "https://evil.example",
        "https://app.example.com.evil.example",
        "https://app.example.com@evil.example",
        "https://evil.example#https://app.example.com",
        "https://evil.example\\@app.example.com",
        "https://app.example.com\\.evil.example",
        "https://app.example.com:443/",
        "https://localhost/",
        "https://app.example.com/a b",
        "https://app.example.com/\n",
        "https://app.example.com/\N{LATIN SMALL LETTER E WITH ACUTE}",
        'https://app.example.com/"onclick="x',
        "https://[::1",
        "https://app.example.com/" + "x" * 1_001,
    ],
)
def test_every_other_address_is_none(url: str) -> None:
    assert not may_return_to(url, HOSTS)
