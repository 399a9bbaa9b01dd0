"""RFC 7644 section 3.6: deleting resources."""

import asyncio
from collections import Counter

import pytest

from tests.support.fixtures.scim_client import Scim, listed, refused


@pytest.mark.rfc("7644-3.6-gone", "7644-3.6-omitted", "7644-3.6-answer")
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_a_deleted_resource_is_gone_from_everywhere(scim: Scim, endpoint: str) -> None:
    create = scim.create_user if endpoint == "/Users" else scim.create_group
    resource = await create("gone", externalId="x1")
    await create("stays")
    path = f"{endpoint}/{resource['id']}"

    answer = await scim.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")

    name = "userName" if endpoint == "/Users" else "displayName"
    for condition in (f'{name} eq "gone"', 'externalId eq "x1"', f'id eq "{resource["id"]}"'):
        assert await scim.found(endpoint, condition) == []
    assert listed(await scim.get(endpoint))["totalResults"] == 1
    refused(await scim.get(path), 404)
    refused(await scim.put(path, {"userName": "gone", "displayName": "gone"}), 404)
    refused(await scim.patch(path, {"op": "replace", "path": "externalId", "value": "y"}), 404)
    refused(await scim.delete(path), 404)


@pytest.mark.rfc("7644-3.6-name-free")
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_a_name_is_free_again_for_a_resource_of_another_id(scim: Scim, endpoint: str) -> None:
    """RFC 7643 section 3.1: an id is never given again."""
    create = scim.create_user if endpoint == "/Users" else scim.create_group
    first = await create("again")
    await scim.delete(f"{endpoint}/{first['id']}")
    assert (await create("again"))["id"] != first["id"]


async def test_a_deleted_user_leaves_its_groups(scim: Scim) -> None:
    one, two = [(await scim.create_user(name))["id"] for name in ("one", "two")]
    groups = [(await scim.create_group(name, one, two))["id"] for name in ("Sales", "Support")]
    await scim.delete(f"/Users/{one}")
    for group in groups:
        assert await scim.members(group) == {two}
    assert await scim.found("/Groups", f'members.value eq "{one}"') == []


async def test_a_deleted_group_leaves_its_users(scim: Scim) -> None:
    user = await scim.create_user()
    gone = await scim.create_group("Sales", user["id"])
    stays = await scim.create_group("Support", user["id"])
    await scim.delete(f"/Groups/{gone['id']}")
    assert [entry["value"] for entry in (await scim.user(user["id"]))["groups"]] == [stays["id"]]


async def test_of_many_deletes_at_once_one_succeeds(scim: Scim) -> None:
    user = await scim.create_user()
    answers = await asyncio.gather(*(scim.delete(f"/Users/{user['id']}") for _ in range(6)))
    assert Counter(answer.status_code for answer in answers) == {204: 1, 404: 5}
    assert listed(await scim.get("/Users"))["totalResults"] == 0
