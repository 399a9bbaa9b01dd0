"""The feed, walked from a checkpoint on: every change at least once, each double left out."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Protocol

from scim_on_functions.client import AsyncTenant, Tenant
from scim_on_functions.errors import CursorExpiredError, RateLimitedError, UnavailableError
from scim_on_functions.flows import Flow, call, pause
from scim_on_functions.models import Event
from scim_on_functions.replica import Replica
from scim_on_functions.requests import TenantRequests
from scim_on_functions.synchronise import AnyReplica, applying, copying

LIMIT, EXPANDED_LIMIT = 1_000, 100
"""The most events that the service gives at once, without and with their resources."""

INTERVAL = 60.0
"""Seconds between two polls. One that waits is billed as running time while it waits."""

_REMEMBERED = 20_000
"""Ids of events by which doubles are known; doubles come within two minutes."""

_LOG = logging.getLogger("scim_on_functions")

Handler = Callable[[Collection[Event]], None]
AsyncHandler = Callable[[Collection[Event]], Awaitable[None]]


class Checkpoint(Protocol):
    """Where the product keeps how far it has come: beside what it made of the events."""

    def load(self) -> str | None:
        """Read the cursor; None if nothing was saved yet."""

    def save(self, cursor: str) -> None:
        """Keep the cursor."""


class AsyncCheckpoint(Protocol):
    """`Checkpoint` for code on an event loop."""

    def load(self) -> Awaitable[str | None]:
        """As `Checkpoint.load`."""

    def save(self, cursor: str) -> Awaitable[None]:
        """As `Checkpoint.save`."""


class MemoryCheckpoint:
    """A checkpoint that is forgotten with the process."""

    def __init__(self, cursor: str | None = None) -> None:
        self.cursor = cursor

    def load(self) -> str | None:
        """Return the cursor."""
        return self.cursor

    def save(self, cursor: str) -> None:
        """Keep the cursor."""
        self.cursor = cursor


class _FeedFlows:
    """What `Feed` and `AsyncFeed` do."""

    def __init__(
        self,
        requests: TenantRequests,
        checkpoint: Checkpoint | AsyncCheckpoint,
        replica: AnyReplica | None,
        wait: int,
        types: Collection[str],
        *,
        expand: bool,
    ) -> None:
        self._requests = requests
        self._checkpoint = checkpoint
        self._replica = replica
        self._wait = wait
        self._types = types
        self._expand = expand
        self._seen: OrderedDict[str, None] = OrderedDict()

    def poll(self, handler: Handler | AsyncHandler | None) -> Flow[int]:
        """Read to the end of the feed, page by page."""
        checkpoint = self._checkpoint
        cursor: str | None = yield from call(checkpoint.load)
        if cursor is None and self._replica is not None:
            cursor = yield from self._copy(self._replica)
        limit = EXPANDED_LIMIT if self._expand else LIMIT
        told = 0
        while True:
            try:
                page = yield from self._requests.events(
                    cursor, limit, self._wait, self._types, expand=self._expand
                )
            except CursorExpiredError:
                if self._replica is None:
                    raise
                _LOG.warning("the cursor has expired: everything is copied again")
                cursor = yield from self._copy(self._replica)
                continue
            events = self._without_doubles(page.events)
            if events:
                yield from self._handle(events, handler)
                self._remember(events)
            if page.cursor != cursor:
                cursor = page.cursor
                yield from self._keep(cursor)
            told += len(events)
            if not page.more:
                return told

    def round(self, handler: Handler | AsyncHandler | None) -> Flow[bool]:
        """Poll; tell whether to poll again at once. An outage is waited out."""
        began = time.monotonic()
        try:
            told = yield from self.poll(handler)
        except (RateLimitedError, UnavailableError) as error:
            _LOG.warning("the feed could not be read, and is read again later: %s", error)
            return False
        # One that found no place to wait was answered at once.
        has_waited = time.monotonic() - began >= 1.0
        return bool(self._wait) and (told > 0 or has_waited)

    def _copy(self, replica: AnyReplica) -> Flow[str]:
        cursor = yield from copying(self._requests, replica)
        yield from self._keep(cursor)
        return cursor

    def _keep(self, cursor: str) -> Flow[None]:
        checkpoint = self._checkpoint
        yield from call(lambda: checkpoint.save(cursor))

    def _handle(
        self, events: Collection[Event], handler: Handler | AsyncHandler | None
    ) -> Flow[None]:
        if self._replica is not None:
            yield from applying(self._requests, self._replica, events)
        if handler is not None:
            yield from call(lambda: handler(events))

    def _without_doubles(self, events: Iterable[Event]) -> list[Event]:
        return [each for each in events if each.id not in self._seen]

    def _remember(self, events: Iterable[Event]) -> None:
        self._seen |= dict.fromkeys(each.id for each in events)
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


class Feed:
    """Follows the feed of a tenant. One process follows a checkpoint at a time.

    Args:
        tenant: whose feed.
        checkpoint: where to go on. It is saved after the handler has returned, so that a process
            which dies meanwhile reads the same events again.
        replica: a copy to keep up to date. It is made at the first start, and made again when the
            checkpoint is older than what the service keeps.
        interval: seconds between two polls.
        wait: seconds for which the service may hold a poll back until something happens, up to 20.
            The end of a session then takes a second or two, and the service runs all the time.
        types: of the events that are wanted; none means all. A replica needs all.
        expand: whether each event brings its resource, so that a replica need not read it.
    """

    def __init__(
        self,
        tenant: Tenant,
        checkpoint: Checkpoint,
        *,
        replica: Replica | None = None,
        interval: float = INTERVAL,
        wait: int = 0,
        types: Collection[str] = (),
        expand: bool = False,
    ) -> None:
        _check(replica, types)
        self._tenant = tenant
        self._interval = interval
        self._flows = _FeedFlows(tenant.requests, checkpoint, replica, wait, types, expand=expand)

    def poll(self, handler: Handler | None = None) -> int:
        """Read what there is now, and tell how many events that were.

        Args:
            handler: is given the events of each page, after they were applied to the replica.

        Raises:
            CursorExpiredError: the checkpoint is too old, and there is no replica to copy anew.
            ServiceError: the service refused.
        """
        return self._tenant.run(self._flows.poll(handler))

    def follow(self, handler: Handler | None = None, stop: threading.Event | None = None) -> None:
        """Poll until `stop` is set. Outages are logged and waited out; other refusals are raised.

        Raises:
            CursorExpiredError: as `poll`.
            ServiceError: the service refused for good: the API key, the scope, the tenant.
        """
        stop = stop or threading.Event()
        while not stop.is_set():
            if not self._tenant.run(self._flows.round(handler)):
                stop.wait(self._interval)


class AsyncFeed:
    """Follows the feed of a tenant on an event loop; as `Feed`, to be awaited and cancelled."""

    def __init__(
        self,
        tenant: AsyncTenant,
        checkpoint: Checkpoint | AsyncCheckpoint,
        *,
        replica: AnyReplica | None = None,
        interval: float = INTERVAL,
        wait: int = 0,
        types: Collection[str] = (),
        expand: bool = False,
    ) -> None:
        _check(replica, types)
        self._tenant = tenant
        self._interval = interval
        self._flows = _FeedFlows(tenant.requests, checkpoint, replica, wait, types, expand=expand)

    async def poll(self, handler: Handler | AsyncHandler | None = None) -> int:
        """Read what there is now, and tell how many events that were; as `Feed.poll`."""
        return await self._tenant.run(self._flows.poll(handler))

    async def follow(self, handler: Handler | AsyncHandler | None = None) -> None:
        """Poll until the task is cancelled; as `Feed.follow`."""
        while True:
            if not await self._tenant.run(self._flows.round(handler)):
                await self._tenant.run(pause(self._interval))


def apply(tenant: Tenant, replica: Replica, events: Collection[Event]) -> None:
    """Apply events to a copy: of a webhook, or of a feed that you walk yourself."""
    tenant.run(applying(tenant.requests, replica, events))


async def apply_async(tenant: AsyncTenant, replica: AnyReplica, events: Collection[Event]) -> None:
    """Apply events to a copy on an event loop."""
    await tenant.run(applying(tenant.requests, replica, events))


def resynchronise(tenant: Tenant, replica: Replica) -> str:
    """Copy the directory over what a copy holds, and return the cursor to go on from."""
    return tenant.run(copying(tenant.requests, replica))


async def resynchronise_async(tenant: AsyncTenant, replica: AnyReplica) -> str:
    """Copy the directory on an event loop."""
    return await tenant.run(copying(tenant.requests, replica))


def _check(replica: AnyReplica | None, types: Collection[str]) -> None:
    if replica is not None and types:
        raise ValueError("a replica needs events of all types")
