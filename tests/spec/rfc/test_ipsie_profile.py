"""What the IPSIE profile of SCIM asks of an application beyond RFC 7644.

OpenID IPSIE AL SCIM 2.0 Profile, draft 00, of September 2026. What other tests show is listed in
`tests/spec/conformance/profiles.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.fixtures.scim_client import created, shown

if TYPE_CHECKING:
    from tests.support.fixtures.scim_client import Scim

MEMBERS = 50
"""Operations on members in one PATCH that an application takes at least."""


async def test_a_user_is_deactivated_and_activated_again_by_patch(scim: Scim) -> None:
    user = await scim.create_user("ana")
    for active in (False, True):
        operation = {"op": "replace", "path": "active", "value": active}
        assert (await scim.patched_user(user, operation))["active"] is active
        assert (await scim.user(user["id"]))["active"] is active


async def test_the_name_of_a_deleted_user_is_free(scim: Scim) -> None:
    user = await scim.create_user("ana", externalId="x-1")
    assert (await scim.delete(f"/Users/{user['id']}")).status_code == 204
    again = created(await scim.post("/Users", {"userName": "ANA", "externalId": "x-1"}))
    assert again["id"] != user["id"]


@pytest.mark.parametrize(
    "condition",
    [
        'userName eq "ana"',
        'externalId eq "x-1"',
        'emails[value eq "ana@example.com"]',
        'emails[type eq "work" and value eq "ana@example.com"]',
    ],
)
async def test_users_are_found_by_each_of_their_identifiers(scim: Scim, condition: str) -> None:
    await scim.create_user("bo", externalId="x-2", emails=[{"value": "bo@example.com"}])
    user = await scim.create_user(
        "ana", externalId="x-1", emails=[{"value": "ana@example.com", "type": "work"}]
    )
    assert await scim.found("/Users", condition) == [user["id"]]


async def test_groups_are_found_by_each_of_their_identifiers(scim: Scim) -> None:
    user = await scim.create_user("ana")
    await scim.create_group("Others", externalId="g-2")
    group = created(
        await scim.post(
            "/Groups",
            {"displayName": "Staff", "externalId": "g-1", "members": [{"value": user["id"]}]},
        )
    )
    for condition in (
        'displayName eq "Staff"',
        'externalId eq "g-1"',
        f'members[value eq "{user["id"]}"]',
    ):
        assert await scim.found("/Groups", condition) == [group["id"]]


async def test_one_patch_adds_and_removes_fifty_members_each_by_an_operation(scim: Scim) -> None:
    users = [(await scim.create_user(f"user{number}"))["id"] for number in range(MEMBERS)]
    group = await scim.create_group("Staff")
    adds = [{"op": "add", "path": "members", "value": [{"value": each}]} for each in users]
    removes = [{"op": "remove", "path": f'members[value eq "{each}"]'} for each in users]
    path = f"/Groups/{group['id']}"
    assert (await scim.patch(path, *adds)).status_code == 204
    assert await scim.members(group["id"]) == set(users)
    assert (await scim.patch(path, *removes)).status_code == 204
    assert await scim.members(group["id"]) == set()


async def test_a_group_is_created_without_members(scim: Scim) -> None:
    group = created(await scim.post("/Groups", {"displayName": "Staff"}))
    assert await scim.members(group["id"]) == set()


async def test_one_patch_changes_several_attributes(scim: Scim) -> None:
    user = await scim.create_user("ana")
    patched = await scim.patched_user(
        user,
        {"op": "replace", "path": "displayName", "value": "Ana"},
        {"op": "replace", "path": "title", "value": "Engineer"},
        {"op": "replace", "path": "active", "value": False},
    )
    assert (patched["displayName"], patched["title"], patched["active"]) == (
        "Ana",
        "Engineer",
        False,
    )


@pytest.mark.parametrize("count", [100, 200])
async def test_a_page_of_a_hundred_may_be_asked_for(scim: Scim, count: int) -> None:
    for number in range(3):
        await scim.create_user(f"user{number}")
    page = shown(await scim.get(f"/Users?count={count}"))
    assert (page["itemsPerPage"], page["totalResults"]) == (3, 3)
