"""Reading the resources of one type: by id, by a value, a page of them, all in turn."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.errors import NotFound
from shared.store import layout
from shared.store.counters import Counters, SlotOffset
from shared.store.layout import Column, ResourceKinds
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row, Span
from shared.tables.table import ContinuationToken, Table, collect, get_all, read_both

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ResourcePage(Generic[R]):
    """A page of resources in id order.

    Attributes:
        total: how many resources there are in all.
        resources: those of the page.
    """

    total: int
    resources: list[R]


class Reader(ABC, Generic[R]):
    """Reads the resources of one type of every tenant; the context says of which.

    Attributes:
        table: where the rows lie.
        type_name: name of the type, as change rows have it.
        kinds: kinds of its rows.
        counters: how many resources there are.
    """

    def __init__(self, table: Table, type_name: str, kinds: ResourceKinds) -> None:
        self.table = table
        self.type_name = type_name
        self.kinds = kinds
        self.counters = Counters(table, kinds.counter)

    @abstractmethod
    def from_row(self, row: Row) -> R:
        """Read a resource out of its row."""

    async def hide_deleted_groups(self, context: RequestContext, resources: list[R]) -> list[R]:
        """Leave deleted groups out of resources that are to be shown; only users list groups."""
        del context
        return resources

    def not_found(self, resource_id: str) -> NotFound:
        """Build the answer about a resource that does not exist."""
        return NotFound(f"There is no {self.type_name} {resource_id[:64]!r}.")

    async def get(self, context: RequestContext, resource_id: str) -> R:
        """Read a resource. 1 call.

        Raises:
            NotFound: there is no such resource.
        """
        return self.from_row(await self.get_row(context, resource_id))

    async def get_many(self, context: RequestContext, ids: Sequence[str]) -> list[R]:
        """Read resources by id, in parallel, leaving out ids that are none. A call each."""
        keys = [self.key(each) for each in ids if layout.is_id(each)]
        rows = await get_all(self.table, context, keys)
        return await self._from_rows(context, [row for row in rows if row is not None])

    async def by_external_id(self, context: RequestContext, value: str) -> list[R]:
        """Find those with an externalId, compared exactly. 1 call, and 1 for each found."""
        return await self.by_owned_value(context, self.kinds.external_id, value)

    async def by_owned_value(self, context: RequestContext, kind: str, value: str) -> list[R]:
        """Find the owners of a value that several may share. 1 call, and 1 for each found.

        Args:
            context: the request.
            kind: kind of the rows that name the owners.
            value: in the form in which values are compared.
        """
        return await self.get_many(context, await self.owners(context, kind, value))

    async def owners(
        self, context: RequestContext, kind: str, value: str, most: int | None = None
    ) -> list[str]:
        """Find the ids of the owners of a value that several may share. 1 call.

        Args:
            context: the request.
            kind: kind of the rows that name the owners.
            value: in the form in which values are compared.
            most: how many are of interest; None for all.
        """
        rows = await collect(self.table, context, layout.owners_span(kind, value), most)
        return [str(row.values[Column.OWNER]) for row in rows if row.values[Column.VALUE] == value]

    async def by_claim(self, context: RequestContext, key: str, value: str) -> list[R]:
        """Find the owner of a unique value. 2 calls, 1 on a miss.

        Args:
            context: the request.
            key: key of the claim.
            value: in the form in which values are compared.
        """
        owner = await self.claim_owner(context, key, value)
        return [] if owner is None else await self.get_many(context, [owner])

    async def claim_owner(self, context: RequestContext, key: str, value: str) -> str | None:
        """Find the id of the owner of a unique value; arguments as of `by_claim`. 1 call."""
        claim = await self.table.get(context, key)
        if claim is None or claim.values[Column.VALUE] != value:
            return None
        return str(claim.values[Column.OWNER])

    async def count(self, context: RequestContext) -> int:
        """Count the resources. 1 call."""
        return (await self.counters.read_totals(context)).total

    async def page(self, context: RequestContext, start_index: int, count: int) -> ResourcePage[R]:
        """Count the resources, and read a page in id order from the `start_index`-th (1-based).

        The counters tell in which slot the page begins, so that only the rows of that slot are
        passed over. 2 calls for up to 1,000 rows, those included; 1 for `count` 0 and past the
        end. The first page begins with the first row, so both calls are made at the same time,
        even where the first one would have told that there are no rows.
        """
        if start_index == 1 and count:
            first_rows = self._rows_from(context, SlotOffset("", 0), count)
            totals, rows = await read_both(self.counters.read_totals(context), first_rows)
        else:
            totals = await self.counters.read_totals(context)
            offset = totals.locate(start_index - 1) if count else None
            rows = [] if offset is None else await self._rows_from(context, offset, count)
        return ResourcePage(totals.total, await self._from_rows(context, rows))

    async def after(self, context: RequestContext, last_id: str, count: int) -> list[R]:
        """Read resources in id order, from behind an id on. 1 call for 1,000.

        Args:
            context: the request.
            last_id: it need not be there any more; "" is before all.
            count: how many resources.
        """
        rows = await collect(self.table, context, self._span_after(last_id), count)
        return await self._from_rows(context, rows)

    async def scan(self, context: RequestContext, last_id: str = "") -> AsyncIterator[R]:
        """Read all resources in id order, or those behind an id; the caller bounds it.

        A call for each 1,000.
        """
        token: ContinuationToken | None = None
        while True:
            page = await self.table.page(context, self._span_after(last_id), token=token)
            for resource in await self._from_rows(context, page.rows):
                yield resource
            token = page.token
            if token is None:
                return

    async def get_row(self, context: RequestContext, resource_id: str) -> Row:
        """Read the row of a resource. 1 call.

        Raises:
            NotFound: there is no such resource.
        """
        row = await self.find_row(context, resource_id)
        if row is None:
            raise self.not_found(resource_id)
        return row

    async def find_row(self, context: RequestContext, resource_id: str) -> Row | None:
        """Read the row of a resource; None if there is none, or the id is of no form. 1 call."""
        if not layout.is_id(resource_id):
            return None
        return await self.table.get(context, self.key(resource_id))

    def key(self, resource_id: str) -> str:
        """Build the key of a resource's row."""
        return layout.resource_key(self.kinds.resource, resource_id)

    async def _rows_from(
        self, context: RequestContext, offset: SlotOffset, count: int
    ) -> list[Row]:
        span = layout.kind_span(self.kinds.resource, offset.slot)
        rows = await collect(self.table, context, span, offset.skip + count)
        return rows[offset.skip :]

    async def _from_rows(self, context: RequestContext, rows: Sequence[Row]) -> list[R]:
        """Read resources out of their rows, to be shown."""
        return await self.hide_deleted_groups(context, [self.from_row(row) for row in rows])

    def _span_after(self, last_id: str) -> Span:
        return layout.span_after(self.kinds.resource, last_id)
