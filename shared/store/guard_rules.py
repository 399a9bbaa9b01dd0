"""What becomes of a change row in a tenant whose removals are held: pure, from rows to a ruling.

A change row is told at its place, held, or waits. One that waits ends what can be told: nothing
behind it is, until it is known what it is part of.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from shared.guard.removals import LEAVERS, WINDOW_MS, MassRemoval, Removal
from shared.store import layout
from shared.store.changes import GUARD, RecordedChange
from shared.store.counters import ResourceNumbers
from shared.store.guard_state import GuardState, Hold, LetThrough
from shared.tenant_settings import GuardSettings

MOST_HELD = 30_000
"""Users who can be held at once, since they lie in one row. Others wait until somebody decides."""

_MOST_PASSED = 2_000
"""Removals that are remembered as let through; one more waits."""

QUIET_MS = layout.LATENESS
"""What waits is let through once no further removal has come for so long. In this time every change
row becomes visible, so no later one is left uncounted."""

PATIENCE_MS = 600_000
"""How long a removal waits at most while further ones come."""

_REMEMBERED_MS = 2 * WINDOW_MS
"""How long it is remembered what was let through at once: twice the window, because a look at a
removal goes back for an hour from there."""

_MOST_NAMED = 2_000
"""Users who are remembered as removed before a hold. One more who is held later counts twice."""

_OWN_VERBS = {"sweep", "settings", "void"}
"""Verbs of change rows that the service writes of its own accord: they remove nobody."""

Reason = Literal["unknown", "undecided"]
"""Why a row waits. `unknown`: it may be part of a mass removal. `undecided`: it belongs to a hold
that has no room, or about which somebody has decided and not all is done yet."""

RowVerdict = Literal["tell", "hold", "unknown", "undecided"]


def removal_of(change: RecordedChange) -> Removal | None:
    """Tell which users a change row removes, and from what; None if it removes nobody."""
    done = change.change
    if done.verb in _OWN_VERBS:
        return None
    if done.resource == "User":
        is_deleted = done.verb == "delete"
        is_disabled = done.active is False and done.verb != "create"
        if not is_disabled and not is_deleted:
            return None
        return Removal(change.number, change.time, LEAVERS, (done.id,), is_deleted)
    # A member without a version is a group.
    users = tuple(member for member, version in done.removed if version is not None)
    if done.resource != "Group" or not users:
        return None
    return Removal(change.number, change.time, done.id, users)


def active_before(numbers: ResourceNumbers, changes: Sequence[RecordedChange]) -> int:
    """Count the users who were active before changes.

    Where the active ones are not counted yet, all who were there are taken for active.
    """
    leavers = _leavers(changes)
    if numbers.active is not None:
        return numbers.active + len(leavers)
    return numbers.users + sum(each.is_deletion for each in leavers.values())


def removals_in(changes: Sequence[RecordedChange]) -> list[Removal]:
    """List the removals among changes; what is told again was counted before."""
    return [each for row in changes if not row.retold and (each := removal_of(row))]


def _leavers(changes: Sequence[RecordedChange]) -> dict[str, Removal]:
    """Find the last removal of each user who is not active again."""
    leavers: dict[str, Removal] = {}
    for each in changes:
        removal = None if each.retold else removal_of(each)
        if removal is not None and removal.subject == LEAVERS:
            leavers[each.change.id] = removal
        elif each.change.resource == "User" and each.change.active and not each.retold:
            leavers.pop(each.change.id, None)
    return leavers


@dataclass(slots=True)
class Ruling:
    """What becomes of rows, and what the guard knows after it.

    Attributes:
        state: as it is to be written.
        held: the rows that are to be marked.
        waiting: how many rows come before the one that waits; None if none does.
        reason: why it waits.
    """

    state: GuardState
    held: list[RecordedChange] = field(default_factory=list)
    waiting: int | None = None
    reason: Reason = "unknown"


def rule_on(rows: Sequence[RecordedChange], state: GuardState, rule: GuardSettings) -> Ruling:
    """Rule on rows in their order, until one waits.

    Args:
        rows: change rows, marked or not.
        state: what the guard knows.
        rule: as many users of a subject as it names are let through at once within an hour. Where
            nothing is to be held all are, but for users who are held already.
    """
    ruling = Ruling(state)
    for index, row in enumerate(rows):
        if row.held or row.retold or row.change.resource == GUARD:
            continue
        verdict = _rule_on_one(row, ruling, rule)
        if verdict == "hold":
            ruling.held.append(row)
        elif verdict != "tell":
            ruling.waiting, ruling.reason = index, verdict
            break
    return ruling


def _rule_on_one(row: RecordedChange, ruling: Ruling, rule: GuardSettings) -> RowVerdict:
    state, removal = ruling.state, removal_of(row)
    hold = state.hold
    is_of_held = hold is not None and is_of_held_user(row, hold)
    is_watched = removal is not None and rule.hold and not is_through(row.number, state)
    if not is_of_held and not is_watched:
        return "tell"
    if hold is not None and (is_of_held or _may_join(row, hold)):
        is_decided = hold.is_undoing if is_of_held else hold.decision is not None
        if is_decided or len(hold.users) > MOST_HELD:
            return "undecided"
        ruling.state = replace(state, hold=_joined(hold, [row]))
        return "hold"
    if removal is None or not _has_room(removal, state, rule.users):
        return "unknown"
    through = LetThrough(removal.number, removal.subject, len(removal.users))
    passed = _passed_since(state, removal.time - _REMEMBERED_MS)
    ruling.state = replace(state, passed=(*passed, through))
    return "tell"


def _may_join(row: RecordedChange, hold: Hold) -> bool:
    """Tell whether a removal comes so soon after those that are held that it is held with them."""
    return row.number >= hold.first and row.time <= hold.removed_at + WINDOW_MS


def is_of_held_user(row: RecordedChange, hold: Hold) -> bool:
    """Tell whether a change is one of a user who is held, whom later changes are held with.

    Otherwise whoever goes by the versions of a user would be told a later one first.
    """
    is_of_user = row.change.resource == "User" and row.change.verb not in _OWN_VERBS
    is_held = row.change.id in hold.users and row.change.id not in hold.undone
    return is_of_user and is_held and row.number >= hold.first


def is_through(number: str, state: GuardState) -> bool:
    """Tell whether a removal was let through."""
    return number <= state.through or any(each.number == number for each in state.passed)


def _has_room(removal: Removal, state: GuardState, allowed: int) -> bool:
    recent = _passed_since(state, removal.time - WINDOW_MS)
    if len(recent) >= _MOST_PASSED:
        return False
    passed = sum(each.users for each in recent if each.subject == removal.subject)
    return passed + len(removal.users) <= allowed


def _passed_since(state: GuardState, since: int) -> list[LetThrough]:
    """List what was let through at once from a time on, in POSIX milliseconds."""
    return [each for each in state.passed if layout.change_time(each.number) >= since]


def _joined(hold: Hold, rows: Sequence[RecordedChange]) -> Hold:
    """Take rows into a hold."""
    users, groups = set(hold.users), dict(hold.groups)
    removed_at = hold.removed_at
    for removal in filter(None, map(removal_of, rows)):
        removed_at = max(removed_at, removal.time)
        if removal.subject == LEAVERS:
            users |= {*removal.users}
        else:
            groups[removal.subject] = groups.get(removal.subject, 0) + len(removal.users)
    numbers = [row.number for row in rows]
    return replace(
        hold,
        first=min(hold.first, *numbers),
        last=max(hold.last, *numbers),
        removed_at=removed_at,
        users=frozenset(users),
        groups=groups,
    )


@dataclass(frozen=True, slots=True)
class Look:
    """What was found around a removal that waits.

    Attributes:
        rows: change rows from an hour before it on.
        mass: those of them that are part of a mass removal.
        active: how many users were active before all of them.
        reached: up to which time all rows are known, in POSIX milliseconds.
    """

    rows: Sequence[RecordedChange]
    mass: MassRemoval
    active: int
    reached: int


def hold_mass(
    state: GuardState, look: Look, rule: GuardSettings, now: int, new_id: Callable[[], str]
) -> Ruling | None:
    """Hold what is part of a mass removal and was not let through; None if there is nothing.

    Args:
        state: what the guard knows.
        look: what was found.
        rule: by which a new hold is released.
        now: in POSIX milliseconds.
        new_id: draws the id of a new hold.
    """
    wanted = [row for row in look.rows if _is_to_be_held(row, state, look.mass.numbers)]
    if not wanted or (state.hold is not None and state.hold.decision is not None):
        return None
    first = wanted[0].number
    hold = state.hold
    if hold is None:
        hours, besides = rule.release_after_hours, _removed_besides(look.rows, state, wanted)
        hold = Hold(
            new_id(),
            *(now, first, first, wanted[0].time, look.active),
            passed={subject: len(users) for subject, users in besides.items()},
            leavers=frozenset(sorted(besides.get(LEAVERS, ()))[:_MOST_NAMED]),
            release_at=None if hours is None else now + hours * WINDOW_MS,
        )
    # What there is no room for comes behind the first that is held, and waits there.
    held = wanted[: max(MOST_HELD - len(hold.users), 0)]
    return Ruling(replace(state, hold=_joined(hold, held)), held) if held else None


def _removed_besides(
    rows: Sequence[RecordedChange], state: GuardState, wanted: Sequence[RecordedChange]
) -> dict[str, set[str]]:
    """Find the users of each subject who were removed and are not to be held.

    They were let through, or held before and released. Who is active again is none of them.
    """
    besides, held = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for removal in filter(None, map(removal_of, wanted)):
        held[removal.subject] |= {*removal.users}
    for row in rows:
        found = None if row.retold else removal_of(row)
        if found is not None and (row.held or is_through(row.number, state)):
            besides[found.subject] |= {*found.users}
        elif row.change.resource == "User" and row.change.active:
            besides[LEAVERS].discard(row.change.id)
    left = {subject: users - held[subject] for subject, users in besides.items()}
    return {subject: users for subject, users in left.items() if users}


def is_counted(row: RecordedChange, state: GuardState) -> bool:
    """Tell whether a removal counts: what was decided about, and what is told again, does not.

    Of what comes up to the end of the last hold that is only what has become visible since.
    """
    if row.retold:
        return False
    if row.held:
        return state.hold is not None and row.held == state.hold.id
    return row.number > state.since or not is_through(row.number, state)


def _is_to_be_held(row: RecordedChange, state: GuardState, numbers: Collection[str]) -> bool:
    is_known = row.held or row.retold or is_through(row.number, state)
    return not is_known and row.number in numbers


def let_through(state: GuardState, look: Look, waiting: RecordedChange, now: int) -> GuardState:
    """Let through what waits, if it has waited long enough; the same state if it has not.

    Args:
        state: what the guard knows.
        look: what was found; no mass removal that is not held.
        waiting: the first row that waits.
        now: in POSIX milliseconds.
    """
    times = [row.time for row in look.rows if removal_of(row) and row.number > state.through]
    is_quiet = max(times, default=waiting.time) <= now - QUIET_MS
    until = now - (QUIET_MS if is_quiet else PATIENCE_MS)
    if waiting.time > until:
        return state
    # Of what comes shortly before the end of what is known, it is not known what it is part of.
    known = until if look.reached >= now else min(until, look.reached - WINDOW_MS)
    number = max(waiting.number, layout.change_number(known))
    return replace(state, through=max(state.through, number))
