"""Lists: which index is asked, what is compared again, where a scan ends, how pages go on."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from weakref import finalize

import pytest

from shared.errors import InvalidCursor, InvalidFilter, InvalidValue, TooMany
from shared.scim import queries
from shared.scim.core_schemas import GROUP, USER
from shared.store.reader import ResourcePage
from shared.store.resources import Resource
from shared.web import matching
from shared.web.listing import list_resources
from shared.web.matching import Bounds
from shared.web.sources import Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from shared.scim.filters import Filter
    from shared.scim.projection import Projection
    from shared.scim.schema import Document, ResourceType
    from shared.web.requests import ScimRequest
    from shared.web.sources import Finder

    RequestOf = Callable[..., ScimRequest]

NO_TIME = Bounds(rows=1_000_000, seconds=-1)
ENOUGH = Bounds(rows=1_000_000, seconds=60)


class People(Source[Resource]):
    """Users in id order that are their own documents, and what was asked of them."""

    def __init__(
        self,
        people: list[Resource],
        resource_type: ResourceType = USER,
        *,
        presented_at_most: int = 1_000,
    ) -> None:
        self.people = people
        self.resource_type = resource_type
        self.presented_at_most = presented_at_most
        self.asked: list[str] = []
        self.scanned = 0
        self.seconds_each = 0
        self.clock = 0.0

    @property
    def indexes(self) -> Mapping[str, Finder[Resource]]:
        return {"userName": self._by_user_name, "emails.value": self._by_email}

    async def page(self, start_index: int, count: int) -> ResourcePage[Resource]:
        self.asked.append(f"page {start_index} {count}")
        return ResourcePage(len(self.people), self.people[start_index - 1 :][:count])

    async def after(self, last_id: str, count: int) -> Sequence[Resource]:
        self.asked.append(f"after {last_id or 'nobody'} {count}")
        return [each for each in self.people if each.id > last_id][:count]

    async def scan(self, last_id: str = "") -> AsyncIterator[Resource]:
        self.asked.append(f"scan after {last_id}" if last_id else "scan")
        for each in self.people:
            if each.id > last_id:
                self.scanned += 1
                yield each

    async def documents_for_filter(
        self, resources: Sequence[Resource], condition: Filter
    ) -> AsyncIterator[Document]:
        del condition
        for each in resources:
            self.clock += self.seconds_each
            yield each.document

    async def present(
        self, resources: Sequence[Resource], projection: Projection
    ) -> list[Document]:
        del projection
        return [each.document for each in resources[: self.presented_at_most]]

    async def _by_user_name(self, value: str) -> Sequence[Resource]:
        self.asked.append(f"userName {value}")
        return [each for each in self.people if each.document["userName"] == value]

    async def _by_email(self, value: str) -> Sequence[Resource]:
        self.asked.append(f"emails.value {value}")
        return self.people  # more than was asked for, as a truncated hash would give


def stored(document: Document) -> Resource:
    return Resource(str(document["id"]), document, version=1, created="", modified="")


def person(number: int) -> Resource:
    name = f"p{number}"
    emails = [{"value": f"{name}@x", "type": "work"}]
    return stored({"id": name, "userName": name, "emails": emails})


async def answer_of(
    request: ScimRequest, sources: Sequence[People], bounds: Bounds = ENOUGH
) -> dict[str, Any]:
    """Return the body of the response to a list."""
    query = queries.from_parameters(request.query)
    response = await list_resources(request, query, sources, bounds)
    assert response.status == 200
    assert response.body is not None
    return response.body


async def listed(
    people: People, request: ScimRequest, bounds: Bounds = ENOUGH
) -> tuple[int, int, list[str]]:
    """Return totalResults, startIndex and the ids on the page."""
    body = await answer_of(request, [people], bounds)
    resources = body.get("Resources", [])
    assert body["itemsPerPage"] == len(resources)
    return body["totalResults"], body["startIndex"], [each["id"] for each in resources]


@pytest.fixture
def people() -> People:
    return People([person(number) for number in range(5)])


async def test_without_a_filter_a_page_is_read_and_no_more(
    people: People, request_of: RequestOf
) -> None:
    request = request_of({"startindex": "2", "count": "2"})
    assert await listed(people, request) == (5, 2, ["p1", "p2"])
    assert people.asked == ["page 2 2"]


async def test_a_filter_on_an_indexed_attribute_asks_the_index_alone(
    people: People, request_of: RequestOf
) -> None:
    request = request_of({"filter": 'userName eq "p3"'})
    assert await listed(people, request) == (1, 1, ["p3"])
    assert people.asked == ["userName p3"]


async def test_of_two_indexes_the_more_selective_is_asked_wherever_its_term_stands(
    people: People, request_of: RequestOf
) -> None:
    text = 'emails[type eq "work" and value eq "p3@x"] and userName eq "p3"'
    assert await listed(people, request_of({"filter": text})) == (1, 1, ["p3"])
    assert people.asked == ["userName p3"]


async def test_what_an_index_finds_is_compared_with_the_whole_filter(
    people: People, request_of: RequestOf
) -> None:
    assert await listed(people, request_of({"filter": 'emails eq "p2@x"'})) == (1, 1, ["p2"])
    contradiction = 'userName eq "p2" and emails[value eq "p2@x" and type eq "home"]'
    assert await listed(people, request_of({"filter": contradiction})) == (0, 1, [])


async def test_two_values_of_one_attribute_ask_for_the_first(
    people: People, request_of: RequestOf
) -> None:
    request = request_of({"filter": 'userName eq "p1" and userName eq "p2"'})
    assert await listed(people, request) == (0, 1, [])
    assert people.asked == ["userName p1"]


@pytest.mark.parametrize(
    "text", ['userName eq "p1" or userName eq "p3"', 'not (userName ne "p1") or id eq "p3"']
)
async def test_a_filter_without_an_index_compares_everything(
    people: People, request_of: RequestOf, text: str
) -> None:
    assert await listed(people, request_of({"filter": text})) == (2, 1, ["p1", "p3"])
    assert people.asked == ["scan"]


async def test_a_scan_goes_on_past_its_batches(request_of: RequestOf) -> None:
    people = People([person(number) for number in range(2_003)])
    request = request_of({"filter": "id pr", "startindex": "2001", "count": "2"})
    assert await listed(people, request) == (2_003, 2_001, ["p2000", "p2001"])


async def test_what_a_filter_finds_is_paged(people: People, request_of: RequestOf) -> None:
    page = {"filter": "userName pr", "startindex": "4", "count": "5"}
    assert await listed(people, request_of(page)) == (5, 4, ["p3", "p4"])
    assert await listed(people, request_of({**page, "count": "0"})) == (5, 4, [])
    assert await listed(people, request_of({**page, "startindex": "6"})) == (5, 6, [])


async def test_a_source_may_present_less_than_the_page(request_of: RequestOf) -> None:
    people = People([person(number) for number in range(5)], presented_at_most=2)
    assert await listed(people, request_of({"count": "4"})) == (5, 1, ["p0", "p1"])


async def test_a_page_shows_what_the_projection_leaves(
    people: People, request_of: RequestOf
) -> None:
    request = request_of({"filter": 'userName eq "p1"', "attributes": "userName"})
    body = await answer_of(request, [people])
    assert body["Resources"] == [{"id": "p1", "userName": "p1"}]


async def test_a_scan_ends_at_its_bound_of_rows_and_names_what_is_indexed(
    people: People, request_of: RequestOf
) -> None:
    request = request_of({"filter": 'displayName eq "x"'})
    assert await listed(people, request, Bounds(rows=5, seconds=60)) == (0, 1, [])
    people.scanned = 0
    with pytest.raises(TooMany, match=r"userName, emails\.value"):
        await listed(people, request, Bounds(rows=3, seconds=60))
    assert people.scanned == 4


async def test_a_scan_ends_at_its_bound_of_time(people: People, request_of: RequestOf) -> None:
    with pytest.raises(TooMany):
        await listed(people, request_of({"filter": 'displayName eq "x"'}), NO_TIME)
    assert people.scanned == 1


async def test_a_scan_ends_at_its_bound_of_time_in_the_middle_of_comparing(
    people: People, request_of: RequestOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.seconds_each = 10
    monkeypatch.setattr(matching, "time", SimpleNamespace(monotonic=lambda: people.clock))
    with pytest.raises(TooMany):
        await listed(
            people, request_of({"filter": 'displayName eq "x"'}), Bounds(rows=10, seconds=25)
        )
    assert people.clock == 30


async def test_a_scan_lets_others_have_their_turn(request_of: RequestOf) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    people = People([person(number) for number in range(1_000)])
    task = asyncio.create_task(other())
    await listed(people, request_of({"filter": 'displayName eq "x"'}))
    task.cancel()
    assert turns >= 10


class Tracked(Resource):
    """A user of whom it can be told whether anything still holds it."""

    __slots__ = ("__weakref__",)


class Passing(People):
    """Thousands of users, each made when it is read."""

    def __init__(self, number: int) -> None:
        super().__init__([])
        self._number = number
        self._alive = 0
        self.most_alive = 0

    async def scan(self, last_id: str = "") -> AsyncIterator[Resource]:
        del last_id
        for number in range(self._number):
            each = Tracked(**asdict(person(number)))
            self._alive += 1
            finalize(each, self._gone)
            self.most_alive = max(self.most_alive, self._alive)
            yield each

    def _gone(self) -> None:
        self._alive -= 1


@pytest.mark.parametrize("order", [{}, {"sortby": "userName"}, {"sortby": "id", "cursor": ""}])
async def test_no_more_is_held_than_a_page_needs_and_some(
    request_of: RequestOf, order: dict[str, str]
) -> None:
    many = Passing(5_000)
    query = {"filter": 'userName sw "p"', "count": "10", "sortorder": "descending", **order}
    request = request_of(query, cursor_keys=(b"key",))
    body = await answer_of(request, [many])
    assert body["totalResults"] == 5_000
    expected = [f"p{number}" for number in range(10)]
    if order:
        expected = sorted((f"p{number}" for number in range(5_000)), reverse=True)[:10]
    assert [each["id"] for each in body["Resources"]] == expected
    assert many.most_alive < 1_500


@pytest.mark.parametrize("text", ["", "  ", "userName", 'userName eq "p1" and'])
async def test_a_filter_that_cannot_be_read_asks_nothing(
    people: People, request_of: RequestOf, text: str
) -> None:
    with pytest.raises(InvalidFilter):
        await listed(people, request_of({"filter": text}))
    assert people.asked == []


async def test_a_page_that_cannot_be_read_asks_nothing(
    people: People, request_of: RequestOf
) -> None:
    with pytest.raises(InvalidValue):
        await listed(people, request_of({"count": "many"}))
    assert people.asked == []


# ---- by cursor


async def by_cursor(
    people: People, request_of: RequestOf, bounds: Bounds = ENOUGH, /, **query: str
) -> list[dict[str, Any]]:
    """Return every page of a list that is read to its end."""
    cursor: str | None = ""
    pages = []
    while cursor is not None:
        request = request_of({**query, "cursor": cursor}, cursor_keys=(b"key",))
        page = await answer_of(request, [people], bounds)
        pages.append(page)
        cursor = page.get("nextCursor")
    return pages


def ids(pages: list[dict[str, Any]]) -> list[list[str]]:
    return [[each["id"] for each in page["Resources"]] for page in pages]


async def test_a_page_by_cursor_is_read_from_behind_the_last_one(
    people: People, request_of: RequestOf
) -> None:
    pages = await by_cursor(people, request_of, count="2")
    assert ids(pages) == [["p0", "p1"], ["p2", "p3"], ["p4"]]
    assert [page["totalResults"] for page in pages] == [5, 5, 5]
    assert people.asked == ["page 1 0", "after nobody 3", "after p1 3", "after p3 3"]


async def test_a_list_that_ends_with_its_page_has_no_cursor_left(
    people: People, request_of: RequestOf
) -> None:
    assert ids(await by_cursor(people, request_of, count="5")) == [["p0", "p1", "p2", "p3", "p4"]]


async def test_a_page_of_which_less_is_shown_goes_on_behind_what_was_shown(
    request_of: RequestOf,
) -> None:
    people = People([person(number) for number in range(5)], presented_at_most=2)
    for query in ({}, {"filter": "userName pr"}, {"sortBy": "userName"}):
        pages = await by_cursor(people, request_of, count="4", **query)
        assert ids(pages) == [["p0", "p1"], ["p2", "p3"], ["p4"]]


async def test_an_index_is_asked_again_for_every_page(
    people: People, request_of: RequestOf
) -> None:
    people.people.reverse()  # an index finds in an order of its own
    pages = await by_cursor(people, request_of, filter='emails eq "p2@x" and id pr', count="1")
    assert ids(pages) == [["p2"], []]
    assert people.asked == ["emails.value p2@x"] * 2


async def test_a_scan_goes_on_behind_what_was_compared(
    people: People, request_of: RequestOf
) -> None:
    pages = await by_cursor(people, request_of, filter='id ne "p1"', count="2")
    assert ids(pages) == [["p0", "p2"], ["p3", "p4"]]
    assert people.asked == ["scan", "scan after p2"]


async def test_a_scan_by_cursor_ends_its_page_at_the_bound(
    people: People, request_of: RequestOf
) -> None:
    few = Bounds(rows=2, seconds=60)
    pages = await by_cursor(people, request_of, few, filter='userName ew "4"')
    assert ids(pages) == [[], [], ["p4"]]
    assert people.asked == ["scan", "scan after p1", "scan after p3"]
    assert all("totalResults" not in page for page in pages)


async def test_a_scan_by_cursor_ends_its_page_when_its_time_is_over(
    people: People, request_of: RequestOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.seconds_each = 10
    monkeypatch.setattr(matching, "time", SimpleNamespace(monotonic=lambda: people.clock))
    short = Bounds(rows=100, seconds=15)
    pages = await by_cursor(people, request_of, short, filter='userName ew "4"')
    assert ids(pages) == [[], [], ["p4"]]


async def test_a_scan_by_cursor_that_comes_nowhere_is_refused(
    people: People, request_of: RequestOf
) -> None:
    with pytest.raises(TooMany):
        await by_cursor(people, request_of, NO_TIME, filter='userName ew "4"')


async def test_sorting_by_cursor_is_bounded_as_by_index(
    people: People, request_of: RequestOf
) -> None:
    few = Bounds(rows=4, seconds=60)
    for query in ({"cursor": ""}, {}):
        request = request_of({**query, "sortby": "userName"}, cursor_keys=(b"key",))
        with pytest.raises(TooMany, match="too many resources to sort"):
            await answer_of(request, [people], few)


async def test_a_sorted_list_by_cursor_keeps_its_place_whatever_comes_and_goes(
    people: People, request_of: RequestOf
) -> None:
    query = {"sortby": "userName", "sortorder": "descending", "count": "2"}
    first = await answer_of(request_of({**query, "cursor": ""}, cursor_keys=(b"key",)), [people])
    assert ids([first]) == [["p4", "p3"]]
    people.people = [each for each in people.people if each.id != "p3"]
    people.people += [person(7), person(8)]
    request = request_of({**query, "cursor": first["nextCursor"]}, cursor_keys=(b"key",))
    assert ids([await answer_of(request, [people])]) == [["p2", "p1"]]


# ---- several types at once


@dataclass(frozen=True, slots=True)
class Both:
    """Five users and three groups."""

    people: People
    teams: People
    request_of: RequestOf

    async def list(
        self, bounds: Bounds = ENOUGH, /, **query: str
    ) -> tuple[int, Sequence[str], str | None]:
        """Return totalResults, the ids on the page, and nextCursor."""
        request = self.request_of(query, cursor_keys=(b"key",))
        body = await answer_of(request, [self.people, self.teams], bounds)
        ids = [each["id"] for each in body["Resources"]]
        return body["totalResults"], ids, body.get("nextCursor")


@pytest.fixture
def both(people: People, request_of: RequestOf) -> Both:
    teams = [stored({"id": f"t{number}", "displayName": f"T{number}"}) for number in range(3)]
    return Both(people, People(teams, GROUP), request_of)


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        ("1", "3", ["p0", "p1", "p2"]),
        ("4", "3", ["p3", "p4", "t0"]),
        ("5", "1", ["p4"]),
        ("6", "9", ["t0", "t1", "t2"]),
        ("8", "2", ["t2"]),
        ("9", "2", []),
        ("1", "0", []),
    ],
)
async def test_pages_go_on_from_one_type_to_the_next(
    both: Both, start: str, count: str, expected: list[str]
) -> None:
    assert await both.list(startindex=start, count=count) == (8, expected, None)
    assert await both.list(startindex=start, count=count, filter="id pr") == (8, expected, None)


@pytest.mark.parametrize(
    ("text", "of_people", "of_teams"),
    [
        ('userName eq "p1"', ["userName p1"], []),
        ('meta.resourceType eq "User" and userName eq "p1"', ["userName p1"], []),
        (f'schemas eq "{GROUP.schema.id}" and id pr', [], ["scan"]),
        ('members.value eq "p1"', [], ["scan"]),
        ('displayName eq "T1"', ["scan"], ["scan"]),
        ('shoeSize eq "39"', [], []),
        ('userName ne "p1"', ["scan"], ["scan"]),
        ("not (userName pr)", ["scan"], ["scan"]),
    ],
)
async def test_a_type_that_cannot_satisfy_the_filter_is_not_asked(
    both: Both, text: str, of_people: list[str], of_teams: list[str]
) -> None:
    await both.list(filter=text)
    assert (both.people.asked, both.teams.asked) == (of_people, of_teams)


async def test_types_share_the_bound_of_a_scan(both: Both) -> None:
    assert (await both.list(Bounds(rows=8, seconds=60), filter="id pr"))[0] == 8
    with pytest.raises(TooMany, match=r"of a User userName.*; of a Group"):
        await both.list(Bounds(rows=7, seconds=60), filter="id pr")


async def test_what_a_type_does_not_have_comes_last(both: Both) -> None:
    everyone = [f"p{number}" for number in range(5)]
    found = await both.list(sortby="displayName")
    assert found == (8, ["t0", "t1", "t2", *everyone], None)
    found = await both.list(sortby="members.value", sortorder="descending", count="4")
    assert found == (8, ["t2", "t1", "t0", "p4"], None)


async def test_a_cursor_of_other_types_is_refused(
    both: Both, people: People, request_of: RequestOf
) -> None:
    _, _, cursor = await both.list(cursor="", count="6")
    assert cursor
    request = request_of({"cursor": cursor, "count": "6"}, cursor_keys=(b"key",))
    with pytest.raises(InvalidCursor):
        await answer_of(request, [people])
