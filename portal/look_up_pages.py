"""Look up: a user or a group, what it is made of, where it belongs, and its history."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from portal.activity import ids_in, read_before
from portal.look_up import find
from portal.names import name_of, read_names
from portal.refusals import PageRefusal
from portal.rendering import render
from portal.wording import entry_of
from shared.store import layout
from shared.store.recent_changes import is_told, read_back
from shared.store.resources import is_active
from shared.tables.table import collect, get_all

if TYPE_CHECKING:
    from portal.visit import Visit
    from shared.store.changes import RecordedChange
    from shared.tables.rows import Row
    from shared.web.responses import ScimResponse

MOST_NAMED: Final = 50
"""Groups of a user, or members of a group, that are named; of more the number is told."""

_HISTORY: Final = 15
_TYPES: Final = {"user": layout.user_key, "group": layout.group_key}


@dataclass(frozen=True, slots=True)
class Related:
    """A group that a user is in, or a member of a group.

    Attributes:
        type: `user` or `group`.
        id: its id.
        name: as people know it.
    """

    type: str
    id: str
    name: str


async def look_up(visit: Visit) -> ScimResponse:
    """GET of the box and of what it found. 6 calls, and one for each that is found."""
    text = visit.query.get("q", "").strip()[:1_024]
    found = await find(visit, text) if text else []
    return render(visit, "look_up.html", q=text, found=found)


async def show_resource(visit: Visit) -> ScimResponse:
    """GET of a user or a group. A few calls, and one for each that is named."""
    type_, resource_id = (visit.req.route_params[name] for name in ("type", "id"))
    key_of = _TYPES.get(type_)
    if key_of is None or not layout.is_id(resource_id):
        raise PageRefusal(404, "not_found")
    context, table = visit.entered.context, visit.services.store.table
    row = await table.get(context, key_of(resource_id))
    if row is None:
        raise PageRefusal(404, "nobody")
    document = layout.unpack_document(row.values)
    related, has_more = await _related(visit, row)
    history = await _history(visit, resource_id)
    names = await read_names(table, context, history.changes)
    return render(
        visit,
        "resource.html",
        type=type_,
        id=resource_id,
        name=name_of(document),
        is_active=is_active(document) if type_ == "user" else None,
        attributes=list(attributes_of(document)),
        related=related,
        has_more=has_more,
        entries=[entry_of(each, names, visit.texts) for each in history.changes],
        before=history.before,
        looked_back_to=history.looked_back_to / 1000,
    )


async def _related(visit: Visit, row: Row) -> tuple[list[Related], bool]:
    """Read a user's groups, or some members of a group; tell whether there are more."""
    context, store = visit.entered.context, visit.services.store
    if layout.member_type_in(row.key) == "User":
        ids = layout.unpack_ids(row.values)
        hidden = await store.hidden.group_ids(context, ids)
        keys = [layout.group_key(each) for each in ids if each not in hidden]
    else:
        span = layout.memberships_span(layout.id_in(row.key))
        rows = await collect(store.table, context, span, MOST_NAMED + 1)
        keys = [
            layout.member_key(layout.member_type_of(each.values), layout.id_in(each.key))
            for each in rows
        ]
    found = await get_all(store.table, context, keys[:MOST_NAMED])
    related = [
        Related(
            layout.member_type_in(each.key).lower(),
            layout.id_in(each.key),
            name_of(layout.unpack_document(each.values)),
        )
        for each in found
        if each is not None
    ]
    related.sort(key=lambda each: each.name.casefold())
    return related, len(keys) > MOST_NAMED


async def _history(visit: Visit, resource_id: str) -> Any:
    now = time.time_ns() // 1_000_000

    def is_about(each: RecordedChange) -> bool:
        return is_told(each) and resource_id in ids_in(each)

    return await read_back(
        visit.services.store.table,
        visit.entered.context,
        _HISTORY,
        now=now,
        oldest=now - visit.services.settings.history_days * 86_400_000,
        before=read_before(visit.query),
        is_wanted=is_about,
    )


def attributes_of(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the attributes of a document and their values, as text; parts by their paths."""
    for name, value in document.items():
        path = f"{prefix}.{name}" if prefix else _short(name)
        if name == "schemas":
            continue
        if isinstance(value, Mapping):
            yield from attributes_of(value, path)
        elif isinstance(value, list):
            for element in value:
                yield path, _element(element)
        else:
            yield path, _simple(value)


def _short(name: str) -> str:
    """Leave out the URN of a schema, which people do not read."""
    return name.rpartition(":")[2] if name.startswith("urn:") else name


def _element(element: object) -> str:
    if not isinstance(element, Mapping):
        return _simple(element)
    shown = element.get("value") or element.get("formatted")
    kind = element.get("type")
    if shown is None:
        shown = ", ".join(_simple(v) for k, v in element.items() if k not in {"type", "primary"})
    return f"{_simple(shown)} ({kind})" if kind else _simple(shown)


def _simple(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
