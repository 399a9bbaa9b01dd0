"""API keys in Key Vault: the machinery is that of tokens, and their isolation from tokens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from shared.api_keys import Grant, Scope
from shared.auth.tokens import ApiKey
from shared.errors import Unauthorized, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.auth.vault import VaultTokens
    from tests.support.fakes.clock import Time
    from tests.support.fakes.key_vault import FakeKeyVault

SECRET = "scim-apikey--crm"
KEY = f"scimkey_crm_{'k' * 43}"
OLD = f"scimkey_crm_{'o' * 43}"
WRONG = f"scimkey_crm_{'w' * 43}"
OF_NOBODY = f"scimkey_nobody_{'w' * 43}"
READS = {"scopes": "identities.read"}
DAY = 86_400


async def is_accepted(tokens: VaultTokens, key: str) -> bool:
    try:
        await tokens.identify(f"Bearer {key}")
    except Unauthorized:
        return False
    return True


async def test_the_key_of_the_vault_is_known_with_what_its_tags_allow(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    tags = {"scopes": "identities.read events.read", "tenants": "acme"}
    version = vault.put(SECRET, KEY, tags=tags)
    grant = Grant(frozenset({Scope.IDENTITIES_READ, Scope.EVENTS_READ}), frozenset({"acme"}))
    assert await tokens.identify(f"Bearer {KEY}") == ApiKey(
        "crm", f"{SECRET}/{version.id[:8]}", grant
    )


async def test_one_key_has_two_versions_and_a_third_ends_the_first(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put(SECRET, OLD, tags=READS)
    vault.put(SECRET, KEY, tags=READS)
    assert await is_accepted(tokens, OLD)
    assert await is_accepted(tokens, KEY)
    third = f"scimkey_crm_{'t' * 43}"
    vault.put(SECRET, third, tags=READS)
    clock.advance(61)
    assert await is_accepted(tokens, third)
    assert not await is_accepted(tokens, OLD)


async def test_what_a_key_allows_is_what_the_tags_of_its_newest_version_say(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    """So less is allowed to both within a minute, however old the version that was sent."""
    vault.put(SECRET, OLD, tags={"scopes": "identities.read events.read"})
    newest = vault.put(SECRET, KEY, tags=READS)
    assert (await tokens.identify(f"Bearer {OLD}")).grant.scopes == {Scope.IDENTITIES_READ}
    newest.tags = {}
    clock.advance(61)
    assert (await tokens.identify(f"Bearer {OLD}")).grant.scopes == frozenset()


@pytest.mark.parametrize("state", ["disabled", "expired", "not yet"])
async def test_a_version_that_is_not_valid_is_refused(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time, state: str
) -> None:
    now = clock.clock().wall()
    vault.put(
        SECRET,
        KEY,
        tags=READS,
        enabled=state != "disabled",
        expires=now - 1 if state == "expired" else None,
        not_before=now + DAY if state == "not yet" else None,
    )
    assert not await is_accepted(tokens, KEY)


async def test_a_disabled_newest_version_closes_the_key(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put(SECRET, OLD, tags=READS)
    newest = vault.put(SECRET, KEY, tags=READS)
    assert await is_accepted(tokens, OLD)
    newest.enabled = False
    clock.advance(61)
    assert not await is_accepted(tokens, OLD)
    assert not await is_accepted(tokens, KEY)


async def test_a_key_begins_and_expires_to_the_second(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    now = clock.clock().wall()
    vault.put(SECRET, KEY, tags=READS, not_before=now + 10, expires=now + 20)
    assert not await is_accepted(tokens, KEY)
    clock.advance(11)
    assert await is_accepted(tokens, KEY)
    clock.advance(10)
    assert not await is_accepted(tokens, KEY)


MALFORMED = [
    None,
    "",
    "Bearer",
    "Bearer ",
    f"Basic {KEY}",
    KEY,
    f"Bearer {KEY} {KEY}",
    f"Bearer {KEY},Bearer {KEY}",
    f"Bearer {KEY}\u00e9",
    f"Bearer {KEY[:-1]}",
    f"Bearer {KEY}x",
    f"Bearer {KEY.upper()}",
    f"Bearer scimkey_{'k' * 43}",
    f"Bearer scimkey__{'k' * 43}",
    f"Bearer scimkey_crm/../crm_{'k' * 43}",
    f"Bearer scimkey_CRM_{'k' * 43}",
    "Bearer scimkey_crm_",
    "Bearer scim-apikey--crm",
    f"Bearer {'k' * 43}",
    f"Bearer scimkey_crm_{'k' * 5_000}",
]


@pytest.mark.parametrize("header", [*MALFORMED, f"Bearer {WRONG}", f"Bearer {OF_NOBODY}"])
async def test_whatever_is_wrong_the_answer_is_one(
    tokens: VaultTokens, vault: FakeKeyVault, header: str | None
) -> None:
    vault.put(SECRET, KEY, tags=READS)
    with pytest.raises(Unauthorized) as refusal:
        await tokens.identify(header)
    with pytest.raises(Unauthorized) as missing:
        await tokens.identify(None)
    assert refusal.value.message() == missing.value.message()


@pytest.mark.parametrize(
    "other", [OF_NOBODY, f"scimkey_closed_{'w' * 43}", "of-no-form-that-a-key-has"]
)
@pytest.mark.parametrize("pause", [0, 1, 7, 29])
async def test_a_wrong_key_costs_the_same_calls_as_an_unknown_one(
    open_tokens: Callable[..., VaultTokens],
    vault: FakeKeyVault,
    clock: Time,
    other: str,
    pause: int,
) -> None:
    """For as long as the versions of the one that exists are remembered, which is a minute."""
    vault.put(SECRET, KEY, tags=READS)
    vault.put("scim-apikey--closed", KEY.replace("crm", "closed"), tags=READS, enabled=False)

    async def calls_for(wrong: str) -> list[int]:
        tokens = open_tokens()
        assert await is_accepted(tokens, KEY)
        calls = []
        for _ in range(59 // max(pause, 1)):
            clock.advance(pause)
            vault.calls.clear()
            assert not await is_accepted(tokens, wrong)
            calls.append(len(vault.calls))
        return calls

    of_crm = await calls_for(WRONG)
    assert sum(of_crm) > 0
    assert await calls_for(other) == of_crm


@pytest.mark.parametrize("minutes", [0, 2, 90])
async def test_a_wrong_key_waits_for_no_call_about_its_secret(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time, minutes: int
) -> None:
    vault.put(SECRET, KEY, tags=READS)
    assert await is_accepted(tokens, KEY)
    clock.advance(60 * minutes)
    with vault.hanging(only=f"/secrets/{SECRET}"):
        for _ in range(5):
            async with asyncio.timeout(1):
                assert not await is_accepted(tokens, WRONG)
            clock.advance(31)


async def test_an_unknown_key_is_not_asked_for_in_the_vault(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put(SECRET, KEY, tags=READS)
    for _ in range(3):
        assert not await is_accepted(tokens, OF_NOBODY)
    assert set(vault.calls) == {"/secrets"}


async def test_a_new_key_is_accepted_at_once(tokens: VaultTokens, vault: FakeKeyVault) -> None:
    vault.put("scim-token", "the-token-of-the-tenant")
    await tokens.authenticate("default", "Bearer the-token-of-the-tenant")
    vault.put(SECRET, KEY, tags=READS)
    assert await is_accepted(tokens, KEY)


async def test_a_key_of_one_name_is_none_of_another(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    """Also where somebody has put it into the other's secret."""
    vault.put(SECRET, KEY, tags=READS)
    vault.put("scim-apikey--erp", KEY, tags={"scopes": "tenants.manage"})
    assert (await tokens.identify(f"Bearer {KEY}")).name == "crm"
    assert not await is_accepted(tokens, KEY.replace("crm", "erp"))


async def test_a_token_is_no_key_and_a_key_no_token(
    tokens: VaultTokens, vault: FakeKeyVault, auth_log: pytest.LogCaptureFixture
) -> None:
    """Not even where somebody has put one into the secret of the other."""
    vault.put("scim-token", KEY)
    vault.put("scim-token--acme", "the-token-of-the-tenant")
    vault.put(SECRET, "the-token-of-the-tenant", tags=READS)
    for given in (KEY, "the-token-of-the-tenant"):
        assert not await is_accepted(tokens, given)
    with pytest.raises(Unauthorized):
        await tokens.authenticate("default", f"Bearer {KEY}")
    assert "is no token and opens nothing: scimkey_ begins an API key" in auth_log.text
    assert "is no API key and opens nothing: it must be scimkey_crm_" in auth_log.text
    assert KEY not in auth_log.text


async def test_a_key_that_expires_soon_is_in_the_log_as_a_token_is(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time, auth_log: pytest.LogCaptureFixture
) -> None:
    version = vault.put(SECRET, KEY, tags=READS, expires=clock.clock().wall() + 29 * DAY)
    await is_accepted(tokens, KEY)
    assert f"The token {SECRET}/{version.id[:8]} expires on " in auth_log.text


async def test_tags_that_are_not_understood_are_in_the_log(
    tokens: VaultTokens, vault: FakeKeyVault, auth_log: pytest.LogCaptureFixture
) -> None:
    vault.put(SECRET, KEY, tags={"scopes": "identities.read everything", "tenants": "a--b"})
    grant = (await tokens.identify(f"Bearer {KEY}")).grant
    assert grant == Grant(frozenset({Scope.IDENTITIES_READ}), frozenset())
    line = f"The tags of {SECRET} name no scope or tenant by 'everything', 'a--b'"
    assert line in auth_log.text


async def test_a_vault_that_fails_lets_no_key_in_and_then_the_last_good_ones(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put(SECRET, KEY, tags=READS)
    with vault.failing(503), pytest.raises(Unavailable):
        await tokens.identify(f"Bearer {KEY}")
    clock.advance(2)
    assert await is_accepted(tokens, KEY)
    clock.advance(61)
    with vault.failing(503):
        assert await is_accepted(tokens, KEY)
        assert not await is_accepted(tokens, WRONG)


async def test_a_tenant_is_known_open_or_closed_and_a_new_one_at_once(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token--acme", "the-token-of-the-tenant")
    vault.put("Scim-Token--Closed", "the-token-of-the-tenant", enabled=False)
    assert await tokens.has_tenant("acme")
    assert await tokens.has_tenant("closed")
    assert not await tokens.has_tenant("new")
    vault.put("scim-token--new", "the-token-of-the-tenant")
    clock.advance(31)
    assert await tokens.has_tenant("new")
