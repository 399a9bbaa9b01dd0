"""Cursors of the feed: a position in a form that a reader keeps, and gives back as it is.

A cursor is no secret and is not sealed: it names a place in the feed of a tenant, all of which its
reader may read. So it stays good when API keys change.
"""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from shared.events.feed import FeedPosition
from shared.store import layout

_AHEAD = 300_000
"""By how many milliseconds the clock of the instance that wrote a cursor may be ahead."""

_FORM = re.compile(
    r"1\.(?P<tenant>[0-9a-f]{16})\.(?P<settled>[0-9a-f]{32})\.(?P<seen>[0-9a-f]{32})"
    r"\.(?P<rows>[0-9a-f]{1,8})\.(?P<end>[01])"
)


class InvalidFeedCursorError(Exception):
    """The cursor was not given out for the feed of this tenant."""


class ExpiredFeedCursorError(Exception):
    """Some of what comes behind the cursor is no longer kept."""


def write_cursor(position: FeedPosition, tenant: str) -> str:
    """Write a position in the feed of a tenant."""
    parts = (
        *("1", _mark(tenant), position.settled, position.seen),
        *(f"{position.rows:x}", str(int(position.is_at_end))),
    )
    return urlsafe_b64encode(".".join(parts).encode()).decode().rstrip("=")


def read_cursor(cursor: str, tenant: str, now: int, kept: int) -> FeedPosition:
    """Read a cursor.

    Args:
        cursor: what the reader gave back.
        tenant: whose feed is read.
        now: in POSIX milliseconds.
        kept: for how many milliseconds change rows are kept.

    Raises:
        InvalidFeedCursorError: it was not given out for this feed.
        ExpiredFeedCursorError: rows behind it may have expired.
    """
    position = _parse(cursor, tenant)
    if layout.change_time(position.seen) > now + _AHEAD:
        raise InvalidFeedCursorError
    has_begun = position.settled != FeedPosition().settled
    if has_begun and layout.change_time(position.settled) < now - kept:
        raise ExpiredFeedCursorError
    return position


def _parse(cursor: str, tenant: str) -> FeedPosition:
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        raise InvalidFeedCursorError from None
    found = _FORM.fullmatch(text)
    if found is None or found["tenant"] != _mark(tenant):
        raise InvalidFeedCursorError
    position = FeedPosition(
        found["settled"], found["seen"], int(found["rows"], 16), found["end"] == "1"
    )
    # One position has one cursor; and what a reader has changed in it means nothing.
    is_ordered = position.settled <= position.seen and (
        position.seen > position.settled or not position.rows
    )
    if not is_ordered or write_cursor(position, tenant) != cursor:
        raise InvalidFeedCursorError
    return position


def _mark(tenant: str) -> str:
    """Return what tells the feed of a tenant from that of another."""
    return hashlib.sha256(tenant.encode()).hexdigest()[:16]
