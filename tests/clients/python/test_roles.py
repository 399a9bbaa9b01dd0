"""The roles of a copy are those that `access` answers with."""

from typing import Any

from scim_on_functions import (
    AsyncFeed,
    AsyncTenant,
    MemoryCheckpoint,
    MemoryReplica,
    resynchronise_async,
    roles_of,
)
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import RunningService
from tests.support.role_map import entry, set_role_map, tell_role_changes


async def roles_in(replica: MemoryReplica, tenant: AsyncTenant) -> dict[str, tuple[str, ...]]:
    """The roles of the copy by user name, which are those of `access`."""
    copied = {user["userName"]: roles_of(user) for user in replica.users.values()}
    assert copied == {name: (await tenant.access(user_name=name)).roles for name in copied}
    return copied


def change_of_members(operation: str, *members: dict[str, Any]) -> dict[str, Any]:
    return {
        "op": operation,
        "path": "members",
        "value": [{"value": each["id"]} for each in members],
    }


async def test_the_copy_has_the_roles_that_access_has(
    running_service: RunningService, scim: Scim, tenant: AsyncTenant
) -> None:
    ana, bo, cy = [await scim.create_user(name, active=True) for name in ("ana", "bo", "cy")]
    east, south = await scim.create_group("East"), await scim.create_group("South")
    # A process learns within a minute that there are groups in groups.
    sales = await scim.create_group("Sales", ana["id"], south["id"])
    await set_role_map(running_service, scim, entry("editor", 2, displayName="Sales"))
    replica = MemoryReplica()
    feed = AsyncFeed(tenant, MemoryCheckpoint(), replica=replica)
    await feed.poll()
    assert await roles_in(replica, tenant) == {"ana": ("editor",), "bo": (), "cy": ()}

    await scim.patch(f"/Groups/{sales['id']}", change_of_members("add", bo))
    await feed.poll()
    assert (await roles_in(replica, tenant))["bo"] == ("editor",)

    await scim.patch(f"/Groups/{sales['id']}", change_of_members("add", east))
    await feed.poll()
    await scim.patch(f"/Groups/{east['id']}", change_of_members("add", cy))
    await feed.poll()
    assert (await roles_in(replica, tenant))["cy"] == ("editor",)

    entries = entry("editor", 2, displayName="Sales"), entry("admin", 1, displayName="East")
    await set_role_map(running_service, scim, *entries)
    assert await tell_role_changes(running_service, scim) > 0
    versions = {uid: user["meta"]["version"] for uid, user in replica.users.items()}
    await feed.poll()
    assert (await roles_in(replica, tenant))["cy"] == ("admin", "editor")
    assert {uid: user["meta"]["version"] for uid, user in replica.users.items()} == versions

    await scim.patched_user(ana, {"op": "replace", "path": "active", "value": False})
    await scim.patch(f"/Groups/{sales['id']}", change_of_members("remove", bo))
    await feed.poll()
    wanted = {"ana": (), "bo": (), "cy": ("admin", "editor")}
    assert await roles_in(replica, tenant) == wanted


async def test_a_group_that_leaves_a_group_takes_roles_with_the_next_copy(
    running_service: RunningService, scim: Scim, tenant: AsyncTenant
) -> None:
    ana = await scim.create_user("ana", active=True)
    east = await scim.create_group("East", ana["id"])
    sales = await scim.create_group("Sales", east["id"])
    await set_role_map(running_service, scim, entry("editor", 2, displayName="Sales"))
    replica = MemoryReplica()
    feed = AsyncFeed(tenant, MemoryCheckpoint(), replica=replica)
    await feed.poll()
    assert await roles_in(replica, tenant) == {"ana": ("editor",)}
    await scim.patch(f"/Groups/{sales['id']}", change_of_members("remove", east))
    await feed.poll()
    assert roles_of(replica.users[ana["id"]]) == ("editor",)  # nothing is told of her
    assert (await tenant.access(user_name="ana")).roles == ()
    await resynchronise_async(tenant, replica)
    assert await roles_in(replica, tenant) == {"ana": ()}
