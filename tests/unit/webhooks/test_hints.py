"""Hints: which commits cost a message, and which commit none would tell of."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from shared.webhooks.hints import ChangeHints

if TYPE_CHECKING:
    from shared.store.webhook_endpoints import WebhookEndpoint
    from tests.support.fakes.clock import Time
    from tests.unit.webhooks.conftest import Courier


@dataclass(slots=True)
class TimedQueue:
    """Remembers when each message can be seen."""

    time: Time
    seen_at: list[float] = field(default_factory=list)
    fails: bool = False

    async def put(self, text: str, delay: int = 0) -> None:
        del text
        if self.fails:
            raise ConnectionError
        self.seen_at.append(self.time.steady + delay)

    async def close(self) -> None:
        return


@pytest.fixture
def queue(clock: Time) -> TimedQueue:
    return TimedQueue(clock)


@pytest.fixture
def hints(courier: Courier, queue: TimedQueue) -> ChangeHints:
    return ChangeHints(queue, courier.store.webhook_endpoints, courier.time.clock())


@pytest.fixture
async def endpoint(courier: Courier) -> WebhookEndpoint:
    return await courier.endpoint("https://a.example/hook")


async def test_a_commit_that_an_endpoint_wants_is_hinted_at_at_once(
    courier: Courier, hints: ChangeHints, queue: TimedQueue, endpoint: WebhookEndpoint
) -> None:
    await hints.give(courier.tenant)
    assert queue.seen_at == [courier.time.steady]


async def test_nothing_is_put_where_no_endpoint_wants_it(
    courier: Courier, hints: ChangeHints, queue: TimedQueue, endpoint: WebhookEndpoint
) -> None:
    await hints.give("another-tenant")
    await hints.give("all--webhooks")
    await courier.store.webhook_endpoints.disable(courier.context(), endpoint.id, "gone")
    await hints.give(courier.tenant)
    assert queue.seen_at == []


async def test_every_commit_has_a_hint_that_is_seen_after_it_and_a_second_costs_one(
    courier: Courier, hints: ChangeHints, queue: TimedQueue, endpoint: WebhookEndpoint
) -> None:
    commits = []
    for _ in range(100):
        commits.append(courier.time.steady)
        await hints.give(courier.tenant)
        courier.time.advance(0.07)
    assert len(queue.seen_at) <= 7 + 2
    for commit in commits:
        assert any(commit <= at <= commit + 1.01 for at in queue.seen_at)


async def test_after_a_quiet_second_a_hint_is_seen_at_once_again(
    courier: Courier, hints: ChangeHints, queue: TimedQueue, endpoint: WebhookEndpoint
) -> None:
    for _ in range(3):
        await hints.give(courier.tenant)
        courier.time.advance(2.1)
    assert [at - queue.seen_at[0] for at in queue.seen_at] == pytest.approx([0, 2.1, 4.2])


async def test_a_queue_that_fails_harms_no_request_and_is_told_once_a_minute(
    courier: Courier,
    hints: ChangeHints,
    queue: TimedQueue,
    endpoint: WebhookEndpoint,
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue.fails = True
    await hints.give(courier.tenant)
    await hints.give(courier.tenant)
    assert caplog.text.count("hints of changes cannot be put into the queue") == 1
    queue.fails = False
    await hints.give(courier.tenant)
    assert len(queue.seen_at) == 1, "the next commit tries again"


async def test_a_request_does_not_wait_for_a_queue_that_hangs(
    courier: Courier, endpoint: WebhookEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = asyncio.Event()

    class Hanging:
        async def put(self, text: str, delay: int = 0) -> None:
            del text, delay
            await goes_on.wait()

        async def close(self) -> None:
            return

    monkeypatch.setattr("shared.webhooks.hints.WAIT_SECONDS", 0.01)
    hints = ChangeHints(Hanging(), courier.store.webhook_endpoints, courier.time.clock())
    await hints.give(courier.tenant)
    assert not goes_on.is_set()
    goes_on.set()
    await hints.close()


async def test_one_look_is_asked_for_until_it_is_made(
    courier: Courier, hints: ChangeHints, queue: TimedQueue, endpoint: WebhookEndpoint
) -> None:
    for _ in range(5):
        await hints.look_again(courier.tenant, 10)
    assert len(queue.seen_at) == 1
    await hints.look_again(courier.tenant, 4)
    assert len(queue.seen_at) == 2, "an earlier one counts"
    await hints.look_again(courier.tenant, 3_600)
    assert len(queue.seen_at) == 2, "a late one is left to the timer"
