"""Which tokens open a tenant, with the real SDKs against a vault on loopback."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from shared.auth.tokens import Caller, digest_of
from shared.errors import Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.auth.vault import VaultTokens
    from tests.support.fakes.clock import Time
    from tests.support.fakes.key_vault import FakeIdentity, FakeKeyVault

OLDEST = "oldest-token-of-the-tenant"
OLD = "old-token-of-the-tenant"
NEW = "new-token-of-the-tenant"
WRONG = "a-token-of-nobody-at-all"
DAY = 86_400


def bearer(token: str) -> str:
    return f"Bearer {token}"


async def is_accepted(tokens: VaultTokens, token: str, tenant: str = "default") -> bool:
    try:
        await tokens.authenticate(tenant, bearer(token))
    except Unauthorized:
        return False
    return True


async def refuse(tokens: VaultTokens, tenant: str | None) -> None:
    with pytest.raises(Unauthorized):
        await tokens.authenticate(tenant, bearer(WRONG))


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
    assert len(vault.calls) == 3  # the secrets, the versions and the new value


async def test_wrong_tokens_of_one_tenant_do_not_keep_the_new_token_of_another_out(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", OLD)
    vault.put("scim-token--acme", OLD)
    assert await is_accepted(tokens, OLD)
    assert not await is_accepted(tokens, WRONG, "acme")
    clock.advance(1)
    assert not await is_accepted(tokens, WRONG, "acme")
    vault.put("scim-token", NEW)
    clock.advance(5)
    assert not await is_accepted(tokens, WRONG, "acme")
    assert await is_accepted(tokens, NEW)


async def test_a_new_tenant_is_let_in_at_once(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", OLD)
    assert await is_accepted(tokens, OLD)
    vault.put("scim-token--acme", NEW)
    clock.advance(1)
    vault.calls.clear()
    assert all(await asyncio.gather(*(is_accepted(tokens, NEW, "acme") for _ in range(50))))
    assert len(vault.calls) == 3  # the secrets, the versions and the value


async def test_wrong_tokens_make_one_reading_in_thirty_seconds(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", NEW)
    assert await is_accepted(tokens, NEW)
    vault.calls.clear()
    for second in range(59):
        clock.advance(1)
        assert not await is_accepted(tokens, f"a-wrong-token-number-{second}")
    assert vault.calls == ["/secrets"] * 2


async def test_wrong_tokens_for_many_tenants_make_one_reading_in_five_seconds(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    for number in range(20):
        vault.put(f"scim-token--tenant-{number}", NEW)
    for number in range(20):
        assert await is_accepted(tokens, NEW, f"tenant-{number}")
    vault.calls.clear()
    clock.advance(1)
    for _ in range(50):
        await asyncio.gather(
            *(is_accepted(tokens, WRONG, f"tenant-{number}") for number in range(40))
        )
        clock.advance(1)
    assert vault.calls == ["/secrets"] * 10 * 10  # in 50 s; the list has 10 pages


async def test_a_wrong_token_costs_no_second_reading_when_the_first_was_for_it(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token", NEW)
    assert not await is_accepted(tokens, "a-wrong-token-from-the-start")
    assert len(vault.calls_about("scim-token")) == 2  # the versions and the value


async def test_the_vault_is_not_asked_about_an_unknown_tenant(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    """Only the list of all secrets is read again, once in 5 s, as for tenants that exist."""
    vault.put("scim-token", NEW)
    for number in range(20):
        assert not await is_accepted(tokens, NEW, f"tenant-{number}")
        clock.advance(2)
    assert vault.calls == ["/secrets"] * 8  # at 0, 2, 8, 14, 20, 26, 32 and 38 s


@pytest.mark.parametrize("tenant", ["nobody", "closed", "default", None])
@pytest.mark.parametrize("pause", [0, 1, 7, 29])
async def test_a_wrong_token_costs_the_same_calls_whether_its_tenant_exists_or_not(
    open_tokens: Callable[..., VaultTokens],
    vault: FakeKeyVault,
    clock: Time,
    tenant: str | None,
    pause: int,
) -> None:
    """For as long as the tokens of the one that exists are remembered, which is a minute."""
    vault.put("scim-token--acme", NEW)
    vault.put("scim-token--closed", NEW, enabled=False)

    async def calls_for(name: str | None) -> list[int]:
        tokens = open_tokens()
        assert await is_accepted(tokens, NEW, "acme")
        calls = []
        for _ in range(59 // max(pause, 1)):
            clock.advance(pause)
            vault.calls.clear()
            await refuse(tokens, name)
            calls.append(len(vault.calls))
        return calls

    of_acme = await calls_for("acme")
    assert sum(of_acme) > 0
    assert await calls_for(tenant) == of_acme


@pytest.mark.parametrize("minutes", [0, 2, 90])
async def test_a_wrong_token_waits_for_no_call_about_its_tenant(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time, minutes: int
) -> None:
    """Or the time of the answer would tell that the tenant exists, however old what is known."""
    vault.put("scim-token--acme", NEW)
    assert await is_accepted(tokens, NEW, "acme")
    clock.advance(60 * minutes)
    with vault.hanging(only="/secrets/scim-token--acme"):
        for _ in range(5):
            async with asyncio.timeout(1):
                await refuse(tokens, "acme")
            clock.advance(31)


async def test_an_older_version_that_is_enabled_again_is_accepted_soon_after(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    """The list of secrets does not show it; what is older than a minute is read meanwhile."""
    old = vault.put("scim-token", OLD, enabled=False)
    vault.put("scim-token", NEW)
    assert await is_accepted(tokens, NEW)
    old.enabled = True
    assert not await is_accepted(tokens, OLD)
    clock.advance(60)
    assert not await is_accepted(tokens, OLD)
    await asyncio.wait(
        [task for task in asyncio.all_tasks() if "Cached._take" in repr(task.get_coro())]
    )
    assert await is_accepted(tokens, OLD)


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


@pytest.mark.parametrize("tenant", ["default", "nobody", None])
@pytest.mark.parametrize(
    "header", [None, "", "Basic dXNlcjpwYXNzd29yZA==", "Bearer short", f"Bearer {'x' * 5_000}"]
)
async def test_a_malformed_header_does_not_reach_the_vault(
    tokens: VaultTokens, vault: FakeKeyVault, tenant: str | None, header: str | None
) -> None:
    vault.put("scim-token", NEW)
    with pytest.raises(Unauthorized) as malformed:
        await tokens.authenticate(tenant, header)
    assert vault.calls == []
    with pytest.raises(Unauthorized) as wrong:
        await tokens.authenticate("default", bearer(WRONG))
    assert malformed.value.message() == wrong.value.message()


async def test_a_token_near_its_expiry_is_named_in_the_log_once_a_day(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time, auth_log: pytest.LogCaptureFixture
) -> None:
    version = vault.put("scim-token", NEW, expires=clock.wall + 3 * DAY)
    for _ in range(4):
        assert await is_accepted(tokens, NEW)
        clock.advance(DAY / 2)
    line = f"The token scim-token/{version.id[:8]} expires on 2027-01-18; rotate it before"
    assert [record.getMessage() for record in auth_log.records] == [line] * 2


async def test_older_versions_that_wait_behind_the_valid_two_are_named_in_the_log_once_a_day(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time, auth_log: pytest.LogCaptureFixture
) -> None:
    """They would open the tenant again if one of the two were disabled."""
    vault.put("scim-token", OLDEST)
    vault.put("scim-token", OLDEST, enabled=False)
    vault.put("scim-token", OLDEST, expires=clock.wall - 1)
    vault.put("scim-token", OLD)
    vault.put("scim-token", NEW)
    vault.put("scim-token", "a-token-that-begins-later", not_before=clock.wall + 30 * DAY)
    for _ in range(4):
        assert await is_accepted(tokens, NEW)
        clock.advance(DAY / 2)
    line = "scim-token has 1 enabled versions older than the two that are valid; disable them, or"
    assert [record.getMessage()[: len(line)] for record in auth_log.records] == [line] * 2
