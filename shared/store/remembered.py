"""What is read once a minute: whoever asks meanwhile is answered from memory."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from shared.clock import Clock

REMEMBERED_SECONDS = 60.0
"""How old a value is when it is read again, counted from when it was asked for."""

READING_SECONDS = 10.0
"""How long a reading may take."""

KNOWN_WAIT_SECONDS, UNKNOWN_WAIT_SECONDS = 1.0, 5.0
"""How long a request waits for a reading: where there is a last good value, and where there is
none."""

MOST_TENANTS = 1_000
"""Tenants of which a process remembers a value; of one more it drops the oldest."""

_BACKOFF_SECONDS = 2.0

T = TypeVar("T")


class Remembered(Generic[T]):
    """One value, however many want it at once: there is one reading at a time.

    A reading is a task of its own, so a request that gives up waiting does not end it. While the
    source fails, the last good value serves. Nothing is logged: what the requests themselves want
    of the same source fails as well, and is.
    """

    def __init__(self, read: Callable[[], Awaitable[T]], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._value: T | None = None
        self._asked_at = -math.inf
        self._again_at = 0.0
        self._writes = 0
        self._reading: asyncio.Task[None] | None = None

    @property
    def is_recent(self) -> bool:
        """Whether the value is at most a minute old."""
        return self._clock.steady() <= self._asked_at + REMEMBERED_SECONDS

    @property
    def age(self) -> float:
        """How many seconds ago the value was asked for; infinity where none was ever read."""
        return self._clock.steady() - self._asked_at

    def latest(self) -> T | None:
        """Return the last value that was read, of whatever age; begin to read a newer one."""
        self._begin()
        return self._value

    async def current(self, most: float = UNKNOWN_WAIT_SECONDS) -> T | None:
        """Return the value, read again if it is older than a minute; None if none was ever read.

        Args:
            most: how many seconds may be waited for it.
        """
        self._begin()
        patience = UNKNOWN_WAIT_SECONDS if self._value is None else KNOWN_WAIT_SECONDS
        return await self._wait(min(patience, most))

    async def read_again(self) -> T | None:
        """Read a value that is known to be outdated, however young; return the last one otherwise.

        A value that is more than a minute old is waited for as if there were none.
        """
        self._again_at = 0.0
        self._begin()
        return await self._wait(KNOWN_WAIT_SECONDS if self.is_recent else UNKNOWN_WAIT_SECONDS)

    def put(self, value: T) -> None:
        """Go by a value that was just written; a reading that is under way changes nothing."""
        self._writes += 1
        self._set(value, self._clock.steady())

    def amend(self, amend: Callable[[T], T]) -> None:
        """Go by what was just written into the value; a reading that is under way changes nothing.

        Nothing is amended where none was ever read: the next who wants the value has it read.
        """
        self._writes += 1
        if self._value is not None:
            self._value = amend(self._value)

    async def close(self) -> None:
        """End the reading that is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def _wait(self, patience: float) -> T | None:
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=patience)
        return self._value

    def _begin(self) -> None:
        if self._reading is None and self._clock.steady() >= self._again_at:
            self._reading = asyncio.create_task(self._take())

    async def _take(self) -> None:
        began, writes = self._clock.steady(), self._writes
        try:
            async with asyncio.timeout(READING_SECONDS):
                value = await self._read()
        except Exception:  # noqa: BLE001 - whatever it is, the last good value serves
            self._again_at = self._clock.steady() + _BACKOFF_SECONDS
        else:
            if writes == self._writes:
                self._set(value, began)
        finally:
            self._reading = None

    def _set(self, value: T, asked_at: float) -> None:
        self._value, self._asked_at = value, asked_at
        self._again_at = asked_at + REMEMBERED_SECONDS


class RememberedByTenant(Generic[T]):
    """A value of each tenant."""

    def __init__(self, read: Callable[[str], Awaitable[T]], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._by_tenant: dict[str, Remembered[T]] = {}

    def of(self, tenant: str) -> Remembered[T]:
        """Return the value of a tenant, which may yet have to be read."""
        remembered = self._by_tenant.get(tenant)
        if remembered is None:
            if len(self._by_tenant) >= MOST_TENANTS:
                del self._by_tenant[next(iter(self._by_tenant))]
            remembered = Remembered(lambda: self._read(tenant), self._clock)
            self._by_tenant[tenant] = remembered
        return remembered

    async def close(self) -> None:
        """End the readings that are under way."""
        for each in self._by_tenant.values():
            await each.close()
