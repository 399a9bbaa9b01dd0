"""RFC 7643 section 4.2: a member of a group is a user or a group. Every answer shows the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.support.fixtures.scim_client import (
    GROUP,
    Resource,
    Scim,
    created,
    listed,
    refused,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.fixtures.service import RunningService

NOBODY = "0" * 32
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"

Member = dict[str, str]


def member(scim: Scim, kind: str, its_id: str) -> Member:
    """A member as every answer writes it."""
    return {"value": its_id, "$ref": f"{scim.tenant_url}/{kind}s/{its_id}", "type": kind}


def by_id(members: list[Member]) -> list[Member]:
    return sorted(members, key=lambda each: each["value"])


async def family(scim: Scim) -> tuple[str, str, str]:
    """A user in the group `child`, and both in the group `parent`: their ids."""
    user = (await scim.create_user(displayName="Ana"))["id"]
    child = (await scim.create_group("child", user))["id"]
    parent = (await scim.create_group("parent", user, child))["id"]
    return user, child, parent


async def every_answer(scim: Scim, gid: str) -> dict[str, list[Member]]:
    """The members of a group, as each endpoint shows them."""
    name = (await scim.group(gid))["displayName"]
    condition = f'displayName eq "{name}"'
    search = {"schemas": [SEARCH], "filter": condition}
    answers = {
        "single read": shown(await scim.get(f"/Groups/{gid}")),
        "list": next(
            each
            for each in listed(await scim.get("/Groups"))["Resources"]
            if each["displayName"] == name
        ),
        "filter": (await scim.find("/Groups", condition))["Resources"][0],
        ".search": listed(await scim.post("/Groups/.search", search))["Resources"][0],
        ".search of the root": listed(await scim.post("/.search", search))["Resources"][0],
        "PATCH": shown(
            await scim.patch(
                f"/Groups/{gid}?attributes=members",
                {"op": "replace", "path": "displayName", "value": name},
            )
        ),
        "PUT": shown(await scim.put(f"/Groups/{gid}", {"displayName": name})),
    }
    return {place: by_id(answer.get("members", [])) for place, answer in answers.items()}


async def test_every_answer_shows_users_and_groups_with_their_type_and_uri(scim: Scim) -> None:
    user, child, parent = await family(scim)
    expected = by_id([member(scim, "User", user), member(scim, "Group", child)])
    answers = await every_answer(scim, parent)
    assert answers == dict.fromkeys(answers, expected)


def patching(op: str, path: str | None = "members") -> Callable[..., Any]:
    async def send(scim: Scim, gid: str, members: list[Resource]) -> Any:
        value = members if path else {"members": members}
        return await scim.patch(f"/Groups/{gid}", {"op": op, "path": path, "value": value})

    return send


async def putting(scim: Scim, gid: str, members: list[Resource]) -> Any:
    return await scim.put(f"/Groups/{gid}", {"displayName": "replaced", "members": members})


WAYS = {
    "PATCH add": patching("add"),
    "PATCH replace": patching("replace"),
    "PATCH without a path": patching("add", None),
    "PUT": putting,
}


@pytest.mark.parametrize("send", WAYS.values(), ids=WAYS)
async def test_a_group_joins_by_its_id_whether_or_not_it_is_called_one(
    scim: Scim, send: Callable[..., Any]
) -> None:
    user, child, _ = await family(scim)
    other = (await scim.create_group("other"))["id"]
    for sent in ({}, {"type": "Group"}, {"type": "group", "$ref": f"../Groups/{child}"}):
        members = [{"value": child, **sent}, {"value": user, "type": "User"}]
        answer = await send(scim, other, members)
        assert answer.status_code in {200, 204}, answer.text
        assert by_id((await scim.group(other))["members"]) == by_id(
            [member(scim, "Group", child), member(scim, "User", user)]
        )
        removal = {"op": "remove", "path": "members", "value": members}
        assert (await scim.patch(f"/Groups/{other}", removal)).status_code == 204
        assert await scim.members(other) == set()


@pytest.mark.parametrize("send", [*WAYS.values(), patching("remove")], ids=[*WAYS, "PATCH remove"])
async def test_a_type_that_contradicts_the_id_is_refused(
    scim: Scim, send: Callable[..., Any]
) -> None:
    user, child, parent = await family(scim)
    async with scim.unchanged():
        for wrong in (
            {"value": user, "type": "Group"},
            {"value": child, "type": "User"},
            {"value": child, "$ref": f"{scim.tenant_url}/Users/{child}"},
            {"value": child, "type": "Group", "$ref": f"../Users/{child}"},
            {"value": child, "type": "Device"},
        ):
            refused(await send(scim, parent, [{"value": user}, wrong]), 400, "invalidValue")
    body = {"displayName": "new", "members": [{"value": child, "type": "User"}]}
    refused(await scim.post("/Groups", body), 400, "invalidValue")
    assert await scim.found("/Groups", 'displayName eq "new"') == []


@pytest.mark.parametrize("send", WAYS.values(), ids=WAYS)
async def test_a_group_is_no_member_of_itself(scim: Scim, send: Callable[..., Any]) -> None:
    user, child, parent = await family(scim)
    del child
    async with scim.unchanged():
        for sent in ({}, {"type": "Group"}, {"$ref": f"{scim.tenant_url}/Groups/{parent}"}):
            members = [{"value": user}, {"value": parent, **sent}]
            assert "itself" in refused(await send(scim, parent, members), 400, "invalidValue")


async def test_a_bulk_request_that_puts_a_group_into_itself_creates_nothing(scim: Scim) -> None:
    data = {"displayName": "own", "members": [{"value": "bulkId:own", "type": "Group"}]}
    operation = {"method": "POST", "path": "/Groups", "bulkId": "own", "data": data}
    answer = shown(await scim.post("/Bulk", bulk(operation)))
    [result] = answer["Operations"]
    assert result["status"] in {"400", "409"}
    assert "itself" in result["response"]["detail"]
    assert await scim.found("/Groups", 'displayName eq "own"') == []


def bulk(*operations: Resource) -> Resource:
    schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    return {"schemas": [schema], "Operations": list(operations)}


@pytest.mark.rfc("7644-3.7.1-circular")
async def test_the_circle_of_the_rfc_is_created(scim: Scim) -> None:
    """The example of RFC 7644 section 3.7.1."""

    def group(name: str, bulk_id: str, other: str) -> Resource:
        members = [{"type": "Group", "value": f"bulkId:{other}"}]
        data = {"schemas": [GROUP], "displayName": name, "members": members}
        return {"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data}

    request = bulk(group("Group A", "qwerty", "ytrewq"), group("Group B", "ytrewq", "qwerty"))
    results = shown(await scim.post("/Bulk", request))["Operations"]
    assert [result["status"] for result in results] == ["201", "201"]
    first, second = (result["location"].rpartition("/")[2] for result in results)
    assert (await scim.group(first))["members"] == [member(scim, "Group", second)]
    assert (await scim.group(second))["members"] == [member(scim, "Group", first)]
    user = (await scim.create_user())["id"]
    added = {"op": "add", "path": "members", "value": [{"value": user}]}
    await scim.patch(f"/Groups/{first}", added)
    assert [each["type"] for each in (await scim.user(user))["groups"]] == ["direct", "indirect"]


def post_group(bulk_id: str, *members: Resource) -> Resource:
    data = {"schemas": [GROUP], "displayName": f"group {bulk_id}", "members": list(members)}
    return {"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data}


def of_bulk(bulk_id: str, **more: str) -> Resource:
    return {"value": f"bulkId:{bulk_id}", **more}


def change(method: str, group: str, data: Resource | None = None) -> Resource:
    body = {} if data is None else {"data": data}
    return {"method": method, "path": f"/Groups/{group}", **body}


ITSELF = post_group("1", of_bulk("1"))
OF_IT = {"displayName": "old", "members": [of_bulk("1")]}
ADDS_IT = {"Operations": [{"op": "add", "path": "members", "value": [of_bulk("1")]}]}
RENAMES = {"Operations": [{"op": "replace", "path": "displayName", "value": "x"}]}
IN_CIRCLE = [
    post_group("1", of_bulk("2")),
    post_group("2", of_bulk("3")),
    post_group("3", of_bulk("1", type="User")),
]


@pytest.mark.parametrize(
    ("operations", "statuses"),
    [
        ([ITSELF], ["400"]),
        ([ITSELF, post_group("2", of_bulk("1"))], ["400", "409"]),
        ([post_group("2", of_bulk("1")), ITSELF], ["409", "400"]),
        ([ITSELF, change("PATCH", "bulkId:1", RENAMES)], ["400", "409"]),
        ([ITSELF, change("DELETE", "bulkId:1")], ["400", "409"]),
        ([ITSELF, change("PATCH", "{old}", ADDS_IT)], ["400", "409"]),
        ([change("PUT", "{old}", OF_IT), ITSELF], ["409", "400"]),
        (IN_CIRCLE, ["4", "4", "4"]),
        (IN_CIRCLE[::-1], ["4", "4", "4"]),
        ([IN_CIRCLE[0], post_group("2", of_bulk("1", type="User"))], ["4", "4"]),
    ],
)
async def test_what_is_built_on_a_circle_that_is_refused_is_refused_too(
    scim: Scim, operations: list[Resource], statuses: list[str]
) -> None:
    user = await scim.create_user()
    old = await scim.create_group("old", user["id"])
    sent = [{**each, "path": each["path"].replace("{old}", old["id"])} for each in operations]
    async with scim.unchanged():
        results = shown(await scim.post("/Bulk", bulk(*sent)))["Operations"]
    got = [result["status"] for result in results]
    assert [status[: len(wanted)] for status, wanted in zip(got, statuses, strict=True)] == statuses
    said = re.compile("was not created|cannot be a member of itself|is a group here")
    assert all(said.search(result["response"]["detail"]) for result in results)


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ('members.type eq "Group"', {"parent"}),
        ('members[type eq "Group"]', {"parent"}),
        ('members.type eq "User"', {"parent", "child"}),
        ('members eq "{child}"', {"parent"}),
        ('members.value eq "{child}"', {"parent"}),
        ('members[value eq "{child}" and type eq "Group"]', {"parent"}),
        ('members[value eq "{child}" and type eq "User"]', set()),
        ('members[value eq "{user}" and type eq "User"]', {"parent", "child"}),
        ('members.$ref co "/Groups/"', {"parent"}),
        ('id eq "{parent}" and members eq "{child}"', {"parent"}),
        ('id eq "{child}" and members eq "{parent}"', set()),
        ('members.display eq "child"', set()),
    ],
)
async def test_filters_find_groups_by_the_groups_in_them(
    scim: Scim, condition: str, names: set[str]
) -> None:
    user, child, parent = await family(scim)
    text = condition.format(user=user, child=child, parent=parent)
    answer = await scim.find("/Groups", text)
    assert {each["displayName"] for each in answer["Resources"]} == names


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ('members[type eq "Group"]', {"user"}),
        ('members[type eq "User"]', {"child"}),
        ('members[value eq "{child}"]', {"user"}),
        ('members[value eq "{child}" and type eq "Group"]', {"user"}),
        ('members[value eq "{child}" and type eq "User"]', {"user", "child"}),
        ('members[value eq "{child}" or value eq "{user}"]', set()),
        ('members[type eq "Group" or value eq "{user}"]', set()),
        ("members", set()),
    ],
)
async def test_a_path_takes_members_out_by_id_and_type(
    scim: Scim, path: str, left: set[str]
) -> None:
    user, child, parent = await family(scim)
    operation = {"op": "remove", "path": path.format(user=user, child=child)}
    assert (await scim.patch(f"/Groups/{parent}", operation)).status_code == 204
    assert await scim.members(parent) == {{"user": user, "child": child}[each] for each in left}


async def test_a_user_shows_direct_groups_everywhere_and_indirect_ones_by_itself(
    scim: Scim,
) -> None:
    user = (await scim.create_user())["id"]
    child = (await scim.create_group("child", user))["id"]
    parent = (await scim.create_group("parent", child))["id"]
    grandparent = (await scim.create_group("grandparent", parent))["id"]

    def group(its_id: str, how: str) -> Resource:
        return {"value": its_id, "$ref": f"{scim.tenant_url}/Groups/{its_id}", "type": how}

    direct = [group(child, "direct")]
    whole = [*direct, group(parent, "indirect"), group(grandparent, "indirect")]
    alone = await scim.user(user)
    assert alone["groups"] == whole
    patched = await scim.patched_user(alone, {"op": "add", "path": "title", "value": "Dr"})
    assert patched["groups"] == whole
    put = shown(await scim.put(f"/Users/{user}", {"userName": alone["userName"]}))
    assert put["groups"] == whole
    for answer in (
        listed(await scim.get("/Users")),
        await scim.find("/Users", f'id eq "{user}"'),
        await scim.find("/Users", 'groups.type eq "direct"'),
        await scim.find("/Users", f'groups eq "{child}"'),
        listed(await scim.post("/.search", {"schemas": [SEARCH], "filter": "userName pr"})),
    ):
        assert [each["groups"] for each in answer["Resources"]] == [direct]
    assert await scim.found("/Users", 'groups.type eq "indirect"') == []
    without = shown(await scim.get(f"/Users/{user}?excludedAttributes=groups"))
    assert "groups" not in without


async def test_names_are_read_when_they_are_asked_for_and_true_then(scim: Scim) -> None:
    user, child, parent = await family(scim)

    async def names(path: str, attribute: str) -> dict[str, str]:
        answer = shown(await scim.get(path))
        resource = answer.get("Resources", [answer])[0]
        return {each["value"]: each["display"] for each in resource[attribute]}

    for sent in ("members.display,members.value", "members.value,members.display,displayName"):
        for path in (f"/Groups/{parent}", f"/Groups?filter={quote(f'id eq {parent!r}')}&"):
            joint = "" if path.endswith("&") else "?"
            read = await names(f"{path}{joint}attributes={sent}", "members")
            assert read == {user: "Ana", child: "child"}
    read = await names(f"/Users/{user}?attributes=groups.value,groups.display", "groups")
    assert read == {child: "child", parent: "parent"}
    renamed = {"op": "replace", "path": "displayName", "value": "renamed"}
    await scim.patch(f"/Groups/{child}", renamed)
    await scim.patch(f"/Users/{user}", renamed)
    read = await names(f"/Groups/{parent}?attributes=members.display,members.value", "members")
    assert read == {user: "renamed", child: "renamed"}
    read = await names("/Users?attributes=groups.value,groups.display", "groups")
    assert read[child] == "renamed"


async def test_a_name_that_was_not_asked_for_is_not_shown(scim: Scim) -> None:
    user = (await scim.create_user())["id"]
    members = [{"value": user, "display": "someone else"}]
    made = created(await scim.post("/Groups", {"displayName": "G", "members": members}))
    place = f"/Groups/{made['id']}"
    read = [shown(await scim.get(f"{place}{query}")) for query in ("", "?attributes=members")]
    for answer in (made, *read):
        assert answer["members"] == [member(scim, "User", user)]


@pytest.mark.parametrize("gone", ["child", "parent", "user"])
async def test_what_is_deleted_is_shown_by_nobody(scim: Scim, gone: str) -> None:
    user, child, parent = await family(scim)
    top = (await scim.create_group("top", parent))["id"]
    path = {"child": f"/Groups/{child}", "parent": f"/Groups/{parent}", "user": f"/Users/{user}"}
    assert (await scim.delete(path[gone])).status_code == 204
    if gone == "user":
        assert await scim.members(child) == set()
        assert await scim.members(parent) == {child}
        return
    alone = await scim.user(user)
    left = {each["value"]: each["type"] for each in alone["groups"]}
    if gone == "child":
        assert left == {parent: "direct", top: "indirect"}
        assert await scim.members(parent) == {user}
    else:
        assert left == {child: "direct"}
        assert await scim.members(top) == set()


async def test_ids_that_are_neither_user_nor_group_are_passed_over(scim: Scim) -> None:
    user, child, parent = await family(scim)
    gone = (await scim.create_user("gone@contoso.test"))["id"]
    await scim.delete(f"/Users/{gone}")
    value = [{"value": NOBODY, "type": "Group"}, {"value": gone}, {"value": child}]
    operation = {"op": "add", "path": "members", "value": value}
    assert (await scim.patch(f"/Groups/{parent}", operation)).status_code == 204
    assert await scim.members(parent) == {user, child}


async def test_the_schema_tells_of_both(running_service: RunningService) -> None:
    scim = running_service.default
    schema = shown(await scim.get(f"/Schemas/{GROUP}"))
    [members] = [each for each in schema["attributes"] if each["name"] == "members"]
    parts = {each["name"]: each for each in members["subAttributes"]}
    assert parts["type"]["canonicalValues"] == ["User", "Group"]
    assert parts["$ref"]["referenceTypes"] == ["User", "Group"]
    assert (parts["display"]["returned"], parts["display"]["mutability"]) == ("request", "readOnly")


async def test_a_version_that_the_client_has_hides_no_new_name(scim: Scim) -> None:
    """`display` is read when it is asked for, and moves no version."""
    child = await scim.create_group("before")
    parent = await scim.create_group("parent", child["id"])
    user = await scim.create_user()
    added = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
    await scim.patch(f"/Groups/{child['id']}", added)
    renamed = {"op": "replace", "path": "displayName", "value": "after"}
    for path, shown_part in (
        (f"/Groups/{parent['id']}", "members"),
        (f"/Users/{user['id']}", "groups"),
    ):
        held = (await scim.get(path)).headers["etag"]
        await scim.patch(f"/Groups/{child['id']}", renamed)
        again = await scim.get(
            f"{path}?attributes={shown_part}.display", headers={"If-None-Match": held}
        )
        assert again.status_code == 200
        assert "after" in [each["display"] for each in shown(again)[shown_part]]
        assert (await scim.get(path, headers={"If-None-Match": held})).status_code == 304
