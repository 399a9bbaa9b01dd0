"""The activity of a tenant: its changes by what is asked for, a page or a file of them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from portal.look_up import find
from portal.names import read_names
from portal.refusals import PageRefusal
from portal.wording import KINDS, OF_THE_VENDOR, Entry, Kind, entry_of, kind_of
from shared.store import layout
from shared.store.changes import ADMINISTRATIVE
from shared.store.recent_changes import ChangesPage, is_told, read_back

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.visit import Visit
    from shared.store.changes import RecordedChange

PAGE = 25
_DAY = 86_400_000
_NUMBER = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """What is asked for.

    Attributes:
        who: what names a user or a group, as it was typed; "" for all.
        kind: what was done; "" for all.
        since: from which day on, as `2027-01-31`; "" for no bound.
        until: up to which day; likewise.
        is_of_provisioning: whether what is done at the portal, and settings, are left out.
    """

    who: str = ""
    kind: Kind | str = ""
    since: str = ""
    until: str = ""
    is_of_provisioning: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Read it from the query.

        Raises:
            PageRefusal: it is not understood.
        """
        asked = cls(
            query.get("who", "").strip()[:300],
            query.get("kind", ""),
            query.get("since", ""),
            query.get("until", ""),
        )
        if asked.kind and asked.kind not in KINDS:
            raise PageRefusal(400, "not_understood")
        for day in (asked.since, asked.until):
            _milliseconds(day)
        return asked

    @property
    def is_set(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.who or self.kind or self.since or self.until)

    @property
    def query(self) -> dict[str, str]:
        """What is asked for, as the parameters of a page."""
        named = {"who": self.who, "kind": self.kind, "since": self.since, "until": self.until}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class Activity:
    """A page of the activity.

    Attributes:
        entries: the newest first.
        before: where the next page begins; None when this is the last one.
        looked_back_to: up to which time all was looked at, in POSIX seconds.
        is_unknown: whether nobody is known by what was typed.
    """

    entries: list[Entry]
    before: str | None
    looked_back_to: float
    is_unknown: bool = False


async def read_activity(
    visit: Visit, asked: ActivityFilter, before: str | None = None, count: int = PAGE
) -> Activity:
    """Read a page. A few calls, and one for each user and group that is named."""
    ids = await ids_of(visit, asked.who)
    if asked.who and not ids:
        return Activity([], None, 0, is_unknown=True)
    page = await read_changes(visit, asked, ids, before, count)
    context = visit.entered.context
    names = await read_names(visit.services.store.table, context, page.changes)
    entries = [entry_of(each, names, visit.texts) for each in page.changes]
    return Activity(entries, page.before, page.looked_back_to / 1000)


async def read_changes(
    visit: Visit,
    asked: ActivityFilter,
    ids: frozenset[str],
    before: str | None,
    count: int,
) -> ChangesPage:
    """Read the changes that are asked for; those about `ids` where there are any."""
    now = time.time_ns() // 1_000_000
    oldest = now - visit.services.settings.history_days * _DAY
    until = _milliseconds(asked.until)
    if before is None and until is not None:
        before = layout.change_number(until + _DAY)

    def is_wanted(each: RecordedChange) -> bool:
        return (
            is_told(each)
            and (not asked.kind or kind_of(each.change) == asked.kind)
            and not (asked.is_of_provisioning and kind_of(each.change) in OF_THE_VENDOR)
            and (not ids or bool(ids & ids_in(each)))
        )

    return await read_back(
        visit.services.store.table,
        visit.entered.context,
        count,
        now=now,
        oldest=max(oldest, _milliseconds(asked.since) or 0),
        before=before,
        is_wanted=is_wanted,
    )


def ids_in(recorded: RecordedChange) -> set[str]:
    """Return the ids of all that a change is about."""
    change = recorded.change
    if change.resource in ADMINISTRATIVE:
        return set()
    members = {member for member, _ in (*change.added, *change.removed)}
    return {change.id, *members, *change.left}


def read_before(query: Mapping[str, str]) -> str | None:
    """Read where a page begins.

    Raises:
        PageRefusal: it is not what a page gives out.
    """
    before = query.get("before")
    if before is not None and not _NUMBER.fullmatch(before):
        raise PageRefusal(400, "not_understood")
    return before


async def ids_of(visit: Visit, who: str) -> frozenset[str]:
    """Find the ids of those that a text names; none where it is empty."""
    if not who:
        return frozenset()
    return frozenset(found.id for found in await find(visit, who))


def _milliseconds(day: str) -> int | None:
    """Read a day, which begins at midnight in UTC.

    Raises:
        PageRefusal: it is none.
    """
    if not day:
        return None
    try:
        return int(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise PageRefusal(400, "not_understood") from None
