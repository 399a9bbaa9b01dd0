"""What `tools.admin` shows of the table: numbers, users, groups, history, changes."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from local import azurite
from shared.scim.members import MemberChange
from shared.store import layout
from shared.store.change_history import ChangeHistory, Lookback
from shared.store.changes import Change, recorded
from shared.store.resources import timestamp
from shared.tables.operations import Insert, RowOperation
from shared.tables.table import collect
from tests.ops.tools.conftest import admin_with
from tests.support.documents import group, setting, user
from tests.support.fakes.storage_proxy import StorageProxy, answer, serving
from tests.support.seeds import forget_active, seed, write
from tools.admin import changes, stats
from tools.admin.changes import DAY, HOUR
from tools.admin.storage import Storage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local.azurite import Azurite
    from shared.store.changes import RecordedChange
    from shared.store.store import Store
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext
    from tests.ops.tools.conftest import Admin

NOW = 1_800_000_000_000


@pytest.fixture
def read_only(table: AzureTable, store: Store) -> Storage:
    """The table as the commands read it."""
    return Storage(table, store, table._client)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """10 change rows a call, so that a few rows are many."""
    monkeypatch.setattr(changes, "ROWS_A_CALL", 10)


def change_row(context: RequestContext, at: int, number: int, uid: str = "0" * 32) -> RowOperation:
    """A change row as the service would have written it at a time."""
    key = f"l-{at:012x}{number:020x}"
    return Insert(key, Change("User", uid, "update", ("title",), version=2).values(context, 1))


class Over(Exception):  # noqa: N818 - ends the tail
    pass


async def rows_of(table: AzureTable, context: RequestContext) -> list[RecordedChange]:
    return [recorded(row) for row in await collect(table, context, layout.changes_span())]


# --- one user, one group


async def test_a_user_is_shown_with_its_groups_and_its_history(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    ana = await store.users.create(
        context, user("Ana@contoso.test", title="Engineer", externalId="7")
    )
    sales = await store.groups.create(context, group("Sales"), [ana.id])
    await store.users.update(context, ana.id, setting(title="Lead"))
    await store.groups.update(context, sales.id, MemberChange(remove=(ana.id,)))
    await store.groups.create(context, group("Everyone"), [ana.id])
    await store.users.create(context, user("bo@contoso.test"))

    ended = await table_admin("user", "show", "ana@CONTOSO.test", "--tenant", tenant, "--json")
    assert ended.status == 0, ended.err
    shown = ended.json
    assert (shown["id"], shown["version"]) == (ana.id, 5)
    assert shown["attributes"]["title"] == "Lead"
    assert shown["groups"]["at_least"] == 1
    assert [each["name"] for each in shown["groups"]["listed"]] == ["Everyone"]
    assert shown["history"]["complete"] is True
    history = shown["history"]["changes"]
    assert [(each["resource"], each["verb"]) for each in history] == [
        ("User", "create"),
        ("Group", "create"),
        ("User", "update"),
        ("Group", "members"),
        ("Group", "create"),
    ]
    assert history[2]["attributes"] == ["title"]
    assert history[3]["removed"] == [[ana.id, 4]]
    assert {each["token"] for each in history} == {"test"}

    for other in (ana.id, "7"):
        same = await table_admin("user", "show", other, "--tenant", tenant)
        assert same.status == 0
        assert same.out.startswith(f"id          {ana.id}\nuserName    Ana@contoso.test\n")
        assert "history: 5, complete since" in same.out
        assert f"User   {ana.id}  update   title  v3  by test  request" in same.out


async def test_a_group_is_shown_with_its_members_and_its_history(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    members = [await store.users.create(context, user(f"u{n}@contoso.test")) for n in range(4)]
    sales = await store.groups.create(context, group("Sales"), [each.id for each in members])
    await store.users.delete(context, members[0].id)

    asked = ("group", "show", "sales", "--tenant", tenant)
    shown = (await table_admin(*asked, "--json", "--list", "2")).json
    assert shown["id"] == sales.id
    assert (shown["members"]["at_least"], shown["members"]["exact"]) == (3, True)
    assert len(shown["members"]["listed"]) == 2
    history = shown["history"]["changes"]
    assert [(each["resource"], each["verb"]) for each in history] == [
        ("Group", "create"),
        ("User", "delete"),
    ]
    assert history[1]["left"] == [sales.id]
    listed = await table_admin(*asked, "--list", "2", "--days", "0")
    assert "members: 3" in listed.out
    assert "and 1 more" in listed.out
    assert "history" not in listed.out


async def test_the_members_of_a_group_are_shown_as_they_were(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    ana, bo = [await store.users.create(context, user(name)) for name in ("ana", "bo")]
    await store.groups.create(context, group("Sales"), [ana.id, bo.id])
    then = datetime.now(UTC).isoformat()
    await store.users.delete(context, bo.id)
    asked = ("group", "members", "sales", "--tenant", tenant, "--at", then)

    shown = (await table_admin(*asked, "--json")).json
    assert {each["id"]: each["name"] for each in shown["members"]} == {ana.id: "ana", bo.id: None}
    text = (await table_admin(*asked)).out
    assert f"  {bo.id}  (deleted since)" in text
    compared = await table_admin(*asked, "--and", "0s")
    assert f"  left  {bo.id}  (deleted since)" in compared.out
    assert ana.id not in compared.out
    refused = await table_admin("group", "members", "sales", "--tenant", tenant, "--at", "500d")
    assert (refused.status, "can be told from" in refused.err) == (1, True)
    refused = await table_admin("group", "members", "nosuch", "--tenant", tenant, "--at", "0s")
    assert "name one that was deleted by its id" in refused.err


async def test_groups_in_groups_are_shown_as_a_tree_and_as_ways(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    ana = await store.users.create(context, user("ana@contoso.test"))
    team = await store.groups.create(context, group("Team"), [ana.id])
    unit = await store.groups.create(context, group("Unit"), [team.id])
    firm = await store.groups.create(context, group("Firm"), [unit.id])
    await store.groups.update(context, team.id, MemberChange(add=(firm.id,)))

    shown = await table_admin("group", "show", "Firm", "--tenant", tenant)
    assert (
        f"members: 1\n  {unit.id}  Unit  (group)\n    {team.id}  Team  (group)\n"
        f"      {ana.id}  ana@contoso.test\n"
    ) in shown.out
    assert shown.out.count(f"      {firm.id}  Firm  (group)\n") == 1, "the circle ends there"
    as_json = (await table_admin("group", "show", "Firm", "--tenant", tenant, "--json")).json
    [below] = as_json["members"]["listed"]
    assert (below["type"], below["members"][0]["name"]) == ("Group", "Team")

    shown = await table_admin("user", "show", ana.id, "--tenant", tenant)
    assert (
        f"groups: 1\n  {team.id}  Team\n  {unit.id}  Unit  by Team\n"
        f"  {firm.id}  Firm  by Team > Unit\n"
    ) in shown.out
    as_json = (await table_admin("user", "show", ana.id, "--tenant", tenant, "--json")).json
    ways = [(each["name"], each["type"], each["by"]) for each in as_json["groups"]["listed"]]
    assert ways == [
        ("Team", "direct", []),
        ("Unit", "indirect", ["Team"]),
        ("Firm", "indirect", ["Team", "Unit"]),
    ]
    history = (await table_admin("group", "show", team.id, "--tenant", tenant, "--json")).json
    joined = [each["id"] for each in history["history"]["changes"] if each["added"]]
    assert joined == [team.id, unit.id, team.id]


async def test_several_users_of_one_address_are_listed_to_choose_from(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    emails = [{"value": "team@contoso.test"}]
    both = [await store.users.create(context, user(name, emails=emails)) for name in "ab"]
    ended = await table_admin("user", "show", "team@contoso.test", "--tenant", tenant)
    assert (ended.status, ended.out) == (1, "")
    assert all(each.id in ended.err for each in both)


@pytest.mark.parametrize("kind", ["user", "group"])
@pytest.mark.parametrize("named", ["nobody", "0" * 32, "", "\x1b[31m"])
async def test_what_is_not_there_is_status_1(  # noqa: PLR0917 - fixtures
    table_admin: Admin,
    store: Store,
    context: RequestContext,
    tenant: str,
    kind: str,
    named: str,
) -> None:
    await store.users.create(context, user("ana"))
    ended = await table_admin(kind, "show", named, "--tenant", tenant)
    assert (ended.status, ended.out) == (1, "")
    assert f"there is no {kind} " in ended.err
    assert "\x1b[31m" not in ended.err


async def test_a_name_cannot_command_the_terminal(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    ana = await store.users.create(context, user("ana", displayName="\x1b[2J[red]Ana"))
    ended = await table_admin("user", "show", ana.id, "--tenant", tenant)
    assert "\x1b" not in ended.out
    assert "\\x1b[2J[red]Ana" in ended.out


async def test_names_in_a_choice_cannot_command_it_either(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    for name in ("\x7f\x9b2Ja", "b"):
        await store.users.create(context, user(name, externalId="7"))
    ended = await table_admin("user", "show", "7", "--tenant", tenant)
    assert ended.status == 1
    assert "\\x7f\\x9b2Ja" in ended.err
    assert "\x9b" not in ended.err


async def test_another_tenant_is_not_looked_into(
    operator: None, storage: Azurite, store: Store, context: RequestContext
) -> None:
    ana = await store.users.create(context, user("ana"))
    admin = admin_with(
        {
            "TABLE_CONNECTION_STRING": storage.connection_string,
            "SCIM_SECRET_TOKEN": "the-token-of-the-default-tenant",
        }
    )
    assert (await admin("user", "show", ana.id)).status == 1


# --- one that was deleted


async def test_a_deleted_user_is_shown_by_its_history(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    ana = await store.users.create(context, user("ana"))
    sales = await store.groups.create(context, group("Sales"), [ana.id])
    await store.users.delete(context, ana.id)
    await store.users.create(context, user("bo"))

    asked = ("user", "show", ana.id, "--tenant", tenant)
    ended = await table_admin(*asked, "--json")
    assert ended.status == 0, ended.err
    shown = ended.json
    assert (shown["tenant"], shown["id"], shown["attributes"]) == (tenant, ana.id, None)
    verbs = [(each["resource"], each["verb"]) for each in shown["history"]["changes"]]
    assert verbs == [("User", "create"), ("Group", "create"), ("User", "delete")]
    deletion = shown["history"]["changes"][-1]
    assert shown["deleted"] == {
        "time": deletion["time"],
        "token": "test",
        "request": context.request_id,
    }
    assert deletion["left"] == [sales.id]
    text = await table_admin(*asked)
    first, second, third, *_ = text.out.splitlines()
    assert first.split() == ["id", ana.id]
    assert second.split() == ["deleted", deletion["time"]]
    assert third.split() == ["by", "test"]
    assert f"User   {ana.id}  delete" in text.out


async def test_a_deleted_group_is_shown_by_its_history(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    sales = await store.groups.create(context, group("Sales"))
    await store.groups.delete(context, sales.id)
    ended = await table_admin("group", "show", sales.id, "--tenant", tenant, "--json")
    assert ended.status == 0, ended.err
    assert ended.json["deleted"]["token"] == "test"
    assert ended.json["members"] is None
    # The id of a group is not that of a user, deleted or not.
    other = await table_admin("user", "show", sales.id, "--tenant", tenant)
    assert (other.status, other.out) == (1, "")


async def test_who_is_there_is_not_deleted(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    ana = await store.users.create(context, user("ana"))
    ended = await table_admin("user", "show", ana.id, "--tenant", tenant, "--json")
    assert ended.json["deleted"] is None


@pytest.mark.usefixtures("small_pages")
async def test_a_deletion_beyond_what_is_looked_through_is_said_not_to_be_found(
    table_admin: Admin, table: AzureTable, context: RequestContext, tenant: str
) -> None:
    now, uid = int(time.time() * 1000), "a" * 32
    gone = Change("User", uid, "delete", version=2).values(context, 1)
    await write(table, context, [Insert(f"l-{now - 40 * DAY:012x}{'0' * 20}", gone)])
    asked = ("user", "show", uid, "--tenant", tenant)
    ended = await table_admin(*asked)
    assert (ended.status, ended.out) == (1, "")
    thirty_days_ago = changes_time(now - 30 * DAY)[:10]
    assert f"none of that id was deleted since {thirty_days_ago}" in ended.err
    assert (await table_admin(*asked, "--days", "50")).status == 0
    assert "within --days" in (await table_admin(*asked, "--days", "0")).err
    recent = [change_row(context, now - n, n, "b" * 32) for n in range(1_100)]
    await write(table, context, recent)
    bounded = await table_admin(*asked, "--days", "50", "--scan-rows", "1000")
    assert bounded.status == 1
    assert "--scan-rows" in bounded.err


# --- history


@pytest.mark.usefixtures("small_pages")
async def test_a_history_says_how_far_it_came(
    read_only: Storage, table: AzureTable, context: RequestContext
) -> None:
    """10 changes within the hour, 30 before it, of which there was room for some."""
    uid = "a" * 32
    recent = [change_row(context, NOW - HOUR // 2 + n, n, uid) for n in range(10)]
    older = [change_row(context, NOW - 3 * HOUR, n, uid) for n in range(30)]
    await write(table, context, recent + older)
    is_wanted = changes.concerns_member(uid)

    async def history(rows: int, back: int) -> ChangeHistory:
        lookback = Lookback(NOW - back, rows)
        return await changes.history(read_only, context, is_wanted, NOW, lookback)

    assert len((await history(10, HOUR)).changes) == 10
    partly = await history(20, DAY)
    assert (len(partly.changes), partly.since, partly.is_whole) == (20, NOW - HOUR, False)
    whole = await history(100, DAY)
    assert (len(whole.changes), whole.since, whole.is_whole) == (40, NOW - DAY, True)
    assert [each.time for each in whole.changes] == sorted(each.time for each in whole.changes)


@pytest.mark.usefixtures("small_pages")
async def test_a_history_costs_a_call_for_each_span_and_each_page(
    read_only: Storage, table: AzureTable, context: RequestContext, new_context: NewContext
) -> None:
    await write(table, context, [change_row(context, NOW - 3 * HOUR, n) for n in range(15)])
    asked = new_context()
    lookback = Lookback(NOW - 30 * DAY, 100)
    await changes.history(read_only, asked, lambda _: True, NOW, lookback)
    assert asked.meter.calls == 6  # an hour, 6 (2 pages), 36, 216 hours, the rest


# --- the last change


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("times", "most_calls"),
    [
        ([], 4),
        ([NOW - 5 * 60_000], 1),
        ([NOW + 30_000], 1),
        ([NOW - 300 * DAY], 4),
        ([NOW - 2 * HOUR - n // 3 for n in range(45)], 35),
        ([NOW - 40 * DAY] * 12 + [NOW - 35 * DAY], 10),
    ],
    ids=["none", "now", "ahead", "long ago", "crowded", "crowded long ago"],
)
async def test_the_last_change_is_found_in_few_calls(  # noqa: PLR0917 - fixtures
    read_only: Storage,
    table: AzureTable,
    context: RequestContext,
    new_context: NewContext,
    times: list[int],
    most_calls: int,
) -> None:
    await write(table, context, [change_row(context, at, n) for n, at in enumerate(times)])
    asked = new_context()
    found = await changes.last(read_only, asked, NOW)
    assert (found.time if found else None) == max(times, default=None)
    assert asked.meter.calls <= most_calls


# --- numbers of a tenant


async def test_the_numbers_of_a_tenant(
    table_admin: Admin, table: AzureTable, store: Store, context: RequestContext, tenant: str
) -> None:
    await seed(table, context, users=30, groups=2)
    left_over = [
        Insert(layout.deleted_group_key("c" * 32), {"at": timestamp()}),
        Insert(layout.deleted_member_key("d" * 32), {"at": timestamp()}),
    ]
    await write(table, context, left_over)
    before = int(time.time() * 1000)
    await store.users.create(context, user("ana"))

    ended = await table_admin("tenant", "stats", tenant, "--memberships", "--json")
    (numbers,) = ended.json
    assert numbers.pop("last_change")[:19] >= changes_time(before)[:19]
    assert numbers == {
        "tenant": tenant,
        "users": 31,
        "active": 31,
        "groups": 2,
        "pending_deletions": {"at_least": 2, "exact": True},
        "memberships": {"at_least": 60, "exact": True},
    }
    row = next(
        line
        for line in (await table_admin("tenant", "stats", tenant)).out.splitlines()
        if tenant in line
    )
    assert row.split()[:4] == [tenant, "31", "31", "2"]


async def test_active_users_are_counted_again_by_order(
    table_admin: Admin, table: AzureTable, context: RequestContext, tenant: str
) -> None:
    await seed(table, context, users=30)
    await forget_active(table, context)
    (numbers,) = (await table_admin("tenant", "stats", tenant, "--json")).json
    assert (numbers["users"], numbers["active"]) == (30, None)
    (numbers,) = (await table_admin("tenant", "stats", tenant, "--recount", "--json")).json
    assert (numbers["users"], numbers["active"]) == (30, 30)
    refused = await table_admin("tenant", "stats", "--recount")
    assert (refused.status, "name the tenants" in refused.err) == (2, True)


def changes_time(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds // 1000))


async def test_counting_ends_at_a_bound(
    read_only: Storage,
    table: AzureTable,
    context: RequestContext,
    tenant: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await write(
        table,
        context,
        [Insert(layout.membership_key("a" * 32, f"{n:032x}"), {}) for n in range(11)],
    )
    monkeypatch.setattr(stats, "MEMBERSHIP_PAGES", 1)
    monkeypatch.setattr(stats, "ROWS_A_CALL", 10)
    found = await stats.read(read_only, tenant, NOW, memberships=True)
    assert found.memberships == stats.Number(10, is_exact=False)


async def test_a_tenant_that_holds_nothing_has_zeros(
    operator: None, storage: Azurite, tenant: str
) -> None:
    """On this machine it exists by its token; the table need not be there yet."""
    admin = admin_with(
        {
            "TABLE_CONNECTION_STRING": storage.connection_string,
            f"SCIM_SECRET_TOKEN__{tenant.upper()}": "the-token-of-this-tenant",
        }
    )
    ended = await admin("tenant", "stats", tenant, "--json")
    assert ended.status == 0, ended.err
    (numbers,) = ended.json
    assert (numbers["users"], numbers["groups"], numbers["last_change"]) == (0, 0, None)
    assert (await admin("changes", "--tenant", tenant)).status == 0


async def test_a_table_that_the_service_has_not_created_yet_holds_nothing(
    operator: None,
) -> None:
    async with azurite.running() as fresh:
        admin = admin_with(
            {
                "TABLE_CONNECTION_STRING": fresh.connection_string,
                "SCIM_SECRET_TOKEN": "the-token-of-the-default-tenant",
            }
        )
        for command in (("tenant", "stats", "default"), ("changes",), ("whoami",)):
            ended = await admin(*command)
            assert ended.status == 0, ended.err
            assert "(there is no table scim in http://127.0.0.1:" in ended.err
        unknown = await admin("tenant", "stats", "acme")
        assert unknown.status == 3
        assert "there is no tenant acme" in unknown.err


async def test_a_table_that_is_named_and_is_not_there_is_said_for_all_tenants_too(
    storage: Azurite,
) -> None:
    admin = admin_with(
        {
            "TABLE_CONNECTION_STRING": storage.connection_string,
            "SCIM_SECRET_TOKEN": "the-token-of-the-default-tenant",
        }
    )
    ended = await admin("tenant", "stats", "--table", "nosuch")
    assert ended.status == 3
    assert "there is no table nosuch" in ended.err


@pytest.mark.parametrize(
    "command",
    [
        ("tenant", "stats", "nosuch"),
        ("tenant", "stats", "nosuch", "--memberships", "--json"),
        ("user", "show", "ana", "--tenant", "nosuch"),
        ("group", "show", "0" * 32, "--tenant", "nosuch", "--json"),
        ("changes", "--tenant", "nosuch"),
        ("changes", "--tenant", "nosuch", "--follow"),
    ],
)
async def test_a_tenant_that_does_not_exist_is_said(
    table_admin: Admin, table: AzureTable, context: RequestContext, command: tuple[str, ...]
) -> None:
    await table.get(context, "q")  # creates the table
    ended = await table_admin(*command)
    assert (ended.status, ended.out) == (3, "")
    _, line = ended.err.splitlines()
    assert line.startswith("error: there is no tenant nosuch: ")


async def test_a_tenant_with_data_exists_whoever_holds_its_token(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    ana = await store.users.create(context, user("ana"))
    await store.users.delete(context, ana.id)
    ended = await table_admin("tenant", "stats", tenant, "--json")
    assert (ended.status, ended.json[0]["users"]) == (0, 0)
    assert (await table_admin("changes", "--tenant", tenant, "--since", "0s")).status == 0


# --- changes


async def test_the_changes_of_a_tenant_are_lines(
    table_admin: Admin, store: Store, context: RequestContext, tenant: str, table: AzureTable
) -> None:
    ana = await store.users.create(context, user("ana"))
    sales = await store.groups.create(context, group("Sales"))
    await store.groups.update(context, sales.id, MemberChange(add=(ana.id, "f" * 32)))
    ended = await table_admin("changes", "--tenant", tenant)
    assert ended.status == 0, ended.err
    first, second, third = ended.out.splitlines()
    assert f"User   {ana.id}  create   " in first
    assert f"Group  {sales.id}  create   displayName  by test" in second
    assert f"Group  {sales.id}  members  +{ana.id}  skipped {'f' * 32}" in third

    as_json = await table_admin("changes", "--tenant", tenant, "--json")
    rows: list[dict[str, Any]] = [json.loads(line) for line in as_json.out.splitlines()]
    assert [row["key"] for row in rows] == [each.key for each in await rows_of(table, context)]
    assert rows[2]["added"] == [[ana.id, 2]]


async def test_changes_begin_where_they_are_asked_to(
    table_admin: Admin, table: AzureTable, context: RequestContext, tenant: str
) -> None:
    now = int(time.time() * 1000)
    await write(
        table, context, [change_row(context, now - at, 0) for at in (3 * HOUR, 30 * 60_000, 10_000)]
    )

    async def lines(*options: str) -> int:
        ended = await table_admin("changes", "--tenant", tenant, *options)
        assert ended.status == 0, ended.err
        return len(ended.out.splitlines())

    assert await lines() == 2
    assert await lines("--since", "5m") == 1
    assert await lines("--since", "4h") == 3
    assert await lines("--since", "2000-01-01") == 3
    refused = await table_admin("changes", "--since", "yesterday")
    assert refused.status == 2
    assert "put a length like 90s, 15m, 2h, 7d" in refused.err


async def test_the_tail_shows_late_changes_too_and_each_one_once(
    read_only: Storage, table: AzureTable, context: RequestContext
) -> None:
    """Four rounds; between them changes become visible, some late, with earlier keys."""
    await write(table, context, [change_row(context, NOW, 1), change_row(context, NOW - HOUR, 2)])
    rounds = iter(
        [
            [change_row(context, NOW - layout.LATENESS + 1, 3), change_row(context, NOW + 1, 4)],
            [change_row(context, NOW + 1 - layout.LATENESS, 5)],
            [],
        ]
    )
    starts: list[int] = []

    async def pause() -> None:
        visible = next(rounds, None)
        if visible is None:
            raise Over
        await write(table, context, visible)

    def read(start: int) -> AsyncIterator[RecordedChange]:
        starts.append(start)
        return changes.since(read_only, context, start)

    seen = []
    with pytest.raises(Over):  # noqa: PT012 - the loop ends by it
        async for change in changes.follow(read, NOW - 5 * layout.LATENESS, pause):
            seen.append(int(change.key[14:], 16))  # noqa: PERF401 - it ends by an exception
    assert seen == [1, 3, 4, 5]
    # It never begins after the newest change that was seen, less the time that one can be late.
    assert starts == [
        NOW - 5 * layout.LATENESS,
        NOW - layout.LATENESS,
        *[NOW + 1 - layout.LATENESS] * 2,
    ]


async def test_the_tail_moves_on_with_what_it_has_seen(
    read_only: Storage, table: AzureTable, context: RequestContext
) -> None:
    await write(table, context, [change_row(context, NOW, 1)])
    starts: list[int] = []

    def read(start: int) -> AsyncIterator[RecordedChange]:
        starts.append(start)
        return changes.since(read_only, context, start)

    async def pause() -> None:
        if len(starts) == 3:
            raise Over

    with pytest.raises(Over):
        async for _ in changes.follow(read, NOW - DAY, pause):
            pass
    assert starts == [NOW - DAY, NOW - layout.LATENESS, NOW - layout.LATENESS]


# --- what can be wrong


@pytest.mark.parametrize(
    "command",
    [
        ("tenant", "stats", "acme", "--json"),
        ("user", "show", "ana"),
        ("group", "show", "Sales"),
        ("changes",),
    ],
)
async def test_a_table_that_does_not_exist_is_said(
    table_admin: Admin, command: tuple[str, ...]
) -> None:
    for _ in range(2):
        ended = await table_admin(*command, "--table", "mistyped")
        assert (ended.status, ended.out) == (3, "")
        assert "error: there is no table mistyped in http://127.0.0.1:" in ended.err


@pytest.fixture
async def proxy(storage: Azurite) -> AsyncIterator[StorageProxy]:
    """A way to the storage on which faults can be ordered, and which sees every request."""
    async with serving(storage.ports["table"]) as between:
        yield between


@pytest.fixture
def proxied_admin(operator: None, storage: Azurite, proxy: StorageProxy) -> Admin:
    address = proxy.instead_of(storage.ports["table"], storage.connection_string)
    return admin_with({"TABLE_CONNECTION_STRING": address})


async def test_nothing_is_ever_written(
    proxied_admin: Admin, proxy: StorageProxy, store: Store, context: RequestContext, tenant: str
) -> None:
    ana = await store.users.create(context, user("ana"))
    sales = await store.groups.create(context, group("Sales"), [ana.id])
    of_tenant = ("--tenant", tenant)
    for command in (
        ("user", "show", "ana", *of_tenant),
        ("group", "show", sales.id, *of_tenant),
        ("changes", *of_tenant),
        ("tenant", "stats", tenant, "--memberships"),
        ("whoami",),
    ):
        assert (await proxied_admin(*command)).status == 0
    for command in (("tenant", "stats", tenant), ("changes",), ("whoami",)):
        assert (await proxied_admin(*command, "--table", "mistyped")).status != 0
    assert set(proxy.received) == {"read"}


async def test_storage_that_is_busy_for_a_moment_is_asked_again(
    proxied_admin: Admin, proxy: StorageProxy
) -> None:
    proxy.order(answer(503, "ServerBusy"), "read", times=2)
    assert (await proxied_admin("whoami")).status == 0


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (503, "ServerBusy", "did not answer (503 ServerBusy)"),
        (403, "AuthenticationFailed", "refused: 403 AuthenticationFailed"),
        (403, "AuthorizationFailure", "let this network through the firewall"),
    ],
)
async def test_a_failing_storage_is_one_line_and_status_3(
    proxied_admin: Admin, proxy: StorageProxy, status: int, code: str, said: str
) -> None:
    proxy.order(answer(status, code), "read", times=9)
    ended = await proxied_admin("changes")
    assert (ended.status, ended.out) == (3, "")
    _, line = ended.err.splitlines()
    assert line.startswith("error: the storage http://127.0.0.1:")
    assert said in line
