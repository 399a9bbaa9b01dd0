"""A custom extension of User, as docs/extending.md shows it, is an extension like the built-in one.

Entra sends its attributes under `urn:...:User:name` in both PATCH dialects, in the letter case of
whoever typed the mapping, and never lists the URN in `schemas`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.fixtures.scim_client import ENTERPRISE, USER, Scim, created, refused, shown

EXTENSION = "urn:ietf:params:scim:schemas:extension:contoso:2.0:User"

SPELLINGS = {
    "as in the schema": EXTENSION,
    "in lower case": EXTENSION.lower(),
    "in capitals": EXTENSION.upper(),
}

spelled = pytest.mark.parametrize("urn", SPELLINGS.values(), ids=SPELLINGS)


def body(**attributes: Any) -> dict[str, Any]:
    """A user as Entra creates one: its `schemas` name what is built in."""
    return {"schemas": [USER, ENTERPRISE], "userName": "ana@contoso.test", **attributes}


@pytest.fixture
async def user(extended: Scim) -> dict[str, Any]:
    """A user with a value of each kind."""
    extension = {
        "costCode": "C-1",
        "monthlyBudget": 12.5,
        "contractor": True,
        "contractEnd": "2030-01-31T12:00:00Z",
        "projects": ["apollo", "gemini"],
        "approvers": [{"value": "u1", "type": "travel", "primary": True}],
    }
    return created(await extended.post("/Users", {**body(), EXTENSION: extension}))


async def test_it_is_stored_shown_and_named_in_schemas(extended: Scim, user: Any) -> None:
    assert user["schemas"] == [USER, EXTENSION]
    assert user[EXTENSION] == {
        "costCode": "C-1",
        "monthlyBudget": 12.5,
        "contractor": True,
        "contractEnd": "2030-01-31T12:00:00Z",
        "projects": ["apollo", "gemini"],
        "approvers": [{"value": "u1", "type": "travel", "primary": True}],
    }
    assert await extended.user(user["id"]) == user


async def test_a_user_without_it_is_as_before(extended: Scim) -> None:
    plain = await extended.create_user()
    assert plain["schemas"] == [USER]
    assert EXTENSION not in plain


@spelled
async def test_create_takes_keys_with_the_urn_and_an_object_under_it(
    extended: Scim, urn: str
) -> None:
    flat = created(await extended.post("/Users", body(**{f"{urn}:costCode": "C-1"})))
    assert flat[EXTENSION] == {"costCode": "C-1"}
    nested = {urn: {"COSTCODE": "C-2"}, "userName": "bo@contoso.test"}
    assert created(await extended.post("/Users", nested))[EXTENSION] == {"costCode": "C-2"}


@spelled
async def test_patch_in_the_older_dialect_of_entra(extended: Scim, user: Any, urn: str) -> None:
    answer = await extended.patched_user(
        user,
        {"op": "Replace", "path": f"{urn}:costCode", "value": "C-2"},
        {"op": "Add", "path": f"{urn}:monthlyBudget", "value": "20"},
        {"op": "Replace", "path": f"{urn}:contractor", "value": "False"},
        {"op": "Add", "path": f"{urn}:badgeNumber", "value": [{"$ref": None, "value": "7"}]},
        {"op": "Add", "path": f"{urn}:projects", "value": ["mercury"]},
        {"op": "Replace", "path": f'{urn}:approvers[type eq "travel"].value', "value": "u2"},
        {"op": "Add", "path": f'{urn}:approvers[type eq "hardware"].value', "value": "u3"},
        {"op": "Remove", "path": f"{urn}:contractEnd"},
    )
    assert answer[EXTENSION] == {
        "costCode": "C-2",
        "monthlyBudget": 20,
        "contractor": False,
        "badgeNumber": 7,
        "projects": ["apollo", "gemini", "mercury"],
        "approvers": [
            {"value": "u2", "type": "travel", "primary": True},
            {"type": "hardware", "value": "u3"},
        ],
    }


@spelled
async def test_patch_without_a_path(extended: Scim, user: Any, urn: str) -> None:
    value = {
        f"{urn}:costCode": "C-2",
        urn: {"monthlyBudget": 20, "projects": ["mercury"]},
        f'{urn}:approvers[type eq "travel"].value': "u2",
        "displayName": "Ana",
    }
    answer = await extended.patched_user(user, {"op": "Replace", "value": value})
    assert answer["displayName"] == "Ana"
    extension = answer[EXTENSION]
    assert (extension["costCode"], extension["monthlyBudget"]) == ("C-2", 20)
    assert extension["projects"] == ["mercury"]
    assert extension["approvers"] == [{"value": "u2", "type": "travel", "primary": True}]


async def test_patch_takes_an_attribute_without_its_urn_and_an_object_at_the_urn(
    extended: Scim, user: Any
) -> None:
    answer = await extended.patched_user(
        user,
        {"op": "replace", "path": "costCode", "value": "C-2"},
        {"op": "add", "path": EXTENSION, "value": {"monthlyBudget": 1}},
    )
    assert (answer[EXTENSION]["costCode"], answer[EXTENSION]["monthlyBudget"]) == ("C-2", 1)


async def test_values_are_removed_one_by_one_and_all_at_once(extended: Scim, user: Any) -> None:
    projects, approvers = f"{EXTENSION}:projects", f"{EXTENSION}:approvers"
    answer = await extended.patched_user(
        user,
        {"op": "Remove", "path": projects, "value": ["APOLLO"]},
        {"op": "Remove", "path": f'{approvers}[value eq "u1"]'},
    )
    assert answer[EXTENSION]["projects"] == ["gemini"]
    assert "approvers" not in answer[EXTENSION]
    answer = await extended.patched_user(answer, {"op": "Remove", "path": EXTENSION})
    assert answer["schemas"] == [USER]
    assert EXTENSION not in answer


@pytest.mark.parametrize("value", ["", None], ids=["empty", "null"])
async def test_entra_unassigns_by_an_empty_value(
    extended: Scim, user: Any, value: str | None
) -> None:
    answer = await extended.patched_user(
        user, {"op": "replace", "path": f"{EXTENSION}:costCode", "value": value}
    )
    assert "costCode" not in answer[EXTENSION]


async def test_put_replaces_it_and_leaves_the_enterprise_extension_its_own(
    extended: Scim, user: Any
) -> None:
    replaced = body(**{EXTENSION: {"costCode": "C-2"}, ENTERPRISE: {"department": "R&D"}})
    answer = shown(await extended.put(f"/Users/{user['id']}", replaced))
    assert answer[EXTENSION] == {"costCode": "C-2"}
    assert answer[ENTERPRISE] == {"department": "R&D"}
    assert answer["schemas"] == [USER, ENTERPRISE, EXTENSION]


@spelled
@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('{urn}:costCode eq "C-1"', True),
        ('{urn}:costCode eq "c-1"', False),
        ('costCode eq "C-1"', True),
        ("{urn}:monthlyBudget gt 12", True),
        ("{urn}:monthlyBudget le 12", False),
        ('{urn}:contractor eq "True"', True),
        ('{urn}:contractEnd lt "2030-01-31T14:00:00+01:00"', True),
        ('{urn}:projects eq "GEMINI"', True),
        ('{urn}:projects sw "merc"', False),
        ('{urn}:approvers[type eq "travel" and value eq "u1"]', True),
        ('{urn}:approvers[type eq "hardware"]', False),
        ("{urn}:badgeNumber pr", False),
        ('userName eq "ana@contoso.test" and {urn}:costCode sw "C"', True),
        ('not ({urn}:costCode co "1")', False),
    ],
)
async def test_filters(extended: Scim, user: Any, urn: str, condition: str, holds: bool) -> None:
    found = await extended.found("/Users", condition.format(urn=urn))
    assert found == ([user["id"]] if holds else [])


async def test_a_list_is_sorted_by_it(extended: Scim) -> None:
    for name, budget in (("a", 10), ("b", 9), ("c", None)):
        await extended.create_user(name, **{EXTENSION: {"monthlyBudget": budget}})
    page = shown(await extended.get(f"/Users?sortBy={EXTENSION}:monthlyBudget"))
    assert [each["userName"] for each in page["Resources"]] == ["b", "a", "c"]


@spelled
async def test_projection(extended: Scim, user: Any, urn: str) -> None:
    place = f"/Users/{user['id']}"
    only = shown(await extended.get(f"{place}?attributes={urn}:costCode,userName"))
    assert only[EXTENSION] == {"costCode": "C-1"}
    assert only["userName"] == user["userName"]
    whole = shown(await extended.get(f"{place}?attributes={urn}"))
    assert whole[EXTENSION] == user[EXTENSION]
    without = shown(await extended.get(f"{place}?excludedAttributes={urn}:projects,{urn}:costCode"))
    assert not without[EXTENSION].keys() & {"projects", "costCode"}
    assert without[EXTENSION]["monthlyBudget"] == 12.5
    assert EXTENSION not in shown(await extended.get(f"{place}?excludedAttributes={urn}"))


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("monthlyBudget", "much"),
        ("contractor", "maybe"),
        ("contractEnd", "soon"),
        ("badgeNumber", 1.5),
        ("costCode", ["a", "b"]),
        ("costCode", {"a": 1}),
        ("approvers", ["u1"] * 1_001),
    ],
)
async def test_a_value_of_another_type_is_refused_and_changes_nothing(
    extended: Scim, user: Any, attribute: str, value: Any
) -> None:
    path = f"{EXTENSION}:{attribute}"
    async with extended.unchanged():
        answer = await extended.patch(
            f"/Users/{user['id']}",
            {"op": "replace", "path": "displayName", "value": "changed"},
            {"op": "replace", "path": path, "value": value},
        )
        assert path in refused(answer, 400, "invalidValue")
        answer = await extended.post("/Users", {"userName": "bo", EXTENSION: {attribute: value}})
        assert path in refused(answer, 400, "invalidValue")


async def test_a_required_part_is_required_in_every_value(extended: Scim, user: Any) -> None:
    path = f"{EXTENSION}:approvers"
    async with extended.unchanged():
        for operation in (
            {"op": "add", "path": path, "value": [{"type": "hardware"}]},
            {"op": "add", "path": f'{path}[type eq "hardware"].primary', "value": True},
        ):
            answer = await extended.patch(f"/Users/{user['id']}", operation)
            assert f"{path}.value is required" in refused(answer, 400, "invalidValue")


@pytest.mark.rfc("7644-3.5.1-immutable-mismatch")
async def test_what_is_immutable_is_set_once(extended: Scim, user: Any) -> None:
    place, path = f"/Users/{user['id']}", f"{EXTENSION}:badgeNumber"
    user = await extended.patched_user(user, {"op": "add", "path": path, "value": 7})
    user = await extended.patched_user(user, {"op": "replace", "path": path, "value": "7"})
    async with extended.unchanged():
        for operation in (
            {"op": "Replace", "path": path, "value": 8},
            {"op": "Add", "value": {EXTENSION: {"badgeNumber": 8, "costCode": "C-2"}}},
            {"op": "Remove", "path": path},
            {"op": "Remove", "path": EXTENSION},
        ):
            answer = await extended.patch(place, operation)
            assert path in refused(answer, 400, "mutability")
        answer = await extended.put(place, body(**{EXTENSION: {"badgeNumber": 8}}))
        assert path in refused(answer, 400, "mutability")
    kept = shown(await extended.put(place, body(**{EXTENSION: {"costCode": "C-2"}})))
    assert kept[EXTENSION] == {"costCode": "C-2", "badgeNumber": 7}


@pytest.mark.rfc("7644-3.5.1-immutable-new")
async def test_a_put_sets_what_is_immutable_and_has_no_value(extended: Scim, user: Any) -> None:
    place = f"/Users/{user['id']}"
    kept = shown(await extended.put(place, body(**{EXTENSION: {"badgeNumber": 8}})))
    assert kept[EXTENSION] == {"badgeNumber": 8}
    assert await extended.user(user["id"]) == kept


async def test_what_it_does_not_have_is_ignored_as_everywhere(extended: Scim, user: Any) -> None:
    answer = await extended.patched_user(
        user,
        {"op": "add", "path": f"{EXTENSION}:unknown", "value": "x"},
        {"op": "add", "value": {f"{EXTENSION}:other": "x", EXTENSION: {"third": 1}}},
    )
    assert answer[EXTENSION] == user[EXTENSION]
    assert answer["meta"]["version"] == user["meta"]["version"]
