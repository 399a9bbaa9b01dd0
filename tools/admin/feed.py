"""A change as an operator reads it: a line, or an object of JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.admin.console import time_of_milliseconds
from tools.command_line import printable

if TYPE_CHECKING:
    from shared.store.changes import Change, RecordedChange

_LISTED_IDS = 5


def as_line(recorded: RecordedChange) -> str:
    """Write a change as a line: time, resource and id, verb, what, by which token and request."""
    change = recorded.change
    what = f"{change.resource:<5}  {change.id}  {change.verb:<7}"
    line = "  ".join([time_of_milliseconds(recorded.time), what, *_details(change)])
    return printable(f"{line}  by {recorded.actor}  request {recorded.request_id}")


def as_json(tenant: str, recorded: RecordedChange) -> dict[str, Any]:
    """Write a change as an object; members are pairs of an id and a user's version."""
    change = recorded.change
    return {
        "key": recorded.key,
        "time": time_of_milliseconds(recorded.time),
        "tenant": tenant,
        "resource": change.resource,
        "id": change.id,
        "verb": change.verb,
        "attributes": list(change.names),
        "version": change.version,
        "added": [list(member) for member in change.added],
        "removed": [list(member) for member in change.removed],
        "skipped": list(change.skipped),
        "left": list(change.left),
        "active": change.active,
        "externalId": change.external_id,
        "token": recorded.actor,
        "request": recorded.request_id,
        "clientRequest": recorded.client_request_id or None,
        "method": recorded.method or None,
        "position": recorded.position,
    }


def _named(name: str, change: Change) -> str:
    """Write the name of what changed, and the value of the one whose value is recorded."""
    is_known = name == "active" and change.active is not None
    return f"active={str(change.active).lower()}" if is_known else name


def _details(change: Change) -> list[str]:
    lists = {
        "+": [uid for uid, _ in change.added],
        "-": [uid for uid, _ in change.removed],
        "skipped ": change.skipped,
        "left ": change.left,
    }
    names = [] if change.verb == "members" else change.names  # its only name is the verb
    details = [", ".join(_named(name, change) for name in names)] if names else []
    for sign, ids in lists.items():
        details += [f"{sign}{each}" for each in ids[:_LISTED_IDS]]
        if len(ids) > _LISTED_IDS:
            details.append(f"{sign}{len(ids) - _LISTED_IDS:,} more")
    return details if change.version is None else [*details, f"v{change.version}"]
