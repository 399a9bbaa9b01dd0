"""The queues of the service, which the host's triggers, the hints and the local run name alike."""

from typing import Final

CHANGE_HINTS: Final = "change-hints"
"""Hints that a tenant has changed (`shared/webhooks/hints.py`)."""

CHANGE_HINTS_POISON: Final = f"{CHANGE_HINTS}-poison"
"""Where the host puts those aside that it could not run."""
