"""Lists: the pages of what a query finds (RFC 7644 section 3.4.2.4, RFC 9865)."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from shared.errors import InvalidCursor, TooMany
from shared.scim import queries
from shared.scim.messages import list_response
from shared.scim.queries import Query
from shared.scim.schema import Document
from shared.scim.sorting import SortValue
from shared.web.cursors import CursorPosition, Cursors
from shared.web.matching import Bounds, Kind, Looked, Matcher, kinds_of
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.sources import Source


class Lister:
    """Answers queries on one kind of resource, or on several, one after the other."""

    def __init__(self, sources: Sequence[Source[Any]], bounds: Bounds) -> None:
        self._sources = sources
        self._bounds = bounds

    async def list(self, request: ScimRequest) -> ScimResponse:
        """Answer a GET; see `answer`, and `queries.from_parameters` for what else it raises."""
        return await self.answer(request, queries.from_parameters(request.query))

    async def answer(self, request: ScimRequest, query: Query) -> ScimResponse:
        """Answer a query.

        Raises:
            InvalidFilter: the filter cannot be read.
            InvalidValue: `sortBy` names nothing to sort by.
            TooMany: no index answers the filter, or it is sorted, and the scan came to its bound.
            InvalidCursor: the cursor is none of this query.
            ExpiredCursor: the cursor is too old.
            InvalidCount: the cursor is one of another `count`.
        """
        return await _Listing(self._sources, self._bounds, request, query).answer()


_SPARE = 1_000
"""Resources that are kept beyond those that a page needs, before the rest of them is dropped."""

_Rank = tuple[SortValue | None, int, str]


class _Found(NamedTuple):
    """A resource that a query finds."""

    kind: Kind
    item: Any
    value: SortValue | None = None

    @property
    def rank(self) -> _Rank:
        """By which it is sorted; no two are alike."""
        return self.value, self.kind.place, self.item.id


class _Page(NamedTuple):
    """What a query finds for one page, and how the list goes on.

    Attributes:
        found: the resources.
        total: how many there are on all pages; None if that is not known.
        end: where the page ends, if more may follow; None for the last page.
    """

    found: Sequence[_Found]
    total: int | None
    end: CursorPosition | None = None


class _Listing:
    """One query of one request."""

    def __init__(
        self, sources: Sequence[Source[Any]], bounds: Bounds, request: ScimRequest, query: Query
    ) -> None:
        self._kinds = kinds_of(query, sources)
        self._query = _without_needless_order(query, self._kinds)
        self._matcher = Matcher(self._kinds, self._query, bounds)
        names = [kind.resource_type.name for kind in self._kinds]
        self._cursors = Cursors(request.cursor_keys, request.context.tenant, names, query)

    async def answer(self) -> ScimResponse:
        """Find the page and present it."""
        query = self._query
        # A count of 0 asks for the total alone, and there is no page for another to follow.
        by_cursor = query.cursor is not None and (query.count > 0 or query.cursor != "")
        page = await (self._page_by_cursor() if by_cursor else self._page_by_index())
        resources = await self._presented(page.found)
        start = query.start_index if query.cursor is None else None
        cursor = self._cursor_behind(page, len(resources)) if by_cursor else None
        return ScimResponse(200, list_response(resources, page.total, start, cursor))

    async def _page_by_index(self) -> _Page:
        """Find the page that begins at `startIndex`."""
        if self._is_plain:
            return await self._plain_page()
        first = self._query.start_index - 1
        found, total = await self._first_found(first + self._query.count)
        return _Page(found[first:], total)

    async def _plain_page(self) -> _Page:
        """Find a page of everything: of each kind, what is left of the page. 2 calls for each."""
        found: list[_Found] = []
        total = 0
        for kind in self._kinds:
            start = max(self._query.start_index - total, 1)
            number, items = await kind.source.page(start, self._query.count - len(found))
            found += [_Found(kind, item) for item in items]
            total += number
        return _Page(found, total)

    async def _page_by_cursor(self) -> _Page:
        """Find the page behind the cursor, or the first one."""
        cursor = self._query.cursor
        position = self._cursors.read(cursor) if cursor else None
        if self._query.sort_by is not None:
            return await self._sorted_page(position)
        return await self._unsorted_page(position)

    async def _sorted_page(self, position: CursorPosition | None) -> _Page:
        """Find the page of a sorted list behind a position. All is read and sorted anew."""
        last = None
        if position is not None:
            last = (position.value, self._kind_at(position).place, position.id)
        # One more than fits tells that another page follows.
        found, total = await self._first_found(self._query.count + 1, last)
        page = found[: self._query.count]
        end = _position(page[-1], total) if len(found) > len(page) else None
        return _Page(page, total, end)

    async def _unsorted_page(self, position: CursorPosition | None) -> _Page:
        """Find the page of an unsorted list behind a position.

        Where a scan comes to its bound the page ends early, behind what was looked at, so that any
        filter can be answered over any number of resources.
        """
        total = await self._total_at_first() if position is None else position.total
        found: list[_Found] = []
        end: CursorPosition | None = None
        try:
            async for looked in self._looked_at(position, found):
                if len(found) == self._query.count:
                    return _Page(found, total, end)
                each = _Found(looked.kind, looked.item)
                end = _position(each, total)
                if looked.is_match:
                    found.append(each)
        except TooMany:
            if end is None:
                raise
            return _Page(found, total, end)
        return _Page(found, len(found) if position is None else total)

    async def _looked_at(
        self, position: CursorPosition | None, found: Sequence[_Found]
    ) -> AsyncIterator[Looked]:
        """Look at the resources behind a position, kind by kind, in the order of ids.

        Without a filter no more are read than `found` leaves room for, and one: it tells that
        another page follows.
        """
        first, last_id = 0, ""
        if position is not None:
            first, last_id = self._kind_at(position).place, position.id
        for kind in self._kinds[first:]:
            if self._is_plain:
                room = self._query.count - len(found) + 1
                for item in await kind.source.after(last_id, room):
                    yield Looked(kind, item, None, is_match=True)
            else:
                async for looked in self._matcher.look(kind, last_id):
                    yield looked
            last_id = ""

    async def _first_found(self, most: int, last: _Rank | None = None) -> tuple[list[_Found], int]:
        """Find everything, and count it; keep the first `most` in the list's order, behind `last`.

        The others are dropped on the way, since thousands of resources take much memory.
        """
        kept: list[_Found] = []
        total = 0
        for kind in self._kinds:
            async for looked in self._matcher.look(kind):
                if not looked.is_match:
                    continue
                total += 1
                found = _Found(kind, looked.item, looked.value)
                if last is None or self._comes_behind(found, last):
                    kept.append(found)
                if len(kept) > most + _SPARE:
                    kept = self._ordered(kept)[:most]
        return self._ordered(kept)[:most], total

    def _comes_behind(self, found: _Found, last: _Rank) -> bool:
        return found.rank < last if self._query.descending else found.rank > last

    def _ordered(self, found: list[_Found]) -> list[_Found]:
        if self._query.sort_by is None:
            return found
        return sorted(found, key=lambda each: each.rank, reverse=self._query.descending)

    async def _total_at_first(self) -> int | None:
        """Count what a list by cursor will hold, where counters know it. A call for each kind."""
        if not self._is_plain:
            return None
        pages = await asyncio.gather(*(kind.source.page(1, 0) for kind in self._kinds))
        return sum(total for total, _ in pages)

    async def _presented(self, found: Sequence[_Found]) -> list[Document]:
        """Present resources in their order, up to the first that its source does not show."""
        shown = [await self._shown(kind, found) for kind in self._kinds]
        presented: list[Document] = []
        for each in found:
            document = next(shown[each.kind.place], None)
            if document is None:
                break
            presented.append(document)
        return presented

    async def _shown(self, kind: Kind, found: Sequence[_Found]) -> Iterator[Document]:
        items = [each.item for each in found if each.kind is kind]
        projection = self._query.projection(kind.resource_type)
        documents = await kind.source.shown(items, projection) if items else []
        return map(projection.apply, documents)

    def _cursor_behind(self, page: _Page, shown: int) -> str | None:
        """Write the cursor of the next page; None behind the last one."""
        is_cut = shown < len(page.found)
        end = _position(page.found[shown - 1], page.total) if is_cut else page.end
        return None if end is None else self._cursors.write(end)

    def _kind_at(self, position: CursorPosition) -> Kind:
        for kind in self._kinds:
            if kind.resource_type.name == position.resource_type:
                return kind
        raise InvalidCursor("The resources at which the cursor stands are not served any more.")

    @property
    def _is_plain(self) -> bool:
        return self._query.filter is None and self._query.sort_by is None


def _without_needless_order(query: Query, kinds: Sequence[Kind]) -> Query:
    """Leave the order out where it is that of every list: by id, from the first to the last."""
    paths = [kind.sort_path.text for kind in kinds if kind.sort_path is not None]
    is_needless = len(kinds) == 1 and paths == ["id"] and not query.descending
    return replace(query, sort_by=None) if is_needless else query


def _position(found: _Found, total: int | None) -> CursorPosition:
    return CursorPosition(found.kind.resource_type.name, found.item.id, found.value, total)
