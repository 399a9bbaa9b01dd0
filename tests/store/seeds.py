"""Large tenants, written straight into the table as the store would have left them."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.store import keys
from shared.store.claims import group_rows, user_rows
from shared.store.operations import Insert, Operation
from shared.store.resources import Group, User, group_values, timestamp, user_values
from shared.store.rows import pack_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shared.store.session import Session
    from shared.store.table import Table

_WRITERS = 4


@dataclass(frozen=True, slots=True)
class Seeded:
    """Ids of what was written, in id order."""

    users: tuple[str, ...]
    groups: tuple[str, ...]


async def seed(table: Table, session: Session, *, users: int, groups: int = 1) -> Seeded:
    """Write users and groups, every user in every group; no change rows.

    The users are `user0@example.com` ..., the groups `group 0` ...
    """
    gids = sorted(keys.new_id(f"group {n}") for n in range(groups))
    names = {keys.new_id(name): name for name in (f"user{n}@example.com" for n in range(users))}
    operations: list[Operation] = []
    for n, gid in enumerate(gids):
        operations += _group(gid, f"group {n}")
    for uid, name in names.items():
        operations += _user(uid, name, gids)
    operations += _counters("cu", names) + _counters("cg", gids)
    await write(table, session, operations)
    return Seeded(tuple(sorted(names)), tuple(gids))


async def write(table: Table, session: Session, operations: Sequence[Operation]) -> None:
    """Write rows, 100 a transaction, several transactions at a time."""
    await table.get(session, keys.DELETED_GROUPS)  # the first read creates a missing table
    writers = asyncio.Semaphore(_WRITERS)

    async def transact(some: Sequence[Operation]) -> None:
        async with writers:
            await table.transact(session, some)

    await asyncio.gather(
        *(transact(operations[at : at + 100]) for at in range(0, len(operations), 100))
    )


def _user(uid: str, name: str, gids: Sequence[str]) -> list[Operation]:
    document = {"userName": name, "active": True}
    now = timestamp()
    user = User(uid, document, version=1, created=now, modified=now)
    return [
        Insert(keys.user(uid), user_values(user, name, pack_ids(gids))),
        *user_rows(uid, document).inserts(),
        *(Insert(keys.membership(gid, uid), {}) for gid in gids),
    ]


def _group(gid: str, name: str) -> list[Operation]:
    document = {"displayName": name}
    now = timestamp()
    group = Group(gid, document, version="", created=now, modified=now)
    return [
        Insert(keys.group(gid), group_values(group, name)),
        *group_rows(gid, document).inserts(),
    ]


def _counters(kind: str, ids: Iterable[str]) -> list[Operation]:
    numbers = Counter(keys.slot_of(each) for each in ids)
    return [Insert(keys.counter(kind, slot), {"n": number}) for slot, number in numbers.items()]
