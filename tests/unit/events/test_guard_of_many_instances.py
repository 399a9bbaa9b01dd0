"""The guard on several instances at once, whose clocks differ: how many removals get past it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from shared.clock import Clock
from shared.events.feed import Feed, FeedPosition
from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store.store import Store, open_store
from shared.tables.request_context import Bound
from shared.tenant_settings import patched
from tests.support.documents import group
from tests.support.seeds import seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.guard_state import Decision, Hold
    from shared.store.resources import User
    from shared.tables.azure_table import AzureTable
    from tests.conftest import NewContext

NO_END = Bound(1_000_000, float("inf"))
MOST = 5
"""Users of whom a reader is told before somebody decides."""

AHEAD = (-3.0, 0.0, 4.0)
"""Seconds by which the clocks of the instances are ahead."""

_ahead: ContextVar[float] = ContextVar("ahead", default=0.0)


@dataclass
class Instance:
    """A process of the service, whose clock is ahead, or behind."""

    store: Store
    feed: Feed
    ahead: float
    new_context: NewContext

    async def put(self, uid: str, *, active: bool) -> User:
        _ahead.set(self.ahead)
        return await self.store.users.update(
            self.new_context(), uid, lambda document: {**document, "active": active}
        )

    async def disable(self, users: Sequence[str]) -> None:
        for uid in users:
            await self.put(uid, active=False)

    async def held(self) -> Hold:
        hold = await self.store.guard.read_hold(self.new_context())
        assert hold is not None
        return hold

    async def decide(self, hold: Hold, decision: Decision) -> Hold:
        _ahead.set(self.ahead)
        return await self.store.guard.decide(self.new_context(), hold.id, decision, NO_END)


@dataclass
class Reader:
    """Reads the feed at one instance after the other, and notes who it is told is removed.

    Attributes:
        instances: where it reads.
        keeps_cursor: whether it goes on where it was; otherwise it begins anew at each end.
        told: who is removed.
        versions: which versions of each user it was told of, in the order of their coming.
    """

    instances: Sequence[Instance]
    keeps_cursor: bool = True
    told: set[str] = field(default_factory=set)
    versions: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    position: FeedPosition = field(default_factory=FeedPosition)

    async def poll(self, at: Instance) -> bool:
        """Read a page, and tell whether there may be more."""
        _ahead.set(at.ahead)
        page = await at.feed.read(at.new_context(), self.position, 20)
        for event in page.events:
            change = event.recorded.change
            if change.resource != "User" or change.version is None:
                continue
            if change.version not in self.versions[change.id]:
                self.versions[change.id].append(change.version)
            if event.type in {"user.deactivated", "user.deleted"}:
                self.told.add(change.id)
        self.position = page.position
        return page.has_more or bool(page.events)

    async def follow(self) -> None:
        """Read until nothing comes."""
        while await self.poll(self.instances[0]):
            pass

    async def poll_until(self, ended: asyncio.Event) -> None:
        polls = 0
        while not ended.is_set():
            at = self.instances[polls % len(self.instances)]
            polls += 1
            if not await self.poll(at) and not self.keeps_cursor:
                self.position = FeedPosition()
            await asyncio.sleep(0)


@pytest.fixture
def instances(
    table: AzureTable, new_context: NewContext, monkeypatch: pytest.MonkeyPatch
) -> list[Instance]:
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + int(_ahead.get() * 1e9))

    def instance(ahead: float) -> Instance:
        clock = Clock(wall=lambda: time.time() + ahead)
        store = open_store(table, changed_names, member_writes_per_second=1_000_000, clock=clock)
        return Instance(store, Feed(table, clock, store.guard), ahead, new_context)

    return [instance(ahead) for ahead in AHEAD]


async def begin(instances: Sequence[Instance], number: int) -> list[str]:
    """Fill the tenant; every instance remembers settings by which nothing is held."""
    first = instances[0]
    made = await seed(first.store.table, first.new_context(), users=number)
    for each in instances:
        await each.store.settings.current(each.new_context())
    await hold_removals(first, hold=True)
    return list(made.users)


async def hold_removals(at: Instance, *, hold: bool) -> None:
    rule = {"users": MOST, "percent": 10, "hold": hold}
    await at.store.settings.update(at.new_context(), lambda kept: patched(kept, {"guard": rule}))


async def test_no_reader_is_told_of_more_before_somebody_decides(instances: list[Instance]) -> None:
    users = await begin(instances, 100)
    ended = asyncio.Event()
    readers = [
        *(Reader([each]) for each in instances),
        Reader(instances[1:2], keeps_cursor=False),
        Reader(instances),
        Reader(instances[::-1]),
    ]
    polls = [asyncio.create_task(each.poll_until(ended)) for each in readers]
    parts = ((instances[index % 3], users[index:45:9]) for index in range(9))
    await asyncio.gather(*(at.disable(part) for at, part in parts))
    ended.set()
    await asyncio.gather(*polls)
    for each in readers:
        await each.follow()
    hold = await instances[0].held()
    told = set[str]().union(*(each.told for each in readers))
    assert len(told) <= MOST
    # All who are left are held.
    assert hold.users == {*users[:45]} - told
    assert hold.removed == 45
    # Of the removals that are under way when the users are counted some may be missing.
    assert 100 - len(instances) * 3 <= hold.active <= 100


async def test_an_instance_whose_clock_is_behind_lets_no_further_ones_pass(
    instances: list[Instance],
) -> None:
    users = await begin(instances, 100)
    behind, _, ahead = instances
    reader = Reader([ahead])
    await ahead.disable(users[:20])
    await reader.follow()
    first = (await ahead.held()).first
    await behind.disable(users[20:40])
    await behind.store.users.delete(behind.new_context(), users[40])
    for each in (reader, *(Reader([each]) for each in instances)):
        await each.follow()
        assert each.told == reader.told
    assert len(reader.told) == MOST
    hold = await ahead.held()
    assert hold.first < first
    assert hold.users == {*users[:41]} - reader.told


async def test_of_removals_that_go_on_during_a_decision_no_further_ones_pass(
    instances: list[Instance],
) -> None:
    users = await begin(instances, 120)
    behind, middle, ahead = instances
    reader = Reader([middle])
    await asyncio.gather(middle.disable(users[:15]), ahead.disable(users[15:30]))
    await reader.follow()
    before = set(reader.told)
    hold = await middle.held()
    await asyncio.gather(
        middle.decide(hold, "undo"), behind.disable(users[40:60]), ahead.disable(users[60:70])
    )
    await reader.follow()
    new = Reader([behind])
    await new.follow()
    assert reader.told == new.told == before
    assert (await middle.held()).users == {*users[40:70]}


async def test_what_races_with_a_decision_is_not_told_before_what_it_follows(
    instances: list[Instance],
) -> None:
    users = await begin(instances, 60)
    middle = instances[1]
    reader, ended = Reader([middle]), asyncio.Event()
    await middle.disable(users[:30])
    await reader.follow()
    hold = await middle.held()

    async def enable() -> None:
        for uid in users[10:30]:
            await middle.put(uid, active=True)

    polls = asyncio.create_task(reader.poll_until(ended))
    await asyncio.gather(middle.decide(hold, "release"), enable())
    ended.set()
    await polls
    await reader.follow()
    assert [reader.versions[uid] for uid in users[10:30]] == 20 * [[2, 3]]


async def test_the_numbers_of_a_further_hold_within_the_hour_are_those_of_the_hour(
    instances: list[Instance],
) -> None:
    users = await begin(instances, 100)
    at = instances[1]
    reader = Reader([at])
    await at.disable(users[:20])
    await reader.follow()
    await at.decide(await at.held(), "release")
    await at.disable(users[20:40])
    await reader.follow()
    second = await at.held()
    assert (len(second.users), second.removed, second.active) == (20, 40, 100)
    await at.decide(second, "undo")
    await at.disable(users[20:32])
    await reader.follow()
    third = await at.held()
    # Who is active again was not removed.
    assert (len(third.users), third.removed, third.active) == (12, 32, 100)


async def test_who_is_taken_out_of_a_group_is_counted_once_however_many_rule_on_it(
    instances: list[Instance],
) -> None:
    users = await begin(instances, 40)
    first = instances[0]
    made = await first.store.groups.create(first.new_context(), group("Staff"), users)
    ended = asyncio.Event()
    readers = [*(Reader([each], keeps_cursor=False) for each in instances), Reader(instances)]
    polls = [asyncio.create_task(each.poll_until(ended)) for each in readers]
    for index, uid in enumerate(users[:20]):
        at = instances[index % len(instances)]
        _ahead.set(at.ahead)
        change = MemberChange(remove=(uid,))
        await at.store.groups.update(at.new_context(), made.id, change)
    ended.set()
    await asyncio.gather(*polls)
    await readers[-1].follow()
    hold = await first.held()
    assert hold.groups == {made.id: 20 - MOST}
    assert hold.largest == (20, 20 - MOST)
