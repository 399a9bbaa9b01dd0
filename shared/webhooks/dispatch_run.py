"""One run of the dispatcher for an endpoint and a tenant."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from shared.clock import Clock, rfc3339
from shared.errors import NotFound
from shared.store.webhook_checkpoints import Checkpoint
from shared.store.webhook_deliveries import Delivery, DeliveryStream
from shared.store.webhook_endpoints import WebhookEndpoint
from shared.tables.operations import OperationRejected, RowOperation
from shared.tables.request_context import RequestContext
from shared.webhooks.endpoint_load import EndpointLoad
from shared.webhooks.positions import position_at, read_position, settled_at, write_position
from shared.webhooks.schedule import HELD_MS, SUSPENDED_AFTER, next_look, without_future
from shared.webhooks.sender import Attempt
from shared.webhooks.settlement import settle, with_redelivery
from shared.webhooks.signing import headers_of
from shared.webhooks.sources import Sources
from shared.webhooks.work import Work, WorkFinder

DISPATCH_SECONDS = 20.0
"""How long a run begins attempts. With one of 15 s and a checkpoint it ends within 40 s."""

SENDS_AT_ONCE = 4
"""Attempts at an endpoint with events of one tenant that are under way at once."""

BUSY_SECONDS = 30.0
"""When an endpoint is looked at again from which enough runs are waiting for an answer."""

UNDECIDED_SECONDS = 30.0
"""When the feed is read again, if it has ended before what the guard has yet to rule on."""

DELIVERIES_KEPT_DAYS = 30
"""How long deliveries are kept that were made, or are dead."""

_DAY_MS = 86_400_000

_GONE = 410

_log = logging.getLogger("scim.webhooks")


class DispatchRun:
    """One run for an endpoint and a tenant.

    It stops early where the endpoint is to be sent nothing more, and where it is busy: enough runs
    wait for its answer.
    """

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
        self._finder = WorkFinder(sources, context, self._stream)
        self._until = clock.steady() + DISPATCH_SECONDS
        self._must_stop = self._has_answered_gone = self._is_busy = False

    async def run(self, *, expires: bool) -> None:
        """Send what is due, and see to it that somebody looks again when more is."""
        if not await self._load.has_room_soon(self._endpoint.id):
            await self._look_again(BUSY_SECONDS)
            return
        checkpoint = await self._begin()
        while self._may_go_on():
            if checkpoint.is_held(self._now(), self._context.request_id):
                return
            work = await self._finder.find(checkpoint, self._endpoint.types, self._now())
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
        return self._must_stop or self._is_busy or self._clock.steady() >= self._until

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
            self._must_stop = True
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
        return self._without_lost(without_future(found, self._now()))

    def _without_lost(self, checkpoint: Checkpoint) -> Checkpoint:
        """Pass over events that have expired before they were sent, and log that they are lost."""
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

    async def _send(self, checkpoint: Checkpoint, work: Work) -> Checkpoint:
        """Take the checkpoint, send, and write what came of it."""
        secrets = await self._sources.secrets(self._endpoint.id)
        if not secrets:
            _log.error(
                "webhook endpoint %s has no valid secret in the vault; nothing is sent to it",
                self._endpoint.id,
            )
            self._must_stop = True
            return checkpoint
        held = replace(
            checkpoint, holder=self._context.request_id, held_until=self._now() + HELD_MS
        )
        taken = await self._write(held)
        attempts = await self._attempt_all(work.deliveries, secrets)
        if not attempts and not self._must_stop:
            # Others try this endpoint already, and there are enough of them while it fails.
            self._is_busy = True
            return await self._write(replace(taken, holder="", held_until=0))
        return await self._settle(taken, work, attempts)

    async def _attempt_all(
        self, deliveries: Sequence[Delivery], secrets: tuple[str, ...]
    ) -> dict[str, Attempt]:
        """Send several at once; return what came of each attempt, the first that ended first."""
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
                    self._must_stop = self._has_answered_gone = True

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
        self, checkpoint: Checkpoint, work: Work, attempts: Mapping[str, Attempt]
    ) -> Checkpoint:
        """Write the new checkpoint with what became of each delivery, and give it back.

        What somebody wanted to be made again while it was sent is sent once more, unless it has
        arrived.

        Raises:
            OperationRejected: another run has taken the checkpoint.
        """
        now = self._now()
        settled = settle(checkpoint, work, attempts, now, self._draw)
        try:
            written = await self._write_once(settled.checkpoint, settled.operations)
        except OperationRejected:
            moved = await self._moved_by_redelivery()
            if moved is None:
                raise
            work = await self._with_redelivered(work)
            settled = settle(checkpoint, work, attempts, now, self._draw)
            after = with_redelivery(settled.checkpoint, moved)
            written = await self._write_once(after, settled.operations)
        self._log_outcomes(checkpoint, written, settled.outcomes)
        if self._has_answered_gone:
            await self._disable_endpoint()
        return written

    async def _write_once(
        self, checkpoint: Checkpoint, operations: Sequence[RowOperation] = ()
    ) -> Checkpoint:
        """Write a checkpoint with deliveries. 1 call.

        Raises:
            OperationRejected: another run has taken it, or a redelivery has moved it.
        """
        checkpoints, endpoint = self._sources.checkpoints, self._endpoint.id
        return await checkpoints.write(self._context, endpoint, checkpoint, operations)

    async def _with_redelivered(self, work: Work) -> Work:
        """Read which deliveries somebody wanted to be made again while they were sent."""
        before = {each.id: each for each in work.deliveries if each.id in work.known}
        read = self._sources.deliveries.read_pending_among
        found = await read(self._context, self._stream, before)
        again = {
            key: now for key, now in found.items() if now.redelivered != before[key].redelivered
        }
        deliveries = [again.get(each.id, each) for each in work.deliveries]
        return replace(work, deliveries=deliveries, redelivered_meanwhile=frozenset(again))

    def _log_outcomes(
        self, before: Checkpoint, after: Checkpoint, outcomes: Sequence[Delivery]
    ) -> None:
        """Log what an operator has to know: dead letters, and an endpoint that begins to fail."""
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

    async def _disable_endpoint(self) -> None:
        """Disable an endpoint that has answered 410 Gone."""
        endpoint = self._endpoint.id
        with contextlib.suppress(NotFound):
            await self._sources.endpoints.disable(self._context, endpoint, "answered 410 Gone")
        _log.error("webhook endpoint %s is switched off: it has answered 410 Gone", endpoint)

    async def _expire(self, checkpoint: Checkpoint) -> Checkpoint:
        """Delete deliveries that are older than they are kept, once a day."""
        now = self._now()
        if not checkpoint.etag or now < checkpoint.swept_at + _DAY_MS:
            return checkpoint
        before = now - DELIVERIES_KEPT_DAYS * _DAY_MS
        await self._sources.checkpoints.expire(self._context, self._stream, before)
        return await self._write(replace(checkpoint, swept_at=now))

    async def _plan(self, checkpoint: Checkpoint) -> None:
        """Have somebody look again when the next attempt is due."""
        if self._must_stop:
            return
        if self._is_busy:
            await self._look_again(BUSY_SECONDS)
            return
        now = self._now()
        times = [next_look(checkpoint)]
        if self._clock.steady() >= self._until:
            times.append(now)
        if self._finder.is_cut:
            times.append(now + round(1_000 * UNDECIDED_SECONDS))
        first = min((each for each in times if each is not None), default=None)
        if first is not None:
            quiet_until = 0 if checkpoint.has_redeliveries else checkpoint.quiet_until
            await self._look_again((max(first, quiet_until, now) - now) / 1_000)

    async def _look_again(self, seconds: float) -> None:
        await self._sources.hints.look_again(self._context.tenant, seconds)

    async def _write(self, checkpoint: Checkpoint) -> Checkpoint:
        """Write a checkpoint, with what a redelivery has written into it meanwhile.

        Raises:
            OperationRejected: another run has taken it.
        """
        try:
            return await self._write_once(checkpoint)
        except OperationRejected:
            moved = await self._moved_by_redelivery()
            if moved is None:
                raise
        return await self._write_once(with_redelivery(checkpoint, moved))

    async def _moved_by_redelivery(self) -> Checkpoint | None:
        """Read the checkpoint as a redelivery has moved it; None where another run has taken it."""
        found = await self._sources.checkpoints.read(self._context, self._endpoint.id)
        is_own = found is not None and found.holder == self._context.request_id
        return found if is_own else None

    def _now(self) -> int:
        """Return the time in POSIX milliseconds."""
        return int(self._clock.wall() * 1_000)


def _fails(attempts: Mapping[str, Attempt]) -> bool:
    """Tell whether the last attempts have all failed, so that no more are worth making."""
    last = list(attempts.values())[-SUSPENDED_AFTER:]
    return len(last) == SUSPENDED_AFTER and not any(each.has_succeeded for each in last)
