"""RFC 9865: paging by cursor."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from scim2_models import Context, EnterpriseUser, ListResponse, User

from shared.auth.tokens import digest_of
from shared.scim.queries import from_parameters
from shared.web import cursors
from shared.web.cursors import CursorPosition, Cursors
from tests.support.fixtures.scim_client import Resource, Scim, listed, refused, shown
from tests.support.fixtures.service import SCAN_MAX_ROWS, Clients, RunningService

USERS = 7
GROUPS = 4
NOBODY = "0" * 32

Query = dict[str, Any]


@pytest.fixture(scope="module")
async def people(running_service: RunningService) -> Scim:
    """A tenant with seven users and four groups, which no test changes."""
    scim = next(running_service.tenants)
    users = [
        await scim.create_user(f"u{n}", title="odd" if n % 2 else "even", externalId="x")
        for n in range(USERS)
    ]
    for n in range(GROUPS):
        await scim.create_group(f"g{n}", *(user["id"] for user in users[: n + 1]))
    return scim


async def _page(scim: Scim, endpoint: str, query: Query, cursor: str) -> Resource:
    text = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
    page = shown(await scim.get(f"{endpoint}?{text}&cursor={cursor}"))
    assert page["itemsPerPage"] == len(page["Resources"])
    assert "startIndex" not in page
    assert page.get("nextCursor") != ""
    return page


async def _pages(scim: Scim, endpoint: str, query: Query) -> AsyncIterator[Resource]:
    """Every page, as a client reads them: to the one that has no nextCursor."""
    cursor: str | None = ""
    while cursor is not None:
        page = await _page(scim, endpoint, query, cursor)
        cursor = page.get("nextCursor")
        yield page


async def _everything(scim: Scim, endpoint: str, query: Query) -> list[Resource]:
    return [each async for page in _pages(scim, endpoint, query) for each in page["Resources"]]


QUERIES: list[tuple[str, Query]] = [
    ("/Users", {}),
    ("/Groups", {}),
    ("", {}),
    ("/Users", {"filter": 'title eq "odd"'}),
    ("/Users", {"filter": "id pr"}),
    ("/Users", {"filter": 'externalId eq "x"'}),
    ("/Users", {"filter": 'externalId eq "x" and title eq "even"'}),
    ("/Users", {"filter": 'title eq "none"'}),
    ("/Groups", {"filter": "members pr"}),
    ("", {"filter": "id pr"}),
    ("", {"filter": 'title eq "odd" or displayName sw "g"'}),
    ("/Users", {"sortBy": "userName"}),
    ("/Users", {"sortBy": "title"}),
    ("/Users", {"sortBy": "meta.created", "sortOrder": "descending"}),
    ("/Users", {"sortBy": "nickName", "sortOrder": "descending"}),
    ("/Users", {"sortBy": "title", "filter": 'externalId eq "x"'}),
    ("/Groups", {"sortBy": "displayName", "sortOrder": "descending"}),
    ("", {"sortBy": "displayName"}),
    ("/Users", {"attributes": "userName"}),
    ("/Groups", {"excludedAttributes": "members"}),
]


@pytest.mark.rfc("9865-2-count", "9865-2-next", "9865-2.2-sorted")
@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 11, 12, 200])
@pytest.mark.parametrize(("endpoint", "query"), QUERIES, ids=str)
async def test_pages_by_cursor_hold_what_the_list_holds(
    people: Scim, endpoint: str, query: Query, count: int
) -> None:
    text = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    whole = listed(await people.get(f"{endpoint}?{text}"))["Resources"]
    read: list[Resource] = []
    async for page in _pages(people, endpoint, {**query, "count": count}):
        assert len(page["Resources"]) <= count
        read += page["Resources"]
    assert read == whole


@pytest.mark.rfc("9865-2-total")
@pytest.mark.parametrize(
    ("endpoint", "query"),
    [("/Users", {}), ("", {}), ("/Users", {"sortBy": "title"}), ("/Groups", {"sortBy": "id"})],
    ids=str,
)
async def test_every_page_of_a_list_tells_how_many_there_are(
    people: Scim, endpoint: str, query: Query
) -> None:
    total = listed(await people.get(f"{endpoint}?count=0"))["totalResults"]
    async for page in _pages(people, endpoint, {**query, "count": 2}):
        assert page["totalResults"] == total


@pytest.mark.rfc("9865-2-total")
async def test_how_many_a_scan_will_find_is_told_when_it_is_known(people: Scim) -> None:
    """Section 2: a service that cannot estimate `totalResults` may leave it out."""
    query = {"filter": 'title eq "odd"'}
    assert (await _page(people, "/Users", {**query, "count": 4}, ""))["totalResults"] == 3
    assert "totalResults" not in await _page(people, "/Users", {**query, "count": 2}, "")


async def test_a_count_of_zero_asks_for_the_total_alone(people: Scim) -> None:
    for query, total in (({}, USERS), ({"filter": 'title eq "odd"'}, 3)):
        page = await _page(people, "/Users", {**query, "count": 0}, "")
        assert (page["totalResults"], page["Resources"]) == (total, [])
        assert "nextCursor" not in page


@pytest.mark.rfc("9865-2-first")
@pytest.mark.parametrize("parameter", ["cursor", "cursor=", "CURSOR="])
async def test_an_empty_cursor_asks_for_the_first_page(people: Scim, parameter: str) -> None:
    page = shown(await people.get(f"/Users?{parameter}&count=3"))
    assert page["Resources"] == listed(await people.get("/Users?count=3"))["Resources"]
    assert "nextCursor" in page


@pytest.mark.rfc("9865-2.3-default-method")
async def test_without_a_cursor_a_list_is_paged_by_index(people: Scim) -> None:
    """Section 2.4: the default of a service that had index paging before."""
    for query in ("", "?startIndex=1&count=2", "?filter=id+pr&count=2"):
        page = listed(await people.get(f"/Users{query}"))
        assert page["startIndex"] == 1
        assert "nextCursor" not in page


@pytest.mark.rfc("9865-2-characters")
async def test_a_cursor_is_of_characters_that_a_url_takes_as_they_are(people: Scim) -> None:
    """Section 2: the unreserved characters of RFC 3986. And it is short."""
    for query in ({}, {"sortBy": "userName"}, {"filter": "id pr"}):
        page = await _page(people, "/Users", {**query, "count": 1}, "")
        assert re.fullmatch(r"[A-Za-z0-9._~-]{1,400}", page["nextCursor"])
        ListResponse[User[EnterpriseUser]].model_validate(
            page, scim_ctx=Context.RESOURCE_QUERY_RESPONSE
        )


@pytest.mark.rfc("9865-3-search")
async def test_a_cursor_serves_a_search_by_post_too(people: Scim) -> None:
    """Section 3."""
    body = {"filter": "id pr", "count": 4, "cursor": "", "attributes": ["userName"]}
    first = shown(await people.post("/Users/.search", body))
    second = shown(await people.post("/Users/.search", {**body, "cursor": first["nextCursor"]}))
    query = {"filter": "id pr", "count": 4, "attributes": "userName"}
    assert second == await _page(people, "/Users", query, first["nextCursor"])
    assert len(first["Resources"] + second["Resources"]) == USERS
    assert "nextCursor" not in second


async def test_a_cursor_can_be_sent_again(people: Scim) -> None:
    first = await _page(people, "/Users", {"count": 2}, "")
    pages = [await _page(people, "/Users", {"count": 2}, first["nextCursor"]) for _ in range(2)]
    assert pages[0]["Resources"] == pages[1]["Resources"]


# ---- while others write


@pytest.mark.parametrize(
    ("endpoint", "query"),
    [
        ("/Users", {}),
        ("/Groups", {}),
        ("", {}),
        ("/Users", {"filter": 'title eq "stays" or title eq "comes"'}),
        ("/Users", {"filter": 'externalId eq "x"'}),
        ("/Users", {"sortBy": "userName"}),
        ("", {"filter": "id pr", "sortBy": "id", "sortOrder": "descending"}),
    ],
    ids=str,
)
async def test_what_is_there_all_the_while_is_listed_exactly_once(
    scim: Scim, endpoint: str, query: Query
) -> None:
    """Pages by index could not: each deletion before a page moves the rest by one."""

    async def create(name: str, title: str) -> list[str]:
        user = await scim.create_user(name, title=title, externalId="x")
        group = await scim.create_group(name)
        return [f"/Users/{user['id']}", f"/Groups/{group['id']}"]

    stays = [path for n in range(6) for path in await create(f"stays{n}", "stays")]
    goes = [path for n in range(4) for path in await create(f"goes{n}", "goes")]
    read: list[str] = []
    number = 0
    async for page in _pages(scim, endpoint, {**query, "count": 2}):
        read += [each["id"] for each in page["Resources"]]
        # The last one that was shown may be the very one that goes.
        gone = [path for path in goes if path.rpartition("/")[2] in read] or goes[:1]
        for path in gone:
            assert (await scim.delete(path)).status_code == 204
            goes.remove(path)
        if number < 5:
            await create(f"comes{number}", "comes")
        number += 1
    assert number > 2
    kinds = ("/Users/", "/Groups/") if endpoint == "" else (f"{endpoint}/",)
    expected = [path.rpartition("/")[2] for path in stays if path.startswith(kinds)]
    assert sorted(each for each in read if each in expected) == sorted(expected)
    assert len(read) == len(set(read))


async def test_what_is_there_all_the_while_is_listed_once_while_others_write_at_once(
    scim: Scim,
) -> None:
    stays = {(await scim.create_user(f"stays{n}"))["id"] for n in range(9)}

    async def write() -> None:
        for number in range(12):
            user = await scim.create_user(f"passes{number}")
            assert (await scim.delete(f"/Users/{user['id']}")).status_code == 204

    writer = asyncio.create_task(write())
    read = [user["id"] for user in await _everything(scim, "/Users", {"count": 1})]
    await writer
    assert [each for each in read if each in stays] == sorted(stays)
    assert len(read) == len(set(read))


@pytest.mark.rfc("9865-4-misuse")
async def test_a_scan_over_more_than_its_bound_is_read_page_by_page(scim: Scim) -> None:
    """A page ends early where the bound is, and the next one goes on behind it."""
    users = [
        await scim.create_user(f"u{n}", title="rare" if n % 10 == 0 else "T")
        for n in range(SCAN_MAX_ROWS + 10)
    ]
    refused(await scim.get("/Users?filter=title+eq+%22rare%22"), 400, "tooMany")
    query = {"filter": 'title eq "rare"', "count": 100}
    pages = [page async for page in _pages(scim, "/Users", query)]
    assert len(pages) == 2
    rare = {user["id"] for user in users if user["title"] == "rare"}
    assert [each["id"] for page in pages for each in page["Resources"]] == sorted(rare)
    root = [page async for page in _pages(scim, "", {"filter": "title ne null", "count": 30})]
    assert sum(page["itemsPerPage"] for page in root) == len(users)


# ---- what a cursor does not open


async def _cursor(scim: Scim, **query: Any) -> str:
    cursor: str = (await _page(scim, "/Users", {"count": 2, **query}, ""))["nextCursor"]
    return cursor


ALTERED = [
    lambda cursor: cursor[:-1] + ("A" if cursor[-1] != "A" else "B"),
    lambda cursor: ("A" if cursor[0] != "A" else "B") + cursor[1:],
    lambda cursor: cursor[:60] + ("A" if cursor[60] != "A" else "B") + cursor[61:],
    lambda cursor: cursor[:-2],
    lambda cursor: cursor + "A",
    lambda cursor: cursor + "=",
    lambda cursor: cursor + "%2E",
    lambda cursor: cursor[:43],
    lambda cursor: cursor * 2,
    lambda _: NOBODY,
    lambda _: "1",
    lambda _: "!",
    lambda _: "%20",
    lambda _: "%C3%A9",
    lambda _: "%00",
    lambda _: "A" * 4_000,
]


@pytest.mark.rfc("9865-2.1-invalid-cursor")
@pytest.mark.parametrize("altered", ALTERED)
async def test_a_cursor_that_was_altered_or_made_up_is_refused(people: Scim, altered: Any) -> None:
    cursor = altered(await _cursor(people))
    answer = await people.get(f"/Users?count=2&cursor={cursor}")
    assert "empty cursor" in refused(answer, 400, "invalidCursor")


@pytest.mark.rfc("9865-2-same-query")
@pytest.mark.parametrize(
    "other",
    [
        "/Groups?count=2",
        "?count=2",
        "/Users?count=2&filter=id+pr",
        "/Users?count=2&sortBy=userName",
        "/Users?count=2&attributes=userName",
        "/Users?count=2&excludedAttributes=meta",
    ],
)
async def test_a_cursor_of_another_query_is_refused(people: Scim, other: str) -> None:
    cursor = await _cursor(people)
    refused(await people.get(f"{other}&cursor={cursor}"), 400, "invalidCursor")


@pytest.mark.rfc("9865-2-same-query")
async def test_a_cursor_of_another_filter_or_order_is_refused(people: Scim) -> None:
    queries = [
        "filter=id+pr",
        'filter=title+eq+"odd"',
        "sortBy=userName",
        "sortBy=userName&sortOrder=descending",
        "sortBy=title",
    ]
    encoded = [query.replace('"', "%22") for query in queries]
    cursors = [
        shown(await people.get(f"/Users?cursor&count=1&{query}"))["nextCursor"] for query in encoded
    ]
    for query in encoded:
        for other, cursor in zip(encoded, cursors, strict=True):
            answer = await people.get(f"/Users?count=1&{query}&cursor={cursor}")
            if query == other:
                shown(answer)
            else:
                refused(answer, 400, "invalidCursor")


@pytest.mark.rfc("9865-5.2-authorized-data", "9865-5.2-same-errors")
async def test_a_cursor_of_another_tenant_is_refused(people: Scim, new_scim: Clients) -> None:
    """Section 5.2; the answer does not tell it from one that was made up."""
    other = new_scim()
    for n in range(3):
        await other.create_user(f"u{n}")
    made_up = refused(await other.get("/Users?count=2&cursor=x"), 400, "invalidCursor")
    for one, another in ((people, other), (other, people)):
        answer = await another.get(f"/Users?count=2&cursor={await _cursor(one)}")
        assert refused(answer, 400, "invalidCursor") == made_up


@pytest.mark.rfc("9865-5.2-every-request")
@pytest.mark.parametrize("credentials", [None, "Bearer", "Bearer {other}"])
async def test_a_cursor_gives_no_right(
    people: Scim, new_scim: Clients, credentials: str | None
) -> None:
    path = f"/Users?count=2&cursor={await _cursor(people)}"
    sent = credentials and credentials.format(other=new_scim().token)
    refused(await people.get(path, headers={"Authorization": sent}), 401)
    assert shown(await people.get(path))["itemsPerPage"] == 2


@pytest.mark.rfc("9865-2.1-invalid-count")
@pytest.mark.parametrize("count", ["1", "3", "0", "-1", ""])
async def test_a_cursor_of_another_count_is_refused(people: Scim, count: str) -> None:
    """Section 2.1, `invalidCount`: it must be that of the first page."""
    cursor = await _cursor(people)
    answer = await people.get(f"/Users?count={count}&cursor={cursor}")
    assert "count must be 2" in refused(answer, 400, "invalidCount")


@pytest.mark.rfc("9865-2.1-invalid-count")
@pytest.mark.parametrize("count", ["201", "1000000", "x", "1.5"])
async def test_a_count_out_of_bounds_is_refused(people: Scim, count: str) -> None:
    answer = await people.get(f"/Users?cursor&count={count}")
    assert "200" in refused(answer, 400, "invalidCount")


async def test_a_page_begins_at_an_index_or_at_a_cursor(people: Scim) -> None:
    answer = await people.get("/Users?cursor&startIndex=3&count=2")
    assert "startIndex" in refused(answer, 400, "invalidValue")
    page = shown(await people.get("/Users?cursor=&startIndex=1&count=2"))
    assert "nextCursor" in page


@pytest.mark.rfc("9865-2.1-expired-cursor")
async def test_a_cursor_expires(people: Scim, monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 2.1, `expiredCursor`, after the `cursorTimeout` of the ServiceProviderConfig."""
    timeout = shown(await people.get("/ServiceProviderConfig"))["pagination"]["cursorTimeout"]
    tenant = people.tenant_url.split("/")[-3]
    sealed = Cursors(
        (digest_of(people.token),), tenant, ["User"], from_parameters({"count": "2", "cursor": ""})
    )

    def given_out(seconds_ago: int) -> str:
        then = time.time() - seconds_ago
        monkeypatch.setattr(cursors, "time", SimpleNamespace(time=lambda: then))
        return sealed.write(CursorPosition("User", NOBODY, total=USERS))

    good = await _page(people, "/Users", {"count": 2}, given_out(timeout - 60))
    assert good["Resources"] == listed(await people.get("/Users?count=2"))["Resources"]
    answer = await people.get(f"/Users?count=2&cursor={given_out(timeout + 1)}")
    assert "older than 3600 seconds" in refused(answer, 400, "expiredCursor")


async def test_what_is_refused_changes_nothing(people: Scim) -> None:
    cursor = await _cursor(people)
    async with people.unchanged():
        for query in (f"cursor={cursor}", "cursor=x", "sortBy=x", "count=x", "cursor&count=999"):
            assert (await people.get(f"/Users?{query}")).status_code == 400


async def test_the_log_shows_no_cursor(people: Scim, running_service: RunningService) -> None:
    cursor = await _cursor(people, sortBy="userName")
    answer = await people.get(f"/Users?count=2&sortBy=userName&cursor={cursor}")
    assert cursor not in str(await running_service.log_line(answer))
