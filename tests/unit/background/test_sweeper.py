"""A run of the sweeper: every tenant, each within its bound, and what the log says of it."""

from __future__ import annotations

import asyncio
import json
import math
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from background import sweeper
from background.sweeper import KeptDays, Sweep, SweepError
from benchmarks.cost import operations
from benchmarks.cost.operations import Cost
from shared.auth.key_vault import KeyVault
from shared.auth.vault import VaultTokens
from shared.errors import Unavailable
from shared.identity import open_credential
from shared.settings import Settings
from shared.store import layout
from shared.store.counters import read_numbers
from shared.store.deletions import Leftovers
from shared.store.open_trace import OpenTrace
from shared.store.setup_links import Right
from shared.store.traces import KEPT_SECONDS, SealedEntry
from shared.tables.operations import Insert
from shared.tables.request_context import Bound
from shared.tables.table import collect
from shared.tenant_settings import patched
from shared.web import services
from tests.support.documents import group, setting, user
from tests.support.fakes.storage_proxy import answer, first, hold
from tests.support.seeds import forget_active, seed
from tests.unit.background.conftest import Named, only_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.store.store import Store
    from tests.support.fakes.clock import Time
    from tests.support.fakes.key_vault import FakeIdentity, FakeKeyVault
    from tests.support.fakes.storage_proxy import StorageProxy
    from tests.support.fixtures.key_vault import Certificates
    from tests.unit.background.conftest import Lines, Run, Tenants

ROOT = Path(__file__).parents[3]
SECRET = "a-token-that-nobody-sends"
BUSY = answer(503, "ServerBusy")
MIDNIGHT = 20_834 * 86_400.0


# What was held by the guard


async def test_webhooks_get_a_hint_of_what_a_run_releases(
    tenants: Tenants, store: Store, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.wall = time.time()  # by which change rows are drawn
    tenant = tenants.new()
    rule = {"guard": {"users": 2, "percent": 5, "hold": True, "releaseAfterHours": 1}}
    await store.settings.update(tenants.context(tenant), lambda kept: patched(kept, rule))
    made = await seed(store.table, tenants.context(tenant), users=20, groups=0)
    for uid in made.users[:7]:
        await store.users.update(
            tenants.context(tenant), uid, lambda kept: {**kept, "active": False}
        )
    clock.wall = time.time()
    await store.guard.check(tenants.context(tenant))
    hinted: list[str] = []

    async def give_hint(name: str) -> None:
        hinted.append(name)

    process = SimpleNamespace(
        settings=SimpleNamespace(history_days=400, provisioning_log_days=30, webhooks="off"),
        store=store,
        authenticator=Named((tenant,)),
        webhooks=SimpleNamespace(give_hint=give_hint),
    )
    monkeypatch.setattr(services, "current", lambda: process)
    await sweeper.sweep_tenants("before")
    assert hinted == []
    clock.wall += 2 * 3_600
    await sweeper.sweep_tenants("after the hour")
    await sweeper.sweep_tenants("once more")
    assert hinted == [tenant]


async def test_what_is_held_does_not_expire_before_somebody_decides(
    tenants: Tenants, store: Store, clock: Time
) -> None:
    clock.wall = time.time()
    tenant = tenants.new()
    rule = {"guard": {"users": 2, "percent": 5, "hold": True}}
    await store.settings.update(tenants.context(tenant), lambda kept: patched(kept, rule))
    made = await seed(store.table, tenants.context(tenant), users=20, groups=0)
    for uid in made.users[:7]:
        await store.users.update(
            tenants.context(tenant), uid, lambda kept: {**kept, "active": False}
        )
    await store.guard.check(tenants.context(tenant))
    clock.wall += 40 * 86_400
    days = KeptDays(30, 30)
    await Sweep(store, "run", days, clock=clock.clock()).run(Named((tenant,)))
    hold = await store.guard.read_hold(tenants.context(tenant))
    assert hold is not None
    decide = store.guard.decide
    bound = Bound(1_000_000, math.inf)
    done = await decide(tenants.context(tenant), hold.id, "undo", bound)
    assert (len(done.undone), done.left_out) == (5, {})
    clock.wall += 40 * 86_400
    await Sweep(store, "run", days, clock=clock.clock()).run(Named((tenant,)))
    rows = await collect(store.table, tenants.context(tenant), layout.changes_span())
    assert rows == []


# What it costs


async def test_a_tenant_with_nothing_to_do_costs_3_calls(
    run: Run, tenants: Tenants, store: Store, lines: Lines
) -> None:
    tenant = tenants.new()
    jo = await store.users.create(tenants.context(tenant), user("jo"))
    await store.groups.create(tenants.context(tenant), group("staff"), [jo.id])
    sweep = await run(tenant)
    assert (sweep.swept.calls, sweep.swept.entities) == (3, 0)
    assert lines() == [], "a run that found nothing to do leaves no line"


@pytest.mark.parametrize(
    ("minutes", "calls"), [(-8, 3), (-7, 5), (0, 5), (7, 5), (8, 3), (15, 3), (12 * 60, 3)]
)
async def test_the_run_at_midnight_costs_2_calls_more(
    run: Run, tenants: Tenants, clock: Time, minutes: float, calls: int
) -> None:
    clock.wall = MIDNIGHT + minutes * 60
    assert (await run(tenants.new())).swept.calls == calls


async def test_a_tenant_that_is_empty_costs_3_calls(run: Run, tenants: Tenants) -> None:
    assert (await run(tenants.new())).swept.calls == 3


@pytest.mark.parametrize("expired", [0, 1, 250, 1_050])
async def test_a_tenant_costs_what_the_documents_count(
    run: Run, tenants: Tenants, expired: int
) -> None:
    tenant = await tenants.with_history(days=500, rows=expired)
    swept = (await run(tenant)).swept
    assert Cost(swept.calls, swept.entities) == operations.sweep(expired=expired)


async def test_the_tenants_are_listed_once_a_run(store: Store) -> None:
    authenticator = Named()
    await Sweep(store, "run", KeptDays(400, 30)).run(authenticator)
    assert authenticator.listings == 1


async def test_many_tenants_with_nothing_to_do_cost_3_calls_each(
    run: Run, tenants: Tenants
) -> None:
    sweep = await run(*(tenants.new() for _ in range(40)))
    assert (sweep.swept.tenants, sweep.swept.calls) == (40, 120)


# What it does


async def test_everything_is_swept_of_every_tenant(
    run: Run, tenants: Tenants, lines: Lines
) -> None:
    with_group = await tenants.with_deleted_group()
    with_history = await tenants.with_history(days=401, rows=130)
    sweep = await run(with_group, with_history, tenants.new())

    swept = await tenants.rows(with_group)
    assert swept.problems() == []
    assert swept.memberships() == set()
    assert await tenants.history(with_history) == 0
    (line,) = lines()
    assert line.pop("ms") >= 0
    assert line == {
        "sweep": "run-1",
        "tenants": 3,
        "users": 0,
        "groups": 1,
        "roles": 0,
        "released": 0,
        "changes": 130,
        "log": 0,
        "traced": 0,
        "links": 0,
        "counted": 0,
        "calls": sweep.swept.calls,
        "entities": 201 * 2 + 6 + 2 + 130,
        "unfinished": 0,
        "failed": 0,
    }


async def test_setup_links_are_removed_a_month_after_they_expired(
    run: Run, tenants: Tenants, store: Store, clock: Time
) -> None:
    tenant = tenants.new()
    clock.wall = MIDNIGHT
    for _ in range(3):
        await store.setup_links.issue(tenants.context(tenant), [Right.WATCH], days=1)
    clock.wall += 10 * 86_400
    await store.setup_links.issue(tenants.context(tenant), [Right.WATCH], days=7)
    clock.wall += 21 * 86_400
    assert (await run(tenant)).swept.links == 0, "30 days to the second"
    clock.wall += 86_400
    sweep = await run(tenant)
    assert (sweep.swept.links, sweep.swept.entities, sweep.swept.calls) == (3, 3, 6)
    assert len(await store.setup_links.list_links(tenants.context(tenant))) == 1


async def test_active_users_of_an_earlier_version_are_counted(
    run: Run, tenants: Tenants, store: Store, clock: Time
) -> None:
    tenant = tenants.new()
    everyone = await seed(store.table, tenants.context(tenant), users=30)
    await store.users.update(tenants.context(tenant), everyone.users[7], setting(active=False))
    await forget_active(store.table, tenants.context(tenant))
    clock.wall = MIDNIGHT
    numbers = await read_numbers(store.table, tenants.context(tenant))
    assert (numbers.users, numbers.active) == (30, None)

    assert (await run(tenant)).swept.counted > 0
    numbers = await read_numbers(store.table, tenants.context(tenant))
    assert (numbers.users, numbers.active, numbers.disabled) == (30, 29, 1)
    assert (await run(tenant)).swept.counted == 0


async def test_change_rows_are_kept_as_long_as_the_setting_says(
    run: Run, tenants: Tenants, clock: Time
) -> None:
    tenant = await tenants.with_history(days=399.9)
    await run(tenant)
    assert await tenants.history(tenant) == 3
    clock.advance(0.2 * 86_400)
    await run(tenant)
    assert await tenants.history(tenant) == 0


async def test_the_shortest_and_the_longest_history(run: Run, tenants: Tenants) -> None:
    tenant = await tenants.with_history(days=31)
    await tenants.with_history(tenant, days=29)
    await run(tenant, days=36_500)
    assert await tenants.history(tenant) == 6, "a hundred years ago was before the clock began"
    await run(tenant, days=30)
    assert await tenants.history(tenant) == 3


async def test_what_was_done_just_now_has_not_expired(
    run: Run, tenants: Tenants, store: Store, clock: Time
) -> None:
    """Receipts are of the past minute, and a feed reads again from 2 minutes before."""
    clock.wall = time.time()
    tenant = tenants.new()
    jo = await store.users.create(tenants.context(tenant), user("jo"))
    await store.users.update(tenants.context(tenant), jo.id, setting(title="Dr"))
    await run(tenant, days=30)
    assert await tenants.history(tenant) == 2
    assert (await tenants.rows(tenant)).problems() == []


async def test_change_rows_name_the_sweeper_and_its_run_and_each_step_of_it_once(
    run: Run, tenants: Tenants
) -> None:
    tenant = await tenants.with_deleted_group()
    await run(tenant)
    changes = (await tenants.rows(tenant)).changes("sweep")
    assert {(change["by"], change["rq"]) for change in changes} == {("sweeper", "run-1")}
    assert sorted(change["st"] for change in changes) == list(range(1, len(changes) + 1))


async def test_a_run_after_the_last_one_finds_nothing_to_do(
    run: Run, tenants: Tenants, lines: Lines
) -> None:
    tenant = await tenants.with_deleted_group()
    await tenants.with_history(tenant, days=500)
    await run(tenant)
    again = await run(tenant)
    assert (again.swept.calls, again.swept.entities) == (3, 0)
    assert len(lines()) == 1


# Bounds


async def test_a_tenant_is_swept_as_far_as_its_bound_and_the_next_runs_go_on(
    run: Run, tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "TENANT_ENTITIES", 1_000)
    large = await tenants.with_history(days=500, rows=2_500)
    small = await tenants.with_history(days=500, rows=5)
    runs = [(await run(large, small)).swept for _ in range(3)]
    assert [swept.changes for swept in runs] == [1_005, 1_000, 500]
    assert [swept.unfinished for swept in runs] == [1, 1, 0]
    assert await tenants.history(large) == 0


async def test_a_group_and_then_the_history_share_the_bound(
    run: Run, tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper, "TENANT_ENTITIES", 300)
    tenant = await tenants.with_deleted_group()
    await tenants.with_history(tenant, days=500)
    swept = (await run(tenant)).swept
    assert (swept.groups, swept.changes, swept.unfinished) == (0, 0, 1)
    swept = (await run(tenant)).swept
    assert (swept.groups, swept.changes, swept.unfinished) == (1, 3, 0)


async def test_when_the_time_of_a_run_is_over_the_other_tenants_wait_for_the_next(
    *,
    run: Run,
    tenants: Tenants,
    faulty_store: Store,
    proxy: StorageProxy,
    clock: Time,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeper, "TENANTS_AT_ONCE", 1)
    names = [await tenants.with_history(days=500, rows=2) for _ in range(5)]

    async def pass_time() -> None:
        clock.advance(sweeper.RUN_SECONDS + 1)

    proxy.order(first(pass_time), after=1)
    swept = (await run(*names, store=faulty_store)).swept
    assert swept.changes == 2 + 2, "what was begun within the time is done"
    assert swept.unfinished == 1 + 3, "the one in which the time was over, and those after it"
    assert (await run(*names)).swept.changes == 6


async def test_a_tenant_that_takes_all_its_time_leaves_the_rest_of_the_run_to_others(
    *,
    run: Run,
    tenants: Tenants,
    faulty_store: Store,
    proxy: StorageProxy,
    clock: Time,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeper, "TENANTS_AT_ONCE", 1)
    names = [await tenants.with_history(days=500, rows=250) for _ in range(2)]

    async def pass_time() -> None:
        clock.advance(sweeper.TENANT_SECONDS)

    proxy.order(first(pass_time))
    swept = (await run(*names, store=faulty_store)).swept
    assert (swept.changes, swept.unfinished) == (100 + 250, 1)


async def test_no_tenant_is_always_the_last_one(
    run: Run, tenants: Tenants, clock: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a run comes to one tenant in ten, each has had its turn after a while."""
    monkeypatch.setattr(sweeper, "TENANTS_AT_ONCE", 1)
    names = [tenants.new() for _ in range(10)]
    served = set[str]()

    async def sweep_slowly(self: Sweep, tenant: str) -> None:
        served.add(tenant)
        clock.advance(sweeper.RUN_SECONDS)

    monkeypatch.setattr(Sweep, "_sweep_tenant", sweep_slowly)
    for _ in range(40):
        await run(*names)
    assert served == set(names)


def test_a_run_ends_well_before_the_host_ends_it() -> None:
    host = json.loads((ROOT / "host.json").read_text("utf-8"))
    hours, minutes, seconds = map(int, host["functionTimeout"].split(":"))
    longest = sweeper.RUN_SECONDS + sweeper.GRACE_SECONDS
    assert longest <= 0.75 * (3_600 * hours + 60 * minutes + seconds)


# Failures


async def test_a_tenant_that_fails_ends_nothing_of_the_others_and_fails_the_run(
    *,
    run: Run,
    tenants: Tenants,
    faulty_store: Store,
    proxy: StorageProxy,
    caplog: pytest.LogCaptureFixture,
    lines: Lines,
) -> None:
    broken, sound = [await tenants.with_history(days=500) for _ in range(2)]
    proxy.order(only_for(broken, BUSY), "read", times=math.inf)
    with pytest.raises(SweepError, match="1 of 2 tenants could not be swept"):
        await run(broken, sound, store=faulty_store)
    assert (await tenants.history(broken), await tenants.history(sound)) == (3, 0)
    (line,) = lines()
    assert (line["changes"], line["failed"], line["unfinished"]) == (3, 1, 0)
    (error,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert f"tenant {broken} could not be swept: TooManyRequests" in error.getMessage()
    proxy.heal()
    assert (await run(broken, sound, store=faulty_store)).swept.changes == 3


async def test_a_deletion_that_fails_keeps_neither_the_others_nor_the_history(
    run: Run, tenants: Tenants, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await tenants.with_deleted_group()
    await tenants.with_history(tenant, days=500)
    sweep = store.sweeper.sweep
    calls = 0

    async def fail_first(*arguments: Any) -> bool:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("a name of somebody")
        return await sweep(*arguments)

    leftovers = store.sweeper.leftovers

    async def twice(context: Any) -> Leftovers:
        found = await leftovers(context)
        return Leftovers(2 * found.deletions, found.role_changes)

    monkeypatch.setattr(store.sweeper, "sweep", fail_first)
    monkeypatch.setattr(store.sweeper, "leftovers", twice)
    with pytest.raises(SweepError):
        await run(tenant)
    found = await tenants.rows(tenant)
    assert not found.of("q-g")
    assert len(found.changes("sweep")) == len(found.changes()) - 1


@pytest.mark.parametrize(
    ("key", "kind"), [("q-z-0123456789abcdef", "q-z"), ("q-z", "q-z"), ("q-z-of-two-parts", "q-z")]
)
async def test_what_a_later_version_has_recorded_is_left_to_it_and_the_rest_is_swept(
    *,
    run: Run,
    tenants: Tenants,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    key: str,
    kind: str,
) -> None:
    tenant = await tenants.with_deleted_group()
    await tenants.with_history(tenant, days=500)
    await store.table.transact(tenants.context(tenant), [Insert(key, {"new": "column"})])
    swept = (await run(tenant)).swept
    assert (swept.failed, swept.groups, swept.changes) == (0, 1, 3)
    assert key in (await tenants.rows(tenant)).rows
    (warning,) = [each for each in caplog.records if each.levelname == "WARNING"]
    assert f"records {kind} of 1 tenants are of a later version" in warning.getMessage()


async def test_the_log_quotes_nothing_of_a_fault(
    run: Run,
    tenants: Tenants,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "ana@contoso.test"

    async def fail(*_: Any) -> Any:
        raise ValueError(name)

    monkeypatch.setattr(store.sweeper, "leftovers", fail)
    with pytest.raises(SweepError) as failure:
        await run(tenants.new())
    assert "ValueError" in caplog.text
    assert "contoso" not in caplog.text + str(failure.value)


async def test_a_storage_that_hangs_for_a_tenant_is_given_up(
    *,
    run: Run,
    tenants: Tenants,
    faulty_store: Store,
    proxy: StorageProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeper, "TENANT_SECONDS", 0.1)
    monkeypatch.setattr(sweeper, "GRACE_SECONDS", 0.1)
    hanging, sound = tenants.new(), await tenants.with_history(days=500)
    for_ever = asyncio.Event()
    proxy.order(only_for(hanging, hold(for_ever)), "read", times=math.inf)
    with pytest.raises(SweepError, match="1 of 2"):
        await run(hanging, sound, store=faulty_store)
    for_ever.set()
    assert await tenants.history(sound) == 0


async def test_two_runs_at_once_on_two_instances_do_no_harm(
    run: Run, tenants: Tenants, faulty_store: Store
) -> None:
    names = [await tenants.with_deleted_group() for _ in range(2)]
    names += [await tenants.with_history(days=500, rows=350) for _ in range(2)]
    await asyncio.gather(run(*names), run(*names, store=faulty_store))
    await run(*names)
    for name in names[:2]:
        found = await tenants.rows(name)
        assert found.problems() == []
        assert found.memberships() == set()
    assert [await tenants.history(name) for name in names[2:]] == [0, 0]


async def test_a_run_that_is_killed_is_made_up_for_by_the_next(
    run: Run, tenants: Tenants, faulty_store: Store, proxy: StorageProxy
) -> None:
    names = [await tenants.with_deleted_group(), await tenants.with_history(days=500, rows=350)]
    is_reached, for_ever = asyncio.Event(), asyncio.Event()

    async def reach() -> None:
        is_reached.set()

    proxy.order(first(reach, hold(for_ever)), after=3)
    killed = asyncio.create_task(run(*names, store=faulty_store))
    await is_reached.wait()
    killed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await killed
    for_ever.set()
    await run(*names)
    found = await tenants.rows(names[0])
    assert found.problems() == []
    assert found.memberships() == set()
    assert await tenants.history(names[1]) == 0


# Where the tenants come from


@pytest.fixture
async def tokens(
    vault: FakeKeyVault, identity: FakeIdentity, certificates: Certificates
) -> AsyncIterator[VaultTokens]:
    settings = Settings.from_environment(
        {"KEY_VAULT_URL": vault.url, "TABLE_ENDPOINT": "https://contoso.table.core.windows.net"}
    )
    key_vault = KeyVault(
        vault.url,
        partial(open_credential, settings),
        connection_verify=str(certificates.authority),
        verify_challenge_resource=False,
    )
    opened = VaultTokens(key_vault)
    yield opened
    await opened.close()


async def test_the_tenants_of_the_vault_are_swept_closed_ones_too(
    tenants: Tenants, store: Store, clock: Time, vault: FakeKeyVault, tokens: VaultTokens
) -> None:
    opened, closed, unknown = [await tenants.with_history(days=500) for _ in range(3)]
    vault.put(f"scim-token--{opened}", SECRET)
    vault.put(f"scim-token--{closed}", SECRET, enabled=False)
    await Sweep(store, "run", KeptDays(400, 30), clock=clock.clock()).run(tokens)
    left = [await tenants.history(each) for each in (opened, closed, unknown)]
    assert left == [0, 0, 3], "a tenant without a secret is none"
    assert vault.calls == ["/secrets"]


async def test_changes_of_webhook_endpoints_expire_beside_those_of_tenants(
    tenants: Tenants, store: Store, clock: Time
) -> None:
    partition = await tenants.with_history(days=500)
    sweep = Sweep(store, "run", KeptDays(400, 30), clock=clock.clock())
    await sweep.run(Named(), besides=(partition,))
    assert await tenants.history(partition) == 0


async def test_a_vault_that_fails_fails_the_run_and_nothing_is_swept(
    tenants: Tenants, store: Store, clock: Time, vault: FakeKeyVault, tokens: VaultTokens
) -> None:
    tenant = await tenants.with_history(days=500)
    vault.put(f"scim-token--{tenant}", SECRET)
    with vault.failing(403), pytest.raises(Unavailable):
        await Sweep(store, "run", KeptDays(400, 30), clock=clock.clock()).run(tokens)
    assert await tenants.history(tenant) == 3


# Traces


async def test_the_entries_of_a_trace_are_taken_away_three_days_after_its_end(
    run: Run, tenants: Tenants, store: Store, clock: Time, lines: Lines
) -> None:
    tenant, until = tenants.new(), int(clock.wall) + 3_600
    trace = OpenTrace(layout.new_trace_id(int(clock.wall * 1_000)), "public", "version", until)
    await store.traces.open(tenants.context(tenant), trace)
    key = layout.new_trace_entry_key(trace.id, int(clock.wall * 1_000))
    await store.traces.write(tenants.context(tenant), [SealedEntry(key, b"sealed")])
    clock.advance(3_600 + KEPT_SECONDS - 1)
    assert (await run(tenant)).swept.calls == 4
    clock.advance(1)
    assert (await run(tenant)).swept.traced == 1
    assert not (await tenants.rows(tenant)).of("tr")
    assert (await run(tenant)).swept.calls == 3
    (line,) = lines()
    assert line["traced"] == 1
