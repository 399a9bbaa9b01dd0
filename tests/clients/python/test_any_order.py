"""Events that come late, reordered and doubled bring a copy to the same end: the directory.

Histories are recorded from the service, with the directory as it was after each change. Each event
is then told once or several times, at any moment after its change, in any order and in batches of
any size. What the library reads is answered by the directory of that moment, which may change
between two reads.
"""

import asyncio
import itertools
import random
from collections.abc import Callable

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim_on_functions import (
    AsyncClient,
    Client,
    Event,
    MemoryReplica,
    Tenant,
    apply,
    resynchronise,
)
from tests.clients.python.conftest import API_KEY
from tests.clients.python.history import History, RecordedDirectory, record
from tests.support.fixtures.service import RunningService

pytestmark = pytest.mark.exhaustive

HISTORIES, CHANGES = 4, 40

Deliveries = list[tuple[int, list[Event]]]
"""Batches of events, each with the moment at which it is told."""


@pytest.fixture(scope="module")
async def histories(running_service: RunningService) -> list[History]:
    async with AsyncClient(running_service.base_url, API_KEY) as client:
        scims = [next(running_service.tenants) for _ in range(HISTORIES)]
        return await asyncio.gather(
            *(
                record(scim, client.tenant(scim.tenant_url.split("/")[4]), seed, CHANGES)
                for seed, scim in enumerate(scims)
            )
        )


def deliveries(
    history: History, chance: random.Random, wanted: Callable[[int], bool]
) -> Deliveries:
    """Tells each event of a wanted change once or more, never before its change."""
    end = history.end
    latest = chance.choice([1, 5, end])  # how late
    told = [
        (min(chance.randint(number, number + latest), end), chance.random(), event)
        for number, event in history.events
        if wanted(number)
        for _ in range(chance.choice([1, 1, 2, 3]))
    ]
    batches: Deliveries = []
    for moment, group in itertools.groupby(sorted(told, key=lambda each: each[:2]), lambda e: e[0]):
        events = [event for _, _, event in group]
        while events:
            size = chance.randint(1, len(events))
            batches.append((moment, events[:size]))
            events = events[size:]
    return batches


class Reader:
    """A product whose copy is fed from a recorded directory."""

    def __init__(self, history: History, chance: random.Random) -> None:
        self.directory = RecordedDirectory(history)
        self.directory.passes = (int(chance.random() < 0.2) for _ in itertools.count())
        self.replica = MemoryReplica()
        self._http = httpx.Client(transport=httpx.MockTransport(self.directory.answer))

    @property
    def tenant(self) -> Tenant:
        return Client("https://id.example.com", API_KEY, http=self._http).tenant()

    def take(self, batches: Deliveries) -> None:
        for moment, events in batches:
            self.directory.now = max(self.directory.now, moment)
            apply(self.tenant, self.replica, events)

    def hold_equal(self) -> None:
        """The copy is the directory after the last change."""
        end = self.directory.history.snapshots[-1]
        versions = {uid: user["meta"]["version"] for uid, user in end["User"].items()}
        copied = self.replica.users.items()
        assert {uid: user["userName"] for uid, user in copied} == {
            uid: user["userName"] for uid, user in end["User"].items()
        }
        assert {uid: user["active"] for uid, user in copied} == {
            uid: user["active"] for uid, user in end["User"].items()
        }
        assert self.replica.groups.keys() == end["Group"].keys()
        assert {gid: group["displayName"] for gid, group in self.replica.groups.items()} == {
            gid: group["displayName"] for gid, group in end["Group"].items()
        }
        assert self.replica.memberships == {
            (gid, member["value"])
            for gid, group in end["Group"].items()
            for member in group.get("members", ())
        }
        assert versions.keys() == self.replica.users.keys()


examples = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_the_histories_hold_what_is_to_be_tested(histories: list[History]) -> None:
    told = [event for history in histories for _, event in history.events]
    assert {event.type for event in told} == {
        *("user.created", "user.updated", "user.activated", "user.deactivated", "user.deleted"),
        *("group.created", "group.updated", "group.deleted"),
        *("group.member_added", "group.member_removed"),
    }
    kinds = {(member.type, event.type) for event in told for member in event.added + event.removed}
    assert len(kinds) == 4


@pytest.mark.parametrize("number", range(HISTORIES))
@examples
@given(seed=st.integers(0, 2**32))
def test_any_order_of_events_ends_in_the_directory(
    histories: list[History], number: int, seed: int
) -> None:
    chance = random.Random(seed)
    reader = Reader(histories[number], chance)
    reader.take(deliveries(histories[number], chance, lambda _: True))
    reader.hold_equal()


@pytest.mark.parametrize("number", range(HISTORIES))
@examples
@given(seed=st.integers(0, 2**32))
def test_a_copy_and_what_follows_it_end_in_the_directory(
    histories: list[History], number: int, seed: int
) -> None:
    """Of what was told before the copy any part comes again; the copy takes a while itself."""
    chance, history = random.Random(seed), histories[number]
    reader = Reader(history, chance)
    begun = chance.randint(0, history.end)
    reader.take(
        [each for each in deliveries(history, chance, lambda n: n <= begun) if each[0] <= begun]
    )
    reader.directory.now = max(reader.directory.now, begun)
    begun = reader.directory.now
    resynchronise(reader.tenant, reader.replica)
    again = {number for number in range(1, begun + 1) if chance.random() < 0.3}
    later = deliveries(history, chance, lambda n: n > begun or n in again)
    reader.take(later)
    reader.hold_equal()
