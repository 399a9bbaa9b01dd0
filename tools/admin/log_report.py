"""An entry of the provisioning log as an operator reads it: a line, or an object of JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from tools.admin.console import time_of_milliseconds
from tools.command_line import printable

if TYPE_CHECKING:
    from shared.store.provisioning_log import KeptEntry, LogEntry

_LISTED_IDS = 5


def entry_as_line(kept: KeptEntry) -> str:
    """Write an entry as a line: time, kind, whom it names, what came of it, the request."""
    entry = kept.entry
    parts = [time_of_milliseconds(entry.time), f"{entry.kind:<14}", *_details(entry)]
    if entry.request_id:
        parts.append(f"request {entry.request_id}")
    if entry.client_request_id:
        parts.append(f"of the client {entry.client_request_id}")
    return printable("  ".join(parts))


def entry_as_json(kept: KeptEntry) -> dict[str, Any]:
    """Write an entry as an object; what is not known is left out."""
    told = asdict(kept.entry)
    del told["time"]
    known = {name: value for name, value in told.items() if value not in (None, "", (), {})}
    return {"id": kept.id, "time": time_of_milliseconds(kept.entry.time), **known}


def _details(entry: LogEntry) -> list[str]:
    if entry.kind == "leftOut":
        return [f"{entry.number:,} ({entry.reason})"]
    if entry.kind == "attributes":
        return [entry.resource_type, ", ".join(entry.shape)]
    details = [f"{entry.method} {entry.resource_type or entry.route} {entry.resource_id}".strip()]
    details += [f"{name}={value}" for name, value in entry.names.items()]
    if entry.kind in ("refused", "slow"):
        details.append(f"{entry.status} {entry.scim_type}".strip())
        details.append(f"{entry.milliseconds:,.0f} ms")
    place = [f"operation {entry.operation}"] if entry.operation is not None else []
    place += [entry.path] if entry.path else []
    details += [", ".join(place)] if place else []
    details += [entry.detail] if entry.detail else []
    details += [f"member {each}" for each in entry.members[:_LISTED_IDS]]
    if len(entry.members) > _LISTED_IDS:
        details.append(f"{len(entry.members) - _LISTED_IDS} members more")
    return details
