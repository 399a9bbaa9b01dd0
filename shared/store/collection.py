"""Resources that lie in one row each, with their version in it: users, and custom resources."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from shared.scim.schema import Document
from shared.store.changes import Change
from shared.store.claims import IndexRows
from shared.store.commits import commit, create_once
from shared.store.layout import ResourceKinds
from shared.store.reader import Reader
from shared.store.resources import (
    DocumentChange,
    Precondition,
    Resource,
    changed,
    check_precondition,
    timestamp,
)
from shared.tables.operations import Delete, Insert, Replace, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row, Values
from shared.tables.table import Table

ChangedNames = Callable[[Document | None, Document], tuple[str, ...]]
"""Names the attributes in which two documents differ; None stands for no document at all."""

R = TypeVar("R", bound=Resource)


class Collection(Reader[R]):
    """Reads and writes the resources of one type of every tenant; the context says of which."""

    def __init__(
        self, table: Table, type_name: str, kinds: ResourceKinds, changed_names: ChangedNames
    ) -> None:
        super().__init__(table, type_name, kinds)
        self._changed_names = changed_names

    @abstractmethod
    def values(self, resource: R, index_rows: IndexRows, before: Row | None) -> Values:
        """Lay a resource out as the properties of its row; `before` is the row that it replaces."""

    @abstractmethod
    def index_rows(self, resource_id: str, document: Document) -> IndexRows:
        """Build the index rows that a document asks for.

        Raises:
            InvalidValue: a value by which resources are found cannot be one.
        """

    def index_rows_of(self, row: Row, resource: R) -> IndexRows:
        """Tell which index rows a resource has."""
        del row
        return self.index_rows(resource.id, resource.document)

    def index_changes(
        self, row: Row, resource: R, document: Document
    ) -> tuple[IndexRows, list[RowOperation]]:
        """Build the index rows that a new document asks for, and what makes them of those there.

        Raises:
            InvalidValue: a value by which resources are found cannot be one.
        """
        after = self.index_rows(resource.id, document)
        return after, self.index_rows_of(row, resource).change_to(after)

    def activity(self, document: Document) -> bool | None:
        """Tell whether a resource is active; None for a type that has no such state."""
        del document
        return None

    async def insert(self, context: RequestContext, resource: R) -> R:
        """Create a resource whose id was drawn for this request. 2 calls.

        Raises:
            Uniqueness: another resource has a value that is unique.
            PayloadTooLarge: the document does not fit into a row.
        """
        rid, document = resource.id, resource.document
        index_rows = self.index_rows(rid, document)
        names = self._changed_names(None, document)
        active = self.activity(document)
        told = active if "active" in names else None
        change = Change(self.type_name, rid, "create", names, version=1, active=told)

        async def attempt() -> None:
            slot = await self.counters.read_slot(context, rid)
            operations = [
                *index_rows.inserts(),
                Insert(self.key(rid), self.values(resource, index_rows, None)),
                self.counters.increment(
                    rid, slot, by=1, active=None if active is None else int(active)
                ),
            ]
            await commit(self.table, context, change, operations)

        await create_once(context, attempt, lambda: self.find_row(context, rid))
        return resource

    async def update(
        self,
        context: RequestContext,
        resource_id: str,
        change: DocumentChange,
        precondition: Precondition | None = None,
    ) -> R:
        """Change a resource's document. 2 calls; 1 when nothing changes; 3 to enable or disable.

        Args:
            context: the request.
            resource_id: id of the resource.
            change: is called again with the newer document after a lost race.
            precondition: the client's If-Match.

        Raises:
            NotFound: there is no such resource.
            PreconditionFailed: the resource has another version.
            Uniqueness: another resource has a new value that is unique.
        """

        async def attempt() -> R:
            row = await self.get_row(context, resource_id)
            resource = self.from_row(row)
            check_precondition(precondition, str(resource.version))
            document = await changed(change, resource.document)
            if document == resource.document:
                return resource
            return await self._replace(context, row, resource, document)

        resource = await retry_conflicts(context, attempt)
        return (await self.hide_deleted_groups(context, [resource]))[0]

    async def delete(
        self, context: RequestContext, resource_id: str, precondition: Precondition | None = None
    ) -> None:
        """Delete a resource with its index rows. 3 calls.

        Raises:
            NotFound: there is no such resource.
            PreconditionFailed: the resource has another version.
        """

        async def attempt() -> None:
            resource, operations = await self.prepare_deletion(context, resource_id, precondition)
            change = Change(
                self.type_name,
                resource_id,
                "delete",
                version=resource.version + 1,
                external_id=resource.document.get("externalId"),
            )
            await commit(self.table, context, change, operations)

        await retry_conflicts(context, attempt)

    async def prepare_deletion(
        self, context: RequestContext, resource_id: str, precondition: Precondition | None
    ) -> tuple[R, list[RowOperation]]:
        """Read a resource, and build what deletes it with its index rows and counts it out.

        2 calls.

        Raises:
            NotFound: there is no such resource.
            PreconditionFailed: the resource has another version.
        """
        row = await self.get_row(context, resource_id)
        resource = self.from_row(row)
        check_precondition(precondition, str(resource.version))
        slot = await self.counters.read_slot(context, resource_id)
        active = self.activity(resource.document)
        active_by = None if active is None else -int(active)
        return resource, [
            Delete(row.key, row.etag),
            *self.index_rows_of(row, resource).deletes(),
            self.counters.increment(resource_id, slot, by=-1, active=active_by),
        ]

    async def _replace(
        self, context: RequestContext, row: Row, resource: R, document: Document
    ) -> R:
        """Replace a resource's row and the index rows that differ."""
        written = replace(
            resource, document=document, version=resource.version + 1, modified=timestamp()
        )
        after, index_changes = self.index_changes(row, resource, document)
        # The row comes before the claims: a rename that was done meanwhile by the same client's
        # retry must be read again, not be told that its own name is taken.
        operations = [
            Replace(row.key, self.values(written, after, row), row.etag),
            *index_changes,
            *await self._count_activity(context, resource, document),
        ]
        names = self._changed_names(resource.document, document)
        change = Change(
            self.type_name,
            resource.id,
            "update",
            names,
            version=written.version,
            active=self.activity(document) if "active" in names else None,
        )
        await commit(self.table, context, change, operations)
        return written

    async def _count_activity(
        self, context: RequestContext, resource: R, document: Document
    ) -> list[RowOperation]:
        """Build what counts a resource that becomes active, or is no longer. 1 call for such a one.

        Nothing is counted where the counter is missing, as it is where nothing was counted in.
        """
        before, after = self.activity(resource.document), self.activity(document)
        if before is None or after is None or before == after:
            return []
        slot = await self.counters.read_slot(context, resource.id)
        if slot is None:
            return []
        return [self.counters.increment(resource.id, slot, by=0, active=1 if after else -1)]
