"""What a run has to do for an endpoint of a tenant: deliveries that are due, then new events."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field

from shared.events.event import Event
from shared.events.feed import FeedPosition
from shared.store.webhook_checkpoints import Checkpoint
from shared.store.webhook_deliveries import Delivery, DeliveryStream
from shared.tables.request_context import RequestContext
from shared.webhooks.positions import Sent, read_position, settled_at
from shared.webhooks.schedule import SUSPENDED_AFTER, due_of, is_due, is_redelivery
from shared.webhooks.sources import Sources

BATCH, SMALL_BATCH = 32, 4
"""Events between two checkpoints: of an endpoint that answers, and of one whose last attempt has
failed."""

MOST_PENDING_DELIVERIES = 1_000
"""Deliveries of a tenant to an endpoint that are tried again beside the feed. With more, what
follows stays in the feed."""

_MOST_PENDING_READ = 10_000
"""Pending deliveries that are read. Redeliveries can make more than `MOST_PENDING_DELIVERIES`."""

_MOST_EVENTS_READ = 1_000
"""Events of a reading of the feed that has told only what was sent."""

_DAY_MS = 86_400_000
_REFRESH_MS = 60_000


@dataclass(slots=True)
class Work:
    """What a run has found to do for an endpoint of a tenant.

    Attributes:
        deliveries: what is to be sent.
        known: ids of those that lie in rows already.
        pending: how many deliveries are pending, those of this work included.
        next_due: when the first of those is due that are left aside.
        is_probe: whether one is sent ahead of its time, to see whether the endpoint answers.
        position: in the feed, behind this work; None where the feed was not read.
        told: all events that the feed has told on the way.
        must_write: whether the checkpoint has to move although nothing is sent.
        leaves_redeliveries: whether redeliveries are left aside, which somebody wants to be made
            now.
        redelivered_meanwhile: ids of those that somebody wanted to be made again while they were
            sent.
    """

    deliveries: list[Delivery]
    known: frozenset[str] = frozenset()
    pending: int = 0
    next_due: int | None = None
    is_probe: bool = False
    position: FeedPosition | None = None
    told: list[Event] = field(default_factory=list)
    must_write: bool = False
    leaves_redeliveries: bool = False
    redelivered_meanwhile: frozenset[str] = frozenset()


class WorkFinder:
    """Finds the work of one run.

    Attributes:
        is_cut: whether the feed ended, when it was read last, before what the guard has yet to rule
            on.
    """

    def __init__(self, sources: Sources, context: RequestContext, stream: DeliveryStream) -> None:
        self._sources = sources
        self._context = context
        self._stream = stream
        self.is_cut = False

    async def find(self, checkpoint: Checkpoint, types: Collection[str], now: int) -> Work:
        """Find what is to be sent now.

        As long as the endpoint wants to be sent nothing, that is redeliveries alone. As long as it
        fails, it is one delivery: the next one, as a probe.

        Args:
            checkpoint: how far the endpoint has come.
            types: of the events that the endpoint wants; none for all.
            now: in POSIX milliseconds.
        """
        is_quiet = now < checkpoint.quiet_until
        if is_quiet and not checkpoint.has_redeliveries:
            return Work([])
        most = _most_at_once(checkpoint)
        work = await self._find_pending(checkpoint, most, now)
        room = most - len(work.deliveries)
        may_begin = not _is_suspended(checkpoint) or _is_probe_due(checkpoint, now)
        if may_begin and not is_quiet and room and work.pending < MOST_PENDING_DELIVERIES:
            await self._add_events(checkpoint, types, work, room, now)
        return work

    async def _find_pending(self, checkpoint: Checkpoint, most: int, now: int) -> Work:
        """Find the pending deliveries that are due, and say what is left aside."""
        due, later, pending = await self._read_pending(checkpoint, now)
        if now < checkpoint.quiet_until:
            later += [each for each in due if not is_redelivery(each)]
            due = [each for each in due if is_redelivery(each)]
        taken, left = due[:most], [*due[most:], *later]
        return Work(
            taken,
            frozenset(each.id for each in taken),
            pending=pending,
            next_due=min((due_of(each, checkpoint, now) for each in left), default=None),
            is_probe=bool(taken) and not is_due(taken[0], checkpoint, now),
            # Nothing is due any more, because another run has put the next attempt off. The
            # checkpoint has to say so.
            must_write=not taken and checkpoint.due is not None and checkpoint.due <= now,
            leaves_redeliveries=any(map(is_redelivery, left)),
        )

    async def _read_pending(
        self, checkpoint: Checkpoint, now: int
    ) -> tuple[list[Delivery], list[Delivery], int]:
        """Read deliveries that are due, in the order of their times; those that are not; how many.

        For a probe the next one counts as due.
        """
        if checkpoint.due is None:
            return [], [], 0
        is_probe = _is_probe_due(checkpoint, now)
        if checkpoint.due > now and not is_probe:
            return [], [], checkpoint.pending
        read = self._sources.deliveries.read_pending
        found = await read(self._context, self._stream, _MOST_PENDING_READ)
        found.sort(key=lambda each: (each.next_attempt or 0, each.id))
        due = [each for each in found if is_due(each, checkpoint, now)]
        later = [each for each in found if not is_due(each, checkpoint, now)]
        if is_probe and not due and later:
            due, later = later[:1], later[1:]
        return due, later, len(found)

    async def _add_events(
        self, checkpoint: Checkpoint, types: Collection[str], work: Work, room: int, now: int
    ) -> None:
        """Read events that were not sent yet, until there are some or the feed ends.

        Where a row became visible late, the feed tells anew what was told in the last 2 minutes.
        """
        sent, began = Sent(checkpoint.sent), read_position(checkpoint.position)
        position, limit = began, room
        while True:
            page = await self._sources.feed.read(self._context, position, limit, types)
            new = [each for each in page.events if not sent.has(each)]
            if len(new) > room and limit > room:
                limit = room  # more than fits into a transaction
                continue
            work.told += page.events
            if new or not page.has_more:
                break
            position, limit = page.position, min(4 * limit, _MOST_EVENTS_READ)
        self.is_cut = page.is_cut
        # Nothing could be read of a type that is no longer served.
        work.deliveries += [self._delivery(each, now) for each in new if self._is_served(each)]
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
            self._stream.endpoint,
            self._context.tenant,
            event.type,
            next_attempt=now,
            body=body,
        )


def _is_suspended(checkpoint: Checkpoint) -> bool:
    return checkpoint.failures >= SUSPENDED_AFTER


def _is_probe_due(checkpoint: Checkpoint, now: int) -> bool:
    return _is_suspended(checkpoint) and now >= checkpoint.probe_at


def _most_at_once(checkpoint: Checkpoint) -> int:
    """Return how many events are sent before the next checkpoint."""
    if _is_suspended(checkpoint):
        return 1
    return SMALL_BATCH if checkpoint.failures else BATCH


def _has_moved(before: FeedPosition, after: FeedPosition) -> bool:
    """Tell whether a reading has gone so far that it is not to be repeated."""
    moved = settled_at(after) - settled_at(before)
    return moved >= _DAY_MS or (after.rows > 0 and moved >= _REFRESH_MS)
