"""RFC 7644 section 3.4.1: reading one resource."""

import uuid

import pytest
from scim2_models import Context, EnterpriseUser, Group, User

from tests.support.fixtures.scim_client import Scim, refused, shown


async def test_a_resource_is_read_at_its_location(scim: Scim) -> None:
    user = await scim.create_user()
    group = await scim.create_group("Sales", user["id"])

    answer = await scim.get(f"/Users/{user['id']}")
    read = shown(answer)
    assert answer.headers["location"] == read["meta"]["location"] == user["meta"]["location"]
    assert answer.headers["etag"] == read["meta"]["version"]
    User[EnterpriseUser].model_validate(read, scim_ctx=Context.RESOURCE_QUERY_RESPONSE)

    assert await scim.group(group["id"]) == group
    Group.model_validate(group, scim_ctx=Context.RESOURCE_QUERY_RESPONSE)


@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_an_unknown_id_is_404(scim: Scim, endpoint: str) -> None:
    refused(await scim.get(f"{endpoint}/{uuid.uuid4().hex}"), 404)


async def test_an_id_is_exact(scim: Scim) -> None:
    """RFC 7643 section 3.1: `id` is caseExact; a user's id is no group's."""
    user = await scim.create_user("ana-of-the-letters")
    refused(await scim.get(f"/Groups/{user['id']}"), 404)
    refused(await scim.get(f"/Users/{user['id']}0"), 404)
    refused(await scim.get(f"/Users/{user['id'][:-1]}"), 404)
    if user["id"].upper() != user["id"]:
        refused(await scim.get(f"/Users/{user['id'].upper()}"), 404)


@pytest.mark.parametrize("path", ["/users/{id}", "/USERS/{id}/", "/Users/{id}/"])
async def test_endpoints_are_found_in_any_letter_case_and_with_a_slash(
    scim: Scim, path: str
) -> None:
    user = await scim.create_user()
    assert shown(await scim.get(path.format(id=user["id"]))) == user


async def test_a_user_without_groups_and_a_group_without_members(scim: Scim) -> None:
    """A user's `groups` are absent then; a group shows an empty list, which clients ask for."""
    assert "groups" not in await scim.create_user()
    assert (await scim.create_group())["members"] == []
