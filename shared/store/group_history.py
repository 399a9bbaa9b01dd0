"""Groups as they were: who was a member at a time, and what changed between two times.

The members of now are read, and the change rows since the time, within bounds. What they tell is
computed by `shared/store/membership_history.py`, in a thread, because there may be many. A group
that is deleted can be asked for by its id, as long as the rows since then are kept.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from shared.clock import rfc3339
from shared.errors import InvalidValue, NotFound
from shared.scim.members import MemberType
from shared.store import layout
from shared.store.change_history import ChangeHistory, Lookback, read_back
from shared.store.changes import RecordedChange
from shared.store.deletions_row import HiddenResources
from shared.store.display_names import read_display_names
from shared.store.layout import Column
from shared.store.membership_history import (
    MembershipEvent,
    Unswept,
    existed_at,
    membership_events,
    memberships_at,
    memberships_between,
)
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row
from shared.tables.table import PAGE_ROWS, Table, collect, get_all

MOST_CHANGE_ROWS: Final = 100_000
"""Change rows of the tenant that one question reads."""

_ROWS_A_CALL: Final = PAGE_ROWS
_OF_TELLING: Final = ("create", "update", "members")
_TYPE: Final = (Column.MEMBER_TYPE,)


class HistoryNotKept(InvalidValue):
    """The history does not reach a time.

    Attributes:
        since: from when on it can be told, in POSIX milliseconds.
    """

    def __init__(self, since: int) -> None:
        super().__init__(
            f"The history can be told from {rfc3339(since / 1000)} on. Ask for a time after that."
        )
        self.since = since


@dataclass(frozen=True, slots=True)
class PastMember:
    """A member of a group at an earlier time.

    Attributes:
        id: its id.
        type: what it is.
        name: as it is known now; None where nobody of this id is there any more.
    """

    id: str
    type: MemberType
    name: str | None


@dataclass(frozen=True, slots=True)
class PastGroup:
    """A page of a group as it was.

    Attributes:
        existed: whether the group was there; it has no members otherwise.
        members: in the order of their ids.
        after: where the next page begins; None when there is none.
    """

    existed: bool
    members: list[PastMember]
    after: str | None


@dataclass(frozen=True, slots=True)
class GroupDifference:
    """A page of what is different between two times.

    Attributes:
        existed: whether the group was there, at the one and at the other time.
        attributes: names of the attributes that were written in between, sorted.
        members: who is a member at one of the times alone, in the order of their ids, each with
            whether it joined.
        joined: how many joined, on all pages.
        left: how many left, on all pages.
        after: where the next page begins; None when there is none.
    """

    existed: tuple[bool, bool]
    attributes: list[str]
    members: list[tuple[PastMember, bool]]
    joined: int
    left: int
    after: str | None


@dataclass(frozen=True, slots=True)
class MembersPage:
    """Which members are shown.

    Attributes:
        after: those whose ids sort after this one.
        limit: how many at most.
    """

    after: str = ""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class KeptHistory:
    """Of which time change rows are kept.

    Attributes:
        oldest: in POSIX milliseconds.
        now: in POSIX milliseconds.
    """

    oldest: int
    now: int

    @classmethod
    def of(cls, days: int) -> "KeptHistory":
        """Tell it by the setting `SCIM_HISTORY_DAYS`."""
        now = time.time_ns() // 1_000_000
        return cls(now - days * 86_400_000, now)


class GroupHistory:
    """Tells of the groups of every tenant how they were; the context says of which."""

    def __init__(self, table: Table, hidden: HiddenResources) -> None:
        self._table = table
        self._hidden = hidden

    async def members_at(
        self, context: RequestContext, gid: str, at: int, kept: KeptHistory, page: MembersPage
    ) -> PastGroup:
        """Tell who was a member of a group at a time.

        4 calls or more: the group, a page of its members, the deletions row, the oldest change row,
        one for each 1,000 change rows since then, and one for each member that is named.

        Args:
            context: the request.
            gid: id of the group.
            at: when, in POSIX milliseconds.
            kept: of which time change rows are kept.
            page: which members.

        Raises:
            InvalidValue: the time is to come, or the history does not reach it.
            NotFound: there is no such group, and none was deleted since then.
        """
        _check_times((at,), kept)
        group = await self._table.get(context, layout.group_key(gid))
        rows = await self._table.page(
            context, layout.memberships_after(gid, page.after), PAGE_ROWS, select=_TYPE
        )
        present, unswept = await self._sorted_out(context, gid, rows.rows, group)
        history = await self._read_changes(context, gid, group, at, kept.now)
        first = await asyncio.to_thread(_first_events, gid, history.changes, unswept, at)
        end = layout.id_in(rows.rows[-1].key) if rows.token is not None else "~"
        members = {each: its for each, its in present.items() if each not in first}
        members |= {each: _type(event) for each, event in first.items() if not event.joins}
        if not existed_at(history.changes, gid, at, exists_now=group is not None):
            return PastGroup(existed=False, members=[], after=None)
        ids = sorted(each for each in members if page.after < each <= end)
        shown = ids[: page.limit]
        named = await self._named(context, {each: members[each] for each in shown})
        is_last = len(ids) <= page.limit and rows.token is None
        after = None if is_last else (shown[-1] if len(ids) > page.limit else end)
        return PastGroup(existed=True, members=named, after=after)

    async def difference(
        self,
        context: RequestContext,
        gid: str,
        times: tuple[int, int],
        kept: KeptHistory,
        page: MembersPage,
    ) -> GroupDifference:
        """Tell what changed of a group between two times.

        Calls as of `members_at`; of the members of now are read those who are deleted alone.

        Args:
            context: the request.
            gid: id of the group.
            times: in POSIX milliseconds, the earlier one first.
            kept: of which time change rows are kept.
            page: which of the members who joined or left.

        Raises:
            InvalidValue: a time is to come or before the other, or the history does not reach it.
            NotFound: there is no such group, and none was deleted since then.
        """
        since, until = times
        _check_times(times, kept)
        group = await self._table.get(context, layout.group_key(gid))
        history = await self._read_changes(context, gid, group, since, kept.now)
        unswept = await self._unswept(context, gid, group, history.changes)
        changed = await asyncio.to_thread(_changed, gid, history.changes, unswept, times)
        ids = sorted(each for each in changed if each > page.after)
        shown = ids[: page.limit]
        named = await self._named(context, {each: _type(changed[each]) for each in shown})
        joined = sum(event.joins for event in changed.values())
        exists = group is not None
        return GroupDifference(
            existed=(
                existed_at(history.changes, gid, since, exists_now=exists),
                existed_at(history.changes, gid, until, exists_now=exists),
            ),
            attributes=_written(history.changes, gid, since, until),
            members=[(each, changed[each.id].joins) for each in named],
            joined=joined,
            left=len(changed) - joined,
            after=shown[-1] if len(ids) > page.limit else None,
        )

    async def _read_changes(
        self, context: RequestContext, gid: str, group: Row | None, since: int, now: int
    ) -> ChangeHistory:
        """Read the change rows that tell of a group since a time, and deletions of whomever.

        Raises:
            InvalidValue: they do not reach back so far.
            NotFound: there is no such group, and none was deleted since then.
        """

        def is_candidate(row: Row) -> bool:
            values = row.values
            return (
                values.get(Column.RESOURCE_ID) == gid
                or values.get(Column.VERB) == "delete"
                or gid in str(values.get(Column.LEFT, ""))
            )

        history = await read_back(
            self._table,
            context,
            lambda _: True,
            now,
            Lookback(since, MOST_CHANGE_ROWS, _ROWS_A_CALL),
            is_candidate=is_candidate,
        )
        is_told = any(each.change.id == gid for each in history.changes)
        if group is None and not is_told:
            raise NotFound(
                f"There is no group {gid[:64]!r}, and none of that id was there as far as was read."
            )
        reached = history.since if not history.is_whole else await self._begin(context, since)
        is_new = any(
            (each.change.id, each.change.verb) == (gid, "create") for each in history.changes
        )
        if reached > since and not is_new:
            raise HistoryNotKept(reached)
        return history

    async def _begin(self, context: RequestContext, since: int) -> int:
        """Find the oldest change row: what was before it may have expired. 1 call."""
        page = await self._table.page(context, layout.changes_span(), 1, select=())
        return layout.change_time(page.rows[0].key) if page.rows else since

    async def _sorted_out(
        self, context: RequestContext, gid: str, rows: Iterable[Row], group: Row | None
    ) -> tuple[dict[str, MemberType], list[Unswept]]:
        """Tell members of a group from memberships that nobody sees any more."""
        members = {layout.id_in(row.key): layout.member_type_of(row.values) for row in rows}
        deleted = await self._hidden.member_ids(context)
        if group is None:
            deleted |= {gid}
        unswept = [
            Unswept(each, its == "Group", deleted & {gid, each})
            for each, its in members.items()
            if deleted & {gid, each}
        ]
        ended = {each.member for each in unswept}
        return {each: its for each, its in members.items() if each not in ended}, unswept

    async def _unswept(
        self,
        context: RequestContext,
        gid: str,
        group: Row | None,
        changes: Iterable[RecordedChange],
    ) -> list[Unswept]:
        """Find memberships that nobody sees any more, of those that the changes delete."""
        if group is None:
            rows = await collect(self._table, context, layout.memberships_span(gid), select=_TYPE)
        else:
            deleted = {each.change.id for each in changes if each.change.verb == "delete"}
            hidden = sorted(deleted & await self._hidden.member_ids(context))
            keys = [layout.membership_key(gid, each) for each in hidden]
            rows = [row for row in await get_all(self._table, context, keys) if row is not None]
        return (await self._sorted_out(context, gid, rows, group))[1]

    async def _named(
        self, context: RequestContext, members: dict[str, MemberType]
    ) -> list[PastMember]:
        """Read the names of members as far as they are known now. A call each."""
        names = await read_display_names(self._table, context, members)
        return [PastMember(each, its, names.get(each)) for each, its in members.items()]


def _first_events(
    gid: str, changes: Sequence[RecordedChange], unswept: Iterable[Unswept], at: int
) -> dict[str, MembershipEvent]:
    return memberships_at(membership_events(gid, changes, unswept), at)


def _changed(
    gid: str,
    changes: Sequence[RecordedChange],
    unswept: Iterable[Unswept],
    times: tuple[int, int],
) -> dict[str, MembershipEvent]:
    return memberships_between(membership_events(gid, changes, unswept), *times)


def _check_times(times: Iterable[int], kept: KeptHistory) -> None:
    """Refuse times that are to come, in the wrong order, or older than the history.

    Raises:
        InvalidValue: one is.
    """
    before = kept.oldest
    for each in times:
        if each > kept.now:
            raise InvalidValue("The time is to come. Ask for one that has been.")
        if each < kept.oldest:
            raise HistoryNotKept(kept.oldest)
        if each < before:
            raise InvalidValue("The second time is before the first one.")
        before = each


def _written(changes: Iterable[RecordedChange], gid: str, since: int, until: int) -> list[str]:
    """Name the attributes of a group that were written between two times."""
    names = {
        name
        for each in changes
        if each.change.id == gid and since < each.time <= until and each.change.verb in _OF_TELLING
        for name in each.change.names
    }
    return sorted(names - {"members"})


def _type(event: MembershipEvent) -> MemberType:
    return "Group" if event.is_nested else "User"
