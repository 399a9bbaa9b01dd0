"""Looking somebody up: by what people and identity providers call them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from portal.names import name_of
from shared.scim.folding import fold
from shared.store import layout
from shared.store.resources import is_active
from shared.tables.table import read_side_by_side

if TYPE_CHECKING:
    from portal.visit import Visit
    from shared.scim.schema import Document

MOST_FOUND = 20


@dataclass(frozen=True, slots=True)
class Found:
    """A user or a group that was found.

    Attributes:
        type: `User` or `Group`.
        id: its id.
        name: as people know it.
        user_name: of a user; "" for a group.
        is_active: whether a user may come in; None for a group.
    """

    type: str
    id: str
    name: str
    user_name: str = ""
    is_active: bool | None = None


async def find(visit: Visit, text: str) -> list[Found]:
    """Find users and groups by id, userName, e-mail address, externalId or displayName of a group.

    Values are compared whole, because that is what an index answers. 5 calls, and one for each
    that is found.
    """
    context, store = visit.entered.context, visit.services.store
    folded = fold(text)
    users, groups = await read_side_by_side(
        [
            _user_ids(visit, text, folded),
            _group_ids(visit, text, folded),
        ]
    )
    rows = await read_side_by_side(
        [
            *(store.table.get(context, layout.user_key(each)) for each in users),
            *(store.table.get(context, layout.group_key(each)) for each in groups),
        ]
    )
    found: list[Found] = []
    for row in rows:
        if row is not None:
            document = layout.unpack_document(row.values)
            type_ = layout.member_type_in(row.key)
            found.append(_found(type_, layout.id_in(row.key), document))
    return found


async def _user_ids(visit: Visit, text: str, folded: str) -> list[str]:
    context, users = visit.entered.context, visit.services.store.users
    found = await read_side_by_side(
        [
            users.ids_by_user_name(context, folded),
            users.ids_by_email(context, folded, MOST_FOUND),
            users.ids_by_external_id(context, text, MOST_FOUND),
        ]
    )
    return _distinct([*([text] if layout.is_id(text) else []), *chain.from_iterable(found)])


async def _group_ids(visit: Visit, text: str, folded: str) -> list[str]:
    context, groups = visit.entered.context, visit.services.store.groups
    named = await groups.ids_by_display_name(context, folded)
    owners = await groups.owners(context, layout.GROUP_KINDS.external_id, text, MOST_FOUND)
    return _distinct([*([text] if layout.is_id(text) else []), *named, *owners])


def _distinct(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))[:MOST_FOUND]


def _found(type_: str, resource_id: str, document: Document) -> Found:
    if type_ == "Group":
        return Found("Group", resource_id, name_of(document))
    user_name = str(document.get("userName", ""))
    return Found("User", resource_id, name_of(document), user_name, is_active(document))
