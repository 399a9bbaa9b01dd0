"""When an event is sent again, and when an endpoint that fails is tried."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

_MINUTE, _HOUR = 60, 3_600

DELAYS: Final = (
    *(5, 5 * _MINUTE, 30 * _MINUTE),
    *(2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR),
)
"""Seconds between an attempt that has failed and the next one; the first one is made at once."""

MOST_ATTEMPTS: Final = len(DELAYS) + 1

_JITTER = 0.1
"""The part of a delay that is drawn on top of it, so that what failed together comes apart."""

LONGEST_DELAY: Final = max(DELAYS) * (1 + _JITTER)
"""Seconds between an attempt and the next one at most."""

LONGEST_RETRY_AFTER = _HOUR
"""Seconds of `Retry-After` that are heeded."""

SUSPENDED_AFTER: Final = 10
"""Failures in a row after which only one attempt at a time is made, to see whether it answers."""

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
    """Say when an endpoint is tried again that has failed so often in a row."""
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
