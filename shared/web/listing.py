"""Lists: the pages of what a query finds (RFC 7644 section 3.4.2.4, RFC 9865)."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from shared.errors import InvalidCursor, TooMany
from shared.scim.messages import list_response
from shared.scim.queries import Query
from shared.scim.schema import Document
from shared.scim.sorting import SortValue
from shared.web.cursors import CursorPosition, Cursors
from shared.web.matching import Bounds, Candidate, Matcher, Target, targets_of
from shared.web.requests import ScimRequest
from shared.web.responses import ScimResponse
from shared.web.sources import Source

_SPARE = 1_000
"""Resources that are kept beyond those that a page needs, before the rest of them is dropped."""

_Rank = tuple[SortValue | None, int, str]


async def list_resources(
    request: ScimRequest, query: Query, sources: Sequence[Source[Any]], bounds: Bounds
) -> ScimResponse:
    """Respond to a query with a page of what it finds.

    Args:
        request: who asks.
        query: what for.
        sources: the resources that it searches, type after type.
        bounds: of a search without an index.

    Raises:
        InvalidFilter: the filter cannot be read.
        InvalidValue: `sortBy` names nothing to sort by.
        TooMany: no index answers the filter, or it is sorted, and the scan came to its bound.
        InvalidCursor: the cursor is none of this query.
        ExpiredCursor: the cursor is too old.
        InvalidCount: the cursor is one of another `count`.
    """
    return await _Listing(request, query, sources, bounds).respond()


class _Found(NamedTuple):
    """A resource that a query finds."""

    target: Target
    resource: Any
    value: SortValue | None = None

    @property
    def rank(self) -> _Rank:
        """By which it is sorted; no two are alike."""
        return self.value, self.target.place, self.resource.id


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
        self, request: ScimRequest, query: Query, sources: Sequence[Source[Any]], bounds: Bounds
    ) -> None:
        self._targets = targets_of(query, sources)
        self._query = _without_needless_order(query, self._targets)
        self._matcher = Matcher(request, self._targets, self._query, bounds)
        names = [target.resource_type.name for target in self._targets]
        self._cursors = Cursors(request.cursor_keys, request.context.tenant, names, query)

    async def respond(self) -> ScimResponse:
        """Find the page and present it."""
        query = self._query
        # A count of 0 asks for the total alone, and there is no page for another to follow.
        by_cursor = query.cursor is not None and (query.count > 0 or query.cursor != "")
        page = await (self._page_by_cursor() if by_cursor else self._page_by_index())
        resources = await self._present(page.found)
        start = query.start_index if query.cursor is None else None
        cursor = self._cursor_behind(page, len(resources)) if by_cursor else None
        return ScimResponse(200, list_response(resources, page.total, start, cursor))

    async def _page_by_index(self) -> _Page:
        """Find the page that begins at `startIndex`."""
        if self._is_plain:
            return await self._plain_page()
        first = self._query.start_index - 1
        found, total = await self._find_first(first + self._query.count)
        return _Page(found[first:], total)

    async def _plain_page(self) -> _Page:
        """Read a page of everything: of each type, what is left of the page. 2 calls for each."""
        found: list[_Found] = []
        total = 0
        for target in self._targets:
            start = max(self._query.start_index - total, 1)
            page = await target.source.page(start, self._query.count - len(found))
            found += [_Found(target, resource) for resource in page.resources]
            total += page.total
        return _Page(found, total)

    async def _page_by_cursor(self) -> _Page:
        """Find the page behind the cursor, or the first one."""
        cursor = self._query.cursor
        position = self._cursors.read(cursor) if cursor else None
        if self._query.sort_by is not None:
            return await self._sorted_page(position)
        return await self._unsorted_page(position)

    async def _sorted_page(self, position: CursorPosition | None) -> _Page:
        """Find the page of a sorted list behind a position. All is read and sorted again."""
        last = None
        if position is not None:
            last = (position.value, self._target_at(position).place, position.id)
        # One more than fits tells that another page follows.
        found, total = await self._find_first(self._query.count + 1, last)
        page = found[: self._query.count]
        end = _position(page[-1], total) if len(found) > len(page) else None
        return _Page(page, total, end)

    async def _unsorted_page(self, position: CursorPosition | None) -> _Page:
        """Find the page of an unsorted list behind a position.

        Where a scan comes to its bound the page ends early, behind what was compared, so that any
        filter can be answered over any number of resources.
        """
        total = await self._count() if position is None else position.total
        found: list[_Found] = []
        end: CursorPosition | None = None
        try:
            async for candidate in self._candidates_behind(position, found):
                if len(found) == self._query.count:
                    return _Page(found, total, end)
                each = _Found(candidate.target, candidate.resource)
                end = _position(each, total)
                if candidate.is_match:
                    found.append(each)
        except TooMany:
            if end is None:
                raise
            return _Page(found, total, end)
        return _Page(found, len(found) if position is None else total)

    async def _candidates_behind(
        self, position: CursorPosition | None, found: Sequence[_Found]
    ) -> AsyncIterator[Candidate]:
        """Read the resources behind a position, type by type, in the order of ids.

        Without a filter no more are read than `found` leaves room for, and one: it tells that
        another page follows.
        """
        first, last_id = 0, ""
        if position is not None:
            first, last_id = self._target_at(position).place, position.id
        for target in self._targets[first:]:
            if self._is_plain:
                room = self._query.count - len(found) + 1
                for resource in await target.source.after(last_id, room):
                    yield Candidate(target, resource, None, is_match=True)
            else:
                async for candidate in self._matcher.candidates(target, last_id):
                    yield candidate
            last_id = ""

    async def _find_first(self, most: int, last: _Rank | None = None) -> tuple[list[_Found], int]:
        """Find everything, and count it; keep the first `most` in the list's order, behind `last`.

        The others are dropped on the way, since thousands of resources take much memory.
        """
        kept: list[_Found] = []
        total = 0
        for target in self._targets:
            async for candidate in self._matcher.candidates(target):
                if not candidate.is_match:
                    continue
                total += 1
                found = _Found(target, candidate.resource, candidate.value)
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

    async def _count(self) -> int | None:
        """Count what a list by cursor will hold, where counters know it. A call for each type."""
        if not self._is_plain:
            return None
        pages = await asyncio.gather(*(target.source.page(1, 0) for target in self._targets))
        return sum(page.total for page in pages)

    async def _present(self, found: Sequence[_Found]) -> list[Document]:
        """Present resources in their order, up to the first that its source leaves out."""
        documents = [await self._present_those_of(target, found) for target in self._targets]
        presented: list[Document] = []
        for each in found:
            document = next(documents[each.target.place], None)
            if document is None:
                break
            presented.append(document)
        return presented

    async def _present_those_of(
        self, target: Target, found: Sequence[_Found]
    ) -> Iterator[Document]:
        resources = [each.resource for each in found if each.target is target]
        projection = self._query.projection(target.resource_type)
        documents = await target.source.present(resources, projection) if resources else []
        return map(projection.apply, documents)

    def _cursor_behind(self, page: _Page, presented: int) -> str | None:
        """Write the cursor of the next page; None behind the last one."""
        is_cut = presented < len(page.found)
        end = _position(page.found[presented - 1], page.total) if is_cut else page.end
        return None if end is None else self._cursors.write(end)

    def _target_at(self, position: CursorPosition) -> Target:
        for target in self._targets:
            if target.resource_type.name == position.resource_type:
                return target
        raise InvalidCursor("The resources at which the cursor stands are not served any more.")

    @property
    def _is_plain(self) -> bool:
        return self._query.filter is None and self._query.sort_by is None


def _without_needless_order(query: Query, targets: Sequence[Target]) -> Query:
    """Leave the order out where it is that of every list: by id, from the first to the last."""
    paths = [target.sort_path.text for target in targets if target.sort_path is not None]
    is_needless = len(targets) == 1 and paths == ["id"] and not query.descending
    return replace(query, sort_by=None) if is_needless else query


def _position(found: _Found, total: int | None) -> CursorPosition:
    return CursorPosition(found.target.resource_type.name, found.resource.id, found.value, total)
