"""A copy of the directory, which any order of events brings to the same end.

What is kept of each resource is what came with its highest version, so that an event which comes
late or twice changes nothing. A user has a version, which grows with each change of the user,
memberships included. So each membership of a user has one as well. A group has none, nor has a
group's membership in another, nor have the roles of a user: there an event says only that something
has changed, and the present state is read.
"""

from collections.abc import Awaitable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from scim_on_functions.models import Document, Event, Member, roles_of


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A user of the copy.

    Attributes:
        id: SCIM id.
        version: the highest that was seen.
        document: the SCIM resource; None once the user is gone. The record stays, so that a late
            event does not bring the user back.
        listed: the version at which all memberships were read together; 0 if they never were.
    """

    id: str
    version: int
    document: Document | None
    listed: int = 0

    @property
    def is_active(self) -> bool:
        """Whether the user is there and may come in."""
        return self.document is not None and self.document.get("active") is True

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles by priority, as they were when the document was read."""
        return () if self.document is None else roles_of(self.document)


@dataclass(frozen=True, slots=True)
class GroupRecord:
    """A group of the copy.

    Attributes:
        id: SCIM id.
        document: the SCIM resource without members; None once the group is gone, for good.
        listed: whether it was there when memberships were last read together.
    """

    id: str
    document: Document | None
    listed: bool = False


@dataclass(frozen=True, slots=True)
class MembershipRecord:
    """Whether somebody is a direct member of a group.

    It counts while both are there. It may be known before either of them.

    Attributes:
        group_id: SCIM id of the group.
        member_id: SCIM id of the user or group.
        member_type: `User` or `Group`.
        version: of the user, since when it is so; 0 for a group.
        present: False for who has left, so that a late event does not bring them back.
    """

    group_id: str
    member_id: str
    member_type: str
    version: int
    present: bool

    @property
    def key(self) -> tuple[str, str]:
        """What no other membership has."""
        return self.group_id, self.member_id


@dataclass(frozen=True, slots=True)
class Records:
    """Some records of the copy."""

    users: Collection[UserRecord] = ()
    groups: Collection[GroupRecord] = ()
    memberships: Collection[MembershipRecord] = ()


@dataclass(frozen=True, slots=True)
class Ids:
    """Who is in the copy and not gone."""

    users: frozenset[str]
    groups: frozenset[str]


class Replica(Protocol):
    """What the product writes: where the copy lies. One writer at a time."""

    def load(self, users: Collection[str], groups: Collection[str]) -> Records:
        """Read the records of users and groups by id, as far as there are any.

        With them come the memberships of which one of them is the member, and those of other
        groups in one of these groups.
        """

    def ids(self) -> Ids:
        """Read the ids of all users and groups that are not gone."""

    def save(self, records: Records) -> None:
        """Write records over those with the same ids, all of them or none."""


class AsyncReplica(Protocol):
    """`Replica` for code on an event loop."""

    def load(self, users: Collection[str], groups: Collection[str]) -> Awaitable[Records]:
        """As `Replica.load`."""

    def ids(self) -> Awaitable[Ids]:
        """As `Replica.ids`."""

    def save(self, records: Records) -> Awaitable[None]:
        """As `Replica.save`."""


@dataclass(slots=True)
class MemoryReplica:
    """A copy in memory: for tests, and for products that read everything at each start."""

    _users: dict[str, UserRecord] = field(default_factory=dict)
    _groups: dict[str, GroupRecord] = field(default_factory=dict)
    _memberships: dict[tuple[str, str], MembershipRecord] = field(default_factory=dict)

    def load(self, users: Collection[str], groups: Collection[str]) -> Records:
        """Read records."""
        members = {*users, *groups}
        return Records(
            [self._users[each] for each in users if each in self._users],
            [self._groups[each] for each in groups if each in self._groups],
            [
                each
                for each in self._memberships.values()
                if each.member_id in members
                or (each.member_type == "Group" and each.group_id in groups)
            ],
        )

    def ids(self) -> Ids:
        """Read the ids of all users and groups that are not gone."""
        return Ids(frozenset(self.users), frozenset(self.groups))

    def save(self, records: Records) -> None:
        """Write records."""
        self._users |= {each.id: each for each in records.users}
        self._groups |= {each.id: each for each in records.groups}
        self._memberships |= {each.key: each for each in records.memberships}

    @property
    def users(self) -> dict[str, Document]:
        """The users, by id."""
        return {each.id: each.document for each in self._users.values() if each.document}

    @property
    def groups(self) -> dict[str, Document]:
        """The groups, by id."""
        return {each.id: each.document for each in self._groups.values() if each.document}

    @property
    def memberships(self) -> set[tuple[str, str]]:
        """The direct memberships, as ids of a group and a member."""
        there = self.users.keys() | self.groups.keys()
        return {
            each.key
            for each in self._memberships.values()
            if each.present and each.group_id in self.groups and each.member_id in there
        }


class Draft:
    """What is known, and what becomes of it; only what has changed is written."""

    def __init__(self, known: Records) -> None:
        self.users = {each.id: each for each in known.users}
        self.groups = {each.id: each for each in known.groups}
        self.memberships = {each.key: each for each in known.memberships}
        self._before = Records([*known.users], [*known.groups], [*known.memberships])

    def changes(self) -> Records:
        """Return the records that are not as they were."""
        users = {each.id: each for each in self._before.users}
        groups = {each.id: each for each in self._before.groups}
        memberships = {each.key: each for each in self._before.memberships}
        return Records(
            [each for each in self.users.values() if users.get(each.id) != each],
            [each for each in self.groups.values() if groups.get(each.id) != each],
            [each for each in self.memberships.values() if memberships.get(each.key) != each],
        )

    def is_user_newer(self, user_id: str, version: int | None) -> bool:
        """Tell whether a version of a user is newer than what is known."""
        known = self.users.get(user_id)
        return known is None or version is None or version > known.version

    def is_user_at(self, user_id: str, version: int | None) -> bool:
        """Tell whether a user is there in a version, and in no newer one."""
        known = self.users.get(user_id)
        return known is not None and known.document is not None and version == known.version

    def is_user_gone(self, user_id: str) -> bool:
        """Tell whether a user is known to have been deleted."""
        known = self.users.get(user_id)
        return known is not None and known.document is None

    def is_group_gone(self, group_id: str) -> bool:
        """Tell whether a group is known to have been deleted."""
        known = self.groups.get(group_id)
        return known is not None and known.document is None

    def put_user(self, user_id: str, version: int, document: Document | None) -> None:
        """Take a user's document, or that the user is gone, if that is newer.

        A document of the same version takes the place of one: roles change without the version.
        """
        known = self.users.get(user_id, UserRecord(user_id, -1, None))
        is_read_again = version == known.version and known.document is not None
        if version > known.version or is_read_again:
            self.users[user_id] = replace(known, version=version, document=document)

    def list_memberships(self, user_id: str, version: int, groups: Collection[str]) -> None:
        """Take all memberships of a user, which were read together at a version.

        A group that was not there yet when groups were listed may be in its making, and hidden for
        so long: that it is missing says nothing.
        """
        for group_id in groups:
            self.put_membership(group_id, Member(user_id, "User", version), present=True)
        for each in [*self.memberships.values()]:
            is_of_user = each.member_id == user_id and each.version <= version
            if is_of_user and each.group_id not in groups and self._is_listed(each.group_id):
                self.memberships[each.key] = replace(each, version=version, present=False)
        self.users[user_id] = replace(self.users[user_id], listed=version)

    def put_membership(self, group_id: str, member: Member, *, present: bool) -> None:
        """Take that a user has joined or left at a version, if nothing newer is known."""
        version = member.version or 0
        user = self.users.get(member.id)
        if user is not None:
            is_gone = user.document is None and version <= user.version
            is_covered = version <= user.listed and self._is_listed(group_id)
            if is_gone or is_covered:
                return
        known = self.memberships.get((group_id, member.id))
        if known is None or version > known.version:
            record = MembershipRecord(group_id, member.id, member.type, version, present)
            self.memberships[record.key] = record

    def put_parents(self, group_id: str, parents: Collection[str]) -> None:
        """Take in which groups a group is, as they were read just now.

        A group that is not known yet may be in its making, and hidden for so long. What events have
        said of it stays, and is read again once it is known.
        """
        for each in [*self.memberships.values()]:
            if each.member_id == group_id and each.group_id in self.groups:
                self._put_nested(each.group_id, group_id, present=each.group_id in parents)
        for parent in parents:
            self._put_nested(parent, group_id, present=True)

    def expect_nested(self, group_id: str, member_id: str) -> None:
        """Note that a group was named as a member of another, which may not be known yet."""
        if group_id not in self.groups:
            self._put_nested(group_id, member_id, present=True)

    def _put_nested(self, group_id: str, member_id: str, *, present: bool) -> None:
        record = MembershipRecord(group_id, member_id, "Group", 0, present)
        self.memberships[record.key] = record

    def _is_listed(self, group_id: str) -> bool:
        known = self.groups.get(group_id)
        return known is not None and known.listed


@dataclass(frozen=True, slots=True)
class Concerned:
    """Whom some events are about.

    Attributes:
        users: of events about users.
        groups: of events about groups themselves.
        nested: groups that joined or left others.
        members: of all events about members: the group, the member, and whether it has joined.
    """

    users: frozenset[str]
    groups: frozenset[str]
    nested: frozenset[str]
    members: tuple[tuple[str, Member, bool], ...]

    @property
    def all_users(self) -> frozenset[str]:
        """Everybody whose record is needed."""
        return self.users | self.member_versions.keys()

    @property
    def member_versions(self) -> dict[str, int]:
        """The newest version of each user who joined or left a group."""
        versions: dict[str, int] = {}
        for _, member, _ in self.members:
            if member.type == "User":
                versions[member.id] = max(versions.get(member.id, 0), member.version or 0)
        return versions

    @property
    def all_groups(self) -> frozenset[str]:
        """All groups whose record is needed."""
        return self.groups | self.nested | {group_id for group_id, _, _ in self.members}


def concerned_by(events: Iterable[Event]) -> Concerned:
    """Tell whom events are about; resource types of a deployment's own are not copied."""
    about = [event for event in events if event.resource_type in {"User", "Group"}]
    members = [
        (event.resource_id, member, present)
        for event in about
        for joined, present in ((event.removed, False), (event.added, True))
        for member in joined
    ]
    return Concerned(
        frozenset(event.resource_id for event in about if event.resource_type == "User"),
        frozenset(
            event.resource_id
            for event in about
            if event.resource_type == "Group" and not _is_of_members(event)
        ),
        frozenset(member.id for _, member, _ in members if member.type == "Group"),
        tuple(members),
    )


def _is_of_members(event: Event) -> bool:
    return bool(event.added or event.removed)
