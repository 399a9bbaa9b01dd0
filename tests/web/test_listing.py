"""Lists: which index is asked, what is compared again, and where a scan ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from shared.scim.core_schemas import USER
from shared.scim.errors import InvalidFilter, InvalidValue, TooMany
from shared.web import listing
from shared.web.listing import Bounds, Lister

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from shared.scim.filters import Filter
    from shared.scim.projection import Projection
    from shared.scim.schema import Document, ResourceType
    from shared.web.listing import Finder
    from shared.web.requests import ScimRequest

    RequestOf = Callable[..., ScimRequest]

NO_TIME = Bounds(rows=1_000_000, seconds=-1)
ENOUGH = Bounds(rows=1_000_000, seconds=60)


@dataclass(frozen=True, slots=True)
class Person:
    """A user that is its own document."""

    document: Document

    @property
    def id(self) -> str:
        return str(self.document["id"])


@dataclass(slots=True)
class People:
    """A source of users in id order, and what was asked of it."""

    people: list[Person]
    shown_at_most: int = 1_000
    asked: list[str] = field(default_factory=list)
    scanned: int = 0
    seconds_each: int = 0
    clock: float = 0

    @property
    def resource_type(self) -> ResourceType:
        return USER

    @property
    def indexes(self) -> Mapping[str, Finder[Person]]:
        return {"userName": self._by_user_name, "emails.value": self._by_email}

    async def page(self, start_index: int, count: int) -> tuple[int, Sequence[Person]]:
        self.asked.append(f"page {start_index} {count}")
        return len(self.people), self.people[start_index - 1 :][:count]

    async def after(self, last_id: str, count: int) -> Sequence[Person]:
        self.asked.append(f"after {last_id or 'nobody'} {count}")
        return [each for each in self.people if each.id > last_id][:count]

    async def scan(self, last_id: str = "") -> AsyncIterator[Person]:
        self.asked.append(f"scan after {last_id}" if last_id else "scan")
        for each in self.people:
            if each.id > last_id:
                self.scanned += 1
                yield each

    async def compared(self, items: Sequence[Person], condition: Filter) -> AsyncIterator[Document]:
        del condition
        for each in items:
            self.clock += self.seconds_each
            yield each.document

    async def shown(self, items: Sequence[Person], projection: Projection) -> list[Document]:
        del projection
        return [each.document for each in items[: self.shown_at_most]]

    async def _by_user_name(self, value: str) -> Sequence[Person]:
        self.asked.append(f"userName {value}")
        return [each for each in self.people if each.document["userName"] == value]

    async def _by_email(self, value: str) -> Sequence[Person]:
        self.asked.append(f"emails.value {value}")
        return self.people  # more than was asked for, as a truncated hash would give


def person(number: int) -> Person:
    name = f"p{number}"
    emails = [{"value": f"{name}@x", "type": "work"}]
    return Person({"id": name, "userName": name, "emails": emails})


async def listed(
    people: People, request: ScimRequest, bounds: Bounds = ENOUGH
) -> tuple[int, int, list[str]]:
    """Return totalResults, startIndex and the ids on the page."""
    answer = await Lister([people], bounds).list(request)
    assert answer.status == 200
    body: dict[str, Any] = answer.body or {}
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


async def test_a_source_may_show_less_than_the_page(request_of: RequestOf) -> None:
    people = People([person(number) for number in range(5)], shown_at_most=2)
    assert await listed(people, request_of({"count": "4"})) == (5, 1, ["p0", "p1"])


async def test_a_page_shows_what_the_projection_leaves(
    people: People, request_of: RequestOf
) -> None:
    request = request_of({"filter": 'userName eq "p1"', "attributes": "userName"})
    answer = await Lister([people], ENOUGH).list(request)
    assert answer.body is not None
    assert answer.body["Resources"] == [{"id": "p1", "userName": "p1"}]


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
    monkeypatch.setattr(listing, "time", SimpleNamespace(monotonic=lambda: people.clock))
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
