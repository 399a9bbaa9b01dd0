"""The guard against mass removal: holds removals back from the feed until somebody decides.

A write of the identity provider is always accepted. What is held is a change row with a mark, which
the feed passes over. Everything that happens to a user behind the removal is held with it. A
release writes those changes once more, in new rows at the end of the feed, each as it was. So
cursors go on as ever, every reader meets them, and a reader who was told before is told again.

Whoever reads the feed rules on what is about to be told (`shared/store/guard_ruler.py`). So does a
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
from dataclasses import dataclass

from shared.clock import Clock
from shared.guard.removals import WINDOW_MS, Thresholds, find_mass, most_within_an_hour
from shared.store import guard_state, layout
from shared.store.changes import recorded
from shared.store.counters import read_numbers
from shared.store.guard_decisions import GuardDecisions
from shared.store.guard_ruler import GuardRuler, ToldRows
from shared.store.guard_rules import active_before, removals_in
from shared.store.guard_state import Decision, Hold, read_state
from shared.store.tenant_settings import KeptSettings, TenantSettingsStore
from shared.store.users import Users
from shared.tables.request_context import Bound, RequestContext
from shared.tables.rows import Row
from shared.tables.table import Table
from shared.tenant_settings import GuardSettings

_LEFT_FOR_ANSWER = 10.0
"""Seconds of the deadline that are kept for the last step of a decision and for the answer."""

_MOST_ENTITIES = 1_000_000

_log = logging.getLogger("scim.guard")


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
        self._ruler = GuardRuler(table, settings, clock)
        self._decisions = GuardDecisions(table, self._ruler, users, clock)
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
        kept = await self._ruler.settings_for(context, rows)
        if not kept.is_guarded:
            return ToldRows(rows)
        return await self._ruler.rule(context, rows, kept)

    async def check(self, context: RequestContext) -> None:
        """Look at the removals of the last hour: hold them or, where nothing is held, log them.

        A call for each 1,000 changes of the hour, one for the number of users, and as of `rule`.
        """
        rows, _ = await self._ruler.read_rows(context, self._now() - WINDOW_MS)
        kept = await self._ruler.settings_for(context, rows)
        if rows and kept.is_guarded:
            await self._ruler.rule(context, rows, kept)
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
        rows, _ = await self._ruler.read_rows(context, self._now() - WINDOW_MS)
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
        """Decide about what is held, as far as the bound allows; see `GuardDecisions.decide`."""
        return await self._decisions.decide(context, hold_id, decision, bound)

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
        return await self._decisions.finish(context, bound)

    async def _count_removed(
        self, context: RequestContext, rule: GuardSettings, rows: Sequence[Row]
    ) -> LastHour:
        changes = [recorded(row) for row in rows]
        removals = removals_in(changes)
        active = active_before(await read_numbers(self._table, context), changes)
        if not removals:
            return LastHour(0, active, is_mass=False)
        mass = find_mass(removals, Thresholds(rule.users, rule.percent), active)
        return LastHour(mass.most or most_within_an_hour(removals), active, bool(mass.removed))

    def _now(self) -> int:
        return int(self._clock.wall() * 1_000)


def bound_of(context: RequestContext) -> Bound:
    """Say how far a request goes with what follows from a decision: almost to its deadline."""
    return Bound(_MOST_ENTITIES, time.monotonic() + max(context.remaining() - _LEFT_FOR_ANSWER, 0))
