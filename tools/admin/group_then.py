"""What `group members` shows: a group as it was at a time, or what changed between two times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.errors import InvalidValue, NotFound
from shared.store import layout
from shared.store.group_history import GroupDifference, PastGroup
from tools.admin import console, lookup
from tools.admin.errors import NotDoneError
from tools.admin.existence import require_tenant
from tools.admin.storage import open_storage
from tools.command_line import printable

if TYPE_CHECKING:
    from shared.store.group_history import KeptHistory, MembersPage, PastMember
    from shared.tables.request_context import RequestContext
    from tools.admin.places import Place
    from tools.admin.storage import Storage


@dataclass(frozen=True, slots=True)
class Asked:
    """What the arguments of the command ask for.

    Attributes:
        tenant: of the group.
        named: the group, by its id, displayName or externalId.
        times: one, or two that are compared, in POSIX milliseconds.
        kept: of which time change rows are kept.
        page: which members.
    """

    tenant: str
    named: str
    times: list[int]
    kept: KeptHistory
    page: MembersPage


async def read(where: Place, asked: Asked) -> PastGroup | GroupDifference:
    """Read what is asked for.

    Raises:
        NotDoneError: there is no such group, or the history does not reach the times.
    """
    async with open_storage(where) as storage:
        context = storage.context(asked.tenant)
        gid = await _id_of(where, storage, context, asked)
        history = storage.store.group_history
        try:
            if len(asked.times) == 1:
                return await history.members_at(
                    context, gid, asked.times[0], asked.kept, asked.page
                )
            since, until = asked.times
            return await history.difference(context, gid, (since, until), asked.kept, asked.page)
        except (InvalidValue, NotFound) as refusal:
            raise NotDoneError(str(refusal)) from refusal


async def _id_of(where: Place, storage: Storage, context: RequestContext, asked: Asked) -> str:
    found = await lookup.group(storage.store, context, asked.named)
    if found is not None:
        return found.id
    await require_tenant(where, storage, asked.tenant)
    if not layout.is_id(asked.named):
        raise NotDoneError(
            f"there is no group {asked.named!r} in the tenant {asked.tenant}; name one that was"
            " deleted by its id"
        )
    return asked.named


def show(found: PastGroup | GroupDifference, *, as_json: bool) -> None:
    """Write what was found, as text or as JSON."""
    facts = _facts_of_group(found) if isinstance(found, PastGroup) else _facts_of_difference(found)
    if as_json:
        console.show_json(facts)
        return
    members = facts.pop("members")
    console.show_fields(facts)
    for each in members:
        said = {True: "joined  ", False: "left  ", None: ""}[each.get("joined")]
        name = "(deleted since)" if each["name"] is None else printable(each["name"])
        console.show_line(f"  {said}{each['id']}  {name}")


def _facts_of_group(found: PastGroup) -> dict[str, Any]:
    members = [_member(each) for each in found.members]
    return {"existed": found.existed, "members": members, "after": found.after}


def _facts_of_difference(found: GroupDifference) -> dict[str, Any]:
    return {
        "existed": list(found.existed),
        "attributes": found.attributes,
        "joined": found.joined,
        "left": found.left,
        "members": [_member(each) | {"joined": joined} for each, joined in found.members],
        "after": found.after,
    }


def _member(member: PastMember) -> dict[str, Any]:
    return {"id": member.id, "type": member.type, "name": member.name}
