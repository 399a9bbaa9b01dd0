"""What the log tells of the identity provider: when it was there last, and what was refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portal.wording import Entry
    from shared.store.provisioning_log import KeptEntry, LogEntry

QUIET_SECONDS: Final = 3 * 3_600
"""Entra comes every 40 minutes, and the log tells of it once an hour."""

SILENT_SECONDS: Final = 24 * 3_600

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400

ContactState = Literal["recent", "quiet", "silent", "never"]


@dataclass(frozen=True, slots=True)
class Contact:
    """The last request of the identity provider that is known.

    Attributes:
        seconds: when, in POSIX seconds; None if none is.
        token: label of the token that it had; "" if none is.
        age: how long ago, in seconds.
    """

    seconds: float | None = None
    token: str = ""
    age: float = 0

    @property
    def state(self) -> ContactState:
        """What the silence since then means."""
        if self.seconds is None:
            return "never"
        if self.age > SILENT_SECONDS:
            return "silent"
        return "quiet" if self.age > QUIET_SECONDS else "recent"

    @property
    def ago(self) -> tuple[str, int]:
        """How long ago: the key of a text about a number, and the number."""
        for unit, seconds in (("days", _DAY), ("hours", _HOUR)):
            if self.age >= 2 * seconds:
                return f"ago.{unit}", int(self.age // seconds)
        return "ago.minutes", int(max(self.age, 0) // _MINUTE)


def contacts_in(entries: Iterable[KeptEntry]) -> Iterator[LogEntry]:
    """Pass over the entries by which no identity provider was there: those without a token."""
    return (each.entry for each in entries if each.entry.token and not each.entry.is_product)


def refusals_in(entries: Iterable[KeptEntry]) -> Iterator[tuple[int, int]]:
    """Return when the identity provider was refused something, and how often.

    What has no entry of its own is told by one that counts it. Times are in POSIX milliseconds.
    """
    for each in entries:
        if each.entry.kind in {"refused", "leftOut"} and not each.entry.is_product:
            yield each.entry.time, each.entry.number or 1


def contact_of(entries: Sequence[KeptEntry], latest: Sequence[Entry], now: float) -> Contact:
    """Find the last contact in the log, or else in the changes, which are always kept.

    Args:
        entries: of the log, the newest first.
        latest: of the activity of the identity provider, likewise.
        now: in POSIX seconds.
    """
    of_log = ((each.time / 1000, each.token) for each in contacts_in(entries))
    of_changes = ((each.seconds, each.actor) for each in latest if each.outcome == "success")
    known = [each for each in (next(of_log, None), next(of_changes, None)) if each is not None]
    if not known:
        return Contact()
    seconds, token = max(known)
    return Contact(seconds, token, now - seconds)
