"""How many attempts at an endpoint this process has under way, whatever tenants they are of.

An endpoint may hang, and be that of every tenant. Each attempt would then keep a run of the
dispatcher for as long as an attempt may take, and soon no run would be left for other endpoints. So
an endpoint begins with few, has more as it answers, and one while it does not.
"""

from collections import Counter

FIRST, MOST = 2, 16


class EndpointLoad:
    """The attempts under way, by endpoint. Nobody waits for a place."""

    def __init__(self) -> None:
        self._under_way: Counter[str] = Counter()
        self._limits: dict[str, int] = {}

    def has_room(self, endpoint: str) -> bool:
        """Tell whether one more attempt may begin."""
        return self._under_way[endpoint] < self._limits.get(endpoint, FIRST)

    def begin(self, endpoint: str) -> None:
        """Count an attempt in."""
        self._under_way[endpoint] += 1

    def end(self, endpoint: str, *, succeeded: bool) -> None:
        """Count an attempt out, and let its outcome decide how many there may be."""
        self._under_way[endpoint] -= 1
        limit = self._limits.get(endpoint, FIRST)
        self._limits[endpoint] = min(limit + 1, MOST) if succeeded else 1
