"""TenantQueue: how many requests of a tenant do the same thing at once, within this process.

One for the large changes of memberships. Two requests for the same users would each find what they
have read stale, over and over, and pay for it with another read of 40 users. So once they are in
each other's way, they queue. Nothing depends on it: between processes, and where nobody
queues, the compare-and-swap decides.

A hundred for calls to the storage, so that a tenant whose storage is slow does not take the
connections of the others.
"""

import asyncio
from weakref import WeakValueDictionary

from shared.errors import Unavailable
from shared.tables.request_context import RequestContext
from shared.tables.retry import RETRY_POLICY


class TenantQueue:
    """A queue for each tenant; a tenant without one costs nothing."""

    def __init__(self, *, capacity: int) -> None:
        """`capacity` is how many of a tenant are let through at once."""
        self._capacity = capacity
        self._queues: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def is_full(self, context: RequestContext) -> bool:
        """Tell whether the next one of the context's tenant has to wait."""
        queue = self._queues.get(context.tenant)
        return queue is not None and queue.locked()

    def place(self, context: RequestContext) -> "_Place":
        """Wait for a place, and have it until the `async with` block ends.

        Raises:
            Unavailable: the deadline came first.
        """
        queue = self._queues.get(context.tenant)
        if queue is None:
            queue = self._queues[context.tenant] = asyncio.Semaphore(self._capacity)
        return _Place(queue, context)


class _Place:
    """A class, since every call to the storage takes one, and a generator would cost it more."""

    def __init__(self, queue: asyncio.Semaphore, context: RequestContext) -> None:
        self._queue = queue
        self._context = context

    async def __aenter__(self) -> None:
        await _acquire(self._queue, self._context)

    async def __aexit__(self, *_: object) -> None:
        self._queue.release()


async def _acquire(queue: asyncio.Semaphore, context: RequestContext) -> None:
    """Take a place within the deadline; where one is free, nothing is waited for or timed."""
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
            retry_after=RETRY_POLICY.retry_after_queue,
        ) from None
