"""Requests that wait for events: how many, how long, and what they hold meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local import host_json
from shared.api_keys import Grant, Scope
from shared.auth.tokens import ApiKey
from shared.clock import Clock
from shared.events.cursor import write_cursor
from shared.events.feed import FeedPosition
from shared.scim.documents import changed_names
from shared.store.changes import Change
from shared.store.layout import change_number
from shared.store.store import open_store
from shared.tables.rows import Row
from shared.tables.table import Page
from shared.web.long_polls import MOST_WAITING, MOST_WAITING_OF_TENANT, LongPolls
from shared.web.services import Services
from tests.unit.web.conftest import BrokenTable, OneToken
from vendor_api import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.settings import Settings
    from shared.web.requests import ScimRequest
    from tests.support.fakes.clock import Time

ROOT = Path(__file__).parents[3]

KEY = ApiKey("product", "label", Grant(frozenset({Scope.EVENTS_READ})))


# Places


def places(polls: LongPolls, stack: ExitStack, *tenants: str) -> list[bool]:
    return [stack.enter_context(polls.place(tenant)) for tenant in tenants]


def test_a_quarter_of_what_the_host_lets_through_at_once_may_wait() -> None:
    limits = host_json.read(ROOT / "host.json")
    assert limits.max_concurrent_requests == 4 * MOST_WAITING


def test_three_of_a_tenant_wait_and_take_nothing_from_another() -> None:
    with ExitStack() as stack:
        taken = places(LongPolls(), stack, "acme", "acme", "acme", "acme", "contoso")
    assert taken == [True, True, True, False, True]
    assert MOST_WAITING_OF_TENANT == 3


def test_ten_wait_in_all() -> None:
    with ExitStack() as stack:
        taken = places(LongPolls(), stack, *(f"t{number}" for number in range(12)))
    assert taken == [True] * 10 + [False] * 2


def test_a_place_is_free_again_however_the_wait_ended() -> None:
    polls = LongPolls()
    with suppress(KeyError), ExitStack() as stack:
        places(polls, stack, *["acme"] * 5)
        raise KeyError
    with ExitStack() as stack:
        assert places(polls, stack, *["acme"] * 3) == [True] * 3


# Waits


@dataclass(slots=True)
class QuietTable(BrokenTable):
    """A table in which nothing happens until a test says so.

    Attributes:
        rows: that a reading finds.
        after: how many readings find nothing.
        calls: how many there were.
        under_way: how many are.
    """

    rows: list[Row] = field(default_factory=list)
    after: int = 0
    calls: int = 0
    under_way: int = 0

    async def get(self, *_: Any) -> None:
        """Nothing is set of the tenant."""

    async def page(self, *_: Any) -> Page:
        self.under_way += 1
        await asyncio.sleep(0)
        self.under_way -= 1
        self.calls += 1
        return Page([] if self.calls <= self.after else self.rows, None)


@dataclass(slots=True)
class Waiting:
    """The clock of the feed; notes how many calls were under way whenever somebody waited."""

    table: QuietTable
    time: Time
    under_way: list[int] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.under_way.append(self.table.under_way)
        await self.time.sleep(seconds)


@pytest.fixture
def quiet() -> QuietTable:
    return QuietTable(after=1_000)


@pytest.fixture
def waiting(quiet: QuietTable, clock: Time, monkeypatch: pytest.MonkeyPatch) -> Waiting:
    waiting = Waiting(quiet, clock)
    by_hand = Clock(lambda: clock.wall, lambda: clock.steady, waiting.sleep)
    monkeypatch.setattr(events, "_CLOCK", by_hand)
    return waiting


@pytest.fixture
def process_of_feed(quiet: QuietTable, settings: Settings) -> Services:
    return Services(settings, OneToken(), open_store(quiet, changed_names))


@pytest.fixture
def ask(
    process_of_feed: Services, waiting: Waiting, request_of: Callable[..., ScimRequest]
) -> Callable[..., Any]:
    """Asks for what is behind a position at which nothing is to be looked for."""
    settled = change_number(int(waiting.time.wall * 1000) - 60_000)
    after = write_cursor(FeedPosition(settled, settled, is_at_end=True), "default")

    async def asked(**query: str) -> list[Any]:
        request = request_of({"after": after, **query}, api_key=KEY)
        response = await events.list_events(request, process_of_feed)
        assert isinstance(response.body, dict)
        told: list[Any] = response.body["events"]
        return told

    return asked


def row_of(waiting: Waiting, change: Change, request: ScimRequest) -> Row:
    number = change_number(int(waiting.time.wall * 1000))
    return Row(f"l-{number}", change.values(request.context, 1), "")


UPDATE = Change("User", "b" * 32, "update", ("title",), 2)


async def test_who_does_not_ask_to_wait_is_answered_at_once(
    ask: Callable[..., Any], waiting: Waiting, quiet: QuietTable
) -> None:
    assert await ask() == []
    assert (waiting.under_way, quiet.calls) == ([], 1)


async def test_the_storage_is_looked_at_once_a_second_and_no_call_is_held_in_between(
    ask: Callable[..., Any], waiting: Waiting, quiet: QuietTable
) -> None:
    assert await ask(wait="5") == []
    assert waiting.time.waits == [1.0] * 5
    assert waiting.under_way == [0] * 5
    assert quiet.calls == 6


async def test_a_wait_ends_with_the_first_event(
    ask: Callable[..., Any],
    waiting: Waiting,
    quiet: QuietTable,
    request_of: Callable[..., ScimRequest],
) -> None:
    quiet.rows, quiet.after = [row_of(waiting, UPDATE, request_of())], 3
    assert [event["type"] for event in await ask(wait="20")] == ["user.updated"]
    assert waiting.time.waits == [1.0] * 3


async def test_the_longest_wait_leaves_a_part_of_the_deadline_for_the_reads(
    ask: Callable[..., Any], waiting: Waiting
) -> None:
    await ask(wait="20")
    assert 19 < sum(waiting.time.waits) <= 20


async def test_where_no_place_is_free_nobody_waits(
    ask: Callable[..., Any], waiting: Waiting, process_of_feed: Services
) -> None:
    with ExitStack() as stack:
        places(process_of_feed.long_polls, stack, *["default"] * 3)
        assert await ask(wait="20") == []
    assert waiting.time.waits == []


async def test_a_wait_that_is_cancelled_gives_its_place_back(
    ask: Callable[..., Any],
    process_of_feed: Services,
    monkeypatch: pytest.MonkeyPatch,
    waiting: Waiting,
) -> None:
    is_waiting = asyncio.Event()

    async def for_ever(_: float) -> None:
        is_waiting.set()
        await asyncio.Event().wait()

    stuck = Clock(lambda: waiting.time.wall, lambda: waiting.time.steady, for_ever)
    monkeypatch.setattr(events, "_CLOCK", stuck)
    request = asyncio.create_task(ask(wait="20"))
    async with asyncio.timeout(10):
        await is_waiting.wait()
    request.cancel()
    await asyncio.wait([request])
    with ExitStack() as stack:
        assert places(process_of_feed.long_polls, stack, *["default"] * 3) == [True] * 3


async def test_what_a_type_says_that_is_served_no_longer_is_passed_over(
    ask: Callable[..., Any],
    waiting: Waiting,
    quiet: QuietTable,
    request_of: Callable[..., ScimRequest],
) -> None:
    gone = Change("Gadget", "c" * 32, "create", ("label",), 1)
    quiet.rows = [row_of(waiting, each, request_of()) for each in (gone, UPDATE)]
    quiet.after = 0
    assert [event["type"] for event in await ask()] == ["user.updated"]
