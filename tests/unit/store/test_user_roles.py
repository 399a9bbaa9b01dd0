"""Roles of many users: what groups in groups cost, and where the bounds are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shared.scim.members import MemberChange
from shared.tenant_settings import patched
from tests.support.documents import group, user

if TYPE_CHECKING:
    from shared.store.resources import User
    from shared.store.store import Store
    from tests.conftest import NewContext


def entry(role: str, name: str) -> dict[str, Any]:
    return {"group": {"displayName": name}, "role": role, "priority": 1}


@pytest.fixture
async def chain(store: Store, new_context: NewContext) -> User:
    """A user in the first of 12 groups, each of which is in the next."""
    created = await store.users.create(new_context(), user("ana@contoso.test"))
    member = created.id
    for level in range(12):
        member = (await store.groups.create(new_context(), group(f"Level {level}"), [member])).id
    return await store.users.get(new_context(), created.id)


async def set_map(store: Store, new_context: NewContext, *entries: dict[str, Any]) -> None:
    context = new_context()
    await store.settings.update(context, lambda kept: patched(kept, {"roleMap": [*entries]}))


async def test_roles_reach_ten_levels_up_and_the_log_says_where_they_end(
    store: Store, new_context: NewContext, chain: User, caplog: pytest.LogCaptureFixture
) -> None:
    await set_map(store, new_context, *(entry(f"r{n:02}", f"Level {n}") for n in range(12)))
    (roles,) = await store.roles.of(new_context(), [chain]) or []
    assert roles == tuple(f"r{n:02}" for n in range(11))
    assert "roles are computed without the groups beyond 200 or 10 levels" in caplog.text


async def test_users_of_a_page_share_the_reads_of_their_groups(
    store: Store, new_context: NewContext
) -> None:
    users = [
        await store.users.create(new_context(), user(f"{number}@contoso.test"))
        for number in range(5)
    ]
    inner = await store.groups.create(new_context(), group("Inner"), [each.id for each in users])
    await store.groups.create(new_context(), group("Outer"), [inner.id])
    await set_map(store, new_context, entry("insider", "Outer"))
    found = await store.users.get_many(new_context(), [each.id for each in users])
    context = new_context()
    assert await store.roles.of(context, found) == [("insider",)] * 5
    # The two groups; which are deleted is remembered for two seconds.
    assert context.meter.calls <= 2 + 1


async def test_without_groups_in_groups_nothing_is_read(
    store: Store, new_context: NewContext
) -> None:
    ana = await store.users.create(new_context(), user("ana@contoso.test"))
    await store.groups.create(new_context(), group("Sales"), [ana.id])
    await set_map(store, new_context, entry("seller", "sales"))
    context = new_context()
    ana = await store.users.get(new_context(), ana.id)
    assert await store.roles.of(context, [ana]) == [("seller",)]
    assert context.meter.calls == 0


async def test_a_group_that_is_deleted_and_not_swept_gives_no_role(
    store: Store, new_context: NewContext
) -> None:
    ana = await store.users.create(new_context(), user("ana@contoso.test"))
    sales = await store.groups.create(new_context(), group("Sales"), [ana.id])
    stale = await store.users.get(new_context(), ana.id)
    await store.groups.delete(new_context(), sales.id)
    await set_map(store, new_context, entry("seller", "Sales"))
    assert await store.roles.of(new_context(), [stale]) == [()]


async def test_a_role_map_that_was_changed_counts_at_once_where_it_was_changed(
    store: Store, new_context: NewContext
) -> None:
    ana = await store.users.create(new_context(), user("ana@contoso.test"))
    sales = await store.groups.create(new_context(), group("Sales"))
    await store.groups.update(new_context(), sales.id, MemberChange(add=(ana.id,)))
    ana = await store.users.get(new_context(), ana.id)
    for role in ("seller", "editor"):
        await set_map(store, new_context, entry(role, "Sales"))
        assert await store.roles.of(new_context(), [ana]) == [(role,)]
