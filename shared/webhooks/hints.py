"""Hints: messages of a queue by which the dispatcher learns at once that a tenant has changed.

A hint says which tenant, and nothing else; the change rows say what. So a hint may be lost, come
twice and come late. The timer finds what no hint has told.

Each commit is followed by a hint that can be seen no earlier than the commit was done. The first
hint after a quiet second can be seen at once. While more commits come, the next one is put ahead:
it can be seen a second later, and stands for all commits until then. So a tenant costs an instance
one message a second, and one more when it begins.
"""

import asyncio
import logging
import math
from typing import Protocol

from shared import tenants
from shared.clock import Clock
from shared.notices import Notices
from shared.store.webhook_endpoints import WebhookEndpoints

PERIOD_SECONDS = 1.0
"""How long one hint stands for all commits of a tenant."""

WAIT_SECONDS = 0.2
"""How long a request waits for its hint to be put; the hint goes on by itself."""

PUT_SECONDS = 3.0

LOOK_SECONDS = 300.0
"""What is due later than this is left to the timer."""

_MOST_TENANTS = 10_000

_log = logging.getLogger("scim.webhooks")


class HintQueue(Protocol):
    """What hints need of a queue."""

    async def put(self, text: str, delay: int = 0) -> None:
        """Put a message that can be seen after some seconds."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class ChangeHints:
    """Puts hints; nothing is raised, and nobody waits long."""

    def __init__(self, queue: HintQueue, endpoints: WebhookEndpoints, clock: Clock) -> None:
        """Prepare; nothing is sent.

        Args:
            queue: where hints are put; closed with this object.
            endpoints: by which a commit knows whether anybody wants a hint of it.
            clock: the time by which hints stand for commits.
        """
        self._queue = queue
        self._endpoints = endpoints
        self._clock = clock
        self._covered: dict[str, float] = {}
        self._looks: dict[str, float] = {}
        self._giving: set[asyncio.Task[None]] = set()
        self._notices = Notices(clock=clock)

    async def give(self, tenant: str) -> None:
        """Give a hint of what was committed for a tenant, if an endpoint wants it. 1 call at most.

        The request that has committed waits for it a fifth of a second at most.
        """
        is_covered = self._clock.steady() < self._covered.get(tenant, -math.inf)
        if is_covered or tenants.named(tenant) is None:  # what is of no tenant has no events
            return
        task = asyncio.get_running_loop().create_task(self._give(tenant))
        self._giving.add(task)
        task.add_done_callback(self._giving.discard)
        await asyncio.wait({task}, timeout=WAIT_SECONDS)

    async def look_again(self, tenant: str, seconds: float) -> None:
        """Have the dispatcher look at a tenant after some seconds, unless it will before. 1 call.

        The timer does it where that is later than the timer's next run.
        """
        now = self._clock.steady()
        delay = max(math.ceil(seconds), 0)
        if delay > LOOK_SECONDS or now < self._looks.get(tenant, -math.inf) <= now + delay:
            return
        _remember(self._looks, tenant, now + delay)
        if not await self._put(tenant, delay):
            self._looks.pop(tenant, None)

    async def close(self) -> None:
        """Wait for the hints that are being put, and close the connections."""
        if self._giving:
            await asyncio.wait(self._giving, timeout=PUT_SECONDS)
        await self._queue.close()

    async def _give(self, tenant: str) -> None:
        if not await self._is_wanted(tenant):
            return
        now = self._clock.steady()
        covered = self._covered.get(tenant, -math.inf)
        if now < covered:
            return
        delay = PERIOD_SECONDS if now - covered < PERIOD_SECONDS else 0.0
        _remember(self._covered, tenant, now + delay)
        if not await self._put(tenant, int(delay)):
            self._covered.pop(tenant, None)

    async def _is_wanted(self, tenant: str) -> bool:
        try:
            endpoints = await self._endpoints.current()
        except Exception:  # noqa: BLE001 - the timer finds what was committed
            return False
        return any(each.state == "enabled" and each.is_of(tenant) for each in endpoints)

    async def _put(self, tenant: str, delay: int) -> bool:
        """Put a hint; tell whether it is in the queue."""
        try:
            async with asyncio.timeout(PUT_SECONDS):
                await self._queue.put(tenant, delay)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the request has succeeded
            if self._notices.is_due("hints"):
                _log.warning(
                    "hints of changes cannot be put into the queue: %s; webhooks are up to 5"
                    " minutes late meanwhile",
                    type(fault).__name__,
                )
            return False
        return True


def _remember(times: dict[str, float], tenant: str, time: float) -> None:
    if len(times) >= _MOST_TENANTS:
        del times[next(iter(times))]
    times[tenant] = time
