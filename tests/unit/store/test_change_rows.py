"""Change rows: what each says of its transaction, and that those of the first form are read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from shared.scim.members import MemberChange
from shared.store.changes import Change, RecordedChange, recorded
from shared.store.layout import changes_span
from shared.tables.rows import Row
from shared.tables.table import collect
from tests.support.documents import group, setting, user
from tests.support.seeds import seed

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.scim.schema import Document
    from shared.store.store import Store
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tests.conftest import NewContext


async def changes(table: AzureTable, context: RequestContext) -> list[RecordedChange]:
    return [recorded(row) for row in await collect(table, context, changes_span())]


def without_active(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "active"}


@pytest.mark.parametrize("method", ["POST", "PATCH", "sweep", "admin"])
@pytest.mark.parametrize("position", [None, 0, 7])
async def test_it_says_how_the_request_came(
    store: Store, table: AzureTable, new_context: NewContext, method: str, position: int | None
) -> None:
    context = replace(new_context(), method=method, position=position)
    await store.users.create(context, user("ana"))
    [change] = await changes(table, new_context())
    assert (change.method, change.position) == (method, position)


async def test_disable_enable_disable_are_three_changes_with_three_values(
    store: Store, table: AzureTable, new_context: NewContext
) -> None:
    ana = await store.users.create(new_context(), user("ana", active=True))
    for active in (False, True, False):
        await store.users.update(new_context(), ana.id, setting(active=active))
    found = await changes(table, new_context())
    assert [each.change.active for each in found] == [True, False, True, False]
    assert [each.change.version for each in found] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("change", "active"),
    [
        (setting(active=False, title="Lead"), False),
        (setting(title="Lead"), None),
        (without_active, False),
    ],
    ids=["with another", "another", "no longer there"],
)
async def test_it_says_whether_a_user_is_active_where_that_changed(
    store: Store,
    table: AzureTable,
    new_context: NewContext,
    change: Callable[[Document], Document],
    active: bool | None,
) -> None:
    ana = await store.users.create(new_context(), user("ana", active=True))
    await store.users.update(new_context(), ana.id, change)
    assert (await changes(table, new_context()))[-1].change.active is active


async def test_a_membership_leaves_active_alone(
    store: Store, table: AzureTable, new_context: NewContext
) -> None:
    ana = await store.users.create(new_context(), user("ana", active=False))
    sales = await store.groups.create(new_context(), group("Sales"))
    await store.groups.update(new_context(), sales.id, MemberChange(add=(ana.id,)))
    active = {each.change.verb: each.change.active for each in await changes(table, new_context())}
    assert active["members"] is None


@pytest.mark.parametrize("external", ["7", None])
async def test_a_deletion_keeps_the_external_id(
    store: Store, table: AzureTable, new_context: NewContext, external: str | None
) -> None:
    named: dict[str, Any] = {} if external is None else {"externalId": external}
    ana = await store.users.create(new_context(), user("ana", **named))
    sales = await store.groups.create(new_context(), group("Sales", **named))
    await store.users.delete(new_context(), ana.id)
    await store.groups.delete(new_context(), sales.id)
    kept = {
        (each.change.resource, each.change.verb): each.change.external_id
        for each in await changes(table, new_context())
        if each.change.verb in {"create", "delete"}
    }
    assert kept == {
        ("User", "create"): None,
        ("Group", "create"): None,
        ("User", "delete"): external,
        ("Group", "delete"): external,
    }


async def test_so_does_that_of_a_user_who_leaves_its_groups_in_steps(
    store: Store, table: AzureTable, new_context: NewContext
) -> None:
    [ana] = (await seed(table, new_context(), users=1, groups=100)).users
    await store.users.update(new_context(), ana, setting(externalId="7"))
    await store.users.delete(new_context(), ana)
    found = [each.change for each in await changes(table, new_context())]
    kept = [(each.verb, each.external_id) for each in found if each.verb != "update"]
    assert kept == [("delete", "7"), ("sweep", None), ("sweep", None)]


def test_a_row_of_the_first_form_is_read() -> None:
    values = Change("User", "0" * 32, "update", ("active",), version=2)
    first: dict[str, str | int | bytes] = {
        "rt": "User",
        "id": "0" * 32,
        "op": "update",
        "by": "label",
        "rq": "request",
        "st": 1,
        "v": 2,
        "at": '["active"]',
    }
    found = recorded(Row(f"l-{5:012x}{0:020x}", first, ""))
    assert found == RecordedChange(f"l-{5:012x}{0:020x}", 5, "label", "request", values)
    assert (found.method, found.position, found.change.active) == ("", None, None)
