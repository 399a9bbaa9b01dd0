"""RFC 7644 section 3.4.2.3: sorting."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.support.fixtures.scim_client import ENTERPRISE, USER, Resource, Scim, listed, refused
from tests.support.fixtures.service import SCAN_MAX_ROWS, RunningService


@pytest.fixture(scope="module")
async def people(running_service: RunningService) -> Scim:
    """A tenant with four users and two groups, which no test changes."""
    scim = next(running_service.tenants)
    ana = await scim.create_user(
        "ana",
        externalId="b",
        displayName="é",
        title="two",
        active=False,
        name={"familyName": "Young"},
        emails=[
            {"value": "z@x.example.com", "type": "home"},
            {"value": "b@x.example.com", "type": "work", "primary": True},
        ],
        **{ENTERPRISE: {"department": "Sales", "manager": {"value": "9"}}},
    )
    await scim.create_user(
        "Bo",
        externalId="B",
        displayName="F",
        emails=[
            {"value": "A@x.example.com", "type": "home"},
            {"value": "c@x.example.com", "type": "work"},
        ],
        **{ENTERPRISE: {"department": "R&D"}},
    )
    await scim.create_user("cy", externalId="a", displayName="e", title="Three")
    await scim.create_user("dee", title="one", emails=[{"value": "d@x.example.com"}])
    await scim.create_group("Beta", externalId="c")
    await scim.create_group("alpha", ana["id"])
    return scim


async def _order(scim: Scim, endpoint: str, **query: Any) -> str:
    """The first letters of the names of what is listed, in its order."""
    text = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
    page = listed(await scim.get(f"{endpoint}?{text}"))
    return "".join(
        (each.get("userName") or each["displayName"])[0].lower() for each in page["Resources"]
    )


USERS = [
    # Letter case makes no difference, unless the attribute is caseExact.
    ("userName", "abcd"),
    ("USERNAME", "abcd"),
    (f"{USER}:userName", "abcd"),
    ("externalId", "bcad"),
    # By code points of the folded text, so that the order is the same everywhere.
    ("displayName", "cbad"),
    ("title", "dcab"),
    # Of several values the primary one counts, or else the first: a has b@, b has A@.
    ("emails", "badc"),
    ("emails.value", "badc"),
    # A moment, not a text; here the order of creation.
    ("meta.created", "abcd"),
]


@pytest.mark.rfc("7644-3.4.2.3-ascending", "7644-3.4.2.3-by-type", "7644-3.4.2.3-multi-valued")
@pytest.mark.parametrize(("sort_by", "expected"), USERS)
async def test_users_are_sorted(people: Scim, sort_by: str, expected: str) -> None:
    assert await _order(people, "/Users", sortBy=sort_by) == expected
    assert await _order(people, "/Users", sortBy=sort_by, sortOrder="ascending") == expected
    assert await _order(people, "/Users", sortBy=sort_by, sortOrder="descending") == expected[::-1]


@pytest.mark.rfc("7644-3.4.2.3-sub-attribute")
@pytest.mark.parametrize(
    ("sort_by", "groups"),
    [
        ("active", ["a", "bcd"]),
        ("name.familyName", ["a", "bcd"]),
        ("emails.type", ["b", "a", "cd"]),
        (f"{ENTERPRISE}:department", ["b", "a", "cd"]),
        (f"{ENTERPRISE}:manager", ["a", "bcd"]),
        ("department", ["b", "a", "cd"]),
        ("nickName", ["abcd"]),
    ],
)
async def test_those_of_one_value_and_of_none_are_ordered_by_id(
    people: Scim, sort_by: str, groups: list[str]
) -> None:
    """So that the order is the same on every page."""
    by_id = await _order(people, "/Users")
    expected = "".join("".join(sorted(group, key=by_id.index)) for group in groups)
    assert await _order(people, "/Users", sortBy=sort_by) == expected
    assert await _order(people, "/Users", sortBy=sort_by, sortOrder="descending") == expected[::-1]


@pytest.mark.rfc("7644-3.4.2.3-missing")
async def test_who_has_no_value_is_last_and_in_descending_order_first(people: Scim) -> None:
    assert (await _order(people, "/Users", sortBy="externalId"))[-1] == "d"
    assert (await _order(people, "/Users", sortBy="externalId", sortOrder="descending"))[0] == "d"


async def test_groups_are_sorted(people: Scim) -> None:
    assert await _order(people, "/Groups", sortBy="displayName") == "ab"
    assert await _order(people, "/Groups", sortBy="externalId") == "ba"
    assert await _order(people, "/Groups", sortBy="members") == "ab"
    assert await _order(people, "/Groups", sortBy="members", sortOrder="descending") == "ba"


async def test_the_root_sorts_every_type_together(people: Scim) -> None:
    # B (a user), a, b, c (a group).
    assert (await _order(people, "", sortBy="externalId"))[:4] == "bcab"
    # Groups have no userName.
    assert (await _order(people, "", sortBy="userName"))[:4] == "abcd"


async def test_what_a_filter_finds_is_sorted(people: Scim) -> None:
    by_name = {"sortBy": "userName", "sortOrder": "descending"}
    assert await _order(people, "/Users", filter="title pr", **by_name) == "dca"
    indexed = 'externalId eq "a" and title pr'
    assert await _order(people, "/Users", filter=indexed, **by_name) == "c"


async def test_a_sorted_list_is_paged(people: Scim) -> None:
    whole = listed(await people.get("/Users?sortBy=userName"))
    pages: list[Resource] = []
    for start in (1, 3, 5):
        page = listed(await people.get(f"/Users?sortBy=userName&startIndex={start}&count=2"))
        assert (page["totalResults"], page["startIndex"]) == (4, start)
        pages += page["Resources"]
    assert pages == whole["Resources"]


async def test_what_is_sorted_by_need_not_be_shown(people: Scim) -> None:
    page = listed(await people.get("/Users?sortBy=title&attributes=userName"))
    assert [user["userName"] for user in page["Resources"]] == ["dee", "cy", "ana", "Bo"]
    assert all("title" not in user for user in page["Resources"])


@pytest.mark.parametrize("endpoint", ["", "/Users", "/Groups"])
@pytest.mark.parametrize("sort_by", ["shoeSize", "name.shoeSize", "userName.text", "urn:x:y", "%"])
async def test_an_attribute_that_is_not_known_is_refused(
    people: Scim, endpoint: str, sort_by: str
) -> None:
    answer = await people.get(f"{endpoint}?sortBy={quote(sort_by)}")
    assert "sortBy" in refused(answer, 400, "invalidValue")


@pytest.mark.rfc("7644-3.4.2.3-sub-attribute")
async def test_a_complex_attribute_is_sorted_by_one_of_its_parts(people: Scim) -> None:
    detail = refused(await people.get("/Users?sortBy=name"), 400, "invalidValue")
    assert "name.familyName" in detail


async def test_what_is_never_shown_is_not_sorted_by(people: Scim) -> None:
    """The order of resources would tell of it."""
    refused(await people.get("/Users?sortBy=password"), 400, "invalidValue")


@pytest.mark.parametrize("order", ["up", "desc", "1", "ascending,descending"])
async def test_an_order_that_is_none_is_refused(people: Scim, order: str) -> None:
    answer = await people.get(f"/Users?sortBy=userName&sortOrder={order}")
    assert "ascending or descending" in refused(answer, 400, "invalidValue")


@pytest.mark.rfc("7644-3.4.2.1-too-many")
async def test_sorting_is_bounded(scim: Scim) -> None:
    """`tooMany` says what to do instead."""
    for number in range(SCAN_MAX_ROWS + 1):
        await scim.create_user(f"u{number}", externalId=f"x{number}")
    async with scim.unchanged():
        answer = await scim.get("/Users?sortBy=userName&count=1")
        detail = refused(answer, 400, "tooMany")
        assert all(word in detail for word in ("sort", "userName", "externalId", "cursor"))
    page = await scim.find("/Users", 'externalId eq "x7"', sortBy="userName")
    assert page["totalResults"] == 1
