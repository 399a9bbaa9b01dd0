"""Change rows: the receipt of a transaction, the audit trail, and the feed of what has changed."""

import json
from dataclasses import dataclass
from typing import Any, Literal, cast

from shared.store import layout
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row, Value

ResourceName = str
"""Name of a resource type: `User`, `Group`, or that of one that the deployer has added."""

Verb = Literal["create", "update", "delete", "members", "sweep"]
MemberVersion = tuple[str, int]
"""A user's id and that user's new version."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction did; never a value of an attribute.

    Attributes:
        resource: resource type.
        id: id of the resource.
        verb: `members` changes only memberships; `sweep` takes a deleted resource's rows away.
        names: names of the attributes that changed.
        version: new version of the resource; None for a group, whose version is that of its row.
        added: users that became members, each with its new version.
        removed: users that left, each with its new version.
        skipped: ids that were named as members and are no users.
        left: groups that a deleted user was in.
    """

    resource: ResourceName
    id: str
    verb: Verb
    names: tuple[str, ...] = ()
    version: int | None = None
    added: tuple[MemberVersion, ...] = ()
    removed: tuple[MemberVersion, ...] = ()
    skipped: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def values(self, context: RequestContext, step: int) -> dict[str, Value]:
        """Lay the change out as the properties of its row; empty ones are left out.

        `rt` resource type, `id`, `op` verb, `by` token label, `rq` request id, `st` step of the
        request, `v` version; JSON: `at` names, `add`, `rem`, `skip`, `left`.
        """
        values: dict[str, Value] = {
            "rt": self.resource,
            "id": self.id,
            "op": self.verb,
            "by": context.actor,
            "rq": context.request_id,
            "st": step,
        }
        if self.version is not None:
            values["v"] = self.version
        lists = {
            "at": self.names,
            "add": self.added,
            "rem": self.removed,
            "skip": self.skipped,
            "left": self.left,
        }
        for name, items in lists.items():
            if items:
                values[name] = json.dumps(items, separators=(",", ":"))
        return values


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """A change row, read back.

    Attributes:
        key: its row key, unique in the tenant.
        time: when the key was drawn, just before the commit, in POSIX milliseconds.
        actor: label of the token that authorised the request.
        request_id: names the request in the log.
        change: what was done.
    """

    key: str
    time: int
    actor: str
    request_id: str
    change: Change


def recorded(row: Row) -> RecordedChange:
    """Read a change row as `Change.values` wrote it."""
    values = row.values
    version = values.get("v")
    change = Change(
        resource=cast("ResourceName", values["rt"]),
        id=str(values["id"]),
        verb=cast("Verb", values["op"]),
        names=tuple(_list(row, "at")),
        version=None if version is None else int(version),
        added=tuple((uid, v) for uid, v in _list(row, "add")),
        removed=tuple((uid, v) for uid, v in _list(row, "rem")),
        skipped=tuple(_list(row, "skip")),
        left=tuple(_list(row, "left")),
    )
    time = layout.change_time(row.key)
    return RecordedChange(row.key, time, str(values["by"]), str(values["rq"]), change)


def _list(row: Row, name: str) -> list[Any]:
    items: list[Any] = json.loads(str(row.values.get(name, "[]")))
    return items
