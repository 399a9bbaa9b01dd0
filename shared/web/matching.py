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
from shared.scim.effort import MAX_QUERY_EFFORT, Effort, EffortExceeded
from shared.scim.filters import And, Comparison, Filter, matches, parse_filter
from shared.scim.queries import Query
from shared.scim.schema import AttributePath, Document, ResourceType
from shared.scim.sorting import SortValue, sort_paths, sort_value
from shared.settings import Settings
from shared.web.compute import Slices
from shared.web.lookups import Term, is_impossible, required_terms
from shared.web.requests import ScimRequest
from shared.web.sources import Source

_BATCH = 100
"""Resources that are compared before other requests have their turn, if not a slice before."""


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
class Target:
    """A type that a query searches, and what the query means for it.

    Attributes:
        place: its place among the targets of the query.
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


def targets_of(query: Query, sources: Sequence[Source[Any]]) -> Sequence[Target]:
    """Read what a query means for each of the types that it searches.

    Raises:
        InvalidFilter: the filter cannot be read.
        InvalidValue: `sortBy` names nothing to sort by.
    """
    types = [source.resource_type for source in sources]

    def condition(resource_type: ResourceType) -> Filter | None:
        return None if query.filter is None else parse_filter(query.filter, resource_type, *types)

    paths = sort_paths(query.sort_by, types)
    return [
        Target(place, source, condition(source.resource_type), path)
        for place, (source, path) in enumerate(zip(sources, paths, strict=True))
    ]


class Candidate(NamedTuple):
    """A resource that was compared with the query.

    Attributes:
        target: the type that it is of.
        resource: as the store returned it.
        value: what it is sorted by; None where nothing is sorted.
        is_match: whether the query finds it.
    """

    target: Target
    resource: Any
    value: SortValue | None
    is_match: bool


class Matcher:
    """Compares the resources of one query, whose targets share the bounds."""

    def __init__(
        self, request: ScimRequest, targets: Sequence[Target], query: Query, bounds: Bounds
    ) -> None:
        self._request = request
        self._effort = Effort(MAX_QUERY_EFFORT)
        self._slices = Slices()
        self._targets = targets
        self._is_sorted = query.sort_by is not None
        self._rows = bounds.rows
        self._until = time.monotonic() + bounds.seconds

    async def candidates(self, target: Target, last_id: str = "") -> AsyncIterator[Candidate]:
        """Compare all that the query may find of a target behind an id, in the order of ids.

        Raises:
            TooMany: a bound was reached; all before it was compared.
        """
        condition = target.condition
        if condition is not None and is_impossible(condition, target.resource_type):
            return
        found = None if condition is None else await _find_by_index(target.source, condition)
        if found is None:
            compared = self._scan(target, last_id)
        else:
            compared = self._compare_behind(target, found, last_id)
        async for candidate in compared:
            yield candidate

    async def _compare_behind(
        self, target: Target, found: Sequence[Any], last_id: str
    ) -> AsyncIterator[Candidate]:
        """Compare what an index has found, from behind an id on."""
        by_id = {resource.id: resource for resource in found if resource.id > last_id}
        resources = [by_id[each] for each in sorted(by_id)]
        for start in range(0, len(resources), _BATCH):
            async for candidate in self._compare(target, resources[start : start + _BATCH]):
                yield candidate

    async def _scan(self, target: Target, last_id: str) -> AsyncIterator[Candidate]:
        """Compare every resource behind an id, up to the bounds."""
        batch: list[Any] = []
        is_over = False
        async for resource in target.source.scan(last_id):
            self._rows -= 1
            is_over = self._rows < 0 or self._is_late
            if is_over:
                break
            batch.append(resource)
            await self._slices.end_step()
            if len(batch) == _BATCH:
                async for candidate in self._compare_in_time(target, batch):
                    yield candidate
                batch = []
        async for candidate in self._compare_in_time(target, batch):
            yield candidate
        if is_over:
            raise self._too_many()

    async def _compare_in_time(
        self, target: Target, resources: Sequence[Any]
    ) -> AsyncIterator[Candidate]:
        async for candidate in self._compare(target, resources):
            yield candidate
            if self._is_late:
                raise self._too_many()

    async def _compare(self, target: Target, resources: Sequence[Any]) -> AsyncIterator[Candidate]:
        """Compare resources with the filter, and take what they are sorted by."""
        if target.needed is None:
            # Sorted by what this type does not have: all resources of it are alike.
            for resource in resources:
                yield Candidate(target, resource, self._sort_value(target, {}), is_match=True)
            return
        waiting = iter(resources)
        async for document in target.source.documents_for_filter(resources, target.needed):
            is_match = await self._matches(target.condition, document)
            yield Candidate(target, next(waiting), self._sort_value(target, document), is_match)
            await self._slices.end_step()
        await asyncio.sleep(0)

    async def _matches(self, condition: Filter | None, document: Document) -> bool:
        """Compare a resource with the filter.

        Raises:
            TooMany: that, and all comparisons before, cost more than those of a query may.
        """
        if condition is None:
            return True
        run, context = self._request.compute.run, self._request.context
        try:
            return await run(
                context, lambda effort: matches(condition, document, effort), self._effort
            )
        except EffortExceeded:
            raise TooMany(
                "The filter compares too many values: send fewer terms at a time, or compare one "
                f"of these with eq, joined to the rest by and: {self._indexes()}."
            ) from None

    def _sort_value(self, target: Target, document: Document) -> SortValue | None:
        return sort_value(target.sort_path, document) if self._is_sorted else None

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
        names = [", ".join(target.source.indexes) for target in self._targets]
        if len(names) == 1:
            return names[0]
        types = [target.resource_type.name for target in self._targets]
        return "; ".join(f"of a {name} {of}" for name, of in zip(types, names, strict=True))


async def _find_by_index(source: Source[Any], condition: Filter) -> Sequence[Any] | None:
    """Read what the best index of the filter finds; None when it has none."""
    terms: dict[str, Term] = {}
    for term in required_terms(condition):
        terms.setdefault(term.attribute, term)
    for attribute, find in source.indexes.items():
        if attribute in terms:
            return await find(terms[attribute].value)
    return None
