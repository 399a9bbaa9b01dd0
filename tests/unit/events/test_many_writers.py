"""The feed under 12 writers on 3 instances whose clocks differ by 60 seconds, and late commits.

Each instance is a process with the store of the service and a clock of its own. The keys of its
change rows were drawn up to a minute before they are committed: to be late has the same effect as
to have a clock that is slow, so nobody has to wait for it. Readers begin at any time, ask any of
the instances for each page, and crash between reading a page and saving its cursor.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.clock import Clock
from shared.events.cursor import read_cursor, write_cursor
from shared.events.event import events_of
from shared.events.feed import Feed, FeedPosition
from shared.scim.documents import changed_names
from shared.store import layout
from shared.store.changes import recorded
from shared.store.store import open_store
from shared.tables.table import collect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.azurite import Azurite
    from shared.store.store import Store
    from shared.tables.azure_table import AzureTable
    from tests.conftest import NewContext

    Directory = dict[str, tuple[str, frozenset[str]]]

ROOT = Path(__file__).parents[3]
REQUESTS = int(os.environ.get("FEED_REQUESTS", "35"))
"""Of each writer; a run with thousands of them takes minutes, and finds more."""

SEED = 1

SKEWS = (-30.0, 0.0, 30.0)
"""By how many seconds the clocks of the instances are ahead."""

LATE = 55.0
"""By how many seconds a commit may be late; with the clocks it is less than the two minutes."""

WRITERS = 4
"""Of each instance."""

PATHS = {"User": "/Users", "Group": "/Groups"}
KEPT = 400 * 86_400_000


STATES = {
    "user.created": "active",
    "user.activated": "active",
    "user.deactivated": "inactive",
    "user.deleted": "gone",
}


@dataclass(slots=True)
class Product:
    """A copy of the directory, made of events in whatever order they come, by their versions.

    Attributes:
        told: events by their ids.
        users: of each user the greatest version that was told, and whether it is active, or gone.
        members: of each user in a group the greatest version, and whether it is in there.
        doubles: how many events came again.
    """

    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, tuple[int, str]] = field(default_factory=dict)
    members: dict[tuple[str, str], tuple[int, bool]] = field(default_factory=dict)
    doubles: int = 0

    def apply(self, event: dict[str, Any]) -> None:
        if event["id"] in self.told:
            assert self.told[event["id"]] == event, "a double says the same"
            self.doubles += 1
            return
        self.told[event["id"]] = event
        resource = event["resource"]
        if event["type"] in STATES:
            told = (resource["version"], STATES[event["type"]])
            self.users[resource["id"]] = max(self.users.get(resource["id"], told), told)
        for part, is_in in (("added", True), ("removed", False)):
            for member in event["members"][part]:
                place = (resource["id"], member["id"])
                joined = (member["version"], is_in)
                self.members[place] = max(self.members.get(place, joined), joined)

    def directory(self) -> Directory:
        """What it knows: of each user whether it is active, and the groups that it is in."""
        there = {uid: state for uid, (_, state) in self.users.items() if state != "gone"}
        groups: dict[str, set[str]] = {uid: set() for uid in there}
        for (gid, uid), (_, is_in) in self.members.items():
            if is_in and uid in groups:  # whoever is deleted has left all groups
                groups[uid].add(gid)
        return {uid: (state, frozenset(groups[uid])) for uid, state in there.items()}


@dataclass(slots=True)
class Reader:
    """Reads page after page, and crashes now and then before it has saved the cursor.

    Attributes:
        table: where the rows lie.
        chance: decides all that a reader does.
        product: what it keeps.
        cursor: that it has saved.
        pages: how many it has read; it crashes over every fourth.
    """

    table: AzureTable
    chance: random.Random
    product: Product = field(default_factory=Product)
    cursor: str | None = None
    pages: int = 0

    async def read(self, new_context: NewContext) -> bool:
        """Read a page, by any instance; tell whether it was the last one."""
        skew = self.chance.choice(SKEWS)
        clock = Clock(lambda: time.time() + skew)
        context = new_context()
        position = FeedPosition()
        if self.cursor is not None:
            now = int(clock.wall() * 1000)
            position = read_cursor(self.cursor, context.tenant, now, KEPT)
        limit = self.chance.choice([1, 7, 100, 1_000])
        guard = open_store(self.table, changed_names, clock=clock).guard
        page = await Feed(self.table, clock, guard).read(context, position, limit)
        events = [event.document(PATHS) for event in page.events]
        self.pages += 1
        if self.pages % 4 == 2:
            for event in events[: self.chance.randrange(len(events) + 1)]:
                self.product.apply(event)
            return False
        for event in events:
            self.product.apply(event)
        self.cursor = write_cursor(page.position, context.tenant)
        return not page.has_more


async def test_readers_miss_nothing_and_end_with_the_same_directory(
    storage: Azurite,
    table: AzureTable,
    store: Store,
    tenant: str,
    new_context: NewContext,
) -> None:
    assert max(SKEWS) - min(SKEWS) + LATE < layout.LATENESS / 1000
    chance = random.Random(SEED)
    users = [await _new_user(store, new_context, n) for n in range(12)]
    groups = [await _new_group(store, new_context, n) for n in range(2)]
    plan = {"tenant": tenant, "users": users, "groups": groups, "writers": WRITERS}
    plan |= {"requests": REQUESTS, "late": LATE, "connection_string": storage.connection_string}
    instances = [_written({**plan, "skew": skew, "seed": SEED + n}) for n, skew in enumerate(SKEWS)]
    readers = [Reader(table, random.Random(chance.random())) for _ in range(3)]
    written = asyncio.gather(*instances)
    while not written.done():
        await asyncio.gather(*(each.read(new_context) for each in readers))
    await written
    for reader in readers:
        await _finish(reader, new_context)

    rows = await collect(table, new_context(), layout.changes_span())
    expected = {
        event.id: event.document(PATHS) for row in rows for event in events_of(recorded(row))
    }
    assert len(expected) > 200, "a test of few events shows little"
    directory = await _directory(store, new_context)
    assert any(_comes_before_its_predecessor(expected.values(), uid) for uid in users)
    for reader in readers:
        assert reader.product.told == expected
        assert reader.product.directory() == directory
        assert reader.product.doubles


async def _finish(reader: Reader, new_context: NewContext) -> None:
    """Read to the end twice: what came late while the reader was on its way comes by the second."""
    ends = 0
    while ends < 2:
        ends += await reader.read(new_context)


def _comes_before_its_predecessor(events: Iterable[dict[str, Any]], uid: str) -> bool:
    """Whether the feed has two events of a user in another order than that of their versions."""
    versions = [event["resource"]["version"] for event in events if event["resource"]["id"] == uid]
    return versions != sorted(versions)


async def _new_user(store: Store, new_context: NewContext, number: int) -> str:
    document = {"userName": f"user{number}@example.com", "active": True}
    return (await store.users.create(new_context(), document)).id


async def _new_group(store: Store, new_context: NewContext, number: int) -> str:
    return (await store.groups.create(new_context(), {"displayName": f"group {number}"})).id


async def _directory(store: Store, new_context: NewContext) -> Directory:
    users = [user async for user in store.users.scan(new_context())]
    return {
        user.id: (
            "active" if user.document["active"] else "inactive",
            frozenset(user.group_ids),
        )
        for user in users
    }


async def _written(plan: dict[str, Any]) -> None:
    """Run an instance."""
    program = [sys.executable, "-m", "tests.support.feed_writers", json.dumps(plan)]
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT)
    assert await process.wait() == 0
