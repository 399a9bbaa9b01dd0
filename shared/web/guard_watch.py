"""Has the guard look at tenants of which users are removed, beside the requests that do it.

So a mass removal is known also where nobody reads the feed. A request costs nothing more and waits
for nothing: a task looks at the tenant a little later, and once a minute while removals go on. A
tenant without removals costs nothing.
"""

import asyncio
import logging
import secrets
import time

from shared.clock import Clock
from shared.notices import Notices
from shared.store.guard import Guard
from shared.tables.request_context import RequestContext

FIRST_SECONDS, EVERY_SECONDS = 5.0, 60.0
"""How long after a removal is looked, at first and after an earlier look."""

_LOOK_SECONDS = 60.0
_ACTOR = "guard"

_log = logging.getLogger("scim.guard")


class GuardWatch:
    """The looks that are due or under way: one of each tenant."""

    def __init__(self, guard: Guard, clock: Clock | None = None) -> None:
        self._guard = guard
        self._clock = clock or Clock()
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._notices = Notices(clock=self._clock)

    def take(self, tenant: str) -> None:
        """Take note that users of a tenant were removed; nothing is sent before this returns."""
        self._again.add(tenant)
        if tenant not in self._looks:
            task = asyncio.get_running_loop().create_task(self._look(tenant))
            self._looks[tenant] = task

    async def drain(self) -> None:
        """Wait until nothing is due."""
        while self._looks:
            await asyncio.wait([*self._looks.values()])

    async def close(self) -> None:
        """End the looks that are due; the next removal brings one about again."""
        looks = [*self._looks.values()]
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)
        # One that had not begun has not taken itself away.
        self._looks.clear()

    async def _look(self, tenant: str) -> None:
        pause = FIRST_SECONDS
        try:
            while tenant in self._again:
                await self._clock.sleep(pause)
                self._again.discard(tenant)
                await self._look_once(tenant)
                pause = EVERY_SECONDS
        finally:
            self._looks.pop(tenant, None)

    async def _look_once(self, tenant: str) -> None:
        context = RequestContext(
            tenant, f"guard-{secrets.token_hex(8)}", _ACTOR, time.monotonic() + _LOOK_SECONDS
        )
        try:
            await self._guard.check(context)
        except Exception as fault:  # noqa: BLE001 - no request is to fail for it
            if self._notices.is_due(tenant):
                _log.warning(
                    "the guard could not look at tenant %s: %s", tenant, type(fault).__name__
                )
