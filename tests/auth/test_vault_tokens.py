"""Which tokens open a tenant, with the real SDKs against a vault on loopback."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from shared.auth.tokens import Caller, digest_of
from shared.scim.errors import Unauthorized

if TYPE_CHECKING:
    from shared.auth.vault import VaultTokens
    from tests.fakes.clock import Time
    from tests.fakes.key_vault import FakeIdentity, FakeKeyVault

OLDEST = "oldest-token-of-the-tenant"
OLD = "old-token-of-the-tenant"
NEW = "new-token-of-the-tenant"
DAY = 86_400


def bearer(token: str) -> str:
    return f"Bearer {token}"


async def is_accepted(tokens: VaultTokens, token: str, tenant: str = "default") -> bool:
    try:
        await tokens.authenticate(tenant, bearer(token))
    except Unauthorized:
        return False
    return True


async def test_the_token_of_the_vault_opens_its_tenant(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    version = vault.put("scim-token", NEW)
    caller = await tokens.authenticate("default", bearer(NEW))
    assert caller == Caller("default", f"scim-token/{version.id[:8]}")


async def test_the_label_of_another_tenants_token_names_its_secret(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    version = vault.put("scim-token--acme", NEW)
    caller = await tokens.authenticate("acme", bearer(NEW))
    assert caller == Caller("acme", f"scim-token--acme/{version.id[:8]}")


async def test_the_vault_is_opened_with_the_apps_own_identity(
    tokens: VaultTokens, vault: FakeKeyVault, identity: FakeIdentity
) -> None:
    vault.put("scim-token", NEW)
    await tokens.authenticate("default", bearer(NEW))
    assert [(query["resource"], query["client_id"]) for query in identity.queries] == [
        ("https://vault.azure.net", "11111111-2222-3333-4444-555555555555")
    ]


async def test_a_tenants_token_does_not_open_another_tenant(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token", OLD)
    vault.put("scim-token--acme", NEW)
    assert await is_accepted(tokens, NEW, "acme")
    assert not await is_accepted(tokens, NEW, "default")
    assert not await is_accepted(tokens, OLD, "acme")


async def test_both_of_the_newest_two_versions_open_the_tenant(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token", OLD)
    vault.put("scim-token", NEW)
    assert await is_accepted(tokens, OLD)
    assert await is_accepted(tokens, NEW)


async def test_a_caller_brings_keys_of_both_tokens_its_own_first(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    """Cursors are sealed with the first and opened with each, so that a rotation breaks none."""
    for token in (OLDEST, OLD, NEW):
        vault.put("scim-token", token)
    keys = {
        token: (await tokens.authenticate("default", bearer(token))).keys for token in (OLD, NEW)
    }
    assert keys[NEW] == (digest_of(NEW), digest_of(OLD))
    assert keys[OLD] == (digest_of(OLD), digest_of(NEW))


async def test_the_third_newest_version_is_refused(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    for value in (OLDEST, OLD, NEW):
        vault.put("scim-token", value)
    assert not await is_accepted(tokens, OLDEST)
    assert await is_accepted(tokens, OLD)


async def test_versions_and_secrets_are_read_past_the_first_page(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    for number in range(5):
        vault.put(f"scim-token--other-{number}", f"token-of-another-tenant-{number}")
        vault.put("scim-token--acme", f"token-of-acme-number-{number}")
    assert await is_accepted(tokens, "token-of-acme-number-4", "acme")
    assert await is_accepted(tokens, "token-of-acme-number-3", "acme")
    assert not await is_accepted(tokens, "token-of-acme-number-2", "acme")
    assert await is_accepted(tokens, "token-of-another-tenant-4", "other-4")


async def test_a_disabled_version_is_refused_and_its_place_goes_to_an_older_one(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token", OLDEST)
    vault.put("scim-token", OLD, enabled=False)
    vault.put("scim-token", NEW)
    assert not await is_accepted(tokens, OLD)
    assert await is_accepted(tokens, OLDEST)
    assert await is_accepted(tokens, NEW)


async def test_a_version_disabled_later_is_refused_after_a_minute(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    old = vault.put("scim-token", OLD)
    vault.put("scim-token", NEW)
    assert await is_accepted(tokens, OLD)
    old.enabled = False
    clock.advance(60)
    assert not await is_accepted(tokens, OLD)
    assert await is_accepted(tokens, NEW)


async def test_a_version_disabled_between_list_and_read_is_no_fault(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    """Key Vault answers 403 then, as it does to missing rights; only the inner code differs."""
    vault.put("scim-token", OLD)
    new = vault.put("scim-token", NEW)
    with vault.failing(
        403, code="Forbidden", inner="SecretDisabled", only=f"/secrets/scim-token/{new.id}"
    ):
        assert await is_accepted(tokens, OLD)
        assert not await is_accepted(tokens, NEW)


async def test_disabling_the_secret_closes_the_tenant_to_older_tokens_too(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token--acme", OLD)
    new = vault.put("scim-token--acme", NEW)
    assert await is_accepted(tokens, OLD, "acme")
    new.enabled = False
    clock.advance(60)
    assert not await is_accepted(tokens, OLD, "acme")
    assert not await is_accepted(tokens, NEW, "acme")


async def test_an_expired_version_is_refused_though_the_vault_still_returns_it(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", OLD, expires=clock.wall)
    vault.put("scim-token", NEW, expires=clock.wall + 1)
    assert not await is_accepted(tokens, OLD)
    assert await is_accepted(tokens, NEW)


async def test_a_token_ends_at_its_expiry_without_a_new_reading(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", NEW, expires=clock.wall + 30)
    assert await is_accepted(tokens, NEW)
    clock.advance(29)
    assert await is_accepted(tokens, NEW)
    clock.advance(1)
    assert not await is_accepted(tokens, NEW)


async def test_a_token_begins_at_its_time_without_a_new_reading(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", OLD)
    vault.put("scim-token", NEW, not_before=clock.wall + 20)
    assert not await is_accepted(tokens, NEW)
    calls = len(vault.calls)
    clock.advance(19)
    assert not await is_accepted(tokens, NEW)
    clock.advance(1)
    assert await is_accepted(tokens, NEW)
    assert await is_accepted(tokens, OLD)
    assert len(vault.calls) == calls + 1  # for the token that was refused a second too early


async def test_a_token_that_begins_takes_the_place_of_the_oldest(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", OLDEST)
    vault.put("scim-token", OLD)
    vault.put("scim-token", NEW, not_before=clock.wall + 20)
    assert await is_accepted(tokens, OLDEST)
    clock.advance(20)
    assert not await is_accepted(tokens, OLDEST)
    assert await is_accepted(tokens, OLD)
    assert await is_accepted(tokens, NEW)


async def test_a_version_that_is_no_token_opens_nothing_and_is_named_in_the_log(
    tokens: VaultTokens, vault: FakeKeyVault, auth_log: pytest.LogCaptureFixture
) -> None:
    version = vault.put("scim-token", "too short")
    assert not await is_accepted(tokens, "too-short-but-a-possible-token")
    assert f"scim-token/{version.id[:8]} is no token" in auth_log.text
    assert "too short" not in auth_log.text


async def test_a_line_end_after_the_value_is_not_part_of_the_token(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token", f"{NEW}\n")
    assert await is_accepted(tokens, NEW)


async def test_secrets_of_other_kinds_are_no_tenants(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-feed--acme", NEW)
    vault.put("scim-token--default", NEW)
    vault.put("scim-token-acme", NEW)
    for tenant in ("acme", "default"):
        assert not await is_accepted(tokens, NEW, tenant)


async def test_a_new_tenant_is_known_within_a_minute(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", OLD)
    assert not await is_accepted(tokens, NEW, "acme")
    vault.put("scim-token--acme", NEW)
    clock.advance(60)
    assert await is_accepted(tokens, NEW, "acme")


async def test_fifty_requests_at_once_make_one_reading(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token", OLD)
    vault.put("scim-token", NEW)
    callers = await asyncio.gather(
        *(tokens.authenticate("default", bearer(NEW)) for _ in range(50))
    )
    assert len({caller.label for caller in callers}) == 1
    assert vault.calls.count("/secrets") == 1
    assert len(vault.calls_about("scim-token")) == 3  # the versions and two values


async def test_what_was_read_serves_for_a_minute(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", NEW)
    await tokens.authenticate("default", bearer(NEW))
    calls = len(vault.calls)
    clock.advance(59)
    await tokens.authenticate("default", bearer(NEW))
    assert len(vault.calls) == calls


async def test_what_was_read_is_as_old_as_the_question(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    """Or a slow answer would keep a disabled token valid for longer than a minute."""
    vault.put("scim-token", NEW)
    with vault.hanging():
        request = asyncio.create_task(tokens.authenticate("default", bearer(NEW)))
        await vault.is_called.wait()
        clock.advance(40)
    await request
    clock.advance(20)
    await tokens.authenticate("default", bearer(NEW))
    assert vault.calls.count("/secrets") == 2


async def test_a_reading_after_a_minute_asks_for_no_value_again(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", NEW)
    await tokens.authenticate("default", bearer(NEW))
    vault.calls.clear()
    clock.advance(60)
    await tokens.authenticate("default", bearer(NEW))
    assert vault.calls == ["/secrets", "/secrets/scim-token/versions"]


async def test_a_new_token_is_accepted_at_once_by_all_that_bring_it(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", OLD)
    assert await is_accepted(tokens, OLD)
    vault.put("scim-token", NEW)
    clock.advance(1)
    vault.calls.clear()
    assert all(await asyncio.gather(*(is_accepted(tokens, NEW) for _ in range(50))))
    assert len(vault.calls) == 2  # the versions and the new value


async def test_wrong_tokens_make_one_reading_in_thirty_seconds(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", NEW)
    assert await is_accepted(tokens, NEW)
    vault.calls.clear()
    for second in range(59):
        clock.advance(1)
        assert not await is_accepted(tokens, f"a-wrong-token-number-{second}")
    assert vault.calls == ["/secrets/scim-token/versions"] * 2


async def test_a_wrong_token_costs_no_second_reading_when_the_first_was_for_it(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token", NEW)
    assert not await is_accepted(tokens, "a-wrong-token-from-the-start")
    assert len(vault.calls_about("scim-token")) == 2  # the versions and the value


async def test_the_vault_is_not_asked_about_an_unknown_tenant(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", NEW)
    for number in range(20):
        assert not await is_accepted(tokens, NEW, f"tenant-{number}")
        clock.advance(2)
    assert vault.calls == ["/secrets"]


@pytest.mark.parametrize("tenant", ["acme", "no-such-tenant", None])
async def test_a_wrong_token_and_an_unknown_tenant_get_the_same_answer(
    tokens: VaultTokens, vault: FakeKeyVault, tenant: str | None
) -> None:
    vault.put("scim-token--acme", NEW)
    vault.put("scim-token--closed", OLD, enabled=False)
    with pytest.raises(Unauthorized) as wrong:
        await tokens.authenticate(tenant, bearer(OLD))
    with pytest.raises(Unauthorized) as closed:
        await tokens.authenticate("closed", bearer(OLD))
    assert wrong.value.message() == closed.value.message()


async def test_a_malformed_header_does_not_reach_the_vault(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token", NEW)
    with pytest.raises(Unauthorized):
        await tokens.authenticate("default", "Basic dXNlcjpwYXNzd29yZA==")
    assert vault.calls == []


async def test_a_token_near_its_expiry_is_named_in_the_log_once_a_day(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time, auth_log: pytest.LogCaptureFixture
) -> None:
    version = vault.put("scim-token", NEW, expires=clock.wall + 3 * DAY)
    for _ in range(4):
        assert await is_accepted(tokens, NEW)
        clock.advance(DAY / 2)
    line = f"The token scim-token/{version.id[:8]} expires on 2027-01-18; rotate it before"
    assert [record.getMessage() for record in auth_log.records] == [line] * 2
