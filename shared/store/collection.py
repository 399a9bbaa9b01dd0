"""Resources that lie in one row each, with their version in it: users, and added types."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from shared.errors import NotFound
from shared.scim.schema import Document
from shared.store import layout
from shared.store.changes import Change
from shared.store.claims import RowSet
from shared.store.commits import commit, create_once
from shared.store.counters import Counters
from shared.store.layout import ResourceKinds
from shared.store.reader import owners_of, pages, read_page, rows_after
from shared.store.resources import Precondition, Resource, check_precondition, timestamp
from shared.tables.operations import Delete, Insert, Replace, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row, Values
from shared.tables.table import Table, get_all

Names = Callable[[Document | None, Document], tuple[str, ...]]
"""Names the attributes in which two documents differ; None stands for no document at all."""

R = TypeVar("R", bound=Resource)


class Collection(ABC, Generic[R]):
    """The resources of one type of every tenant; the context says of which.

    Attributes:
        table: where the rows lie.
        type_name: as change rows name it.
        kinds: of its rows.
        counters: how many there are.
    """

    def __init__(
        self, table: Table, type_name: str, kinds: ResourceKinds, changed_names: Names
    ) -> None:
        self.table = table
        self.type_name = type_name
        self.kinds = kinds
        self.counters = Counters(table, kinds.counter)
        self._names = changed_names

    @abstractmethod
    def read(self, row: Row) -> R:
        """Read a resource out of its row."""

    @abstractmethod
    def values(self, resource: R, key_rows: RowSet, before: Row | None) -> Values:
        """Lay a resource out as the properties of its row; `before` is the row that it replaces."""

    @abstractmethod
    def key_rows(self, resource_id: str, document: Document) -> RowSet:
        """Build the key rows that a document asks for.

        Raises:
            InvalidValue: a value by which resources are found cannot be one.
        """

    def key_rows_in(self, row: Row, resource: R) -> RowSet:
        """Tell which key rows a resource has."""
        del row
        return self.key_rows(resource.id, resource.document)

    def key_changes(
        self, row: Row, resource: R, document: Document
    ) -> tuple[RowSet, list[RowOperation]]:
        """Build the key rows that a new document asks for, and what makes them of those there are.

        Raises:
            InvalidValue: a value by which resources are found cannot be one.
        """
        after = self.key_rows(resource.id, document)
        return after, self.key_rows_in(row, resource).change_to(after)

    async def shown(self, context: RequestContext, resources: list[R]) -> list[R]:
        """Complete resources that were read to be shown."""
        del context
        return resources

    async def insert(self, context: RequestContext, resource: R) -> R:
        """Create a resource whose id was drawn for this request. 2 calls.

        Raises:
            Uniqueness: another resource has a value that is unique.
            PayloadTooLarge: the document does not fit into a row.
        """
        rid, document = resource.id, resource.document
        key_rows = self.key_rows(rid, document)
        change = Change(self.type_name, rid, "create", self._names(None, document), version=1)

        async def attempt() -> None:
            slot = await self.counters.read(context, rid)
            operations = [
                *key_rows.inserts(),
                Insert(self._key(rid), self.values(resource, key_rows, None)),
                self.counters.step(rid, slot, by=1),
            ]
            await commit(self.table, context, change, operations)

        await create_once(context, attempt, lambda: self.find_row(context, rid))
        return resource

    async def update(
        self,
        context: RequestContext,
        resource_id: str,
        change: Callable[[Document], Document],
        precondition: Precondition | None = None,
    ) -> R:
        """Change a resource's document. 2 calls; 1 when nothing changes.

        Args:
            context: the request.
            resource_id: id of the resource.
            change: pure; it is called again with the newer document after a lost race.
            precondition: the client's If-Match.

        Raises:
            NotFound: there is no such resource.
            PreconditionFailed: the resource has another version.
            Uniqueness: another resource has a new value that is unique.
        """

        async def attempt() -> R:
            row = await self.row(context, resource_id)
            resource = self.read(row)
            check_precondition(precondition, str(resource.version))
            document = change(resource.document)
            if document == resource.document:
                return resource
            return await self._write(context, row, resource, document)

        changed = await retry_conflicts(context, attempt)
        return (await self.shown(context, [changed]))[0]

    async def deletion(
        self, context: RequestContext, resource_id: str, precondition: Precondition | None
    ) -> tuple[R, list[RowOperation]]:
        """Read a resource, and build what deletes it with its key rows and counts it out. 2 calls.

        Raises:
            NotFound: there is no such resource.
            PreconditionFailed: the resource has another version.
        """
        row = await self.row(context, resource_id)
        resource = self.read(row)
        check_precondition(precondition, str(resource.version))
        slot = await self.counters.read(context, resource_id)
        return resource, [
            Delete(row.key, row.etag),
            *self.key_rows_in(row, resource).deletes(),
            self.counters.step(resource_id, slot, by=-1),
        ]

    async def row(self, context: RequestContext, resource_id: str) -> Row:
        """Read the row of a resource. 1 call.

        Raises:
            NotFound: there is no such resource.
        """
        row = await self.find_row(context, resource_id)
        if row is None:
            raise NotFound(f"There is no {self.type_name} {resource_id[:64]!r}.")
        return row

    async def find_row(self, context: RequestContext, resource_id: str) -> Row | None:
        """Read the row of a resource; None if there is none, or the id is of no form. 1 call."""
        if not layout.is_id(resource_id):
            return None
        return await self.table.get(context, self._key(resource_id))

    async def get_many(self, context: RequestContext, ids: Sequence[str]) -> list[R]:
        """Read resources by id, in parallel, leaving out ids that are none. A call each."""
        wanted = [self._key(each) for each in ids if layout.is_id(each)]
        rows = await get_all(self.table, context, wanted)
        return await self.shown(context, [self.read(row) for row in rows if row is not None])

    async def by_external_id(self, context: RequestContext, value: str) -> list[R]:
        """Find those with an externalId, compared exactly. 1 call, and 1 for each found."""
        owners = await owners_of(self.table, context, self.kinds.external_id, value)
        return await self.get_many(context, owners)

    async def count(self, context: RequestContext) -> int:
        """Count the resources. 1 call."""
        return (await self.counters.totals(context)).total

    async def read_page(
        self, context: RequestContext, start_index: int, count: int
    ) -> tuple[int, list[R]]:
        """Count the resources, and read a page in id order from the `start_index`-th (1-based).

        2 calls for up to 1,000 rows, those passed over in the first slot included; for the first
        page at the same time. 1 for `count` 0 and past the end of what is not empty.
        """
        place = (start_index, count)
        page = await read_page(self.table, context, self.kinds.resource, self.counters, place)
        return page.total, await self.shown(context, [self.read(row) for row in page.rows])

    async def after(self, context: RequestContext, last_id: str, count: int) -> list[R]:
        """Read resources in id order, from behind an id on. 1 call for 1,000."""
        rows = await rows_after(self.table, context, self.kinds.resource, (last_id, count))
        return await self.shown(context, [self.read(row) for row in rows])

    async def scan(self, context: RequestContext, last_id: str = "") -> AsyncIterator[R]:
        """Read all resources in id order, or those behind an id; the caller bounds it.

        A call for each 1,000.
        """
        async for rows in pages(self.table, context, self.kinds.resource, last_id):
            for resource in await self.shown(context, [self.read(row) for row in rows]):
                yield resource

    async def _write(self, context: RequestContext, row: Row, resource: R, document: Document) -> R:
        """Replace a resource's row and the key rows that differ."""
        written = replace(
            resource, document=document, version=resource.version + 1, modified=timestamp()
        )
        after, key_changes = self.key_changes(row, resource, document)
        # The row comes before the claims: a rename that was done meanwhile by the same client's
        # retry must be read again, not be told that its own name is taken.
        operations = [
            Replace(row.key, self.values(written, after, row), row.etag),
            *key_changes,
        ]
        names = self._names(resource.document, document)
        change = Change(self.type_name, resource.id, "update", names, version=written.version)
        await commit(self.table, context, change, operations)
        return written

    def _key(self, resource_id: str) -> str:
        return layout.resource_key(self.kinds.resource, resource_id)
