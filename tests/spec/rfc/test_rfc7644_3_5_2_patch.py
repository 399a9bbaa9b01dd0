"""RFC 7644 section 3.5.2: changing resources, by the examples and rules of the RFC.

What clients send beyond the RFC, or against it, stands in `tests/spec/clients/`.
"""

import asyncio

import pytest
from scim2_models import Context, EnterpriseUser, User

from tests.support.fixtures.scim_client import ENTERPRISE, Resource, Scim, own, refused, shown

WORK: Resource = {"type": "work", "value": "babs@work.com", "primary": True}
HOME: Resource = {"type": "home", "value": "babs@jensen.org"}
WORK_ADDRESS: Resource = {"type": "work", "streetAddress": "911 Universal City Plaza"}
HOME_ADDRESS: Resource = {"type": "home", "streetAddress": "456 Hollywood Blvd"}


@pytest.mark.rfc("7644-3.5-patch", "7644-3.5.2.1-targets")
async def test_add_without_a_path_adds_each_attribute(scim: Scim) -> None:
    """Section 3.5.2.1, second example."""
    user = await scim.create_user(emails=[WORK])
    value = {"emails": [HOME], "nickName": "Babs"}
    changed = await scim.patched_user(user, {"op": "add", "value": value})
    assert changed["emails"] == [WORK, HOME]
    assert changed["nickName"] == "Babs"
    User[EnterpriseUser].model_validate(changed, scim_ctx=Context.RESOURCE_PATCH_RESPONSE)


@pytest.mark.rfc("7644-3.5.2.1-targets")
async def test_add_to_a_single_value_replaces_it_and_to_a_list_extends_it(scim: Scim) -> None:
    user = await scim.create_user(title="T", emails=[WORK])
    changed = await scim.patched_user(
        user,
        {"op": "add", "path": "title", "value": "U"},
        {"op": "add", "path": "emails", "value": HOME},
    )
    assert (changed["title"], changed["emails"]) == ("U", [WORK, HOME])


@pytest.mark.rfc("7644-3.5.2.1-present", "7644-3.5.2.1-modified")
async def test_adding_what_is_there_changes_nothing(scim: Scim) -> None:
    """Section 3.5.2.1: the time of modification stays as it is."""
    user = await scim.create_user(title="T", emails=[WORK])
    operations: list[Resource] = [
        {"op": "add", "path": "title", "value": "T"},
        {"op": "add", "path": "emails", "value": [WORK]},
        {"op": "replace", "path": 'emails[type eq "work"].value', "value": WORK["value"]},
        {"op": "remove", "path": "nickName"},
        {"op": "remove", "path": 'emails[type eq "other"]'},
    ]
    assert await scim.patched_user(user, *operations) == user


@pytest.mark.rfc("7644-3.5.2.2-filter")
async def test_remove_by_a_filter_takes_away_what_it_finds(scim: Scim) -> None:
    """Section 3.5.2.2, third example."""
    user = await scim.create_user(emails=[WORK, HOME])
    path = 'emails[type eq "work" and value ew "work.com"]'
    changed = await scim.patched_user(user, {"op": "remove", "path": path})
    assert changed["emails"] == [HOME]


@pytest.mark.rfc("7644-3.5.2.2-all", "7644-3.5.2.2-filter")
async def test_a_list_without_elements_is_absent(scim: Scim) -> None:
    user = await scim.create_user(emails=[WORK, HOME], addresses=[WORK_ADDRESS])
    changed = await scim.patched_user(
        user,
        {"op": "remove", "path": "emails[value pr]"},
        {"op": "remove", "path": "addresses"},
    )
    assert own(changed) == {"userName": "ana@contoso.test", "active": True}


@pytest.mark.rfc("7644-3.5.2.2-sub-attribute")
async def test_remove_of_a_part_leaves_the_others(scim: Scim) -> None:
    user = await scim.create_user(
        name={"givenName": "Barbara", "familyName": "Jensen"},
        addresses=[{**WORK_ADDRESS, "locality": "Hollywood"}, HOME_ADDRESS],
        **{ENTERPRISE: {"department": "D", "division": "V"}},
    )
    changed = await scim.patched_user(
        user,
        {"op": "remove", "path": "name.givenName"},
        {"op": "remove", "path": 'addresses[type eq "work"].locality'},
        {"op": "remove", "path": f"{ENTERPRISE}:department"},
    )
    assert changed["name"] == {"familyName": "Jensen"}
    assert changed["addresses"] == [WORK_ADDRESS, HOME_ADDRESS]
    assert changed[ENTERPRISE] == {"division": "V"}


@pytest.mark.rfc("7644-3.5.2.3-no-path", "7644-3.5.2.3-targets")
async def test_replace_of_a_list_replaces_all_of_it(scim: Scim) -> None:
    """Section 3.5.2.3, second example."""
    user = await scim.create_user(emails=[{"value": "old@x.com"}], nickName="Old")
    value = {"emails": [WORK, HOME], "nickName": "Babs"}
    changed = await scim.patched_user(user, {"op": "replace", "value": value})
    assert (changed["emails"], changed["nickName"]) == ([WORK, HOME], "Babs")


@pytest.mark.rfc("7644-3.5.2.3-filter", "7644-3.5.2.3-complex")
async def test_replace_of_an_element_merges_into_it(scim: Scim) -> None:
    """Section 3.5.2.3, third and fourth example: the parts that are named; the others stay."""
    user = await scim.create_user(addresses=[WORK_ADDRESS, HOME_ADDRESS])
    path = 'addresses[type eq "work"]'
    value = {"streetAddress": "1 Main Street", "locality": "Hollywood", "country": "US"}
    changed = await scim.patched_user(
        user,
        {"op": "replace", "path": path, "value": value},
        {"op": "replace", "path": f"{path}.streetAddress", "value": "1010 Broadway Ave"},
    )
    expected = {"type": "work", **value, "streetAddress": "1010 Broadway Ave"}
    assert changed["addresses"] == [expected, HOME_ADDRESS]


@pytest.mark.rfc("7644-3.5.2.3-filter")
async def test_a_filter_may_find_several(scim: Scim) -> None:
    user = await scim.create_user(emails=[WORK, HOME])
    changed = await scim.patched_user(
        user, {"op": "replace", "path": "emails[value pr].display", "value": "Babs"}
    )
    assert changed["emails"] == [{**WORK, "display": "Babs"}, {**HOME, "display": "Babs"}]


@pytest.mark.rfc("7644-3.5.2-primary")
async def test_a_new_primary_value_takes_the_place_of_the_old_one(scim: Scim) -> None:
    """Section 3.5.2: setting `primary` to true clears it elsewhere."""
    user = await scim.create_user(emails=[WORK, HOME])
    changed = await scim.patched_user(
        user, {"op": "replace", "path": 'emails[type eq "home"].primary', "value": True}
    )
    assert changed["emails"] == [{**WORK, "primary": False}, {**HOME, "primary": True}]

    added = {"type": "other", "value": "o@x.com", "primary": True}
    changed = await scim.patched_user(user, {"op": "add", "path": "emails", "value": [added]})
    assert [email["value"] for email in changed["emails"] if email["primary"]] == ["o@x.com"]


@pytest.mark.rfc("7644-3.5.2-mutability", "7644-3.5.2.2-readonly")
async def test_a_path_to_what_is_read_only_is_refused(scim: Scim) -> None:
    user = await scim.create_user()
    group = await scim.create_group("Sales", user["id"])
    operations: list[Resource] = [
        {"op": "replace", "path": "id", "value": "x"},
        {"op": "replace", "path": "meta.created", "value": "2000-01-01T00:00:00Z"},
        {"op": "remove", "path": "groups"},
        {"op": "remove", "path": f'groups[value eq "{group["id"]}"]'},
        {"op": "add", "path": "groups", "value": [{"value": group["id"]}]},
        {"op": "replace", "path": "schemas", "value": ["urn:x"]},
        {"op": "replace", "path": f"{ENTERPRISE}:manager.displayName", "value": "Bo"},
    ]
    async with scim.unchanged():
        for operation in operations:
            title = {"op": "replace", "path": "title", "value": "T"}
            answer = await scim.patch(f"/Users/{user['id']}", title, operation)
            assert "readOnly" in refused(answer, 400, "mutability")
        for path in ("id", "meta"):
            operation = {"op": "replace", "path": path, "value": "x"}
            refused(await scim.patch(f"/Groups/{group['id']}", operation), 400, "mutability")


async def test_what_is_read_only_is_passed_over_in_a_value_without_a_path(scim: Scim) -> None:
    """Okta and others send back what they have read."""
    user = await scim.create_user()
    await scim.create_group("Sales", user["id"])
    held = await scim.user(user["id"])
    value = {**held, "id": "x", "meta": {"version": "9"}, "groups": [], "schemas": ["urn:x"]}
    assert await scim.patched_user(user, {"op": "replace", "value": value}) == held


async def test_a_patch_of_nobody_is_404(scim: Scim) -> None:
    nobody = "0123456789abcdef0123456789abcdef"
    operation = {"op": "replace", "path": "displayName", "value": "X"}
    for path in (f"/Users/{nobody}", f"/Groups/{nobody}"):
        refused(await scim.patch(path, operation), 404)


@pytest.mark.rfc("7644-3.5.2-answer", "7644-3.5.2-attributes")
async def test_a_patch_of_a_group_answers_204_or_what_was_asked_for(scim: Scim) -> None:
    """Section 3.5.2: 204, unless the client asks for attributes."""
    user = await scim.create_user()
    group = await scim.create_group("Sales")
    path = f"/Groups/{group['id']}"
    add = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}

    answer = await scim.patch(path, add)
    assert answer.status_code == 204
    assert answer.headers["etag"] == (await scim.group(group["id"]))["meta"]["version"]

    rename = {"op": "replace", "path": "displayName", "value": "New"}
    shown_part = shown(await scim.patch(f"{path}?attributes=displayName", rename))
    assert shown_part == {"schemas": group["schemas"], "id": group["id"], "displayName": "New"}
    whole = shown(await scim.patch(f"{path}?attributes=members", rename))
    assert [member["value"] for member in whole["members"]] == [user["id"]]


async def test_changes_at_once_are_all_kept(scim: Scim) -> None:
    """Each is applied to what the others have left: none is lost."""
    user = await scim.create_user()
    path = f"/Users/{user['id']}"
    answers = await asyncio.gather(
        *(
            scim.patch(path, {"op": "add", "path": "roles", "value": [{"value": f"r{n}"}]})
            for n in range(8)
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    roles = {role["value"] for role in (await scim.user(user["id"]))["roles"]}
    assert roles == {f"r{n}" for n in range(8)}


async def test_members_added_at_once_are_all_there(scim: Scim) -> None:
    users = [(await scim.create_user(f"u{n}"))["id"] for n in range(8)]
    group = await scim.create_group("Sales")
    answers = await asyncio.gather(
        *(
            scim.patch(
                f"/Groups/{group['id']}",
                {"op": "add", "path": "members", "value": [{"value": user}]},
            )
            for user in users
        )
    )
    assert {answer.status_code for answer in answers} == {204}
    assert await scim.members(group["id"]) == set(users)


async def test_more_members_than_one_transaction_holds_are_added_and_replaced(scim: Scim) -> None:
    users = [
        user["id"] for user in await asyncio.gather(*(scim.create_user(f"u{n}") for n in range(45)))
    ]
    group = await scim.create_group("Everyone", *users)
    assert {member["value"] for member in group["members"]} == set(users)

    kept = {"op": "replace", "path": "members", "value": [{"value": user} for user in users[:2]]}
    assert (await scim.patch(f"/Groups/{group['id']}", kept)).status_code == 204
    assert await scim.members(group["id"]) == set(users[:2])
