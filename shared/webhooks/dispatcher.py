"""The dispatcher: sends what lies behind each checkpoint, and writes down what became of it.

A run takes these steps for an endpoint of a tenant, until nothing is left to send or its time is
over: read the checkpoint; find what is due; take the checkpoint; send; write the new checkpoint and
what became of each event in one transaction, which gives the checkpoint back; look again. Whoever
finds the checkpoint taken may leave: what was committed before is found by the last of these steps.
"""

import asyncio
import contextlib
import json
import logging
import random
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.clock import Clock, rfc3339
from shared.errors import NotFound
from shared.events.event import Event
from shared.events.feed import Feed, FeedPosition
from shared.store.webhook_checkpoints import Checkpoint, WebhookCheckpoints
from shared.store.webhook_deliveries import Delivery, DeliveryStream, WebhookDeliveries
from shared.store.webhook_endpoints import WebhookEndpoint, WebhookEndpoints
from shared.tables.operations import Delete, OperationRejected, Replace, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.rows import ANY_ETAG
from shared.webhooks.endpoint_load import EndpointLoad
from shared.webhooks.hints import ChangeHints
from shared.webhooks.positions import (
    Sent,
    position_at,
    read_position,
    settled_at,
    write_position,
)
from shared.webhooks.schedule import (
    LONGEST_DELAY,
    LONGEST_PROBE,
    LONGEST_RETRY_AFTER,
    SUSPENDED_AFTER,
    next_attempt,
    next_probe,
    retry_after,
)
from shared.webhooks.sender import Attempt, WebhookSender
from shared.webhooks.signing import headers_of

DISPATCH_SECONDS = 20.0
"""How long a run begins attempts. With one of 15 s and a checkpoint it ends within 40 s."""

BATCH, SMALL_BATCH = 32, 4
"""Events between two checkpoints: of an endpoint that answers, and of one whose last attempt has
failed."""

SENDS_AT_ONCE = 4
"""Attempts at an endpoint with events of one tenant that are under way at once."""

MOST_PENDING_DELIVERIES = 1_000
"""Deliveries of a tenant to an endpoint that are tried again beside the feed. With more, what
follows stays in the feed."""

_MOST_READ = 1_000
"""Events of a reading of the feed that has told only what was sent."""

HELD_MS = 60_000
BUSY_SECONDS = 30.0
"""When an endpoint is looked at again of which enough runs are waiting for an answer."""

UNDECIDED_SECONDS = 30.0
"""When the feed is read again that ends before what the guard has yet to rule on."""

FORGETTING_SECONDS = 600
"""How long after midnight (UTC) the timer deletes what is left of endpoints that were deleted: two
of its runs."""

KEPT_DAYS = 30
_DAY_SECONDS, _DAY_MS = 86_400, 86_400_000
_REFRESH_MS = 60_000
_LONGEST_DELAY_MS = round(1_000 * LONGEST_DELAY)
_SKEW_MS = 60_000
"""How far the clocks of two instances may be apart."""

_GONE, _WAIT_STATUSES = 410, frozenset({429, 503})

_log = logging.getLogger("scim.webhooks")


@dataclass(frozen=True, slots=True)
class Sources:
    """What the dispatcher reads and writes, and by what it sends.

    Attributes:
        endpoints: to which events are sent.
        secrets: returns those that sign for an endpoint.
        feed: where the events are.
        checkpoints: how far each endpoint has come.
        deliveries: what became of each event.
        sender: sends one webhook.
        hints: how it is called again.
        paths: of the endpoints of SCIM, by the name of the resource type.
        kept_days: how long events are kept.
    """

    endpoints: WebhookEndpoints
    secrets: Callable[[str], Awaitable[tuple[str, ...]]]
    feed: Feed
    checkpoints: WebhookCheckpoints
    deliveries: WebhookDeliveries
    sender: WebhookSender
    hints: ChangeHints
    paths: Mapping[str, str]
    kept_days: int


class Dispatcher:
    """Sends the events of tenants to the endpoints that want them."""

    def __init__(
        self, sources: Sources, clock: Clock | None = None, draw: random.Random | None = None
    ) -> None:
        """Prepare.

        Args:
            sources: what is read, written and sent.
            clock: the time by which attempts are due.
            draw: of the jitter.
        """
        self._sources = sources
        self._clock = clock or Clock()
        self._draw = draw or random.Random()  # noqa: S311 - spreads attempts, no secret
        self._load = EndpointLoad(self._clock)

    async def dispatch(self, context: RequestContext, *, expires: bool = False) -> bool:
        """Send what is due of the context's tenant, to each of its endpoints at the same time.

        3 calls for an endpoint that has nothing to be sent, 8 for one event.

        Args:
            context: of the run; its request id names the run.
            expires: whether to delete old deliveries, and those of endpoints that were deleted,
                once a day.

        Returns:
            Whether all went well; the log has what did not.
        """
        try:
            endpoints = await self._sources.endpoints.current()
            if expires and self._clock.wall() % _DAY_SECONDS < FORGETTING_SECONDS:
                await self._forget_deleted(context)
        except Exception as fault:  # noqa: BLE001 - the timer looks again
            _write_fault(context.tenant, "all", fault)
            return False
        runs = [
            self._run(context, endpoint, expires=expires)
            for endpoint in endpoints
            if endpoint.state == "enabled" and endpoint.is_of(context.tenant)
        ]
        return all(await asyncio.gather(*runs))

    async def _forget_deleted(self, context: RequestContext) -> None:
        """Delete what is left of endpoints that were deleted, or are of the tenant no more.

        1 call where nothing is.
        """
        left = await self._sources.checkpoints.endpoints(context)
        tenant = context.tenant
        known = await self._sources.endpoints.current()
        left -= {each.id for each in known if each.is_of(tenant)}
        if left:  # perhaps of endpoints that are new
            known = await self._sources.endpoints.list(context)
            left -= {each.id for each in known if each.is_of(tenant)}
        for endpoint in left:
            await self._sources.checkpoints.forget(context, endpoint)

    async def _run(
        self, context: RequestContext, endpoint: WebhookEndpoint, *, expires: bool
    ) -> bool:
        run = _Run(self._sources, self._clock, self._draw, self._load, context, endpoint)
        try:
            await run.run(expires=expires)
        except OperationRejected:
            return True  # another run has overtaken this one, and goes on from its own checkpoint
        except Exception as fault:  # noqa: BLE001 - one endpoint must not end the others
            _write_fault(context.tenant, endpoint.id, fault)
            return False
        return True


@dataclass(slots=True)
class _Work:
    """What a run has found to do.

    Attributes:
        deliveries: what is to be sent.
        known: ids of those that lie in rows already.
        pending: how many deliveries are pending, those of this work included.
        next_due: when the first of those is due that are left aside.
        is_probe: whether one is sent ahead of its time, to see whether the endpoint answers.
        position: in the feed, behind it; None where that was not read.
        told: all events that the feed has told on the way.
        must_write: whether the checkpoint has to move although nothing is sent.
        is_asked: whether more of it is left aside that somebody wants to be made now.
        asked_again: ids of those that somebody wanted to be made again while they were sent.
    """

    deliveries: list[Delivery]
    known: frozenset[str] = frozenset()
    pending: int = 0
    next_due: int | None = None
    is_probe: bool = False
    position: FeedPosition | None = None
    told: list[Event] = field(default_factory=list)
    must_write: bool = False
    is_asked: bool = False
    asked_again: frozenset[str] = frozenset()


class _Run:
    """One run for an endpoint and a tenant."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the dispatcher has, and for whom
        self,
        sources: Sources,
        clock: Clock,
        draw: random.Random,
        load: EndpointLoad,
        context: RequestContext,
        endpoint: WebhookEndpoint,
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._draw = draw
        self._load = load
        self._context = context
        self._endpoint = endpoint
        self._stream = DeliveryStream(endpoint.id, context.tenant)
        self._until = clock.steady() + DISPATCH_SECONDS
        self._is_gone = self._has_answered_gone = False
        self._is_busy = self._is_cut = False

    async def run(self, *, expires: bool) -> None:
        """Send what is due, and see to it that somebody looks again when more is."""
        if not await self._load.has_room_soon(self._endpoint.id):
            await self._look_again(BUSY_SECONDS)
            return
        checkpoint = await self._begin()
        while self._may_go_on():
            if checkpoint.is_held(self._now(), self._context.request_id):
                return
            work = await self._find(checkpoint, self._now())
            if work.deliveries:
                checkpoint = await self._send(checkpoint, work)
            elif work.must_write:
                checkpoint = await self._settle(checkpoint, work, {})
            else:
                break
        if expires:
            checkpoint = await self._expire(checkpoint)
        await self._plan(checkpoint)

    @property
    def _is_over(self) -> bool:
        return self._is_gone or self._is_busy or self._clock.steady() >= self._until

    def _may_go_on(self) -> bool:
        """Tell whether there is time, and go by what the endpoint is now.

        It may have been deleted, paused, given another URL or taken from the tenant since the run
        began.
        """
        if self._is_over:
            return False
        known = self._sources.endpoints.latest() or ()
        found = next((each for each in known if each.id == self._endpoint.id), None)
        if found is None or found.state != "enabled" or not found.is_of(self._context.tenant):
            self._is_gone = True
            return False
        self._endpoint = found
        return True

    async def _begin(self) -> Checkpoint:
        """Read the checkpoint, or begin with what has happened since the endpoint is the tenant's.

        What happened while the tenant was taken from it is passed over.
        """
        found = await self._sources.checkpoints.read(self._context, self._endpoint.id)
        since = self._endpoint.since(self._context.tenant)
        beginning = write_position(position_at(since))
        if found is None:
            return Checkpoint(beginning)
        if settled_at(read_position(found.position)) < since:
            found = replace(found, position=beginning, sent=b"")
        return self._without_lost(_without_future(found, self._now()))

    def _without_lost(self, checkpoint: Checkpoint) -> Checkpoint:
        """Tell of events that have expired before they were sent, and go on behind them."""
        kept_since = self._now() - self._sources.kept_days * _DAY_MS
        if settled_at(read_position(checkpoint.position)) >= kept_since:
            return checkpoint
        _log.error(
            "webhook endpoint %s: events of tenant %s from before %s are lost, because they are no"
            " longer kept; copy all users and groups anew, as docs/integrate.md says",
            self._endpoint.id,
            self._context.tenant,
            rfc3339(kept_since / 1_000),
        )
        position = write_position(position_at(kept_since))
        return replace(checkpoint, position=position, sent=b"", lost_before=kept_since)

    async def _find(self, checkpoint: Checkpoint, now: int) -> _Work:
        """Find what is to be sent now."""
        is_quiet = now < checkpoint.quiet_until
        if is_quiet and not checkpoint.is_asked:
            return _Work([])
        is_suspended = checkpoint.failures >= SUSPENDED_AFTER
        is_probe = is_suspended and now >= checkpoint.probe_at
        due, later, pending = await self._pending(checkpoint, now, is_probe=is_probe)
        if is_quiet:
            later += [each for each in due if not _is_asked(each)]
            due = [each for each in due if _is_asked(each)]
        most = SMALL_BATCH if checkpoint.failures else BATCH
        most = 1 if is_suspended else most
        taken, left = due[:most], [*due[most:], *later]
        work = _Work(
            taken,
            frozenset(each.id for each in taken),
            pending=pending,
            next_due=min((_due_of(each, checkpoint, now) for each in left), default=None),
            is_probe=bool(taken) and not _is_due(taken[0], checkpoint, now),
            # What was due is so no longer: its next attempt was put off by a run that had it.
            must_write=not taken and checkpoint.due is not None and checkpoint.due <= now,
            is_asked=any(map(_is_asked, left)),
        )
        if is_quiet:
            return work
        room = most - len(taken)
        if room and pending < MOST_PENDING_DELIVERIES and (is_probe or not is_suspended):
            await self._read_feed(checkpoint, work, room)
        return work

    async def _pending(
        self, checkpoint: Checkpoint, now: int, *, is_probe: bool
    ) -> tuple[list[Delivery], list[Delivery], int]:
        """Read deliveries that are due, in the order of their times; those that are not; how many.

        For a probe the next one counts as due.
        """
        is_due = checkpoint.due is not None and (checkpoint.due <= now or is_probe)
        if not is_due:
            return [], [], checkpoint.pending if checkpoint.due is not None else 0
        found = await self._sources.deliveries.pending(self._context, self._stream, 10_000)
        found.sort(key=lambda each: (each.next_attempt or 0, each.id))
        due = [each for each in found if _is_due(each, checkpoint, now)]
        later = [each for each in found if not _is_due(each, checkpoint, now)]
        if is_probe and not due and later:
            due, later = later[:1], later[1:]
        return due, later, len(found)

    async def _read_feed(self, checkpoint: Checkpoint, work: _Work, room: int) -> None:
        """Read events that were not sent yet, until there are some or the feed ends.

        Where a row became visible late, the feed tells anew what was told in the last 2 minutes.
        """
        sent, began = Sent(checkpoint.sent), read_position(checkpoint.position)
        position, limit = began, room
        while True:
            page = await self._sources.feed.read(
                self._context, position, limit, self._endpoint.types
            )
            new = [each for each in page.events if not sent.has(each)]
            if len(new) > room and limit > room:
                limit = room  # more than fits into a transaction
                continue
            work.told += page.events
            if new or not page.has_more:
                break
            position, limit = page.position, min(4 * limit, _MOST_READ)
        self._is_cut = page.is_cut
        now = self._now()
        # Of a type that is served no longer nothing could be read.
        served = [each for each in new if self._is_served(each)]
        work.deliveries += [self._delivery(each, now) for each in served]
        work.position = page.position
        has_moved = page.has_more or _has_moved(began, page.position)
        work.must_write |= bool(work.told) or has_moved or not checkpoint.etag

    def _is_served(self, event: Event) -> bool:
        return event.is_of_guard or event.resource[0] in self._sources.paths

    def _delivery(self, event: Event, now: int) -> Delivery:
        document = {**event.document(self._sources.paths), "tenant": self._context.tenant}
        body = json.dumps(document, separators=(",", ":"))
        return Delivery(
            event.id,
            self._endpoint.id,
            self._context.tenant,
            event.type,
            next_attempt=now,
            body=body,
        )

    async def _send(self, checkpoint: Checkpoint, work: _Work) -> Checkpoint:
        """Take the checkpoint, send, and write what came of it."""
        secrets = await self._sources.secrets(self._endpoint.id)
        if not secrets:
            _log.error(
                "webhook endpoint %s has no valid secret in the vault; nothing is sent to it",
                self._endpoint.id,
            )
            self._is_gone = True
            return checkpoint
        held = replace(
            checkpoint, holder=self._context.request_id, held_until=self._now() + HELD_MS
        )
        taken = await self._write(held)
        attempts = await self._attempt_all(work.deliveries, secrets)
        if not attempts and not self._is_gone:
            # Others try this endpoint already, and there are enough of them while it fails.
            self._is_busy = True
            return await self._write(replace(taken, holder="", held_until=0))
        return await self._settle(taken, work, attempts)

    async def _attempt_all(
        self, deliveries: Sequence[Delivery], secrets: tuple[str, ...]
    ) -> dict[str, Attempt]:
        """Send several at once; return what came of those that were tried, as they ended."""
        attempts: dict[str, Attempt] = {}
        waiting = iter(deliveries)

        async def work_on() -> None:
            while self._may_go_on() and not _fails(attempts):
                if not self._load.has_room(self._endpoint.id):
                    return  # another worker of this run goes on
                delivery = next(waiting, None)
                if delivery is None:
                    return
                attempt = await self._attempt(delivery, secrets)
                attempts[delivery.id] = attempt
                if attempt.status == _GONE:
                    self._is_gone = self._has_answered_gone = True

        async with asyncio.TaskGroup() as workers:
            for _ in range(min(SENDS_AT_ONCE, len(deliveries))):
                workers.create_task(work_on())
        return attempts

    async def _attempt(self, delivery: Delivery, secrets: tuple[str, ...]) -> Attempt:
        body = delivery.body.encode()
        headers = headers_of(delivery.id, self._now() // 1_000, body, secrets)
        attempt: Attempt | None = None
        number = self._load.begin(self._endpoint.id)
        try:
            attempt = await self._sources.sender.send(self._endpoint.url, headers, body)
        finally:
            succeeded = attempt is not None and attempt.has_succeeded
            self._load.end(self._endpoint.id, number, succeeded=succeeded)
        return attempt

    async def _settle(
        self, checkpoint: Checkpoint, work: _Work, attempts: Mapping[str, Attempt]
    ) -> Checkpoint:
        """Write the new checkpoint with what became of each delivery, and give it back.

        What somebody wanted to be made again while it was sent is sent once more, unless it has
        arrived.

        Raises:
            OperationRejected: another run has taken the checkpoint.
        """
        now = self._now()
        after, operations, outcomes = self._settled(checkpoint, work, attempts, now)
        write, own, endpoint = self._sources.checkpoints.write, self._context, self._endpoint.id
        try:
            written = await write(own, endpoint, after, operations)
        except OperationRejected:
            moved = await self._moved_by_redelivery()
            if moved is None:
                raise
            work = await self._with_redelivered(work)
            after, operations, outcomes = self._settled(checkpoint, work, attempts, now)
            written = await write(own, endpoint, _joined(after, moved), operations)
        await self._tell(checkpoint, written, outcomes)
        return written

    async def _with_redelivered(self, work: _Work) -> _Work:
        """Read what somebody wanted to be made again while it was sent."""
        before = {each.id: each for each in work.deliveries if each.id in work.known}
        read = self._sources.deliveries.pending_among
        found = await read(self._context, self._stream, before)
        again = {
            key: now for key, now in found.items() if now.redelivered != before[key].redelivered
        }
        deliveries = [again.get(each.id, each) for each in work.deliveries]
        return replace(work, deliveries=deliveries, asked_again=frozenset(again))

    def _settled(
        self, checkpoint: Checkpoint, work: _Work, attempts: Mapping[str, Attempt], now: int
    ) -> tuple[Checkpoint, list[RowOperation], list[Delivery]]:
        """Work out the new checkpoint, what writes the deliveries, and what became of each."""
        after = _after(checkpoint, [*attempts.values()], now)
        outcomes = [
            self._outcome(each, attempts.get(each.id), now, work) for each in work.deliveries
        ]
        operations: list[RowOperation] = []
        for before, outcome in zip(work.deliveries, outcomes, strict=True):
            operations += _moved(before, outcome, is_known=before.id in work.known)
        pending = [each for each in outcomes if each.state == "pending"]
        left = work.pending - len(work.known) + len(pending)
        dues = [_due_of(each, after, now) for each in pending]
        if work.next_due is not None:
            dues.append(work.next_due)
        elif left > len(pending) and checkpoint.due is not None:
            dues.append(checkpoint.due)  # of those that were not read
        if after.recovered_at == now and left:
            dues.append(now)
        is_quieter = after.quiet_until > checkpoint.quiet_until
        after = replace(
            after,
            due=min(dues, default=None),
            pending=left,
            holder="",
            held_until=0,
            is_asked=not is_quieter and (work.is_asked or any(map(_is_asked, pending))),
        )
        if work.position is not None:
            settled = settled_at(work.position)
            sent = Sent(checkpoint.sent).packed_with(work.told, settled)
            after = replace(after, position=write_position(work.position), sent=sent)
        return after, operations, outcomes

    def _outcome(
        self, delivery: Delivery, attempt: Attempt | None, now: int, work: _Work
    ) -> Delivery:
        """Say what becomes of a delivery: one that was not tried is pending, and due.

        A probe that fails is none of the attempts of the schedule.
        """
        if attempt is None:
            return delivery
        tried = replace(
            delivery,
            attempts=delivery.attempts + (not work.is_probe or attempt.has_succeeded),
            last_attempt=now,
            status=attempt.status,
            latency_ms=attempt.latency_ms,
            error=attempt.error,
            answer=attempt.answer or None,
        )
        if attempt.has_succeeded:
            return replace(tried, state="delivered", next_attempt=None)
        if delivery.id in work.asked_again:
            return replace(tried, attempts_before=tried.attempts)
        if work.is_probe:
            return tried
        again = next_attempt(now, tried.attempts - tried.attempts_before, self._draw)
        if again is None:
            return replace(tried, state="dead", next_attempt=None)
        wanted = retry_after(attempt.retry_after, now / 1_000)
        return replace(tried, next_attempt=max(again, now + 1_000 * (wanted or 0)))

    async def _tell(
        self, before: Checkpoint, after: Checkpoint, outcomes: Sequence[Delivery]
    ) -> None:
        """Write into the log what an operator has to know, and switch off what is gone."""
        dead = sum(each.state == "dead" for each in outcomes)
        endpoint, tenant = self._endpoint.id, self._context.tenant
        if dead:
            _log.error(
                "webhook endpoint %s: %d events of tenant %s are dead letters, after the last"
                " attempt has failed",
                endpoint,
                dead,
                tenant,
            )
        if before.failures < SUSPENDED_AFTER <= after.failures:
            _log.warning(
                "webhook endpoint %s fails: %d attempts in a row for tenant %s; it is tried once"
                " in a while, and its events wait",
                endpoint,
                after.failures,
                tenant,
            )
        if self._has_answered_gone:
            with contextlib.suppress(NotFound):
                await self._sources.endpoints.disable(self._context, endpoint, "answered 410 Gone")
            _log.error("webhook endpoint %s is switched off: it has answered 410 Gone", endpoint)

    async def _expire(self, checkpoint: Checkpoint) -> Checkpoint:
        """Delete deliveries that are older than they are kept, once a day."""
        now = self._now()
        if not checkpoint.etag or now < checkpoint.swept_at + _DAY_MS:
            return checkpoint
        before = now - KEPT_DAYS * _DAY_MS
        await self._sources.checkpoints.expire(self._context, self._stream, before)
        return await self._write(replace(checkpoint, swept_at=now))

    async def _plan(self, checkpoint: Checkpoint) -> None:
        """Have somebody look again when the next attempt is due."""
        if self._is_gone:
            return
        if self._is_busy:
            await self._look_again(BUSY_SECONDS)
            return
        now = self._now()
        at = _next_look(checkpoint)
        if self._clock.steady() >= self._until:
            at = now if at is None else min(at, now)
        if self._is_cut:
            ruled = now + round(1_000 * UNDECIDED_SECONDS)
            at = ruled if at is None else min(at, ruled)
        if at is not None:
            quiet_until = 0 if checkpoint.is_asked else checkpoint.quiet_until
            await self._look_again(max(at, quiet_until, now) - now, is_ms=True)

    async def _look_again(self, wait: float, *, is_ms: bool = False) -> None:
        seconds = wait / 1_000 if is_ms else wait
        await self._sources.hints.look_again(self._context.tenant, seconds)

    async def _write(self, checkpoint: Checkpoint) -> Checkpoint:
        """Write a checkpoint; one that a redelivery has moved meanwhile is due as that has said.

        Raises:
            OperationRejected: another run has taken it.
        """
        own, endpoint = self._context, self._endpoint.id
        try:
            return await self._sources.checkpoints.write(own, endpoint, checkpoint)
        except OperationRejected:
            moved = await self._moved_by_redelivery()
            if moved is None:
                raise
        joined = _joined(checkpoint, moved)
        return await self._sources.checkpoints.write(own, endpoint, joined)

    async def _moved_by_redelivery(self) -> Checkpoint | None:
        """Read the checkpoint as a redelivery has moved it; None where another run has taken it."""
        found = await self._sources.checkpoints.read(self._context, self._endpoint.id)
        is_own = found is not None and found.holder == self._context.request_id
        return found if is_own else None

    def _now(self) -> int:
        """Return the time in POSIX milliseconds."""
        return int(self._clock.wall() * 1_000)


def _is_due(delivery: Delivery, checkpoint: Checkpoint, now: int) -> bool:
    return _due_of(delivery, checkpoint, now) <= now


def _is_asked(delivery: Delivery) -> bool:
    """Tell whether somebody wants it to be made now, and it was not tried since."""
    return delivery.redelivered is not None and delivery.redelivered == delivery.next_attempt


def _due_of(delivery: Delivery, checkpoint: Checkpoint, now: int) -> int:
    """Say when a delivery is due: at once, if its endpoint has recovered since it was tried.

    Times that no attempt can have put so far into the future are of a clock that was ahead.
    """
    if (delivery.last_attempt or now) < checkpoint.recovered_at <= now:
        return 0
    due = delivery.next_attempt or 0
    return due if due <= now + _LONGEST_DELAY_MS + _SKEW_MS else 0


def _without_future(checkpoint: Checkpoint, now: int) -> Checkpoint:
    """Take out times later than any that can be written now: a clock that was ahead has left them.

    The endpoint would be left alone until then.
    """

    def kept(moment: int, ahead: float) -> int:
        return moment if moment <= now + round(1_000 * ahead) + _SKEW_MS else 0

    return replace(
        checkpoint,
        due=None if checkpoint.due is None else kept(checkpoint.due, LONGEST_DELAY),
        held_until=kept(checkpoint.held_until, HELD_MS / 1_000),
        quiet_until=kept(checkpoint.quiet_until, LONGEST_RETRY_AFTER),
        probe_at=kept(checkpoint.probe_at, LONGEST_PROBE),
        recovered_at=kept(checkpoint.recovered_at, 0),
        swept_at=kept(checkpoint.swept_at, 0),
    )


def _joined(own: Checkpoint, moved: Checkpoint) -> Checkpoint:
    """Take into the checkpoint that a run writes what a redelivery has written meanwhile."""
    dues = [each for each in (own.due, moved.due) if each is not None]
    due = min(dues, default=None)
    return replace(own, etag=moved.etag, due=due, is_asked=moved.is_asked)


def _has_moved(before: FeedPosition, after: FeedPosition) -> bool:
    """Tell whether a reading has gone so far that it is not to be repeated."""
    moved = settled_at(after) - settled_at(before)
    return moved >= _DAY_MS or (after.rows > 0 and moved >= _REFRESH_MS)


def _after(checkpoint: Checkpoint, attempts: Sequence[Attempt], now: int) -> Checkpoint:
    """Count what came of attempts, in the order in which they ended."""
    after = checkpoint
    for attempt in attempts:
        if attempt.has_succeeded:
            has_recovered = after.failures >= SUSPENDED_AFTER
            recovered = now if has_recovered else after.recovered_at
            after = replace(after, failures=0, failing_since=None, recovered_at=recovered)
        else:
            failures = after.failures + 1
            since = after.failing_since or now
            after = replace(after, failures=failures, failing_since=since)
        if attempt.status in _WAIT_STATUSES and attempt.retry_after is not None:
            seconds = retry_after(attempt.retry_after, now / 1_000) or 0
            after = replace(after, quiet_until=max(after.quiet_until, now + 1_000 * seconds))
    if after.failures >= SUSPENDED_AFTER:
        after = replace(after, probe_at=next_probe(now, after.failures))
    return after


def _moved(before: Delivery, outcome: Delivery, *, is_known: bool) -> list[RowOperation]:
    """List the operations that write what became of a delivery."""
    insertion = outcome.insertion()
    if not is_known:
        return [insertion]
    if outcome == before:
        return []
    if outcome.key == before.key:
        return [Replace(outcome.key, insertion.values, ANY_ETAG)]
    return [Delete(before.key), insertion]


def _next_look(checkpoint: Checkpoint) -> int | None:
    """Say when there is something to do for a checkpoint, apart from new events."""
    if checkpoint.failures >= SUSPENDED_AFTER:
        return min(checkpoint.probe_at, checkpoint.due or checkpoint.probe_at)
    return checkpoint.due


def _fails(attempts: Mapping[str, Attempt]) -> bool:
    """Tell whether the last attempts have all failed, so that no more are worth making."""
    last = list(attempts.values())[-SUSPENDED_AFTER:]
    return len(last) == SUSPENDED_AFTER and not any(each.has_succeeded for each in last)


def _write_fault(tenant: str, endpoint: str, fault: Exception) -> None:
    """Log why the events of a tenant could not be sent: the kind and where, and no value."""
    stack = "".join(traceback.format_tb(fault.__traceback__))
    kind = type(fault).__name__
    _log.error("webhooks of tenant %s to %s were not sent: %s\n%s", tenant, endpoint, kind, stack)
