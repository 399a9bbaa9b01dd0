"""Whatever is sent, the answer is a SCIM error that says what to change, and nothing changes.

The client of these tests holds every answer to that: never a 5xx, never an empty body, always
`application/scim+json`, and a `detail` (`tests/support/fixtures/scim_client.py`).
"""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.challenges import without_address
from tests.support.fixtures import raw_http
from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    PATCH_OP,
    USER,
    Resource,
    Scim,
    refused,
)
from tests.support.fixtures.service import RunningService

NOBODY = uuid.uuid4().hex


@dataclass(slots=True)
class Kept:
    """The tenant of this module, and all it should hold."""

    scim: Scim
    resources: list[Resource]


@pytest.fixture(scope="module")
async def kept(running_service: RunningService) -> Kept:
    """A tenant with a user and a group, in which no test changes anything."""
    scim = next(running_service.tenants)
    user = await scim.create_user(title="T", emails=[{"type": "work", "value": "a@b"}])
    await scim.create_group("Sales", user["id"], externalId="x")
    return Kept(scim, await scim.everything())


@pytest.fixture
async def held(kept: Kept) -> AsyncIterator[Scim]:
    """A client of that tenant, which holds afterwards that nothing has changed."""
    yield kept.scim
    before, kept.resources = kept.resources, await kept.scim.everything()
    assert kept.resources == before


@pytest.fixture
def user(kept: Kept) -> Resource:
    return kept.resources[0]


@pytest.fixture
def group(kept: Kept) -> Resource:
    return kept.resources[1]


@pytest.fixture
def writes(user: Resource, group: Resource) -> list[tuple[str, str]]:
    """Method and path of every request that takes a body."""
    return [
        ("POST", "/Users"),
        ("PUT", f"/Users/{user['id']}"),
        ("PATCH", f"/Users/{user['id']}"),
        ("POST", "/Groups"),
        ("PUT", f"/Groups/{group['id']}"),
        ("PATCH", f"/Groups/{group['id']}"),
    ]


@pytest.fixture
def patches(user: Resource, group: Resource) -> list[str]:
    """Paths of what can be patched."""
    return [f"/Users/{user['id']}", f"/Groups/{group['id']}"]


# ---- bodies that are no JSON object

NO_JSON: dict[str, bytes] = {
    "nothing": b"",
    "a space": b" \r\n\t",
    "an open brace": b"{",
    "text": b"userName=ana",
    "XML": b"<user/>",
    "single quotes": b"{'userName': 'x'}",
    "a comma too many": b'{"userName": "x",}',
    "two values": b'{"userName": "x"} {}',
    "a raw control character": b'{"userName": "x\x00"}',
    "NaN": b'{"userName": NaN}',
    "Infinity": b'{"userName": -Infinity}',
    "a bad escape": b'{"userName": "\\x"}',
    "half a surrogate pair": b'{"userName": "\\ud800"}',
    "half a pair as a name": b'{"userName": "x", "\\uDFFF": 1}',
    "bytes that are no UTF-8": b'{"userName": "\xff\xfe"}',
    "Latin-1": '{"userName": "Zoë"}'.encode("latin-1"),
    "half of a UTF-8 character": '{"userName": "ë"}'.encode()[:-3] + b'"}',
    "a number of 5,000 digits": b'{"userName": "x", "title": ' + b"9" * 5000 + b"}",
    "100,000 lists": b"[" * 100_000 + b"]" * 100_000,
    "100,000 open lists": b"[" * 100_000,
    "100,000 objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "40 levels": b'{"name":' * 40 + b"1" + b"}" * 40,
}

NO_OBJECT: dict[str, bytes] = {
    "a list": b"[]",
    "a list of objects": b'[{"userName": "x"}]',
    "a string": b'"userName"',
    "a number": b"1",
    "true": b"true",
    "null": b"null",
}


@pytest.mark.parametrize("content", [*NO_JSON.values()], ids=[*NO_JSON])
async def test_a_body_that_is_no_json_is_refused(
    held: Scim, content: bytes, writes: list[tuple[str, str]]
) -> None:
    for method, path in writes:
        refused(await held.request(method, path, content=content), 400, "invalidSyntax")


@pytest.mark.parametrize(
    "content",
    [
        '{"userName": "a", "userName": "b", "displayName": "a"}',
        '{"userName": "a", "displayName": "a", "name": {"givenName": "a", "givenName": "a"}}',
        '{"userName": "a", "displayName": "a", "active": false, "active": true}',
        '{"displayName": "a", "userName": "a", "members": [{"value": "x"}], "members": []}',
        '{"Operations": [{"op": "add", "path": "title", "value": "x", "op": "remove"}]}',
        '{"Operations": [{"op": "replace", "value": {"active": false, "active": true}}]}',
        '{"Operations": [], "Operations": [{"op": "remove", "path": "externalId"}]}',
        '{"userName": "a", "displayName": "a", "foo": [{"\\ud800": 1, "\\ud800": 1}]}',
    ],
)
async def test_a_key_that_comes_twice_is_refused_and_named(
    held: Scim, writes: list[tuple[str, str]], content: str
) -> None:
    """RFC 8259 section 4 leaves open what is meant, and one of the two would be lost."""
    requests = [*writes, ("POST", "/Bulk"), ("POST", "/.search"), ("POST", "/Users/.search")]
    for method, path in requests:
        answer = await held.request(method, path, content=content.encode())
        assert "twice" in refused(answer, 400, "invalidSyntax")


async def test_a_key_that_comes_twice_in_the_data_of_a_bulk_request_is_refused(held: Scim) -> None:
    content = (
        b'{"Operations": [{"method": "POST", "path": "/Users", "bulkId": "1", '
        b'"data": {"userName": "a", "title": "x", "title": "y"}}]}'
    )
    answer = await held.request("POST", "/Bulk", content=content)
    assert "'title' twice" in refused(answer, 400, "invalidSyntax")


@pytest.mark.parametrize("content", [*NO_OBJECT.values()], ids=[*NO_OBJECT])
async def test_a_body_that_is_no_object_is_refused(
    held: Scim, content: bytes, writes: list[tuple[str, str]]
) -> None:
    for method, path in writes:
        refused(await held.request(method, path, content=content), 400, "invalidSyntax")


async def test_no_body_at_all_is_refused(held: Scim, writes: list[tuple[str, str]]) -> None:
    for method, path in writes:
        refused(await held.request(method, path), 400, "invalidSyntax")


async def test_a_body_without_a_length_is_refused_and_the_answer_says_why(
    held: Scim, writes: list[tuple[str, str]]
) -> None:
    """The host hands a chunked body over empty."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"userName": "chunky"}'

    for method, path in writes:
        answer = await held.http.request(
            method,
            held.tenant_url + path,
            content=chunks(),
            headers={"Authorization": f"Bearer {held.token}"},
        )
        assert "Content-Length" in refused(answer, 400, "invalidSyntax")


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "image/png", "x"])
async def test_a_body_that_is_no_json_and_says_so_is_415(
    held: Scim, media_type: str, writes: list[tuple[str, str]], user: Resource
) -> None:
    for method, path in writes:
        answer = await held.request(
            method, path, content=b"<user/>", headers={"Content-Type": media_type}
        )
        refused(answer, 415)


@pytest.mark.parametrize("size", [1_048_577, 3_000_000])
async def test_a_body_that_is_too_large_is_413(
    held: Scim, size: int, writes: list[tuple[str, str]]
) -> None:
    frame = len(b'{"userName": ""}')
    body = b'{"userName": "' + b"x" * (size - frame) + b'"}'
    assert len(body) == size
    for method, path in writes:
        assert "1,048,576" in refused(await held.request(method, path, content=body), 413)


# ---- values of the wrong type

WRONG_VALUES: dict[str, tuple[Resource, str]] = {
    "string: object": ({"title": {"x": 1}}, "title"),
    "string: two values": ({"title": ["a", "b"]}, "title"),
    "string: list in a list": ({"title": [["a"]]}, "title"),
    "boolean: word": ({"active": "perhaps"}, "active"),
    "boolean: number": ({"active": 1}, "active"),
    "boolean: object": ({"active": {"x": True}}, "active"),
    "boolean: two values": ({"active": [True, False]}, "active"),
    "boolean: huge number": ({"active": 10**400}, "active"),
    "complex: string": ({"name": "Ana"}, "name"),
    "complex: number": ({"name": 5}, "name"),
    "complex: boolean": ({"name": True}, "name"),
    "complex: two values": ({"name": [{"givenName": "A"}, {"givenName": "B"}]}, "name"),
    "part: object": ({"name": {"givenName": {"x": 1}}}, "name.givenName"),
    "list: list in a list": ({"emails": [["a"]]}, "emails"),
    "list: part of the wrong type": (
        {"emails": [{"value": "a", "primary": "perhaps"}]},
        "emails.primary",
    ),
    "list: addresses as strings": ({"addresses": ["Rue 1"]}, "addresses"),
    "list: 1,001 values": ({"roles": [{"value": str(n)} for n in range(1001)]}, "roles"),
    "list: 31 addresses": ({"emails": [{"value": f"{n}@x"} for n in range(31)]}, "e-mail"),
    "reference: object": ({"profileUrl": {"x": 1}}, "profileUrl"),
    "binary: object": ({"x509Certificates": [{"value": {"x": 1}}]}, "x509Certificates.value"),
    "extension: string": ({ENTERPRISE: "R&D"}, ENTERPRISE),
    "extension: list": ({ENTERPRISE: [{"department": "R"}] * 2}, ENTERPRISE),
    "extension: number": ({ENTERPRISE: 5}, ENTERPRISE),
    "extension: part of the wrong type": (
        {ENTERPRISE: {"department": {"x": 1}}},
        f"{ENTERPRISE}:department",
    ),
    "manager: two": ({ENTERPRISE: {"manager": ["a", "b"]}}, f"{ENTERPRISE}:manager"),
    "name too long": ({"userName": "x" * 1_025}, "userName"),
    "externalId too long": ({"externalId": "x" * 1_025}, "externalId"),
    "address too long": ({"emails": [{"value": "x" * 1_025}]}, "emails"),
    "core schema as an attribute: string": ({USER: "x"}, USER),
}


@pytest.mark.rfc("7644-3.5.2-schema")
@pytest.mark.parametrize(("wrong", "path"), [*WRONG_VALUES.values()], ids=[*WRONG_VALUES])
async def test_a_value_of_the_wrong_type_is_refused_and_its_path_named(
    held: Scim, wrong: Resource, path: str, user: Resource
) -> None:
    """In POST, in PUT, and in PATCH with and without a path."""
    body = {"schemas": [USER], "userName": "new@x.test", **wrong}
    place = f"/Users/{user['id']}"
    ((name, value),) = wrong.items()
    answers = [
        await held.post("/Users", body),
        await held.put(place, {**body, **wrong}),
        await held.patch(place, {"op": "replace", "path": name, "value": value}),
        await held.patch(place, {"op": "add", "value": wrong}),
    ]
    for answer in answers:
        assert path.rpartition(":")[2].split(".")[0] in refused(answer, 400, "invalidValue")


GROUP_BODIES: list[Any] = [
    {"displayName": {"x": 1}},
    {"displayName": ["a", "b"]},
    {"displayName": "x" * 1_025},
    {"externalId": {"x": 1}},
    {"members": [{"display": "Ana"}]},
    {"members": [{"value": {"x": 1}}]},
    {"members": [{"value": ""}]},
    {"members": [[]]},
    {"members": [["a", "b"]]},
    {"members": "  "},
    {"members": {"x": "y"}},
]


@pytest.mark.parametrize("wrong", GROUP_BODIES, ids=lambda body: json.dumps(body)[:40])
async def test_a_wrong_value_in_a_group_is_refused(
    held: Scim, wrong: Resource, group: Resource
) -> None:
    body = {"displayName": "New", **wrong}
    refused(await held.post("/Groups", body), 400, "invalidValue")
    refused(await held.put(f"/Groups/{group['id']}", body), 400, "invalidValue")
    answer = await held.patch(f"/Groups/{group['id']}", {"op": "replace", "value": wrong})
    refused(answer, 400, "invalidValue")


# ---- PATCH: envelope, operations, paths

NO_ENVELOPE: list[Any] = [
    {},
    {"schemas": [PATCH_OP]},
    {"Operations": None},
    {"Operations": []},
    {"Operations": {}},
    {"Operations": {"op": "add"}},
    {"Operations": "add"},
    {"Operations": [None]},
    {"Operations": [[]]},
    {"Operations": ["add"]},
    {"Operations": [{}]},
    {"Operations": [{"op": None, "path": "title", "value": "x"}]},
    {"Operations": [{"op": 5, "path": "title", "value": "x"}]},
    {"Operations": [{"op": ["add"], "path": "title", "value": "x"}]},
    {"Operations": [{"op": "move", "path": "title", "value": "x"}]},
    {"Operations": [{"op": "", "path": "title", "value": "x"}]},
    {"Operations": [{"path": "title", "value": "x"}]},
    {"Operations": [{"op": "add", "path": 5, "value": "x"}]},
    {"Operations": [{"op": "add", "path": ["title"], "value": "x"}]},
    {"Operations": [{"op": "add", "path": {"x": 1}, "value": "x"}]},
    {"Operations": [{"op": "replace", "path": "title"}]},
    {"Operations": [{"op": "add"}]},
    {"userName": "x"},
]


@pytest.mark.rfc("7644-3.5.2-operations", "7644-3.5.2-op", "7644-3.5.2.1-value")
@pytest.mark.parametrize("body", NO_ENVELOPE, ids=json.dumps)
async def test_a_patch_in_the_wrong_envelope_is_refused(
    held: Scim, body: Any, patches: list[str]
) -> None:
    for path in patches:
        refused(await held.request("PATCH", path, body), 400, "invalidSyntax")


async def test_more_operations_than_any_client_sends_are_413(
    held: Scim, patches: list[str]
) -> None:
    operations = [{"op": "add", "path": "title", "value": "x"}] * 1_001
    for path in patches:
        answer = await held.request("PATCH", path, {"Operations": operations})
        assert "1000" in refused(answer, 413)


BAD_PATHS: dict[str, str] = {
    "open bracket": "emails[",
    "no closing bracket": 'emails[type eq "work"',
    "no closing quote": 'emails[type eq "work].value',
    "empty brackets": "emails[]",
    "no operator": "emails[type]",
    "unknown operator": 'emails[type is "work"]',
    "two brackets": 'emails[type eq "work"][type eq "home"]',
    "text after the bracket": 'emails[type eq "work"]value',
    "a dot and no more": 'emails[type eq "work"].',
    "a filter on one value": 'displayName[value eq "x"]',
    "two words": "display Name",
    "a slash": "/displayName",
    "dots": "..",
    "an empty part": "name..givenName",
    "a dot at the end": "name.",
    "quotes": "displayName' or 1 eq 1 --",
    "a NUL": "displayName\x00",
    "an emoji": "🎈",
    "40 levels": "emails[" + "(" * 41 + "type pr" + ")" * 41 + "]",
    "3,000 parentheses": "emails[" + "(" * 3_000 + "]",
    "10,000 characters": 'emails[value eq "' + "x" * 10_000 + '"].type',
    "only a bracket": "[",
    "a filter alone": '[type eq "work"]',
}


@pytest.mark.parametrize("path", [*BAD_PATHS.values()], ids=[*BAD_PATHS])
@pytest.mark.parametrize("op", ["add", "replace", "remove"])
async def test_a_malformed_path_is_refused(
    held: Scim, op: str, path: str, patches: list[str], group: Resource
) -> None:
    for place in patches:
        answer = await held.patch(place, {"op": op, "path": path, "value": "x"})
        refused(answer, 400, "invalidPath")


REFUSED_OPERATIONS: dict[str, tuple[str, Resource, str]] = {
    "remove without a path": ("Users", {"op": "remove"}, "noTarget"),
    "remove from a group without a path": ("Groups", {"op": "remove"}, "noTarget"),
    "remove of the name": ("Users", {"op": "remove", "path": "userName"}, "mutability"),
    "remove of a group's name": ("Groups", {"op": "remove", "path": "displayName"}, "mutability"),
    "name to nothing": (
        "Users",
        {"op": "replace", "path": "userName", "value": ""},
        "mutability",
    ),
    "no attributes": ("Users", {"op": "replace", "value": "x"}, "invalidValue"),
    "a list of attributes": ("Users", {"op": "add", "value": [1, 2]}, "invalidValue"),
    "a null": ("Users", {"op": "replace", "value": None}, "invalidValue"),
    "a filter on a complex value": (
        "Users",
        {"op": "replace", "path": 'name[givenName eq "x"]', "value": "x"},
        "invalidPath",
    ),
    "a filter that describes nobody": (
        "Users",
        {"op": "replace", "path": 'emails[type ne "work" and value sw "z"].value', "value": "x"},
        "noTarget",
    ),
    "a member's id": (
        "Groups",
        {"op": "replace", "path": "members.value", "value": NOBODY},
        "invalidPath",
    ),
    "all members but one": (
        "Groups",
        {"op": "remove", "path": f'members[value ne "{NOBODY}"]'},
        "invalidPath",
    ),
    "members by a filter to add": (
        "Groups",
        {"op": "add", "path": f'members[value eq "{NOBODY}"]', "value": {"display": "x"}},
        "invalidPath",
    ),
    "a member without an id": (
        "Groups",
        {"op": "add", "path": "members", "value": [{"display": "x"}]},
        "invalidValue",
    ),
}


@pytest.mark.rfc(
    "7644-3.5.2-atomic", "7644-3.5.2-failure", "7644-3.5.2.2-no-path", "7644-3.5.2.2-required"
)
@pytest.mark.parametrize(
    ("endpoint", "operation", "scim_type"),
    [*REFUSED_OPERATIONS.values()],
    ids=[*REFUSED_OPERATIONS],
)
async def test_an_operation_that_cannot_be_done_is_refused(
    held: Scim, endpoint: str, operation: Resource, scim_type: str, patches: list[str]
) -> None:
    """The operation before it, which could be done, is not."""
    place = next(path for path in patches if path.startswith(f"/{endpoint}/"))
    before = {"op": "replace", "path": "externalId", "value": "changed"}
    refused(await held.patch(place, before, operation), 400, scim_type)


# ---- filters, ids, queries


@pytest.mark.parametrize(
    "condition",
    [
        "(" * 3_000,
        "(" * 3_000 + "userName%20pr" + ")" * 3_000,
        "not%20(" * 900 + "userName%20pr" + ")" * 900,
        "emails[" * 900,
        "%00",
        "userName%20eq%20%22x%00",
        "%ff%fe",
        "PartitionKey%20ge%20%27%27%20and%20RowKey%20ge%20%27%27%20or",
        "$filter",
        "%22%22%22",
        "userName+eq+%22x%22;drop",
    ],
    ids=lambda text: text[:30],
)
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_a_hostile_filter_is_refused(held: Scim, endpoint: str, condition: str) -> None:
    refused(await held.get(f"{endpoint}?filter={condition}"), 400, "invalidFilter")


async def test_a_fragment_of_sql_or_odata_is_read_as_scim(held: Scim) -> None:
    """Names that no attribute has are satisfied by nothing; what is no name is refused."""
    for endpoint in ("/Users", "/Groups"):
        for condition in ("PartitionKey+ge+''", "userName+eq+'x'+or+RowKey+ge+''"):
            assert (await held.get(f"{endpoint}?filter={condition}")).json()["totalResults"] == 0
        for condition in ("userName+eq+'x'+or+1+eq+1", "RowKey+ge+''+or+1+eq+1"):
            answer = await held.get(f"{endpoint}?filter={condition}")
            refused(answer, 400, "invalidFilter")


@pytest.mark.parametrize(
    "literal",
    ["x%27%20or%20%27%27%20eq%20%27", "%25", "%00", "..%2F..", "u-*", "x" * 7_000],
    ids=lambda text: text[:30],
)
@pytest.mark.parametrize("name", ["userName", "externalId", "emails.value", "id", "title"])
async def test_a_hostile_literal_finds_nothing(held: Scim, name: str, literal: str) -> None:
    answer = await held.get(f"/Users?filter={name}%20eq%20%22{literal}%22")
    assert answer.json()["totalResults"] == 0


@pytest.mark.parametrize("literal", ["%ED%A0%80", "Andr%E9", "%FF%FE"])
async def test_a_literal_that_is_no_utf_8_is_refused(held: Scim, literal: str) -> None:
    """It can be nobody's name, and to find nobody would have the client create a user."""
    answer = await held.get(f"/Users?filter=userName%20eq%20%22{literal}%22")
    refused(answer, 400, "invalidFilter")


HOSTILE_IDS = [
    "x",
    "0",
    "%27",
    "%27%20or%201%20eq%201",
    "%22",
    "a%2Fb",
    "%2F",
    "%5C..%5C",
    "...",
    "*",
    "$batch",
    "(PartitionKey=%27t%27,RowKey=%27u%27)",
    "%25%32%37",
    "%C3%28",
    "%F0%9F%8E%88",
    "%20",
    "+",
    ";",
    "null",
    "undefined",
    "{id}",
    "un-0",
    "cu-00",
    "q",
    "0123456789ABCDEF0123456789ABCDEF",
    "0123456789abcdef0123456789abcde%C4%B1",
    "x" * 4_000,
]


@pytest.mark.parametrize("resource_id", HOSTILE_IDS, ids=lambda text: text[:30])
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_a_hostile_id_is_nobodys(held: Scim, endpoint: str, resource_id: str) -> None:
    path = f"{endpoint}/{resource_id}"
    body = {"userName": "new@x.test", "displayName": "New"}
    operation = {"op": "replace", "path": "title", "value": "x"}
    answers = [
        await held.get(path),
        await held.put(path, body),
        await held.patch(path, operation),
        await held.delete(path),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4


async def test_odd_parameters_are_ignored(held: Scim) -> None:
    for query in (
        "?",
        "?&&&",
        "?=x",
        "?x",
        "?attributes=",
        "?attributes=,,%20,&excludedAttributes=,",
        "?attributes=" + "title," * 900,
        "?$filter=x&$top=1",
        "?filte%72=userName+pr",
        "?" + "a=b&" * 1_500,
    ):
        assert (await held.get(f"/Users{query}")).json()["totalResults"] == 1
    for name in ("attributes", "excludedAttributes"):
        for value in ("%00", ";", "'", "%ff", "user%20Name", "%22userName%22"):
            refused(await held.get(f"/Users?{name}={value}"), 400, "invalidValue")


# ---- tokens and tenants


@pytest.mark.parametrize("authorization", [None, "Basic {token}", "Bearer {token}x"])
async def test_no_method_is_served_without_the_token(
    held: Scim, authorization: str | None, writes: list[tuple[str, str]]
) -> None:
    """What else is no token stands in `test_bad_credentials.py`."""
    header = authorization and authorization.format(token=held.token)
    for method, path in [*writes, ("GET", "/Users"), ("GET", "/Schemas")]:
        answer = await held.request(
            method, path, {"userName": "x"}, headers={"Authorization": header}
        )
        refused(answer, 401)


UNKNOWN_TENANTS = [
    "nobody",
    "default",
    "DEFAULT",
    "a--b",
    "-a",
    "a-",
    "a_b",
    "a.b",
    "a%20b",
    "x" * 41,
    "x" * 4_000,
    "%27%20or%20%27%27%20eq%20%27",
    "%C3%A9",
    "%E2%84%AA",
    "a%2Fb",
    "%25",
    "*",
    "t0000%20",
    "scim-token",
    "{tenant}",
]


@pytest.mark.parametrize("tenant", UNKNOWN_TENANTS, ids=lambda text: text[:30])
async def test_an_unknown_tenant_is_answered_as_a_wrong_token_is(
    held: Scim, running_service: RunningService, tenant: str
) -> None:
    """Nobody can find out which tenants exist: the answers are the same to the byte."""
    wrong = await held.get("/Users", headers={"Authorization": f"Bearer {'x' * 43}"})
    stranger = Scim(held.http, f"{running_service.base_url}/tenants/{tenant}/scim/v2", held.token)
    for path in ("", "/Users", f"/Users/{NOBODY}", "/Groups", "/Schemas", "/ServiceProviderConfig"):
        answer = await stranger.get(path)
        refused(answer, 401)
        assert answer.content == wrong.content
        assert told_to_strangers(answer) == told_to_strangers(wrong)


def told_to_strangers(answer: httpx.Response) -> dict[str, str]:
    """The headers of an answer, without what names the request and the address asked for."""
    headers = dict(answer.headers)
    return {
        **headers,
        "www-authenticate": without_address(headers["www-authenticate"]),
        "request-id": "",
        "date": "",
    }


# ---- methods and paths

ROUTES: dict[str, set[str]] = {
    "/Users": {"GET", "POST"},
    "/Users/{id}": {"GET", "PUT", "PATCH", "DELETE"},
    "/Groups": {"GET", "POST"},
    "/Groups/{id}": {"GET", "PUT", "PATCH", "DELETE"},
    "/ServiceProviderConfig": {"GET"},
    "/ResourceTypes": {"GET"},
    "/ResourceTypes/User": {"GET"},
    "/Schemas": {"GET"},
    f"/Schemas/{USER}": {"GET"},
    "": {"GET"},
    "/.search": {"POST"},
    "/Users/.search": {"POST"},
    "/Groups/.search": {"POST"},
}


@pytest.mark.parametrize(("route", "allowed"), [*ROUTES.items()], ids=[*ROUTES])
async def test_a_method_that_is_not_served_is_405_and_the_others_are_named(
    held: Scim, route: str, allowed: set[str], user: Resource, group: Resource
) -> None:
    path = route.replace("{id}", (group if "Groups" in route else user)["id"])
    allowed = allowed | ({"HEAD"} if "GET" in allowed else set())
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - allowed:
        answer = await held.request(method, path, {"userName": "x", "displayName": "x"})
        refused(answer, 405)
        assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/Nothing",
        "/Users/x/y",
        "/Users/{id}/groups",
        "/Userss",
        "/..%2F..%2Fadmin",
        "/Users//",
        "//Users",
    ],
)
async def test_a_path_that_is_not_served_is_404(held: Scim, path: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        refused(await held.request(method, path, {"userName": "x"}), 404)


@pytest.mark.rfc("7644-3.13-version", "7644-3.13-latest")
async def test_a_path_outside_of_the_tenant_url_is_404(
    held: Scim, running_service: RunningService
) -> None:
    paths = ("/scim", "/scim/v1/Users", "/tenants", "/tenants//scim/v2/Users", "/Users", "/v2")
    for path in ("/", *paths):
        outside = Scim(held.http, running_service.base_url, held.token)
        refused(await outside.get(path), 404)


async def test_a_nul_in_a_path_is_refused_by_the_host(
    held: Scim, running_service: RunningService
) -> None:
    """The one answer without a body: the web server of the host lets no such request through."""
    path = held.tenant_url.removeprefix(running_service.base_url)
    for method in ("GET", "DELETE"):
        request = f"{method} {path}/Users/%00 HTTP/1.1\r\nHost: x\r\n\r\n"
        assert (await raw_http.send(running_service.base_url, request.encode())).status == 400


# ---- what is odd and yet no error


async def test_of_one_name_in_two_letter_cases_neither_counts(scim: Scim) -> None:
    """RFC 7643 section 2.1: letter case makes no difference."""
    answer = await scim.post("/Users", {"userName": "a", "title": "x", "TITLE": "y"})
    assert "'title' and 'TITLE'" in refused(answer, 400, "invalidSyntax")


async def test_a_byte_order_mark_is_passed_over(scim: Scim) -> None:
    answer = await scim.request("POST", "/Users", content=b'\xef\xbb\xbf{"userName": "a"}')
    assert answer.status_code == 201


@pytest.mark.rfc("7644-3.8-utf-8")
@pytest.mark.parametrize(
    "text",
    ["\x00", "a\x00b", "\x01\x1f\x7f\x85\u2028", "🎈" * 20_000, "x" * 100_000, "\ufeffx", "\uffff"],
    ids=["NUL", "NUL within", "controls", "emoji", "long", "BOM", "no character"],
)
async def test_any_text_is_kept_as_it_is(scim: Scim, text: str) -> None:
    user = await scim.create_user(title=text)
    assert user["title"] == text
    assert (await scim.user(user["id"]))["title"] == text


async def test_a_number_that_no_computer_holds_is_refused(scim: Scim) -> None:
    answer = await scim.request("POST", "/Users", content=b'{"userName": "a", "title": 1e999}')
    assert "title" in refused(answer, 400, "invalidValue")


@pytest.mark.parametrize("number", ["5", "5.5", "-0", "1e3", "9" * 400])
async def test_a_number_for_a_string_is_read_as_one_and_kept(scim: Scim, number: str) -> None:
    content = f'{{"userName": "a", "title": {number}}}'.encode()
    answer = await scim.request("POST", "/Users", content=content)
    assert answer.status_code == 201
    assert isinstance(answer.json()["title"], str)
