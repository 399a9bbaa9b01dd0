"""Resources as they lie in their rows, and how such a row is read and written."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from shared.errors import PreconditionFailed
from shared.scim.members import MemberType
from shared.scim.schema import Document
from shared.store import layout
from shared.store.layout import (
    FORMAT_VERSION,
    Column,
    pack_document,
    pack_ids,
    unpack_document,
    unpack_ids,
)
from shared.tables.rows import Row, Value, Values

Precondition = Callable[[str], bool]
"""Answers whether the conditions of a request allow a change of the given version."""


DocumentChange = Callable[[Document], Document | Awaitable[Document]]
"""Makes a new document of one that is there. It is pure, so that it can be applied again after a
lost race. It may be awaited, where it takes long to compute."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource with its version in its row: a custom resource; a user is one with groups.

    Attributes:
        id: 32 hex digits.
        document: the SCIM attributes without id and meta, nor the groups of a user.
        version: 1 at creation, one more at every write of the row, memberships included.
        created: time of creation, RFC 3339 in UTC.
        modified: time of the last change of the document.
    """

    id: str
    document: Document
    version: int
    created: str
    modified: str


@dataclass(frozen=True, slots=True)
class User(Resource):
    """A user.

    Attributes:
        group_ids: groups the user is in, without the deleted ones when it was read to be shown.
        indirect_group_ids: groups that those are in, directly or not, where they were read.
    """

    group_ids: tuple[str, ...] = ()
    indirect_group_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A group.

    Attributes:
        id: 32 hex digits.
        document: the SCIM attributes without id, meta and members.
        version: opaque; changes with every change of the group or of its members, and when it joins
            or leaves a group. A deleted member leaves its groups without moving their versions.
        created: time of creation, RFC 3339 in UTC.
        modified: time of the last change of the document or of the members.
        group_ids: groups that the group is a member of, deleted ones perhaps among them.
        member_ids: ids of the members; None when they were not read.
        nested_ids: those of them that are groups.
        may_repeat: whether other groups may have its displayName, by the setting of the tenant when
            the group got it.
    """

    id: str
    document: Document
    version: str
    created: str
    modified: str
    group_ids: tuple[str, ...] = ()
    member_ids: tuple[str, ...] | None = None
    nested_ids: frozenset[str] = frozenset()
    may_repeat: bool = False

    def with_members(self, members: Mapping[str, MemberType]) -> "Group":
        """Copy the group with its members, each with its type."""
        nested = frozenset(member for member, its in members.items() if its == "Group")
        return replace(self, member_ids=tuple(members), nested_ids=nested)

    def type_of(self, member_id: str) -> MemberType:
        """Tell what a member is."""
        return "Group" if member_id in self.nested_ids else "User"


def timestamp() -> str:
    """Write the present time as RFC 3339 in UTC with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_active(document: Document) -> bool:
    """Tell whether a user may come in. Without `active`, which a removal leaves, nobody says so."""
    return document.get("active") is True


def resource_from(row: Row) -> Resource:
    """Read the row of a custom resource; of a user, without the groups."""
    return Resource(*_parts(row))


def resource_values(resource: Resource) -> dict[str, Value]:
    """Lay out as properties what `resource_from` reads."""
    return {
        **pack_document(resource.document),
        Column.VERSION: resource.version,
        Column.CREATED: resource.created,
        Column.MODIFIED: resource.modified,
        Column.FORMAT: FORMAT_VERSION,
    }


def user_from(row: Row) -> User:
    """Read a user's row."""
    return User(*_parts(row), group_ids=unpack_ids(row.values))


def _parts(row: Row) -> tuple[str, Document, int, str, str]:
    """Read what every resource that is no group has, in the order of `Resource`."""
    values = row.values
    return (
        layout.id_in(row.key),
        unpack_document(values),
        int(values[Column.VERSION]),
        str(values[Column.CREATED]),
        str(values[Column.MODIFIED]),
    )


def user_values(user: User, folded_name: str, group_list: Values) -> dict[str, Value]:
    """Lay a user out as properties; `group_list` is the packed list, taken over as it was read."""
    return {**resource_values(user), Column.USER_NAME: folded_name, **group_list}


def group_from(row: Row) -> Group:
    """Read a group's row."""
    return Group(
        id=layout.id_in(row.key),
        document=unpack_document(row.values),
        version=group_version(row.etag),
        created=str(row.values[Column.CREATED]),
        modified=str(row.values[Column.MODIFIED]),
        group_ids=unpack_ids(row.values),
        may_repeat=Column.MAY_REPEAT in row.values,
    )


def group_values(group: Group, folded_name: str) -> dict[str, Value]:
    """Lay a group out as properties, with the groups that it is in."""
    return {
        **pack_ids(group.group_ids),
        **pack_document(group.document),
        Column.DISPLAY_NAME: folded_name,
        Column.CREATED: group.created,
        Column.MODIFIED: group.modified,
        Column.FORMAT: FORMAT_VERSION,
        **({Column.MAY_REPEAT: True} if group.may_repeat else {}),
    }


def group_version(etag: str) -> str:
    """Make a group's version from the ETag of its row, which every touch moves: 20 hex digits."""
    return hashlib.sha256(etag.encode()).hexdigest()[:20]


def check_precondition(precondition: Precondition | None, version: str) -> None:
    """Hold a version against the conditions of a request (RFC 7644 section 3.14).

    Raises:
        PreconditionFailed: the version is not one that the client named, or one that it excluded.
    """
    if precondition is not None and not precondition(version):
        raise PreconditionFailed(
            "The version of the resource is not that of If-Match, or is that of If-None-Match. "
            "Read the resource again and repeat."
        )


async def changed(change: DocumentChange, document: Document) -> Document:
    """Apply a change to a document."""
    result = change(document)
    return await result if isinstance(result, Awaitable) else result
