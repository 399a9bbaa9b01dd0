"""Lists: the resources that a query finds, page by page (RFC 7644 section 3.4.2, RFC 9865).

A query is answered in one of three ways: from the counters and a range of keys, when it neither
filters nor sorts; from an index, when every match must have a value that is indexed; and else by a
scan, which reads and compares every resource up to a bound.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeVar

from shared.scim import queries
from shared.scim.errors import InvalidCursor, TooMany
from shared.scim.filters import And, Comparison, Filter, matches, parse
from shared.scim.messages import list_response
from shared.scim.projection import Projection
from shared.scim.queries import Query
from shared.scim.schema import AttributePath, Document, ResourceType
from shared.scim.sorting import SortValue, sort_paths, sort_value
from shared.settings import Settings
from shared.web.answers import Answer
from shared.web.cursors import Cursors, Position
from shared.web.lookups import Term, is_impossible, required_terms
from shared.web.requests import ScimRequest


class Identified(Protocol):
    """What has an id; ids of a source sort in the order in which it lists."""

    @property
    def id(self) -> str:
        """The id."""
        ...


T = TypeVar("T", bound=Identified)

_BATCH = 100
"""Resources that are compared before other requests have their turn."""

Finder = Callable[[str], Awaitable[Sequence[T]]]
"""Finds what has a value by an index; more than asked for is allowed, less is not."""


class Source(Protocol[T]):
    """A kind of resource that can be listed, as one request sees it.

    Whatever is listed comes in the order of ids, so that a list can be continued behind an id
    however the resources before it have changed.
    """

    @property
    def resource_type(self) -> ResourceType:
        """The type of the resources."""
        ...

    @property
    def indexes(self) -> Mapping[str, Finder[T]]:
        """Finders by the attribute that they need, the most selective first."""
        ...

    async def page(self, start_index: int, count: int) -> tuple[int, Sequence[T]]:
        """Return how many there are, and those of a page; the first has the index 1.

        Two calls at most; one for `count` 0.
        """
        ...

    async def after(self, last_id: str, count: int) -> Sequence[T]:
        """Return the next ones behind an id, which need not be there any more; "" is before all.

        Fewer than `count` (up to 201) only where there are no more. One call.
        """
        ...

    def scan(self, last_id: str = "") -> AsyncIterator[T]:
        """Return every one behind an id in turn; the caller ends it."""
        ...

    def compared(self, items: Sequence[T], condition: Filter) -> AsyncIterator[Document]:
        """Present resources one by one, in their order, with all that a filter compares.

        An attribute to sort by is asked for as `attribute pr`.
        """
        ...

    async def shown(self, items: Sequence[T], projection: Projection) -> list[Document]:
        """Present resources with all that a projection keeps; it may stop before the last."""
        ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a filter without an index may read, and for how many seconds."""

    rows: int
    seconds: float

    @classmethod
    def of(cls, settings: Settings) -> "Bounds":
        """Take the bounds from the settings."""
        return cls(settings.scan_max_rows, settings.scan_max_seconds)


@dataclass(frozen=True, slots=True)
class _Kind:
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
        return self.source.resource_type

    @property
    def needed(self) -> Filter | None:
        """All that a resource must be presented with, as a filter; None if nothing of it is."""
        path = self.sort_path
        present = None if path is None else Comparison(path, "pr", None)
        if self.condition is None or present is None:
            return self.condition or present
        return And((self.condition, present))


class _Found(NamedTuple):
    """A resource that a query finds. What comes first in a list is smaller."""

    value: SortValue | None
    place: int
    id: str
    kind: _Kind
    item: Any

    @property
    def rank(self) -> tuple[SortValue | None, int, str]:
        return self.value, self.place, self.id


class _Looked(NamedTuple):
    """A resource that was looked at, and whether the query finds it."""

    kind: _Kind
    item: Any
    value: SortValue | None
    is_match: bool


class _Page(NamedTuple):
    """What a query finds for one page, and how the list goes on.

    Attributes:
        found: the resources.
        total: how many there are on all pages; None if that is not known.
        last: the last one that was looked at, where more may follow behind it; None at the end.
    """

    found: Sequence[_Found]
    total: int | None
    last: Position | None = None


class Lister:
    """Answers queries on one kind of resource, or on several."""

    def __init__(self, sources: Sequence[Source[Any]], bounds: Bounds) -> None:
        self._sources = sources
        self._bounds = bounds

    async def list(self, request: ScimRequest) -> Answer:
        """Answer a GET; see `answer`."""
        return await self.answer(request, queries.from_parameters(request.query))

    async def answer(self, request: ScimRequest, query: Query) -> Answer:
        """Answer a query.

        Raises:
            InvalidFilter: the filter cannot be read.
            InvalidValue: `sortBy` names nothing to sort by.
            TooMany: no index answers the filter, or it is sorted, and the scan came to its bound.
            InvalidCursor: the cursor is none of this query.
            ExpiredCursor: the cursor is too old.
            InvalidCount: the cursor is one of another `count`.
        """
        return await _Listing(self._kinds(query), self._bounds, request, query).answer()

    def _kinds(self, query: Query) -> Sequence[_Kind]:
        types = [source.resource_type for source in self._sources]
        paths = sort_paths(query.sort_by, types)
        return [
            _Kind(place, source, self._condition(query, source.resource_type), path)
            for place, (source, path) in enumerate(zip(self._sources, paths, strict=True))
        ]

    def _condition(self, query: Query, resource_type: ResourceType) -> Filter | None:
        if query.filter is None:
            return None
        others = (source.resource_type for source in self._sources)
        return parse(query.filter, resource_type, *others)


class _Listing:
    """One query of one request."""

    def __init__(
        self, kinds: Sequence[_Kind], bounds: Bounds, request: ScimRequest, query: Query
    ) -> None:
        self._kinds = kinds
        self._request = request
        self._query = query
        self._rows = bounds.rows
        self._until = time.monotonic() + bounds.seconds
        names = [kind.resource_type.name for kind in kinds]
        self._cursors = Cursors(request.cursor_keys, request.session.tenant, names, query)

    async def answer(self) -> Answer:
        """Find the page and present it."""
        query = self._query
        # A count of 0 asks for the total alone, and there is no page for another to follow.
        by_cursor = query.cursor is not None and (query.count > 0 or bool(query.cursor))
        page = await (self._page_by_cursor() if by_cursor else self._page_by_index())
        resources = await self._presented(page.found)
        cursor = self._cursor_behind(page, len(resources)) if by_cursor else None
        start = query.start_index if query.cursor is None else None
        return Answer(200, list_response(resources, page.total, start, cursor))

    async def _page_by_index(self) -> _Page:
        """Find the page that begins at `startIndex`."""
        query = self._query
        if self._is_plain:
            return await self._plain_page()
        found = await self._all_found()
        first = query.start_index - 1
        return _Page(found[first : first + query.count], len(found))

    async def _plain_page(self) -> _Page:
        """Find a page of everything: of each kind, what is left of the page. 2 calls for each."""
        query = self._query
        found: list[_Found] = []
        total = 0
        for kind in self._kinds:
            start = max(query.start_index - total, 1)
            number, items = await kind.source.page(start, query.count - len(found))
            found += [_found(kind, item) for item in items]
            total += number
        return _Page(found, total)

    async def _page_by_cursor(self) -> _Page:
        """Find the page that begins behind the cursor, or the first one."""
        cursor = self._query.cursor
        position = self._cursors.read(cursor) if cursor else None
        if self._query.sort_by is not None:
            return await self._sorted_page_behind(position)
        return await self._page_behind(position)

    async def _sorted_page_behind(self, position: Position | None) -> _Page:
        """Find the page of a sorted list behind a position. All is read and sorted anew."""
        count = self._query.count
        ordered = await self._all_found()
        rest = ordered
        if position is not None:
            last = (position.value, self._kind_at(position).place, position.id)
            is_behind = _is_less if self._query.descending else _is_greater
            rest = [found for found in ordered if is_behind(found.rank, last)]
        more = _position(rest[count - 1], len(ordered)) if len(rest) > count else None
        return _Page(rest[:count], len(ordered), more)

    async def _page_behind(self, position: Position | None) -> _Page:
        """Find the page of an unsorted list behind a position.

        Where a scan comes to its bound the page ends early, with a cursor behind what was read, so
        that any filter can be answered over any number of resources.
        """
        first, last_id = (0, "") if position is None else self._start(position)
        total = await self._total(position)
        found: list[_Found] = []
        last: _Looked | None = None
        try:
            async for looked in self._looked_at(first, last_id, found):
                if len(found) == self._query.count:
                    return _Page(found, total, _behind(last, total))
                last = looked
                if looked.is_match:
                    found.append(_found(looked.kind, looked.item))
        except TooMany:
            if last is None:
                raise
            return _Page(found, total, _behind(last, total))
        is_whole = position is None
        return _Page(found, len(found) if is_whole else total)

    async def _looked_at(
        self, first: int, last_id: str, found: Sequence[_Found]
    ) -> AsyncIterator[_Looked]:
        """Look at the resources of every kind from the first one on, in the order of ids."""
        for kind in self._kinds[first:]:
            if kind.condition is None:
                room = self._query.count - len(found) + 1
                for item in await kind.source.after(last_id, room):
                    yield _Looked(kind, item, None, is_match=True)
            else:
                async for looked in self._filtered(kind, kind.condition, last_id):
                    yield looked
            last_id = ""

    async def _all_found(self) -> Sequence[_Found]:
        """Find everything, in the order of the list."""
        found: list[_Found] = []
        for kind in self._kinds:
            if kind.condition is None:
                looked_at = self._scanned(kind)
            else:
                looked_at = self._filtered(kind, kind.condition)
            found += [
                _found(kind, looked.item, looked.value)
                async for looked in looked_at
                if looked.is_match
            ]
        if self._query.sort_by is not None:
            found.sort(key=lambda each: each.rank, reverse=self._query.descending)
        return found

    async def _filtered(
        self, kind: _Kind, condition: Filter, last_id: str = ""
    ) -> AsyncIterator[_Looked]:
        """Look at what may satisfy the filter: what its best index finds, or everything."""
        if is_impossible(condition, kind.resource_type):
            return
        candidates = await _candidates(kind.source, condition)
        if candidates is None:
            async for looked in self._scanned(kind, last_id):
                yield looked
        else:
            by_id = {item.id: item for item in candidates if item.id > last_id}
            items = [by_id[each] for each in sorted(by_id)]
            for start in range(0, len(items), _BATCH):
                async for looked in self._compared(kind, items[start : start + _BATCH]):
                    yield looked

    async def _scanned(self, kind: _Kind, last_id: str = "") -> AsyncIterator[_Looked]:
        """Look at every resource, up to the bounds.

        Raises:
            TooMany: a bound was reached; everything before it was looked at.
        """
        batch: list[Any] = []
        is_over = False
        async for item in kind.source.scan(last_id):
            self._rows -= 1
            is_over = self._rows < 0 or self._is_late
            if is_over:
                break
            batch.append(item)
            if len(batch) == _BATCH:
                async for looked in self._compared(kind, batch):
                    yield looked
                    self._check_time()
                batch = []
        async for looked in self._compared(kind, batch):
            yield looked
            self._check_time()
        if is_over:
            raise self._too_many()

    async def _compared(self, kind: _Kind, items: Sequence[Any]) -> AsyncIterator[_Looked]:
        """Compare resources with the filter, and take what they are sorted by."""
        if kind.needed is None:
            # Sorted by what this kind does not have: all resources of it are alike.
            for item in items:
                yield _Looked(kind, item, self._sort_value(kind, {}), is_match=True)
            return
        waiting = iter(items)
        async for document in kind.source.compared(items, kind.needed):
            is_match = kind.condition is None or matches(kind.condition, document)
            yield _Looked(kind, next(waiting), self._sort_value(kind, document), is_match)
        await asyncio.sleep(0)

    def _sort_value(self, kind: _Kind, document: Document) -> SortValue | None:
        return None if self._query.sort_by is None else sort_value(kind.sort_path, document)

    async def _total(self, position: Position | None) -> int | None:
        """Count what a list by cursor holds: at its first page, and only where a counter knows."""
        if position is not None:
            return position.total
        if not self._is_plain:
            return None
        pages = await asyncio.gather(*(kind.source.page(1, 0) for kind in self._kinds))
        return sum(total for total, _ in pages)

    async def _presented(self, found: Sequence[_Found]) -> list[Document]:
        """Present resources in their order, as far as their sources show them."""
        documents: dict[int, list[Document]] = {}
        for kind in self._kinds:
            items = [each.item for each in found if each.kind is kind]
            projection = self._query.projection(kind.resource_type)
            shown = await kind.source.shown(items, projection) if items else []
            documents[kind.place] = [projection.apply(document) for document in reversed(shown)]
        presented: list[Document] = []
        for each in found:
            if not documents[each.place]:
                break
            presented.append(documents[each.place].pop())
        return presented

    def _cursor_behind(self, page: _Page, shown: int) -> str | None:
        """Write the cursor of the next page; None behind the last one."""
        last = page.last
        if shown < len(page.found):
            last = _position(page.found[shown - 1], page.total)
        return None if last is None else self._cursors.write(last)

    def _start(self, position: Position) -> tuple[int, str]:
        return self._kind_at(position).place, position.id

    def _kind_at(self, position: Position) -> _Kind:
        for kind in self._kinds:
            if kind.resource_type.name == position.resource_type:
                return kind
        raise InvalidCursor("The resources at which the cursor stands are not served any more.")

    @property
    def _is_plain(self) -> bool:
        return self._query.filter is None and self._query.sort_by is None

    @property
    def _is_late(self) -> bool:
        return time.monotonic() > self._until

    def _check_time(self) -> None:
        # One long list against one long filter takes a second, so each is looked at.
        if self._is_late:
            raise self._too_many()

    def _too_many(self) -> TooMany:
        indexes = "; ".join(self._indexes)
        if self._query.sort_by is None:
            problem = "The filter would have to be compared with too many resources."
            other = ", or page by cursor"
        else:
            problem = "There are too many resources to sort."
            other = ", or leave sortBy out and page by cursor"
        return TooMany(
            f"{problem} Compare one of these with eq, alone or joined to the rest by and{other}: "
            f"{indexes}."
        )

    @cached_property
    def _indexes(self) -> list[str]:
        """Say which attributes are indexed, of which type where there are several."""
        names = [", ".join(kind.source.indexes) for kind in self._kinds]
        if len(names) == 1:
            return names
        types = [kind.resource_type.name for kind in self._kinds]
        return [f"of a {name} {indexed}" for name, indexed in zip(types, names, strict=True)]


async def _candidates(source: Source[Any], condition: Filter) -> Sequence[Any] | None:
    """Read what the best index of the filter finds; None when it has none."""
    terms: dict[str, Term] = {}
    for term in required_terms(condition):
        terms.setdefault(term.attribute, term)
    for attribute, find in source.indexes.items():
        if attribute in terms:
            return await find(terms[attribute].value)
    return None


def _found(kind: _Kind, item: Any, value: SortValue | None = None) -> _Found:
    return _Found(value, kind.place, item.id, kind, item)


def _position(found: _Found, total: int | None) -> Position:
    return Position(found.kind.resource_type.name, found.id, found.value, total)


def _behind(looked: _Looked | None, total: int | None) -> Position | None:
    if looked is None:
        return None
    return Position(looked.kind.resource_type.name, looked.item.id, total=total)


def _is_less(one: Any, other: Any) -> bool:
    return bool(one < other)


def _is_greater(one: Any, other: Any) -> bool:
    return bool(one > other)
