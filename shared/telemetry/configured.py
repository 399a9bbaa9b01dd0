"""The telemetry that the settings ask for."""

import logging

from shared.settings import Settings
from shared.telemetry.telemetry import Off, Telemetry, TelemetryError

_log = logging.getLogger(__name__)


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
        _report(f"no module {error.name}; deploy the packages of telemetry as docs/operate.md says")
    except TelemetryError as error:
        _report(str(error))
    except Exception as error:  # noqa: BLE001 - whatever an exporter makes of its variables
        _report(f"{type(error).__name__}: {error}")
    return Off()


def _report(reason: str) -> None:
    _log.error("SCIM_TELEMETRY is on, but no telemetry is sent: %s", reason)
