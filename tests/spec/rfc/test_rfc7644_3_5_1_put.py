"""RFC 7644 section 3.5.1: replacing resources."""

import pytest
from scim2_models import Context, EnterpriseUser, User

from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    GROUP,
    USER,
    Resource,
    Scim,
    own,
    refused,
    shown,
)

NOBODY = "0123456789abcdef0123456789abcdef"


@pytest.mark.rfc("7644-3.5-put", "7644-3.5.1-replaces", "7644-3.5.1-answer")
async def test_what_is_not_named_is_gone_apart_from_active(scim: Scim) -> None:
    user = await scim.create_user(
        title="T", active=False, emails=[{"value": "a@b.com"}], **{ENTERPRISE: {"department": "D"}}
    )
    body = {"schemas": [USER], "userName": "ana@contoso.test", "nickName": "Ani"}

    answer = await scim.put(f"/Users/{user['id']}", body)
    replaced = shown(answer)

    expected = {"userName": "ana@contoso.test", "nickName": "Ani", "active": False}
    assert own(replaced) == expected
    assert replaced["id"] == user["id"]
    assert replaced["meta"]["created"] == user["meta"]["created"]
    assert answer.headers["etag"] == replaced["meta"]["version"] != user["meta"]["version"]
    assert answer.headers["location"] == user["meta"]["location"]
    assert await scim.found("/Users", 'emails.value eq "a@b.com"') == []
    User[EnterpriseUser].model_validate(replaced, scim_ctx=Context.RESOURCE_REPLACEMENT_RESPONSE)


async def test_what_was_read_can_be_put_back(scim: Scim) -> None:
    """Read-only attributes of the body are passed over; nothing is written when nothing differs."""
    user = await scim.create_user(title="T", **{ENTERPRISE: {"manager": {"value": "boss"}}})
    group = await scim.create_group("Sales", user["id"])
    async with scim.unchanged():
        for path in (f"/Users/{user['id']}", f"/Groups/{group['id']}"):
            read = shown(await scim.get(path))
            assert shown(await scim.put(path, read)) == read


@pytest.mark.rfc("7644-3.5.1-readonly")
async def test_the_id_and_meta_of_the_body_do_not_count(scim: Scim) -> None:
    user = await scim.create_user()
    other = await scim.create_user("bo")
    body = {"id": other["id"], "userName": "cy", "meta": {"version": "x", "created": "x"}}
    replaced = shown(await scim.put(f"/Users/{user['id']}", body))
    assert (replaced["id"], replaced["userName"]) == (user["id"], "cy")
    assert await scim.user(other["id"]) == other


async def test_a_null_or_an_empty_list_unassigns(scim: Scim) -> None:
    """RFC 7643 section 2.5."""
    user = await scim.create_user(title="T", emails=[{"value": "a@b"}])
    body: Resource = {"userName": "ana@contoso.test", "title": None, "emails": []}
    replaced = shown(await scim.put(f"/Users/{user['id']}", body))
    assert own(replaced) == {"userName": "ana@contoso.test", "active": True}


async def test_a_replacement_onto_a_taken_name_is_a_conflict(scim: Scim) -> None:
    await scim.create_user("bo")
    user = await scim.create_user("ana")
    await scim.create_group("Sales")
    group = await scim.create_group("Support")
    async with scim.unchanged():
        answer = await scim.put(f"/Users/{user['id']}", {"userName": "BO", "title": "T"})
        refused(answer, 409, "uniqueness")
        answer = await scim.put(f"/Groups/{group['id']}", {"displayName": "sales"})
        refused(answer, 409, "uniqueness")


@pytest.mark.rfc("7644-3.5.1-no-create")
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_a_put_creates_nothing(scim: Scim, endpoint: str) -> None:
    """RFC 7644 section 3.5.1: PUT MUST NOT be used to create."""
    body = {"userName": "ana", "displayName": "Ana", "id": NOBODY}
    async with scim.unchanged():
        refused(await scim.put(f"{endpoint}/{NOBODY}", body), 404)


async def test_a_group_is_replaced_with_its_members_if_they_are_named(scim: Scim) -> None:
    one, two = [(await scim.create_user(name))["id"] for name in ("one", "two")]
    group = await scim.create_group("Sales", one, externalId="x")
    path = f"/Groups/{group['id']}"

    named = {"schemas": [GROUP], "displayName": "Support", "members": [{"value": two}]}
    replaced = shown(await scim.put(path, named))
    assert [member["value"] for member in replaced["members"]] == [two]
    assert "externalId" not in replaced
    assert "groups" not in await scim.user(one)

    shown(await scim.put(path, {"displayName": "Support"}))
    assert await scim.members(group["id"]) == {two}
