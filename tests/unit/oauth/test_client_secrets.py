"""Clients with a secret: how they get access tokens, and when these end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.auth.tokens import Caller
from shared.errors import InvalidClient, Unauthorized, Unavailable
from shared.oauth.credentials import SecretPresented
from tests.support.oauth import SIGNING_KEY, client_secret, private_key, public_half, rsa_key
from tests.unit.oauth.conftest import URL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.oauth.conftest import Server

VAULT_SECRET = "scim-client--acme--entra"


def presented(secret: str, client_id: str = "entra") -> SecretPresented:
    return SecretPresented(client_id, secret)


async def is_refused(
    acme: Server, credential: SecretPresented, tenant: str | None = "acme"
) -> bool:
    try:
        await acme.issue(credential, tenant)
    except InvalidClient:
        return True
    return False


async def test_a_client_gets_a_token_that_says_whose_it_is_and_opens_its_tenant(
    acme: Server,
) -> None:
    secret = client_secret()
    version = acme.vault.put(VAULT_SECRET, secret)
    issued = await acme.issue(presented(secret))
    header, claims = (
        jwt.get_unverified_header(issued.text),
        jwt.decode(issued.text, options={"verify_signature": False}),
    )
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    assert header["kid"] == acme.vault.secrets[SIGNING_KEY][0].id
    assert claims.pop("jti")
    assert claims == {
        "iss": URL,
        "aud": URL,
        "sub": "entra",
        "client_id": "entra",
        "scope": "scim",
        "tenant": "acme",
        "client_version": version.id,
        "iat": int(acme.now),
        "exp": int(acme.now) + 3_600,
    }
    decision = await acme.decide(issued.text)
    assert decision is not None
    assert decision.caller == Caller("acme", f"{VAULT_SECRET}/{version.id[:8]}")


async def test_a_client_has_two_secrets_so_that_one_can_be_replaced(acme: Server) -> None:
    old, new, third = (client_secret() for _ in range(3))
    acme.vault.put(VAULT_SECRET, old)
    acme.vault.put(VAULT_SECRET, new)
    of_old = (await acme.issue(presented(old))).text
    of_new = (await acme.issue(presented(new))).text
    assert await acme.is_let_in(of_old)
    acme.vault.put(VAULT_SECRET, third)
    acme.time.advance(61)
    assert await is_refused(acme, presented(old))
    assert not await acme.is_let_in(of_old)
    assert await acme.is_let_in(of_new)
    assert await acme.is_let_in((await acme.issue(presented(third))).text)


async def test_a_secret_that_is_revoked_takes_its_access_tokens_along_within_a_minute(
    acme: Server,
) -> None:
    old, new = client_secret(), client_secret()
    version = acme.vault.put(VAULT_SECRET, old)
    token = (await acme.issue(presented(old))).text
    acme.vault.put(VAULT_SECRET, new)
    version.enabled = False
    acme.time.advance(61)
    assert await acme.failed(token) == "client_version"


@pytest.mark.parametrize("closed", [VAULT_SECRET, "scim-token--acme"])
async def test_a_closed_client_and_a_closed_tenant_let_nobody_in(acme: Server, closed: str) -> None:
    """The newest version of the tenant's secret closes the tenant to its clients too."""
    secret = client_secret()
    acme.vault.put(VAULT_SECRET, secret)
    token = (await acme.issue(presented(secret))).text
    acme.vault.secrets[closed][-1].enabled = False
    acme.time.advance(61)
    assert not await acme.is_let_in(token)
    assert await is_refused(acme, presented(secret))


async def test_a_secret_begins_and_expires_to_the_second(acme: Server) -> None:
    secret = client_secret()
    acme.vault.put(VAULT_SECRET, secret, not_before=acme.now + 10, expires=acme.now + 100)
    assert await is_refused(acme, presented(secret))
    acme.time.advance(11)
    token = (await acme.issue(presented(secret))).text
    acme.time.advance(90)
    assert await is_refused(acme, presented(secret))
    assert await acme.failed(token) == "client_version"


async def test_the_tokens_of_a_tenant_can_be_switched_off_and_its_clients_go_on(
    acme: Server,
) -> None:
    secret = client_secret()
    acme.vault.put(VAULT_SECRET, secret)
    assert (await acme.tokens.authenticate("acme", "Bearer the-token-of-the-tenant")).tenant
    acme.vault.secrets["scim-token--acme"][-1].tags = {"token": "off"}
    acme.time.advance(61)
    with pytest.raises(Unauthorized):
        await acme.tokens.authenticate("acme", "Bearer the-token-of-the-tenant")
    assert await acme.is_let_in((await acme.issue(presented(secret))).text)
    access = await acme.tokens.accepted_credentials("acme")
    assert (access.by_token, access.clients) == (False, ("entra",))


@pytest.mark.parametrize(
    ("credential", "tenant"),
    [
        (presented(f"scimsecret_{'w' * 43}"), "acme"),
        (presented("{secret}", "okta"), "acme"),
        (presented("{secret}", ""), "acme"),
        (presented("{secret}", "a--b"), "acme"),
        (presented("{secret}"), "default"),
        (presented("{secret}"), "nobody"),
        (presented("{secret}"), None),
        (presented("the-token-of-the-tenant"), "acme"),
        (presented(""), "acme"),
    ],
)
async def test_whatever_is_wrong_the_answer_is_one(
    acme: Server, credential: SecretPresented, tenant: str | None
) -> None:
    secret = client_secret()
    acme.vault.put(VAULT_SECRET, secret)
    acme.vault.put("scim-token", "the-token-of-the-default-tenant")
    sent = SecretPresented(credential.client_id, credential.secret.format(secret=secret))
    with pytest.raises(InvalidClient) as refusal:
        await acme.issue(sent, tenant)
    with pytest.raises(InvalidClient) as other:
        await acme.issue(presented(f"scimsecret_{'x' * 43}", "none"))
    assert refusal.value.detail == other.value.detail


async def test_what_is_known_to_many_is_no_secret(acme: Server) -> None:
    """A public key and a trust lie where secrets do, and open nothing when they are sent as one."""
    for held in (public_half(private_key()), '{"issuer": "https://issuer.example.com"}'):
        acme.vault.put(VAULT_SECRET, held)
        assert await is_refused(acme, presented(held))


async def test_a_client_of_one_tenant_is_none_of_another(acme: Server) -> None:
    secret = client_secret()
    acme.vault.put(VAULT_SECRET, secret)
    acme.vault.put("scim-token--beta", "the-token-of-another-tenant")
    assert await is_refused(acme, presented(secret), "beta")
    token = (await acme.issue(presented(secret))).text
    assert await acme.failed(token, tenant="beta") == "tenant"
    assert await acme.failed(token, url=URL.replace("acme", "beta")) == "iss"


async def test_without_a_signing_key_the_answer_is_later_and_the_log_says_what_to_do(
    acme: Server, caplog: pytest.LogCaptureFixture
) -> None:
    secret = client_secret()
    acme.vault.put(VAULT_SECRET, secret)
    del acme.vault.secrets[SIGNING_KEY]
    for _ in range(2):
        with pytest.raises(Unavailable):
            await acme.issue(presented(secret))
    lines = [each.getMessage() for each in caplog.records if "no signing key" in each.getMessage()]
    assert len(lines) == 1
    assert "python -m tools.admin signing-key new" in lines[0]


@pytest.mark.parametrize(
    "make", [rsa_key, lambda: private_key(ec.SECP384R1())], ids=["RSA", "P-384"]
)
async def test_a_signing_key_that_cannot_be_used_is_named_in_the_log(
    acme: Server, caplog: pytest.LogCaptureFixture, make: Callable[[], str]
) -> None:
    secret = client_secret()
    acme.vault.put(VAULT_SECRET, secret)
    version = acme.vault.put(SIGNING_KEY, make())
    with pytest.raises(Unavailable):
        await acme.issue(presented(secret))
    assert f"The signing key {SIGNING_KEY}/{version.id[:8]} cannot be used" in caplog.text


async def test_the_signing_key_is_replaced_without_a_token_that_is_refused(acme: Server) -> None:
    secret = client_secret()
    acme.vault.put(VAULT_SECRET, secret)
    before = (await acme.issue(presented(secret))).text
    newer = acme.vault.put(SIGNING_KEY, private_key(), not_before=acme.now + 120)
    acme.time.advance(61)
    between = (await acme.issue(presented(secret))).text
    acme.time.advance(60)
    after = (await acme.issue(presented(secret))).text
    assert jwt.get_unverified_header(between)["kid"] != newer.id
    assert jwt.get_unverified_header(after)["kid"] == newer.id
    for token in (before, between, after):
        assert await acme.is_let_in(token)
    acme.vault.secrets[SIGNING_KEY][0].enabled = False
    acme.time.advance(61)
    assert await acme.failed(before) == "kid"
    assert await acme.is_let_in(after)


async def test_cursors_of_a_client_outlast_its_access_token_and_a_rotation_of_the_key(
    acme: Server,
) -> None:
    secret = client_secret()
    acme.vault.put(VAULT_SECRET, secret)
    acme.vault.put("scim-client--acme--okta", secret)

    async def seals(client: str) -> tuple[bytes, ...]:
        decision = await acme.decide((await acme.issue(presented(secret, client))).text)
        assert decision is not None
        assert decision.caller is not None
        return decision.caller.keys

    (first,) = await seals("entra")
    assert await seals("okta") == (first,)
    acme.vault.put(SIGNING_KEY, private_key())
    acme.time.advance(61)
    second, kept = await seals("entra")
    assert kept == first != second


async def test_a_request_with_an_access_token_asks_the_vault_no_more_than_one_with_a_secret_token(
    acme: Server,
) -> None:
    """Within a minute nothing at all."""
    secret = client_secret()
    acme.vault.put(VAULT_SECRET, secret)
    token = (await acme.issue(presented(secret))).text
    assert await acme.is_let_in(token)
    acme.vault.calls.clear()
    for _ in range(3):
        acme.time.advance(15)
        assert await acme.is_let_in(token)
    assert acme.vault.calls == []
