"""Sources: what a query needs of a kind of resource, whichever kind it is."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from shared.scim.filters import Filter
from shared.scim.projection import Projection
from shared.scim.schema import Document, ResourceType


class Identified(Protocol):
    """What has an id; ids of a source sort in the order in which it lists."""

    @property
    def id(self) -> str:
        """The id."""
        ...


T = TypeVar("T", bound=Identified)

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
        """Present resources with all that a projection keeps.

        It may stop before the last, but not before the first, where they are too much for a page.
        """
        ...
