"""Clients with a key of their own (RFC 7523 section 2.2, `private_key_jwt`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.errors import InvalidClient
from shared.oauth.credentials import AssertionPresented
from tests.support.oauth import client_secret, private_key, public_half, rsa_key, signed
from tests.unit.oauth.conftest import URL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.oauth.conftest import Server

VAULT_SECRET = "scim-client--acme--okta"


@dataclass(slots=True)
class Client:
    """A client that signs its assertions itself."""

    acme: Server
    key: str = field(default_factory=private_key)
    algorithm: str = "ES256"
    _sent: int = 0

    def assertion(self, **changes: Any) -> str:
        self._sent += 1
        now = int(self.acme.now)
        claims = {
            "iss": "okta",
            "sub": "okta",
            "aud": f"{URL}/oauth2/token",
            "iat": now,
            "exp": now + 300,
            "jti": f"assertion-{self._sent}",
        }
        return signed({**claims, **changes}, self.key, self.algorithm)

    async def failed(self, assertion: str, client_id: str | None = "okta") -> str:
        """The check for which an assertion is refused; "" if it is not refused."""
        try:
            await self.acme.issue(AssertionPresented(client_id, assertion))
        except InvalidClient as error:
            return error.failed.partition(":")[0]
        return ""


@pytest.fixture
def okta(acme: Server) -> Client:
    client = Client(acme)
    acme.vault.put(VAULT_SECRET, public_half(client.key))
    return client


@pytest.mark.parametrize("client_id", ["okta", None])
@pytest.mark.parametrize("audience", [f"{URL}/oauth2/token", URL, ["https://other", URL]])
async def test_a_client_is_known_by_what_it_has_signed(
    okta: Client, client_id: str | None, audience: Any
) -> None:
    presented = AssertionPresented(client_id, okta.assertion(aud=audience))
    issued = await okta.acme.issue(presented)
    assert issued.seconds == 3_600
    assert await okta.acme.is_let_in(issued.text)


async def test_a_key_of_rsa_does_as_well(acme: Server) -> None:
    client = Client(acme, rsa_key(), "RS256")
    acme.vault.put(VAULT_SECRET, public_half(client.key))
    assert await client.failed(client.assertion()) == ""


async def test_an_assertion_is_used_once(okta: Client) -> None:
    assertion = okta.assertion()
    assert await okta.failed(assertion) == ""
    assert await okta.failed(assertion) == "jti"
    okta.acme.time.advance(300 + 61)
    assert await okta.failed(assertion) == "exp"
    assert await okta.failed(okta.assertion(jti="assertion-1")) == ""


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"iss": "entra"}, "iss"),
        ({"iss": None}, "iss"),
        ({"sub": "entra"}, "sub"),
        ({"sub": None}, "sub"),
        ({"aud": URL.replace("acme", "beta")}, "aud"),
        ({"aud": None}, "aud"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"exp": None}, "exp"),
        ({"exp": 1_000_000_000}, "exp"),
        ({"exp": 9_999_999_999}, "lifetime"),
        ({"iat": 9_999_999_999}, "iat"),
        ({"nbf": 9_999_999_999}, "nbf"),
    ],
)
async def test_each_claim_is_checked(okta: Client, changes: dict[str, Any], failed: str) -> None:
    assert await okta.failed(okta.assertion(**changes)) == failed


async def test_a_clock_may_be_a_minute_off_and_no_more(okta: Client) -> None:
    now = int(okta.acme.now)
    assert await okta.failed(okta.assertion(iat=now + 59, exp=now + 300)) == ""
    assert await okta.failed(okta.assertion(iat=now + 62, exp=now + 300)) == "iat"
    assert await okta.failed(okta.assertion(exp=now - 58)) == ""
    assert await okta.failed(okta.assertion(exp=now - 61)) == "exp"


async def test_the_key_of_another_signs_for_nobody(okta: Client) -> None:
    other = Client(okta.acme)
    assert await other.failed(other.assertion()) == "signature"


async def test_two_keys_are_known_so_that_one_can_be_replaced(okta: Client) -> None:
    newer = Client(okta.acme)
    okta.acme.vault.put(VAULT_SECRET, public_half(newer.key))
    okta.acme.time.advance(61)
    assert await okta.failed(okta.assertion()) == ""
    assert await newer.failed(newer.assertion(jti="of-the-newer")) == ""


async def test_a_client_goes_over_from_a_secret_to_a_key(okta: Client) -> None:
    """The version that holds a secret is passed over where an assertion is sent."""
    okta.acme.vault.put(VAULT_SECRET, client_secret())
    okta.acme.time.advance(61)
    assert await okta.failed(okta.assertion()) == ""


@pytest.mark.parametrize(
    ("make", "failed"),
    [
        (lambda: public_half(private_key(ec.SECP384R1())), "key"),
        (lambda: public_half(rsa_key(1_024)), "key"),
        (lambda: "-----BEGIN PUBLIC KEY-----\nnone\n-----END PUBLIC KEY-----", "key"),
        (client_secret, "client"),
    ],
    ids=["another curve", "a short one", "none", "a secret"],
)
async def test_a_key_that_is_too_weak_or_none_opens_nothing(
    acme: Server, make: Callable[[], str], failed: str
) -> None:
    acme.vault.put(VAULT_SECRET, make())
    client = Client(acme)
    assert await client.failed(client.assertion()) == failed


@pytest.mark.parametrize("client_id", ["entra", "a--b", "", "nobody"])
async def test_the_client_id_of_the_request_counts(okta: Client, client_id: str) -> None:
    assert await okta.failed(okta.assertion(), client_id) != ""


@pytest.mark.parametrize("assertion", ["", "x", "eyJ.e30.x", f"eyJ{'a' * 9_000}.e30.x"])
async def test_what_is_no_jwt_is_no_assertion(okta: Client, assertion: str) -> None:
    assert await okta.failed(assertion) == "assertion"
