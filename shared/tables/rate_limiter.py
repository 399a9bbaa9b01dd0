"""The rate limit of bulk writes: large changes of a tenant share what its partition takes.

Table Storage takes 2,000 entities a second for a partition, which is a tenant. A request that
changes more members than one transaction holds waits between its transactions, so that requests
for one user at a time find room.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.tables.request_context import RequestContext


class RateLimiter:
    """Tells the bulk writers of this process when they may write on; one budget for each tenant."""

    def __init__(self, *, entities_per_second: int) -> None:
        self._entities_per_second = entities_per_second
        self._free_at: dict[str, float] = {}

    @asynccontextmanager
    async def limit(self, context: RequestContext) -> AsyncIterator[None]:
        """Wait until the tenant may write on, and count what the block writes.

        Raises:
            Unavailable: the deadline has passed.
        """
        await self.wait(context)
        before = context.meter.entities
        try:
            yield
        finally:
            self.record(context, context.meter.entities - before)

    def record(self, context: RequestContext, entities: int) -> None:
        """Count what was written against the budget of the context's tenant."""
        begun = max(self._free_at.get(context.tenant, 0.0), time.monotonic())
        self._free_at[context.tenant] = begun + entities / self._entities_per_second

    async def wait(self, context: RequestContext) -> None:
        """Wait until what the tenant's bulk writers wrote is within the rate limit.

        Raises:
            Unavailable: the deadline has passed.
        """
        ahead = self._free_at.get(context.tenant, 0.0) - time.monotonic()
        if ahead > 0:
            await asyncio.sleep(min(ahead, context.remaining()))
