"""What a checkpoint says of the feed: the position, as text, and what was told of late."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from shared.events.feed import FeedPosition
from shared.store import layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.events.event import Event

_TIME_BYTES, _MARK_BYTES = 6, 12
MOST_MARKS = 5_000
"""Events of the last two minutes that are remembered; of more, the oldest may be sent once more."""


def write_position(position: FeedPosition) -> str:
    """Write a position as text."""
    end = int(position.is_at_end)
    return f"{position.settled}.{position.seen}.{position.rows:x}.{end}"


def read_position(text: str) -> FeedPosition:
    """Read what `write_position` wrote."""
    settled, seen, rows, end = text.split(".")
    return FeedPosition(settled, seen, int(rows, 16), end == "1")


def position_at(milliseconds: int) -> FeedPosition:
    """Return the position of whoever wants what has happened from a time on."""
    number = layout.change_number(milliseconds)
    return FeedPosition(number, number)


def settled_at(position: FeedPosition) -> int:
    """Tell up to when all is told, in POSIX milliseconds."""
    return layout.change_time(position.settled)


class Sent:
    """The events that were told and lie behind what is settled, so that they may be told again.

    Of an event the time of the row that tells it is kept, and 6 bytes of a hash. What the guard has
    released is told by a row that is later than the change, and has its id.
    """

    def __init__(self, packed: bytes) -> None:
        starts = range(0, len(packed), _MARK_BYTES)
        self._marks = {packed[start : start + _MARK_BYTES] for start in starts}

    def has(self, event: Event) -> bool:
        """Tell whether an event was told."""
        return _mark(event) in self._marks

    def packed_with(self, events: Iterable[Event], settled: int) -> bytes:
        """Add events, and write those that are not settled."""
        marks = self._marks | {_mark(each) for each in events}
        first = settled.to_bytes(_TIME_BYTES, "big")
        return b"".join(sorted(mark for mark in marks if mark >= first)[-MOST_MARKS:])


def _mark(event: Event) -> bytes:
    row = layout.id_in(event.recorded.key)
    digest = hashlib.sha256(event.id.encode()).digest()[: _MARK_BYTES - _TIME_BYTES]
    return bytes.fromhex(row[: 2 * _TIME_BYTES]) + digest
