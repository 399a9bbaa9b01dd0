"""Cursors of the feed: what is given back as it was is read, and nothing else."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from shared.events.cursor import (
    ExpiredFeedCursorError,
    InvalidFeedCursorError,
    read_cursor,
    write_cursor,
)
from shared.events.feed import FeedPosition
from shared.store.layout import change_number

NOW = 1_800_000_000_000
KEPT = 400 * 86_400_000
MINUTE = 60_000
SEEN = FeedPosition(change_number(NOW - 2 * MINUTE), change_number(NOW - MINUTE), 3, is_at_end=True)


@pytest.mark.parametrize(
    "position",
    [
        FeedPosition(),
        SEEN,
        FeedPosition(change_number(NOW), change_number(NOW)),
        FeedPosition(seen=change_number(NOW), rows=16**6),
        FeedPosition(change_number(NOW - KEPT), change_number(NOW - KEPT)),
    ],
)
def test_a_position_comes_back(position: FeedPosition) -> None:
    assert read_cursor(write_cursor(position, "acme"), "acme", NOW, KEPT) == position


def raw(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


GOOD = write_cursor(SEEN, "acme")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        " ",
        "0",
        "é",
        "\x00",
        "'; drop",
        GOOD[:-1],
        GOOD + "A",
        GOOD + "=",
        GOOD + "\n",
        GOOD.swapcase(),
        raw("1"),
        raw("2.0.0.0.0.0"),
        raw(f"1.{'0' * 16}.{'0' * 32}.{'0' * 32}.0.0"),
        "A" * 100_000,
        write_cursor(SEEN, "other"),
        write_cursor(FeedPosition(SEEN.seen, SEEN.settled), "acme"),
        write_cursor(FeedPosition(SEEN.seen, SEEN.seen, rows=1), "acme"),
        write_cursor(FeedPosition(seen=change_number(NOW + 6 * MINUTE)), "acme"),
    ],
)
def test_anything_else_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidFeedCursorError):
        read_cursor(cursor, "acme", NOW, KEPT)


def test_one_behind_which_rows_may_have_expired_is_told_apart() -> None:
    old = change_number(NOW - KEPT - 1)
    with pytest.raises(ExpiredFeedCursorError):
        read_cursor(write_cursor(FeedPosition(old, old), "acme"), "acme", NOW, KEPT)
