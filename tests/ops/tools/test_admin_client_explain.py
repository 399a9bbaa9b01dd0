"""Why a client was refused: the command says what the service checks, and shows no token."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests.ops.tools.conftest import admin_with
from tests.support.fakes.issuer import FakeIssuer
from tests.support.oauth import SIGNING_KEY, private_key, public_half, signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.ops.tools.conftest import Admin, Ended
    from tests.support.fakes.key_vault import FakeKeyVault, Version

URL = "https://id.example.com/tenants/acme/scim/v2"
SECRET = f"scimsecret_{'s' * 43}"


@pytest.fixture
def key() -> str:
    return private_key()


@pytest.fixture
def signing(vault: FakeKeyVault, key: str) -> Version:
    vault.put("scim-token--acme", "the-token-of-the-tenant")
    return vault.put(SIGNING_KEY, key)


@pytest.fixture
def entra(vault: FakeKeyVault) -> Version:
    return vault.put("scim-client--acme--entra", SECRET)


class TokenWith(Protocol):
    """Makes an access token of the client `entra`, with other claims where they are given."""

    def __call__(self, **changes: Any) -> str: ...


@pytest.fixture
def token_with(key: str, signing: Version, entra: Version) -> TokenWith:
    def make(**changes: Any) -> str:
        return signed({**claims_by(entra), **changes}, key, kid=signing.id, typ="at+jwt")

    return make


def claims_by(version: Version) -> dict[str, Any]:
    """What an access token says that was obtained by a version of the client's secret."""
    now = int(time.time())
    return {
        "iss": URL,
        "aud": URL,
        "sub": "entra",
        "client_id": "entra",
        "client_version": version.id,
        "tenant": "acme",
        "scope": "scim",
        "iat": now,
        "exp": now + 3_600,
        "jti": "x",
    }


def outcomes(ended: Ended) -> Mapping[str, str]:
    """What became of each check; of two of one name that which failed."""
    ordered = sorted(ended.json, key=lambda each: each["outcome"] == "failed")
    return {each["check"]: each["outcome"] for each in ordered}


async def explained(admin: Admin, text: str, *options: str) -> Mapping[str, str]:
    ended = await admin("client", "explain", "-", "--json", *options, answer=text)
    assert_tells_no_secret(ended, text)
    found = outcomes(ended)
    assert ended.status == int("failed" in found.values())
    return found


def assert_tells_no_secret(ended: Ended, token: str) -> None:
    told = ended.out + ended.err
    assert token not in told
    assert token.rpartition(".")[2] not in told
    assert SECRET not in told
    assert "PRIVATE KEY" not in told


async def test_a_token_that_is_right_passes_whose_key_has_no_tag_but_for_its_signature(
    admin: Admin, token_with: TokenWith
) -> None:
    """A key that was set by other means than `signing-key`; it is never read out of the vault."""
    found = await explained(admin, token_with(), "--url", URL)
    assert {name for name, each in found.items() if each == "not checked"} == {"signature"}
    assert {"iss", "aud", "tenant", "scope", "exp", "kid", "client_version"} <= found.keys()
    assert "failed" not in found.values()


@pytest.mark.parametrize("drawn_by", ["new", "rotate"])
async def test_a_signature_is_checked_by_the_public_half_of_the_key(
    admin: Admin, entra: Version, vault: FakeKeyVault, drawn_by: str
) -> None:
    vault.put("scim-token--acme", "the-token-of-the-tenant")
    assert (await admin("signing-key", "new")).status == 0
    if drawn_by == "rotate":
        assert (await admin("signing-key", "rotate")).status == 0
    version = vault.secrets[SIGNING_KEY][-1]
    version.not_before = None
    names = {"kid": version.id, "typ": "at+jwt"}
    found = await explained(admin, signed(claims_by(entra), version.value, **names), "--url", URL)
    assert {*found.values()} == {"passed"}
    found = await explained(admin, signed(claims_by(entra), private_key(), **names), "--url", URL)
    assert {name for name, each in found.items() if each == "failed"} == {"signature"}


async def test_a_tag_that_holds_no_public_key_is_told(
    admin: Admin, token_with: TokenWith, signing: Version
) -> None:
    signing.tags["publicKey"] = "none"
    found = await explained(admin, token_with(), "--url", URL)
    assert {name for name, each in found.items() if each == "failed"} == {"key"}


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"iss": "https://other.example.com/scim/v2"}, "iss"),
        ({"aud": "https://other.example.com/scim/v2"}, "aud"),
        ({"tenant": "beta"}, "tenant"),
        ({"scope": "openid"}, "scope"),
        ({"exp": 1_000_000_000}, "exp"),
        ({"exp": 9_999_999_999}, "lifetime"),
        ({"iat": 9_999_999_999}, "iat"),
        ({"client_version": "0" * 32}, "client_version"),
        ({"client_id": "nobody"}, "client"),
    ],
)
async def test_each_check_is_named_as_in_the_log(
    admin: Admin, token_with: TokenWith, changes: dict[str, Any], check: str
) -> None:
    found = await explained(admin, token_with(**changes), "--url", URL, "--tenant", "acme")
    assert found[check] == "failed"


async def test_what_was_revoked_or_closed_is_told(
    admin: Admin, token_with: TokenWith, signing: Version, entra: Version, vault: FakeKeyVault
) -> None:
    token = token_with()
    signing.enabled = entra.enabled = False
    vault.secrets["scim-token--acme"][0].enabled = False
    ended = await admin("client", "explain", token, "--url", URL, "--json")
    failed = [each["check"] for each in ended.json if each["outcome"] == "failed"]
    assert {"kid", "client", "client_version", "tenant"} <= set(failed)
    assert ended.status == 1


async def test_without_a_vault_it_says_what_it_could_not_check(
    operator: None, token_with: TokenWith
) -> None:
    found = await explained(admin_with({}), token_with(exp=1_000_000_000))
    assert found["exp"] == "failed"
    assert found["scope"] == "passed"
    for unknown in ("iss", "aud", "kid", "signature", "client_version"):
        assert found[unknown] == "not checked"


async def test_an_assertion_is_checked_by_the_key_of_its_client(
    admin: Admin, signing: Version, vault: FakeKeyVault, key: str
) -> None:
    vault.put("scim-client--acme--okta", public_half(key))
    now = int(time.time())
    claims = {
        "iss": "okta",
        "sub": "okta",
        "aud": f"{URL}/oauth2/token",
        "jti": "1",
        "iat": now,
        "exp": now + 300,
    }
    found = await explained(admin, signed(claims, key), "--url", URL)
    assert "failed" not in found.values()
    assert found["signature"] == "passed"
    found = await explained(admin, signed(claims, private_key()), "--url", URL)
    assert found["signature"] == "failed"
    found = await explained(admin, signed({**claims, "aud": "x"}, key), "--url", URL)
    assert found["aud"] == "failed"


async def test_a_token_of_another_issuer_is_checked_by_the_trust(
    admin: Admin, signing: Version, vault: FakeKeyVault
) -> None:
    issuer = FakeIssuer(url="https://127.0.0.1:9")
    vault.put("scim-client--acme--wif", issuer.trust())
    found = await explained(
        admin, issuer.token(time.time(), aud="api://other"), "--url", URL, "--client", "wif"
    )
    assert (found["aud"], found["iss"], found["sub"]) == ("failed", "passed", "passed")
    assert found["signature"] == found["host"] == "not checked"  # nobody answers there


async def test_who_is_no_client_is_told_which_there_are(admin: Admin, signing: Version) -> None:
    issuer = FakeIssuer()
    found = await explained(admin, issuer.token(time.time()), "--url", URL)
    assert found["client"] == "failed"


@pytest.mark.parametrize("header", [{"jku": "https://x.test"}, {"jwk": {}}, {"x5u": "x"}])
async def test_what_is_no_jwt_for_the_service_is_none_here(
    admin: Admin, key: str, header: dict[str, Any]
) -> None:
    assert await explained(admin, signed({}, key, **header)) == {"form": "failed"}


async def test_the_check_is_read_out_of_lines_of_the_log(admin: Admin) -> None:
    failed = "aud: expected 'https://a', received 'https://b'"
    lines = [
        "2027-01-31 something else",
        json.dumps({"request": "1", "failedCheck": failed}),
        "info " + json.dumps({"request": "2", "failedCheck": "jti: expected one not used"}),
    ]
    ended = await admin("client", "explain", "-", "--json", answer="\n".join(lines))
    assert ended.status == 1
    assert ended.json == [
        {
            "check": "aud",
            "outcome": "failed",
            "expected": "'https://a'",
            "received": "'https://b'",
        },
        {
            "check": "jti",
            "outcome": "failed",
            "expected": "one not used",
            "received": "",
        },
    ]


async def test_of_a_request_the_query_of_its_line_is_printed(admin: Admin) -> None:
    request = "5c1f6a1e-3f0e-4c44-9d8e-7b1f2d3c4a5b"
    ended = await admin("client", "explain", request)
    assert ended.status == 0
    assert f"Message has '{request}'" in ended.out
    assert ended.out.strip().endswith("tools.admin client explain -")


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "'; drop",
        '{"request": "1"}',
        "failedCheck",
        SECRET,
        "q" * 43,
        "scimkey_crm_" + "k" * 43,
    ],
)
async def test_what_is_neither_is_refused_and_not_shown(admin: Admin, text: str) -> None:
    """A secret that somebody takes for a JWT, among others."""
    for way in (("-",), (text,)):
        ended = await admin("client", "explain", *way, answer=text)
        assert ended.status == 2
        assert len(text) < 20 or text not in ended.out + ended.err
