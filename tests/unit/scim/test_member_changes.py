"""Members of a group: every shape in which they come, and what several operations make of them."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from shared.errors import (
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    Mutability,
    NoTarget,
    ScimError,
)
from shared.scim.core_schemas import GROUP, GROUP_SCHEMA
from shared.scim.members import MemberChange, from_document, split_members
from shared.scim.messages import parse_patch
from shared.scim.operations import PatchOperation


def split(*operations: Any) -> tuple[list[PatchOperation], MemberChange]:
    return split_members(GROUP, parse_patch({"Operations": list(operations)}))


def change(*operations: Any) -> MemberChange:
    rest, members = split(*operations)
    assert rest == []
    return members


def of_users(**change: Any) -> MemberChange:
    """A change of the members that are users alone."""
    return MemberChange(**change, groups=MemberChange())


def of_groups(**change: Any) -> MemberChange:
    """A change of the members that are groups alone."""
    return MemberChange(groups=MemberChange(**change))


def op(kind: str, path: str | None = "members", **value: Any) -> dict[str, Any]:
    return {"op": kind, "path": path, **value}


@pytest.mark.parametrize(
    "value",
    [
        [{"$ref": None, "value": "u1"}, {"$ref": None, "value": "u2"}],
        [{"VALUE": "u1", "display": "Ana", "type": ""}, {"value": " u2 "}],
        ["u1", "u2"],
        ["u1", None, {"value": ["u2"]}, "u1"],
    ],
)
def test_a_list_of_members_comes_in_every_shape(value: Any) -> None:
    assert change(op("Add", value=value)) == MemberChange(add=("u1", "u2"))
    assert change(op("Remove", value=value)) == MemberChange(remove=("u1", "u2"))
    assert change(op("Replace", value=value)) == MemberChange(replace=True, add=("u1", "u2"))
    assert from_document({"members": value}) == MemberChange(replace=True, add=("u1", "u2"))


@pytest.mark.parametrize(
    "value",
    [
        *("u1", {"value": "u1"}, [{"value": "u1", "$ref": "https://x/Devices/u1", "type": None}]),
        *('{"value":"u1"}', ['{"value":"u1"}'], '[{"value":"u1"}]', '["u1"]', {"members": ["u1"]}),
        *([{"value": '{"value":"u1"}'}], {"MEMBERS": "u1"}, {f"{GROUP_SCHEMA}:members": "u1"}),
    ],
)
def test_one_member_needs_no_list(value: Any) -> None:
    assert change(op("add", value=value)) == MemberChange(add=("u1",))


@pytest.mark.parametrize(
    "path", ["members", "MEMBERS", f"{GROUP_SCHEMA}:members", f"{GROUP_SCHEMA.upper()}:Members"]
)
def test_the_path_is_read_in_every_spelling(path: str) -> None:
    assert change(op("add", path, value="u1")) == MemberChange(add=("u1",))


@pytest.mark.parametrize("key", ["members", "Members", f"{GROUP_SCHEMA}:members"])
def test_members_are_taken_out_of_a_value_for_the_whole_group(key: str) -> None:
    rest, members = split({"op": "replace", "value": {key: ["u1"], "displayName": "S", "id": "g"}})
    assert members == MemberChange(replace=True, add=("u1",))
    assert rest == [PatchOperation(0, "replace", "displayName", "S")]


def test_members_may_stand_under_the_urn_of_the_schema() -> None:
    value = {GROUP_SCHEMA: {"members": [{"value": "u1"}]}}
    assert change({"op": "add", "value": value}) == MemberChange(add=("u1",))
    assert from_document(value) == MemberChange(replace=True, add=("u1",))


def test_other_operations_keep_their_place_in_the_request() -> None:
    rest, members = split(
        op("add", value="u1"), op("replace", "displayName", value="S"), op("add", value="u2")
    )
    assert [operation.index for operation in rest] == [1]
    assert members.add == ("u1", "u2")


def test_a_group_that_is_replaced_without_members_keeps_them() -> None:
    rest, members = split({"op": "replace", "value": {"displayName": "S"}})
    assert len(rest) == 1
    assert members == MemberChange()
    assert from_document({"displayName": "S"}) == MemberChange()


@pytest.mark.parametrize("value", [[], None])
def test_a_list_is_emptied_on_purpose_alone(value: Any) -> None:
    assert change(op("replace", value=value)) == MemberChange(replace=True)
    assert change(op("add", value=value)) == MemberChange()
    assert from_document({"members": value}) == MemberChange(replace=True)


def test_remove_without_a_value_takes_all_and_with_an_empty_one_none() -> None:
    assert change(op("remove")) == MemberChange(replace=True)
    assert change(op("remove", value=None)) == MemberChange(replace=True)
    assert change(op("remove", value=[])) == MemberChange()


@pytest.mark.parametrize(
    ("path", "ids"),
    [
        ('members[value eq "u1"]', ("u1",)),
        ('Members[VALUE Eq " u1 "]', ("u1",)),
        (f'{GROUP_SCHEMA}:members[value eq "u1"]', ("u1",)),
        ("members[value eq u1]", ("u1",)),
        ('members[value eq "u2" or value eq "u1" or value eq "u2"]', ("u2", "u1")),
        ('members[(value eq "u1")]', ("u1",)),
    ],
)
def test_a_filter_removes_by_id(path: str, ids: tuple[str, ...]) -> None:
    assert change(op("remove", path)) == MemberChange(remove=ids)
    nothings: list[Any] = [None, "", []]
    for value in nothings:
        assert change(op("remove", path, value=value)) == MemberChange(remove=ids)


@pytest.mark.parametrize(
    ("path", "value", "users", "groups"),
    [
        ('members[value eq "u1"]', [{"value": "u1"}], ("u1",), ("u1",)),
        ('members[value eq "u1"]', ["u1", "u2"], ("u1",), ("u1",)),
        ('members[value eq "u1"]', [{"value": "u2"}], (), ()),
        ('members[value eq "u1"]', "u2", (), ()),
        ('members[value eq "u1" or value eq "u2"]', {"value": "u2"}, ("u2",), ("u2",)),
        ('members[type eq "User"]', [{"value": "u2"}], ("u2",), ()),
        ('members[type eq "User"]', [], (), ()),
        ('members[type eq "User"]', "", (), ()),
        ('members[type eq "Group"]', "u2", (), ("u2",)),
        ("members[value pr]", "u2", ("u2",), ("u2",)),
    ],
)
def test_a_filter_and_a_value_remove_who_is_in_both(
    path: str, value: Any, users: tuple[str, ...], groups: tuple[str, ...]
) -> None:
    """Which ids are those of users is for the store to find out, unless the path says it."""
    made = change(op("remove", path, value=value))
    assert (made.of("User").remove, made.of("Group").remove) == (users, groups)
    assert not made.replaces


@pytest.mark.parametrize("value", [{"foo": 1}, True, 5, [[]], [{}], {}, [None], "a,b", "[5]"])
@pytest.mark.parametrize("path", ['members[value eq "u1"]', 'members[type eq "User"]'])
def test_a_value_beside_a_filter_that_names_no_member_is_refused(path: str, value: Any) -> None:
    with pytest.raises(InvalidValue):
        change(op("remove", path, value=value))


@pytest.mark.parametrize("literal", ["a,b", "a b", "a;b", "{a}", "[a]", "'a'", 'a\\"', "a\nb"])
@pytest.mark.parametrize("condition", ['value eq "{}"', 'not (value ne "{}")'])
def test_a_filter_by_what_is_no_id_is_refused(literal: str, condition: str) -> None:
    path = f"members[{condition.format(literal)}]"
    with pytest.raises(InvalidPath):
        change(op("remove", path))


@pytest.mark.parametrize(
    "part",
    [{"foo": 1}, {"order": 1}, {"primary": False}, {"display": 5}, {"foo": [1]}, {"id": True}],
)
def test_a_part_beside_the_id_of_a_member_is_passed_over(part: dict[str, Any]) -> None:
    assert change(op("add", value=[{"value": "u1", **part}])) == MemberChange(add=("u1",))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("members[value eq 'u1']", MemberChange(remove=("u1",))),
        ("members[value eq 'u1' or value eq \"u2\"]", MemberChange(remove=("u1", "u2"))),
        ('members[value eq "u1" and type eq "User"]', of_users(remove=("u1",))),
        (
            'members[type eq "user" and (value eq "u1" or value eq "u2")]',
            of_users(remove=("u1", "u2")),
        ),
        ('members[value eq "g1" and type eq "Group"]', of_groups(remove=("g1",))),
        ('members[value eq "u1" and type eq "Device"]', MemberChange()),
        ('members[value eq "u1" and value eq "u2"]', MemberChange()),
        ('members[value eq "u1" and value ne "u2"]', MemberChange(remove=("u1",))),
        ('members[not (value ne "u1")]', MemberChange(remove=("u1",))),
        ('members[not (value ne "u1" and value ne "u2")]', MemberChange(remove=("u1", "u2"))),
        ('members[type eq "Group"]', of_groups(replace=True)),
        ('members[not (type eq "User")]', of_groups(replace=True)),
        ('members[type eq "User"]', of_users(replace=True)),
        ("members[type pr]", MemberChange(replace=True)),
        ("members[value pr]", MemberChange(replace=True)),
        ('members[type ne "Group"]', of_users(replace=True)),
        (
            'members[type eq "User" or value eq "x1"]',
            MemberChange(replace=True, groups=MemberChange(remove=("x1",))),
        ),
        ('members[value ne "u1" or value eq "u1"]', MemberChange(replace=True)),
    ],
)
def test_a_filter_selects_by_id_and_type(path: str, expected: MemberChange) -> None:
    assert change(op("remove", path)) == expected


def test_what_was_added_before_is_selected_too() -> None:
    """Whether `x1` is a user or a group is found out later: as a group it stays."""
    assert change(op("add", value="x1"), op("remove", 'members[type eq "User"]')) == MemberChange(
        replace=True, groups=MemberChange(add=("x1",))
    )
    assert change(op("add", value="u1"), op("remove", "members[value eq 'u1']")) == MemberChange(
        remove=("u1",)
    )


@pytest.mark.parametrize(
    ("member", "declared"),
    [
        ({"value": "x1", "type": "Group"}, "Group"),
        ({"value": "x1", "type": " GROUP "}, "Group"),
        ({"value": "x1", "$ref": "https://x/scim/v2/Groups/x1"}, "Group"),
        ({"value": "x1", "$ref": "../Groups/x1/"}, "Group"),
        ({"$ref": "../Groups/x1"}, "Group"),
        ({"value": "x1", "type": "user"}, "User"),
        ({"value": "x1", "$ref": "https://x/scim/v2/Users/x1"}, "User"),
        ({"value": "x1", "$ref": "https://x/scim/v2/Users/x1", "type": "User"}, "User"),
    ],
)
def test_what_a_member_is_called_is_kept_for_the_store_to_check(
    member: dict[str, Any], declared: Literal["User", "Group"]
) -> None:
    value, types = ["x2", member], {"x1": declared}
    assert change(op("add", value=value)) == MemberChange(add=("x2", "x1"), types=types)
    assert change(op("remove", value=value)) == MemberChange(remove=("x2", "x1"), types=types)
    whole = MemberChange(replace=True, add=("x2", "x1"), types=types)
    assert change(op("replace", value=value)) == from_document({"members": value}) == whole


@pytest.mark.parametrize(
    "members",
    [
        [{"value": "x1", "type": "Device"}],
        [{"value": "x1", "type": "direct"}],
        [{"value": "x1", "type": "Group", "$ref": "https://x/scim/v2/Users/x1"}],
        [{"value": "x1", "type": "Group"}, {"value": "x1", "type": "User"}],
    ],
)
def test_a_member_is_a_user_or_a_group(members: list[dict[str, Any]]) -> None:
    for kind in ("add", "remove", "replace"):
        with pytest.raises(InvalidValue):
            split(op(kind, value=members))
        with pytest.raises(InvalidValue):
            split(*(op(kind, value=[each]) for each in members), op("add", value=members[0]))
    with pytest.raises(InvalidValue):
        from_document({"members": members})


@pytest.mark.parametrize(
    "operation",
    [
        op("remove", 'members[value ne "u1"]'),
        op("remove", 'members[value sw "u"]'),
        op("remove", 'members[$ref eq "u1"]'),
        op("remove", 'members[type eq "User" and value ne "u1"]'),
        op("remove", 'members[value eq ""]'),
        op("remove", "members[value eq null]"),
        op("remove", 'members[value eq "u1" or display eq "Ana"]'),
        op("remove", 'members[not (value eq "u1")]'),
        op("remove", 'members[shoe eq "u1"]'),
        op("add", 'members[value eq "u1"]', value={"value": "u1"}),
        op("replace", 'members[value eq "u1"].value', value="u2"),
        op("remove", "members.value"),
        op("remove", 'members[value eq "u1"'),
    ],
)
def test_another_path_is_refused_with_what_is_supported(operation: dict[str, Any]) -> None:
    with pytest.raises(InvalidPath) as refusal:
        split(op("add", value="u1"), operation)
    assert refusal.value.operation == 1
    assert refusal.value.path in {"members", "members.value"}


@pytest.mark.parametrize(
    "operation",
    [
        op("replace", 'members[value eq "u1"].display', value="Ana"),
        op("add", "members.type", value="User"),
        op("remove", 'members[value eq "u1"].$ref'),
    ],
)
def test_what_a_member_shows_besides_its_id_is_not_written(operation: dict[str, Any]) -> None:
    with pytest.raises(Mutability) as refusal:
        split(op("add", value="u1"), operation)
    assert refusal.value.operation == 1


@pytest.mark.parametrize(
    "value",
    [
        *({}, {"$ref": "x"}, [{}], [""], " ", [{"value": ""}], [["u1", "u2"]], [{"a": 1}], [None]),
        "\ud800",
        *("u1,u2", "u1 u2", "{bad", "[u1", '{"u1"}', "'u1'", 1, [7], [{"value": 1}], "null"),
        *(True, False, [True], [{"value": True}], [[]], "{}", '{"a":"u1"}', [{"id": "u1"}]),
    ],
)
def test_a_member_without_an_id_is_refused(value: Any) -> None:
    with pytest.raises(InvalidValue) as refusal:
        split(op("add", "members", value="u1"), op("add", value=value))
    assert (refusal.value.operation, refusal.value.path) in {(1, "members"), (1, "members.value")}
    with pytest.raises(InvalidValue):
        from_document({"members": value})
    with pytest.raises(InvalidValue):
        split(op("replace", value=value))


@pytest.mark.parametrize("body", [None, [], "x"])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    with pytest.raises(InvalidSyntax):
        from_document(body)


def test_a_remove_without_a_path_is_refused() -> None:
    with pytest.raises(NoTarget) as refusal:
        split(op("add", value="u1"), op("remove", None))
    assert refusal.value.operation == 1


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([op("add", value="u1"), op("remove", value="u1")], MemberChange(remove=("u1",))),
        ([op("remove", value="u1"), op("add", value="u1")], MemberChange(add=("u1",))),
        (
            [op("add", value=["u1", "u2"]), op("remove", value="u3"), op("add", value="u1")],
            MemberChange(add=("u1", "u2"), remove=("u3",)),
        ),
        ([op("add", value="u1"), op("remove")], MemberChange(replace=True)),
        (
            [op("remove", value="u9"), op("replace", value=["u1", "u2"]), op("remove", value="u1")],
            MemberChange(replace=True, add=("u2",)),
        ),
        (
            [op("remove"), op("add", value=["u1"]), op("add", value="u2")],
            MemberChange(replace=True, add=("u1", "u2")),
        ),
        (
            [op("replace", value="u1"), op("replace", value="u2")],
            MemberChange(replace=True, add=("u2",)),
        ),
    ],
)
def test_operations_are_composed_in_order(
    operations: list[dict[str, Any]], expected: MemberChange
) -> None:
    assert change(*operations) == expected


def test_many_members_are_taken_at_once() -> None:
    ids = tuple(f"u{number}" for number in range(20_000))
    assert change(op("add", value=[{"value": member} for member in ids])).add == ids


def test_a_broken_path_in_the_rest_is_refused_by_its_index() -> None:
    with pytest.raises(ScimError) as refusal:
        split(op("add", value="u1"), op("add", "display name", value="x"))
    assert refusal.value.operation == 1


@pytest.mark.parametrize("value", [None, "", [], "[]", " [ ] "])
def test_what_is_empty_is_an_empty_list(value: Any) -> None:
    assert split(op("replace", value=value))[1] == MemberChange(replace=True)
    assert split(op("add", value="u1"), op("add", value=value))[1] == MemberChange(add=("u1",))
    assert from_document({"members": value}) == MemberChange(replace=True)
