"""Whether what the service depends on answers: the vault that holds the tokens, and the table."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from shared import tenants
from shared.auth.tokens import Authenticator
from shared.clock import Clock
from shared.errors import ScimError
from shared.store import layout
from shared.store.write_check import NotAsWrittenError, check_writes
from shared.tables.refusals import Diagnosis, Refusal, diagnose
from shared.tables.request_context import RequestContext
from shared.tables.table import Table

REPORT_SECONDS = 5.0
"""How long a report serves, so that probes cost the vault and the table next to nothing."""

_PATIENCE_SECONDS = 3.0
"""How long each of them may take to answer; the table as long again for the writes."""

SCRATCH_PARTITION = tenants.scratch("readiness")

State = Literal["ok", "failed", "unused"]
"""`unused`: on a developer's machine whose tokens come from the settings there is no vault."""


@dataclass(frozen=True, slots=True)
class Check:
    """How one of them answered.

    Attributes:
        state: whether it did.
        ms: after how many milliseconds.
        diagnosis: why it failed, where that is known.
    """

    state: State
    ms: float
    diagnosis: Diagnosis | None = None


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
    """The last report. Requests that come while a new one is made wait for it: one is made.

    That the table takes writes is found out once: a role does not change while an instance lives,
    and each report would cost writes. As long as they fail, each new report tries them.
    """

    clock: Clock = field(default_factory=Clock)
    _report: Report | None = None
    _made_at: float = -math.inf
    _has_written: bool = False
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def report(
        self, authenticator: Authenticator, table: Table, context: RequestContext
    ) -> Report:
        """Return a report of the last 5 s, or ask the vault and the table: one reading each.

        Until the table has taken writes, 3 calls more.

        Args:
            authenticator: knows the vault.
            table: is asked for one row, and to take writes.
            context: of the request that asks; its meter counts what the table was asked.
        """
        async with self._asking:
            if self._report is None or self.clock.steady() - self._made_at >= REPORT_SECONDS:
                vault, storage = await asyncio.gather(
                    _check_vault(authenticator), self._check_table(table, context)
                )
                self._report, self._made_at = Report(vault, storage), self.clock.steady()
            return self._report

    async def _check_table(self, table: Table, context: RequestContext) -> Check:
        reading = await _check_reading(table, context)
        if reading.state == "failed" or self._has_written:
            return reading
        writing = await _check_writing(table, context)
        self._has_written = writing.state == "ok"
        return replace(writing, ms=round(reading.ms + writing.ms, 1))


async def _check_vault(authenticator: Authenticator) -> Check:
    async def ask() -> State:
        is_read = await authenticator.refresh()
        return "unused" if is_read is None else "ok" if is_read else "failed"

    return await _time(ask())


async def _check_reading(table: Table, context: RequestContext) -> Check:
    async def ask() -> State:
        # The row is normally absent, which is the cheapest answer.
        await table.get(_hurried(context), layout.DELETIONS_KEY)
        return "ok"

    return await _time(ask(), diagnose)


async def _check_writing(table: Table, context: RequestContext) -> Check:
    async def ask() -> State:
        await check_writes(table, replace(_hurried(context), tenant=SCRATCH_PARTITION))
        return "ok"

    return await _time(ask(), _explain_writing)


def _explain_writing(error: Exception) -> Diagnosis:
    if isinstance(error, NotAsWrittenError):
        return Diagnosis(Refusal.OTHER, error.detail)
    return diagnose(error, can_read=True)


def _hurried(context: RequestContext) -> RequestContext:
    """Shorten the deadline, up to which the table repeats a read that found no answer."""
    return replace(context, deadline=min(context.deadline, time.monotonic() + _PATIENCE_SECONDS))


async def _time(
    question: Awaitable[State], explain: Callable[[Exception], Diagnosis | None] = lambda _: None
) -> Check:
    """Wait for an answer; a refusal and silence are failures, a fault of ours is raised."""
    started = time.perf_counter()
    diagnosis = None
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            state = await question
    except (ScimError, TimeoutError) as error:
        state, diagnosis = "failed", explain(error)
    return Check(state, round((time.perf_counter() - started) * 1000, 1), diagnosis)
