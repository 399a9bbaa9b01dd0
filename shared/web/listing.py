"""Lists: a page of all resources, or those that a filter finds (RFC 7644 section 3.4.2)."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from shared.scim.errors import InvalidFilter, TooMany
from shared.scim.filters import Filter, matches, parse
from shared.scim.messages import list_response
from shared.scim.projection import Projection
from shared.scim.schema import Document, ResourceType
from shared.settings import Settings
from shared.web.answers import Answer
from shared.web.lookups import Term, required_terms
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


class Lister(Generic[T]):
    """Answers list requests from a source."""

    def __init__(self, source: Source[T], bounds: Bounds) -> None:
        self._source = source
        self._bounds = bounds

    async def list(self, request: ScimRequest) -> Answer:
        """Answer a list request.

        Raises:
            InvalidFilter: the filter cannot be read.
            InvalidValue: `startIndex` or `count` is no number.
            TooMany: no index answers the filter, and the scan came to its bound.
        """
        projection = request.projection(self._source.resource_type)
        start, count = request.start_index, request.count
        text = request.query.get("filter")
        if text is None:
            total, items = await self._source.page(start, count)
        else:
            found = await self._find(text)
            total, items = len(found), found[start - 1 : start - 1 + count]
        resources = await self._source.shown(items, projection)
        projected = [projection.apply(resource) for resource in resources]
        return Answer(200, list_response(projected, total, start))

    async def _find(self, text: str) -> Sequence[T]:
        """Return all resources that satisfy a filter."""
        if not text.strip():
            raise InvalidFilter("The filter is empty. Leave the parameter out, or send a filter.")
        condition = parse(text, self._source.resource_type)
        candidates = await self._candidates(condition)
        if candidates is None:
            return await self._scanned(condition)
        return await self._matching(candidates, condition)

    async def _candidates(self, condition: Filter) -> Sequence[T] | None:
        """Read what the best index of the filter finds; None when it has none."""
        terms: dict[str, Term] = {}
        for term in required_terms(condition):
            terms.setdefault(term.attribute, term)
        for attribute, find in self._source.indexes.items():
            if attribute in terms:
                return await find(terms[attribute].value)
        return None

    async def _matching(
        self, items: Sequence[T], condition: Filter, until: float = math.inf
    ) -> Sequence[T]:
        """Return the items that satisfy a filter; `until` bounds a scan."""
        found: list[T] = []
        for start in range(0, len(items), _BATCH):
            batch = items[start : start + _BATCH]
            waiting = iter(batch)
            async for document in self._source.compared(batch, condition):
                item = next(waiting)
                if matches(condition, document):
                    found.append(item)
                # One long list against one long filter takes a second, so each is looked at.
                if time.monotonic() > until:
                    raise self._too_many()
            await asyncio.sleep(0)
        return found

    async def _scanned(self, condition: Filter) -> Sequence[T]:
        """Compare every resource with the filter, up to the bounds."""
        until = time.monotonic() + self._bounds.seconds
        found: list[T] = []
        batch: list[T] = []
        rows = 0
        async for item in self._source.scan():
            rows += 1
            if rows > self._bounds.rows or time.monotonic() > until:
                raise self._too_many()
            batch.append(item)
            if len(batch) == _BATCH:
                found += await self._matching(batch, condition, until)
                batch = []
        return [*found, *await self._matching(batch, condition, until)]

    def _too_many(self) -> TooMany:
        names = ", ".join(self._source.indexes)
        return TooMany(
            "The filter would have to be compared with too many resources. Compare one of these "
            f"with eq, alone or joined to the rest by and: {names}."
        )
