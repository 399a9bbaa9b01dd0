"""Custom resources: those of the types that the deployer's schema files declare.

They lie in rows as users do, without groups. A row remembers the keys of its own claims, so that a
resource can be changed and deleted whatever the files say by then of which attributes are unique.
"""

from dataclasses import dataclass

from shared.scim.schema import Document
from shared.store import layout
from shared.store.claims import IndexRows, UniqueAttribute, external_id_rows, unique_row
from shared.store.collection import ChangedNames, Collection
from shared.store.layout import Column
from shared.store.resources import Resource, resource_from, resource_values, timestamp
from shared.tables.operations import Insert
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row, Values
from shared.tables.table import Table


@dataclass(frozen=True, slots=True)
class CustomType:
    """What the store has to know of a custom type.

    Attributes:
        name: letters and digits; part of keys, so a type that is renamed is another type.
        unique: the attributes of which no two resources have one value.
    """

    name: str
    unique: tuple[UniqueAttribute, ...] = ()


class CustomResources(Collection[Resource]):
    """The resources of one custom type of every tenant; the context says of which."""

    def __init__(self, table: Table, custom_type: CustomType, changed_names: ChangedNames) -> None:
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

    async def by_unique(self, context: RequestContext, name: str, value: str) -> list[Resource]:
        """Find the resource that has a value of a unique attribute. 2 calls, 1 on a miss."""
        attribute = next(each for each in self._unique if each.name == name)
        comparable = attribute.comparable(value)
        key = layout.custom_claim_key(self.kinds.claim, name, comparable)
        return await self.by_claim(context, key, comparable)

    def from_row(self, row: Row) -> Resource:
        """Read a resource out of its row."""
        return resource_from(row)

    def values(self, resource: Resource, index_rows: IndexRows, before: Row | None) -> Values:
        """Lay a resource out as properties, with what it claims."""
        del before
        claims = [key for key, insert in index_rows.rows.items() if insert.unique is not None]
        return {**resource_values(resource), Column.CLAIMS: layout.pack_claims(claims)}

    def index_rows(self, resource_id: str, document: Document) -> IndexRows:
        """Build the claims that a document asks for now, and the row of its externalId."""
        claims = (
            insert
            for attribute in self._unique
            for insert in unique_row(self.kinds.claim, resource_id, document, attribute)
        )
        owned = external_id_rows(self.kinds.external_id, resource_id, document)
        return IndexRows.of([*claims, *owned])

    def index_rows_of(self, row: Row, resource: Resource) -> IndexRows:
        """Tell which index rows there are: the claims that the row remembers, and externalId."""
        claims = (Insert(key, {}) for key in layout.unpack_claims(self.kinds.claim, row.values))
        owned = external_id_rows(self.kinds.external_id, resource.id, resource.document)
        return IndexRows.of([*claims, *owned])
