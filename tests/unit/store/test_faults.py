"""Lost answers, refusals and deadlines: a change is done exactly once, or not at all."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from shared.errors import (
    PayloadTooLarge,
    ScimError,
    TooManyRequests,
    Unavailable,
    Uniqueness,
)
from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store import commits, layout
from shared.store.changes import Change
from shared.store.store import open_store
from shared.tables import retry
from shared.tables.account import TableAddress
from shared.tables.azure_table import AzureTable, open_table
from shared.tables.operations import Insert
from shared.tables.rate_limiter import RateLimiter
from tests.support.documents import setting
from tests.support.fakes.storage_proxy import (
    answer,
    answer_inside,
    commit_but_answer,
    cut_answer,
    first,
    hold,
    lose_answer,
    lose_request,
)
from tests.support.seeds import seed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local.azurite import Azurite
    from shared.store.deletions import Sweeper
    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.support.fakes.storage_proxy import Fault, StorageProxy
    from tests.unit.store.conftest import ReadBack

NO_MEMBERS = MemberChange()
ALWAYS = float("inf")
SENDS = 6
"""How often a transaction is sent before the store gives up."""
BUSY = answer(503, "ServerBusy")

UNCLEAR = {
    "the request is lost": lose_request,
    "the answer is lost": lose_answer,
    "the answer is cut": cut_answer,
    "500 before": answer(500, "InternalError"),
    "503 before": BUSY,
    "503 inside the 202": answer_inside(503, "ServerBusy"),
    "500 inside the 202": answer_inside(500, "OperationTimedOut"),
    "500 after the commit": commit_but_answer(500, "InternalError"),
    "503 after the commit": commit_but_answer(503, "ServerBusy"),
    "500 inside the 202 after the commit": commit_but_answer(500, "InternalError", inside=True),
    "503 inside the 202 after the commit": commit_but_answer(503, "ServerBusy", inside=True),
}


pytestmark = pytest.mark.usefixtures("retry_at_once")


@pytest.mark.parametrize("fault", UNCLEAR.values(), ids=UNCLEAR)
async def test_every_write_with_an_unclear_outcome_is_done_exactly_once(
    faulty_store: Store,
    proxy: StorageProxy,
    fault: Fault,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    users, groups = faulty_store.users, faulty_store.groups

    def failing() -> RequestContext:
        """A request whose first transaction meets the fault."""
        proxy.order(fault)
        return new_context()

    jo = await users.create(failing(), {"userName": "jo", "externalId": "7"})
    sam = await users.create(failing(), {"userName": "sam", "emails": [{"value": "s@x.org"}]})
    changed = await users.update(failing(), jo.id, setting(title="Dr"))
    assert changed.version == 2
    renamed = await users.update(failing(), jo.id, setting(userName="joe", externalId="8"))
    assert renamed.version == 3

    staff = await groups.create(failing(), {"displayName": "staff"}, [jo.id])
    version = await groups.update(failing(), staff.id, MemberChange(add=(sam.id,)))
    assert (await groups.get(new_context(), staff.id)).version == version
    await groups.update(failing(), staff.id, NO_MEMBERS, setting(displayName="all"))
    await groups.update(failing(), staff.id, MemberChange(replace=True, add=(sam.id,)))
    assert (await consistent()).memberships() == {(staff.id, sam.id)}

    await users.delete(failing(), sam.id)
    await groups.delete(failing(), staff.id)
    await users.delete(failing(), jo.id)
    found = await consistent()
    # The numbers, and what tells of the two who were deleted.
    assert {key[:2] for key in found.keys()} == {"cu", "cg", "dv"}  # noqa: SIM118 - a method
    verbs = [(change["rt"], change["op"]) for change in found.changes()]
    assert sorted(verbs) == sorted(
        [
            *2 * [("User", "create")],
            *2 * [("User", "update")],
            *2 * [("User", "delete")],
            ("Group", "create"),
            *2 * [("Group", "members")],
            ("Group", "update"),
            ("Group", "delete"),
            ("Group", "sweep"),
        ]
    )


async def test_a_create_whose_answer_is_lost_is_known_by_its_receipt(
    faulty_store: Store, proxy: StorageProxy, context: RequestContext
) -> None:
    proxy.order(lose_answer)
    await faulty_store.users.create(context, {"userName": "jo"})
    assert proxy.forwarded == ["read", "transaction", "transaction", "read"]
    assert (context.meter.calls, context.meter.entities) == (4, 0)


async def test_a_create_that_was_taken_for_lost_and_came_late_is_its_own_success(
    faulty_store: Store, proxy: StorageProxy, context: RequestContext, consistent: ReadBack
) -> None:
    counter = 3  # after the change row, the claim and the user
    proxy.order(commit_but_answer(412, "UpdateConditionNotSatisfied", inside=True, index=counter))
    jo = await faulty_store.users.create(context, {"userName": "jo"})
    found = await consistent()
    assert [key.removeprefix("u-") for key in found.of("u")] == [jo.id]


async def test_an_answer_that_does_not_come_in_time_counts_as_lost(
    faulty_store: Store,
    proxy: StorageProxy,
    context: RequestContext,
    monkeypatch: pytest.MonkeyPatch,
    consistent: ReadBack,
) -> None:
    impatient = replace(retry.RETRY_POLICY, attempt_timeout=0.5)
    monkeypatch.setattr(retry, "RETRY_POLICY", impatient)
    never = asyncio.Event()
    proxy.order(hold(never))
    proxy.order(hold(never), "read", after=1)
    await faulty_store.users.create(context, {"userName": "jo"})
    assert proxy.received.count("transaction") == 2
    assert len((await consistent()).of("u")) == 1


async def test_a_name_that_was_taken_before_the_request_was_resent_is_not_unique(
    faulty_store: Store,
    store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    proxy.order(lose_request)
    proxy.order(first(lambda: store.users.create(new_context(), {"userName": "Jo"})))
    with pytest.raises(Uniqueness):
        await faulty_store.users.create(new_context(), {"userName": "jo"})
    assert len((await consistent()).of("u")) == 1


async def test_a_change_row_of_someone_else_is_no_receipt(
    store: Store, new_context: NewContext, monkeypatch: pytest.MonkeyPatch, consistent: ReadBack
) -> None:
    await store.users.create(new_context(), {"userName": "jo"})
    [taken] = [f"l-{rest}" for rest in (await consistent()).of("l")]
    drawn = iter([taken, layout.new_change_key()])
    monkeypatch.setattr(layout, "new_change_key", lambda: next(drawn))
    await store.users.create(new_context(), {"userName": "sam"})
    assert len((await consistent()).of("u")) == 2


async def test_nothing_is_resent_under_a_change_id_older_than_a_minute(
    faulty_store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    monkeypatch: pytest.MonkeyPatch,
    consistent: ReadBack,
) -> None:
    now = 0.0

    async def a_minute_passes() -> None:
        nonlocal now
        now += 61

    monkeypatch.setattr(retry, "time", SimpleNamespace(monotonic=lambda: now))
    proxy.order(first(a_minute_passes, lose_request))
    with pytest.raises(Unavailable):
        await faulty_store.users.create(new_context(), {"userName": "jo"})
    assert proxy.received.count("transaction") == 1
    assert (await consistent()).rows == {}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (BUSY, TooManyRequests),
        (answer_inside(503, "ServerBusy"), TooManyRequests),
        (answer(500, "InternalError"), Unavailable),
        (answer_inside(500, "OperationTimedOut"), Unavailable),
        (lose_request, Unavailable),
    ],
)
async def test_a_storm_ends_in_an_answer_that_says_when_to_repeat_and_changes_nothing(
    *,
    faulty_store: Store,
    proxy: StorageProxy,
    fault: Fault,
    error: type[ScimError],
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    users = faulty_store.users
    jo = await users.create(new_context(), {"userName": "jo"})
    before = (await consistent()).rows
    proxy.order(fault, times=ALWAYS)
    for request in (
        lambda: users.create(new_context(), {"userName": "sam"}),
        lambda: users.update(new_context(), jo.id, setting(userName="joe")),
        lambda: users.delete(new_context(), jo.id),
        lambda: faulty_store.groups.create(new_context(), {"displayName": "staff"}, [jo.id]),
    ):
        with pytest.raises(error) as refused:
            await request()
        assert refused.value.retry_after is not None
    assert (await consistent()).rows == before


async def test_a_storm_after_the_commit_leaves_the_change_done_once(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    proxy.order(commit_but_answer(503, "ServerBusy"), times=ALWAYS)
    with pytest.raises(TooManyRequests):
        await faulty_store.users.create(new_context(), {"userName": "jo"})
    assert len((await consistent()).of("u")) == 1


async def test_a_storm_ends_at_the_deadline(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    context = new_context()
    proxy.order(first(lambda: deadline_passes(context), BUSY))
    with pytest.raises(Unavailable) as refused:
        await faulty_store.users.create(context, {"userName": "jo"})
    assert refused.value.retry_after is not None
    assert proxy.received.count("transaction") == 1
    assert (await consistent()).rows == {}


async def test_a_request_past_its_deadline_sends_and_counts_nothing(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext
) -> None:
    context = new_context(seconds=0)
    with pytest.raises(Unavailable):
        await faulty_store.users.create(context, {"userName": "jo"})
    with pytest.raises(Unavailable):
        await faulty_store.table.transact(context, [Insert("x", {})])
    assert proxy.received == []
    assert context.meter.calls == 0


@pytest.mark.parametrize(
    "fault", [BUSY, answer(500, "InternalError"), lose_request, lose_answer, cut_answer]
)
async def test_a_read_is_repeated(
    faulty_store: Store, proxy: StorageProxy, fault: Fault, new_context: NewContext
) -> None:
    jo = await faulty_store.users.create(new_context(), {"userName": "jo"})
    proxy.order(fault, "read", times=2)
    assert await faulty_store.users.get(new_context(), jo.id) == jo
    proxy.order(fault, "read", times=2)
    assert (await faulty_store.users.page(new_context(), 1, 10)).resources == [jo]


@pytest.mark.parametrize(
    ("fault", "error"), [(BUSY, TooManyRequests), (answer(500, "InternalError"), Unavailable)]
)
async def test_a_read_that_fails_again_and_again_says_when_to_repeat(
    faulty_store: Store,
    proxy: StorageProxy,
    fault: Fault,
    error: type[ScimError],
    context: RequestContext,
) -> None:
    proxy.order(fault, "read", times=ALWAYS)
    with pytest.raises(error) as refused:
        await faulty_store.users.count(context)
    assert refused.value.retry_after is not None
    assert context.meter.calls == len(proxy.received) == 4


async def test_missing_rights_are_not_tried_again_and_stand_in_the_log(
    faulty_store: Store,
    proxy: StorageProxy,
    context: RequestContext,
    caplog: pytest.LogCaptureFixture,
) -> None:
    denied = answer(403, "AuthorizationPermissionMismatch")
    proxy.order(denied, "read")
    with pytest.raises(Unavailable):
        await faulty_store.users.count(context)
    proxy.order(denied, "transaction")
    with pytest.raises(Unavailable):
        await faulty_store.users.create(context, {"userName": "jo"})
    assert proxy.received == ["read", "read", "transaction"]
    assert "403 AuthorizationPermissionMismatch" in caplog.text


async def test_a_receipt_that_cannot_be_read_is_no_refusal(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    proxy.order(lose_answer)
    proxy.order(answer(500, "InternalError"), "read", after=1, times=4)
    with pytest.raises(Unavailable):
        await faulty_store.users.create(new_context(), {"userName": "jo"})
    assert len((await consistent()).of("u")) == 1


@pytest.fixture
async def absent_table(
    storage: Azurite, proxy: StorageProxy, tenant: str
) -> AsyncIterator[AzureTable]:
    address = proxy.instead_of(storage.ports["table"], storage.connection_string)
    opened = open_table(TableAddress(f"of{tenant}", connection_string=address))
    yield opened
    await opened.close()


async def test_a_read_of_a_missing_table_creates_it(
    absent_table: AzureTable, new_context: NewContext
) -> None:
    assert await absent_table.get(new_context(), "u-1") is None
    await absent_table.transact(new_context(), [Insert("u-1", {})])


async def test_a_page_of_a_missing_table_is_empty_and_creates_it(
    absent_table: AzureTable, new_context: NewContext
) -> None:
    page = await absent_table.page(new_context(), layout.kind_span("u"))
    assert (page.rows, page.token) == ([], None)
    await absent_table.transact(new_context(), [Insert("u-1", {})])


async def test_the_first_page_of_a_missing_table_which_is_read_by_two_calls_is_empty_too(
    absent_table: AzureTable, new_context: NewContext
) -> None:
    page = await open_store(absent_table, changed_names).users.page(new_context(), 1, 10)
    assert (page.total, page.resources) == (0, [])


async def test_a_write_to_a_missing_table_creates_it_and_is_sent_again(
    absent_table: AzureTable, new_context: NewContext
) -> None:
    change = Change("User", "1", "create")
    await commits.commit(absent_table, new_context(), change, [Insert("u-1", {})])
    assert await absent_table.get(new_context(), "u-1") is not None


@pytest.mark.parametrize("fault", [BUSY, lose_request, lose_answer])
async def test_a_fault_while_the_missing_table_is_created_passes(
    absent_table: AzureTable, proxy: StorageProxy, fault: Fault, new_context: NewContext
) -> None:
    change = Change("User", "1", "create")
    proxy.order(fault, "table")
    await commits.commit(absent_table, new_context(), change, [Insert("u-1", {})])
    assert await absent_table.get(new_context(), "u-1") is not None


async def test_a_table_that_cannot_be_created_is_an_answer_that_says_when_to_repeat(
    absent_table: AzureTable, proxy: StorageProxy, new_context: NewContext
) -> None:
    proxy.order(BUSY, "table", times=ALWAYS)
    with pytest.raises(TooManyRequests):
        await commits.commit(absent_table, new_context(), Change("User", "1", "create"), [])
    with pytest.raises(TooManyRequests):
        await absent_table.get(new_context(), "u-1")


async def test_a_deadline_amid_200_members_says_how_many_are_done_and_a_repeat_finishes(
    faulty_store: Store,
    store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(store.table, new_context(), users=200, groups=0)
    group = await store.groups.create(new_context(), {"displayName": "all"})
    joining = MemberChange(add=everyone.users)
    context = new_context()
    proxy.order(first(lambda: deadline_passes(context)), after=1)
    with pytest.raises(Unavailable) as refused:
        await faulty_store.groups.update(context, group.id, joining)
    assert "80 of 200 members are done" in refused.value.detail
    assert refused.value.retry_after is not None
    assert len((await consistent()).memberships()) == 80

    context = new_context()
    await faulty_store.groups.update(context, group.id, joining)
    assert context.meter.entities == 2 * 120 + 2 * 3
    assert len((await consistent()).memberships()) == 200


async def test_a_scalar_change_beside_many_members_is_done_in_the_first_transaction(
    faulty_store: Store,
    store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(store.table, new_context(), users=100, groups=0)
    group = await store.groups.create(new_context(), {"displayName": "all"})
    context = new_context()
    proxy.order(first(lambda: deadline_passes(context)))
    change, joining = setting(displayName="everyone"), MemberChange(add=everyone.users)
    with pytest.raises(Unavailable):
        await faulty_store.groups.update(context, group.id, joining, change)
    found = await consistent()
    assert found.document(f"g-{group.id}") == {"displayName": "everyone"}
    assert len(found.memberships()) == 40


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        (BUSY, 1),
        (answer(500, "InternalError"), 2),
        *((commit_but_answer(500, "InternalError"), step) for step in (1, 2, 3)),
    ],
    ids=["503", "500", *(f"500 after commit {step}" for step in (1, 2, 3))],
)
async def test_a_group_that_cannot_be_created_whole_leaves_nothing_behind(
    *,
    faulty_store: Store,
    proxy: StorageProxy,
    fault: Fault,
    step: int,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=100, groups=0)
    before = (await consistent()).keys()
    proxy.order(fault, after=step - 1, times=SENDS)
    with pytest.raises((Unavailable, TooManyRequests)) as refused:
        await faulty_store.groups.create(new_context(), {"displayName": "all"}, everyone.users)
    assert "does not exist" in refused.value.detail
    assert refused.value.retry_after is not None
    found = await consistent()
    assert not found.of("g")
    assert not found.of("gn")
    assert not found.memberships()
    assert found.keys() - before == {f"cg-{slot}" for slot in found.of("cg")}
    await faulty_store.groups.create(new_context(), {"displayName": "all"}, everyone.users)


async def test_a_deadline_amid_a_new_group_deletes_the_group_again(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=100, groups=0)
    context = new_context()
    proxy.order(first(lambda: deadline_passes(context)), after=1)
    with pytest.raises(Unavailable) as refused:
        await faulty_store.groups.create(context, {"displayName": "all"}, everyone.users)
    assert "does not exist" in refused.value.detail
    found = await consistent()
    assert not found.of("g")
    assert not found.memberships()


async def test_a_group_that_cannot_be_deleted_again_either_is_not_said_to_be_gone(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=100, groups=0)
    proxy.order(answer(500, "InternalError"), after=1, times=ALWAYS)
    with pytest.raises(Unavailable) as refused:
        await faulty_store.groups.create(new_context(), {"displayName": "all"}, everyone.users)
    assert "does not exist" not in refused.value.detail
    assert len((await consistent()).memberships()) == 40


async def test_a_sweep_that_is_interrupted_is_finished_later(
    faulty_store: Store,
    proxy: StorageProxy,
    sweeper: Sweeper,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    everyone = await seed(faulty_store.table, new_context(), users=100)
    [gid] = everyone.groups
    proxy.order(BUSY, after=2, times=ALWAYS)
    await faulty_store.groups.delete(new_context(), gid)
    found = await consistent()
    assert found.deleted_groups() == [gid]
    assert len(found.memberships()) == 60

    proxy.heal()
    shown = await faulty_store.users.page(new_context(), 1, 100)
    assert {user.group_ids for user in shown.resources} == {()}
    assert await sweeper.sweep_group(new_context(), gid)
    found = await consistent()
    assert found.memberships() == set()
    assert found.of("q-g") == {}
    assert found.deleted_groups() == []


async def test_a_user_who_is_changed_by_others_without_end_is_an_answer_that_says_so(
    faulty_store: Store,
    store: Store,
    proxy: StorageProxy,
    new_context: NewContext,
    consistent: ReadBack,
) -> None:
    jo = await store.users.create(new_context(), {"userName": "jo"})
    staff = await store.groups.create(new_context(), {"displayName": "staff"})
    titles = iter(range(1_000))

    async def another_writer() -> None:
        await store.users.update(new_context(), jo.id, setting(title=str(next(titles))))

    proxy.order(first(another_writer), times=ALWAYS)
    for request in (
        lambda: faulty_store.users.update(new_context(), jo.id, setting(active=False)),
        lambda: faulty_store.groups.update(new_context(), staff.id, MemberChange(add=(jo.id,))),
    ):
        with pytest.raises(Unavailable) as refused:
            await request()
        assert refused.value.retry_after is not None
    assert "active" not in (await consistent()).document(f"u-{jo.id}")
    assert not (await consistent()).memberships()


async def test_a_transaction_that_the_storage_finds_too_large_is_the_clients_to_shorten(
    faulty_store: Store, proxy: StorageProxy, new_context: NewContext, consistent: ReadBack
) -> None:
    for fault in (
        answer(413, "RequestBodyTooLarge"),
        answer_inside(413, "RequestBodyTooLarge"),
        answer_inside(400, "PropertyValueTooLarge"),
    ):
        proxy.order(fault)
        with pytest.raises(PayloadTooLarge):
            await faulty_store.users.create(new_context(), {"userName": "jo"})
    assert (await consistent()).rows == {}


async def test_a_table_that_another_process_creates_meanwhile_is_used(
    *,
    absent_table: AzureTable,
    storage: Azurite,
    proxy: StorageProxy,
    tenant: str,
    new_context: NewContext,
) -> None:
    other = open_table(TableAddress(f"of{tenant}", connection_string=storage.connection_string))
    proxy.order(first(lambda: other.get(new_context(), "u-1")), "table")
    assert await absent_table.get(new_context(), "u-1") is None
    await other.close()
    assert proxy.received == ["read", "table"]


def test_a_table_without_an_address_is_an_answer_not_a_crash() -> None:
    with pytest.raises(Unavailable):
        open_table(TableAddress("scim"))


async def test_many_members_are_written_at_the_pace_that_is_set(
    store: Store, new_context: NewContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = await seed(store.table, new_context(), users=100, groups=0)
    paced = open_store(store.table, changed_names, member_writes_per_second=1)
    group = await paced.groups.create(new_context(), {"displayName": "all"})
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", note)
    context = new_context(seconds=1_000)
    await paced.groups.update(context, group.id, MemberChange(add=everyone.users))
    assert list(filter(None, waited)) == [pytest.approx(82, abs=20), pytest.approx(164, abs=20)]


async def test_large_changes_of_a_tenant_share_one_pace(
    new_context: NewContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", note)
    limiter = RateLimiter(entities_per_second=1)
    limiter.record(new_context(), 82)
    limiter.record(new_context(), 82)
    await limiter.wait(new_context(seconds=1_000))
    await limiter.wait(replace(new_context(), tenant="another"))
    assert waited == [pytest.approx(164, abs=20)]


async def deadline_passes(context: RequestContext) -> None:
    context.deadline = time.monotonic()
