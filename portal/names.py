"""Names of users and groups, read where change rows have their ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.store import layout
from shared.tables.table import get_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shared.store.changes import RecordedChange
    from shared.store.provisioning_log import LogEntry
    from shared.tables.request_context import RequestContext
    from shared.tables.table import Table

MOST_MEMBERS_NAMED = 3
"""Members of one change that are named; of more their number is told."""

_KEYS = {"User": layout.user_key, "Group": layout.group_key}

Names = dict[str, str]
"""Names by id; without those of whoever is gone."""


def name_of(document: Mapping[str, Any]) -> str:
    """Return the name of a user or a group as people know it."""
    name = document.get("displayName") or _formatted(document.get("name"))
    return str(name or document.get("userName") or "")


async def read_names(
    table: Table,
    context: RequestContext,
    changes: Iterable[RecordedChange],
    entries: Iterable[LogEntry] = (),
) -> Names:
    """Read the names of those that changes and entries of the log are about. A call each.

    Of a change, those of a few members, too.
    """
    keys: dict[str, None] = {}
    for each in changes:
        change = each.change
        if change.resource == "User":
            keys[layout.user_key(change.id)] = None
        elif change.resource == "Group":
            keys[layout.group_key(change.id)] = None
        members = (*change.added, *change.removed)
        if len(members) <= MOST_MEMBERS_NAMED:
            keys |= {_member_key(*member): None for member in members}
    for entry in entries:
        key_of = _KEYS.get(entry.resource_type)
        if key_of is not None and layout.is_id(entry.resource_id):
            keys[key_of(entry.resource_id)] = None
    return await read_names_at(table, context, list(keys))


async def read_names_at(table: Table, context: RequestContext, keys: Sequence[str]) -> Names:
    """Read the names of users and groups by the keys of their rows. A call each."""
    rows = await get_all(table, context, keys)
    return {
        layout.id_in(row.key): name_of(layout.unpack_document(row.values))
        for row in rows
        if row is not None
    }


def _member_key(member_id: str, version: int | None) -> str:
    return layout.group_key(member_id) if version is None else layout.user_key(member_id)


def _formatted(name: object) -> str:
    if not isinstance(name, dict):
        return ""
    if name.get("formatted"):
        return str(name["formatted"])
    parts = (name.get("givenName"), name.get("familyName"))
    return " ".join(str(part) for part in parts if part)
