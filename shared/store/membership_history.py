"""Who was a member when: computed from change rows, backwards from now. Pure.

The first event of a member after a time tells how it was at that time: who joined then was not in
before, and who left was. A member without such an event was then as it is now. So doubled rows make
no difference, and nothing needs to be replayed.

Change rows are in the order of the clocks that drew their keys. Those of two instances may differ,
so where two events of a user bear versions, these decide which came first.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from shared.store.changes import RecordedChange


class Unswept(NamedTuple):
    """A membership that is in the table, while the group or the member is deleted.

    Attributes:
        member: id of the member.
        is_nested: whether the member is a group.
        deleted: which of the two are deleted.
    """

    member: str
    is_nested: bool
    deleted: frozenset[str]


class MembershipEvent(NamedTuple):
    """Somebody joined or left the group.

    Attributes:
        time: in POSIX milliseconds.
        version: of the user whose membership it is; 0 where the row has none.
        member: id of the member.
        joins: whether it joined; otherwise it left.
        is_nested: whether the member is a group.
    """

    time: int
    version: int
    member: str
    joins: bool
    is_nested: bool


def membership_events(
    gid: str, changes: Sequence[RecordedChange], unswept: Iterable[Unswept] = ()
) -> list[MembershipEvent]:
    """Read out of change rows who joined a group and who left it, the oldest first.

    A membership ends when its group or its member is deleted, because from then on nobody sees it.
    The rows that take it away may come later, and count for that time. If the deletion is older
    than the rows, it was none in the time that they tell of.

    Args:
        gid: id of the group.
        changes: change rows in the order of their keys, those of deletions of others among them.
        unswept: memberships that nobody sees any more.
    """
    deletions = {each.change.id: each for each in changes if each.change.verb == "delete"}
    events: list[MembershipEvent] = []
    for each in changes:
        if each.change.verb != "void":
            events += _joined_and_left(gid, each, deletions)
            events += _left_by_deletion(gid, each, deletions)
    for left in unswept:
        if left.deleted <= deletions.keys():
            events.append(_ended(gid, left.member, deletions, is_nested=left.is_nested))
    return sorted(events, key=attrgetter("time"))


def memberships_at(events: Iterable[MembershipEvent], at: int) -> dict[str, MembershipEvent]:
    """Find what decides of each membership whether it was at a time: its first event after it.

    One without such an event was then as it is now. After `joins` it was not there before, and
    otherwise it was.
    """
    first: dict[str, MembershipEvent] = {}
    for event in events:
        if event.time > at:
            known = first.get(event.member)
            if known is None or _is_before(event, known):
                first[event.member] = event
    return first


def memberships_between(
    events: Iterable[MembershipEvent], since: int, until: int
) -> dict[str, MembershipEvent]:
    """Find the memberships that were at one of two times and not at the other, by their last event.

    Who joined and left in between, or left and joined, is none of them.
    """
    within = [event for event in events if since < event.time <= until]
    first = memberships_at(within, since)
    last: dict[str, MembershipEvent] = {}
    for event in within:
        known = last.get(event.member)
        if known is None or not _is_before(event, known):
            last[event.member] = event
    return {each: event for each, event in last.items() if event.joins == first[each].joins}


def existed_at(
    changes: Iterable[RecordedChange], resource_id: str, at: int, *, exists_now: bool
) -> bool:
    """Tell whether a resource was there at a time, by the change rows since then."""
    for each in changes:
        if each.time > at and each.change.id == resource_id:
            if each.change.verb == "create":
                return False
            if each.change.verb == "delete":
                return True
    return exists_now


def _is_before(event: MembershipEvent, other: MembershipEvent) -> bool:
    """Tell which of two events of one membership was first; if it is one event twice, neither."""
    if event.version and other.version:
        return event.version < other.version
    return event.time < other.time


def _joined_and_left(
    gid: str, recorded: RecordedChange, deletions: Mapping[str, RecordedChange]
) -> Iterable[MembershipEvent]:
    change = recorded.change
    if change.id != gid:
        return
    if change.verb == "sweep" and gid not in deletions:
        return
    for members, joins in ((change.added, True), (change.removed, False)):
        for member, version in members:
            is_nested = version is None
            if change.verb == "sweep":
                yield _ended(gid, member, deletions, is_nested=is_nested)
            else:
                yield MembershipEvent(recorded.time, version or 0, member, joins, is_nested)


def _left_by_deletion(
    gid: str, recorded: RecordedChange, deletions: Mapping[str, RecordedChange]
) -> Iterable[MembershipEvent]:
    change = recorded.change
    if gid in change.left and change.id in deletions:
        yield _ended(gid, change.id, deletions, is_nested=change.resource == "Group")


def _ended(
    gid: str, member: str, deletions: Mapping[str, RecordedChange], *, is_nested: bool
) -> MembershipEvent:
    """Build the end of a membership by the deletion of its group or its member, the earlier one."""
    known = [deletions[each] for each in (gid, member) if each in deletions]
    first = min(known, key=attrgetter("time"))
    return MembershipEvent(
        first.time, first.change.version or 0, member, joins=False, is_nested=is_nested
    )
