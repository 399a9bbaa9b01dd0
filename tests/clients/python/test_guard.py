"""A mass removal that is held: the copy of the product stands still, and ends as the directory."""

from dataclasses import replace
from typing import Literal

import pytest

from scim_on_functions import AsyncFeed, AsyncTenant, Event, MemoryCheckpoint, MemoryReplica
from tests.support.fixtures.api_client import KEYS
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import RunningService


@pytest.mark.parametrize("decision", ["release", "undo"])
async def test_a_copy_waits_for_the_decision_and_ends_equal_to_the_directory(
    running_service: RunningService,
    scim: Scim,
    tenant: AsyncTenant,
    decision: Literal["release", "undo"],
) -> None:
    api = replace(running_service.api_of(scim), key=KEYS["events"])
    await api.patched({"guard": {"users": 2, "percent": 10, "hold": True}})
    users = [await scim.create_user(f"user{n}", active=True) for n in range(12)]
    replica = MemoryReplica()
    feed = AsyncFeed(tenant, MemoryCheckpoint(), replica=replica)
    await feed.poll()
    for each in users[:9]:
        await scim.patched_user(each, {"op": "replace", "path": "active", "value": False})
    await feed.poll()
    active = [replica.users[each["id"]]["active"] for each in users]
    assert active == [False, False, *(10 * [True])]

    hold = (await api.request("GET", "/guard")).json()["held"]
    await api.request("POST", f"/guard/{hold['id']}/{decision}")
    await feed.poll()
    shown = {each["id"]: (await scim.user(each["id"]))["active"] for each in users}
    assert {uid: user["active"] for uid, user in replica.users.items()} == shown
    assert sum(shown.values()) == (3 if decision == "release" else 10)


def test_the_notice_of_the_guard_is_of_no_resource() -> None:
    event = Event.read(
        {
            "id": "01a2278f050698373d5d233deaf81236",
            "type": "guard.held",
            "time": "2026-03-02T09:14:07.512Z",
            "guard": {
                "id": "8" * 32,
                "users": 91,
                "removed": 101,
                "activeUsers": 900,
                "groups": [{"id": "5" * 32, "users": 12}],
            },
        }
    )
    assert (event.resource_type, event.resource_id, event.version) == ("", "", None)
    assert event.guard is not None
    assert (event.guard.users, event.guard.removed, event.guard.active_users) == (91, 101, 900)
    assert event.guard.groups == (("5" * 32, 12),)
