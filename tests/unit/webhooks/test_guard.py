"""What the guard holds reaches no endpoint before somebody has decided."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from shared.tables.request_context import Bound
from shared.tenant_settings import patched
from shared.webhooks.dispatch_run import UNDECIDED_SECONDS
from tests.support.seeds import seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.store.guard_state import Decision, Hold
    from tests.support.fixtures.webhook_receiver import Receiver
    from tests.unit.webhooks.conftest import Courier

NO_END = Bound(1_000_000, float("inf"))


class Directory:
    """The users of the courier's tenant, of whom some are disabled."""

    def __init__(self, courier: Courier) -> None:
        self.courier = courier
        self.users: tuple[str, ...] = ()

    async def begin(self, number: int) -> None:
        courier = self.courier
        made = await seed(courier.store.table, courier.context(), users=number)
        self.users = made.users
        guard = {"users": 10, "percent": 10, "hold": True}
        await courier.store.settings.update(
            courier.context(), lambda kept: patched(kept, {"guard": guard})
        )

    async def disable(self, users: Sequence[str]) -> None:
        await asyncio.gather(*(self._disable(uid) for uid in users))

    async def _disable(self, uid: str) -> None:
        courier = self.courier
        await courier.store.users.update(
            courier.context(), uid, lambda document: {**document, "active": False}
        )

    async def decide(self, decision: Decision) -> Hold:
        courier = self.courier
        hold = await courier.store.guard.read_hold(courier.context())
        assert hold is not None
        return await courier.store.guard.decide(courier.context(), hold.id, decision, NO_END)


@pytest.fixture
def directory(courier: Courier) -> Directory:
    return Directory(courier)


def types_of(receiver: Receiver) -> Counter[str]:
    return Counter(event["type"] for event in receiver.events)


def told_of(events: Sequence[dict[str, Any]]) -> set[str]:
    return {event["resource"]["id"] for event in events if "resource" in event}


async def test_of_417_of_900_who_are_disabled_10_are_sent_until_a_release(
    courier: Courier, receiver: Receiver, directory: Directory
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await directory.begin(900)
    await directory.disable(directory.users[:417])
    for _ in range(3):
        await courier.dispatch()
        courier.time.advance(200)
    assert types_of(receiver) == {"user.deactivated": 10, "guard.held": 1}
    [notice] = [event for event in receiver.events if event["type"] == "guard.held"]
    assert notice["guard"]["users"] == 407
    assert (notice["tenant"], "resource" in notice) == (courier.tenant, False)

    hold = await directory.decide("release")
    assert hold.events == 407
    await courier.dispatch()
    assert types_of(receiver) == {"user.deactivated": 417, "guard.held": 1}
    assert told_of(receiver.events) == {*directory.users[:417]}
    assert len({*receiver.ids}) == len(await courier.told(endpoint, "delivered")) == 418


async def test_after_an_undo_no_endpoint_is_sent_a_disable(
    courier: Courier, receiver: Receiver, directory: Directory
) -> None:
    await courier.endpoint(receiver.url)
    await directory.begin(100)
    await directory.disable(directory.users[:40])
    await courier.dispatch()
    before = told_of(receiver.events)
    await directory.decide("undo")
    await courier.dispatch()
    assert types_of(receiver) == {
        "user.deactivated": 10,
        "guard.held": 1,
        "user.activated": 30,
    }
    back = {each["resource"]["id"] for each in receiver.events if each["type"] == "user.activated"}
    assert back == {*directory.users[:40]} - before


async def test_what_is_released_is_not_sent_again_for_each_row_that_comes_late(
    courier: Courier, receiver: Receiver, directory: Directory
) -> None:
    await courier.endpoint(receiver.url)
    await directory.begin(100)
    await directory.disable(directory.users[:40])
    await courier.dispatch()
    courier.time.advance(3_000)
    await directory.decide("release")
    await courier.dispatch()
    sent = len(receiver.ids)
    courier.time.advance(-60)
    await courier.create_user()  # its row lies before those that are told
    courier.time.advance(60)
    await courier.dispatch()
    assert types_of(receiver)["user.created"] == 1
    assert len(receiver.ids) == sent + 1


async def test_what_nobody_has_ruled_on_yet_is_looked_at_again_soon(
    courier: Courier, receiver: Receiver, directory: Directory
) -> None:
    await courier.endpoint(receiver.url)
    await directory.begin(200)
    await directory.disable(directory.users[:12])
    await courier.dispatch()
    assert types_of(receiver) == {"user.deactivated": 10}
    assert courier.queue.put_hints == [(courier.tenant, UNDECIDED_SECONDS)]
    courier.time.advance(130)
    await courier.dispatch()
    assert types_of(receiver) == {"user.deactivated": 12}
