"""What a failing, slow or unreachable vault does to requests, with the real SDKs."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from shared.auth.cached import Cached, Waits
from shared.errors import Unauthorized, Unavailable
from tests.support.fakes.key_vault import FakeKeyVault, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.auth.tokens import Caller
    from shared.auth.vault import VaultTokens
    from tests.support.fakes.clock import Time
    from tests.support.fakes.key_vault import FakeIdentity
    from tests.support.fixtures.key_vault import Certificates

TOKEN = "the-token-of-the-tenant"
OTHER = "another-token-of-the-tenant"
HEADER = f"Bearer {TOKEN}"
WRONG = "Bearer a-token-of-nobody-at-all"
MINUTE = 60
IMPATIENT = Waits(known=0.05, unknown=0.05, reading=5.0)

FAILURES = [
    pytest.param({"status": 401}, id="401, as by a clock that is wrong"),
    pytest.param({"status": 429, "headers": {"Retry-After": "120"}}, id="429"),
    pytest.param({"status": 403, "inner": "ForbiddenByRbac"}, id="403 rights"),
    pytest.param({"status": 403, "inner": "ForbiddenByFirewall"}, id="403 firewall"),
    pytest.param({"status": 500}, id="500"),
    pytest.param({"status": 503, "headers": {"Retry-After": "120"}}, id="503"),
]


@pytest.mark.parametrize("failure", FAILURES)
async def test_nothing_opens_before_anything_was_read(
    tokens: VaultTokens,
    vault: FakeKeyVault,
    failure: dict[str, Any],
) -> None:
    vault.put("scim-token", TOKEN)
    with (
        vault.failing(**failure),
        pytest.raises(Unavailable) as refusal,
    ):
        await tokens.authenticate("default", HEADER)
    # What the vault asks for is kept to, but no longer than 30 s, in which nobody could enter.
    assert refusal.value.retry_after == (30 if "headers" in failure else 1)
    assert vault.calls == ["/secrets"]


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_known_token_opens_for_an_hour_while_the_vault_fails(
    tokens: VaultTokens,
    vault: FakeKeyVault,
    clock: Time,
    failure: dict[str, Any],
) -> None:
    vault.put("scim-token", TOKEN)
    known = await tokens.authenticate("default", HEADER)
    with vault.failing(**failure):
        for _ in range(11):
            clock.advance(5 * MINUTE)
            assert await tokens.authenticate("default", HEADER) == known
        clock.advance(5 * MINUTE)
        with pytest.raises(Unavailable):
            await tokens.authenticate("default", HEADER)


async def test_a_vault_is_left_alone_for_as_long_as_it_asks(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", TOKEN)
    known = await tokens.authenticate("default", HEADER)
    clock.advance(5 * MINUTE)
    with vault.failing(429, headers={"Retry-After": "7"}):
        assert await tokens.authenticate("default", HEADER) == known
        vault.calls.clear()
        for _ in range(6):
            clock.advance(1)
            assert await tokens.authenticate("default", HEADER) == known
        assert vault.calls == []
        clock.advance(1)
        assert await tokens.authenticate("default", HEADER) == known
        assert vault.calls == ["/secrets", "/secrets/scim-token/versions"]


async def test_a_new_token_is_accepted_as_soon_as_a_failing_vault_answers_again(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    """That it came while the vault was left alone is not held against it for 30 s."""
    vault.put("scim-token", TOKEN)
    await tokens.authenticate("default", HEADER)
    vault.put("scim-token", OTHER)
    with vault.failing(429, headers={"Retry-After": "20"}), pytest.raises(Unauthorized):
        await tokens.authenticate("acme", WRONG)
    clock.advance(12)
    with pytest.raises(Unauthorized):
        await tokens.authenticate("default", f"Bearer {OTHER}")
    clock.advance(8)
    assert (await tokens.authenticate("default", f"Bearer {OTHER}")).tenant == "default"


@pytest.mark.parametrize("text", ["", "soon", "-1", "1.5", "9" * 400, "²", "Fri, 31 Dec 2027"])
async def test_a_retry_after_that_is_no_number_of_seconds_is_left_aside(
    tokens: VaultTokens, vault: FakeKeyVault, text: str
) -> None:
    headers = {"Retry-After": text.encode().decode("latin-1")}
    with vault.failing(429, headers=headers), pytest.raises(Unavailable) as refusal:
        await tokens.authenticate("default", HEADER)
    assert refusal.value.retry_after == 1


@pytest.mark.parametrize("tenant", ["default", "acme", "nobody", None])
async def test_bad_tokens_cause_no_storm_of_calls_to_a_failing_vault(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time, tenant: str | None
) -> None:
    vault.put("scim-token", TOKEN)
    vault.put("scim-token--acme", TOKEN)
    await tokens.authenticate("default", HEADER)
    await tokens.authenticate("acme", HEADER)
    clock.advance(5 * MINUTE)
    vault.calls.clear()
    with vault.failing(500):
        for _ in range(20 * MINUTE):
            with pytest.raises(Unauthorized):
                await tokens.authenticate(tenant, WRONG)
            clock.advance(1)
    # The list once in 30 s, after it was tried 6 times in the first 60 s; as much of the tenant's
    # own tokens, for which no answer waits.
    assert vault.calls.count("/secrets") <= 6 + 20 * 2
    assert len(vault.calls) <= 2 * (6 + 20 * 2)


async def test_a_source_that_fails_for_a_day_is_asked_no_more_often_than_at_first(
    clock: Time, auth_log: pytest.LogCaptureFixture
) -> None:
    readings = 0

    async def read(_: str | None) -> str:
        nonlocal readings
        readings += 1
        raise OSError("down")

    cached = Cached("the tenants", read, clock.clock(), Waits())
    for _ in range(24 * 60):
        assert await cached.current() is None
        clock.advance(MINUTE / 2)
        assert await cached.current() is None
        clock.advance(MINUTE / 2)
    assert readings <= 24 * 60 * 2
    assert len(auth_log.records) == readings


@pytest.mark.parametrize("failures", [0, 1])
async def test_a_reading_ahead_is_joined_and_its_failure_counts_for_nothing(
    clock: Time, auth_log: pytest.LogCaptureFixture, failures: int
) -> None:
    """Whoever waited for it reads again: it is not punished for what nobody had asked for."""
    readings, may_end = 0, asyncio.Event()

    async def read(_: str | None) -> str:
        nonlocal readings
        readings += 1
        await may_end.wait()
        if readings <= failures:
            raise OSError("down")
        return "a value"

    cached = Cached("the tenants", read, clock.clock(), Waits())
    ahead = asyncio.create_task(cached.read_ahead())
    waiting = [asyncio.create_task(cached.current()) for _ in range(3)]
    await asyncio.sleep(0)
    may_end.set()
    await ahead
    assert [await each for each in waiting] == ["a value"] * 3
    assert readings == 1 + failures
    assert not cached.is_backing_off
    assert auth_log.records == []
    await cached.read_ahead()
    assert readings == 1 + failures


async def test_a_known_token_opens_when_the_vault_has_gone_down(
    open_tokens: Callable[..., VaultTokens], certificates: Certificates, clock: Time
) -> None:
    """Nothing listens any more; connections are refused."""
    vault = FakeKeyVault()
    vault.put("scim-token", TOKEN, expires=clock.wall + 50 * MINUTE)
    async with serving(vault.answer, certificates.server) as url:
        vault.url = url
        tokens = open_tokens(url)
        known = await tokens.authenticate("default", HEADER)
    for _ in range(9):
        clock.advance(5 * MINUTE)
        assert await tokens.authenticate("default", HEADER) == known
    clock.advance(5 * MINUTE)
    with pytest.raises(Unauthorized):
        await tokens.authenticate("default", HEADER)
    clock.advance(10 * MINUTE)
    with pytest.raises(Unavailable):
        await tokens.authenticate("default", HEADER)


@pytest.mark.parametrize("jump", [-86_400, -3_600, 3_600, 86_400])
async def test_a_jump_of_the_wall_clock_makes_nothing_older_or_younger(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time, jump: float
) -> None:
    """How old what was read is goes by the clock that never jumps."""
    vault.put("scim-token", TOKEN)
    known = await tokens.authenticate("default", HEADER)
    vault.calls.clear()
    clock.wall += jump
    assert await tokens.authenticate("default", HEADER) == known
    assert vault.calls == []
    with vault.failing(500):
        clock.advance(59 * MINUTE)
        assert await tokens.authenticate("default", HEADER) == known
        clock.advance(1 * MINUTE)
        with pytest.raises(Unavailable):
            await tokens.authenticate("default", HEADER)


@pytest.mark.parametrize("jump", [3_600, 86_400])
async def test_dates_go_by_the_wall_clock_at_once_when_it_is_put_right(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time, jump: float
) -> None:
    """A host that was behind: what has expired meanwhile is refused without a new reading."""
    vault.put("scim-token", TOKEN, expires=clock.wall + jump)
    vault.put("scim-token", OTHER, not_before=clock.wall + jump)
    await tokens.authenticate("default", HEADER)
    with pytest.raises(Unauthorized):
        await tokens.authenticate("default", f"Bearer {OTHER}")
    clock.wall += jump
    assert (await tokens.authenticate("default", f"Bearer {OTHER}")).tenant == "default"
    with pytest.raises(Unauthorized):
        await tokens.authenticate("default", HEADER)


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
async def test_an_identity_that_fails_at_the_start_opens_nothing_and_later_closes_nothing(
    tokens: VaultTokens, vault: FakeKeyVault, identity: FakeIdentity, clock: Time, status: int
) -> None:
    vault.put("scim-token", TOKEN)
    identity.status, identity.lifetime = status, 0
    for header in (HEADER, WRONG):
        with pytest.raises(Unavailable):
            await tokens.authenticate("default", header)
    assert vault.calls == []
    identity.status = 200
    clock.advance(30)
    known = await tokens.authenticate("default", HEADER)
    identity.status = status
    clock.advance(59 * MINUTE)
    assert await tokens.authenticate("default", HEADER) == known
    clock.advance(MINUTE)
    with pytest.raises(Unavailable):
        await tokens.authenticate("default", HEADER)


async def test_no_request_waits_for_a_hanging_identity_when_its_token_is_known(
    open_tokens: Callable[..., VaultTokens],
    vault: FakeKeyVault,
    identity: FakeIdentity,
    clock: Time,
) -> None:
    vault.put("scim-token", TOKEN)
    identity.lifetime = 0
    tokens = open_tokens(waits=Waits(known=0.05, unknown=5.0, reading=5.0))
    known = await tokens.authenticate("default", HEADER)
    clock.advance(5 * MINUTE)
    vault.calls.clear()
    with identity.hanging():
        callers = await asyncio.gather(*(tokens.authenticate("default", HEADER) for _ in range(50)))
        assert callers == [known] * 50
        assert vault.calls == []


async def test_a_token_does_not_outlive_its_expiry_while_the_vault_fails(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", TOKEN, expires=clock.wall + 10 * MINUTE)
    await tokens.authenticate("default", HEADER)
    with vault.failing(500):
        clock.advance(10 * MINUTE - 1)
        await tokens.authenticate("default", HEADER)
        clock.advance(1)
        with pytest.raises(Unauthorized):
            await tokens.authenticate("default", HEADER)


async def test_a_wrong_token_stays_wrong_while_the_vault_fails(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", TOKEN)
    await tokens.authenticate("default", HEADER)
    clock.advance(5 * MINUTE)
    with vault.failing(500), pytest.raises(Unauthorized):
        await tokens.authenticate("default", WRONG)


async def test_requests_are_served_again_once_the_vault_answers(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", TOKEN)
    with vault.failing(500), pytest.raises(Unavailable) as refusal:
        await tokens.authenticate("default", HEADER)
    clock.advance(refusal.value.retry_after or 0)
    assert (await tokens.authenticate("default", HEADER)).tenant == "default"


async def test_a_failing_vault_is_asked_less_and_less_often(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", TOKEN)
    asked_at = []
    with vault.failing(500):
        for second in range(120):
            before = len(vault.calls)
            for header in (HEADER, WRONG, WRONG):
                with pytest.raises(Unavailable):
                    await tokens.authenticate("default", header)
            if len(vault.calls) > before:
                asked_at.append(second)
            clock.advance(1)
    assert asked_at == [0, 1, 3, 7, 15, 31, 61, 91]


async def test_a_vault_that_has_answered_is_asked_again_soon_after_its_next_fault(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", TOKEN)
    for seconds in (1, 2, 4):
        assert await backoff_after_fault(tokens, vault) == seconds
        clock.advance(seconds)
    await tokens.authenticate("default", HEADER)
    clock.advance(60 * MINUTE)
    assert await backoff_after_fault(tokens, vault) == 1


async def test_readiness_reads_the_vault_anew_and_the_tenants_with_it(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token", TOKEN)
    await tokens.authenticate("default", HEADER)
    vault.put("scim-token--acme", TOKEN)
    vault.calls.clear()
    assert await tokens.refresh() is True
    assert {path.rstrip("/") for path in vault.calls} == {"/secrets"}
    assert (await tokens.authenticate("acme", HEADER)).tenant == "acme"


async def test_many_who_ask_whether_the_vault_answers_are_one_reading(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    with vault.hanging():
        asking = [asyncio.create_task(tokens.refresh()) for _ in range(20)]
        await vault.is_called.wait()
    assert await asyncio.gather(*asking) == [True] * 20
    assert vault.calls == ["/secrets"]


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failing_vault_is_not_ready_and_readiness_does_not_press_it(
    tokens: VaultTokens, vault: FakeKeyVault, clock: Time, failure: dict[str, Any]
) -> None:
    vault.put("scim-token", TOKEN)
    known = await tokens.authenticate("default", HEADER)
    vault.calls.clear()
    with vault.failing(**failure):
        assert [await tokens.refresh() for _ in range(5)] == [False] * 5
        assert vault.calls == ["/secrets"]
        assert await tokens.authenticate("default", HEADER) == known
    clock.advance(30)  # a Retry-After is honoured as long
    assert await tokens.refresh() is True


async def test_a_vault_that_hangs_is_not_ready(
    open_tokens: Callable[..., VaultTokens], vault: FakeKeyVault
) -> None:
    tokens = open_tokens(waits=IMPATIENT)
    with vault.hanging():
        assert await tokens.refresh() is False


async def test_missing_rights_name_the_role_in_the_log(
    tokens: VaultTokens, vault: FakeKeyVault, auth_log: pytest.LogCaptureFixture
) -> None:
    with (
        vault.failing(403, code="Forbidden", inner="ForbiddenByRbac"),
        pytest.raises(Unavailable),
    ):
        await tokens.authenticate("default", HEADER)
    assert (
        "Reading the tenants failed, no one can enter: VaultError: the list of secrets:"
        " 403/Forbidden/ForbiddenByRbac; give the app's identity the role Key Vault Secrets User"
    ) in auth_log.text


async def test_a_firewall_in_between_is_named_in_the_log(
    tokens: VaultTokens, vault: FakeKeyVault, auth_log: pytest.LogCaptureFixture
) -> None:
    with vault.failing(403, inner="ForbiddenByFirewall"), pytest.raises(Unavailable):
        await tokens.authenticate("default", HEADER)
    assert "let the app's network through the vault's firewall" in auth_log.text


async def test_an_identity_that_cannot_be_found_does_not_empty_what_is_known(
    tokens: VaultTokens, vault: FakeKeyVault, identity: FakeIdentity, clock: Time
) -> None:
    """The identity endpoint answers 404 then, which is not the vault's word on a secret."""
    vault.put("scim-token", TOKEN)
    identity.lifetime = 0
    known = await tokens.authenticate("default", HEADER)
    clock.advance(5 * MINUTE)
    identity.status = 404
    vault.calls.clear()
    assert await tokens.authenticate("default", HEADER) == known
    assert vault.calls == []


async def test_a_secret_deleted_meanwhile_closes_its_tenant_and_is_no_fault(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token--acme", TOKEN)
    with (
        vault.failing(404, code="SecretNotFound", only="/secrets/scim-token--acme"),
        pytest.raises(Unauthorized),
    ):
        await tokens.authenticate("acme", HEADER)


async def test_missing_rights_on_one_secret_close_that_tenant_alone(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token", TOKEN)
    vault.put("scim-token--acme", TOKEN)
    with vault.failing(403, inner="ForbiddenByRbac", only="/secrets/scim-token--acme"):
        assert (await tokens.authenticate("default", HEADER)).tenant == "default"
        with pytest.raises(Unavailable):
            await tokens.authenticate("acme", HEADER)


async def test_a_missing_identity_is_named_in_the_log(
    tokens: VaultTokens,
    vault: FakeKeyVault,
    identity: FakeIdentity,
    auth_log: pytest.LogCaptureFixture,
) -> None:
    vault.put("scim-token", TOKEN)
    identity.status = 400
    with pytest.raises(Unavailable):
        await tokens.authenticate("default", HEADER)
    assert "check that the app has an identity, and AZURE_CLIENT_ID" in auth_log.text


async def test_a_vault_that_is_not_there_is_no_open_door(
    open_tokens: Callable[..., VaultTokens], auth_log: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unavailable):
        await open_tokens(url).authenticate("default", HEADER)
    assert "no one can enter" in auth_log.text


async def test_a_vault_with_a_certificate_of_its_own_making_is_not_believed(
    open_tokens: Callable[..., VaultTokens], vault: FakeKeyVault
) -> None:
    vault.put("scim-token", TOKEN)
    tokens = open_tokens(connection_verify=True)
    with pytest.raises(Unavailable):
        await tokens.authenticate("default", HEADER)
    assert vault.calls == []


@pytest.mark.parametrize("body", ["<html>a proxy's page</html>", "[]", '{"value": 7}', ""])
async def test_an_answer_that_is_not_key_vaults_is_a_fault_and_not_an_empty_vault(
    tokens: VaultTokens, vault: FakeKeyVault, body: str
) -> None:
    vault.put("scim-token", TOKEN)
    vault.fault = lambda _: web.Response(text=body, content_type="application/json")
    with pytest.raises(Unavailable):
        await tokens.authenticate("default", HEADER)


async def test_no_such_vault_is_a_fault_and_not_an_empty_vault(
    tokens: VaultTokens, vault: FakeKeyVault, auth_log: pytest.LogCaptureFixture
) -> None:
    with vault.failing(404, code="NotFound"), pytest.raises(Unavailable):
        await tokens.authenticate("default", HEADER)
    assert "put the vault's URL into KEY_VAULT_URL" in auth_log.text


async def test_no_request_waits_for_a_hanging_vault_when_its_token_is_known(
    open_tokens: Callable[..., VaultTokens], vault: FakeKeyVault, clock: Time
) -> None:
    vault.put("scim-token", TOKEN)
    tokens = open_tokens(waits=Waits(known=0.05, unknown=5.0, reading=5.0))
    known = await tokens.authenticate("default", HEADER)
    clock.advance(5 * MINUTE)
    vault.calls.clear()
    with vault.hanging():
        callers = await asyncio.gather(*(tokens.authenticate("default", HEADER) for _ in range(50)))
        assert callers == [known] * 50
        assert vault.calls == ["/secrets", "/secrets/scim-token/versions"]


async def test_a_hanging_vault_is_answered_503_and_its_late_answer_used(
    open_tokens: Callable[..., VaultTokens], vault: FakeKeyVault
) -> None:
    vault.put("scim-token", TOKEN)
    tokens = open_tokens(waits=IMPATIENT)
    with vault.hanging():
        for _ in range(3):
            with pytest.raises(Unavailable) as refusal:
                await tokens.authenticate("default", HEADER)
        assert refusal.value.retry_after == 1
    assert (await until_open(tokens)).tenant == "default"
    assert vault.calls.count("/secrets") == 1


async def test_requests_share_the_wait_for_a_hanging_vault(
    open_tokens: Callable[..., VaultTokens], vault: FakeKeyVault
) -> None:
    """Those that come when the first has given up are answered at once: 20 waits would be 4 s."""
    tokens = open_tokens(waits=Waits(known=0.2, unknown=0.2, reading=30.0))
    began = asyncio.get_running_loop().time()
    with vault.hanging():
        for _ in range(20):
            with pytest.raises(Unavailable):
                await tokens.authenticate("default", HEADER)
    assert asyncio.get_running_loop().time() - began < 2.0


async def test_a_request_that_goes_away_does_not_end_the_reading_of_the_others(
    tokens: VaultTokens, vault: FakeKeyVault
) -> None:
    vault.put("scim-token", TOKEN)
    with vault.hanging():
        first = asyncio.create_task(tokens.authenticate("default", HEADER))
        second = asyncio.create_task(tokens.authenticate("default", HEADER))
        await vault.is_called.wait()
        first.cancel()
    assert (await second).tenant == "default"
    assert first.cancelled()
    assert vault.calls.count("/secrets") == 1


async def test_closing_ends_a_reading_that_is_under_way(
    open_tokens: Callable[..., VaultTokens], vault: FakeKeyVault
) -> None:
    tokens = open_tokens(waits=IMPATIENT)
    with vault.hanging():
        with pytest.raises(Unavailable):
            await tokens.authenticate("default", HEADER)
        await tokens.close()
        assert not readings_under_way()


async def backoff_after_fault(tokens: VaultTokens, vault: FakeKeyVault) -> int | None:
    with vault.failing(500), pytest.raises(Unavailable) as refusal:
        await tokens.authenticate("default", HEADER)
    return refusal.value.retry_after


def readings_under_way() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if "Cached._take" in repr(task.get_coro())]


async def until_open(tokens: VaultTokens) -> Caller:
    """Repeat the request, as a client does after 503."""
    for _ in range(100):
        try:
            return await tokens.authenticate("default", HEADER)
        except Unavailable:
            if readings := readings_under_way():
                await asyncio.wait(readings, timeout=10)
    raise AssertionError("the vault answers, and the request is still refused")
