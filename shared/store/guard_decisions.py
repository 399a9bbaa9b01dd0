"""Decisions about what is held: the release and the undo, each in steps that can be repeated.

A release tells held changes again, a page at a time. An undo first enables the users whom it can,
and then tells the rest. Each step writes the guard's row under its ETag, so of several who are at
it at once each step is done by one.
"""

from collections.abc import Sequence
from dataclasses import replace

from shared.clock import Clock
from shared.errors import Conflict, NotFound
from shared.store import guard_state, layout
from shared.store.changes import GUARD, Change, retold_values
from shared.store.commits import commit
from shared.store.guard_ruler import MARKS_IN_A_TRANSACTION, GuardRuler
from shared.store.guard_rules import QUIET_MS
from shared.store.guard_state import Decision, GuardState, Hold, read_state
from shared.store.guard_undo import Undo
from shared.store.layout import Column
from shared.store.users import Users
from shared.tables.operations import Insert, Merge, OperationRejected, RowOperation
from shared.tables.request_context import Bound, RequestContext
from shared.tables.retry import retry_conflicts
from shared.tables.rows import Row
from shared.tables.table import PAGE_ROWS, Table


class GuardDecisions:
    """Decides about the holds of every tenant; the context says of which."""

    def __init__(self, table: Table, ruler: GuardRuler, users: Users, clock: Clock) -> None:
        self._table = table
        self._ruler = ruler
        self._undo = Undo(table, users)
        self._clock = clock

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
        await self.finish(context, bound)
        left = await self._read_hold(context)
        if left is not None and left.id == hold_id:
            return left
        return await self._read_decided(context, hold_id, decision)

    async def _write_decision(
        self, context: RequestContext, hold_id: str, decision: Decision
    ) -> Hold:
        """Write what was decided about a hold; only read it where that was written before.

        Raises:
            NotFound: there is no such hold.
            Conflict: somebody has decided otherwise.
            OperationRejected: somebody else has written what the guard knows.
        """
        hold = await self._read_hold(context)
        if hold is None or hold.id != hold_id:
            return await self._read_decided(context, hold_id, decision)
        if hold.decision is not None:
            return _same(hold, decision)
        state = await self._ruler.hold_rest(context, hold, layout.change_time(hold.first))
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
        await self._ruler.write(context, replace(state, hold=decided))
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

    async def finish(self, context: RequestContext, bound: Bound) -> int:
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
        await self._ruler.write(context, replace(state, hold=undone))

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
            latest = await self._ruler.hold_rest(context, hold, hold.decided - QUIET_MS)
            if latest.hold != hold:
                return 0
            state = latest
            done = replace(hold, is_done=True, events=hold.events + len(some))
            await self._end(context, state, done, some)
            return len(some)
        end = page.rows[-1] if is_all else some[-1]
        told = replace(hold, told=layout.id_in(end.key), events=hold.events + len(some))
        await self._ruler.write(context, replace(state, hold=told), _retold(some))
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

    async def _read_hold(self, context: RequestContext) -> Hold | None:
        return (await read_state(self._table, context)).hold

    def _now(self) -> int:
        return int(self._clock.wall() * 1_000)


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
