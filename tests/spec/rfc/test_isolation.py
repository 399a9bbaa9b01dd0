"""A token opens its own tenant and shows nothing of another, whatever is asked for.

What is asked for is taken from the functions of the app, so that no route can be forgotten.
"""

import json
from dataclasses import dataclass, replace
from typing import Any, Self

import httpx
import pytest

from function_app import app
from local.functions import index
from tests.support.challenges import ANYWHERE, without_address
from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    PATCH_OP,
    Resource,
    Scim,
    created,
    listed,
    refused,
    shown,
)
from tests.support.fixtures.service import Clients, RunningService

Theirs = tuple[Scim, Resource, Resource, Resource]
"""A client of another tenant, and its user, group and device."""

TENANT_ROOT = "tenants/{tenant}/scim/v2"
DEFAULT_ROOT = "scim/v2"

OPEN = {
    "healthz": "says that the process is alive, without a look at any tenant",
    "{*path}": "says that nothing is there",
    "api/v1/{*path}": "says that nothing is there",
    "openapi.json": "describes what anybody can read in the source",
    **{
        path: "describes what is the same at every address"
        for document in ("oauth-authorization-server", "oauth-protected-resource")
        for root in (DEFAULT_ROOT, TENANT_ROOT)
        for path in (f"{root}/.well-known/{document}", f".well-known/{document}/{root}")
    },
    **{
        f"{root}/oauth2/token": "gives tokens to clients (tests/spec/oauth)"
        for root in (DEFAULT_ROOT, TENANT_ROOT)
    },
}
"""The routes that ask for no token, and what they say."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")

BODY = {
    "schemas": [PATCH_OP],
    "userName": "new",
    "displayName": "New",
    "Operations": [{"op": "replace", "path": "externalId", "value": "changed"}],
}

OF_THEIRS = (
    "nick-of-theirs",
    "title-of-theirs",
    "Sales of theirs",
    "group-of-theirs",
    "serial-of-theirs",
)
"""Values of the other tenant's user, group and device that no request here contains."""

CHANGE = {"op": "replace", "path": "externalId", "value": "changed"}
EMPTY = {"op": "remove", "path": "members"}
MEMBERS = [{"value": "{user}"}]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that names what another tenant has.

    Attributes:
        method: HTTP method.
        path: Below the Tenant URL; `{user}`, `{group}`, `{device}` are ids of the other one's.
        body: JSON, in which they stand too.
        shows: Whether the other one itself is shown values of theirs.
        status: What the other one itself is answered, where that is no success.
    """

    method: str
    path: str
    body: Any = None
    shows: bool = False
    status: int | None = None

    def naming(self, user: Resource, group: Resource, device: Resource) -> Self:
        """Put the ids in their places."""
        text = json.dumps([self.path, self.body])
        for name, resource in (("user", user), ("group", group), ("device", device)):
            text = text.replace(f"{{{name}}}", resource["id"])
        path, body = json.loads(text)
        return replace(self, path=path, body=body)


def patch(*operations: Resource) -> Resource:
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def search(condition: str) -> Resource:
    message = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
    return {"schemas": [message], "filter": condition}


def bulk(*operations: tuple[str, str, Resource | None]) -> Resource:
    message = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    numbered = [
        {"method": method, "path": path, "bulkId": str(number), "data": data}
        for number, (method, path, data) in enumerate(operations)
    ]
    return {"schemas": [message], "Operations": numbered}


CASES: dict[str, tuple[Attempt, ...]] = {
    "Users": (
        Attempt("GET", "/Users", shows=True),
        Attempt("GET", "/Users?count=200&startIndex=1&attributes=nickName", shows=True),
        Attempt("GET", "/Users?filter=id+eq+%22{user}%22", shows=True),
        Attempt("GET", "/Users?filter=groups.value+eq+%22{group}%22", shows=True),
        Attempt("POST", "/Users", {"userName": "new", "groups": [{"value": "{group}"}]}),
    ),
    "Users/{id}": (
        Attempt("GET", "/Users/{user}", shows=True),
        Attempt("GET", "/Users/{user}?attributes=title", shows=True),
        Attempt("PATCH", "/Users/{user}", patch(CHANGE), shows=True),
        Attempt("PUT", "/Users/{user}", {"userName": "new"}),
        Attempt("DELETE", "/Users/{user}"),
    ),
    "Groups": (
        Attempt("GET", "/Groups", shows=True),
        Attempt("GET", "/Groups?filter=members+eq+%22{user}%22", shows=True),
        Attempt("POST", "/Groups", {"displayName": "New", "members": MEMBERS}),
    ),
    "Groups/{id}": (
        Attempt("GET", "/Groups/{group}", shows=True),
        Attempt("GET", "/Groups/{group}?excludedAttributes=members", shows=True),
        Attempt("PATCH", "/Groups/{group}?attributes=displayName", patch(EMPTY), shows=True),
        Attempt("PUT", "/Groups/{group}", {"displayName": "New", "members": MEMBERS}),
        Attempt("DELETE", "/Groups/{group}"),
    ),
    "Users/.search": (Attempt("POST", "/Users/.search", search('id eq "{user}"'), shows=True),),
    "Groups/.search": (Attempt("POST", "/Groups/.search", search("id pr"), shows=True),),
    ".search": (Attempt("POST", "/.search", search("id pr"), shows=True),),
    "Bulk": (
        Attempt(
            "POST",
            "/Bulk",
            bulk(
                ("PATCH", "/Users/{user}", patch(CHANGE)),
                ("PUT", "/Groups/{group}", {"displayName": "New"}),
                ("POST", "/Groups", {"displayName": "Newer", "members": MEMBERS}),
                ("DELETE", "/Users/{user}", None),
                ("DELETE", "/Groups/{group}", None),
            ),
        ),
    ),
    "": (
        Attempt("GET", "", shows=True),
        Attempt("GET", "?filter=id+eq+%22{group}%22", shows=True),
    ),
    "Me": (Attempt("GET", "/Me", status=501),),
    "{endpoint}": (
        Attempt("GET", "/Devices", shows=True),
        Attempt("GET", "/Devices?filter=id+eq+%22{device}%22", shows=True),
        Attempt("POST", "/Devices", {"serialNumber": "new"}),
    ),
    "{endpoint}/.search": (Attempt("POST", "/Devices/.search", search("id pr"), shows=True),),
    "{endpoint}/{id}": (
        Attempt("GET", "/Devices/{device}", shows=True),
        Attempt("PATCH", "/Devices/{device}", patch(CHANGE), shows=True),
        Attempt("PUT", "/Devices/{device}", {"serialNumber": "newer"}),
        Attempt("DELETE", "/Devices/{device}"),
    ),
    "ServiceProviderConfig": (Attempt("GET", "/ServiceProviderConfig"),),
    "ResourceTypes": (Attempt("GET", "/ResourceTypes"),),
    "ResourceTypes/{id}": (Attempt("GET", "/ResourceTypes/User"),),
    "Schemas": (Attempt("GET", "/Schemas"),),
    "Schemas/{id}": (Attempt("GET", f"/Schemas/{ENTERPRISE}"),),
}
"""By endpoint, what is tried with a token of one's own. A new endpoint needs its case here."""

ROUTES = [each.template.text for each in index(app, "").http]
GUARDED = [
    route for route in ROUTES if route not in OPEN and not route.startswith(("api/v1/", "portal"))
]
"""Those of `/api/v1` take no token: `tests/unit/web/test_api_key_isolation.py` tries them. Nor do
those of the portal, which takes sessions: `tests/spec/portal/test_entering.py` tries them."""


def endpoints_of(root: str) -> list[str]:
    """What is served below a root; "" is the root itself."""
    below = [route for route in ROUTES if f"{route}/".startswith(f"{root}/")]
    return [route.removeprefix(root).removeprefix("/") for route in below]


ENDPOINTS = endpoints_of(TENANT_ROOT)


@pytest.fixture
def running_service(extended_service: RunningService) -> RunningService:
    """The service with a resource type of its deployer's, whose endpoints are tried as well."""
    return extended_service


@pytest.fixture
async def theirs(new_scim: Clients) -> Theirs:
    """Another tenant, its user, its group and its device."""
    scim = new_scim()
    user = await scim.create_user(
        externalId="x1",
        nickName="nick-of-theirs",
        title="title-of-theirs",
        emails=[{"type": "work", "value": "ana@contoso.test"}],
        **{ENTERPRISE: {"manager": {"value": "boss"}}},
    )
    group = await scim.create_group("Sales of theirs", user["id"], externalId="group-of-theirs")
    device = created(await scim.post("/Devices", {"serialNumber": "serial-of-theirs"}))
    return scim, user, group, device


def seen(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """All that a client can see of an answer, but for the id, time and address of the request, and
    for the framing, which differs between HEAD and others.
    """
    aside = {"request-id", "date", "content-length", "transfer-encoding"}
    headers = [
        (name, without_address(value))
        for name, value in answer.headers.items()
        if name not in aside
    ]
    # A problem document holds the id of the request, too.
    content = answer.content.replace(answer.headers["request-id"].encode(), b"")
    return answer.status_code, sorted(headers), content


def test_every_route_is_tried_on_another_tenant_or_open_for_a_reason() -> None:
    assert sorted(endpoints_of(DEFAULT_ROOT)) == sorted(ENDPOINTS)
    open_to_all = {endpoint for endpoint in ENDPOINTS if f"{TENANT_ROOT}/{endpoint}" in OPEN}
    untried = sorted(set(ENDPOINTS) - CASES.keys() - open_to_all)
    assert not untried, f"add to CASES what a stranger would try at these endpoints: {untried}"
    assert len(ENDPOINTS) >= 10


@pytest.mark.parametrize("route", GUARDED)
async def test_no_route_opens_to_another_tenants_token_or_to_none(
    theirs: Theirs, scim: Scim, running_service: RunningService, route: str
) -> None:
    """Whatever the method, and in the same words each time."""
    other, user, group, _ = theirs
    is_theirs = route.startswith(TENANT_ROOT)
    ids = group if "Groups" in route else user
    base = running_service.base_url
    path = route.replace("{tenant}", other.tenant_url.split("/")[4]).replace("{id}", ids["id"])
    target = Scim(other.http, f"{base}/{path}", scim.token)
    wrong = seen(await other.get("/Users", headers={"Authorization": f"Bearer {scim.token}"}))
    assert wrong[0] == 401
    # What is no resource of SCIM leads nobody to the token endpoint of one.
    of_scim = is_theirs or route.startswith(DEFAULT_ROOT)
    headers_of_wrong = [(n, v if of_scim or v != ANYWHERE else "Bearer") for n, v in wrong[1]]
    async with (other if is_theirs else running_service.default).unchanged():
        for method in METHODS:
            for authorization in (None, f"Bearer {scim.token}"):
                headers = {"Authorization": authorization}
                answer = await target.request(method, "", BODY, headers=headers)
                status, sent, body = seen(answer)
                assert (status, sent) == (401, headers_of_wrong), method
                assert body == (b"" if method == "HEAD" else wrong[2]), method


@pytest.mark.parametrize("endpoint", CASES)
async def test_no_endpoint_shows_or_changes_anything_of_another_tenant(
    theirs: Theirs, scim: Scim, endpoint: str
) -> None:
    other, user, group, device = theirs
    attempts = [attempt.naming(user, group, device) for attempt in CASES[endpoint]]
    async with other.unchanged():
        for attempt in attempts:
            answer = await scim.request(attempt.method, attempt.path, attempt.body)
            assert not [value for value in OF_THEIRS if value in answer.text], attempt
    for attempt in attempts:  # which show something to those whose it is
        answer = await other.request(attempt.method, attempt.path, attempt.body)
        is_right = answer.status_code in ({attempt.status} if attempt.status else range(200, 300))
        assert is_right, (attempt, answer.text)
        if attempt.shows:
            assert [value for value in OF_THEIRS if value in answer.text], attempt


@pytest.mark.parametrize("route", [route for route in ROUTES if route in OPEN])
async def test_an_open_route_says_the_same_of_every_tenant(
    theirs: Theirs, scim: Scim, running_service: RunningService, route: str
) -> None:
    other, user, *_ = theirs
    name = other.tenant_url.split("/")[4]
    answers = []
    for tenant, path in ((name, f"tenants/{name}/{user['id']}"), ("nobody", "tenants/nobody/x")):
        url = route.replace("{*path}", path).replace("{tenant}", tenant)
        for headers in ({}, {"Authorization": f"Bearer {scim.token}"}):
            answer = await other.http.get(f"{running_service.base_url}/{url}", headers=headers)
            status, sent, content = seen(answer)
            said = content.replace(tenant.encode(), b"") if "{tenant}" in route else content
            answers.append((status, sent, said))
    assert answers.count(answers[0]) == len(answers)


async def test_the_default_tenant_is_closed_to_others_and_they_to_it(
    running_service: RunningService, scim: Scim
) -> None:
    default = running_service.default
    for client, token in ((default, scim.token), (scim, default.token)):
        headers = {"Authorization": f"Bearer {token}"}
        refused(await client.get("/Users", headers=headers), 401)
    assert (await default.get("/Users")).status_code == 200


async def test_an_id_of_another_tenant_is_nobodys(theirs: Theirs, scim: Scim) -> None:
    other, user, group, _ = theirs
    async with other.unchanged():
        for path in (f"/Users/{user['id']}", f"/Groups/{group['id']}"):
            refused(await scim.get(path), 404)
            refused(await scim.put(path, BODY), 404)
            refused(await scim.request("PATCH", path, BODY), 404)
            refused(await scim.delete(path), 404)


@pytest.mark.parametrize(
    "condition",
    [
        'id eq "{user}"',
        'userName eq "ana@contoso.test"',
        'externalId eq "x1"',
        'emails.value eq "ana@contoso.test"',
        'manager eq "boss"',
        'groups.value eq "{group}"',
        "userName pr",
        'not (userName eq "x")',
        'displayName eq "Sales of theirs"',
        'externalId eq "group-of-theirs"',
        'members.value eq "{user}"',
        'id eq "{group}" and members eq "{user}"',
        "id pr",
    ],
)
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_a_filter_finds_nothing_of_another_tenant(
    theirs: Theirs, scim: Scim, endpoint: str, condition: str
) -> None:
    _, user, group, _ = theirs
    assert await scim.found(endpoint, condition.format(user=user["id"], group=group["id"])) == []


async def test_pages_and_totals_count_nothing_of_another_tenant(theirs: Theirs, scim: Scim) -> None:
    for endpoint in ("/Users", "/Groups"):
        for query in ("", "?count=0", "?startIndex=1&count=200", "?startIndex=2"):
            page = listed(await scim.get(endpoint + query))
            assert (page["totalResults"], page["Resources"]) == (0, [])


async def test_a_member_of_another_tenant_is_no_user(theirs: Theirs, scim: Scim) -> None:
    """In POST, PUT and PATCH: skipped as any unknown id is; the other user is not touched."""
    other, user, *_ = theirs
    async with other.unchanged():
        group = await scim.create_group("Ours", user["id"])
        assert group["members"] == []
        add = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
        assert (await scim.patch(f"/Groups/{group['id']}", add)).status_code == 204
        body = {"displayName": "Ours", "members": [{"value": user["id"]}]}
        assert shown(await scim.put(f"/Groups/{group['id']}", body))["members"] == []
        remove = {"op": "remove", "path": f'members[value eq "{user["id"]}"]'}
        assert (await scim.patch(f"/Groups/{group['id']}", remove)).status_code == 204


async def test_names_are_unique_within_a_tenant_alone(theirs: Theirs, scim: Scim) -> None:
    other, user, group, _ = theirs
    async with other.unchanged():
        mine = await scim.create_user()
        ours = await scim.create_group("Sales of theirs", mine["id"])
        assert (await scim.delete(f"/Users/{mine['id']}")).status_code == 204
        assert (await scim.delete(f"/Groups/{ours['id']}")).status_code == 204
    assert {mine["id"], ours["id"]}.isdisjoint({user["id"], group["id"]})


async def test_every_link_leads_into_ones_own_tenant(theirs: Theirs) -> None:
    other, user, group, _ = theirs
    assert user["meta"]["location"] == f"{other.tenant_url}/Users/{user['id']}"
    assert group["meta"]["location"] == f"{other.tenant_url}/Groups/{group['id']}"
    assert group["members"][0]["$ref"] == user["meta"]["location"]
    for path in ("/Schemas", "/ResourceTypes"):
        for description in listed(
            await other.get(path),
        )["Resources"]:
            assert description["meta"]["location"].startswith(f"{other.tenant_url}{path}/")


async def test_the_tenant_of_a_path_is_read_in_any_letter_case(theirs: Theirs) -> None:
    """Tenant names are folded, so that one typed in capitals is the same tenant."""
    other, user, *_ = theirs
    shouted = Scim(other.http, other.tenant_url.replace("/t0", "/T0"), other.token)
    read = shown(await shouted.get(f"/Users/{user['id']}"))
    assert read["meta"]["location"] == user["meta"]["location"]
