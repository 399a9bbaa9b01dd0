"""Large tenants, written straight into the table as the store would have left them."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.scim.folding import fold
from shared.store import layout
from shared.store.claims import group_rows, user_rows
from shared.store.layout import GROUP_KINDS, USER_KINDS, Column, pack_ids
from shared.store.resources import Group, User, group_values, timestamp, user_values
from shared.tables.operations import Insert, Replace, RowOperation
from shared.tables.table import collect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shared.tables.request_context import RequestContext
    from shared.tables.table import Table

_WRITERS = 4


@dataclass(frozen=True, slots=True)
class Seeded:
    """Ids of what was written, in id order."""

    users: tuple[str, ...]
    groups: tuple[str, ...]


def plain_user(number: int) -> dict[str, Any]:
    return {"userName": f"user{number}@example.com", "active": True}


async def seed(table: Table, context: RequestContext, *, users: int, groups: int = 1) -> Seeded:
    """Write users and groups, every user in every group; no change rows.

    The users are `user0@example.com` ..., the groups `group 0` ...
    """
    seeded, operations = rows_of(users=users, groups=groups)
    await write(table, context, operations)
    return seeded


def rows_of(
    *, users: int, groups: int = 1, document: Callable[[int], dict[str, Any]] = plain_user
) -> tuple[Seeded, list[Insert]]:
    """Make up users, by their documents, and groups with ids of their own, and their rows."""
    gids = sorted(layout.new_id(f"group {n}") for n in range(groups))
    documents = {
        layout.new_id(made["userName"]): made for made in (document(n) for n in range(users))
    }
    operations: list[Insert] = []
    for n, gid in enumerate(gids):
        operations += _group(gid, f"group {n}")
    for uid, made in documents.items():
        operations += _user(uid, made, gids)
    active = [uid for uid, made in documents.items() if made.get("active") is True]
    operations += _counters(USER_KINDS.counter, documents, active)
    operations += _counters(GROUP_KINDS.counter, gids)
    return Seeded(tuple(sorted(documents)), tuple(gids)), operations


async def write(table: Table, context: RequestContext, operations: Sequence[RowOperation]) -> None:
    """Write rows, 100 a transaction, several transactions at a time."""
    await table.get(context, layout.DELETIONS_KEY)  # the first read creates a missing table
    writers = asyncio.Semaphore(_WRITERS)

    async def transact(some: Sequence[RowOperation]) -> None:
        async with writers:
            await table.transact(context, some)

    await asyncio.gather(
        *(transact(operations[at : at + 100]) for at in range(0, len(operations), 100))
    )


def _user(uid: str, document: dict[str, Any], gids: Sequence[str]) -> list[Insert]:
    name = fold(document["userName"])
    now = timestamp()
    user = User(uid, document, version=1, created=now, modified=now)
    return [
        Insert(layout.user_key(uid), user_values(user, name, pack_ids(gids))),
        *user_rows(uid, document).rows.values(),
        *(Insert(layout.membership_key(gid, uid), {}) for gid in gids),
    ]


def _group(gid: str, name: str) -> list[Insert]:
    document = {"displayName": name}
    now = timestamp()
    group = Group(gid, document, version="", created=now, modified=now)
    return [
        Insert(layout.group_key(gid), group_values(group, name)),
        *group_rows(gid, document).rows.values(),
    ]


def _counters(kind: str, ids: Iterable[str], active: Iterable[str] | None = None) -> list[Insert]:
    numbers = Counter(layout.slot_of(each) for each in ids)
    told = None if active is None else Counter(layout.slot_of(each) for each in active)
    return [
        Insert(
            layout.counter_key(kind, slot),
            {Column.NUMBER: number} | ({} if told is None else {Column.ACTIVE: told[slot]}),
        )
        for slot, number in numbers.items()
    ]


async def forget_active(table: Table, context: RequestContext) -> None:
    """Leave the counters of users as an earlier version wrote them: without the active ones."""
    slots = await collect(table, context, layout.kind_span(USER_KINDS.counter))
    for slot in slots:
        number = {Column.NUMBER: slot.values[Column.NUMBER]}
        await table.transact(context, [Replace(slot.key, number, slot.etag)])
