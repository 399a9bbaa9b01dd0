"""The undo of disables that are held: who was disabled and not touched otherwise is enabled again.

Every write of a user's row has a change row with the new version. So a user whose version is not
that of the last change row was touched otherwise, and is left out. The change rows are read from
the first one that is held.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from shared.errors import NotFound, PreconditionFailed
from shared.scim.schema import Document
from shared.store import layout
from shared.store.changes import Change, RecordedChange, recorded
from shared.store.guard_state import Hold
from shared.store.users import Users
from shared.tables.request_context import Bound, RequestContext
from shared.tables.table import PAGE_ROWS, Table

UndoOutcome = Literal["enabled", "changed", "deleted"]

_USERS_IN_A_STEP = 200
"""Users after whom it is written what was done. If a step is broken off, those who were enabled in
it are found as `changed`."""

_AT_ONCE = 8

_MOST_NAMED = 100
"""Users who are named of those that were left out."""


@dataclass(slots=True)
class _Seen:
    """What has happened to a user since the first change that is held.

    Attributes:
        version: the newest one.
        changes: those of the user, without memberships.
    """

    version: int = 0
    changes: list[Change] = field(default_factory=list)

    @property
    def obstacle(self) -> UndoOutcome | None:
        """Why the user is not enabled again; None if nothing is in the way."""
        if any(each.verb == "delete" for each in self.changes):
            return "deleted"
        is_disabled = len(self.changes) == 1 and self.changes[0].active is False
        return None if is_disabled else "changed"


class Undo:
    """Enables the users of a hold again, in every tenant; the context says in which."""

    def __init__(self, table: Table, users: Users) -> None:
        self._table = table
        self._users = users

    async def enable(self, context: RequestContext, hold: Hold, bound: Bound) -> Hold:
        """Enable the next users again. 2 calls each, and one for each 1,000 changes.

        Args:
            context: the request; the change rows have its actor.
            hold: what is held.
            bound: how far to go.

        Returns:
            The hold, with who was enabled and who was not.
        """
        waiting = [uid for uid in sorted(hold.users) if uid > hold.undo_after]
        step = waiting[:_USERS_IN_A_STEP]
        seen = await self._read_seen(context, hold, step)
        outcomes: dict[str, UndoOutcome] = {}
        for start in range(0, len(step), _AT_ONCE):
            if bound.is_reached(context):
                break
            some = step[start : start + _AT_ONCE]
            found = await asyncio.gather(*(self._enable(context, u, seen[u]) for u in some))
            outcomes |= dict(zip(some, found, strict=True))
        return _with_outcomes(hold, outcomes, is_last=len(outcomes) == len(waiting))

    async def _read_seen(
        self, context: RequestContext, hold: Hold, users: Iterable[str]
    ) -> dict[str, _Seen]:
        seen = {uid: _Seen() for uid in users}
        span, token = layout.changes_span(layout.change_time(hold.first)), None
        while True:
            page = await self._table.page(context, span, PAGE_ROWS, token)
            for row in page.rows:
                change = recorded(row)
                for uid, version in _versions(change):
                    if uid in seen:
                        seen[uid].version = max(seen[uid].version, version)
                of_user = seen.get(change.change.id)
                if of_user is not None and (change.held == hold.id or of_user.changes):
                    of_user.changes.append(change.change)
            token = page.token
            if token is None:
                return seen

    async def _enable(self, context: RequestContext, uid: str, seen: _Seen) -> UndoOutcome:
        if seen.obstacle is not None:
            return seen.obstacle
        try:
            await self._users.update(
                context, uid, _activated, lambda version: version == str(seen.version)
            )
        except NotFound:
            return "deleted"
        except PreconditionFailed:
            return "changed"
        return "enabled"


def _versions(change: RecordedChange) -> Iterable[tuple[str, int]]:
    """List the versions of users that a change row tells."""
    done = change.change
    if done.resource == "User" and done.version is not None:
        yield done.id, done.version
    for uid, version in (*done.added, *done.removed):
        if version is not None:
            yield uid, version


def _activated(document: Document) -> Document:
    return {**document, "active": True}


def _with_outcomes(hold: Hold, outcomes: dict[str, UndoOutcome], *, is_last: bool) -> Hold:
    by_outcome: dict[str, list[str]] = defaultdict(list)
    for uid, outcome in outcomes.items():
        by_outcome[outcome].append(uid)
    undone = frozenset(by_outcome.pop("enabled", ()))
    left_out = Counter(hold.left_out) + Counter({why: len(ids) for why, ids in by_outcome.items()})
    first = [(uid, why) for why, ids in by_outcome.items() for uid in ids]
    room = max(_MOST_NAMED - len(hold.left_out_first), 0)
    return replace(
        hold,
        undone=hold.undone | undone,
        undo_after=max(outcomes, default=hold.undo_after),
        is_undone=is_last,
        left_out=dict(left_out),
        left_out_first={**hold.left_out_first, **dict(first[:room])},
    )
