"""Tokens of another issuer: as assertions of a client, and as access tokens (Entra, WIF)."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from aiohttp import web

from shared.auth.cached import Waits
from shared.errors import InvalidClient, Unavailable
from shared.oauth import key_sets
from shared.oauth.authorization_server import MOST_PREFETCHED, AuthorizationServer
from shared.oauth.credentials import AssertionPresented
from shared.oauth.key_sets import KeySets
from tests.support.fakes.issuer import AUDIENCE, ISSUER, SUBJECT, FakeIssuer
from tests.support.fakes.key_vault import serving
from tests.support.oauth import client_secret, private_key, public_half, rsa_key, signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.oauth.authorization_server import IssuedToken
    from tests.support.fixtures.key_vault import Certificates
    from tests.unit.oauth.conftest import Server

VAULT_SECRET = "scim-client--acme--entra"
DAY = 86_400


@pytest.fixture(scope="module")
def entra_key() -> str:
    return rsa_key()


@pytest.fixture
async def entra(certificates: Certificates, entra_key: str) -> AsyncIterator[FakeIssuer]:
    issuer = FakeIssuer(keys={"key-1": entra_key})
    async with serving(issuer.serve, certificates.server) as url:
        issuer.url = url
        yield issuer


@pytest.fixture
async def federated(
    acme: Server, entra: FakeIssuer, certificates: Certificates
) -> AsyncIterator[Server]:
    """The tenant `acme`, whose client `entra` is known by tokens of another issuer."""
    acme.vault.put(VAULT_SECRET, entra.trust())
    tls = ssl.create_default_context(cafile=str(certificates.authority))
    acme.server = server_of(acme, {entra.host}, tls)
    yield acme
    await acme.server.close()


def server_of(acme: Server, hosts: set[str], tls: ssl.SSLContext) -> AuthorizationServer:
    clock = acme.time.clock()
    key_sets = KeySets(hosts, clock, tls)
    return AuthorizationServer(acme.tokens, 3_600, clock, key_sets)


async def issue(server: Server, assertion: str, client_id: str | None = "entra") -> IssuedToken:
    return await server.issue(AssertionPresented(client_id, assertion))


async def failed(server: Server, assertion: str, client_id: str | None = "entra") -> str:
    """The check for which an assertion is refused; "" if it is not refused."""
    try:
        await issue(server, assertion, client_id)
    except InvalidClient as error:
        return error.failed.partition(":")[0]
    return ""


async def test_an_assertion_of_entra_is_exchanged_for_an_access_token(
    federated: Server, entra: FakeIssuer
) -> None:
    """B2.22: the client id is ours, and the subject Entra's; the same assertion comes again."""
    assertion = entra.token(federated.now)
    for _ in range(2):
        issued = await issue(federated, assertion)
        assert issued.seconds == 3_600
        assert await federated.is_let_in(issued.text)
    assert len(entra.requests) == 1


async def test_an_access_token_ends_with_its_assertion(
    federated: Server, entra: FakeIssuer
) -> None:
    issued = await issue(federated, entra.token(federated.now, exp=int(federated.now) + 600))
    assert issued.seconds == 600
    claims = jwt.decode(issued.text, options={"verify_signature": False})
    assert claims["exp"] == int(federated.now) + 600
    assert await failed(federated, entra.token(federated.now, exp=int(federated.now) - 30)) == "exp"


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"iss": "https://sts.windows.net/4f1e/"}, "iss"),
        ({"iss": f"{ISSUER}/"}, "iss"),
        ({"aud": f"{AUDIENCE}/.default"}, "aud"),
        ({"aud": AUDIENCE.upper()}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": None}, "aud"),
        ({"sub": "another"}, "sub"),
        ({"sub": None}, "sub"),
        ({"sub": [SUBJECT]}, "sub"),
        ({"exp": 1_000_000_000}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": 9_999_999_999}, "lifetime"),
        ({"nbf": 9_999_999_999}, "nbf"),
        ({"iat": 9_999_999_999}, "iat"),
    ],
)
async def test_each_claim_is_compared_exactly_before_a_key_is_fetched(
    federated: Server, entra: FakeIssuer, changes: dict[str, Any], check: str
) -> None:
    held = entra.token(federated.now)
    claims = {**jwt.decode(held, options={"verify_signature": False}), **changes}
    payload = json.dumps({name: each for name, each in claims.items() if each is not None})
    header = {"kid": "key-1"}
    sent = jwt.api_jws.encode(payload.encode(), entra.keys["key-1"], "RS256", headers=header)
    assert await failed(federated, sent) == check
    assert entra.requests == []


async def test_one_job_may_bring_several_audiences(federated: Server, entra: FakeIssuer) -> None:
    audiences = [AUDIENCE, f"{AUDIENCE}/id.example.com"]
    federated.vault.put(VAULT_SECRET, entra.trust(audiences=audiences))
    for audience in audiences:
        assert await failed(federated, entra.token(federated.now, aud=audience)) == ""


async def test_two_trusts_of_a_client_hold_at_once(federated: Server, entra: FakeIssuer) -> None:
    federated.vault.put(VAULT_SECRET, entra.trust(subject="the-next-one"))
    assert await failed(federated, entra.token(federated.now)) == ""
    assert await failed(federated, entra.token(federated.now, sub="the-next-one")) == ""


async def test_the_signature_is_checked_with_the_key_that_the_issuer_publishes(
    federated: Server, entra: FakeIssuer
) -> None:
    other = FakeIssuer(url=entra.url)
    assert await failed(federated, other.token(federated.now)) == "signature"
    claims = jwt.decode(entra.token(federated.now), options={"verify_signature": False})
    by_curve = signed(claims, private_key(), "ES256", kid="key-1")
    assert await failed(federated, by_curve) == "alg"
    shared = public_half(entra.keys["key-1"]).replace("-----BEGIN PUBLIC KEY-----", "x")
    assert await failed(federated, signed(claims, shared, "HS256", kid="key-1")) == "alg"
    without = signed(claims, entra.keys["key-1"], "RS256")
    assert await failed(federated, without) == "kid"


async def test_a_new_key_of_the_issuer_is_fetched_when_it_is_met(
    federated: Server, entra: FakeIssuer
) -> None:
    assert await failed(federated, entra.token(federated.now)) == ""
    entra.add_curve_key("key-2")
    federated.time.advance(61)
    assert await failed(federated, entra.token(federated.now, "key-2")) == ""
    assert len(entra.requests) == 2


async def test_unknown_keys_are_no_storm(federated: Server, entra: FakeIssuer) -> None:
    """Once in a minute, however many are named."""
    for number in range(30):
        assert await failed(federated, entra.token(federated.now, f"unknown-{number}")) == "kid"
    assert len(entra.requests) == 1
    federated.time.advance(61)
    for number in range(30):
        await failed(federated, entra.token(federated.now, f"unknown-{number}"))
    assert len(entra.requests) == 2


async def test_a_key_that_was_withdrawn_ends_within_the_hour(
    federated: Server, entra: FakeIssuer
) -> None:
    held = entra.token(federated.now, exp=int(federated.now) + 4_000)
    assert await failed(federated, held) == ""
    entra.keys = {"key-2": entra.keys["key-1"]}
    federated.time.advance(3_601)
    assert await failed(federated, held) == ""  # which has the keys fetched and does not wait
    assert await failed(federated, entra.token(federated.now, "key-2")) == ""  # which waits
    assert await failed(federated, held) == "kid"


async def test_keys_that_were_read_serve_for_a_day_while_the_issuer_is_gone(
    federated: Server, entra: FakeIssuer
) -> None:
    assert await failed(federated, entra.token(federated.now)) == ""
    entra.answer = lambda: web.Response(status=503)
    federated.time.advance(DAY - 100)
    assert await failed(federated, entra.token(federated.now)) == ""
    federated.time.advance(200)
    with pytest.raises(Unavailable):
        await issue(federated, entra.token(federated.now))


def key_set_of(issuer: FakeIssuer) -> bytes:
    return json.dumps({"keys": [issuer.jwk("key-1")]}).encode()


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: web.Response(status=404),
        lambda issuer: web.Response(status=302, headers={"Location": issuer.jwks_uri}),
        lambda _: web.Response(body=b"not json"),
        lambda _: web.Response(body=b"[]"),
        lambda _: web.Response(body=b'{"keys": 7}'),
        lambda _: web.Response(body=b'{"keys": [7]}'),
        lambda _: web.Response(body=b"[" * 100_000),
        lambda issuer: web.Response(body=key_set_of(issuer) + b" " * 300_000),
        lambda issuer: web.json_response(
            {"keys": [{**issuer.jwk("key-1"), "kid": f"{n}"} for n in range(101)]}
        ),
    ],
    ids=["gone", "redirects", "text", "a list", "a number", "numbers", "nested", "huge", "many"],
)
async def test_without_keys_nobody_is_let_in_and_the_answer_is_later(
    federated: Server, entra: FakeIssuer, answer: Any
) -> None:
    entra.answer = lambda: answer(entra)
    with pytest.raises(Unavailable):
        await issue(federated, entra.token(federated.now))
    assert len(entra.requests) == 1


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "unknown"},
        {},
    ],
)
async def test_a_key_that_cannot_be_used_is_none(
    federated: Server, entra: FakeIssuer, key: dict[str, Any]
) -> None:
    entra.answer = lambda: web.json_response({"keys": [{**key, "kid": "key-1"}]})
    assert await failed(federated, entra.token(federated.now)) == "key"


async def test_keys_for_encryption_are_passed_over(federated: Server, entra: FakeIssuer) -> None:
    jwk = {**entra.jwk("key-1"), "use": "enc"}
    entra.answer = lambda: web.json_response({"keys": [jwk]})
    assert await failed(federated, entra.token(federated.now)) == "kid"


async def test_keys_are_fetched_from_hosts_of_the_settings_alone(
    acme: Server, entra: FakeIssuer
) -> None:
    acme.vault.put(VAULT_SECRET, entra.trust())
    assert await failed(acme, entra.token(acme.now)) == "kid"
    assert entra.requests == []


@pytest.mark.parametrize(
    "changes",
    [
        {"jwksUri": "http://login.microsoftonline.com/keys"},
        {"jwksUri": "https://user@login.microsoftonline.com/keys"},
        {"audiences": []},
        {"subject": ""},
        {"issuer": None},
        {"unknown": True},
    ],
)
async def test_a_trust_that_cannot_be_read_lets_nobody_in(
    federated: Server, entra: FakeIssuer, changes: dict[str, Any]
) -> None:
    for _ in range(2):
        federated.vault.put(VAULT_SECRET, entra.trust(**changes))
    assert await failed(federated, entra.token(federated.now)) == "trust"


async def test_the_client_id_is_needed_where_the_subject_is_the_issuers(
    federated: Server, entra: FakeIssuer
) -> None:
    assert await failed(federated, entra.token(federated.now), None) != ""
    assert await failed(federated, entra.token(federated.now), "okta") != ""


async def test_an_assertion_with_an_id_is_used_once(federated: Server, entra: FakeIssuer) -> None:
    assertion = entra.token(federated.now, jti="1")
    assert await failed(federated, assertion) == ""
    assert await failed(federated, assertion) == "jti"


# ---- tokens of the issuer as access tokens (an empty Secret Token)


async def test_a_token_of_the_issuer_opens_scim_where_the_trust_says_so(
    federated: Server, entra: FakeIssuer
) -> None:
    """With an empty Secret Token Entra sends its own tokens."""
    assert await federated.decide(entra.token(federated.now)) is None
    version = federated.vault.put("scim-client--acme--own", entra.trust(bearer=True))
    federated.time.advance(61)
    decision = await federated.decide(entra.token(federated.now))
    assert decision is not None
    assert decision.caller is not None
    assert decision.caller.label == f"scim-client--acme--own/{version.id[:8]}"
    assert decision.caller.keys
    assert await federated.failed(entra.token(federated.now, sub="another")) == "sub"
    assert await federated.failed(entra.token(federated.now, "unknown")) == "kid"


async def test_it_opens_no_other_tenant(federated: Server, entra: FakeIssuer) -> None:
    federated.vault.put("scim-token--beta", "the-token-of-another-tenant")
    federated.vault.put("scim-client--beta--okta", entra.trust(issuer="https://other", bearer=True))
    federated.vault.put("scim-client--acme--own", entra.trust(bearer=True))
    assert await federated.is_let_in(entra.token(federated.now))
    assert await federated.decide(entra.token(federated.now), tenant="beta") is None
    assert await federated.decide(entra.token(federated.now), tenant="nobody") is None


async def test_a_trust_that_is_revoked_ends_within_a_minute(
    federated: Server, entra: FakeIssuer
) -> None:
    version = federated.vault.put("scim-client--acme--own", entra.trust(bearer=True))
    token = entra.token(federated.now)
    exchanged = (await issue(federated, token)).text
    assert await federated.is_let_in(token)
    version.enabled = False
    federated.vault.secrets[VAULT_SECRET][-1].enabled = False
    federated.time.advance(61)
    assert not await federated.is_let_in(token)
    assert not await federated.is_let_in(exchanged)


TRUST = "SCIM client trust"


async def test_keys_are_fetched_ahead_of_the_first_token(
    acme: Server,
    federated: Server,
    entra: FakeIssuer,
) -> None:
    acme.vault.put(VAULT_SECRET, entra.trust(), content_type=TRUST)
    await federated.server.prefetch_keys()
    assert await failed(federated, entra.token(federated.now)) == ""
    await federated.server.prefetch_keys()
    assert len(entra.requests) == 1


async def test_a_token_that_comes_meanwhile_waits_for_the_keys_that_are_being_fetched(
    federated: Server, entra: FakeIssuer
) -> None:
    federated.vault.put(VAULT_SECRET, entra.trust(), content_type=TRUST)
    waited = await asyncio.gather(
        federated.server.prefetch_keys(),
        *(failed(federated, entra.token(federated.now)) for _ in range(5)),
    )
    assert waited == [None, *[""] * 5]
    assert len(entra.requests) == 1


async def test_without_a_trust_nothing_is_read_that_a_request_does_not_read(acme: Server) -> None:
    acme.vault.put("scim-client--acme--okta", client_secret(), content_type="SCIM client secret")
    await acme.server.prefetch_keys()
    assert {path for path in acme.vault.calls if path != "/secrets"} == set()
    calls = len(acme.vault.calls)
    await acme.tokens.authenticate("acme", "Bearer the-token-of-the-tenant")
    assert acme.vault.calls[calls:] == [
        path for path in acme.vault.calls[calls:] if path.startswith("/secrets/scim-token--acme/")
    ]


@pytest.mark.parametrize("closed", [True, False])
async def test_keys_of_no_open_client_and_of_no_known_host_are_not_fetched(
    federated: Server, entra: FakeIssuer, closed: bool
) -> None:
    elsewhere = entra.trust(jwksUri="https://keys.example.com/keys")
    trust = entra.trust() if closed else elsewhere
    federated.vault.secrets[VAULT_SECRET] = []
    federated.vault.put(VAULT_SECRET, trust, enabled=not closed, content_type=TRUST)
    await federated.server.prefetch_keys()
    assert entra.requests == []


async def test_of_many_clients_the_keys_of_some_are_fetched(
    federated: Server, entra: FakeIssuer
) -> None:
    del federated.vault.secrets[VAULT_SECRET]
    for number in range(30):
        trust = entra.trust(jwksUri=f"{entra.url}/{number}/keys")
        federated.vault.put(f"scim-client--acme--c{number}", trust, content_type=TRUST)
    await federated.server.prefetch_keys()
    token = entra.token(federated.now)
    assert await failed(federated, token, "c29") == ""
    assert len(set(entra.requests)) <= MOST_PREFETCHED + 1


async def test_an_issuer_that_does_not_answer_holds_nobody_up_for_long_and_is_asked_once(
    federated: Server, entra: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = Waits(known=0.1, unknown=0.1, reading=0.2)
    monkeypatch.setattr(key_sets, "_WAITS", patience)
    entra.is_silent = True
    asked = (issue(federated, entra.token(federated.now)) for _ in range(20))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    assert len(entra.requests) <= 1
