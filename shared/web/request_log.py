"""One line of JSON for each request: what an operator needs, and nothing about a person.

Never a token, a body, a name, an address, a filter or a path: the route template stands for the
path, and ids are opaque.
"""

import json
import logging
import traceback

from shared.telemetry.request_record import FACTS, RequestRecord

_log = logging.getLogger("scim.requests")


def write_line(record: RequestRecord) -> None:
    """Write the line of a request; a warning where the service failed, which 501 does not say."""
    has_failed = record.status >= 500 and record.status != 501
    level = logging.WARNING if has_failed else logging.INFO
    fields = {fact.field: value for fact in FACTS if (value := fact.read(record)) not in ("", None)}
    _log.log(level, "%s", json.dumps(fields))


def write_fault(request_id: str, fault: Exception) -> None:
    """Log a fault of ours: its type and where, without its message, which may quote a value."""
    stack = "".join(traceback.format_tb(fault.__traceback__))
    _log.error("request %s failed with %s\n%s", request_id, type(fault).__name__, stack)
