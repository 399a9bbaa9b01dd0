"""NCRONTAB expressions, as the host of Azure Functions reads them.

Six fields (seconds first) or five, in UTC, with blanks between them. Other than in cron, a day must
satisfy both the field of the day of the month and that of the day of the week; a name is any
beginning of the English one; a range that begins after its end is that range turned round; a time
span (`00:05:00`) in place of an expression is a distance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?")
_YEARS = 12
"""A day that comes in no such time comes never: 29 February is away for eight years at most."""


@dataclass(frozen=True, slots=True)
class _Field:
    """What a field of an expression may hold."""

    least: int
    most: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> frozenset[int]:
        """Return the values that a field stands for.

        Raises:
            ValueError: It is none that the host takes.
        """
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def _part(self, text: str) -> range:
        text, has_step, step = text.partition("/")
        first, is_range, last = text.partition("-")
        if text == "*":
            low, high = self.least, self.most
        elif is_range:
            low, high = sorted((self._value(first), self._value(last)))
        else:
            low = self._value(first)
            high = self.most if has_step else low
        if not self.least <= low <= high <= self.most:
            raise ValueError(f'"{text}" is out of range')
        return range(low, high + 1, max(1, _number(step)) if has_step else 1)

    def _value(self, text: str) -> int:
        if not self.names or text[:1].isdecimal():
            return _number(text)
        for number, name in enumerate(self.names):
            if text and name.startswith(text.lower()):
                return self.least + number
        raise ValueError(f'"{text}" is no name')


_FIELDS = (
    _Field(0, 59),
    _Field(0, 59),
    _Field(0, 23),
    _Field(1, 31),
    _Field(1, 12, _MONTHS),
    _Field(0, 6, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The times at which an expression is due.

    Attributes:
        fields: The values of each field, from the seconds to the day of the week.
    """

    fields: tuple[frozenset[int], ...]

    @property
    def is_kept(self) -> bool:
        """Whether the host keeps its times: what is due within a minute, it does not."""
        return len(self.fields[0]) == 1

    def next_time(self, after: datetime) -> datetime:
        """Return the first time after `after`.

        Raises:
            ValueError: There is none.
        """
        seconds, minutes, hours = (sorted(values) for values in self.fields[:3])
        start = after.replace(microsecond=0) + timedelta(seconds=1)
        for days in range(366 * _YEARS):
            day = (start + timedelta(days=days)).replace(hour=0, minute=0, second=0)
            if not self._is_on(day):
                continue
            for hour in hours:
                for minute in minutes:
                    for second in seconds:
                        time = day.replace(hour=hour, minute=minute, second=second)
                        if time >= start:
                            return time
        raise ValueError("it is never due")

    def _is_on(self, day: datetime) -> bool:
        _, _, _, days, months, weekdays = self.fields
        return day.month in months and day.day in days and day.isoweekday() % 7 in weekdays


@dataclass(frozen=True, slots=True)
class Distance:
    """Times that are so far from each other."""

    between: timedelta

    @property
    def is_kept(self) -> bool:
        """Whether the host keeps its times."""
        return self.between >= timedelta(minutes=1)

    def next_time(self, after: datetime) -> datetime:
        """Return the time that is the distance after `after`."""
        return after + self.between


def parse(text: str) -> Schedule | Distance:
    """Read an expression or a time span.

    Raises:
        ValueError: It is none that the host takes.
    """
    if span := _TIME_SPAN.fullmatch(text.strip()):
        days, hours, minutes, seconds = (int(part or 0) for part in span.groups())
        if hours > 23 or minutes > 59 or seconds > 59:
            raise ValueError("it is no time span")
        between = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if not between:
            raise ValueError("a distance is more than nothing")
        return Distance(between)
    parts = [part for part in text.split(" ") if part]
    if len(parts) == 5:
        parts.insert(0, "0")
    if len(parts) != 6:
        raise ValueError("it has five fields or six")
    values = (field.values(part) for field, part in zip(_FIELDS, parts, strict=True))
    return Schedule(tuple(values))


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(f'"{text}" is no number')
    return int(text)
