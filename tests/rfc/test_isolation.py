"""A token opens its own tenant and shows nothing of another, whatever is asked for."""

import pytest

from tests.fixtures.scim_client import (
    ENTERPRISE,
    PATCH_OP,
    Resource,
    Scim,
    listed,
    refused,
    shown,
)
from tests.fixtures.service import Clients, RunningService

Pair = tuple[Scim, Resource, Resource]


@pytest.fixture
async def theirs(new_scim: Clients) -> Pair:
    """Another tenant, its user and its group."""
    scim = new_scim()
    user = await scim.create_user(
        externalId="x1",
        emails=[{"type": "work", "value": "ana@contoso.test"}],
        **{ENTERPRISE: {"manager": {"value": "boss"}}},
    )
    return scim, user, await scim.create_group("Sales", user["id"], externalId="g1")


ROUTES = [
    ("GET", "/Users"),
    ("POST", "/Users"),
    ("GET", "/Users/{user}"),
    ("PUT", "/Users/{user}"),
    ("PATCH", "/Users/{user}"),
    ("DELETE", "/Users/{user}"),
    ("GET", "/Groups"),
    ("POST", "/Groups"),
    ("GET", "/Groups/{group}"),
    ("PUT", "/Groups/{group}"),
    ("PATCH", "/Groups/{group}"),
    ("DELETE", "/Groups/{group}"),
    ("GET", "/ServiceProviderConfig"),
    ("GET", "/ResourceTypes"),
    ("GET", "/ResourceTypes/User"),
    ("GET", "/Schemas"),
    ("GET", f"/Schemas/{ENTERPRISE}"),
    ("GET", ""),
    ("PUT", "/Users"),
    ("OPTIONS", "/Users"),
]

BODY = {
    "schemas": [PATCH_OP],
    "userName": "new",
    "displayName": "New",
    "Operations": [{"op": "replace", "path": "externalId", "value": "changed"}],
}


@pytest.mark.parametrize(("method", "route"), ROUTES)
async def test_no_route_opens_to_another_tenants_token_or_to_none(
    theirs: Pair, scim: Scim, method: str, route: str
) -> None:
    other, user, group = theirs
    path = route.format(user=user["id"], group=group["id"])
    async with other.unchanged():
        for authorization in (None, f"Bearer {scim.token}"):
            headers = {"Authorization": authorization}
            answer = await other.request(method, path, BODY, headers=headers)
            refused(answer, 401)
            assert user["id"] not in answer.text


async def test_the_default_tenant_is_closed_to_others_and_they_to_it(
    running_service: RunningService, scim: Scim
) -> None:
    default = running_service.default
    for client, token in ((default, scim.token), (scim, default.token)):
        headers = {"Authorization": f"Bearer {token}"}
        refused(await client.get("/Users", headers=headers), 401)
    assert (await default.get("/Users")).status_code == 200


async def test_an_id_of_another_tenant_is_nobodys(theirs: Pair, scim: Scim) -> None:
    other, user, group = theirs
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
        'displayName eq "Sales"',
        'externalId eq "g1"',
        'members.value eq "{user}"',
        'id eq "{group}" and members eq "{user}"',
        "id pr",
    ],
)
@pytest.mark.parametrize("endpoint", ["/Users", "/Groups"])
async def test_a_filter_finds_nothing_of_another_tenant(
    theirs: Pair, scim: Scim, endpoint: str, condition: str
) -> None:
    _, user, group = theirs
    assert await scim.found(endpoint, condition.format(user=user["id"], group=group["id"])) == []


async def test_pages_and_totals_count_nothing_of_another_tenant(theirs: Pair, scim: Scim) -> None:
    for endpoint in ("/Users", "/Groups"):
        for query in ("", "?count=0", "?startIndex=1&count=200", "?startIndex=2"):
            page = listed(await scim.get(endpoint + query))
            assert (page["totalResults"], page["Resources"]) == (0, [])


async def test_a_member_of_another_tenant_is_no_user(theirs: Pair, scim: Scim) -> None:
    """In POST, PUT and PATCH: skipped as any unknown id is; the other user is not touched."""
    other, user, _ = theirs
    async with other.unchanged():
        group = await scim.create_group("Ours", user["id"])
        assert group["members"] == []
        add = {"op": "add", "path": "members", "value": [{"value": user["id"]}]}
        assert (await scim.patch(f"/Groups/{group['id']}", add)).status_code == 204
        body = {"displayName": "Ours", "members": [{"value": user["id"]}]}
        assert shown(await scim.put(f"/Groups/{group['id']}", body))["members"] == []
        remove = {"op": "remove", "path": f'members[value eq "{user["id"]}"]'}
        assert (await scim.patch(f"/Groups/{group['id']}", remove)).status_code == 204


async def test_names_are_unique_within_a_tenant_alone(theirs: Pair, scim: Scim) -> None:
    other, user, group = theirs
    async with other.unchanged():
        mine = await scim.create_user()
        ours = await scim.create_group("Sales", mine["id"])
        assert (await scim.delete(f"/Users/{mine['id']}")).status_code == 204
        assert (await scim.delete(f"/Groups/{ours['id']}")).status_code == 204
    assert {mine["id"], ours["id"]}.isdisjoint({user["id"], group["id"]})


async def test_every_link_leads_into_ones_own_tenant(theirs: Pair) -> None:
    other, user, group = theirs
    assert user["meta"]["location"] == f"{other.tenant_url}/Users/{user['id']}"
    assert group["meta"]["location"] == f"{other.tenant_url}/Groups/{group['id']}"
    assert group["members"][0]["$ref"] == user["meta"]["location"]
    for path in ("/Schemas", "/ResourceTypes"):
        for description in listed(
            await other.get(path),
        )["Resources"]:
            assert description["meta"]["location"].startswith(f"{other.tenant_url}{path}/")


async def test_the_tenant_of_a_path_is_read_in_any_letter_case(theirs: Pair) -> None:
    """Tenant names are folded, so that one typed in capitals is the same tenant."""
    other, user, _ = theirs
    shouted = Scim(other.http, other.tenant_url.replace("/t0", "/T0"), other.token)
    read = shown(await shouted.get(f"/Users/{user['id']}"))
    assert read["meta"]["location"] == user["meta"]["location"]
