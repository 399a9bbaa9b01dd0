"""Two sources told as one: over all pages each item once, the newest first."""

from __future__ import annotations

import random

import pytest

from portal.refusals import PageRefusal
from portal.timeline import END, ActivityPlaces, Item, SourcePage, merge


class Source:
    """Items by time, of which one reading looks at so many and finds some of them."""

    def __init__(self, name: str, times: list[int], looked_at: int, wanted: int = 1) -> None:
        self.rows = [(time, f"{name}{number}") for number, time in enumerate(times)]
        self.looked_at = looked_at
        self.wanted = wanted

    def read(self, place: str, count: int) -> SourcePage[str]:
        if place == END:
            return SourcePage.empty()
        start = int(place or 0)
        items: list[Item[str]] = []
        for index in range(start, min(start + self.looked_at, len(self.rows))):
            time, name = self.rows[index]
            if index % self.wanted == 0:
                items.append(Item(time, str(index + 1), name))
            if len(items) == count:
                return SourcePage(items, place, str(index + 1), time)
        end = start + self.looked_at
        if end >= len(self.rows):
            return SourcePage(items, place, END, 0)
        return SourcePage(items, place, str(end), self.rows[end - 1][0])


def told(changes: Source, entries: Source, count: int) -> tuple[list[str], int]:
    """Everything, page by page, and how many pages that took."""
    places, found, pages = ActivityPlaces(), [], 0
    while not places.is_end:
        page = merge(changes.read(places.change, count), entries.read(places.entry, count), count)
        assert len(page.found) <= count
        assert page.places != places, "a page goes on"
        found += page.found
        places, pages = page.places, pages + 1
    return found, pages


@pytest.mark.parametrize("seed", range(200))
def test_each_item_is_told_once_and_in_order(seed: int) -> None:
    chance = random.Random(seed)
    times = [
        sorted((chance.randrange(12) for _ in range(chance.randrange(40))), reverse=True)
        for _ in range(2)
    ]
    sources = [
        Source(name, each, chance.randrange(1, 9), chance.randrange(1, 4))
        for name, each in zip("ce", times, strict=True)
    ]
    found, _ = told(sources[0], sources[1], chance.randrange(1, 6))
    wanted = {name: time for each in sources for time, name in each.rows[:: each.wanted]}
    assert sorted(found) == sorted(wanted)
    assert [wanted[name] for name in found] == sorted(wanted.values(), reverse=True)


def test_items_of_one_time_are_not_lost_between_two_pages() -> None:
    found, pages = told(Source("c", [7] * 30, 100), Source("e", [7] * 30, 100), 7)
    assert len(found) == len(set(found)) == 60
    assert pages <= 10


def test_what_one_source_was_not_looked_through_for_is_left_for_a_later_page() -> None:
    changes: SourcePage[str] = SourcePage((), "", "5", 1_000)
    entries = SourcePage([Item(1_500, "1", "newer"), Item(500, "2", "older")], "", END, 0)
    page = merge(changes, entries, 25)
    assert (page.found, page.looked_back_to) == (["newer"], 1_000)
    assert page.places == ActivityPlaces("5", "1")


@pytest.mark.parametrize("text", [".", "end.", f"{'0' * 32}.{'a' * 24}", f"end.{'b' * 12}"])
def test_places_are_read_as_they_are_given_out(text: str) -> None:
    assert str(ActivityPlaces.of(text)) == text


@pytest.mark.parametrize("text", ["", "end", "x.", ".x", "..", "a" * 32, f"{'a' * 33}."])
def test_other_places_are_refused(text: str) -> None:
    with pytest.raises(PageRefusal):
        ActivityPlaces.of(text)
