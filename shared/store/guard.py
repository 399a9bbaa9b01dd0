"""The guard against mass removal: holds removals back from the feed until somebody decides.

A write of the identity provider is always accepted. What is held is a change row with a mark, which
the feed passes over. Everything that happens to a user behind the removal is held with it. A
release writes those changes once more, in new rows at the end of the feed, each as it was. So
cursors go on as ever, every reader meets them, and a reader who was told before is told again.

Whoever reads the feed rules on what is about to be told (`shared/store/guard_rules.py`). So does a
check beside the requests that remove users (`shared/web/guard_watch.py`). The first one writes the
ruling, and the others go by it. Only rows with a mark are passed over, and a mark is written under
the ETag of the guard's row (`shared/store/guard_state.py`). So when somebody decides, every row
that a reader has passed over has its mark.

The rule lies in the guard's row as well. So every process goes by the same one, whatever settings
it remembers. If it remembers that nothing is to be held, it reads the settings again before it
tells removals that are younger than those it remembers. So a guard that is switched on is in force
at once on every instance. A guard that is switched off begins no hold. What is held then stays
held, with all that happens to its users, until somebody decides or the time for its release has
come.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.clock import Clock
from shared.errors import Conflict, NotFound
from shared.guard.removals import (
    LEAVERS,
    WINDOW_MS,
    Removal,
    Thresholds,
    find_mass,
    most_within_an_hour,
)
from shared.store import guard_state, layout
from shared.store.changes import (
    GUARD,
    Change,
    RecordedChange,
    recorded,
    retold_values,
)
from shared.store.commits import commit
from shared.store.counters import ResourceNumbers, read_numbers
from shared.store.guard_rules import (
    QUIET_MS,
    Look,
    Ruling,
    hold_mass,
    is_counted,
    let_through,
    removal_of,
    rule_on,
)
from shared.store.guard_state import Decision, GuardState, Hold, read_state
from shared.store.guard_undo import Undo
from shared.store.layout import Column
from shared.store.tenant_settings import KeptSettings, TenantSettingsStore
from shared.store.users import Users
from shared.tables.operations import (
    MAX_TRANSACTION_OPERATIONS,
    Insert,
    Merge,
    OperationRejected,
    RowOperation,
)
from shared.tables.request_context import Bound, RequestContext
from shared.tables.retry import resend, retry_conflicts
from shared.tables.rows import Row, Span
from shared.tables.table import PAGE_ROWS, Table, collect
from shared.tenant_settings import GuardSettings

MARKS_IN_A_TRANSACTION = MAX_TRANSACTION_OPERATIONS - 4
"""Marks that a transaction holds beside the guard's row, and beside the three rows more that there
may be where a hold begins or ends."""

MOST_ROWS = 20 * PAGE_ROWS
"""Change rows that one look goes through."""

_LEFT_FOR_ANSWER = 10.0
"""Seconds of the deadline that are kept for the last step of a decision and for the answer."""

_MOST_ENTITIES = 1_000_000

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


@dataclass(frozen=True, slots=True)
class LastHour:
    """What was removed within the last hour.

    Attributes:
        removed: users, of the subject from which the most were.
        active: how many users were active before.
        is_mass: whether the thresholds are passed.
    """

    removed: int
    active: int
    is_mass: bool


class Guard:
    """Guards every tenant; the context says which."""

    def __init__(
        self, table: Table, settings: TenantSettingsStore, users: Users, clock: Clock
    ) -> None:
        self._table = table
        self._settings = settings
        self._undo = Undo(table, users)
        self._clock = clock

    async def rule(self, context: RequestContext, rows: Sequence[Row]) -> ToldRows:
        """Tell which of the next change rows can be told, and hold what is part of a mass removal.

        In a tenant whose removals are not held no call, or 1 where some are younger than the
        settings that are remembered. Otherwise 1, and one more where there are removals that nobody
        has ruled on yet. Where these are many, also those of a look: one for each 1,000 changes of
        an hour, one for the number of users, and one for each 96 changes that are held. After a
        lost race also one to read the rows again.

        Raises:
            Unavailable: the settings of the tenant could never be read.
        """
        if not rows:
            return ToldRows(rows)
        kept = await self._settings_for(context, rows)
        if not kept.is_guarded:
            return ToldRows(rows)
        return await self._rule_on(context, rows, kept)

    async def check(self, context: RequestContext) -> None:
        """Look at the removals of the last hour: hold them or, where nothing is held, log them.

        A call for each 1,000 changes of the hour, one for the number of users, and as of `rule`.
        """
        rows, _ = await self._read_rows(context, self._now() - WINDOW_MS)
        kept = await self._settings_for(context, rows)
        if rows and kept.is_guarded:
            await self._rule_on(context, rows, kept)
        if kept.settings.holds_removals:
            return
        last_hour = await self._count_removed(context, kept.settings.guard_rule, rows)
        if last_hour.is_mass:
            _log.warning(
                "guard: %d of %d active users of tenant %s were removed within an hour; the product"
                " was told",
                last_hour.removed,
                last_hour.active,
                context.tenant,
            )

    async def count_last_hour(self, context: RequestContext, rule: GuardSettings) -> LastHour:
        """Count what was removed within the last hour.

        A call for each 1,000 changes of the hour, and one for the number of users.
        """
        rows, _ = await self._read_rows(context, self._now() - WINDOW_MS)
        return await self._count_removed(context, rule, rows)

    async def read_hold(self, context: RequestContext) -> Hold | None:
        """Read what is held, decided or not; None once all is done. 1 call."""
        return (await read_state(self._table, context)).hold

    async def read_open_hold(self, context: RequestContext, kept: KeptSettings) -> Hold | None:
        """Read what is held and not decided about. 1 call; none where the settings say nothing is.

        Args:
            context: the request.
            kept: the settings, just read.
        """
        return (await read_state(self._table, context)).open_hold if kept.is_guarded else None

    async def read_held_since(self, context: RequestContext) -> int | None:
        """Read when the first change was made that is held; None where nothing is. 1 call.

        In POSIX milliseconds. The change rows from there on are needed for a decision.
        """
        hold = (await read_state(self._table, context)).hold
        return None if hold is None else layout.change_time(hold.first)

    async def list_decided(self, context: RequestContext) -> list[Hold]:
        """List the holds of which all is done, the newest first. 1 call."""
        return await guard_state.list_decided(self._table, context)

    async def decide(
        self, context: RequestContext, hold_id: str, decision: Decision, bound: Bound
    ) -> Hold:
        """Decide about what is held, and do what follows from it, as far as the bound allows.

        The same decision once more goes on with what is left, and changes nothing once all is done.
        A call for each 1,000 changes since the first that is held, and one for each 96 of them; an
        undo 2 for each user besides.

        Args:
            context: the request.
            hold_id: id of the hold.
            decision: `release` tells the product; `undo` first enables whom it can.
            bound: how far to go; what is left is done by the sweeper.

        Raises:
            NotFound: there is no such hold.
            Conflict: somebody has decided otherwise.
        """
        hold = await retry_conflicts(
            context, lambda: self._write_decision(context, hold_id, decision)
        )
        if hold.is_done:
            return hold
        await self._finish(context, bound)
        left = await self.read_hold(context)
        if left is not None and left.id == hold_id:
            return left
        return await self._read_decided(context, hold_id, decision)

    async def tend(self, context: RequestContext, bound: Bound) -> int:
        """Release what is held for long enough, and go on with what was decided. 1 call at least.

        Returns:
            How many change rows were told again.
        """
        state = await read_state(self._table, context)
        hold = state.hold
        if hold is None:
            return 0
        if hold.decision is None:
            if hold.release_at is None or self._now() < hold.release_at:
                return 0
            return (await self.decide(context, hold.id, "release", bound)).events
        return await self._finish(context, bound)

    # Ruling

    async def _settings_for(self, context: RequestContext, rows: Sequence[Row]) -> KeptSettings:
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

    async def _rule_on(
        self, context: RequestContext, rows: Sequence[Row], kept: KeptSettings
    ) -> ToldRows:
        """Rule on rows; after a lost race on what they are then, since they may have got marks."""
        if_older = kept.settings.guard_rule
        ruled = rows

        async def attempt() -> ToldRows:
            nonlocal ruled
            try:
                return await self._rule(context, ruled, if_older)
            except OperationRejected:
                ruled = await self._reread(context, rows)
                raise

        return await retry_conflicts(context, attempt)

    async def _reread(self, context: RequestContext, rows: Sequence[Row]) -> list[Row]:
        """Read rows once more. A call for each 1,000 that lie between the first and the last."""
        span = Span(rows[0].key, f"{rows[-1].key}~")
        found = {row.key: row for row in await collect(self._table, context, span)}
        return [found[row.key] for row in rows if row.key in found]

    async def _rule(
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
        rows, reached = await self._read_rows(context, waiting.time - WINDOW_MS)
        changes = [recorded(row) for row in rows]
        counted = [each for each in changes if is_counted(each, state)]
        numbers = await read_numbers(self._table, context)
        thresholds = Thresholds(rule.users, rule.percent)
        mass = find_mass(_removals(counted), thresholds, _active_before(numbers, counted))
        look = Look(changes, mass, _active_before(numbers, changes), reached)
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
            state = await self._write(context, state, some, notice)
        if is_new and hold is not None:
            _tell_operator(context.tenant, hold)
        return state

    async def _write(
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

    async def _read_rows(self, context: RequestContext, since: int) -> tuple[list[Row], int]:
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

    async def _count_removed(
        self, context: RequestContext, rule: GuardSettings, rows: Sequence[Row]
    ) -> LastHour:
        changes = [recorded(row) for row in rows]
        removals = _removals(changes)
        active = _active_before(await read_numbers(self._table, context), changes)
        if not removals:
            return LastHour(0, active, is_mass=False)
        mass = find_mass(removals, Thresholds(rule.users, rule.percent), active)
        return LastHour(mass.most or most_within_an_hour(removals), active, bool(mass.removed))

    # Deciding

    async def _write_decision(
        self, context: RequestContext, hold_id: str, decision: Decision
    ) -> Hold:
        """Write what was decided about a hold; only read it where that was written before.

        Raises:
            NotFound: there is no such hold.
            Conflict: somebody has decided otherwise.
            OperationRejected: somebody else has written what the guard knows.
        """
        hold = await self.read_hold(context)
        if hold is None or hold.id != hold_id:
            return await self._read_decided(context, hold_id, decision)
        if hold.decision is not None:
            return _same(hold, decision)
        state = await self._hold_rest(context, hold, layout.change_time(hold.first))
        hold = state.open_hold
        if hold is None or hold.id != hold_id:  # somebody has decided meanwhile
            return await self._write_decision(context, hold_id, decision)
        decided = replace(
            hold,
            decision=decision,
            decided=self._now(),
            decided_by=context.actor,
            told=layout.change_number(layout.change_time(hold.first)),
        )
        await self._write(context, replace(state, hold=decided))
        return decided

    async def _read_decided(
        self, context: RequestContext, hold_id: str, decision: Decision
    ) -> Hold:
        """Read a hold of which all is done. 1 call.

        Raises:
            NotFound: there is no such hold.
            Conflict: somebody has decided otherwise.
        """
        hold = None
        if layout.is_id(hold_id):
            hold = await guard_state.read_decided(self._table, context, hold_id)
        if hold is None:
            raise NotFound("Nothing is held under this id.")
        return _same(hold, decision)

    async def _hold_rest(self, context: RequestContext, hold: Hold, since: int) -> GuardState:
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
        rows, _ = await self._read_rows(context, since)
        told = await self._rule(context, rows, if_older)
        behind = [row for row in rows[len(told.rows) :] if _is_of_user(row, hold)]
        if behind:
            await self._rule(context, behind, if_older)
        return await read_state(self._table, context)

    async def _finish(self, context: RequestContext, bound: Bound) -> int:
        """Do what follows from a decision; return how many change rows were told again.

        If several do so at once, each step is done by one of them.
        """
        # What is written follows from a decision, and is no contact of the identity provider. The
        # context is changed and not copied, since it counts the transactions of the request.
        if context.method != "sweep":
            context.method = "admin"
        told = 0
        while not bound.is_reached(context):
            state = await read_state(self._table, context)
            hold = state.hold
            if hold is None or hold.decision is None:
                break
            try:
                if hold.is_undoing:
                    await self._undo_some(context, state, hold, bound)
                else:
                    told += await self._tell_some(context, state, hold)
            except OperationRejected:
                continue
        return told

    async def _undo_some(
        self, context: RequestContext, state: GuardState, hold: Hold, bound: Bound
    ) -> None:
        undone = await self._undo.enable(context, hold, bound)
        await self._write(context, replace(state, hold=undone))

    async def _tell_some(self, context: RequestContext, state: GuardState, hold: Hold) -> int:
        """Tell held changes of a page again, and end the hold when all are told. 2 calls.

        What has happened meanwhile to the users who are held is looked for at the end, so that it
        is told behind what was before: a call for each 1,000 changes since the decision.

        Returns:
            How many were told.
        """
        span = layout.changes_behind(hold.told, hold.last)
        page = await self._table.page(context, span, PAGE_ROWS)
        held = [row for row in page.rows if _is_to_be_told(row, hold)]
        some = held[:MARKS_IN_A_TRANSACTION]
        is_all = len(some) == len(held)
        if is_all and page.token is None:
            latest = await self._hold_rest(context, hold, hold.decided - QUIET_MS)
            if latest.hold != hold:
                return 0
            state = latest
            done = replace(hold, is_done=True, events=hold.events + len(some))
            await self._end(context, state, done, some)
            return len(some)
        end = page.rows[-1] if is_all else some[-1]
        told = replace(hold, told=layout.id_in(end.key), events=hold.events + len(some))
        await self._write(context, replace(state, hold=told), _retold(some))
        return len(some)

    async def _end(
        self, context: RequestContext, state: GuardState, hold: Hold, rows: Sequence[Row]
    ) -> None:
        change = Change(GUARD, hold.id, hold.decision or "release", numbers=hold.numbers)
        operations = [
            state.ended(hold).written(),
            guard_state.decided_row(hold),
            *([Merge(layout.TENANT_SETTINGS_KEY, {Column.HELD: ""})] if state.is_noted else []),
            *_retold(rows),
        ]
        await commit(self._table, context, change, operations)

    def _now(self) -> int:
        return int(self._clock.wall() * 1_000)


def bound_of(context: RequestContext) -> Bound:
    """Say how far a request goes with what follows from a decision: almost to its deadline."""
    return Bound(_MOST_ENTITIES, time.monotonic() + max(context.remaining() - _LEFT_FOR_ANSWER, 0))


def _active_before(numbers: ResourceNumbers, changes: Sequence[RecordedChange]) -> int:
    """Count the users who were active before changes.

    Where the active ones are not counted yet, all who were there are taken for active.
    """
    leavers = _leavers(changes)
    if numbers.active is not None:
        return numbers.active + len(leavers)
    return numbers.users + sum(each.is_deletion for each in leavers.values())


def _concerns_guard(change: RecordedChange) -> bool:
    """Tell whether a change is a removal, or held, so that a guard would rule on it."""
    return bool(change.held) or removal_of(change) is not None


def _removals(changes: Sequence[RecordedChange]) -> list[Removal]:
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


def _is_of_user(row: Row, hold: Hold) -> bool:
    """Tell whether a change is one of a user who is held."""
    return (
        row.values[Column.RESOURCE_TYPE] == "User"
        and row.values[Column.RESOURCE_ID] in hold.users - hold.undone
    )


def _is_to_be_told(row: Row, hold: Hold) -> bool:
    """Tell whether a change was held by a hold and not undone."""
    if row.values.get(Column.HELD) != hold.id:
        return False
    return row.values[Column.RESOURCE_TYPE] != "User" or (
        row.values[Column.RESOURCE_ID] not in hold.undone
    )


def _retold(rows: Sequence[Row]) -> list[RowOperation]:
    """Build rows that tell of others again, in the same order."""
    keys = sorted(layout.new_change_key() for _ in rows)
    return [Insert(key, retold_values(row)) for key, row in zip(keys, rows, strict=True)]


def _same(hold: Hold, decision: Decision) -> Hold:
    """Return a hold about which the same was decided.

    Raises:
        Conflict: something else was.
    """
    if hold.decision != decision:
        was = "released" if hold.decision == "release" else "undone"
        raise Conflict(f"What was held under this id was {was} already.")
    return hold


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
