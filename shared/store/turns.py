"""Turns: who changes many memberships of a tenant next, within this process.

Two requests for the same users would each find what they have read stale, over and over, and pay
for it with another read of 40 users. So once they are in each other's way, they queue. Nothing
depends on it: between processes, and for whoever does not queue, the compare-and-swap decides.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from shared.scim.errors import Unavailable
from shared.store.session import Session


class Turns:
    """A queue for each tenant; a tenant without one costs nothing."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def are_taken(self, session: Session) -> bool:
        """Tell whether someone has the turn in the session's tenant."""
        lock = self._locks.get(session.tenant)
        return lock is not None and lock.locked()

    @asynccontextmanager
    async def turn(self, session: Session) -> AsyncIterator[None]:
        """Wait for the turn, and have it until the block ends.

        Raises:
            Unavailable: the deadline came first.
        """
        lock = self._locks.setdefault(session.tenant, asyncio.Lock())
        try:
            async with asyncio.timeout(session.remaining()):
                await lock.acquire()
        except TimeoutError:
            raise Unavailable(
                "Other requests change many members at present; repeat the request.", retry_after=5
            ) from None
        try:
            yield
        finally:
            lock.release()
