"""The role map of a tenant, as staff edit it: an entry at a time; and who gets what by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from portal.look_up import find
from portal.names import name_of
from portal.refusals import PageRefusal
from portal.rendering import render, see_other
from portal.role_entries import (
    NAME_CHOICES,
    EntryRefused,
    SentEntry,
    priority_in,
    ranked,
    with_entry,
    without_entry,
)
from shared.errors import NotFound, PayloadTooLarge, PreconditionFailed
from shared.roles import MAX_ENTRIES
from shared.store import layout
from shared.tables.table import collect, get_all
from shared.tenant_settings import ROLE_MAP, patched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portal.visit import Visit
    from shared.roles import RoleEntry
    from shared.store.tenant_settings import KeptSettings
    from shared.store.user_roles import FoundGroups
    from shared.web.responses import ScimResponse

ENTRIES_ON_A_PAGE: Final = 50
MOST_SUGGESTED: Final = 200
MOST_PREVIEWED: Final = 5
_MOST_TEXT: Final = 1_024


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry as the page shows it.

    Attributes:
        index: its place in the role map.
        entry: the entry.
        groups: how many groups it names now.
    """

    index: int
    entry: RoleEntry
    groups: int

    @property
    def by(self) -> str:
        """Which name of the group it has, as the form says it."""
        return "name" if self.entry.group.external_id is None else "external"

    @property
    def group(self) -> str:
        """That name."""
        return self.entry.group.external_id or self.entry.group.display_name or ""


@dataclass(frozen=True, slots=True)
class GivenRole:
    """A role that somebody has, and the groups that give it."""

    role: str
    groups: list[str]


@dataclass(frozen=True, slots=True)
class Preview:
    """Which roles a user has by the map as it is saved."""

    id: str
    name: str
    user_name: str
    roles: list[GivenRole]


async def show_roles(visit: Visit) -> ScimResponse:
    """GET of the map. 2 calls, one for each entry, and those of the user who is asked for."""
    return await _show(visit, done=visit.query.get("done", ""))


async def change_roles(visit: Visit) -> ScimResponse:
    """POST of one change, which is saved if the map is still that of the page. 2 calls."""
    form = visit.form()
    settings, context = visit.services.store.settings, visit.entered.context
    version = form.get("version", "")
    kept = await settings.read(context)
    try:
        changed = _changed(kept.settings.role_map or (), form)
        await settings.update(
            context,
            lambda document: patched(document, {ROLE_MAP: _documents(changed)}),
            lambda held: held == version == str(kept.version),
        )
    except (PreconditionFailed, NotFound):
        return await _show(visit, status=409, refused="changed", form=form)
    except EntryRefused as refusal:
        return await _show(visit, status=400, refused=refusal.key, form=form)
    except PayloadTooLarge:
        return await _show(visit, status=413, refused="too_many", form=form)
    query = urlencode({"done": form["action"], "page": visit.page_number})
    return see_other(f"/portal/roles?{query}")


def _changed(entries: Sequence[RoleEntry], form: Mapping[str, str]) -> tuple[RoleEntry, ...]:
    """Make the change that a form asks for.

    Raises:
        EntryRefused: it cannot be made.
        NotFound: the entry, or the role, is not there any more.
        PageRefusal: the form asks for nothing that can be understood.
    """
    match form.get("action"):
        case "add":
            return with_entry(entries, SentEntry.of(form))
        case "change":
            return with_entry(entries, SentEntry.of(form), _index(entries, form))
        case "remove":
            return without_entry(entries, _index(entries, form))
        case "rank":
            priority, role = priority_in(form), form.get("role", "")
            if priority is None:
                raise EntryRefused("priority")
            if role not in {entry.role for entry in entries}:
                raise NotFound("There is no such role.")
            return ranked(entries, role, priority)
    raise PageRefusal(400, "no_form")


def _documents(entries: Sequence[RoleEntry]) -> list[dict[str, Any]]:
    return [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in entries]


def _index(entries: Sequence[RoleEntry], form: Mapping[str, str]) -> int:
    """Read which entry is meant.

    Raises:
        NotFound: there is no such entry.
    """
    text = form.get("entry", "")
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ENTRIES))
    if not is_number or int(text) >= len(entries):
        raise NotFound("There is no such entry.")
    return int(text)


async def _show(visit: Visit, *, status: int = 200, **values: Any) -> ScimResponse:
    store, context = visit.services.store, visit.entered.context
    kept = await store.settings.read(context)
    found = await store.roles.find(context, kept)
    entries = _sorted(kept, found)
    number = visit.page_number
    begin = (number - 1) * ENTRIES_ON_A_PAGE
    who = visit.query.get("who", "").strip()[:_MOST_TEXT]
    shown = {"done": "", "refused": "", "form": {}, **values}
    return render(
        visit,
        "roles.html",
        status=status,
        version=kept.version,
        is_set=kept.settings.role_map is not None,
        entries=entries[begin : begin + ENTRIES_ON_A_PAGE],
        number=len(entries),
        page=number,
        has_more=begin + ENTRIES_ON_A_PAGE < len(entries),
        roles=_roles(entries),
        warned=sum(each.groups != 1 for each in entries),
        suggestions=await _suggestions(visit),
        choices=NAME_CHOICES,
        who=who,
        previews=await _previews(visit, found, who) if who else [],
        **shown,
    )


def _sorted(kept: KeptSettings, found: FoundGroups) -> list[ShownEntry]:
    """Sort the entries as roles are sorted: by priority, then by name."""
    pairs = zip(kept.settings.role_map or (), found.numbers, strict=True)
    entries = [ShownEntry(index, entry, groups) for index, (entry, groups) in enumerate(pairs)]
    return sorted(entries, key=lambda e: (e.entry.priority, e.entry.role, e.group.casefold()))


def _roles(entries: Sequence[ShownEntry]) -> dict[str, int]:
    """Return the priority of each role, in their order."""
    return {each.entry.role: each.entry.priority for each in entries}


async def _suggestions(visit: Visit) -> list[str]:
    """Name some groups of the tenant. 1 call."""
    rows = await collect(
        visit.services.store.table,
        visit.entered.context,
        layout.kind_span(layout.GROUP_KINDS.resource),
        MOST_SUGGESTED,
    )
    names = {name_of(layout.unpack_document(row.values)) for row in rows}
    return sorted(names - {""}, key=str.casefold)


async def _previews(visit: Visit, found: FoundGroups, text: str) -> list[Preview]:
    """Tell which roles the users have that a text names. Some calls for each."""
    matches = [each for each in await find(visit, text) if each.type == "User"]
    return [
        Preview(each.id, each.name, each.user_name, await _given(visit, found, each.id))
        for each in matches[:MOST_PREVIEWED]
    ]


async def _given(visit: Visit, found: FoundGroups, user_id: str) -> list[GivenRole]:
    store, context = visit.services.store, visit.entered.context
    user = await store.users.get(context, user_id)
    (groups,) = await store.roles.groups_of(context, [user], is_nested=found.is_nested)
    giving = [gid for gid in groups if gid in found.role_map.by_group]
    rows = await get_all(store.table, context, [layout.group_key(gid) for gid in giving])
    names = {
        gid: "" if row is None else name_of(layout.unpack_document(row.values))
        for gid, row in zip(giving, rows, strict=True)
    }
    return [
        GivenRole(role, [names[gid] for gid in giving if _gives(found, gid, role)])
        for role in found.role_map.roles_of(groups)
    ]


def _gives(found: FoundGroups, gid: str, role: str) -> bool:
    return role in {each.name for each in found.role_map.by_group[gid]}
