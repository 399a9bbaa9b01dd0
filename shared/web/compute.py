"""Compute: what takes long to compute is computed beside the event loop, which serves others.

A computation is tried on the event loop, where nearly all of them end within microseconds. One that
costs more than a slice of effort, or reads a large body, is done in a thread. It gives the event
loop a turn after each slice, and ends when the deadline of its request passes. The interpreter
switches between the threads of a process in any case, every 5 ms of Python code.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from shared.scim.effort import Effort
from shared.tables.request_context import RequestContext
from shared.tables.tenant_queue import TenantQueue

T = TypeVar("T")

Computation = Callable[[Effort], T]
"""Is pure, and counts its effort as it goes. It may be done twice."""

LARGE_BODY = 32_768
"""Bytes of a body from which on reading it may take more than 10 ms."""

SLICE_SECONDS = 0.010

_THREADS = 4
"""So many tenants compute at once. One tenant has one computation under way, others of it wait."""


class Compute:
    """Computes for the requests of a process."""

    def __init__(self) -> None:
        self._queue = TenantQueue(capacity=1)
        self._threads = ThreadPoolExecutor(_THREADS, "compute")

    async def run(
        self, context: RequestContext, work: Computation[T], effort: Effort | None = None
    ) -> T:
        """Compute on the event loop, or in a thread where that takes more than a slice.

        Args:
            context: the request.
            work: what to compute.
            effort: is spent by several computations of a request; by default this one has its own.

        Raises:
            EffortExceeded: the work costs more than the effort allows.
            Unavailable: the deadline has passed.
        """
        effort = effort or Effort()
        trial = Effort(effort.most, _give_up, effort.spent)
        try:
            result = work(trial)
        except _TakesLongError:
            return await self.run_long(context, work, effort)
        effort.spent = trial.spent
        return result

    async def run_long(
        self, context: RequestContext, work: Computation[T], effort: Effort | None = None
    ) -> T:
        """Compute in a thread; arguments and errors as of `run`."""
        effort = effort or Effort()
        loop = asyncio.get_running_loop()
        part = Effort(effort.most, partial(_give_turn, loop, context), effort.spent)
        async with self._queue.place(context):
            result = await loop.run_in_executor(self._threads, _begin, context, work, part)
        effort.spent = part.spent
        return result


class Slices:
    """Cuts a loop of many small steps on the event loop into slices.

    Args:
        steady: a clock that never jumps.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._since = steady()

    async def end_step(self) -> None:
        """Give the event loop a turn if the steps since the last one have taken a slice."""
        if self._steady() - self._since >= SLICE_SECONDS:
            await asyncio.sleep(0)
            self._since = self._steady()


class _TakesLongError(Exception):
    """A slice was spent on the event loop."""


def _give_up() -> None:
    raise _TakesLongError


def _begin(context: RequestContext, work: Computation[T], effort: Effort) -> T:
    context.remaining()
    return work(effort)


def _give_turn(loop: asyncio.AbstractEventLoop, context: RequestContext) -> None:
    """Wait, in a thread, until the event loop has had a turn.

    Raises:
        Unavailable: the deadline has passed.
    """
    turn = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop)
    turn.result(timeout=context.remaining())
