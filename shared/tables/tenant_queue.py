"""TenantQueue: how many requests of a tenant do the same thing at once, within this process.

One for the large changes of memberships: two requests for the same users would each find what they
have read stale, over and over, and pay for it with another read of 40 users. So once they are in
each other's way, they queue. Nothing depends on it: between processes, and for whoever does not
queue, the compare-and-swap decides.

A hundred for calls to the storage, so that a tenant whose storage is slow does not take the
connections of the others.
"""

import asyncio
from weakref import WeakValueDictionary

from shared.errors import Unavailable
from shared.tables.request_context import RequestContext


class TenantQueue:
    """A queue for each tenant; a tenant without one costs nothing."""

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._queues: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def is_full(self, context: RequestContext) -> bool:
        """Tell whether whoever comes next in the context's tenant has to wait."""
        queue = self._queues.get(context.tenant)
        return queue is not None and queue.locked()

    def place(self, context: RequestContext) -> "_Place":
        """Wait for a turn, and have it until the `async with` block ends.

        Raises:
            Unavailable: the deadline came first.
        """
        queue = self._queues.get(context.tenant)
        if queue is None:
            queue = self._queues[context.tenant] = asyncio.Semaphore(self._at_once)
        return _Place(queue, context)


class _Place:
    """A class, since every call to the storage takes one, and a generator would cost it more."""

    def __init__(self, queue: asyncio.Semaphore, context: RequestContext) -> None:
        self._queue = queue
        self._session = context

    async def __aenter__(self) -> None:
        await _acquired(self._queue, self._session)

    async def __aexit__(self, *_: object) -> None:
        self._queue.release()


async def _acquired(queue: asyncio.Semaphore, context: RequestContext) -> None:
    """Wait for a place, in the deadline; where there is one, nothing is waited for or timed."""
    seconds = context.remaining()
    if not queue.locked():
        await queue.acquire()
        return
    try:
        async with asyncio.timeout(seconds):
            await queue.acquire()
    except TimeoutError:
        raise Unavailable(
            "Other requests of this tenant are in the way at present; repeat the request.",
            retry_after=5,
        ) from None
