"""Resources of types that the deployer has added: create, read, change, delete, find and list.

They lie in rows as users do, without groups. A row remembers the keys of its own claims, so that a
resource can be changed and deleted whatever the files say by then of which attributes are unique.
"""

from dataclasses import dataclass

from shared.scim.schema import Document
from shared.store import layout
from shared.store.changes import Change
from shared.store.claims import RowSet, UniqueAttribute, external_id_rows, unique_row
from shared.store.collection import Collection, Names
from shared.store.commits import commit
from shared.store.layout import Column
from shared.store.resources import (
    Precondition,
    Resource,
    resource_from,
    resource_values,
    timestamp,
)
from shared.tables.operations import Insert
from shared.tables.request_context import RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row, Values
from shared.tables.table import Table


@dataclass(frozen=True, slots=True)
class CustomType:
    """What the store has to know of a type.

    Attributes:
        name: letters and digits; part of keys, so a type that is renamed is another type.
        unique: the attributes of which no two resources have one value.
    """

    name: str
    unique: tuple[UniqueAttribute, ...] = ()


@dataclass(frozen=True, slots=True)
class ResourcePage:
    """A page of resources in id order, and how many there are in all."""

    total: int
    resources: list[Resource]


class CustomResources(Collection[Resource]):
    """The resources of one added type of every tenant; the context says of which."""

    def __init__(self, table: Table, custom_type: CustomType, changed_names: Names) -> None:
        kinds = layout.custom_kinds(custom_type.name)
        super().__init__(table, custom_type.name, kinds, changed_names)
        self._unique = custom_type.unique

    @property
    def unique_names(self) -> tuple[str, ...]:
        """The names of the unique attributes, by which `by_unique` finds."""
        return tuple(attribute.name for attribute in self._unique)

    async def create(self, context: RequestContext, document: Document) -> Resource:
        """Create a resource; calls and errors as in `Collection.insert`."""
        now = timestamp()
        resource = Resource(
            layout.new_id_without_name(), document, version=1, created=now, modified=now
        )
        return await self.insert(context, resource)

    async def get(self, context: RequestContext, rid: str) -> Resource:
        """Read a resource. 1 call.

        Raises:
            NotFound: there is no such resource.
        """
        return self.read(await self.row(context, rid))

    async def delete(
        self, context: RequestContext, rid: str, precondition: Precondition | None = None
    ) -> None:
        """Delete a resource with its key rows. 3 calls.

        Raises:
            NotFound: there is no such resource.
            PreconditionFailed: the resource has another version.
        """

        async def attempt() -> None:
            resource, operations = await self.deletion(context, rid, precondition)
            change = Change(self.type_name, rid, "delete", version=resource.version + 1)
            await commit(self.table, context, change, operations)

        await retry_conflicts(context, attempt)

    async def by_unique(self, context: RequestContext, name: str, value: str) -> list[Resource]:
        """Find the resource that has a value of a unique attribute. 2 calls, 1 on a miss."""
        attribute = next(each for each in self._unique if each.name == name)
        comparable = attribute.comparable(value)
        claim = await self.table.get(
            context, layout.custom_claim_key(self.kinds.claim, name, comparable)
        )
        if claim is None or claim.values[Column.VALUE] != comparable:
            return []
        return await self.get_many(context, [str(claim.values[Column.OWNER])])

    async def page(self, context: RequestContext, start_index: int, count: int) -> ResourcePage:
        """List resources in id order, from the `start_index`-th (1-based). 2 calls; 1 for 0."""
        return ResourcePage(*await self.read_page(context, start_index, count))

    def read(self, row: Row) -> Resource:
        """Read a resource out of its row."""
        return resource_from(row)

    def values(self, resource: Resource, key_rows: RowSet, before: Row | None) -> Values:
        """Lay a resource out as properties, with what it claims."""
        del before
        claims = [key for key, insert in key_rows.rows.items() if insert.unique is not None]
        return {**resource_values(resource), Column.CLAIMS: layout.pack_claims(claims)}

    def key_rows(self, resource_id: str, document: Document) -> RowSet:
        """Build the claims that a document asks for now, and the row of its externalId."""
        claims = (
            insert
            for attribute in self._unique
            for insert in unique_row(self.kinds.claim, resource_id, document, attribute)
        )
        owned = external_id_rows(self.kinds.external_id, resource_id, document)
        return RowSet.of([*claims, *owned])

    def key_rows_in(self, row: Row, resource: Resource) -> RowSet:
        """Tell which key rows a resource has: the claims that its row remembers, and externalId."""
        claims = (Insert(key, {}) for key in layout.unpack_claims(self.kinds.claim, row.values))
        owned = external_id_rows(self.kinds.external_id, resource.id, resource.document)
        return RowSet.of([*claims, *owned])
