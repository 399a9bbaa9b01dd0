"""Where finished requests are told."""

from typing import Protocol

from shared.telemetry.request_record import RequestRecord


class Telemetry(Protocol):
    """Takes finished requests."""

    def record(self, record: RequestRecord) -> None:
        """Take a finished request; nothing is sent before this returns, and nothing is raised."""

    def close(self) -> None:
        """Send what is left. Blocks until the exporters have sent it or given up."""


class Off:
    """No telemetry: the log has a line for each request all the same."""

    def record(self, record: RequestRecord) -> None:
        """Take a request and forget it."""

    def close(self) -> None:
        """Send nothing."""


class TelemetryError(Exception):
    """The telemetry that is asked for cannot be set up; the message says what to change."""
