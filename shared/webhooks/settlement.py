"""What comes of attempts, without I/O: the new checkpoint, and what is written of each event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.tables.operations import Delete, Replace
from shared.tables.rows import ANY_ETAG
from shared.webhooks.positions import Sent, settled_at, write_position
from shared.webhooks.schedule import (
    SUSPENDED_AFTER,
    due_of,
    is_redelivery,
    next_attempt,
    next_probe,
    retry_after,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from shared.store.webhook_checkpoints import Checkpoint
    from shared.store.webhook_deliveries import Delivery
    from shared.tables.operations import RowOperation
    from shared.webhooks.sender import Attempt
    from shared.webhooks.work import Work

_WAIT_STATUSES = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Settlement:
    """What comes of attempts.

    Attributes:
        checkpoint: the new one.
        operations: what writes the deliveries.
        outcomes: what became of each delivery of the work, in its order.
    """

    checkpoint: Checkpoint
    operations: list[RowOperation]
    outcomes: list[Delivery]


def settle(
    checkpoint: Checkpoint,
    work: Work,
    attempts: Mapping[str, Attempt],
    now: int,
    draw: random.Random,
) -> Settlement:
    """Work out what comes of attempts.

    Args:
        checkpoint: as it was taken.
        work: what was to be sent.
        attempts: those that were made, by the id of the event, as they ended.
        now: in POSIX milliseconds.
        draw: of the jitter.
    """
    after = _after(checkpoint, [*attempts.values()], now)
    outcomes = [_outcome(each, attempts.get(each.id), work, now, draw) for each in work.deliveries]
    operations: list[RowOperation] = []
    for before, outcome in zip(work.deliveries, outcomes, strict=True):
        operations += _writes(before, outcome, is_known=before.id in work.known)
    pending = [each for each in outcomes if each.state == "pending"]
    after = _with_pending(after, checkpoint, work, pending, now)
    return Settlement(_moved_on(after, work), operations, outcomes)


def with_redelivery(own: Checkpoint, moved: Checkpoint) -> Checkpoint:
    """Take into the checkpoint that a run writes what a redelivery has written meanwhile."""
    dues = [each for each in (own.due, moved.due) if each is not None]
    due = min(dues, default=None)
    return replace(own, etag=moved.etag, due=due, has_redeliveries=moved.has_redeliveries)


def _with_pending(
    after: Checkpoint, before: Checkpoint, work: Work, pending: Sequence[Delivery], now: int
) -> Checkpoint:
    """Give a checkpoint back, and say in it what is pending and when the next attempt is due.

    Args:
        after: with what came of the attempts.
        before: as it was taken.
        work: what was to be sent.
        pending: what of it is pending still, or again.
        now: in POSIX milliseconds.
    """
    left = work.pending - len(work.known) + len(pending)
    dues = [due_of(each, after, now) for each in pending]
    if work.next_due is not None:
        dues.append(work.next_due)
    elif left > len(pending) and before.due is not None:
        dues.append(before.due)  # of those that were not read
    if after.recovered_at == now and left:
        dues.append(now)
    is_quieter = after.quiet_until > before.quiet_until
    is_left = work.leaves_redeliveries or any(map(is_redelivery, pending))
    return replace(
        after,
        due=min(dues, default=None),
        pending=left,
        holder="",
        held_until=0,
        has_redeliveries=is_left and not is_quieter,
    )


def _moved_on(checkpoint: Checkpoint, work: Work) -> Checkpoint:
    """Move a checkpoint behind the events of the feed that were told; not, if none was read."""
    if work.position is None:
        return checkpoint
    sent = Sent(checkpoint.sent).packed_with(work.told, settled_at(work.position))
    return replace(checkpoint, position=write_position(work.position), sent=sent)


def _outcome(
    delivery: Delivery, attempt: Attempt | None, work: Work, now: int, draw: random.Random
) -> Delivery:
    """Say what becomes of a delivery. One that was not tried stays pending, and due.

    A probe that fails does not count as an attempt of the schedule.
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
    if delivery.id in work.redelivered_meanwhile:
        return replace(tried, attempts_before=tried.attempts)
    if work.is_probe:
        return tried
    again = next_attempt(now, tried.attempts - tried.attempts_before, draw)
    if again is None:
        return replace(tried, state="dead", next_attempt=None)
    wanted = retry_after(attempt.retry_after, now / 1_000)
    return replace(tried, next_attempt=max(again, now + 1_000 * (wanted or 0)))


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


def _writes(before: Delivery, outcome: Delivery, *, is_known: bool) -> list[RowOperation]:
    """List the operations that write what became of a delivery."""
    insertion = outcome.insertion()
    if not is_known:
        return [insertion]
    if outcome == before:
        return []
    if outcome.key == before.key:
        return [Replace(outcome.key, insertion.values, ANY_ETAG)]
    return [Delete(before.key), insertion]
