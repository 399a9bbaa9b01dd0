"""RFC 7644 section 3.4.3: queries by POST to /.search; section 3.4.2: queries of the root."""

from typing import Any

import httpx
import pytest
from scim2_models import Context, EnterpriseUser, Group, ListResponse, SearchRequest, User

from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    GROUP,
    USER,
    Resource,
    Scim,
    listed,
    refused,
    shown,
)
from tests.support.fixtures.service import SCAN_MAX_ROWS, RunningService

SEARCH_REQUEST = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
ENDPOINTS = ["", "/Users", "/Groups"]


@pytest.fixture(scope="module")
async def people(running_service: RunningService) -> Scim:
    """A tenant with three users and two groups, which no test changes."""
    scim = next(running_service.tenants)
    ana = await scim.create_user(
        "ana", displayName="Ana", externalId="1", **{ENTERPRISE: {"department": "R&D"}}
    )
    await scim.create_user("bo", displayName="Bo", title="Clerk")
    await scim.create_user("cy", displayName="Sales", externalId="2")
    await scim.create_group("Sales", ana["id"], externalId="2")
    await scim.create_group("Support")
    return scim


async def _search(scim: Scim, endpoint: str, **asked: Any) -> httpx.Response:
    return await scim.post(f"{endpoint}/.search", {"schemas": [SEARCH_REQUEST], **asked})


def _names(page: Resource) -> list[str]:
    return sorted(each.get("userName") or each["displayName"] for each in page["Resources"])


SEARCHES: list[tuple[str, Resource, str]] = [
    ("/Users", {}, ""),
    ("/Groups", {}, ""),
    ("", {}, ""),
    ("/Users", {"filter": 'userName eq "bo"'}, "filter=userName+eq+%22bo%22"),
    ("/Users", {"filter": "title pr", "count": 0}, "filter=title+pr&count=0"),
    ("/Users", {"startIndex": 2, "count": 1}, "startIndex=2&count=1"),
    ("/Users", {"startIndex": "2", "count": "1"}, "startIndex=2&count=1"),
    ("/Users", {"startIndex": -3, "count": 100_000}, "startIndex=-3&count=100000"),
    ("/Users", {"sortBy": "userName"}, "sortBy=userName"),
    (
        "/Users",
        {"sortBy": "userName", "sortOrder": "descending"},
        "sortBy=userName&sortOrder=descending",
    ),
    ("/Users", {"attributes": ["title", "userName"]}, "attributes=title,userName"),
    ("/Users", {"attributes": "title,userName"}, "attributes=title,userName"),
    ("/Users", {"excludedAttributes": ["meta", "title"]}, "excludedAttributes=meta,title"),
    ("/Groups", {"excludedAttributes": ["members"]}, "excludedAttributes=members"),
    ("/Users", {"FILTER": "title pr", "Count": 5}, "filter=title+pr&count=5"),
    ("/Users", {"filter": None, "sortBy": None, "count": None}, ""),
    ("", {"filter": 'displayName eq "Sales"'}, "filter=displayName+eq+%22Sales%22"),
    ("", {"startIndex": 3, "count": 2}, "startIndex=3&count=2"),
]


@pytest.mark.rfc("7644-3.4.3-search")
@pytest.mark.parametrize(("endpoint", "asked", "query"), SEARCHES, ids=str)
async def test_a_search_answers_as_the_same_query_by_get(
    people: Scim, endpoint: str, asked: Resource, query: str
) -> None:
    answer = listed(await _search(people, endpoint, **asked))
    assert answer == listed(await people.get(f"{endpoint}?{query}"))


@pytest.mark.rfc("7644-3.4.3-search")
async def test_the_message_of_an_independent_library_is_understood(people: Scim) -> None:
    message: SearchRequest[Any] = SearchRequest(
        filter="userName pr",
        sort_by="userName",
        sort_order=SearchRequest.SortOrder.descending,
        start_index=1,
        count=2,
        attributes=["userName"],
    )
    body = message.model_dump(scim_ctx=Context.SEARCH_REQUEST)
    page = listed(await people.post("/Users/.search", body))
    assert [user["userName"] for user in page["Resources"]] == ["cy", "bo"]
    assert page["Resources"][0].keys() == {"schemas", "id", "userName"}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"filter": 7}, "filter"),
        ({"filter": ["userName pr"]}, "filter"),
        ({"sortBy": {}}, "sortBy"),
        ({"sortBy": "userName", "sortOrder": "upwards"}, "sortOrder"),
        ({"sortOrder": True}, "sortOrder"),
        ({"startIndex": "first"}, "startIndex"),
        ({"startIndex": 1.5}, "startIndex"),
        ({"count": True}, "count"),
        ({"count": [1]}, "count"),
        ({"cursor": 7}, "cursor"),
        ({"attributes": [1]}, "attributes"),
        ({"excludedAttributes": {"a": 1}}, "excludedAttributes"),
    ],
    ids=str,
)
async def test_a_search_of_wrong_types_is_refused_by_the_name(
    people: Scim, endpoint: str, asked: Resource, named: str
) -> None:
    assert named in refused(await _search(people, endpoint, **asked), 400, "invalidValue")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_search_that_is_no_message_is_refused(people: Scim, endpoint: str) -> None:
    path = f"{endpoint}/.search"
    bodies: tuple[Any, ...] = ([], "x", 1)
    for body in bodies:
        refused(await people.post(path, body), 400, "invalidSyntax")
    for content in (b"", b"{", b"null"):
        refused(await people.request("POST", path, content=content), 400, "invalidSyntax")
    refused(await _search(people, endpoint, filter=""), 400, "invalidFilter")
    refused(await _search(people, endpoint, filter="userName"), 400, "invalidFilter")


# ---- the root


@pytest.mark.rfc("7644-3.4.2.1-root")
async def test_the_root_lists_everything(people: Scim) -> None:
    page = listed(await people.get(""))
    assert page["totalResults"] == 5
    users = listed(await people.get("/Users"))["Resources"]
    groups = listed(await people.get("/Groups"))["Resources"]
    assert page["Resources"] == [*users, *groups]
    ListResponse[User[EnterpriseUser] | Group].model_validate(
        page, scim_ctx=Context.RESOURCE_QUERY_RESPONSE
    )


async def test_a_listed_resource_is_the_resource(people: Scim) -> None:
    for resource in listed(await people.get(""))["Resources"]:
        assert resource == shown(await people.request("GET", _path(people, resource)))


def _path(scim: Scim, resource: Resource) -> str:
    location: str = resource["meta"]["location"]
    return location.removeprefix(scim.tenant_url)


async def test_the_root_of_a_tenant_without_resources_is_an_empty_list(scim: Scim) -> None:
    """Some versions of the Entra portal are said to probe the Tenant URL itself."""
    page = listed(await scim.get(""))
    assert (page["totalResults"], page["Resources"]) == (0, [])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("condition", [None, "id+pr"])
async def test_pages_of_the_root_together_are_everything_once(
    people: Scim, size: int, condition: str | None
) -> None:
    filtered = f"&filter={condition}" if condition else ""
    everything: list[Resource] = []
    for start in range(1, 8, size):
        page = listed(await people.get(f"?startIndex={start}&count={size}{filtered}"))
        assert (page["totalResults"], page["startIndex"]) == (5, start)
        everything += page["Resources"]
    assert everything == listed(await people.get(""))["Resources"]
    total = listed(await people.get(f"?count=0{filtered}"))
    assert (total["totalResults"], total["Resources"]) == (5, [])


ROOT_FILTERS = [
    ('displayName eq "sales"', ["Sales", "cy"]),
    ('externalId eq "2"', ["Sales", "cy"]),
    ('meta.resourceType eq "User"', ["ana", "bo", "cy"]),
    ('meta.resourceType eq "Group"', ["Sales", "Support"]),
    ('meta.resourceType eq "Group" and displayName sw "s"', ["Sales", "Support"]),
    ('meta.resourceType eq "Device"', []),
    ('meta.resourceType ne "User"', ["Sales", "Support"]),
    ('(meta.resourceType eq "User" and title pr) or displayName eq "Support"', ["Support", "bo"]),
    (f'schemas eq "{USER}"', ["ana", "bo", "cy"]),
    (f'schemas eq "{GROUP}"', ["Sales", "Support"]),
    (f'schemas eq "{ENTERPRISE}"', ["ana"]),
    # A namesake of another type is another attribute.
    (f'{USER}:displayName eq "Sales"', ["cy"]),
    (f'{GROUP}:displayName eq "Sales"', ["Sales"]),
    (f'{USER}:displayName ne "Sales"', ["Sales", "Support", "ana", "bo"]),
    (f"{USER}:externalId pr and displayName pr", ["ana", "cy"]),
    # Section 3.4.2.1: what a type does not have is without a value.
    ('userName eq "bo"', ["bo"]),
    ("userName pr", ["ana", "bo", "cy"]),
    ("not (userName pr)", ["Sales", "Support"]),
    ('userName ne "bo"', ["Sales", "Support", "ana", "cy"]),
    ('not (userName eq "bo")', ["Sales", "Support", "ana", "cy"]),
    ("title eq null", ["Sales", "Support", "ana", "cy"]),
    ("members pr", ["Sales"]),
    ('title eq "Clerk" or members pr', ["Sales", "bo"]),
    (f'{ENTERPRISE}:department eq "R&D"', ["ana"]),
    ('emails[type eq "work"]', []),
    ('shoeSize eq "39"', []),
    ('shoeSize eq "39" or userName eq "bo"', ["bo"]),
]


@pytest.mark.rfc(
    "7644-3.4.2.1-root", "7644-3.4.2.1-filters-across-types", "7644-3.4.2.1-undefined-attribute"
)
@pytest.mark.parametrize(("condition", "names"), ROOT_FILTERS, ids=str)
async def test_a_filter_at_the_root_finds_resources_of_every_type(
    people: Scim, condition: str, names: list[str]
) -> None:
    page = listed(await _search(people, "", filter=condition))
    assert _names(page) == names
    assert page["totalResults"] == len(names)


async def test_what_each_type_shows_is_projected(people: Scim) -> None:
    page = listed(await _search(people, "", attributes=["userName", "members.value"]))
    shapes = {tuple(sorted(each.keys() - {"schemas", "id"})) for each in page["Resources"]}
    assert shapes == {("userName",), ("members",)}


@pytest.mark.rfc("7644-3.4.2.1-too-many")
async def test_a_scan_of_the_root_is_bounded_as_a_whole(scim: Scim) -> None:
    """RFC 7644 section 3.4.2.2, `tooMany`; what other types alone can satisfy is not read."""
    for number in range(SCAN_MAX_ROWS // 2 + 1):
        await scim.create_user(f"u{number}")
        await scim.create_group(f"g{number}")
    detail = refused(await _search(scim, "", filter='externalId sw "x"'), 400, "tooMany")
    assert "of a User id, userName" in detail
    assert "of a Group id, displayName" in detail
    refused(await _search(scim, "", sortBy="id"), 400, "tooMany")
    assert listed(await _search(scim, "", filter="userName pr and meta pr"))["totalResults"] == 21
    for condition in ('userName eq "u1"', 'meta.resourceType eq "Group" and displayName eq "g1"'):
        assert listed(await _search(scim, "", filter=condition))["totalResults"] == 1


# ---- /Me


@pytest.mark.rfc("7644-3.11-me")
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_me_is_not_implemented(people: Scim, method: str) -> None:
    """RFC 7644 section 3.11: 501 where no resource is that of who authenticates."""
    detail = refused(await people.request(method, "/Me", {"userName": "x"}), 501)
    assert "/Users" in detail


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "parameter",
    [
        "filter=userName%20eq%20%22ana%22",
        "Filter=userName%20eq%20%22ana%22",
        *("count=1", "startIndex=2", "sortBy=userName", "sortOrder=descending", "cursor="),
        *("attributes=userName", "excludedAttributes=emails"),
    ],
)
async def test_what_stands_in_the_url_of_a_search_alone_is_refused(
    people: Scim, endpoint: str, parameter: str
) -> None:
    """To pass over a filter would show everybody."""
    answer = await people.post(f"{endpoint}/.search?{parameter}", {"schemas": [SEARCH_REQUEST]})
    detail = refused(answer, 400, "invalidValue")
    assert "body" in detail
    assert parameter.partition("=")[0].lower() in detail.lower()


async def test_what_the_body_of_a_search_says_too_is_taken_from_it(people: Scim) -> None:
    body = {"schemas": [SEARCH_REQUEST], "filter": 'userName eq "bo"'}
    answer = await people.post("/Users/.search?filter=userName+pr&x=y", body)
    assert [each["userName"] for each in listed(answer)["Resources"]] == ["bo"]


@pytest.mark.parametrize("number", ["99999999999", "9" * 30, "9" * 5_000])
async def test_a_count_of_any_size_is_served(people: Scim, number: str) -> None:
    """RFC 7644 section 3.4.2.4: no more than that, and fewer are allowed."""
    for endpoint in ENDPOINTS:
        page = listed(await people.get(f"{endpoint}?count={number}"))
        assert page["itemsPerPage"] == page["totalResults"] > 0
        assert listed(await _search(people, endpoint, count=number)) == page
        behind = listed(await people.get(f"{endpoint}?startIndex={number}"))
        assert (behind["Resources"], behind["totalResults"]) == ([], page["totalResults"])
        found = await people.get(f"{endpoint}?startIndex={number}&filter=meta.created+pr")
        assert (listed(found)["Resources"]) == []
