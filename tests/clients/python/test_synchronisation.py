"""A copy, made and kept up to date over HTTP, is what the service shows."""

import asyncio

import pytest

from scim_on_functions import (
    AsyncFeed,
    AsyncTenant,
    CursorExpiredError,
    Feed,
    MemoryCheckpoint,
    MemoryReplica,
    NotFoundError,
    Tenant,
    resynchronise_async,
)
from shared.events.cursor import write_cursor
from shared.events.feed import FeedPosition
from shared.store.layout import change_number
from tests.support.fixtures.scim_client import Scim


async def hold_equal(replica: MemoryReplica, scim: Scim) -> None:
    """Users, groups and direct memberships are those that the service shows."""
    shown = await scim.everything()
    users = {each["id"]: each for each in shown if each["meta"]["resourceType"] == "User"}
    groups = {each["id"]: each for each in shown if each["meta"]["resourceType"] == "Group"}
    members = {(gid, each["value"]) for gid in groups for each in groups[gid].get("members", ())}
    names = {uid: user["userName"] for uid, user in users.items()}
    assert {uid: user["userName"] for uid, user in replica.users.items()} == names
    active = {uid: user.get("active") for uid, user in users.items()}
    assert {uid: user.get("active") for uid, user in replica.users.items()} == active
    titles = {gid: group["displayName"] for gid, group in groups.items()}
    assert {gid: group["displayName"] for gid, group in replica.groups.items()} == titles
    assert replica.memberships == members


async def change(scim: Scim) -> None:
    """Some of everything that changes a directory."""
    ana, ben, cy = [await scim.create_user(name, active=True) for name in ("ana", "ben", "cy")]
    sales = await scim.create_group("Sales", ana["id"], ben["id"])
    staff = await scim.create_group("Staff", sales["id"], cy["id"])
    await scim.patch(f"/Users/{ben['id']}", {"op": "replace", "path": "active", "value": False})
    remove = {"op": "remove", "path": f'members[value eq "{ana["id"]}"]'}
    await scim.patch(f"/Groups/{sales['id']}", remove)
    await scim.patch(
        f"/Groups/{staff['id']}", {"op": "replace", "path": "displayName", "value": "All staff"}
    )
    await scim.delete(f"/Users/{cy['id']}")
    await scim.create_group("Gone")
    gone = (await scim.found("/Groups", 'displayName eq "Gone"'))[0]
    await scim.delete(f"/Groups/{gone}")


async def test_a_feed_from_the_beginning_makes_a_copy(scim: Scim, tenant: AsyncTenant) -> None:
    replica, checkpoint = MemoryReplica(), MemoryCheckpoint()
    await change(scim)
    feed = AsyncFeed(tenant, checkpoint, replica=replica)
    await feed.poll()
    await hold_equal(replica, scim)
    assert len(replica.memberships) == 2  # Ben in Sales, Sales in All staff


async def test_what_happens_after_the_copy_comes_by_the_feed(
    scim: Scim, tenant: AsyncTenant
) -> None:
    replica = MemoryReplica()
    feed = AsyncFeed(tenant, MemoryCheckpoint(), replica=replica)
    assert await feed.poll() == 0
    await change(scim)
    assert await feed.poll() > 0
    await hold_equal(replica, scim)
    assert await feed.poll() == 0  # what came within two minutes comes again, and is left out


async def test_code_that_waits_keeps_the_same_copy(scim: Scim, waiting_tenant: Tenant) -> None:
    replica, told = MemoryReplica(), list[str]()
    feed = Feed(waiting_tenant, MemoryCheckpoint(), replica=replica)
    await asyncio.to_thread(feed.poll)
    await change(scim)
    await asyncio.to_thread(feed.poll, lambda events: told.extend(each.type for each in events))
    await hold_equal(replica, scim)
    assert told[:3] == ["user.created"] * 3


async def test_a_copy_is_made_again_over_one_that_is_out_of_date(
    scim: Scim, tenant: AsyncTenant
) -> None:
    replica = MemoryReplica()
    await change(scim)
    await resynchronise_async(tenant, replica)
    await hold_equal(replica, scim)
    (ben,) = await scim.found("/Users", 'userName eq "ben"')
    (sales,) = await scim.found("/Groups", 'displayName eq "Sales"')
    await scim.delete(f"/Users/{ben}")
    await scim.delete(f"/Groups/{sales}")
    (ana,) = await scim.found("/Users", 'userName eq "ana"')
    await scim.create_group("New", ana)
    await resynchronise_async(tenant, replica)
    await hold_equal(replica, scim)


async def test_a_checkpoint_that_is_too_old_has_everything_copied_again(
    scim: Scim, tenant: AsyncTenant
) -> None:
    old = change_number(1_000_000_000_000)  # in 2001
    cursor = write_cursor(FeedPosition(old, old), scim.tenant_url.split("/")[4])
    await change(scim)
    replica, checkpoint = MemoryReplica(), MemoryCheckpoint(cursor)
    await AsyncFeed(tenant, checkpoint, replica=replica).poll()
    await hold_equal(replica, scim)
    assert checkpoint.cursor != cursor
    with pytest.raises(CursorExpiredError):
        await AsyncFeed(tenant, MemoryCheckpoint(cursor)).poll()


async def test_a_large_group_is_copied_from_the_side_of_its_users(
    scim: Scim, tenant: AsyncTenant
) -> None:
    replica = MemoryReplica()
    feed = AsyncFeed(tenant, MemoryCheckpoint(), replica=replica)
    await feed.poll()
    ids = [(await scim.create_user(f"u{number}"))["id"] for number in range(90)]
    await scim.create_group("Large", *ids)  # by more than one transaction
    await feed.poll()
    await hold_equal(replica, scim)
    copied = MemoryReplica()
    await resynchronise_async(tenant, copied)
    await hold_equal(copied, scim)


async def test_lists_are_walked_page_by_page(
    scim: Scim, tenant: AsyncTenant, waiting_tenant: Tenant
) -> None:
    ids = [(await scim.create_user(f"u{number}"))["id"] for number in range(201)]
    group = await scim.create_group("Sales", ids[0])
    await scim.create_group("Staff", group["id"])
    assert sorted([user["id"] async for user in tenant.users()]) == sorted(ids)
    walked = await asyncio.to_thread(lambda: [each["id"] for each in waiting_tenant.users()])
    assert sorted(walked) == sorted(ids)
    groups = [each async for each in tenant.groups()]
    assert {each["displayName"] for each in groups} == {"Sales", "Staff"}
    assert not any("members" in each for each in groups)
    (member,) = await tenant.group_members(group["id"])
    assert (member.id, member.type) == (ids[0], "User")
    with pytest.raises(NotFoundError):
        await tenant.group_members("0" * 32)


async def test_the_checkpoint_is_saved_when_the_handler_has_returned(
    scim: Scim, tenant: AsyncTenant
) -> None:
    checkpoint = MemoryCheckpoint()
    await scim.create_user()
    feed = AsyncFeed(tenant, checkpoint)

    async def fail(events: object) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await feed.poll(fail)
    assert checkpoint.cursor is None
    told: list[str] = []
    await feed.poll(lambda events: told.extend(each.type for each in events))
    assert told == ["user.created"]
    assert checkpoint.cursor is not None


async def test_who_waits_is_told_at_once_and_follows_on(scim: Scim, tenant: AsyncTenant) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()

    async def handle(events: object) -> None:
        for event in events:  # type: ignore[attr-defined]
            await told.put(event.type)

    feed = AsyncFeed(tenant, MemoryCheckpoint(), wait=20, interval=0.1)
    following = asyncio.create_task(feed.follow(handle))
    await scim.create_user("ana")
    await scim.create_user("ben")
    async with asyncio.timeout(20):
        assert [await told.get(), await told.get()] == ["user.created"] * 2
    following.cancel()
