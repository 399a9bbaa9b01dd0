"""Lines of the log that are said again, but not at every request that meets their reason."""

import math

from shared.clock import Clock

EVERY_SECONDS = 60.0
"""How long a subject is silent unless told otherwise: a request meets it at any rate."""


class Notices:
    """When each subject was last noticed.

    Subjects are few by what they are: settings, tenants that exist, tokens that are valid.
    """

    def __init__(self, every_seconds: float = EVERY_SECONDS, clock: Clock | None = None) -> None:
        """Begin with nothing noticed.

        Args:
            every_seconds: how long a subject is silent after a notice.
            clock: the time by which it is.
        """
        self._every_seconds = every_seconds
        self._clock = clock or Clock()
        self._noticed_at: dict[str, float] = {}

    def is_due(self, subject: str) -> bool:
        """Say whether a subject was not noticed of late, and take note of this notice."""
        now = self._clock.steady()
        if now - self._noticed_at.get(subject, -math.inf) < self._every_seconds:
            return False
        self._noticed_at[subject] = now
        return True
