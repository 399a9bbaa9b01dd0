"""Two sources told as one, the newest first: pages that leave nothing out and tell nothing twice.

Each source keeps its own place. Of a page that is merged, each source goes on behind the last item
of its own that was told. So items of the same time cannot fall between two pages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

from portal.refusals import PageRefusal

if TYPE_CHECKING:
    from collections.abc import Sequence

END: Final = "end"
"""The place of a source of which nothing older is kept."""

_PLACE: Final = re.compile(r"(|end|[0-9a-f]{12,32})\.(|end|[0-9a-f]{12,32})")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ActivityPlaces:
    """Where a page begins.

    Attributes:
        change: the end of the key of a change row; only older ones are looked at. "" for all.
        entry: likewise, of an entry of the provisioning log.
    """

    change: str = ""
    entry: str = ""

    def __str__(self) -> str:
        return f"{self.change}.{self.entry}"

    @classmethod
    def of(cls, text: str) -> Self:
        """Read them from what a page has given out.

        Raises:
            PageRefusal: it has not.
        """
        found = _PLACE.fullmatch(text)
        if found is None:
            raise PageRefusal(400, "not_understood")
        return cls(found[1], found[2])

    @property
    def is_end(self) -> bool:
        """Whether nothing older is kept."""
        return self.change == END and self.entry == END


@dataclass(frozen=True, slots=True)
class Item(Generic[_T]):
    """Something that was found.

    Attributes:
        time: in POSIX milliseconds.
        place: where its source goes on behind it.
        found: what it is.
    """

    time: int
    place: str
    found: _T


@dataclass(frozen=True, slots=True)
class SourcePage(Generic[_T]):
    """What a source has from some place on.

    Attributes:
        items: the newest first.
        start: the place where it began.
        end: the place behind all that was looked at.
        looked_back_to: up to which time all was looked at, in POSIX milliseconds.
    """

    items: Sequence[Item[_T]]
    start: str
    end: str
    looked_back_to: int

    @classmethod
    def empty(cls) -> Self:
        """Make that of a source which has nothing."""
        return cls((), END, END, 0)

    def place_behind(self, told: int) -> str:
        """Return where to go on once the first so many items are told."""
        if told == len(self.items):
            return self.end
        return self.items[told - 1].place if told else self.start


@dataclass(frozen=True, slots=True)
class MergedPage(Generic[_T]):
    """A page of both sources.

    Attributes:
        found: the newest first.
        places: where the next page begins.
        looked_back_to: as of `SourcePage`.
    """

    found: list[_T]
    places: ActivityPlaces
    looked_back_to: int


def merge(changes: SourcePage[_T], entries: SourcePage[_T], count: int) -> MergedPage[_T]:
    """Merge what both sources have, up to `count` items.

    What is older than the time up to which the other source was looked at is left for a later page:
    something newer of that source may come before it.
    """
    sources = (changes, entries)
    back_to = max((each.looked_back_to for each in sources if each.end != END), default=0)
    candidates = sorted(
        (
            (-item.time, number, index)
            for number, source in enumerate(sources)
            for index, item in enumerate(source.items)
            if item.time >= back_to
        )
    )[:count]
    told = [sum(number == each for _, each, _ in candidates) for number in range(len(sources))]
    return MergedPage(
        [sources[number].items[index].found for _, number, index in candidates],
        ActivityPlaces(changes.place_behind(told[0]), entries.place_behind(told[1])),
        back_to,
    )
