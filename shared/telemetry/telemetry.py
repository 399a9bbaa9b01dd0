"""Where finished requests are told, as the settings say."""

import logging
from typing import Protocol

from shared.settings import Settings
from shared.telemetry.finished import FinishedRequest

_log = logging.getLogger(__name__)


class Telemetry(Protocol):
    """Takes finished requests."""

    def record(self, request: FinishedRequest) -> None:
        """Take a request; nothing is sent before this returns, and nothing is raised."""

    def close(self) -> None:
        """Send what is left. Blocks for as long as the exporters are patient."""


class Off:
    """No telemetry: the log has a line for each request all the same."""

    def record(self, request: FinishedRequest) -> None:
        """Take a request and forget it."""

    def close(self) -> None:
        """Send nothing."""


class TelemetryError(Exception):
    """Telemetry cannot be had as it is asked for; the message says what to change."""


def open_telemetry(settings: Settings) -> Telemetry:
    """Return the telemetry that the settings ask for.

    A service without telemetry is better than none: what is wrong with it is one line in the log,
    and requests are served.
    """
    if settings.telemetry == "off":
        return Off()
    try:
        # Imported here: it takes longer than everything that the app imports at indexing.
        from shared.telemetry.open_telemetry import OpenTelemetry  # noqa: PLC0415

        return OpenTelemetry.from_environment()
    except ModuleNotFoundError as error:
        _report(f"no module {error.name}; deploy the packages of requirements-telemetry.txt")
    except TelemetryError as error:
        _report(str(error))
    except Exception as error:  # noqa: BLE001 - whatever an exporter makes of its variables
        _report(f"{type(error).__name__}: {error}")
    return Off()


def _report(reason: str) -> None:
    _log.error("SCIM_TELEMETRY is on, but no telemetry is sent: %s", reason)
