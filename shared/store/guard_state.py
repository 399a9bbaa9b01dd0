"""What the guard knows of a tenant: its one row, and the rows of holds that were decided about.

The row has the rule, what was let through of late, and which removals are held now, if any. It is
written under its ETag, together with the marks on the change rows that are held. So once it says
that somebody has decided, or that the guard is off, no further removal can be marked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, NamedTuple, Self

from shared.guard.removals import LEAVERS
from shared.store import layout
from shared.store.layout import (
    Column,
    pack_document,
    pack_ids,
    unpack_document,
    unpack_ids,
)
from shared.tables.operations import Insert, Replace, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row, Value
from shared.tables.table import Table, collect
from shared.tenant_settings import GUARD_SETTING, GuardSettings, TenantSettings

Decision = Literal["release", "undo"]
HoldState = Literal["held", "deciding", "released", "undone"]

MOST_DECIDED = 50
"""Decided holds that are shown, the newest first."""

CLOCKS_APART_MS = 10_000
"""How much the clocks of two instances may differ."""

_BEGINNING = layout.change_number(0)


@dataclass(frozen=True, slots=True)
class LetThrough:
    """A removal that was let through at once.

    Attributes:
        number: the end of the key of its change row.
        subject: from what the users were removed.
        users: how many.
    """

    number: str
    subject: str
    users: int


class GroupNumber(NamedTuple):
    """How many users were taken out of a group, in the form in which it is told."""

    id: str
    users: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Removals that are held back, or were.

    Attributes:
        id: 32 hex digits.
        began: when, in POSIX milliseconds.
        first: the end of the key of the first change row that may be held.
        last: that of the last one that is.
        removed_at: when the last removal came, in POSIX milliseconds.
        active: how many users were active before the removals of the hour before, and these.
        users: who is disabled or deleted: all that happens to them is held.
        groups: how many users were taken out of each group.
        passed: how many users were removed in the hour before, from each subject, who were not
            held when the hold began.
        leavers: of these the first who were disabled or deleted; they may be held since.
        release_at: when it is released by itself, in POSIX milliseconds; None for never. It goes by
            the rule under which the hold began.
        decision: what was decided; None as long as nothing was.
        decided: when, in POSIX milliseconds; 0 before.
        decided_by: the label of who has decided.
        is_done: whether everything that follows of the decision is done.
        told: the end of the key of the change row up to which events were told again.
        events: how many change rows those were.
        undone: users who were enabled again.
        undo_after: the last user, in the order of ids, of whom was looked whether that can be done.
        is_undone: whether all were looked at.
        left_out: how many were not enabled, by the reason: `changed` otherwise, `deleted`.
        left_out_first: the first of them, and why.
    """

    id: str
    began: int
    first: str
    last: str
    removed_at: int
    active: int
    users: frozenset[str] = frozenset()
    groups: Mapping[str, int] = field(default_factory=dict)
    passed: Mapping[str, int] = field(default_factory=dict)
    leavers: frozenset[str] = frozenset()
    release_at: int | None = None
    decision: Decision | None = None
    decided: int = 0
    decided_by: str = ""
    is_done: bool = False
    told: str = ""
    events: int = 0
    undone: frozenset[str] = frozenset()
    undo_after: str = ""
    is_undone: bool = False
    left_out: Mapping[str, int] = field(default_factory=dict)
    left_out_first: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> HoldState:
        """How far it has come: `deciding` is decided, and not all that follows is done."""
        if self.decision is None:
            return "held"
        if not self.is_done:
            return "deciding"
        return "released" if self.decision == "release" else "undone"

    @property
    def is_undoing(self) -> bool:
        """Whether users are being enabled again."""
        return self.decision == "undo" and not self.is_undone

    @property
    def removed(self) -> int:
        """How many users were disabled or deleted in all: those who are held, and before them."""
        return self.passed.get(LEAVERS, 0) + len(self.users - self.leavers)

    @property
    def largest(self) -> tuple[int, int]:
        """How many were removed in all, and are held, of the subject from which the most were."""
        of_groups = ((self.passed.get(gid, 0) + held, held) for gid, held in self.groups.items())
        return max([(self.removed, len(self.users)) if self.users else (0, 0), *of_groups])

    @property
    def numbers(self) -> dict[str, Any]:
        """How many are concerned, as they are told."""
        return {
            "users": len(self.users),
            "removed": self.removed,
            "activeUsers": self.active,
            "groups": [GroupNumber(*each)._asdict() for each in sorted(self.groups.items())],
        }

    def document(self) -> dict[str, Any]:
        """Write it, without the users, which are packed."""
        names = {each.name for each in fields(self)} - {"users", "undone", "leavers"}
        return {name: getattr(self, name) for name in sorted(names)}

    def packed(self) -> dict[str, Value]:
        """Lay out the users."""
        return {
            **pack_ids(sorted(self.users), Column.MEMBER_IDS),
            **pack_ids(sorted(self.undone), Column.UNFINISHED_IDS),
            **pack_ids(sorted(self.leavers), Column.GROUP_IDS),
        }

    @classmethod
    def read(cls, document: Mapping[str, Any], row: Row) -> Self:
        """Read it as it was written."""
        users = frozenset(unpack_ids(row.values, Column.MEMBER_IDS))
        undone = frozenset(unpack_ids(row.values, Column.UNFINISHED_IDS))
        leavers = frozenset(unpack_ids(row.values, Column.GROUP_IDS))
        return cls(**document, users=users, undone=undone, leavers=leavers)


@dataclass(frozen=True, slots=True)
class GuardState:
    """What the guard knows of a tenant.

    Attributes:
        since: the end of the key of the change row up to which nothing is counted: the guard was
            switched on, or somebody has decided.
        through: that of the row up to which every removal is let through that is not held.
        passed: removals that were let through at once.
        hold: what is held; None for nothing.
        rule: the setting of the tenant, as it was written with this row; None in a row that is
            older. A process may remember another one for a minute.
        is_noted: whether the row of the settings has the id of the hold, because the guard was
            switched off since.
        etag: of the row; None where there is none.
    """

    since: str = _BEGINNING
    through: str = _BEGINNING
    passed: tuple[LetThrough, ...] = ()
    hold: Hold | None = None
    rule: GuardSettings | None = None
    is_noted: bool = False
    etag: str | None = None

    @property
    def open_hold(self) -> Hold | None:
        """What is held and not decided about."""
        return None if self.hold is None or self.hold.decision is not None else self.hold

    def ended(self, hold: Hold) -> "GuardState":
        """End a hold, and count anew; what was let through at once keeps its room for its hour.

        A row that becomes visible among those that were held has yet to be ruled on.
        """
        return replace(self, since=max(self.since, hold.last), hold=None, is_noted=False)

    def begun(self, now: int) -> "GuardState":
        """Rule on removals from now on, also on those of an instance whose clock is behind.

        Args:
            now: in POSIX milliseconds.
        """
        number = layout.change_number(now - CLOCKS_APART_MS)
        return replace(self, since=max(self.since, number), through=max(self.through, number))

    def written(self) -> RowOperation:
        """Build the operation that writes it under its ETag."""
        document = {
            "since": self.since,
            "through": self.through,
            "passed": [[each.number, each.subject, each.users] for each in self.passed],
            "hold": None if self.hold is None else self.hold.document(),
            "rule": None if self.rule is None else self.rule.model_dump(by_alias=True),
            "noted": self.is_noted,
        }
        packed = {} if self.hold is None else self.hold.packed()
        values: dict[str, Value] = {**pack_document(document), **packed}
        if self.etag is None:
            return Insert(layout.GUARD_KEY, values)
        return Replace(layout.GUARD_KEY, values, self.etag)


async def read_state(table: Table, context: RequestContext) -> GuardState:
    """Read what the guard knows. 1 call."""
    row = await table.get(context, layout.GUARD_KEY)
    if row is None:
        return GuardState()
    document = unpack_document(row.values)
    hold, rule = document["hold"], document.get("rule")
    return GuardState(
        since=document["since"],
        through=document["through"],
        passed=tuple(LetThrough(*each) for each in document["passed"]),
        hold=None if hold is None else Hold.read(hold, row),
        rule=None if rule is None else TenantSettings.read({GUARD_SETTING: rule}).guard,
        is_noted=bool(document.get("noted")),
        etag=row.etag,
    )


def decided_row(hold: Hold) -> Insert:
    """Build the row of a hold of which all is done."""
    values = {**pack_document(hold.document()), **hold.packed()}
    return Insert(layout.decided_hold_key(hold.id), values)


async def read_decided(table: Table, context: RequestContext, hold_id: str) -> Hold | None:
    """Read a hold of which all is done; None if there is none. 1 call."""
    row = await table.get(context, layout.decided_hold_key(hold_id))
    return None if row is None else _decided_in(row)


async def list_decided(table: Table, context: RequestContext) -> list[Hold]:
    """Read the holds of which all is done, the newest first. 1 call."""
    span = layout.kind_span(layout.RowKind.DECIDED_HOLD)
    holds = [_decided_in(row) for row in await collect(table, context, span)]
    return sorted(holds, key=lambda each: -each.began)[:MOST_DECIDED]


def _decided_in(row: Row) -> Hold:
    return Hold.read(unpack_document(row.values), row)
