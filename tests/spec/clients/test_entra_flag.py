"""Microsoft Entra ID with `aadOptscim062020` in the Tenant URL.

Operations are in lower case and booleans are booleans. Paths with a filter stay operations of their
own; everything else comes in one replace without a path, under dotted and URN-prefixed keys. A
service cannot tell which dialect is coming, so both are understood everywhere, mixed too. The
letters and numbers in the docstrings are those of `tests/spec/clients/README.md`.
"""

from typing import Any

import pytest

from tests.support.fixtures.scim_client import ENTERPRISE, USER, Resource, Scim, own, refused

WORK_EMAIL = 'emails[type eq "work"].value'


async def test_an_update_is_one_replace_with_dotted_and_urn_keys(entra: Scim) -> None:
    """A6, E5."""
    user = await entra.create_user(
        name={"givenName": "Ana", "familyName": "Ruiz", "formatted": "Ana Ruiz"},
        emails=[{"type": "work", "value": "a@contoso.test", "primary": True}],
        **{ENTERPRISE: {"department": "R&D", "employeeNumber": "7"}},
    )

    changed = await entra.patched_user(
        user,
        {"op": "replace", "path": WORK_EMAIL, "value": "b@contoso.test"},
        {
            "op": "replace",
            "value": {
                "displayName": "Bo",
                "name.givenName": "Bo",
                "name.familyName": "Li",
                f"{ENTERPRISE}:employeeNumber": "88",
            },
        },
    )

    assert own(changed) == {
        "userName": "ana@contoso.test",
        "active": True,
        "displayName": "Bo",
        "name": {"givenName": "Bo", "familyName": "Li", "formatted": "Ana Ruiz"},
        "emails": [{"type": "work", "value": "b@contoso.test", "primary": True}],
        ENTERPRISE: {"department": "R&D", "employeeNumber": "88"},
    }


KEYS: dict[str, tuple[Resource, Resource]] = {
    "plain": ({"displayName": "X"}, {"displayName": "X"}),
    "plain in another letter case": ({"DisplayName": "X"}, {"displayName": "X"}),
    "dotted": ({"name.givenName": "X"}, {"name": {"givenName": "X", "familyName": "R"}}),
    "dotted in another letter case": (
        {"NAME.givenname": "X"},
        {"name": {"givenName": "X", "familyName": "R"}},
    ),
    "an object, merged": (
        {"name": {"givenName": "X"}},
        {"name": {"givenName": "X", "familyName": "R"}},
    ),
    "an object in another letter case": (
        {"NAME": {"givenname": "X"}},
        {"name": {"givenName": "X", "familyName": "R"}},
    ),
    "URN of an extension attribute": (
        {f"{ENTERPRISE}:department": "X"},
        {ENTERPRISE: {"department": "X", "division": "D"}},
    ),
    "URN in capitals": (
        {f"{ENTERPRISE.upper()}:DEPARTMENT": "X"},
        {ENTERPRISE: {"department": "X", "division": "D"}},
    ),
    "URN of the extension, with an object": (
        {ENTERPRISE: {"department": "X"}},
        {ENTERPRISE: {"department": "X", "division": "D"}},
    ),
    "URN of a core attribute": ({f"{USER}:displayName": "X"}, {"displayName": "X"}),
    "URN of the core schema, with an object": ({USER: {"displayName": "X"}}, {"displayName": "X"}),
    "URN, dotted": (
        {f"{ENTERPRISE}:manager.value": "X"},
        {ENTERPRISE: {"division": "D", "manager": {"value": "X"}}},
    ),
    "a filter": ({WORK_EMAIL: "X"}, {"emails": [{"type": "work", "value": "X"}]}),
    "a role filter": (
        {'roles[primary eq "True"].value': "X"},
        {"roles": [{"primary": True, "value": "X"}]},
    ),
    "an unknown key": ({"favouriteColour": "X", "x.y": "X", "urn:acme:2.0:User:tag": "X"}, {}),
    "id and meta": ({"id": "X", "meta": {"version": "X"}, "schemas": ["X"]}, {}),
    "a boolean": ({"active": False}, {"active": False}),
    "a boolean as a string": ({"active": "False"}, {"active": False}),
    "cleared by an empty string": ({"title": ""}, {"title": None}),
    "cleared by null": ({"title": None}, {"title": None}),
    "a dotted one cleared": ({"name.familyName": ""}, {"name": None}),
    "nothing": ({}, {}),
}


@pytest.mark.parametrize("op", ["replace", "add", "Replace"])
@pytest.mark.parametrize(("value", "after"), KEYS.values(), ids=KEYS.keys())
async def test_a_replace_without_a_path_understands_every_key(
    entra: Scim, op: str, value: Resource, after: Resource
) -> None:
    """A6, A9, E1, E5, E7, E19, E22."""
    user = await entra.create_user(
        title="T", name={"familyName": "R"}, **{ENTERPRISE: {"division": "D"}}
    )
    changed = await entra.patched_user(user, {"op": op, "value": value})
    expected = {**own(user), **after}
    assert own(changed) == {name: part for name, part in expected.items() if part is not None}


async def test_a_null_or_empty_path_is_no_path(entra: Scim) -> None:
    """A6."""
    user = await entra.create_user()
    changed = await entra.patched_user(
        user,
        {"op": "replace", "path": None, "value": {"displayName": "X"}},
        {"op": "replace", "path": "", "value": {"title": "Y"}},
    )
    assert (changed["displayName"], changed["title"]) == ("X", "Y")


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "active", "value": False},
        {"op": "replace", "value": {"active": False}},
        {"op": "Replace", "value": {"active": "False"}},
    ],
    ids=["path", "no path", "mixed"],
)
async def test_a_user_is_disabled(entra: Scim, operation: Resource) -> None:
    """A6, A9, B1.8."""
    user = await entra.create_user()
    assert (await entra.patched_user(user, operation))["active"] is False


async def test_both_dialects_are_understood_in_one_request(entra: Scim) -> None:
    """A6: which of them the connector of a gallery application speaks is not published."""
    user = await entra.create_user()
    changed = await entra.patched_user(
        user,
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "replace", "value": {"name.givenName": "Ana", "displayName": "A"}},
        {"op": "Add", "path": "displayName", "value": "B"},
        {"op": "add", "path": WORK_EMAIL, "value": "x"},
    )
    assert own(changed) == {
        "userName": "ana@contoso.test",
        "active": False,
        "name": {"givenName": "Ana"},
        "displayName": "B",
        "emails": [{"type": "work", "value": "x"}],
    }


async def test_a_member_is_removed_by_a_filter(entra: Scim) -> None:
    """A6, A10, E6."""
    users = [(await entra.create_user(f"u{n}@x.test"))["id"] for n in range(3)]
    group = await entra.create_group("Sales", *users)
    answer = await entra.patch(
        f"/Groups/{group['id']}",
        {"op": "remove", "path": f'members[value eq "{users[0]}"]'},
        {"op": "remove", "path": f'MEMBERS[VALUE EQ "{users[1]}"]'},
    )
    assert answer.status_code == 204
    assert await entra.members(group["id"]) == {users[2]}


async def test_members_are_added_and_removed_in_one_request(entra: Scim) -> None:
    """A6, A10, B1.preview: in the order of the operations."""
    users = [(await entra.create_user(f"u{n}@x.test"))["id"] for n in range(3)]
    group = await entra.create_group("Sales", users[0])
    answer = await entra.patch(
        f"/Groups/{group['id']}",
        {"op": "add", "path": "members", "value": [{"value": users[1]}, {"value": users[2]}]},
        {"op": "remove", "path": f'members[value eq "{users[1]}"]'},
        {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": users[0]}]},
        {"op": "replace", "value": {"displayName": "Support"}},
    )
    assert answer.status_code == 204
    shown = await entra.group(group["id"])
    assert shown["displayName"] == "Support"
    assert [member["value"] for member in shown["members"]] == [users[2]]


@pytest.mark.parametrize("value", [{"displayName": "New"}, {"externalId": "9bb2"}])
async def test_a_replace_that_does_not_name_members_leaves_them(
    entra: Scim, value: dict[str, Any]
) -> None:
    """A10, E16, B1.21: taken for an empty list, it emptied groups (langwatch#7131)."""
    user = await entra.create_user()
    group = await entra.create_group("Sales", user["id"])
    answer = await entra.patch(f"/Groups/{group['id']}", {"op": "replace", "value": value})
    assert answer.status_code == 204
    changed = await entra.group(group["id"])
    assert {**group, **value, "meta": None} == {**changed, "meta": None}


async def test_a_refused_operation_undoes_those_before_it(entra: Scim) -> None:
    """E23: one request is one change."""
    users = [(await entra.create_user(f"u{n}@x.test"))["id"] for n in range(2)]
    group = await entra.create_group("Sales", users[0])
    async with entra.unchanged():
        answer = await entra.patch(
            f"/Groups/{group['id']}",
            {"op": "add", "path": "members", "value": [{"value": users[1]}]},
            {"op": "replace", "value": {"displayName": "Support"}},
            {"op": "replace", "value": {"displayName": ""}},
        )
        assert "displayName" in refused(answer, 400, "mutability")
        answer = await entra.patch(
            f"/Users/{users[0]}",
            {"op": "replace", "value": {"title": "X"}},
            {"op": "replace", "value": {"active": "perhaps"}},
        )
        assert "active" in refused(answer, 400, "invalidValue")
