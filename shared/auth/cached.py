"""A value read from afar: fresh for a minute, kept for an hour while it cannot be read."""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shared.clock import Clock

FRESH_SECONDS = 60.0
LAST_GOOD_SECONDS = 3_600.0
FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 30.0
_MAX_DOUBLINGS = 5  # 2**5 s is past the longest back-off

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a request waits for the vault, and a reading goes on, in real seconds.

    A request may wait three times (names, versions, versions again), and storage calls still have
    to fit into its deadline of 25 s.

    Attributes:
        known: When there is a last good value to fall back on.
        unknown: When there is none.
        reading: How long a reading goes on after the requests have stopped waiting for it.
    """

    known: float = 2.0
    unknown: float = 6.0
    reading: float = 15.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long a value is good, in seconds.

    Attributes:
        fresh_seconds: How long it is not read again.
        last_good_seconds: How long it serves while it cannot be read.
    """

    fresh_seconds: float
    last_good_seconds: float


class ReadingError(Exception):
    """A reading failed.

    Attributes:
        retry_after: For how many seconds the source wants to be left alone; 0 if it did not say.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Cached(Generic[_T]):
    """One value, however many requests want it at once: there is one reading at a time.

    A reading is a task of its own. A request that gives up waiting, or is cancelled, does not end
    it, and the next request profits from it. After a failure comes a back-off: 1 s, twice as long
    after each further one, or as long as the source asks for itself; 30 s at most.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[_T | None], Awaitable[_T]],
        clock: Clock,
        waits: Waits,
        keeping: Keeping | None = None,
    ) -> None:
        """Prepare, without reading yet.

        Args:
            name: What it is, for the log.
            read: Reads the value again; it is given the last good one, if there is one.
            clock: The time by which the value ages.
            waits: How long to wait for a reading.
            keeping: How long the value is good; a minute, and an hour, when not given.
        """
        self._name = name
        self._keeping = keeping or Keeping(FRESH_SECONDS, LAST_GOOD_SECONDS)
        self._read = read
        self._clock = clock
        self._waits = waits
        self._value: _T | None = None
        self._read_at = -math.inf
        self._failures = 0
        self._retry_at = -math.inf
        self._reading: asyncio.Task[None] | None = None
        self._waited_from = 0.0
        self._changes = 0
        self._of_reading = 0
        self._of_value = 0
        self._is_ahead = False
        self.readings = 0
        """How many readings have succeeded."""

    @property
    def value(self) -> _T | None:
        """The last good value, if it is not too old to serve, or None."""
        return self._value if self._age() < self._keeping.last_good_seconds else None

    @property
    def last(self) -> _T | None:
        """The last good value of whatever age: to compare with, not to rely on."""
        return self._value

    @property
    def is_fresh(self) -> bool:
        """Whether the value is young enough to serve, and not known to have changed since."""
        return self._age() < self._keeping.fresh_seconds and self._of_value == self._changes

    @property
    def is_being_read(self) -> bool:
        """Whether a reading is under way."""
        return self._reading is not None and not self._reading.done()

    @property
    def is_backing_off(self) -> bool:
        """Whether the source is left alone after a failure."""
        return self._clock.steady() < self._retry_at

    @property
    def retry_after(self) -> int:
        """Whole seconds, at least 1, until the source may be asked again."""
        return math.ceil(max(1.0, self._retry_at - self._clock.steady()))

    async def current(self) -> _T | None:
        """Return the value, read again if it is not fresh; None if there is none."""
        if not self.is_fresh:
            await self.renew()
        return self.value

    async def renew(self) -> None:
        """Read again, or wait for the reading that is under way; not during a back-off.

        One that was begun ahead and fails says nothing, so then there is another.
        """
        is_ahead = self._is_ahead and self.is_being_read
        await self._join()
        if is_ahead and self._value is None:
            await self._join()

    async def read_ahead(self) -> None:
        """Read for the first time before anybody needs the value.

        A failure counts for nothing: whoever needs the value reads it, and tells what is wrong.
        """
        if self._value is None and not self.is_being_read:
            self._is_ahead = True
            self.begin()
        if self._reading is not None and self.is_being_read:
            await self._wait(self._reading)

    async def _join(self) -> None:
        self.begin()
        if self._reading is not None and self.is_being_read:
            await self._wait(self._reading)

    def begin(self) -> None:
        """Begin to read again, unless that is under way, or in a back-off; nobody waits for it."""
        is_behind = self._of_reading != self._changes
        if (is_behind or not self.is_being_read) and not self.is_backing_off:
            self._waited_from = asyncio.get_running_loop().time()
            self._of_reading = self._changes
            self._reading = asyncio.create_task(self._take(self._changes))

    def note_change(self) -> None:
        """Have the value read again before it serves, since this process has changed it.

        A reading that is under way may have missed the change, so it does not count.
        """
        self._changes += 1

    async def close(self) -> None:
        """End the reading that is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    def _age(self) -> float:
        return self._clock.steady() - self._read_at

    async def _wait(self, reading: asyncio.Task[None]) -> None:
        """Wait as long as a request may, counted from the start of the reading, whoever began it.

        Otherwise each request would begin its own wait for a vault that hangs.
        """
        patience = self._waits.unknown if self.value is None else self._waits.known
        waited = asyncio.get_running_loop().time() - self._waited_from
        await asyncio.wait({reading}, timeout=max(0.0, patience - waited))

    async def _take(self, changes: int) -> None:
        # A value is as old as the question, not as the answer, which may have been long in coming.
        asked_at = self._clock.steady()
        try:
            async with asyncio.timeout(self._waits.reading):
                value = await self._read(self._value)
        except Exception as error:  # noqa: BLE001 - whatever the SDK raises, the last value serves
            if not self._is_ahead:
                self._fail(error)
        else:
            self._succeed(value, asked_at, changes)
        finally:
            self._is_ahead = False

    def _succeed(self, value: _T, asked_at: float, changes: int) -> None:
        if changes < self._of_value:
            return
        self._value, self._read_at, self._of_value = value, asked_at, changes
        self._failures, self._retry_at = 0, -math.inf
        self.readings += 1

    def _fail(self, error: Exception) -> None:
        backoff = FIRST_BACKOFF_SECONDS * 2.0 ** min(self._failures, _MAX_DOUBLINGS)
        if isinstance(error, ReadingError):
            backoff = max(backoff, error.retry_after)
        self._failures += 1
        self._retry_at = self._clock.steady() + min(backoff, LONGEST_BACKOFF_SECONDS)
        consequence = "no one can enter" if self.value is None else "the last good value serves"
        _log.error(
            "Reading %s failed, %s: %s: %s", self._name, consequence, type(error).__name__, error
        )
