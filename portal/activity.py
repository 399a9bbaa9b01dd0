"""The activity of a tenant by what is asked for: its changes, and what was refused or skipped."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Self

from portal.log_wording import OUTCOME_OF, entry_of_log, kinds_of
from portal.look_up import find
from portal.names import read_names
from portal.refusals import PageRefusal
from portal.timeline import END, ActivityPlaces, Item, MergedPage, SourcePage, merge
from portal.wording import (
    KINDS,
    OUTCOMES,
    Entry,
    Kind,
    RequestOutcome,
    entry_of,
    is_of_vendor,
    kind_of,
)
from shared.store import layout
from shared.store.changes import ADMINISTRATIVE, RecordedChange
from shared.store.provisioning_log import KeptEntry, LogEntry, is_about
from shared.store.recent_changes import ChangesPage, is_told, read_back
from shared.tables.table import PAGE_ROWS, read_both

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.visit import Visit

PAGE = 25
_FIRST_ENTRIES: Final = 100
"""Entries of the log that are read first: enough for a page where nothing is filtered."""

_MOST_LOG_READS: Final = 4
"""Reads of the log for a page of the activity, where what is wanted is rare in it."""

_DAY = 86_400_000
_NUMBER = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """What is asked for.

    Attributes:
        who: what names a user or a group, as it was typed; "" for all.
        kind: what was done, or tried; "" for all.
        outcome: what came of it; "" for all.
        since: from which day on, as `2027-01-31`; "" for no bound.
        until: up to which day; likewise.
        is_of_provisioning: whether what no identity provider does is left out: what is done at the
            portal or by the vendor's tools, and what follows from settings.
    """

    who: str = ""
    kind: Kind | str = ""
    since: str = ""
    until: str = ""
    is_of_provisioning: bool = False
    outcome: RequestOutcome | str = ""

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
            outcome=query.get("outcome", ""),
        )
        if (asked.kind and asked.kind not in KINDS) or (
            asked.outcome and asked.outcome not in OUTCOMES
        ):
            raise PageRefusal(400, "not_understood")
        since, until = map(_milliseconds, (asked.since, asked.until))
        if since is not None and until is not None and until < since:
            raise PageRefusal(400, "not_understood")
        return asked

    @property
    def is_set(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.query)

    @property
    def query(self) -> dict[str, str]:
        """What is asked for, as the parameters of a page."""
        named = {
            "who": self.who,
            "kind": self.kind,
            "outcome": self.outcome,
            "since": self.since,
            "until": self.until,
        }
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


Told = RecordedChange | KeptEntry
"""What the activity is made of."""


async def read_activity(
    visit: Visit, asked: ActivityFilter, places: ActivityPlaces | None = None, count: int = PAGE
) -> Activity:
    """Read a page. A few calls, and one for each user and group that is named."""
    ids = await ids_of(visit, asked.who)
    page = await read_told(visit, asked, ids, places or ActivityPlaces(), count)
    names = await read_names(
        visit.services.store.table,
        visit.entered.context,
        [each for each in page.found if isinstance(each, RecordedChange)],
        [each.entry for each in page.found if isinstance(each, KeptEntry)],
    )
    entries = [
        entry_of(each, names, visit.texts)
        if isinstance(each, RecordedChange)
        else entry_of_log(each, names, visit.texts)
        for each in page.found
    ]
    before = None if page.places.is_end else str(page.places)
    is_unknown = bool(asked.who) and not (ids or entries or before)
    return Activity(entries, before, page.looked_back_to / 1000, is_unknown)


async def read_told(
    visit: Visit, asked: ActivityFilter, ids: frozenset[str], places: ActivityPlaces, count: int
) -> MergedPage[Told]:
    """Read what is asked for from both sources, the newest first; about `ids` where there are any.

    At most some 50 calls for changes, and 4 for the log or one for each 1,000 entries of a file.
    """
    changes, entries = await read_both(
        _read_changes(visit, asked, ids, places.change, count),
        _read_log(visit, asked, ids, places.entry, count),
    )
    return merge(changes, entries, count)


async def _read_changes(
    visit: Visit, asked: ActivityFilter, ids: frozenset[str], place: str, count: int
) -> SourcePage[Told]:
    is_of_changes = asked.outcome in {"", "success"} and (ids or not asked.who)
    if place == END or not is_of_changes:
        return SourcePage.empty()
    page = await read_changes(visit, asked, ids, place or None, count)
    items: list[Item[Told]] = [
        Item(each.time, layout.id_in(each.key), each) for each in page.changes
    ]
    return SourcePage(items, place, page.before or END, page.looked_back_to)


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
            and not (asked.is_of_provisioning and is_of_vendor(each))
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


async def _read_log(
    visit: Visit, asked: ActivityFilter, ids: frozenset[str], place: str, count: int
) -> SourcePage[Told]:
    if place == END or asked.outcome == "success":
        return SourcePage.empty()
    until = _milliseconds(asked.until)
    behind = place if place or until is None else layout.log_number(until + _DAY - 1)
    oldest = _milliseconds(asked.since) or 0
    log, context = visit.services.store.log, visit.entered.context
    items: list[Item[Told]] = []
    looked_back_to, size = oldest, min(_FIRST_ENTRIES, PAGE_ROWS)
    for _ in range(_MOST_LOG_READS + count // PAGE_ROWS):
        page = await log.newest(context, size, behind)
        for each in page:
            if each.entry.time < oldest:
                return SourcePage(items, place, END, oldest)
            behind, looked_back_to = each.id, each.entry.time
            if _is_wanted_entry(each.entry, asked, ids):
                items.append(Item(each.entry.time, each.id, each))
            if len(items) == count:
                return SourcePage(items, place, behind, looked_back_to)
        if len(page) < size:
            return SourcePage(items, place, END, oldest)
        size = PAGE_ROWS
    return SourcePage(items, place, behind, looked_back_to)


def _is_wanted_entry(entry: LogEntry, asked: ActivityFilter, ids: frozenset[str]) -> bool:
    outcome = OUTCOME_OF.get(entry.kind)
    return (
        outcome is not None
        and not entry.is_product
        and asked.outcome in {"", outcome}
        and (not asked.kind or asked.kind in kinds_of(entry))
        and (not asked.who or _concerns(entry, asked.who, ids))
    )


def _concerns(entry: LogEntry, who: str, ids: frozenset[str]) -> bool:
    """Tell whether a request was about somebody, by an id or by a name that was sent."""
    return is_about(entry, who) or not ids.isdisjoint((entry.resource_id, *entry.members))


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
    """Find the ids of those that a text names; none where it is empty.

    An id is one of somebody who may be gone.
    """
    if not who:
        return frozenset()
    if layout.is_id(who):
        return frozenset({who})
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
