"""Whether what the service depends on answers: the vault that holds the tokens, and the table."""

import asyncio
import math
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import Literal

from shared.auth.tokens import Authenticator
from shared.clock import Clock
from shared.errors import ScimError
from shared.store import layout
from shared.tables.request_context import RequestContext
from shared.tables.table import Table

REPORT_SECONDS = 5.0
"""How long a report serves, so that probes cost the vault and the table next to nothing."""

_PATIENCE_SECONDS = 3.0
"""How long each of them may take to answer."""

State = Literal["ok", "failed", "unused"]
"""`unused`: on a developer's machine whose tokens come from the settings there is no vault."""


@dataclass(frozen=True, slots=True)
class Check:
    """How one of them answered.

    Attributes:
        state: whether it did.
        ms: after how many milliseconds.
    """

    state: State
    ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """How everything that the service depends on answered."""

    vault: Check
    table: Check

    @property
    def is_ready(self) -> bool:
        """Whether nothing failed."""
        return "failed" not in (self.vault.state, self.table.state)


@dataclass(slots=True)
class Readiness:
    """The last report. Requests that come while a new one is made wait for it: one is made."""

    clock: Clock = field(default_factory=Clock)
    _report: Report | None = None
    _made_at: float = -math.inf
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def report(
        self, authenticator: Authenticator, table: Table, context: RequestContext
    ) -> Report:
        """Return a report of the last 5 s, or ask the vault and the table: one reading each.

        Args:
            authenticator: knows the vault.
            table: is asked for one row.
            context: of the request that asks; its meter counts what the table was asked.
        """
        async with self._asking:
            if self._report is None or self.clock.steady() - self._made_at >= REPORT_SECONDS:
                vault, storage = await asyncio.gather(
                    _check_vault(authenticator), _check_table(table, context)
                )
                self._report, self._made_at = Report(vault, storage), self.clock.steady()
            return self._report


async def _check_vault(authenticator: Authenticator) -> Check:
    async def ask() -> State:
        is_read = await authenticator.refresh()
        return "unused" if is_read is None else "ok" if is_read else "failed"

    return await _time(ask())


async def _check_table(table: Table, context: RequestContext) -> Check:
    # The row is normally absent, which is the cheapest answer. The store repeats a read that found
    # no answer, and gives up at the deadline.
    hurried = replace(context, deadline=min(context.deadline, time.monotonic() + _PATIENCE_SECONDS))

    async def ask() -> State:
        await table.get(hurried, layout.DELETIONS_KEY)
        return "ok"

    return await _time(ask())


async def _time(question: Awaitable[State]) -> Check:
    """Wait for an answer; a refusal and silence are failures, a fault of ours is raised."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            state = await question
    except (ScimError, TimeoutError):
        state = "failed"
    return Check(state, round((time.perf_counter() - started) * 1000, 1))
