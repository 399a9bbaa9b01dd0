"""RFC 7644 section 3.4.2: queries: filters, paging, lists."""

import asyncio
from urllib.parse import quote

import pytest
from scim2_models import Context, EnterpriseUser, Group, ListResponse, User

from tests.support.fixtures.scim_client import (
    ENTERPRISE,
    USER,
    Resource,
    Scim,
    listed,
    refused,
    shown,
)
from tests.support.fixtures.service import SCAN_MAX_ROWS, RunningService

NOBODY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
async def people(running_service: RunningService) -> Scim:
    """A tenant with three users and two groups, which no test changes."""
    scim = next(running_service.tenants)
    ana = await scim.create_user(
        "ana@x.example.com",
        externalId="A1",
        displayName="Ana Ruiz",
        title="Engineer",
        name={"givenName": "Ana", "familyName": "Ruiz"},
        emails=[
            {"value": "ana@x.example.com", "type": "work", "primary": True},
            {"value": "ana@home.example.com", "type": "home"},
        ],
        **{ENTERPRISE: {"department": "R&D", "manager": {"value": "boss"}}},
    )
    bo = await scim.create_user(
        "bo@x.example.com",
        externalId="a1",
        active=False,
        title="Clerk",
        emails=[{"value": "bo@y.example.com", "type": "home"}],
        **{ENTERPRISE: {"department": "Sales"}},
    )
    await scim.create_user('Cy "the \\ Cat"', nickName="cy & co")
    await scim.create_group("Sales", ana["id"], bo["id"])
    await scim.create_group("Support", externalId="S1")
    return scim


async def _names(scim: Scim, endpoint: str, condition: str) -> str:
    """The first letters of the names of what is found, in alphabetical order."""
    name = "userName" if endpoint == "/Users" else "displayName"
    page = await scim.find(endpoint, condition)
    assert page["totalResults"] == len(page["Resources"])
    return "".join(sorted(resource[name][:2] for resource in page["Resources"]))


USER_FILTERS = [
    # the operators of table 3
    ('userName eq "bo@x.example.com"', "bo"),
    ('userName eq "BO@X.EXAMPLE.COM"', "bo"),
    ('userName ne "bo@x.example.com"', "Cyan"),
    ('userName co "x.ex"', "anbo"),
    ('userName sw "AN"', "an"),
    ('userName ew ".com"', "anbo"),
    ("title pr", "anbo"),
    ('userName gt "bo@x.example.com"', "Cy"),
    ('userName ge "bo@x.example.com"', "Cybo"),
    ('userName lt "bo@x.example.com"', "an"),
    ('userName le "bo@x.example.com"', "anbo"),
    # externalId is caseExact
    ('externalId eq "A1"', "an"),
    ('externalId eq "a1"', "bo"),
    ('externalId sw "A"', "an"),
    # booleans
    ("active eq true", "Cyan"),
    ("active eq false", "bo"),
    ('active eq "False"', "bo"),
    ("active ne true", "bo"),
    # sub-attributes, value paths, extensions
    ('name.familyName co "ui"', "an"),
    ('emails.value ew "home.example.com"', "an"),
    ('emails co "y.example.com"', "bo"),
    ('emails.type eq "work"', "an"),
    ('emails[type eq "home" and value co "bo"]', "bo"),
    ('emails[type eq "work" and value co "home"]', ""),
    ('emails[type eq "home"].value co "home"', "an"),
    ("emails[primary eq true]", "an"),
    ('emails[not (type eq "work")]', "anbo"),
    ("emails pr", "anbo"),
    (f'{ENTERPRISE}:department eq "Sales"', "bo"),
    (f'{ENTERPRISE.upper()}:DEPARTMENT eq "sales"', "bo"),
    (f'{USER}:userName eq "bo@x.example.com"', "bo"),
    (f"{ENTERPRISE}:manager pr", "an"),
    ('manager eq "boss"', "an"),
    (f'schemas eq "{ENTERPRISE}"', "anbo"),
    # logic, grouping, precedence
    ('title eq "Engineer" or title eq "Clerk"', "anbo"),
    ('title eq "Engineer" and active eq false', ""),
    ('userName sw "cy" or title eq "Clerk" and active eq true', "Cy"),
    ('(userName sw "cy" or title eq "Clerk") and active eq false', "bo"),
    ("not (title pr)", "Cy"),
    ('not (title eq "Clerk") and not (title eq "Engineer")', "Cy"),
    ('userName eq "ana@x.example.com" or userName eq "bo@x.example.com"', "anbo"),
    ('userName eq "ana@x.example.com" and userName eq "bo@x.example.com"', ""),
    ('userName eq "bo@x.example.com" and externalId eq "A1"', ""),
    ('externalId eq "a1" and active eq false and emails pr', "bo"),
    # names, operators and words in any letter case
    ('USERNAME EQ "bo@x.example.com" AND Active Eq False', "bo"),
    ("NOT (username PR)", ""),
    # literals
    (r'userName eq "Cy \"the \\ Cat\""', "Cy"),
    (r'userName eq "Cy \u0022the \\ Cat\""', "Cy"),
    ("userName eq bo@x.example.com", "bo"),
    ('nickName eq "cy & co"', "Cy"),
    ("title eq null", "Cy"),
    ("title ne null", "anbo"),
    # by groups, times, ids
    ('groups.display eq "Sales"', ""),
    ("groups pr", "anbo"),
    ('meta.created gt "2020-01-01T00:00:00Z"', "Cyanbo"),
    ('meta.lastModified lt "2020-01-01T00:00:00+01:00"', ""),
    ('meta.resourceType eq "User"', "Cyanbo"),
    (f'id eq "{NOBODY}"', ""),
    ("id pr", "Cyanbo"),
    # what is not known is satisfied by nothing
    ('shoeSize eq "39"', ""),
    ('shoeSize eq "39" or userName sw "bo"', "bo"),
    ('emails[colour eq "red"]', ""),
    ('password eq "x"', ""),
]


@pytest.mark.rfc(
    "7644-3.4.2.2-only-matches",
    "7644-3.4.2.2-case",
    "7644-3.4.2.2-same-value",
    "7644-3.4.2.2-inner-filter",
    "7644-3.4.2.2-precedence",
    "7644-3.4.2.2-any-value",
    "7644-3.4.2.2-case-exact",
)
@pytest.mark.parametrize(("condition", "expected"), USER_FILTERS, ids=str)
async def test_a_filter_finds_users(people: Scim, condition: str, expected: str) -> None:
    assert await _names(people, "/Users", condition) == expected


GROUP_FILTERS = [
    ('displayName eq "SALES"', "Sa"),
    ('displayName sw "s"', "SaSu"),
    ('displayName ne "Sales"', "Su"),
    ('externalId eq "S1"', "Su"),
    ("externalId pr", "Su"),
    ("members pr", "Sa"),
    ("not (members pr)", "Su"),
    (f'members.value eq "{NOBODY}"', ""),
    (f'members eq "{NOBODY}"', ""),
    (f'displayName eq "Sales" and members ne "{NOBODY}"', "Sa"),
    ('members.type eq "User"', "Sa"),
    ('meta.resourceType eq "Group"', "SaSu"),
    ('displayName eq "Sales" or externalId eq "S1"', "SaSu"),
]


@pytest.mark.rfc("7644-3.4.2.2-only-matches")
@pytest.mark.parametrize(("condition", "expected"), GROUP_FILTERS, ids=str)
async def test_a_filter_finds_groups(people: Scim, condition: str, expected: str) -> None:
    assert await _names(people, "/Groups", condition) == expected


async def test_a_filter_on_members_finds_the_groups_of_a_user(people: Scim) -> None:
    (ana,) = await people.found("/Users", 'userName eq "ana@x.example.com"')
    for condition in (
        f'members eq "{ana}"',
        f'members.value eq "{ana}"',
        f'members[value eq "{ana}"]',
        f'not (members ne "{ana}")',
    ):
        expected = "" if condition.startswith("not") else "Sa"
        assert await _names(people, "/Groups", condition) == expected


INVALID_FILTERS = [
    "",
    "   ",
    "userName",
    "userName eq",
    "eq",
    'userName eq "unclosed',
    'userName is "x"',
    '(userName eq "x"',
    'userName eq "x")',
    'userName eq "x" and',
    'userName eq "x" userName eq "y"',
    'and userName eq "x"',
    'not userName eq "x"',
    'emails[type eq "work"',
    "emails[]",
    "emails[type eq ]",
    '"userName" eq "x"',
    "()",
    "((((",
    'userName eq ["x"]',
]


@pytest.mark.rfc("7644-3.4.2.2-expression", "7644-3.4.2.2-unknown-operator")
@pytest.mark.parametrize("condition", INVALID_FILTERS)
async def test_a_filter_that_cannot_be_read_is_refused(people: Scim, condition: str) -> None:
    """RFC 7644 table 9: `invalidFilter`; never an answer to another question."""
    for endpoint in ("/Users", "/Groups"):
        answer = await people.get(f"{endpoint}?filter={quote(condition)}")
        refused(answer, 400, "invalidFilter")


IMPOSSIBLE_FILTERS = [
    'userName[type eq "work"]',
    'active eq "perhaps"',
    "active gt true",
    "active co true",
    'x509Certificates.value ge "MII="',
    'meta.created gt "yesterday"',
    'name eq "Ana"',
    "userName gt null",
    r'userName eq "\x"',
    r'userName eq "\ud800"',
]


@pytest.mark.rfc("7644-3.4.2.2-not-ordered")
@pytest.mark.parametrize("condition", IMPOSSIBLE_FILTERS)
async def test_a_filter_that_compares_what_cannot_be_compared_is_refused(
    people: Scim, condition: str
) -> None:
    """RFC 7644 section 3.4.2.2, table 3."""
    answer = await people.get(f"/Users?filter={quote(condition)}")
    refused(answer, 400, "invalidFilter")


@pytest.mark.rfc(
    "7644-3.1-message-schemas",
    "7644-3.4.2-list-response",
    "7644-3.4.2-total",
    "7644-3.4.2-resources",
)
async def test_a_list_is_a_list_response(people: Scim) -> None:
    users = listed(await people.get("/Users"))
    groups = listed(await people.get("/Groups"))
    assert (users["totalResults"], users["startIndex"], users["itemsPerPage"]) == (3, 1, 3)
    context = Context.RESOURCE_QUERY_RESPONSE
    ListResponse[User[EnterpriseUser]].model_validate(users, scim_ctx=context)
    ListResponse[Group].model_validate(groups, scim_ctx=context)


async def test_a_listed_resource_is_the_resource(people: Scim) -> None:
    for endpoint in ("/Users", "/Groups"):
        for resource in listed(await people.get(endpoint))["Resources"]:
            assert resource == shown(await people.get(f"{endpoint}/{resource['id']}"))


PAGES = [
    ("", 1, 3),
    ("startIndex=1", 1, 3),
    ("startIndex=0", 1, 3),
    ("startIndex=-7", 1, 3),
    ("startIndex=2", 2, 2),
    ("startIndex=3&count=1", 3, 1),
    ("startIndex=4", 4, 0),
    ("startIndex=1000000", 1000000, 0),
    ("count=0", 1, 0),
    ("count=-1", 1, 0),
    ("count=2", 1, 2),
    ("count=1000000", 1, 3),
    ("count=", 1, 3),
    ("STARTINDEX=2&Count=1", 2, 1),
    ("startIndex=%2B2", 2, 2),
]


@pytest.mark.rfc(
    "7644-3.4.2-page-fields",
    "7644-3.4.2.4-start-index",
    "7644-3.4.2.4-count",
    "7644-3.4.2.4-negative-count",
    "7644-3.4.2.4-count-zero",
)
@pytest.mark.parametrize(("query", "start", "length"), PAGES)
@pytest.mark.parametrize("condition", [None, "id+pr"])
async def test_a_page_is_cut_by_start_index_and_count(
    people: Scim, query: str, start: int, length: int, condition: str | None
) -> None:
    """RFC 7644 section 3.4.2.4: less than 1 means 1; a negative count means 0."""
    filtered = f"&filter={condition}" if condition else ""
    page = listed(await people.get(f"/Users?{query}{filtered}"))
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (3, start, length)


@pytest.mark.parametrize(
    "value", ["x", "1.5", "1e3", "--1", "1,1", "0x1", "9" * 40 + "x", "%00", "%E2%91%A0"]
)
@pytest.mark.parametrize("name", ["startIndex", "count"])
async def test_a_page_that_is_no_number_is_refused(people: Scim, name: str, value: str) -> None:
    answer = await people.get(f"/Users?{name}={value}")
    assert name in refused(answer, 400, "invalidValue")


async def test_pages_together_are_everything_once(people: Scim) -> None:
    whole = listed(await people.get("/Users"))["Resources"]
    for size in (1, 2):
        pages = [
            listed(await people.get(f"/Users?startIndex={start}&count={size}"))["Resources"]
            for start in range(1, 4, size)
        ]
        assert [resource for page in pages for resource in page] == whole


@pytest.mark.rfc("7644-3.4.2.1-too-many")
async def test_a_scan_is_bounded(scim: Scim) -> None:
    """RFC 7644 section 3.4.2.1, `tooMany`: the answer says which attributes are indexed."""

    async def create(numbers: range) -> list[Resource]:
        return await asyncio.gather(
            *(scim.create_user(f"u{n}", title="T", externalId=f"x{n}") for n in numbers)
        )

    users = await create(range(SCAN_MAX_ROWS))
    assert len(await scim.found("/Users", 'title eq "T"')) == SCAN_MAX_ROWS

    await create(range(SCAN_MAX_ROWS, SCAN_MAX_ROWS + 1))
    for condition in ('title eq "T"', 'userName sw "u1"', 'not (userName eq "u1")', "id pr"):
        answer = await scim.get(f"/Users?filter={condition.replace(' ', '+')}")
        detail = refused(answer, 400, "tooMany")
        assert all(name in detail for name in ("id", "userName", "externalId", "emails.value"))

    for condition in ('userName eq "U1"', 'externalId eq "x1"', f'id eq "{users[1]["id"]}"'):
        joined = f'title eq "T" and ({condition})'
        assert await scim.found("/Users", condition) == [users[1]["id"]]
        assert await scim.found("/Users", joined) == [users[1]["id"]]
    assert listed(await scim.get("/Users?count=0"))["totalResults"] == SCAN_MAX_ROWS + 1
