"""Resources of types that the deployer has added: create, read, change, delete, find and list.

They lie in rows as users do, without groups. A row remembers the keys of its own claims, so that a
resource can be changed and deleted whatever the files say by then of which attributes are unique.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from shared.scim.errors import NotFound
from shared.store import keys
from shared.store.changes import Change
from shared.store.claims import RowSet, UniqueAttribute, external_id_rows, unique_key, unique_row
from shared.store.commits import commit, create_once, until_settled
from shared.store.counters import Counters
from shared.store.lists import owners_of, pages, read_page, rows_after
from shared.store.operations import Delete, Insert, Replace
from shared.store.resources import (
    Precondition,
    Resource,
    check_precondition,
    resource_from,
    resource_values,
    timestamp,
)
from shared.store.rows import Document, Row, Value
from shared.store.session import Session
from shared.store.table import Table, get_all
from shared.store.users import Names


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


class CustomResources:
    """The resources of one type of every tenant; the session says of which."""

    def __init__(self, table: Table, custom_type: CustomType, changed_names: Names) -> None:
        self._table = table
        self._type = custom_type
        self._names = changed_names
        self._rows, self._claims, self._external_ids, counter = (
            keys.custom(kind, custom_type.name) for kind in ("r", "rn", "rx", "cr")
        )
        self._counters = Counters(table, counter)

    @property
    def unique_names(self) -> tuple[str, ...]:
        """The names of the unique attributes, by which `by_unique` finds."""
        return tuple(attribute.name for attribute in self._type.unique)

    async def create(self, session: Session, document: Document) -> Resource:
        """Create a resource. 2 calls.

        Raises:
            Uniqueness: another resource of the type has a value that is unique.
            InvalidValue: a value by which resources are found is too long.
            PayloadTooLarge: the document does not fit into a row.
        """
        rid = keys.new_id_without_name()
        now = timestamp()
        resource = Resource(rid, document, version=1, created=now, modified=now)
        claims = self._claims_of(rid, document)
        change = Change(self._type.name, rid, "create", self._names(None, document), version=1)

        async def attempt() -> None:
            slot = await self._counters.read(session, rid)
            operations = [
                *claims.inserts(),
                *external_id_rows(self._external_ids, rid, document),
                Insert(keys.resource(self._rows, rid), _values(resource, claims)),
                self._counters.step(rid, slot, by=1),
            ]
            await commit(self._table, session, change, operations)

        await create_once(session, attempt, lambda: self._find_row(session, rid))
        return resource

    async def get(self, session: Session, rid: str) -> Resource:
        """Read a resource. 1 call.

        Raises:
            NotFound: there is no such resource.
        """
        return resource_from(await self._row(session, rid))

    async def get_many(self, session: Session, rids: Sequence[str]) -> list[Resource]:
        """Read resources by id, in parallel, leaving out ids that are none. A call each."""
        ids = [keys.resource(self._rows, rid) for rid in rids if keys.is_id(rid)]
        rows = await get_all(self._table, session, ids)
        return [resource_from(row) for row in rows if row is not None]

    async def update(
        self,
        session: Session,
        rid: str,
        change: Callable[[Document], Document],
        precondition: Precondition | None = None,
    ) -> Resource:
        """Change a resource's document. 2 calls; 1 when nothing changes.

        Args:
            session: the request.
            rid: id of the resource.
            change: pure; it is called again with the newer document after a lost race.
            precondition: the client's If-Match.

        Raises:
            NotFound: there is no such resource.
            PreconditionFailed: the resource has another version.
            Uniqueness: another resource of the type has a new value that is unique.
        """

        async def attempt() -> Resource:
            row = await self._row(session, rid)
            resource = resource_from(row)
            check_precondition(precondition, str(resource.version))
            document = change(resource.document)
            if document == resource.document:
                return resource
            return await self._write(session, row, resource, document)

        return await until_settled(session, attempt)

    async def delete(
        self, session: Session, rid: str, precondition: Precondition | None = None
    ) -> None:
        """Delete a resource with its key rows. 3 calls.

        Raises:
            NotFound: there is no such resource.
            PreconditionFailed: the resource has another version.
        """

        async def attempt() -> None:
            row = await self._row(session, rid)
            resource = resource_from(row)
            check_precondition(precondition, str(resource.version))
            slot = await self._counters.read(session, rid)
            operations = [
                Delete(row.key, row.etag),
                *self._key_rows_in(row, resource).deletes(),
                self._counters.step(rid, slot, by=-1),
            ]
            change = Change(self._type.name, rid, "delete", version=resource.version + 1)
            await commit(self._table, session, change, operations)

        await until_settled(session, attempt)

    async def by_unique(self, session: Session, name: str, value: str) -> list[Resource]:
        """Find the resource that has a value of a unique attribute. 2 calls, 1 on a miss."""
        attribute = next(each for each in self._type.unique if each.name == name)
        comparable = attribute.comparable(value)
        claim = await self._table.get(session, unique_key(self._claims, attribute, comparable))
        if claim is None or claim.values["x"] != comparable:
            return []
        return await self.get_many(session, [str(claim.values["o"])])

    async def by_external_id(self, session: Session, value: str) -> list[Resource]:
        """Find those with an externalId, compared exactly. 1 call, and 1 for each found."""
        owners = await owners_of(self._table, session, self._external_ids, value)
        return await self.get_many(session, owners)

    async def count(self, session: Session) -> int:
        """Count the resources. 1 call."""
        return (await self._counters.totals(session)).total

    async def page(self, session: Session, start_index: int, count: int) -> ResourcePage:
        """List resources in id order, from the `start_index`-th (1-based). 2 calls; 1 for 0."""
        place = (start_index, count)
        page = await read_page(self._table, session, self._rows, self._counters, place)
        return ResourcePage(page.total, [resource_from(row) for row in page.rows])

    async def after(self, session: Session, last_id: str, count: int) -> list[Resource]:
        """List resources in id order, from behind an id on. 1 call for 1,000."""
        rows = await rows_after(self._table, session, self._rows, (last_id, count))
        return [resource_from(row) for row in rows]

    async def scan(self, session: Session, last_id: str = "") -> AsyncIterator[Resource]:
        """Read all resources in id order, or those behind an id; the caller bounds it.

        A call for each 1,000.
        """
        async for rows in pages(self._table, session, self._rows, last_id):
            for row in rows:
                yield resource_from(row)

    async def _write(
        self, session: Session, row: Row, resource: Resource, document: Document
    ) -> Resource:
        """Replace a resource's row and the key rows that differ."""
        rid = resource.id
        written = replace(
            resource, document=document, version=resource.version + 1, modified=timestamp()
        )
        claims = self._claims_of(rid, document)
        after = RowSet.of(
            [*claims.rows.values(), *external_id_rows(self._external_ids, rid, document)]
        )
        # The row comes before the claims, as in `Users`.
        operations = [
            Replace(row.key, _values(written, claims), row.etag),
            *self._key_rows_in(row, resource).change_to(after),
        ]
        names = self._names(resource.document, document)
        change = Change(self._type.name, rid, "update", names, version=written.version)
        await commit(self._table, session, change, operations)
        return written

    def _claims_of(self, rid: str, document: Document) -> RowSet:
        """Build the claims that a document asks for now."""
        return RowSet.of(
            insert
            for attribute in self._type.unique
            for insert in unique_row(self._claims, rid, document, attribute)
        )

    def _key_rows_in(self, row: Row, resource: Resource) -> RowSet:
        """Tell which key rows a resource has: the claims that its row remembers, and externalId."""
        claims = (
            Insert(keys.resource(self._claims, each), {})
            for each in str(row.values.get("k", "")).split()
        )
        owned = external_id_rows(self._external_ids, resource.id, resource.document)
        return RowSet.of([*claims, *owned])

    async def _row(self, session: Session, rid: str) -> Row:
        row = await self._find_row(session, rid)
        if row is None:
            raise NotFound(f"There is no {self._type.name} {rid[:64]!r}.")
        return row

    async def _find_row(self, session: Session, rid: str) -> Row | None:
        if not keys.is_id(rid):
            return None
        return await self._table.get(session, keys.resource(self._rows, rid))


def _values(resource: Resource, claims: RowSet) -> dict[str, Value]:
    """Lay a resource out as properties, with the hashes of what it claims in `k`."""
    values = resource_values(resource)
    hashes = " ".join(key.rpartition("-")[2] for key in claims.rows)
    return {**values, "k": hashes} if hashes else values
