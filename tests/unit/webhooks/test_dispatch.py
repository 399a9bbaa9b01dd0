"""What is sent, what is written down of it, and when it is sent again."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from benchmarks.cost import operations
from shared.store import layout, webhook_deliveries
from shared.store.layout import Column
from shared.store.webhook_checkpoints import WebhookCheckpoints
from shared.store.webhook_deliveries import DeliveryStream, Redelivery
from shared.tables.operations import Merge
from shared.webhooks.dispatch_run import SENDS_AT_ONCE
from shared.webhooks.schedule import HELD_MS
from shared.webhooks.work import BATCH, SMALL_BATCH
from tests.support.fixtures.webhook_receiver import receiving, refused, taken
from tests.unit.webhooks.conftest import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from shared.store.webhook_endpoints import WebhookEndpoint
    from tests.support.fixtures.webhook_receiver import Answer, Receiver
    from tests.unit.webhooks.conftest import Courier


async def redelivered(courier: Courier, endpoint: WebhookEndpoint, wanted: Redelivery) -> int:
    """How many deliveries to an endpoint are made again."""
    stream = DeliveryStream(endpoint.id, courier.tenant)
    return (await courier.deliveries.redeliver(courier.context(), stream, wanted)).number


async def test_an_event_is_sent_as_the_feed_shows_it_with_its_tenant(
    courier: Courier, receiver: Receiver
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    uid = await courier.create_user()
    await courier.dispatch()
    [event] = receiver.events
    assert event["type"] == "user.created"
    assert event["resource"]["id"] == uid
    assert event["tenant"] == courier.tenant
    assert receiver.ids == [event["id"]]
    [delivery] = await courier.told(endpoint)
    assert (delivery.state, delivery.attempts, delivery.status) == ("delivered", 1, 204)


async def test_the_public_library_of_standard_webhooks_verifies_it(
    courier: Courier, receiver: Receiver
) -> None:
    newer = "whsec_" + "bmV3LXNlY3JldC1vZi0zMi1ieXRlcy1pbi1hbGwtaGVyZQ=="
    courier.signing = (newer, SECRET)
    await courier.endpoint(receiver.url)
    await courier.create_user()
    await courier.dispatch()
    [(headers, body)] = receiver.requests
    for secret in courier.signing:
        assert Webhook(secret).verify(body, headers) == json.loads(body)


async def test_an_event_costs_few_calls_and_none_to_send_costs_two(
    courier: Courier, receiver: Receiver
) -> None:
    await courier.endpoint(receiver.url)
    await courier.dispatch()
    courier.time.advance(300)
    assert (await courier.dispatch()).meter.calls == 2
    courier.time.advance(-300)
    await courier.create_user()
    assert (await courier.dispatch()).meter.calls <= 7


@pytest.mark.parametrize("events", [1, BATCH])
async def test_a_run_costs_what_the_page_on_cost_counts(
    courier: Courier, receiver: Receiver, events: int
) -> None:
    await courier.endpoint(receiver.url)
    await courier.create_user()
    await courier.dispatch()
    courier.time.advance(300)
    for _ in range(events):
        await courier.create_user()
    meter = (await courier.dispatch()).meter
    counted = operations.dispatch(events=events)
    # One more reads the settings of the guard, once a minute; they are remembered here.
    assert (meter.calls + 1, meter.entities) == (counted.calls, counted.entities)
    courier.time.advance(300)
    assert (await courier.dispatch()).meter.calls == operations.dispatch().calls


async def test_nothing_is_sent_twice_when_there_is_nothing_new(
    courier: Courier, receiver: Receiver
) -> None:
    await courier.endpoint(receiver.url)
    await courier.create_user()
    for _ in range(3):
        await courier.dispatch()
    assert len(receiver.ids) == 1


async def test_many_events_are_sent_in_one_run(courier: Courier, receiver: Receiver) -> None:
    endpoint = await courier.endpoint(receiver.url)
    for _ in range(70):
        await courier.create_user()
    await courier.dispatch()
    assert len({*receiver.ids}) == len(receiver.ids) == 70
    assert len(await courier.told(endpoint, "delivered")) == 70


async def test_an_endpoint_is_sent_the_types_that_it_wants(
    courier: Courier, receiver: Receiver
) -> None:
    await courier.endpoint(receiver.url, types=("user.deleted",))
    uid = await courier.create_user()
    await courier.dispatch()
    await courier.store.users.delete(courier.context(), uid)
    await courier.dispatch()
    assert [event["type"] for event in receiver.events] == ["user.deleted"]


async def test_what_fails_is_tried_by_the_schedule_and_then_is_dead(
    courier: Courier, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    receiver.answer = refused(500)
    began = courier.time.wall
    waits = []
    await courier.dispatch()
    while pending := await courier.told(endpoint, "pending"):
        [delivery] = pending
        assert delivery.next_attempt is not None
        wait = delivery.next_attempt / 1_000 - courier.time.wall
        waits.append(wait)
        courier.time.advance(wait + 0.001)
        await courier.dispatch()
    schedule = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert len(waits) == len(schedule)
    assert all(at <= wait <= 1.1 * at + 1 for at, wait in zip(schedule, waits, strict=True))
    [dead] = await courier.told(endpoint, "dead")
    assert (dead.attempts, dead.status, dead.answer) == (10, 500, "not today")
    assert len(receiver.ids) == 10
    assert {*receiver.ids} == {dead.id}
    assert "1 events of tenant" in caplog.text
    assert "are dead letters" in caplog.text
    assert courier.time.wall - began < 4 * 86_400


async def test_a_retry_that_is_due_soon_is_not_left_to_the_timer(
    courier: Courier, receiver: Receiver
) -> None:
    await courier.endpoint(receiver.url)
    await courier.create_user()
    receiver.answer = refused(500)
    await courier.dispatch()
    [(tenant, delay)] = courier.queue.put_hints
    assert tenant == courier.tenant
    assert 5 <= delay <= 6


async def test_one_event_that_is_refused_holds_up_no_other(
    courier: Courier, receiver: Receiver
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    first = await courier.create_user()

    async def not_the_first(request):  # type: ignore[no-untyped-def]
        body = json.loads(await request.read())
        return await (refused(422) if body["resource"]["id"] == first else taken)(request)

    receiver.answer = not_the_first
    for _ in range(20):
        await courier.create_user()
    await courier.dispatch()
    assert len(await courier.told(endpoint, "delivered")) == 20
    assert len(await courier.told(endpoint, "pending")) == 1


async def test_a_receiver_that_is_down_for_three_days_misses_nothing(
    courier: Courier, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    receiver.answer = refused(503)
    users = set()
    for _ in range(72):
        users |= {await courier.create_user(), await courier.create_user()}
        await courier.dispatch()
        courier.time.advance(3_600)
    asked = len(receiver.ids)
    assert asked < 400, "an endpoint that fails is not hammered"
    assert len(await courier.told(endpoint)) < 40, "and makes few rows: the rest stays in the feed"
    assert f"webhook endpoint {endpoint.id} fails: " in caplog.text
    assert caplog.text.count("it is tried once in a while, and its events wait") == 1
    receiver.answer = taken
    receiver.requests.clear()
    courier.time.advance(3_600)
    await courier.dispatch()
    assert {event["resource"]["id"] for event in receiver.events} == users
    assert await courier.told(endpoint, "pending") == []


async def test_retry_after_is_heeded(courier: Courier, receiver: Receiver) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    receiver.answer = refused(429, Retry_After="120")
    await courier.dispatch()
    await courier.create_user()
    receiver.answer = taken
    courier.time.advance(60)
    await courier.dispatch()
    assert len(receiver.ids) == 1, "not the other event either"
    courier.time.advance(70)
    await courier.dispatch()
    assert len(await courier.told(endpoint, "delivered")) == 2


async def test_a_gone_endpoint_is_switched_off(
    courier: Courier, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    receiver.answer = refused(410)
    await courier.dispatch()
    kept = await courier.store.webhook_endpoints.get(courier.context(), endpoint.id)
    assert (kept.state, kept.reason) == ("disabled", "answered 410 Gone")
    assert f"webhook endpoint {endpoint.id} is switched off" in caplog.text
    courier.time.advance(3_600)
    await courier.dispatch()
    assert len(receiver.ids) == 1


async def test_two_dispatchers_at_once_send_doubles_at_most(
    courier: Courier, receiver: Receiver
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    for _ in range(40):
        await courier.create_user()
    runs = [courier.another_instance().dispatch(courier.context()) for _ in range(3)]
    assert all(await asyncio.gather(*runs))
    await courier.dispatch()
    assert len({*receiver.ids}) == 40
    assert len(await courier.told(endpoint, "delivered")) == 40


async def test_dead_letters_are_sent_again_when_somebody_asks(
    courier: Courier, receiver: Receiver
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    receiver.answer = refused(500)
    await courier.dispatch()
    while await courier.told(endpoint, "pending"):
        courier.time.advance(90_000)
        await courier.dispatch()
    receiver.answer = taken
    assert await redelivered(courier, endpoint, Redelivery()) == 1
    await courier.dispatch()
    [delivery] = await courier.told(endpoint)
    assert (delivery.state, delivery.attempts) == ("delivered", 11), (
        "those before are not forgotten"
    )


async def test_a_redelivery_begins_the_schedule_anew_and_what_was_tried_stays_to_be_seen(
    courier: Courier, receiver: Receiver
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    receiver.answer = refused(500)
    for _ in range(3):
        await courier.dispatch()
        courier.time.advance(3_600)
    [before] = await courier.told(endpoint)
    assert await redelivered(courier, endpoint, Redelivery(ids=(before.id,))) == 1
    [asked] = await courier.told(endpoint)
    assert (asked.attempts, asked.status, asked.error, asked.last_attempt) == (
        *(3, 500, "answered (500)", before.last_attempt),
    )
    assert asked.redelivered == asked.next_attempt == int(courier.time.wall * 1_000)
    await courier.dispatch()
    [after] = await courier.told(endpoint)
    assert (after.attempts, after.redelivered) == (4, asked.redelivered)
    assert after.last_attempt is not None
    assert after.next_attempt is not None
    assert 5_000 <= after.next_attempt - after.last_attempt <= 5_500, "the first of the schedule"


@pytest.mark.parametrize("by", ["id", "time"])
@pytest.mark.parametrize("answered", [refused(500), refused(429, Retry_After="3600")])
async def test_what_is_pending_is_sent_now_when_somebody_asks(
    courier: Courier, receiver: Receiver, by: str, answered: Answer
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    courier.time.advance(1)
    await courier.create_user()
    receiver.answer = answered
    await courier.dispatch()
    courier.time.advance(20)
    wanted, other = await courier.told(endpoint, "pending")
    receiver.answer = taken
    receiver.requests.clear()
    moment = int(wanted.id[:12], 16)
    which = Redelivery(ids=(wanted.id,)) if by == "id" else Redelivery(since=moment)
    assert await redelivered(courier, endpoint, which) == 1
    await courier.dispatch()
    assert wanted.id in receiver.ids
    is_quiet = other.status == 429
    assert (other.id in receiver.ids) == (not is_quiet), "by its own schedule"
    assert await redelivered(courier, endpoint, Redelivery()) == 0, "none is dead"


async def test_more_than_are_made_again_at_once_are_gone_through_by_time(
    courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    for _ in range(5):
        await courier.create_user()
        courier.time.advance(1)
    await courier.dispatch()
    monkeypatch.setattr(webhook_deliveries, "MOST_REDELIVERED", 2)
    stream = DeliveryStream(endpoint.id, courier.tenant)
    numbers, until = [], None
    while True:
        wanted = Redelivery(since=0, until=until)
        done = await courier.deliveries.redeliver(courier.context(), stream, wanted)
        numbers.append(done.number)
        await courier.dispatch()
        if not done.has_more:
            break
        until = done.until
    assert {each.attempts for each in await courier.told(endpoint)} <= {2, 3}
    assert len(numbers) < 6, "it ends, though what is delivered again is meant as well"


async def test_an_endpoint_that_wants_to_be_left_alone_again_is(
    courier: Courier, receiver: Receiver
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    for _ in range(12):
        await courier.create_user()
    receiver.answer = refused(429, Retry_After="600")
    await courier.dispatch()
    while len(await courier.told(endpoint, "pending")) < 12:
        courier.time.advance(700)
        await courier.dispatch()
    courier.time.advance(1)
    receiver.requests.clear()
    receiver.answer = refused(429, Retry_After="3600")
    assert await redelivered(courier, endpoint, Redelivery(since=0)) == 12
    await courier.dispatch()
    await courier.dispatch()
    assert 1 <= len(receiver.ids) <= SMALL_BATCH


async def test_a_redelivery_while_it_is_sent_is_not_lost(
    courier: Courier, receiver: Receiver
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    receiver.answer = refused(500)
    for _ in range(2):
        await courier.dispatch()
        courier.time.advance(3_600)
    [pending] = await courier.told(endpoint, "pending")

    async def ask_meanwhile(request: web.BaseRequest) -> web.StreamResponse:
        receiver.answer = taken
        await redelivered(courier, endpoint, Redelivery(ids=(pending.id,)))
        return await refused(500)(request)

    receiver.answer = ask_meanwhile
    await courier.dispatch()
    [delivery] = await courier.told(endpoint)
    assert (delivery.state, delivery.attempts) == ("delivered", 4)
    assert len(receiver.ids) == 4


MEANWHILE: dict[str, Callable[[WebhookEndpoint], WebhookEndpoint]] = {
    "paused": lambda each: each.in_state("paused"),
    "of another tenant": lambda each: replace(each, tenants=("another",)),
}


@pytest.mark.parametrize("change", [*MEANWHILE, "deleted"])
async def test_an_endpoint_that_is_taken_away_during_a_run_is_sent_no_more(
    courier: Courier, receiver: Receiver, change: str
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    for _ in range(40):
        await courier.create_user()
    kept = courier.store.webhook_endpoints

    async def change_it(request: web.BaseRequest) -> web.StreamResponse:
        receiver.answer = taken
        if change == "deleted":
            await kept.delete(courier.context(), endpoint.id)
        else:
            await kept.update(courier.context(), endpoint.id, MEANWHILE[change])
        return await taken(request)

    receiver.answer = change_it
    await courier.dispatch()
    assert len(receiver.ids) < 40, "what was under way, and no more"
    if change == "paused":
        await kept.update(courier.context(), endpoint.id, lambda each: each.in_state("enabled"))
        courier.time.advance(120)
        await courier.dispatch()
        assert len({*receiver.ids}) == 40, "what was left waits"


@pytest.mark.parametrize("tenants", [("another", "own"), None], ids=["named", "all"])
async def test_a_tenant_that_joins_an_endpoint_is_sent_what_happens_from_then_on(
    courier: Courier, receiver: Receiver, tenants: tuple[str, ...] | None
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    kept = courier.store.webhook_endpoints

    async def be_of(wanted: tuple[str, ...] | None) -> None:
        own = (
            None
            if wanted is None
            else tuple(courier.tenant if each == "own" else each for each in wanted)
        )
        await kept.update(courier.context(), endpoint.id, lambda each: replace(each, tenants=own))
        courier.time.advance(1)

    await be_of(("another",))
    before = await courier.create_user()
    courier.time.advance(600)
    await be_of(tenants)
    sent = [await courier.create_user()]
    await courier.dispatch()
    courier.time.advance(30)
    await be_of(("another",))
    between = await courier.create_user()
    courier.time.advance(30)
    await courier.dispatch()
    await be_of(tenants)
    sent.append(await courier.create_user())
    for _ in range(3):
        await courier.dispatch()
        courier.time.advance(60)
    told = [event["resource"]["id"] for event in receiver.events]
    await kept.delete(courier.context(), endpoint.id)  # of all tenants, those of other tests too
    assert told == sent, (before, between)


async def test_what_is_left_of_a_tenant_that_was_taken_from_an_endpoint_is_deleted_at_midnight(
    courier: Courier, receiver: Receiver
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    await courier.dispatch()
    kept = courier.store.webhook_endpoints
    await kept.update(
        courier.context(), endpoint.id, lambda each: replace(each, tenants=("another",))
    )
    courier.time.wall += 86_400 - courier.time.wall % 86_400
    await courier.dispatch(expires=True)
    assert await courier.told(endpoint) == []
    assert await WebhookCheckpoints(courier.table).read(courier.context(), endpoint.id) is None


async def test_a_url_that_is_changed_during_a_run_is_sent_the_rest(
    courier: Courier, receiver: Receiver
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    for _ in range(40):
        await courier.create_user()
    kept = courier.store.webhook_endpoints
    moved = asyncio.Event()
    async with receiving() as other:

        async def wait(request: web.BaseRequest) -> web.StreamResponse:
            await moved.wait()
            return await taken(request)

        async def move(request: web.BaseRequest) -> web.StreamResponse:
            receiver.answer = wait
            await kept.update(
                courier.context(), endpoint.id, lambda each: replace(each, url=other.url)
            )
            moved.set()
            return await taken(request)

        receiver.answer = move
        await courier.dispatch()
        assert len({*receiver.ids, *other.ids}) == 40
        assert len(receiver.ids) <= SENDS_AT_ONCE
    assert len(await courier.told(endpoint, "delivered")) == 40


async def test_a_secret_that_is_rotated_twice_during_a_run_signs_the_next_events(
    courier: Courier, receiver: Receiver
) -> None:
    await courier.endpoint(receiver.url)
    for _ in range(40):
        await courier.create_user()
    first, second = (
        f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2)
    )

    async def rotate(request: web.BaseRequest) -> web.StreamResponse:
        receiver.answer = taken
        courier.signing = (second, first)
        return await taken(request)

    receiver.answer = rotate
    await courier.dispatch()
    headers, body = receiver.requests[-1]
    assert Webhook(second).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, headers)


@pytest.mark.parametrize("seconds", [3_600, 40 * 86_400])
async def test_a_clock_that_is_set_back_neither_stops_an_endpoint_nor_hurries_it(
    courier: Courier, receiver: Receiver, seconds: int
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    receiver.answer = refused(500)
    now = int(courier.time.wall * 1_000)
    await courier.dispatch()
    ahead = now + 1_000 * seconds
    checkpoints = WebhookCheckpoints(courier.table)
    found = await checkpoints.read(courier.context(), endpoint.id)
    assert found is not None
    odd = replace(
        found,
        holder="a run that has died",
        held_until=ahead + HELD_MS,
        quiet_until=ahead + 3_600_000,
        recovered_at=ahead,
        due=ahead + 5_000,
    )
    await checkpoints.write(courier.context(), endpoint.id, odd)
    for _ in range(3):
        courier.time.advance(6)
        await courier.dispatch()
    [delivery] = await courier.told(endpoint)
    assert delivery.state == "pending"
    assert delivery.attempts <= 3, "by the schedule"
    receiver.answer = taken
    courier.time.advance(2 * 3_600 + 120)
    await courier.create_user()
    await courier.dispatch()
    assert {each.state for each in await courier.told(endpoint)} == {"delivered"}


async def test_a_checkpoint_that_is_due_before_its_deliveries_does_not_spin(
    courier: Courier, receiver: Receiver
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    receiver.answer = refused(500)
    await courier.dispatch()
    due = {Column.DUE: "1"}
    await courier.table.transact(
        courier.context(), [Merge(layout.checkpoint_key(endpoint.id), due)]
    )
    await courier.dispatch()
    courier.queue.put_hints.clear()
    courier.time.advance(2)
    await courier.dispatch()
    assert [seconds for _, seconds in courier.queue.put_hints if seconds < 2] == []
    assert len(receiver.ids) == 1


async def test_events_that_have_expired_are_told_as_lost(
    courier: Courier, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    courier.kept_days = 30
    courier.dispatcher = courier.another_instance()
    await courier.endpoint(receiver.url)
    await courier.dispatch()
    courier.time.advance(31 * 86_400)
    await courier.dispatch()
    assert "are lost, because they are no longer kept" in caplog.text
    caplog.clear()
    await courier.dispatch()
    assert "are lost" not in caplog.text


async def test_what_is_left_of_an_endpoint_that_was_deleted_is_deleted_at_midnight(
    courier: Courier, receiver: Receiver
) -> None:
    deleted, kept = await courier.endpoint(receiver.url), await courier.endpoint(receiver.url)
    await courier.create_user()
    await courier.dispatch()
    receiver.answer = refused(500)
    await courier.create_user()
    await courier.dispatch()
    await courier.store.webhook_endpoints.delete(courier.context(), deleted.id)
    midnight = (courier.time.wall // 86_400 + 1) * 86_400
    courier.time.advance(midnight - 60 - courier.time.wall)
    await courier.dispatch(expires=True)
    assert len(await courier.told(deleted)) == 2
    courier.time.advance(120)
    await courier.dispatch(expires=True)
    assert await courier.told(deleted) == []
    assert len(await courier.told(kept)) == 2
    assert await WebhookCheckpoints(courier.table).list_endpoints(courier.context()) == {kept.id}


async def test_old_deliveries_are_deleted_once_a_day(courier: Courier, receiver: Receiver) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    await courier.dispatch()
    courier.time.advance(29 * 86_400)
    await courier.dispatch(expires=True)
    assert len(await courier.told(endpoint)) == 1
    courier.time.advance(2 * 86_400)
    await courier.dispatch(expires=True)
    assert await courier.told(endpoint) == []


async def test_without_a_valid_secret_nothing_is_sent_and_the_log_says_so(
    courier: Courier, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    courier.signing = ()
    await courier.dispatch()
    assert receiver.events == []
    said = f"webhook endpoint {endpoint.id} has no valid secret in the vault; nothing is sent to it"
    assert said in caplog.text


async def test_a_fault_of_one_endpoint_is_logged_by_its_type_alone(
    courier: Courier, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = await courier.endpoint(receiver.url)
    await courier.create_user()
    courier.signing = ("not base64 of a secret",)
    assert not await courier.dispatcher.dispatch(courier.context())
    assert f"webhooks of tenant {courier.tenant} to {endpoint.id} were not sent: " in caplog.text
    assert "not base64 of a secret" not in caplog.text


async def test_an_endpoint_that_hangs_holds_up_no_other(
    courier: Courier, receiver: Receiver
) -> None:
    goes_on, others = asyncio.Event(), asyncio.Event()

    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        await goes_on.wait()
        return await taken(request)

    async def count(request: web.BaseRequest) -> web.StreamResponse:
        if len(receiver.requests) == 10:
            others.set()
        return await taken(request)

    receiver.answer = count
    async with receiving() as hanging:
        hanging.answer = hang
        await courier.endpoint(hanging.url)
        await courier.endpoint(receiver.url)
        for _ in range(10):
            await courier.create_user()
        run = asyncio.create_task(courier.dispatch())
        await others.wait()
        assert not run.done()
        goes_on.set()
        await run
        assert {*hanging.ids} == {*receiver.ids}
