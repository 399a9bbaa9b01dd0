"""Rules on change rows: reads what is around them, and writes what the guard knows with its marks.

What becomes of a row is worked out without I/O (`shared/store/guard_rules.py`). A ruling is written
under the ETag of the guard's row. Whoever loses the race for it reads again and goes by what the
other one has written.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.clock import Clock
from shared.guard.removals import WINDOW_MS, Thresholds, find_mass
from shared.store import layout
from shared.store.changes import GUARD, Change, RecordedChange, recorded
from shared.store.commits import commit
from shared.store.counters import read_numbers
from shared.store.guard_rules import (
    Look,
    Ruling,
    active_before,
    hold_mass,
    is_counted,
    is_of_held_user,
    let_through,
    removal_of,
    removals_in,
    rule_on,
)
from shared.store.guard_state import GuardState, Hold, read_state
from shared.store.layout import Column
from shared.store.tenant_settings import KeptSettings, TenantSettingsStore
from shared.tables.operations import (
    MAX_TRANSACTION_OPERATIONS,
    Merge,
    OperationRejected,
    RowOperation,
)
from shared.tables.request_context import RequestContext
from shared.tables.retry import resend, retry_conflicts
from shared.tables.rows import Row, Span
from shared.tables.table import PAGE_ROWS, Table, collect
from shared.tenant_settings import GuardSettings

MARKS_IN_A_TRANSACTION = MAX_TRANSACTION_OPERATIONS - 4
"""Marks that a transaction holds beside the guard's row, and beside the three rows more that there
may be where a hold begins or ends."""

MOST_ROWS = 20 * PAGE_ROWS
"""Change rows that one look goes through."""

_log = logging.getLogger("scim.guard")


@dataclass(frozen=True, slots=True)
class ToldRows:
    """What can be told.

    Attributes:
        rows: with those that are marked.
        is_cut: whether one behind them waits.
        is_announced: whether a hold has begun, which is told by a row at the end of the feed.
    """

    rows: Sequence[Row]
    is_cut: bool = False
    is_announced: bool = False


class GuardRuler:
    """Rules on the change rows of every tenant; the context says of which."""

    def __init__(self, table: Table, settings: TenantSettingsStore, clock: Clock) -> None:
        self._table = table
        self._settings = settings
        self._clock = clock

    async def settings_for(self, context: RequestContext, rows: Sequence[Row]) -> KeptSettings:
        """Read the settings that are in force for rows. 1 call where those remembered may not be.

        If those say that there is a guard, they suffice: the rule itself lies in the guard's row.
        """
        kept = await self._settings.current(context)
        if kept.is_guarded:
            return kept
        since = self._settings.known_since(context.tenant)
        young = (row for row in reversed(rows) if layout.change_time(row.key) >= since)
        if any(_concerns_guard(recorded(row)) for row in young):
            return await self._settings.read_again(context)
        return kept

    async def rule(
        self, context: RequestContext, rows: Sequence[Row], kept: KeptSettings
    ) -> ToldRows:
        """Rule on rows; after a lost race on what they are then, since they may have got marks."""
        if_older = kept.settings.guard_rule
        ruled = rows

        async def attempt() -> ToldRows:
            nonlocal ruled
            try:
                return await self._rule_once(context, ruled, if_older)
            except OperationRejected:
                ruled = await self._reread(context, rows)
                raise

        return await retry_conflicts(context, attempt)

    async def _reread(self, context: RequestContext, rows: Sequence[Row]) -> list[Row]:
        """Read rows once more. A call for each 1,000 that lie between the first and the last."""
        span = Span(rows[0].key, f"{rows[-1].key}~")
        found = {row.key: row for row in await collect(self._table, context, span)}
        return [found[row.key] for row in rows if row.key in found]

    async def _rule_once(
        self, context: RequestContext, rows: Sequence[Row], if_older: GuardSettings
    ) -> ToldRows:
        state = before = await read_state(self._table, context)
        rule = state.rule or if_older
        changes = [recorded(row) for row in rows]
        while True:
            ruling = rule_on(changes, state, rule)
            state = await self._keep(context, state, ruling, rows)
            changes = _marked(changes, ruling, state)
            if ruling.waiting is None or ruling.reason == "undecided":
                break
            looked, around = await self._look(context, state, changes[ruling.waiting], rule)
            if looked is None:
                break
            state = await self._keep(context, state, looked, around)
            changes = _marked(changes, looked, state)
        told = [_with_mark(row, change) for row, change in zip(rows, changes, strict=True)]
        return ToldRows(
            told[: ruling.waiting],
            is_cut=ruling.waiting is not None,
            is_announced=state.hold is not None and before.hold is None,
        )

    async def _look(
        self,
        context: RequestContext,
        state: GuardState,
        waiting: RecordedChange,
        rule: GuardSettings,
    ) -> tuple[Ruling | None, list[Row]]:
        """Look at what a removal is part of; None if it has to wait. Return also what was read."""
        rows, reached = await self.read_rows(context, waiting.time - WINDOW_MS)
        changes = [recorded(row) for row in rows]
        counted = [each for each in changes if is_counted(each, state)]
        numbers = await read_numbers(self._table, context)
        thresholds = Thresholds(rule.users, rule.percent)
        mass = find_mass(removals_in(counted), thresholds, active_before(numbers, counted))
        look = Look(changes, mass, active_before(numbers, changes), reached)
        held = hold_mass(state, look, rule, self._now(), layout.new_id_without_name)
        if held is not None:
            return held, rows
        through = let_through(state, look, waiting, self._now())
        return (None if through == state else Ruling(through)), rows

    async def _keep(
        self, context: RequestContext, before: GuardState, ruling: Ruling, rows: Sequence[Row]
    ) -> GuardState:
        """Write what a ruling has changed, and mark what it holds; nothing if it changed nothing.

        A call for each 96 rows that are held, and one where none is.

        Raises:
            OperationRejected: somebody else has ruled meanwhile, or had before a row was read.
        """
        state = ruling.state
        if state == before and not ruling.held:
            return state
        hold = state.hold
        etags = {row.key: row.etag for row in rows} if ruling.held else {}
        mark = {Column.HELD: hold.id if hold else ""}
        marks = [Merge(each.key, mark, etags[each.key]) for each in ruling.held]
        is_new = hold is not None and before.hold is None
        for start in range(0, max(len(marks), 1), MARKS_IN_A_TRANSACTION):
            some = marks[start : start + MARKS_IN_A_TRANSACTION]
            notice = hold if is_new and start == 0 else None
            state = await self.write(context, state, some, notice)
        if is_new and hold is not None:
            _tell_operator(context.tenant, hold)
        return state

    async def write(
        self,
        context: RequestContext,
        state: GuardState,
        operations: Sequence[RowOperation] = (),
        notice: Hold | None = None,
    ) -> GuardState:
        """Write what the guard knows, with what belongs to it. 1 call.

        Raises:
            OperationRejected: somebody else has written it.
        """
        written = [state.written(), *operations]
        if notice is None:
            etags = await resend(context, lambda: self._table.transact(context, written))
        else:
            change = Change(GUARD, notice.id, "hold", numbers=notice.numbers)
            etags = await commit(self._table, context, change, written) or [""]
        if not etags[0]:
            return await read_state(self._table, context)
        return replace(state, etag=etags[0])

    async def read_rows(self, context: RequestContext, since: int) -> tuple[list[Row], int]:
        """Read change rows from a time on; tell up to which time all are read."""
        now = self._now()
        rows: list[Row] = []
        span, token = layout.changes_span(since), None
        while True:
            page = await self._table.page(context, span, PAGE_ROWS, token)
            rows += page.rows
            token = page.token
            if token is None:
                return rows, now
            if len(rows) >= MOST_ROWS:
                return rows, layout.change_time(rows[-1].key)

    async def hold_rest(self, context: RequestContext, hold: Hold, since: int) -> GuardState:
        """Hold what has happened to held users and was not ruled on yet, so that it comes in order.

        A row that waits for something else ends what can be ruled on. So the rows of held users
        that come behind it are then ruled on alone.

        Args:
            context: the request.
            hold: what is held.
            since: the time of the first change that is looked at.
        """
        kept = await self._settings.current(context)
        if_older = kept.settings.guard_rule
        rows, _ = await self.read_rows(context, since)
        told = await self._rule_once(context, rows, if_older)
        behind = [row for row in rows[len(told.rows) :] if is_of_held_user(recorded(row), hold)]
        if behind:
            await self._rule_once(context, behind, if_older)
        return await read_state(self._table, context)

    def _now(self) -> int:
        return int(self._clock.wall() * 1_000)


def _concerns_guard(change: RecordedChange) -> bool:
    """Tell whether a change is a removal, or held, so that a guard would rule on it."""
    return bool(change.held) or removal_of(change) is not None


def _marked(
    changes: list[RecordedChange], ruling: Ruling, state: GuardState
) -> list[RecordedChange]:
    """Mark the changes that a ruling holds."""
    if not ruling.held or state.hold is None:
        return changes
    hold_id, keys = state.hold.id, {each.key for each in ruling.held}
    return [replace(each, held=hold_id) if each.key in keys else each for each in changes]


def _with_mark(row: Row, change: RecordedChange) -> Row:
    """Give a row the mark that its change has got."""
    if not change.held or Column.HELD in row.values:
        return row
    return replace(row, values={**row.values, Column.HELD: change.held})


def _tell_operator(tenant: str, hold: Hold) -> None:
    removed, held = hold.largest
    _log.warning(
        "guard: %d of %d active users of tenant %s were removed within an hour; %d are held as %s",
        removed,
        hold.active,
        tenant,
        held,
        hold.id,
    )
