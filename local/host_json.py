"""The part of host.json that the stand-in host obeys."""

from __future__ import annotations

import json
import logging
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LEVELS = {
    "Trace": logging.DEBUG,
    "Debug": logging.DEBUG,
    "Information": logging.INFO,
    "Warning": logging.WARNING,
    "Error": logging.ERROR,
    "Critical": logging.CRITICAL,
    "None": logging.CRITICAL + 1,
}
_SHORTEST_POLLING_INTERVAL, _LONGEST_POLLING_INTERVAL, _IN_DEVELOPMENT = 0.1, 60.0, 2.0
_TIME_SPAN = re.compile(
    r"(?P<hours>[01]\d|2[0-3]):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d(?:\.\d{1,7})?)"
)


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How queues are polled (`extensions.queues`), with the host's own defaults.

    Attributes:
        max_polling_interval: The longest pause between two polls, in seconds.
        visibility_timeout: Seconds until a message is tried again on which its function failed.
        batch_size: Messages that are asked for at once.
        new_batch_threshold: Messages under way beside which another batch is asked for.
        max_dequeue_count: Tries after which a message is poison.
        message_encoding: What the text of a message is: "base64", or "none" for text as it is.
    """

    max_polling_interval: float = _LONGEST_POLLING_INTERVAL
    visibility_timeout: float = 0.0
    batch_size: int = 16
    new_batch_threshold: int = field(default_factory=lambda: _half_for_each_processor(16))
    max_dequeue_count: int = 5
    message_encoding: str = "base64"


@dataclass(frozen=True, slots=True)
class HostJson:
    """Settings of the host, with the host's own defaults.

    Attributes:
        route_prefix: Stands before every route.
        custom_headers: Added to every answer that does not carry them.
        function_timeout: Seconds after which an invocation has failed.
        log_level: Level of the root logger.
        hsts_seconds: What browsers are told to keep to https for; None where they are told nothing.
        max_outstanding_requests: Requests that wait or are served; one more is refused. None for
            any number.
        max_concurrent_requests: Requests that are served at once, likewise.
        queues: How queues are polled.
    """

    route_prefix: str = "api"
    custom_headers: Mapping[str, str] = field(default_factory=dict)
    function_timeout: float = 1800.0
    log_level: int = logging.INFO
    hsts_seconds: int | None = None
    max_outstanding_requests: int | None = None
    max_concurrent_requests: int | None = None
    queues: QueueSettings = field(default_factory=QueueSettings)


def read(path: Path, environ: Mapping[str, str] | None = None) -> HostJson:
    """Read host.json.

    Args:
        path: Of the file.
        environ: Settings of the app: a host of development polls queues more often by default.

    Raises:
        LocalError: The file is absent, no JSON object, or a value is not what the host accepts.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LocalError(f"{path} is missing: the host finds the app by it") from None
    except OSError as error:
        raise LocalError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise LocalError(f"{path} is no JSON: {error}") from None
    http = _object(content, "extensions", "http")
    defaults = HostJson()
    return HostJson(
        route_prefix=http.get("routePrefix", defaults.route_prefix),
        custom_headers=_object(http, "customHeaders"),
        function_timeout=_seconds(
            content.get("functionTimeout"), defaults.function_timeout, "functionTimeout"
        ),
        log_level=_level(_object(content, "logging", "logLevel").get("default", "Information")),
        hsts_seconds=_hsts(_object(http, "hsts")),
        max_outstanding_requests=_count(http, "maxOutstandingRequests"),
        max_concurrent_requests=_count(http, "maxConcurrentRequests"),
        queues=_queues(_object(content, "extensions", "queues"), environ or {}),
    )


def _queues(queues: dict[str, Any], environ: Mapping[str, str]) -> QueueSettings:
    is_development = environ.get("AZURE_FUNCTIONS_ENVIRONMENT") == "Development"
    interval = _IN_DEVELOPMENT if is_development else _LONGEST_POLLING_INTERVAL
    batch_size = _number(queues, "batchSize", 16, range(1, 33))
    threshold = _half_for_each_processor(batch_size)
    encoding = str(queues.get("messageEncoding", "base64")).lower()
    if encoding not in {"base64", "none"}:
        raise LocalError('host.json: messageEncoding of queues must be "base64" or "none"')
    found = QueueSettings(
        _seconds(queues.get("maxPollingInterval"), interval, "maxPollingInterval of queues"),
        _seconds(queues.get("visibilityTimeout"), 0.0, "visibilityTimeout of queues"),
        batch_size,
        _number(queues, "newBatchThreshold", threshold, range(1_001)),
        _number(queues, "maxDequeueCount", 5, range(1, 1_001)),
        encoding,
    )
    if found.max_polling_interval < _SHORTEST_POLLING_INTERVAL:
        raise LocalError("host.json: maxPollingInterval of queues must be 00:00:00.1 at least")
    return found


def _half_for_each_processor(batch_size: int) -> int:
    return batch_size // 2 * (os.cpu_count() or 1)


def _number(queues: dict[str, Any], name: str, default: int, bounds: range) -> int:
    number = queues.get(name, default)
    if type(number) is not int or number not in bounds:
        raise LocalError(
            f"host.json: {name} of queues must be a number from {bounds[0]} to {bounds[-1]}, "
            f'not "{number}"'
        )
    return number


def _object(content: Any, *names: str) -> dict[str, Any]:
    for name in names:
        content = content.get(name, {}) if isinstance(content, dict) else None
    if not isinstance(content, dict):
        raise LocalError(f"host.json: {'.'.join(names)} must be an object")
    return content


def _count(http: dict[str, Any], name: str) -> int | None:
    """Read a number of requests; -1 stands for any number."""
    count = http.get(name, -1)
    if not isinstance(count, int) or (count < 1 and count != -1):
        raise LocalError(f'host.json: {name} must be a number of requests or -1, not "{count}"')
    return None if count == -1 else count


def _hsts(hsts: dict[str, Any]) -> int | None:
    """Read how long https is kept to; a time span that is one number counts days."""
    days = str(hsts.get("maxAge", "30"))
    if not days.isdecimal():
        raise LocalError(f'host.json: maxAge of hsts must be a number of days, not "{days}"')
    return int(days) * 86_400 if hsts.get("isEnabled") else None


def _level(name: Any) -> int:
    if name not in _LEVELS:
        raise LocalError(f'host.json: "{name}" is no log level; use one of {", ".join(_LEVELS)}')
    return _LEVELS[name]


def _seconds(time_span: Any, default: float, name: str) -> float:
    if time_span is None:
        return default
    found = _TIME_SPAN.fullmatch(str(time_span))
    if found is None:
        raise LocalError(f'host.json: {name} must read "hh:mm:ss", not "{time_span}"')
    return 3600.0 * int(found["hours"]) + 60.0 * int(found["minutes"]) + float(found["seconds"])
