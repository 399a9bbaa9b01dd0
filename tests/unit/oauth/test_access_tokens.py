"""Access tokens that somebody has made up, changed, kept too long or carried elsewhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from shared.oauth.credentials import SecretPresented
from tests.support.oauth import (
    SIGNING_KEY,
    client_secret,
    private_key,
    public_half,
    rsa_key,
    signed,
)
from tests.unit.oauth.conftest import URL

if TYPE_CHECKING:
    from tests.unit.oauth.conftest import Server

VAULT_SECRET = "scim-client--acme--entra"


@pytest.fixture
async def token(acme: Server) -> str:
    """An access token that opens the tenant."""
    secret = client_secret()
    acme.vault.put(VAULT_SECRET, secret)
    issued = (await acme.issue(SecretPresented("entra", secret))).text
    assert await acme.is_let_in(issued)
    return issued


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def again(acme: Server, token: str, **changes: Any) -> str:
    """Sign a token anew with the key of the service, with other claims or another header."""
    header = {**jwt.get_unverified_header(token), **changes.pop("header", {})}
    header.pop("alg")
    return signed({**claims_of(token), **changes}, acme.signing_key, **header)


async def test_a_token_ends_at_its_second_and_not_later(acme: Server, token: str) -> None:
    acme.time.advance(3_600 + 4)
    assert await acme.is_let_in(token)  # as far as the clocks of two instances may differ
    acme.time.advance(1)
    assert await acme.failed(token) == "exp"


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"iss": "https://issuer.example.com"}, "iss"),
        ({"iss": None}, "iss"),
        ({"aud": "https://id.example.com/tenants/beta/scim/v2"}, "aud"),
        ({"aud": f"{URL}/"}, "aud"),
        ({"aud": {"a": URL}}, "aud"),
        ({"aud": None}, "aud"),
        ({"tenant": "beta"}, "tenant"),
        ({"tenant": ["acme"]}, "tenant"),
        ({"scope": "scim admin"}, "scope"),
        ({"exp": None}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 1e300}, "exp"),
        ({"exp": 9_999_999_999}, "lifetime"),
        ({"iat": 9_999_999_999}, "iat"),
        ({"nbf": 9_999_999_999}, "nbf"),
        ({"client_version": "0" * 32}, "client_version"),
        ({"client_version": None}, "client_version"),
        ({"client_id": "okta"}, "client_version"),
        ({"client_id": None}, "client_version"),
    ],
)
async def test_each_claim_is_checked_although_the_signature_is_right(
    acme: Server, token: str, changes: dict[str, Any], failed: str
) -> None:
    header = jwt.get_unverified_header(token)
    held = {k: v for k, v in {**claims_of(token), **changes}.items() if v is not None}
    payload = json.dumps(held).encode()
    header.pop("alg")
    sent = jwt.api_jws.encode(payload, acme.signing_key, algorithm="ES256", headers=header)
    assert await acme.failed(sent) == failed


async def test_a_signature_of_another_is_none_of_ours(acme: Server, token: str) -> None:
    header = jwt.get_unverified_header(token)
    kid, typ = header["kid"], header["typ"]
    forged = signed(claims_of(token), private_key(), kid=kid, typ=typ)
    assert await acme.failed(forged) == "signature"
    assert (
        await acme.failed(token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")) == "signature"
    )


async def test_the_algorithm_is_that_of_the_key_whatever_the_header_says(
    acme: Server, token: str
) -> None:
    """None, the public key taken for a shared secret, and a key of another kind."""
    header, payload, signature = token.split(".")
    read = json.loads(base64.urlsafe_b64decode(header + "=="))
    for algorithm in ("none", "HS256", "RS256", "ES384"):
        renamed = encoded({**read, "alg": algorithm})
        assert await acme.failed(f"{renamed}.{payload}.{signature}") == "alg"
    kid = read["kid"]
    shared = hmac_token(claims_of(token), public_half(acme.signing_key), kid)
    assert await acme.failed(shared) == "alg"
    by_rsa = signed(claims_of(token), rsa_key(), "RS256", kid=kid, typ="at+jwt")
    assert await acme.failed(by_rsa) == "alg"


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def hmac_token(claims: dict[str, Any], secret: str, kid: str) -> str:
    """Sign with the text of a public key as the secret, which PyJWT refuses to do."""
    text = f"{encoded({'alg': 'HS256', 'typ': 'at+jwt', 'kid': kid})}.{encoded(claims)}"
    digest = hmac.digest(secret.encode(), text.encode(), hashlib.sha256)
    return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


@pytest.mark.parametrize("kid", ["", "unknown", "../scim-token", "1" * 32, 7, None, ["a"]])
async def test_a_key_that_there_is_not_is_none(acme: Server, token: str, kid: Any) -> None:
    header = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    sent = f"{encoded(header)}.{token.partition('.')[2]}"
    assert await acme.failed(sent) == "kid"


@pytest.mark.parametrize("name", ["jku", "jwk", "x5u", "x5c", "crit", "zip", "enc"])
async def test_a_header_that_brings_its_key_or_its_rules_along_is_not_looked_at(
    acme: Server, token: str, name: str
) -> None:
    sent = again(acme, token, header={name: "https://keys.example.com"})
    assert await acme.decide(sent) is None


MALFORMED = [
    "",
    "eyJ",
    "eyJ.eyJ.eyJ",
    "eyJhbGciOiJub25lIn0.e30.",
    "a.b.c.d.e",
    f"eyJ{'a' * 9_000}.e30.x",
    f"eyJ{'a' * 1_000_000}.e30.x",
    f"{encoded({'alg': 'ES256'})}.{base64.urlsafe_b64encode(b'[' * 4_000).decode().rstrip('=')}.x",
    f"{encoded({'alg': 'ES256', 'typ': 'at+jwt'})}.{encoded({})[:-1]}!.x",
    f"{base64.urlsafe_b64encode(b'[1]').decode()}.e30.x",
    f"{base64.urlsafe_b64encode(b'{chr(34)}typ{chr(34)}').decode().rstrip('=')}.e30.x",
]


@pytest.mark.parametrize("text", MALFORMED)
async def test_what_is_no_jwt_is_looked_at_as_a_secret_token(acme: Server, text: str) -> None:
    assert await acme.decide(text) is None


async def test_a_name_that_is_there_twice_makes_it_no_jwt(acme: Server, token: str) -> None:
    twice = b'{"typ": "at+jwt", "typ": "at+jwt", "alg": "ES256"}'
    header = base64.urlsafe_b64encode(twice).decode().rstrip("=")
    assert await acme.decide(f"{header}.{token.partition('.')[2]}") is None


async def test_a_jwt_of_another_kind_is_looked_at_as_a_secret_token(
    acme: Server, token: str
) -> None:
    """Some customers' secret tokens are JWTs, and are compared like every other."""
    held = again(acme, token, header={"typ": "JWT"})
    assert await acme.decide(held) is None
    acme.vault.put("scim-token--acme", held)
    assert (await acme.tokens.authenticate("acme", f"Bearer {held}")).tenant == "acme"


async def test_forged_tokens_ask_the_vault_at_most_once_in_5_seconds(
    acme: Server, token: str
) -> None:
    await acme.is_let_in(token)
    acme.vault.calls.clear()
    for number in range(50):
        header = {"alg": "ES256", "typ": "at+jwt", "kid": f"{number:032}"}
        await acme.failed(f"{encoded(header)}.{token.partition('.')[2]}")
    assert acme.vault.calls.count("/secrets") <= 1 + len(acme.vault.secrets) // 2
    assert acme.vault.calls_about(SIGNING_KEY) == []
