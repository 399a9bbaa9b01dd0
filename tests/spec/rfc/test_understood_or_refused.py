"""Understood or refused: what is sent is done, or refused with what to change, and nothing changes.

Passed over in silence is only what `tests/spec/conformance/readings.py` lists. Every attribute with
every kind of wrong value is tried without HTTP in `spec/understood/test_values_understood.py`, and
every place of an unknown name in `test_filters_of_unknown_names.py`; a sample of both is here.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from shared.scim.core_schemas import USER as USER_TYPE
from tests.spec.conformance.readings import NOBODY, PASSED_OVER, REFUSED, UNDERSTOOD, Reading
from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    GROUP,
    PATCH_OP,
    USER,
    Resource,
    Scim,
    created,
    listed,
    own,
    refused,
    shown,
)
from tests.support.generated import values
from tests.support.generated.judgement import Done
from tests.support.generated.sendings import sendings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from shared.scim.schema import AttributePath
    from tests.support.generated.sendings import Sending


# ---- the list of readings


class Scene:
    """A tenant with two users, and the resource that an example is about."""

    def __init__(self, scim: Scim, endpoint: str) -> None:
        self.scim, self.endpoint = scim, endpoint
        self.names: dict[str, str] = {}
        self.it: Resource = {}

    async def prepare(self, held: Resource) -> None:
        if self.endpoint == "/Groups":
            for name in ("ana", "bo"):
                user = await self.scim.create_user(name)
                self.names[f"<{name}>"] = user["id"]
        answer = await self.scim.post(self.endpoint, self.filled({**self.named, **held}))
        self.it = created(answer)
        self.names["<it>"] = self.it["id"]

    @property
    def named(self) -> Resource:
        if self.endpoint == "/Groups":
            return {"schemas": [GROUP], "displayName": "Sales"}
        return {"schemas": [USER, ENTERPRISE], "userName": "it"}

    def filled(self, content: Any) -> Any:
        text = json.dumps(content)
        for name, identifier in self.names.items():
            text = text.replace(name, identifier)
        return json.loads(text)

    async def send(self, reading: Reading) -> httpx.Response:
        request, content = reading.request, self.filled(reading.request.content)
        place = f"{self.endpoint}/{self.it['id']}"
        match request.method:
            case "POST":
                return await self.scim.post(
                    self.endpoint, {**self.named, **content, **_other_name(self.endpoint)}
                )
            case "PUT":
                return await self.scim.put(place, {**self.named, **content})
            case "PATCH":
                return await self.scim.patch(place, *content)
            case "FIND":
                return await self.scim.get(f"{self.endpoint}?filter={quote(content)}")

    async def read(self, resource_id: str) -> Resource:
        resource = shown(await self.scim.get(f"{self.endpoint}/{resource_id}"))
        kept = own(resource)
        if self.endpoint == "/Groups":
            return {"members": {member["value"] for member in kept["members"]}}
        return {name: part for name, part in kept.items() if name != "userName"}


def _other_name(endpoint: str) -> Resource:
    return {"displayName": "Other"} if endpoint == "/Groups" else {"userName": "other"}


@pytest.mark.parametrize("reading", UNDERSTOOD + PASSED_OVER, ids=lambda reading: reading.sent)
async def test_what_is_sent_is_read_as_is_said(scim: Scim, reading: Reading) -> None:
    scene = Scene(scim, reading.request.endpoint)
    await scene.prepare(reading.held)

    answer = await scene.send(reading)

    if reading.request.method == "FIND":
        found = [each["id"] for each in listed(answer)["Resources"]]
        assert found == ([] if reading.becomes is None else [scene.it["id"]])
        return
    assert answer.status_code in {200, 201, 204}, answer.text
    resource_id = answer.json()["id"] if answer.status_code == 201 else scene.it["id"]
    expected = scene.filled(reading.becomes or {})
    if reading.request.endpoint == "/Groups":
        expected = {"members": set(expected["members"])}
    else:
        expected = {"active": True, **expected}
    assert await scene.read(resource_id) == expected


@pytest.mark.rfc("7644-3.5.2-schema", "7644-3.5.2-atomic", "7644-3.5.2-failure")
@pytest.mark.parametrize("reading", REFUSED, ids=lambda reading: reading.sent)
async def test_what_cannot_be_read_is_refused_and_changes_nothing(
    scim: Scim, reading: Reading
) -> None:
    scene = Scene(scim, reading.request.endpoint)
    await scene.prepare(reading.held)
    async with scim.unchanged():
        refused(await scene.send(reading), 400, reading.scim_type)


# ---- a sample of what is generated


def sample() -> Iterator[tuple[AttributePath, Sending, Any]]:
    """Yield every way to send every value to attributes of a user, each 97th of them."""

    def everything() -> Iterator[tuple[AttributePath, Sending, Any]]:
        for path in USER_TYPE.attributes:
            if path.attribute.name in {"password", "userName"} or path.is_read_only:
                continue
            names = tuple(dict.fromkeys((path.attribute.name, path.text)))
            sent = [*values.VALUES, *values.shaped(path.attribute, names)]
            for sending in sendings(path):
                for value in sent:
                    yield path, sending, value

    return islice(everything(), 0, None, 97)


async def test_a_sample_of_wrong_values_is_understood_or_refused(scim: Scim) -> None:
    faults = []
    for number, (path, sending, value) in enumerate(sample()):
        body = _body(path, f"u{number}")
        before = created(await scim.post("/Users", body))
        request = sending.with_value(value)
        answer = await _send(scim, before["id"], sending, request, body["userName"])
        after = shown(await scim.get(f"/Users/{before['id']}"))
        if answer.status_code >= 400:
            refused(answer, 400, answer.json()["scimType"])
            assert after == before, request
            continue
        now = answer.json() if sending.by == "POST" else after
        was = None if sending.by == "POST" else path.read(before)
        fault = Done(path, sending, value, was, path.read(now)).fault()
        if fault:
            faults.append((request, fault))
    assert not faults, faults
    assert number > 100


def _body(path: AttributePath, name: str) -> Resource:
    held: Resource = {path.text: values.stored(path.attribute)}
    return {"schemas": [USER], "userName": name, **held}


async def _send(
    scim: Scim, user_id: str, sending: Sending, request: Resource, name: str
) -> httpx.Response:
    content = json.dumps(request).encode("utf-8", "surrogatepass")
    if sending.is_patch:
        message = {"schemas": [PATCH_OP], "Operations": [request]}
        content = json.dumps(message).encode("utf-8", "surrogatepass")
        return await scim.request("PATCH", f"/Users/{user_id}", content=content)
    if sending.by == "PUT":
        body = {"schemas": [USER], "userName": name, **request}
        content = json.dumps(body).encode("utf-8", "surrogatepass")
        return await scim.request("PUT", f"/Users/{user_id}", content=content)
    body = {"schemas": [USER], "userName": f"{name}-posted", **request}
    content = json.dumps(body).encode("utf-8", "surrogatepass")
    return await scim.request("POST", "/Users", content=content)


# ---- what a body says that it is


@pytest.mark.parametrize(
    ("schemas", "status"),
    [
        ([USER], 201),
        (USER, 201),
        ([USER.upper()], 201),
        (["urn:ietf:params:scim:schemas:core:2.0User"], 201),
        ([], 201),
        (None, 201),
        ([ENTERPRISE], 201),
        (["urn:acme:2.0:User", "http://x.test/y"], 201),
        ([GROUP, USER], 201),
        ([5, {"x": 1}], 400),
        ([1], 400),
        (True, 400),
        ([GROUP], 400),
        (GROUP, 400),
        ([GROUP.upper(), ENTERPRISE], 400),
        ([PATCH_OP], 400),
        (["urn:ietf:params:scim:api:messages:2.0:ListResponse"], 400),
        (["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], 400),
    ],
    ids=str,
)
async def test_a_resource_of_another_type_is_refused(scim: Scim, schemas: Any, status: int) -> None:
    answer = await scim.post("/Users", {"SCHEMAS": schemas, "userName": "ana"})
    assert answer.status_code == status
    if status == 400:
        assert USER in refused(answer, 400, "invalidSyntax")
        user = await scim.create_user("bo")
        async with scim.unchanged():
            body = {"schemas": schemas, "userName": "bo"}
            refused(await scim.put(f"/Users/{user['id']}", body), 400, "invalidSyntax")


MESSAGES = {
    "PATCH": "urn:ietf:params:scim:api:messages:2.0:PatchOp",
    "POST /.search": "urn:ietf:params:scim:api:messages:2.0:SearchRequest",
    "POST /Bulk": "urn:ietf:params:scim:api:messages:2.0:BulkRequest",
}


@pytest.mark.parametrize(("request_line", "own_urn"), MESSAGES.items(), ids=MESSAGES)
async def test_another_message_is_refused(scim: Scim, request_line: str, own_urn: str) -> None:
    user = await scim.create_user()
    operation = {"op": "replace", "path": "title", "value": "T"}
    delete = {"method": "DELETE", "path": f"/Users/{NOBODY}"}
    requests: dict[str, tuple[str, str, Resource]] = {
        "PATCH": ("PATCH", f"/Users/{user['id']}", {"Operations": [operation]}),
        "POST /.search": ("POST", "/Users/.search", {"filter": "userName pr"}),
        "POST /Bulk": ("POST", "/Bulk", {"Operations": [delete]}),
    }
    method, path, body = requests[request_line]
    others = [USER, GROUP, *(urn for urn in MESSAGES.values() if urn != own_urn)]
    for other in others:
        async with scim.unchanged():
            answer = await scim.request(method, path, {"schemas": [other], **body})
            assert own_urn in refused(answer, 400, "invalidSyntax")
        answer = await scim.request(method, path, {"schemas": [other, own_urn], **body})
        assert answer.status_code == 200
    for tolerated in ([], None, ["urn:acme:2.0:Message"], [ENTERPRISE]):
        answer = await scim.request(method, path, {"schemas": tolerated, **body})
        assert answer.status_code == 200


async def test_the_schema_of_a_custom_type_is_that_of_another_type(extended: Scim) -> None:
    device = "urn:ietf:params:scim:schemas:contoso:2.0:Device"
    user = await extended.create_user()
    operation = {"op": "replace", "path": "title", "value": "T"}
    async with extended.unchanged():
        answers = [
            await extended.post("/Users", {"schemas": [device], "userName": "bo"}),
            await extended.post("/Devices", {"schemas": [USER], "serialNumber": "1"}),
            await extended.request(
                "PATCH", f"/Users/{user['id']}", {"schemas": [device], "Operations": [operation]}
            ),
            await extended.post("/Users/.search", {"schemas": [device]}),
        ]
    for answer in answers:
        refused(answer, 400, "invalidSyntax")


# ---- custom attributes

CONTOSO = "urn:ietf:params:scim:schemas:extension:contoso:2.0:User"


async def test_value_names_the_element_of_a_list_of_texts(extended: Scim) -> None:
    user = await extended.create_user(**{CONTOSO: {"projects": ["apollo", "gemini"]}})
    for separator in ":.":
        path = f'{CONTOSO}{separator}projects[value eq "apollo"]'
        assert await extended.found("/Users", path) == [user["id"]]
    assert await extended.found("/Users", f'{CONTOSO}[projects eq "gemini"]') == [user["id"]]
    changed = await extended.patched_user(user, {"op": "remove", "path": path})
    assert changed[CONTOSO] == {"projects": ["gemini"]}
    assert await extended.found("/Users", path) == []


async def test_a_whole_number_is_compared_with_any_number(extended: Scim) -> None:
    user = await extended.create_user(**{CONTOSO: {"badgeNumber": 5}})
    for condition, holds in (
        ("gt 4.5", True),
        ("ge 5.0", True),
        ("lt 5.5", True),
        ('ne "4.5"', True),
        ("eq 4.5", False),
        ("gt 5.5", False),
        ("le 4.9e0", False),
    ):
        found = await extended.found("/Users", f"{CONTOSO}:badgeNumber {condition}")
        assert found == ([user["id"]] if holds else []), condition


@pytest.mark.parametrize("separator", [":", "."])
async def test_a_dot_may_stand_behind_any_urn_in_a_query(extended: Scim, separator: str) -> None:
    for name, number in (("ana", "2"), ("bo", "1")):
        await extended.create_user(
            name, **{ENTERPRISE: {"employeeNumber": number, "manager": {"value": f"m{number}"}}}
        )
    number = f"{ENTERPRISE}{separator}employeeNumber"
    manager = f"{ENTERPRISE}{separator}manager.value"
    page = shown(await extended.get(f"/Users?sortBy={number}&attributes={number},{manager}"))
    shown_parts = [each[ENTERPRISE] for each in page["Resources"]]
    assert shown_parts == [
        {"employeeNumber": each, "manager": {"value": f"m{each}"}} for each in ("1", "2")
    ]
    without = shown(await extended.get(f"/Users?excludedAttributes={manager}"))
    assert all(each[ENTERPRISE].keys() == {"employeeNumber"} for each in without["Resources"])
    found = await extended.find("/Users", f"{manager} eq 'm1'")
    assert [each["userName"] for each in found["Resources"]] == ["bo"]
    assert await extended.found("/Users", f"{USER}{separator}userName eq 'ana'")


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (f'{ENTERPRISE}[employeeNumber eq "1" and manager[value eq "m1"]]', ["bo"]),
        (f"{ENTERPRISE} pr", ["bo"]),
        (f"not ({ENTERPRISE} pr)", ["ana"]),
        (f'{USER}[userName eq "ana"]', ["ana"]),
        (f'{ENTERPRISE}[foo eq "x"]', []),
        (f'not ({ENTERPRISE}[foo eq "x"])', []),
        (f'{ENTERPRISE}[employeeNumber eq "1"] and userName eq "bo"', ["bo"]),
    ],
)
async def test_the_urn_of_a_schema_stands_for_its_attributes(
    scim: Scim, condition: str, names: list[str]
) -> None:
    await scim.create_user("ana")
    await scim.create_user("bo", **{ENTERPRISE: {"employeeNumber": "1", "manager": "m1"}})
    found = await scim.find("/Users", condition)
    assert sorted(each["userName"] for each in found["Resources"]) == names
    at_root = await scim.find("", condition)
    assert sorted(each["userName"] for each in at_root["Resources"]) == names


async def test_a_schema_is_not_compared(scim: Scim) -> None:
    for text in (f'{ENTERPRISE} eq "x"', f'{ENTERPRISE}[employeeNumber eq "1"].manager pr'):
        refused(await scim.get(f"/Users?filter={quote(text)}"), 400, "invalidFilter")


# ---- members


@pytest.mark.parametrize(
    ("method", "content"),
    [
        ("PATCH", [{"op": "replace", "path": "members", "value": [{"value": NOBODY}]}]),
        ("PATCH", [{"op": "replace", "path": "members", "value": NOBODY}]),
        ("PATCH", [{"op": "replace", "value": {"members": [{"value": NOBODY}]}}]),
        ("PATCH", [{"op": "replace", "path": "members", "value": ["no-id", NOBODY]}]),
        (
            "PATCH",
            [
                {"op": "replace", "path": "displayName", "value": "New"},
                {"op": "replace", "path": "members", "value": [NOBODY]},
            ],
        ),
        ("PUT", {"displayName": "Sales", "members": [{"value": NOBODY}]}),
        ("PUT", {"displayName": "New", "members": [{"value": NOBODY}]}),
        ("PUT", {"displayName": "Sales", "members": [{"value": f"{n:032x}"} for n in range(450)]}),
    ],
    ids=str,
)
async def test_a_list_of_which_nobody_is_known_replaces_nothing(
    scim: Scim, method: str, content: Any
) -> None:
    group = await scim.create_group("Sales", (await scim.create_user())["id"])
    body = {"Operations": content} if method == "PATCH" else content
    async with scim.unchanged():
        answer = await scim.request(method, f"/Groups/{group['id']}", body)
        assert "would only be emptied" in refused(answer, 400, "invalidValue")


async def test_a_list_of_which_somebody_is_known_does(scim: Scim) -> None:
    users = [(await scim.create_user(f"u{n}"))["id"] for n in range(3)]
    group = (await scim.create_group("Sales", *users[:2]))["id"]
    place, unknown = f"/Groups/{group}", [f"{n:032x}" for n in range(250)]

    async def replace(*members: str) -> None:
        value = [{"value": member} for member in members]
        answer = await scim.patch(place, {"op": "replace", "path": "members", "value": value})
        assert answer.status_code == 204

    await replace(*unknown, users[2])
    assert await scim.members(group) == {users[2]}
    await replace(users[2], NOBODY)
    assert await scim.members(group) == {users[2]}
    await replace()
    assert await scim.members(group) == set()
    # There is nothing that could be lost.
    await replace(NOBODY)
    assert await scim.members(group) == set()


@pytest.mark.parametrize("op", ["add", "replace"])
async def test_a_group_is_no_member_of_itself(scim: Scim, op: str) -> None:
    user = (await scim.create_user())["id"]
    group = (await scim.create_group("Sales", user))["id"]
    other = (await scim.create_group("Support"))["id"]
    place = f"/Groups/{group}"
    async with scim.unchanged():
        for member in (
            {"value": group},
            {"value": group, "type": "Group"},
            {"value": user, "type": "Group"},
            {"value": other, "$ref": f"{scim.tenant_url}/Users/{other}"},
        ):
            value = [{"value": user}, member]
            answers = [
                await scim.patch(place, {"op": op, "path": "members", "value": value}),
                await scim.patch(place, {"op": op, "value": {"members": value}}),
                await scim.put(place, {"displayName": "Sales", "members": value}),
            ]
            for answer in answers:
                assert "group" in refused(answer, 400, "invalidValue").lower()


# ---- queries


@pytest.mark.parametrize("path", ["/Users", "/Users/{id}", "/Groups", "", "/Schemas", "/Nothing"])
async def test_head_is_get_without_the_body(scim: Scim, path: str) -> None:
    """RFC 9110 section 9.3.2."""
    user = await scim.create_user()
    place = path.format(id=user["id"])
    got, head = await scim.get(place), await scim.request("HEAD", place)
    assert head.status_code == got.status_code
    assert head.content == b""
    for name in ("content-type", "etag", "location"):
        assert head.headers.get(name) == got.headers.get(name)


async def test_head_of_what_is_only_posted_to_is_405(scim: Scim) -> None:
    for path in ("/Bulk", "/.search", "/Users/.search"):
        assert (await scim.request("HEAD", path)).status_code == 405


async def test_head_honours_a_condition(scim: Scim) -> None:
    user = await scim.create_user()
    headers = {"If-None-Match": user["meta"]["version"]}
    answer = await scim.request("HEAD", f"/Users/{user['id']}", headers=headers)
    assert answer.status_code == 304


@pytest.mark.parametrize(
    "query",
    [
        "filter=userName%20eq%20%22a+b@x.test%22",
        "filter=userName%20eq%20%22a%2Bb@x.test%22",
        "filter=userName+eq+%22a%2Bb@x.test%22",
        "filter=userName%20eq%20%27a+b@x.test%27&count=1",
    ],
)
async def test_a_plus_is_found(scim: Scim, query: str) -> None:
    """Who writes a blank as %20 means a plus by a plus."""
    user = await scim.create_user("a+b@x.test")
    page = listed(await scim.get(f"/Users?{query}"))
    assert [each["id"] for each in page["Resources"]] == [user["id"]]


async def test_lists_of_attributes_may_be_sent_in_parts(scim: Scim) -> None:
    user = await scim.create_user(title="T", nickName="N")
    for path in (f"/Users/{user['id']}", "/Users"):
        page = shown(await scim.get(f"{path}?attributes=userName&attributes=title"))
        (read,) = page.get("Resources", [page])
        assert own(read) == {"userName": user["userName"], "title": "T"}
        page = shown(await scim.get(f"{path}?excludedAttributes=title&excludedAttributes=nickName"))
        (read,) = page.get("Resources", [page])
        assert own(read) == {"userName": user["userName"], "active": True}


async def test_a_parameter_that_means_one_thing_is_sent_once(scim: Scim) -> None:
    await scim.create_user()
    answer = await scim.get("/Users?filter=userName+pr&filter=userName+eq+%22x%22")
    refused(answer, 400, "invalidFilter")
    for name in ("sortBy", "startIndex", "count", "cursor"):
        refused(await scim.get(f"/Users?{name}=1&{name}=2"), 400, "invalidValue")
    assert listed(await scim.get("/Users?count=1&count=1&x=1&x=2"))["totalResults"] == 1
