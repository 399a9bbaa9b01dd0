"""The guard against mass removal: what reaches the product, and when, as the feed tells it."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from shared.clock import Clock
from shared.errors import Conflict, NotFound
from shared.events.feed import Feed, FeedPosition
from shared.scim.documents import changed_names
from shared.scim.members import MemberChange
from shared.store import layout
from shared.store.changes import recorded
from shared.store.store import Store, open_store
from shared.tables.request_context import Bound
from shared.tables.table import collect
from shared.tenant_settings import GuardSettings, patched
from tests.support.documents import user
from tests.support.seeds import seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.events.event import Event
    from shared.store.guard_state import Decision, Hold
    from shared.store.resources import User
    from shared.tables.azure_table import AzureTable
    from tests.conftest import NewContext

NO_END = Bound(1_000_000, float("inf"))
HOUR = 3_600


@dataclass
class Later:
    """The time of the machine, by which change rows are drawn, and how much later it is said to be.

    Attributes:
        seconds: how much.
    """

    seconds: float = 0.0

    def clock(self) -> Clock:
        return Clock(wall=lambda: time.time() + self.seconds)


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def store(table: AzureTable, later: Later) -> Store:
    return open_store(table, changed_names, member_writes_per_second=1_000_000, clock=later.clock())


@dataclass
class Product:
    """A reader of the feed, which keeps what it is told by version, as the client libraries do."""

    feed: Feed
    new_context: NewContext
    position: FeedPosition = field(default_factory=FeedPosition)
    active: dict[str, tuple[int, bool | None]] = field(default_factory=dict)
    told: list[Event] = field(default_factory=list)

    async def follow(self, limit: int = 100) -> list[str]:
        """Read until nothing comes, and return the types of what was told."""
        types: list[str] = []
        is_at_end = False
        while not is_at_end:
            page = await self.feed.read(self.new_context(), self.position, limit)
            self.position = page.position
            is_at_end = not page.events and not page.has_more
            types += [event.type for event in page.events]
            for event in page.events:
                self.apply(event)
        return types

    def apply(self, event: Event) -> None:
        self.told.append(event)
        change = event.recorded.change
        if change.resource != "User" or change.version is None:
            return
        version, active = self.active.get(change.id, (0, None))
        if change.version > version:
            is_gone = change.verb == "delete"
            now = None if is_gone else (active if change.active is None else change.active)
            self.active[change.id] = (change.version, now)

    def of(self, uid: str) -> bool | None:
        """Whether the product takes a user for active."""
        return self.active[uid][1]


@pytest.fixture
def product(table: AzureTable, store: Store, later: Later, new_context: NewContext) -> Product:
    return Product(Feed(table, later.clock(), store.guard), new_context)


class Directory:
    """The users of a tenant, and what the identity provider does to them."""

    def __init__(self, store: Store, new_context: NewContext) -> None:
        self.store, self.new_context = store, new_context
        self.users: list[str] = []
        self.groups: list[str] = []

    async def begin(self, number: int, *, groups: int = 0, **settings: Any) -> None:
        """Fill the tenant, and hold removals of more than 3 users and 10 %."""
        made = await seed(self.store.table, self.new_context(), users=number, groups=groups)
        self.users, self.groups = list(made.users), list(made.groups)
        await self.guard(**({"users": 3, "percent": 10, "hold": True} | settings))

    async def guard(self, **settings: Any) -> None:
        await self.store.settings.update(
            self.new_context(), lambda kept: patched(kept, {"guard": settings})
        )

    async def disable(self, users: Sequence[str]) -> None:
        for uid in users:
            await self.put(uid, active=False)

    async def put(self, uid: str, **values: Any) -> User:
        return await self.store.users.update(
            self.new_context(), uid, lambda document: {**document, **values}
        )

    async def take_out(self, users: Sequence[str]) -> None:
        """Take users out of the first group."""
        removed = MemberChange(remove=tuple(users))
        await self.store.groups.update(self.new_context(), self.groups[0], removed)

    async def decide(self, decision: Decision) -> Hold:
        hold = await self.store.guard.read_hold(self.new_context())
        assert hold is not None
        return await self.store.guard.decide(self.new_context(), hold.id, decision, NO_END)

    async def is_active(self, uid: str) -> bool:
        found = await self.store.users.get(self.new_context(), uid)
        return bool(found.document.get("active"))


@pytest.fixture
def directory(store: Store, new_context: NewContext) -> Directory:
    return Directory(store, new_context)


async def test_a_wrong_scope_disables_417_of_900_and_the_product_waits_for_a_person(
    directory: Directory, product: Product
) -> None:
    await directory.begin(900, users=10)
    await directory.disable(directory.users[:5])
    assert await product.follow() == 5 * ["user.deactivated"]

    await asyncio.gather(*(directory.disable([uid]) for uid in directory.users[5:417]))
    assert not any([await directory.is_active(uid) for uid in directory.users[:417:50]])
    told = await product.follow()
    assert told == [*(5 * ["user.deactivated"]), "guard.held"]
    assert await product.follow() == []

    hold = await directory.decide("undo")
    assert (len(hold.undone), hold.left_out, hold.events) == (407, {}, 0)
    assert all([await directory.is_active(uid) for uid in directory.users[10:417:50]])
    assert await product.follow() == 407 * ["user.activated"]
    for uid in directory.users[:417]:
        assert product.of(uid) is await directory.is_active(uid)


async def test_single_leavers_pass_at_once(directory: Directory, product: Product) -> None:
    await directory.begin(40)
    for uid in directory.users[:3]:
        await directory.disable([uid])
        assert await product.follow() == ["user.deactivated"]


async def test_more_than_that_wait_until_it_is_quiet(
    directory: Directory, product: Product, later: Later
) -> None:
    await directory.begin(100)
    await directory.disable(directory.users[:5])
    assert await product.follow() == 3 * ["user.deactivated"]
    await directory.put(directory.users[50], title="Engineer")
    later.seconds = 100
    assert await product.follow() == []
    later.seconds = 125
    assert await product.follow() == [*(2 * ["user.deactivated"]), "user.updated"]


async def test_what_waits_becomes_a_part_of_what_is_held(
    directory: Directory, product: Product
) -> None:
    await directory.begin(100)
    await directory.disable(directory.users[:5])
    await product.follow()
    await directory.disable(directory.users[5:11])
    assert await product.follow() == ["guard.held"]
    hold = await directory.decide("release")
    assert hold.events == 8
    assert await product.follow() == 8 * ["user.deactivated"]
    assert [product.of(uid) for uid in directory.users[:11]] == 11 * [False]


async def test_the_notice_has_the_numbers(directory: Directory, product: Product) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await product.follow()
    [held] = [event for event in product.told if event.type == "guard.held"]
    document = held.document({})
    hold = await directory.store.guard.read_hold(directory.new_context())
    assert hold is not None
    assert document["guard"] == {
        "id": hold.id,
        "users": 6,
        "removed": 9,
        "activeUsers": 40,
        "groups": [],
    }
    assert "resource" not in document


async def test_the_operator_is_told_how_many_were_removed_and_how_many_of_them_are_held(
    directory: Directory, product: Product, caplog: pytest.LogCaptureFixture, tenant: str
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:3])
    assert await product.follow() == 3 * ["user.deactivated"]
    await directory.disable(directory.users[3:9])
    with caplog.at_level(logging.WARNING):
        await product.follow()
    hold = await directory.store.guard.read_hold(directory.new_context())
    assert hold is not None
    removed = f"guard: 9 of 40 active users of tenant {tenant} were removed within an hour"
    assert caplog.messages == [f"{removed}; 6 are held as {hold.id}"]
    await directory.disable(directory.users[9:11])
    await product.follow()
    grown = await directory.decide("undo")
    assert (grown.removed, len(grown.users), grown.active) == (11, 8, 40)


async def test_of_a_group_it_is_told_how_many_have_left_it(
    directory: Directory, product: Product, caplog: pytest.LogCaptureFixture, tenant: str
) -> None:
    await directory.begin(40, groups=1)
    for uid in directory.users[:9]:
        await directory.take_out([uid])
    with caplog.at_level(logging.WARNING):
        await product.follow()
    (line,) = caplog.messages
    assert line.startswith(f"guard: 9 of 40 active users of tenant {tenant} were removed")
    assert "; 6 are held as " in line


async def test_who_is_active_again_was_active_once(directory: Directory, product: Product) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await product.follow()
    await directory.decide("undo")
    rule = GuardSettings.model_validate({"users": 3, "percent": 10})
    hour = await directory.store.guard.count_last_hour(directory.new_context(), rule)
    assert (hour.removed, hour.active) == (9, 40)


async def test_others_are_told_of_while_many_are_held(
    directory: Directory, product: Product
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await product.follow()
    new = await directory.store.users.create(directory.new_context(), user("new"))
    await directory.put(directory.users[30], title="Engineer")
    assert await product.follow() == ["user.created", "user.updated"]
    assert product.of(new.id) is True


async def test_all_that_happens_to_a_held_user_is_held(
    directory: Directory, product: Product
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await product.follow()
    await directory.put(directory.users[8], title="Engineer")
    await directory.put(directory.users[7], active=True)
    assert await product.follow() == []
    await directory.decide("release")
    told = await product.follow()
    assert sorted(told) == [*["user.activated"], *(6 * ["user.deactivated"]), "user.updated"]
    assert product.of(directory.users[8]) is False
    assert product.of(directory.users[7]) is True


async def test_what_is_released_has_the_ids_and_times_that_it_would_have_had(
    table: AzureTable, directory: Directory, product: Product
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    rows = await collect(table, directory.new_context(), layout.changes_span())
    expected = [(each.number, each.time) for each in map(recorded, rows) if each.change.id]
    await product.follow()
    await directory.decide("release")
    await product.follow()
    told = [event for event in product.told if event.type == "user.deactivated"]
    assert [(event.id, event.recorded.time) for event in told] == expected[1:]


async def test_undo_leaves_out_who_was_touched_otherwise(
    directory: Directory, product: Product
) -> None:
    await directory.begin(40, groups=1)
    changed, gone, back, left = directory.users[5:9]
    await directory.disable(directory.users[:9])
    await product.follow()
    await directory.put(changed, title="Engineer")
    await directory.store.users.delete(directory.new_context(), gone)
    await directory.put(back, active=True)
    await directory.take_out([left])
    hold = await directory.decide("undo")
    assert hold.undone == {directory.users[3], directory.users[4], left}
    assert hold.left_out == {"changed": 2, "deleted": 1}
    assert hold.left_out_first == {changed: "changed", gone: "deleted", back: "changed"}
    await product.follow()
    for uid in set(directory.users[:9]) - {gone}:
        if uid in product.active:
            assert product.of(uid) is await directory.is_active(uid)
    assert product.of(gone) is None


async def test_deletions_and_members_of_a_group_are_guarded_as_well(
    directory: Directory, product: Product
) -> None:
    await directory.begin(40, groups=1)
    for uid in directory.users[:8]:
        await directory.store.users.delete(directory.new_context(), uid)
    assert await product.follow() == [*(3 * ["user.deleted"]), "guard.held"]
    await directory.take_out(directory.users[10:30])
    assert await product.follow() == []
    hold = await directory.decide("release")
    assert hold.numbers["groups"] == [{"id": directory.groups[0], "users": 20}]
    assert await product.follow() == [*(5 * ["user.deleted"]), "group.member_removed"]


async def test_every_reader_is_told_the_same_in_the_end(
    table: AzureTable, directory: Directory, later: Later, new_context: NewContext
) -> None:
    await directory.begin(40)
    others = open_store(table, changed_names, clock=later.clock())
    early, late = (
        Product(Feed(table, later.clock(), each.guard), new_context)
        for each in (directory.store, others)
    )
    new = Product(Feed(table, later.clock(), others.guard), new_context)
    await directory.disable(directory.users[:3])
    await early.follow(limit=1)
    await directory.disable(directory.users[3:9])
    await asyncio.gather(early.follow(limit=2), late.follow(limit=1))
    await directory.decide("release")
    for reader in (early, late, new):
        await reader.follow(limit=2)
        assert {uid: reader.of(uid) for uid in directory.users[:9]} == dict.fromkeys(
            directory.users[:9], False
        )
        assert len({event.id for event in reader.told if event.type != "guard.held"}) == 9


async def test_a_cursor_from_before_goes_on_after_the_decision(
    directory: Directory, product: Product
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    before = product.position
    await product.follow()
    product.position = before
    assert await product.follow() == [*(3 * ["user.deactivated"]), "guard.held"]
    await directory.decide("release")
    product.position = before
    again = await product.follow()
    assert again == [*(3 * ["user.deactivated"]), "guard.held", *(6 * ["user.deactivated"])]


async def test_a_filter_of_types_skips_nothing_that_is_held(
    table: AzureTable, directory: Directory, later: Later
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    feed = Feed(table, later.clock(), directory.store.guard)
    page = await feed.read(directory.new_context(), FeedPosition(), 100, ["user.deactivated"])
    assert len(page.events) == 3
    await directory.decide("release")
    page = await feed.read(directory.new_context(), page.position, 100, ["user.deactivated"])
    assert len(page.events) == 6


async def test_a_decision_can_be_repeated_and_not_turned_round(directory: Directory) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await directory.store.guard.check(directory.new_context())
    first = await directory.store.guard.read_hold(directory.new_context())
    assert first is not None
    done = await directory.decide("release")
    decide = directory.store.guard.decide
    assert await decide(directory.new_context(), first.id, "release", NO_END) == done
    with pytest.raises(Conflict):
        await decide(directory.new_context(), first.id, "undo", NO_END)
    for unknown in ("0" * 32, "x"):
        with pytest.raises(NotFound):
            await decide(directory.new_context(), unknown, "undo", NO_END)


async def test_of_two_who_decide_at_once_one_does(directory: Directory, product: Product) -> None:
    await directory.begin(60)
    await directory.disable(directory.users[:30])
    await product.follow()
    hold = await directory.store.guard.read_hold(directory.new_context())
    assert hold is not None
    decisions: list[Decision] = ["release", "undo", "release", "undo"]
    outcomes = await asyncio.gather(
        *(
            directory.store.guard.decide(directory.new_context(), hold.id, each, NO_END)
            for each in decisions
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Conflict) for each in outcomes) == 2
    (decided,) = await directory.store.guard.list_decided(directory.new_context())
    assert decided.is_done
    assert await directory.store.guard.read_hold(directory.new_context()) is None
    await product.follow()
    for uid in directory.users[3:30]:
        # Of a user who is enabled again nothing was told but that.
        assert product.of(uid) is await directory.is_active(uid)


async def test_what_is_broken_off_is_gone_on_with(directory: Directory, product: Product) -> None:
    await directory.begin(200)
    await directory.disable(directory.users[:120])
    await product.follow()
    hold = await directory.store.guard.read_hold(directory.new_context())
    assert hold is not None
    at_once = Bound(0, 0)
    await directory.store.guard.decide(directory.new_context(), hold.id, "release", at_once)
    assert await product.follow() == []
    assert await directory.store.guard.tend(directory.new_context(), NO_END) == 117
    assert await product.follow() == 117 * ["user.deactivated"]


async def test_what_is_held_is_released_by_time(
    directory: Directory, product: Product, later: Later
) -> None:
    await directory.begin(40, releaseAfterHours=2)
    await directory.disable(directory.users[:9])
    await product.follow()
    later.seconds = 1.9 * HOUR
    assert await directory.store.guard.tend(directory.new_context(), NO_END) == 0
    later.seconds = 2.1 * HOUR
    assert await directory.store.guard.tend(directory.new_context(), NO_END) == 6
    assert await product.follow() == 6 * ["user.deactivated"]


async def test_an_hour_after_it_single_leavers_pass_again(
    directory: Directory, product: Product, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await product.follow()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + int(1.1 * HOUR * 1e9))
    later.seconds = 1.1 * HOUR
    await directory.disable(directory.users[20:22])
    assert await product.follow() == 2 * ["user.deactivated"]
    assert await directory.store.guard.read_hold(directory.new_context()) is not None


async def test_after_a_decision_it_counts_anew(
    directory: Directory, product: Product, later: Later
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await product.follow()
    await directory.decide("release")
    await product.follow()
    await directory.disable(directory.users[9:12])
    assert await product.follow() == []
    later.seconds = 125
    assert await product.follow() == 3 * ["user.deactivated"]


async def test_after_a_decision_no_more_pass_at_once_within_the_hour(
    directory: Directory, product: Product
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await product.follow()
    await directory.decide("undo")
    assert await product.follow() == 6 * ["user.activated"]
    await directory.disable(directory.users[3:6])
    assert await product.follow() == []
    await directory.disable(directory.users[6:9])
    assert await product.follow() == ["guard.held"]
    hold = await directory.store.guard.read_hold(directory.new_context())
    assert hold is not None
    assert hold.users == {*directory.users[3:9]}


async def test_an_hour_after_the_first_ones_single_leavers_pass_again_after_a_decision(
    directory: Directory, product: Product, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await product.follow()
    await directory.decide("release")
    await product.follow()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + int(1.1 * HOUR * 1e9))
    later.seconds = 1.1 * HOUR
    await directory.disable(directory.users[20:22])
    assert await product.follow() == 2 * ["user.deactivated"]


async def test_without_hold_nothing_is_held_and_the_operator_is_told(
    directory: Directory, product: Product, caplog: pytest.LogCaptureFixture, tenant: str
) -> None:
    await directory.begin(40, hold=False)
    await directory.disable(directory.users[:9])
    with caplog.at_level(logging.WARNING):
        await directory.store.guard.check(directory.new_context())
    assert await product.follow() == 9 * ["user.deactivated"]
    removed = f"guard: 9 of 40 active users of tenant {tenant} were removed within an hour"
    assert caplog.messages == [f"{removed}; the product was told"]


async def test_what_reading_costs(directory: Directory, product: Product, later: Later) -> None:
    await directory.begin(40, users=10, hold=False)
    feed, position = product.feed, FeedPosition()
    await directory.disable(directory.users[:2])

    async def calls() -> int:
        context = directory.new_context()
        await feed.read(context, position, 100)
        return context.meter.calls

    # Where removals are younger than what is remembered of the settings, these are read again.
    assert await calls() == 2
    later.seconds = 15
    assert await calls() == 1
    later.seconds = 0
    await directory.guard(hold=True)
    await directory.disable(directory.users[2:4])
    # What is there is ruled on once: it is read what the guard knows, and written what passes.
    assert [await calls(), await calls()] == [3, 2]


async def off(directory: Directory, how: str) -> None:
    """Switch the guard off, in one of the ways in which that is done."""
    if how == "null":
        await directory.store.settings.update(
            directory.new_context(), lambda kept: patched(kept, {"guard": None})
        )
    else:
        await directory.guard(hold=False, releaseAfterHours=None)


@pytest.mark.parametrize("how", ["null", "hold: false"])
async def test_what_is_held_stays_held_when_the_guard_is_switched_off(
    directory: Directory, product: Product, how: str
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await product.follow()
    held, other = directory.users[8], directory.users[20]
    await off(directory, how)
    await directory.put(held, title="Engineer")
    await directory.put(held, active=True)
    await directory.disable([*directory.users[30:35], other])
    # Nothing more is held, but what happens to those who are.
    assert await product.follow() == 6 * ["user.deactivated"]
    assert product.of(other) is False
    hold = await directory.decide("release")
    assert await directory.store.guard.read_hold(directory.new_context()) is None
    assert hold.events == 8
    assert (await product.follow())[-2:] == ["user.updated", "user.activated"]
    await directory.put(held, title="Manager")
    assert await product.follow() == ["user.updated"]
    assert product.of(held) is True
    of_held = [each.recorded.change for each in product.told if each.resource[1] == held]
    assert [each.version for each in of_held] == [2, 3, 4, 5]


async def test_a_process_that_has_not_heard_of_it_holds_nothing_more_either(
    table: AzureTable, directory: Directory, later: Later, new_context: NewContext
) -> None:
    await directory.begin(40)
    other = open_store(table, changed_names, clock=later.clock())
    await other.settings.current(new_context())
    await directory.guard(hold=False)
    await directory.disable(directory.users[:9])
    reader = Product(Feed(table, later.clock(), other.guard), new_context)
    assert await reader.follow() == 9 * ["user.deactivated"]
    assert await other.guard.read_hold(new_context()) is None


async def test_the_settings_say_what_is_held_although_they_hold_nothing(
    directory: Directory, product: Product
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await product.follow()
    hold = await directory.store.guard.read_hold(directory.new_context())
    assert hold is not None
    settings = directory.store.settings
    await directory.guard(hold=False)
    assert (await settings.read(directory.new_context())).held == hold.id
    # Another setting, or another rule that holds nothing, leaves it there.
    await directory.guard(hold=False, users=7)
    await settings.update(
        directory.new_context(), lambda kept: patched(kept, {"requestsPerSecond": 50})
    )
    assert (await settings.read(directory.new_context())).held == hold.id
    await directory.decide("release")
    kept = await settings.read(directory.new_context())
    assert (kept.held, kept.settings.requests_per_second) == ("", 50)


async def test_it_is_released_by_the_time_that_it_began_with(
    directory: Directory, product: Product, later: Later
) -> None:
    await directory.begin(40, releaseAfterHours=2)
    await directory.disable(directory.users[:9])
    await product.follow()
    for how in ("other time", "null"):
        if how == "null":
            await off(directory, how)
        else:
            await directory.guard(users=50, releaseAfterHours=48)
        later.seconds = 1.9 * HOUR
        assert await directory.store.guard.tend(directory.new_context(), NO_END) == 0
    later.seconds = 2.1 * HOUR
    assert await directory.store.guard.tend(directory.new_context(), NO_END) == 6
    assert await product.follow() == 6 * ["user.deactivated"]


async def test_a_guard_that_is_switched_off_and_on_again_lets_no_further_ones_pass(
    directory: Directory, product: Product
) -> None:
    await directory.begin(100)
    await directory.disable(directory.users[:3])
    assert await product.follow() == 3 * ["user.deactivated"]
    await directory.guard(hold=False)
    await directory.guard(hold=True)
    await directory.disable(directory.users[10:13])
    assert await product.follow() == []
    await directory.disable(directory.users[13:25])
    assert await product.follow() == ["guard.held"]


async def test_other_thresholds_are_in_force_at_once(
    directory: Directory, product: Product
) -> None:
    await directory.begin(100)
    await directory.disable(directory.users[:5])
    assert await product.follow() == 3 * ["user.deactivated"]
    await directory.guard(users=20)
    await directory.disable(directory.users[5:9])
    assert await product.follow() == 6 * ["user.deactivated"]


async def test_a_user_who_is_deleted_and_made_anew_during_a_hold(
    directory: Directory, product: Product
) -> None:
    await directory.begin(40)
    names = [
        (await directory.store.users.get(directory.new_context(), uid)).document["userName"]
        for uid in directory.users[:9]
    ]
    for uid in directory.users[:9]:
        await directory.store.users.delete(directory.new_context(), uid)
    assert await product.follow() == [*(3 * ["user.deleted"]), "guard.held"]
    new = await directory.store.users.create(directory.new_context(), user(names[8]))
    # Who is new has another id, and is told of at once.
    assert await product.follow() == ["user.created"]
    hold = await directory.decide("undo")
    assert (hold.undone, hold.left_out) == (frozenset(), {"deleted": 6})
    assert await product.follow() == 6 * ["user.deleted"]
    assert product.of(new.id) is True
    assert product.of(directory.users[8]) is None


async def test_who_was_told_of_and_is_removed_again_counts_once(
    directory: Directory, product: Product
) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await product.follow()
    told = next(uid for uid in directory.users if uid in product.active)
    await directory.put(told, active=True)
    await directory.put(told, active=False)
    assert await product.follow() == ["user.activated"]
    hold = await directory.store.guard.read_hold(directory.new_context())
    assert hold is not None
    assert hold.removed == 9


async def test_removals_that_come_during_an_undo_are_held_in_their_turn(
    directory: Directory, product: Product
) -> None:
    await directory.begin(100)
    await directory.disable(directory.users[:40])
    await product.follow()
    deactivated = {*product.active}
    assert len(deactivated) == 3
    undo = asyncio.create_task(directory.decide("undo"))
    await asyncio.gather(*(directory.disable([uid]) for uid in directory.users[40:60]))
    first = await undo
    assert first.undone == first.users
    await directory.disable(directory.users[60:75])
    told = await product.follow()
    assert set(told) == {"user.activated", "guard.held"}
    second = await directory.decide("release")
    assert second.users == {*directory.users[:75]} - first.users - deactivated
    await product.follow()
    for uid in directory.users[:75]:
        assert product.of(uid) is await directory.is_active(uid)
    last = [each for each in product.told if each.type == "user.deactivated"]
    assert len({each.id for each in last}) == len(last) == 3 + len(second.users)


async def test_what_a_release_costs(directory: Directory, product: Product) -> None:
    await directory.begin(40)
    await directory.disable(directory.users[:9])
    await product.follow()
    hold = await directory.store.guard.read_hold(directory.new_context())
    assert hold is not None
    context = directory.new_context()
    await directory.store.guard.decide(context, hold.id, "release", NO_END)
    # 3 for the changes since, 1 for those that are told again, and 10.
    assert context.meter.calls == 14
