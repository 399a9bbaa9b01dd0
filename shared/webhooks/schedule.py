"""When an event is sent again, and when an endpoint that fails is tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

    from shared.store.webhook_checkpoints import Checkpoint
    from shared.store.webhook_deliveries import Delivery

_MINUTE, _HOUR = 60, 3_600

DELAYS: Final = (
    *(5, 5 * _MINUTE, 30 * _MINUTE),
    *(2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR),
)
"""Seconds between an attempt that has failed and the next one; the first one is made at once."""

MOST_ATTEMPTS: Final = len(DELAYS) + 1

_JITTER = 0.1
"""The part of a delay that is drawn on top of it, so that events that failed together are not sent
again together."""

LONGEST_DELAY: Final = max(DELAYS) * (1 + _JITTER)
"""Seconds between an attempt and the next one at most."""

HELD_MS = 60_000
"""How long a run has a checkpoint to itself, unless it gives it back before."""

_SKEW_MS = 60_000
"""How far the clocks of two instances may be apart."""

LONGEST_RETRY_AFTER = _HOUR
"""Seconds of `Retry-After` that are heeded."""

SUSPENDED_AFTER: Final = 10
"""Failures in a row after which only one attempt at a time is made, to see whether the endpoint
answers."""

_FIRST_PROBE, LONGEST_PROBE = _MINUTE, _HOUR


def next_attempt(now: int, attempts: int, draw: random.Random) -> int | None:
    """Say when to try again, in POSIX milliseconds; None after the last attempt.

    Args:
        now: in POSIX milliseconds.
        attempts: that were made, all in vain.
        draw: of the jitter.
    """
    if attempts >= MOST_ATTEMPTS:
        return None
    seconds = DELAYS[max(attempts, 1) - 1] * (1 + _JITTER * draw.random())
    return now + round(seconds * 1_000)


def next_probe(now: int, failures: int) -> int:
    """Say when a probe is sent to an endpoint that has failed so often in a row."""
    doubled = max(failures - SUSPENDED_AFTER, 0)
    return now + 1_000 * int(min(_FIRST_PROBE * 2 ** min(doubled, 10), LONGEST_PROBE))


def retry_after(header: str | None, now: float) -> int | None:
    """Read `Retry-After`: whole seconds, at most an hour; None where it says nothing.

    Args:
        header: seconds or a date (RFC 9110 section 10.2.3).
        now: in POSIX seconds.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:9]), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = (at - datetime.fromtimestamp(now, UTC)).total_seconds()
    return min(max(round(seconds), 0), LONGEST_RETRY_AFTER)


def is_due(delivery: Delivery, checkpoint: Checkpoint, now: int) -> bool:
    """Tell whether the next attempt of a delivery is to be made."""
    return due_of(delivery, checkpoint, now) <= now


def due_of(delivery: Delivery, checkpoint: Checkpoint, now: int) -> int:
    """Say when a delivery is due: at once, if its endpoint has recovered since it was tried.

    A time that lies further ahead than any attempt can have put it comes from a clock that was
    ahead, and counts for nothing.
    """
    if (delivery.last_attempt or now) < checkpoint.recovered_at <= now:
        return 0
    due = delivery.next_attempt or 0
    return due if due <= now + round(1_000 * LONGEST_DELAY) + _SKEW_MS else 0


def is_redelivery(delivery: Delivery) -> bool:
    """Tell whether somebody wants a delivery to be made again now, and it was not tried since."""
    return delivery.redelivered is not None and delivery.redelivered == delivery.next_attempt


def next_look(checkpoint: Checkpoint) -> int | None:
    """Say when there is something to do for a checkpoint, apart from new events."""
    if checkpoint.failures >= SUSPENDED_AFTER:
        return min(checkpoint.probe_at, checkpoint.due or checkpoint.probe_at)
    return checkpoint.due


def without_future(checkpoint: Checkpoint, now: int) -> Checkpoint:
    """Take out times that are later than any that can be written now.

    A clock that was ahead has written them, and the endpoint would be left alone until then.
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
