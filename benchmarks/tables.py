"""Directories that are written straight into tables, as the store would have left them there."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.directory import Ids
from benchmarks.people import person
from local import azurite
from shared.store import layout
from shared.store.layout import Column
from shared.tables.account import StorageAccount, TableAddress
from shared.tables.azure_table import open_table
from shared.tables.request_context import RequestContext
from shared.tenants import DEFAULT
from tests.support.seeds import rows_of, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from local.azurite import Azurite
    from shared.tables.operations import Insert

NAME = "scim"
"""Name of every table."""

_SEED_SECONDS = 3_600.0
_EXCERPT_USERS = 1_000


@dataclass(frozen=True, slots=True)
class Rows:
    """A directory as its rows: everybody in one group.

    Attributes:
        ids: Of its users and its group.
        inserts: Of every row, in the order of their keys, in which Azurite takes them fastest:
            it keeps a sorted index, and moves all of it that lies behind a new row.
    """

    ids: Ids
    inserts: Sequence[Insert]

    @classmethod
    def of(cls, users: int) -> Rows:
        """Make up a directory; each call draws other ids."""
        seeded, operations = rows_of(users=users, document=_stored)
        keys = frozenset(map(layout.user_key, seeded.users))
        numbered = (layout.id_in(each.key) for each in operations if each.key in keys)
        ids = Ids(tuple(numbered), seeded.groups[0])
        return cls(ids, sorted(operations, key=lambda each: each.key))

    def excerpt(self, users: int = _EXCERPT_USERS) -> Rows:
        """Return the rows of the first users alone, and all that are not of a user."""
        gone = frozenset(self.ids.users[users:])
        kept = [each for each in self.inserts if _owner(each) not in gone]
        return Rows(Ids(self.ids.users[:users], self.ids.group), kept)

    async def write(self, storage: Azurite, tenants: Sequence[str] = (DEFAULT,)) -> None:
        """Write the same directory, ids included, into each tenant."""
        table = open_table(TableAddress(NAME, connection_string=storage.connection_string))
        try:
            for tenant in tenants:
                context = RequestContext(tenant, "seed", "seed", time.monotonic() + _SEED_SECONDS)
                await write(table, context, self.inserts)
        finally:
            await table.close()


@dataclass(frozen=True, slots=True)
class Seeded:
    """Two storages with the same directory in the tenant `default`.

    Attributes:
        storage: Of the service.
        copy: Of its calls to storage alone.
        ids: Of the users and the group.
        rows: Number of rows in each table.
        excerpt: A small part of the directory.
    """

    storage: Azurite
    copy: Azurite
    ids: Ids
    rows: int
    excerpt: Rows


@asynccontextmanager
async def seeded(users: int) -> AsyncIterator[Seeded]:
    """Run two Azurites, each with the same directory of its own."""
    async with AsyncExitStack() as stack:
        storage, copy = [await stack.enter_async_context(azurite.running()) for _ in range(2)]
        rows = Rows.of(users)
        await asyncio.gather(rows.write(storage), rows.write(copy))
        there = Seeded(storage, copy, rows.ids, len(rows.inserts), rows.excerpt())
        del rows  # a gigabyte, where there are many
        yield there


def account_of(storage: Azurite) -> StorageAccount:
    """Return the account with the key of an emulator."""
    return StorageAccount.of(TableAddress(NAME, connection_string=storage.connection_string), None)


def _stored(number: int) -> dict[str, object]:
    """Return the document of a person as the store keeps it, without what is always the same."""
    return {name: value for name, value in person(number).items() if name != "schemas"}


def _owner(row: Insert) -> str:
    """Return the id of the resource that a row belongs to, if it belongs to one."""
    return str(row.values.get(Column.OWNER, layout.id_in(row.key)))
