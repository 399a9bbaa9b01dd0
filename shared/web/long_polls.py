"""Long polls: requests that wait for something to happen, of which only so many may wait at once.

Each holds one of the places that the host has for requests (`maxConcurrentRequests` of host.json),
so they may take a quarter of these, and one tenant a part of that.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

MOST_WAITING = 10
MOST_WAITING_OF_TENANT = 3


class LongPolls:
    """The requests that wait in this process."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()

    @contextmanager
    def place(self, tenant: str) -> Iterator[bool]:
        """Take a place until the `with` block ends; whether there is one. Nobody waits for it."""
        has_place = (
            self._waiting.total() < MOST_WAITING and self._waiting[tenant] < MOST_WAITING_OF_TENANT
        )
        self._waiting[tenant] += has_place
        try:
            yield has_place
        finally:
            self._waiting[tenant] -= has_place
            if not self._waiting[tenant]:
                del self._waiting[tenant]
