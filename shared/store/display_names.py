"""The names by which users and groups are shown to people, read when they are asked for."""

from collections.abc import Mapping

from shared.scim.members import MemberType
from shared.scim.schema import Document
from shared.store import layout
from shared.store.layout import unpack_document
from shared.tables.request_context import RequestContext
from shared.tables.table import Table, get_all


async def read_display_names(
    table: Table, context: RequestContext, members: Mapping[str, MemberType]
) -> dict[str, str]:
    """Read the names of users and groups by their ids; what is gone has none. A call each."""
    keys = [layout.member_key(member_type, each) for each, member_type in members.items()]
    rows = await get_all(table, context, keys)
    return {
        layout.id_in(row.key): _name_in(unpack_document(row.values))
        for row in rows
        if row is not None
    }


def _name_in(document: Document) -> str:
    """Find the name of a user or a group: `displayName`, else what else a user has."""
    formatted = document.get("name", {}).get("formatted")
    return str(document.get("displayName") or formatted or document.get("userName"))
