"""Groups of one displayName: refused, unless the setting `groupNames` of the tenant lets them be.

RFC 7643 section 4.2 leaves it to the service. Entra and Okta match groups by displayName unless
they are told to match them by externalId, and then names may repeat.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.fixtures.api_client import KEYS, Api
from tests.support.fixtures.scim_client import created, refused, shown

if TYPE_CHECKING:
    from tests.support.fixtures.scim_client import Scim
    from tests.support.fixtures.service import RunningService

FEW, MANY = 2, 50


@pytest.fixture
def api(running_service: RunningService, scim: Scim) -> Api:
    service = running_service.api_of(scim)
    return Api(service.http, service.base_url, service.tenant, KEYS["events"])


@pytest.fixture
async def repeating(scim: Scim, api: Api) -> Scim:
    """A tenant whose groups may have one name, and in which one was created before that."""
    await scim.create_group("Staff", externalId="g-0")
    assert (await api.patched({"groupNames": "repeat"}))["groupNames"] == "repeat"
    return scim


async def named(scim: Scim, name: str = "staff") -> set[str]:
    """The externalIds of the groups that a name finds."""
    page = shown(await scim.get(f"/Groups?filter=displayName%20eq%20%22{name}%22"))
    return {group["externalId"] for group in page["Resources"]}


async def test_a_name_is_of_one_group(scim: Scim) -> None:
    await scim.create_group("Staff")
    response = await scim.post("/Groups", {"displayName": "STAFF", "externalId": "g-1"})
    refused(response, 409, "uniqueness")


async def test_names_repeat_and_find_all_their_groups(repeating: Scim) -> None:
    for number in (1, 2):
        await repeating.create_group("STAFF", externalId=f"g-{number}")
    assert await named(repeating) == {"g-0", "g-1", "g-2"}
    page = shown(await repeating.get("/Groups?filter=externalId%20eq%20%22g-1%22"))
    assert page["totalResults"] == 1


@pytest.mark.parametrize("members", [FEW, MANY])
async def test_a_group_with_members_may_have_the_name_of_another(
    repeating: Scim, members: int
) -> None:
    users = [(await repeating.create_user(f"user{number}"))["id"] for number in range(members)]
    body = {
        "displayName": "Staff",
        "externalId": "g-1",
        "members": [{"value": each} for each in users],
    }
    group = created(await repeating.post("/Groups", body))
    assert await repeating.members(group["id"]) == set(users)
    assert await named(repeating) == {"g-0", "g-1"}


async def test_a_group_is_renamed_to_the_name_of_another_and_back(repeating: Scim) -> None:
    group = await repeating.create_group("Sales", externalId="g-1")
    path = f"/Groups/{group['id']}"
    for name, finds in (("Staff", {"g-0", "g-1"}), ("Sales", {"g-0"}), ("staff", {"g-0", "g-1"})):
        operation = {"op": "replace", "path": "displayName", "value": name}
        assert (await repeating.patch(path, operation)).status_code == 204
        assert await named(repeating) == finds


async def test_a_group_of_before_is_renamed_and_its_old_name_is_free(repeating: Scim) -> None:
    (old,) = shown(await repeating.get("/Groups?filter=externalId%20eq%20%22g-0%22"))["Resources"]
    operation = {"op": "replace", "path": "displayName", "value": "Sales"}
    assert (await repeating.patch(f"/Groups/{old['id']}", operation)).status_code == 204
    await repeating.create_group("Sales", externalId="g-1")
    assert await named(repeating) == set()
    assert await named(repeating, "sales") == {"g-0", "g-1"}


async def test_a_deleted_group_takes_its_own_name_alone(repeating: Scim) -> None:
    group = await repeating.create_group("Staff", externalId="g-1")
    assert (await repeating.delete(f"/Groups/{group['id']}")).status_code == 204
    assert await named(repeating) == {"g-0"}


async def test_other_attributes_change_without_the_name(repeating: Scim) -> None:
    group = await repeating.create_group("Staff", externalId="g-1")
    operation = {"op": "replace", "path": "externalId", "value": "g-2"}
    assert (await repeating.patch(f"/Groups/{group['id']}", operation)).status_code == 204
    assert await named(repeating) == {"g-0", "g-2"}


@pytest.mark.parametrize("value", ["unique", None])
async def test_it_is_for_good(repeating: Scim, api: Api, value: str | None) -> None:
    await repeating.create_group("Staff", externalId="g-1")
    response = await api.patch({"groupNames": value, "requestsPerSecond": 100})
    assert response.status_code == 400
    assert "stays so" in response.json()["detail"]
    assert await named(repeating) == {"g-0", "g-1"}


async def test_a_role_is_given_by_every_group_of_the_name(repeating: Scim, api: Api) -> None:
    user = await repeating.create_user("ana")
    body = {"displayName": "Staff", "externalId": "g-1", "members": [{"value": user["id"]}]}
    created(await repeating.post("/Groups", body))
    entry = {"group": {"displayName": "Staff"}, "role": "editor", "priority": 1}
    told = await api.patched({"roleMap": [entry]})
    assert told["warnings"] == [{"entry": 0, "reason": "severalGroups"}]
    reader = replace(api, key=KEYS["reader"])
    access = await reader.request("GET", "/access?userName=ana")
    assert access.json()["roles"] == ["editor"]
