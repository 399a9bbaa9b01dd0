"""Matching: which resources a query finds, by an index or by a scan (RFC 7644 section 3.4.2.2).

An index answers a filter that no resource satisfies without a certain value of an indexed
attribute. Every other filter, and sorting, reads and compares each resource, up to a bound.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.errors import TooMany
from shared.scim.filters import And, Comparison, Filter, matches, parse_filter
from shared.scim.queries import Query
from shared.scim.schema import AttributePath, Document, ResourceType
from shared.scim.sorting import SortValue, sort_paths, sort_value
from shared.settings import Settings
from shared.web.lookups import Term, is_impossible, required_terms
from shared.web.sources import Source

_BATCH = 100
"""Resources that are compared before other requests have their turn."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a query without an index may read, and for how many seconds."""

    rows: int
    seconds: float

    @classmethod
    def of(cls, settings: Settings) -> "Bounds":
        """Take the bounds from the settings."""
        return cls(settings.scan_max_rows, settings.scan_max_seconds)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the sources of a query, and what the query means for its type.

    Attributes:
        place: its place among the sources.
        source: the resources.
        condition: the filter; None for none.
        sort_path: what is sorted by; None for nothing, or for what the type does not have.
    """

    place: int
    source: Source[Any]
    condition: Filter | None
    sort_path: AttributePath | None

    @property
    def resource_type(self) -> ResourceType:
        """The type of the resources."""
        return self.source.resource_type

    @property
    def needed(self) -> Filter | None:
        """What a resource must be presented with, as a filter; None where nothing of it counts."""
        present = None if self.sort_path is None else Comparison(self.sort_path, "pr", None)
        if self.condition is None or present is None:
            return self.condition or present
        return And((self.condition, present))


def kinds_of(query: Query, sources: Sequence[Source[Any]]) -> Sequence[Kind]:
    """Read what a query means for each of its sources.

    Raises:
        InvalidFilter: the filter cannot be read.
        InvalidValue: `sortBy` names nothing to sort by.
    """
    types = [source.resource_type for source in sources]
    paths = sort_paths(query.sort_by, types)
    return [
        Kind(
            place,
            source,
            None
            if query.filter is None
            else parse_filter(query.filter, source.resource_type, *types),
            path,
        )
        for place, (source, path) in enumerate(zip(sources, paths, strict=True))
    ]


class Looked(NamedTuple):
    """A resource that was looked at.

    Attributes:
        kind: which source it is of.
        item: the resource.
        value: what it is sorted by; None where nothing is sorted.
        is_match: whether the query finds it.
    """

    kind: Kind
    item: Any
    value: SortValue | None
    is_match: bool


class Matcher:
    """Looks at the resources of one query, whose kinds share the bounds."""

    def __init__(self, kinds: Sequence[Kind], query: Query, bounds: Bounds) -> None:
        self._kinds = kinds
        self._is_sorted = query.sort_by is not None
        self._rows = bounds.rows
        self._until = time.monotonic() + bounds.seconds

    async def look(self, kind: Kind, last_id: str = "") -> AsyncIterator[Looked]:
        """Look at all that the query may find of a kind behind an id, in the order of ids.

        Raises:
            TooMany: a bound was reached; all before it was looked at.
        """
        condition = kind.condition
        if condition is not None and is_impossible(condition, kind.resource_type):
            return
        candidates = None if condition is None else await _candidates(kind.source, condition)
        if candidates is None:
            looked_at = self._scanned(kind, last_id)
        else:
            looked_at = self._selected(kind, candidates, last_id)
        async for looked in looked_at:
            yield looked

    async def _selected(
        self, kind: Kind, candidates: Sequence[Any], last_id: str
    ) -> AsyncIterator[Looked]:
        """Look at what an index has found."""
        by_id = {item.id: item for item in candidates if item.id > last_id}
        items = [by_id[each] for each in sorted(by_id)]
        for start in range(0, len(items), _BATCH):
            async for looked in self._compared(kind, items[start : start + _BATCH]):
                yield looked

    async def _scanned(self, kind: Kind, last_id: str) -> AsyncIterator[Looked]:
        """Look at every resource, up to the bounds."""
        batch: list[Any] = []
        is_over = False
        async for item in kind.source.scan(last_id):
            self._rows -= 1
            is_over = self._rows < 0 or self._is_late
            if is_over:
                break
            batch.append(item)
            if len(batch) == _BATCH:
                async for looked in self._compared_in_time(kind, batch):
                    yield looked
                batch = []
        async for looked in self._compared_in_time(kind, batch):
            yield looked
        if is_over:
            raise self._too_many()

    async def _compared_in_time(self, kind: Kind, items: Sequence[Any]) -> AsyncIterator[Looked]:
        async for looked in self._compared(kind, items):
            yield looked
            # One long list against one long filter takes a second, so each is timed.
            if self._is_late:
                raise self._too_many()

    async def _compared(self, kind: Kind, items: Sequence[Any]) -> AsyncIterator[Looked]:
        """Compare resources with the filter, and take what they are sorted by."""
        if kind.needed is None:
            # Sorted by what this kind does not have: all resources of it are alike.
            for item in items:
                yield Looked(kind, item, self._sort_value(kind, {}), is_match=True)
            return
        waiting = iter(items)
        async for document in kind.source.compared(items, kind.needed):
            is_match = kind.condition is None or matches(kind.condition, document)
            yield Looked(kind, next(waiting), self._sort_value(kind, document), is_match)
        await asyncio.sleep(0)

    def _sort_value(self, kind: Kind, document: Document) -> SortValue | None:
        return sort_value(kind.sort_path, document) if self._is_sorted else None

    @property
    def _is_late(self) -> bool:
        return time.monotonic() > self._until

    def _too_many(self) -> TooMany:
        if self._is_sorted:
            problem = "There are too many resources to sort."
            other = "or leave sortBy out and page by cursor"
        else:
            problem = "The filter would have to be compared with too many resources."
            other = "or page by cursor"
        return TooMany(
            f"{problem} Compare one of these with eq, alone or joined to the rest by and, {other}: "
            f"{self._indexes()}."
        )

    def _indexes(self) -> str:
        """Name the attributes that are indexed, of which type where there are several."""
        names = [", ".join(kind.source.indexes) for kind in self._kinds]
        if len(names) == 1:
            return names[0]
        types = [kind.resource_type.name for kind in self._kinds]
        return "; ".join(f"of a {name} {of}" for name, of in zip(types, names, strict=True))


async def _candidates(source: Source[Any], condition: Filter) -> Sequence[Any] | None:
    """Read what the best index of the filter finds; None when it has none."""
    terms: dict[str, Term] = {}
    for term in required_terms(condition):
        terms.setdefault(term.attribute, term)
    for attribute, find in source.indexes.items():
        if attribute in terms:
            return await find(terms[attribute].value)
    return None
