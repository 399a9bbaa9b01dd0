"""How a copy is made, and how events are applied to it. All that is decided is in `replica`."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from scim_on_functions.flows import Flow, call
from scim_on_functions.models import Document, Event, Member, version_of
from scim_on_functions.replica import (
    AsyncReplica,
    Draft,
    GroupRecord,
    Ids,
    Records,
    Replica,
    UserRecord,
    concerned_by,
)
from scim_on_functions.requests import NOW, WITHOUT_MEMBERS, TenantRequests

AnyReplica = Replica | AsyncReplica

ROLES = "roles"
"""Stands among the attributes of an event when the role map gives the user other roles."""

_WALK_FROM = 200
"""Users to be read from which on all are walked: so many come with each request then."""

_NESTED = {"filter": 'members.type eq "Group"', "attributes": "id"}


def applying(
    requests: TenantRequests, replica: AnyReplica, events: Collection[Event]
) -> Flow[None]:
    """Apply events, in whatever order they come and however often.

    What has changed is read: each user of which the events have a newer version, unless they bring
    it; each user whose roles are others; each group that was created or changed; the groups above
    each group that joined or left one.

    Raises:
        ServiceError: it could not be read; nothing was written.
    """
    about = concerned_by(events)
    known: Records = yield from call(lambda: replica.load(about.all_users, about.all_groups))
    draft = Draft(known)
    for user_id in sorted(about.users):
        yield from _apply_to_user(requests, draft, [e for e in events if e.resource_id == user_id])
    yield from _read_members(requests, draft, about.member_versions)
    new_groups = set[str]()
    for group_id in sorted(about.groups):
        was_known = group_id in draft.groups
        of_group = [each for each in events if each.resource_id == group_id]
        yield from _apply_to_group(requests, draft, group_id, of_group)
        if not was_known:
            new_groups.add(group_id)
    for group_id, member, present in about.members:
        if member.type == "Group":
            draft.expect_nested(group_id, member.id)
        elif not draft.is_group_gone(group_id):
            draft.put_membership(group_id, member, present=present)
    waiting = {
        each.member_id
        for each in draft.memberships.values()
        if each.member_type == "Group" and each.group_id in new_groups
    }
    for group_id in sorted(about.nested | waiting):
        if not draft.is_group_gone(group_id):
            draft.put_parents(group_id, (yield from requests.groups_with(group_id)))
    yield from _save(replica, draft)


def _apply_to_user(requests: TenantRequests, draft: Draft, events: Collection[Event]) -> Flow[None]:
    """Apply all events about a user: the one with the highest version decides.

    Roles change without a version. So an event that tells of them is not out of date by the version
    that is known, nor does it tell which roles: a document that it brings may be older than the one
    that is known.
    """
    last = max(events, key=lambda each: each.version or 0)
    user_id, version = last.resource_id, last.version
    has_roles = any(ROLES in each.attributes for each in events if each.version == version)
    is_told_again = has_roles and draft.is_user_at(user_id, version)
    if not draft.is_user_newer(user_id, version) and not is_told_again:
        return
    known = draft.users.get(user_id)
    if last.type == "user.deleted" and version is not None:
        draft.put_user(user_id, version, None)
        return
    document = None if has_roles else last.document
    is_back = known is not None and known.document is None
    if document is None or is_back:
        document = yield from requests.user(user_id)
    if document is None:
        draft.put_user(user_id, version or (known.version if known else 0), None)
        return
    draft.put_user(user_id, version_of(document), document)
    if is_back:
        draft.list_memberships(user_id, version_of(document), _direct_groups(document))


def _read_members(
    requests: TenantRequests, draft: Draft, versions: Mapping[str, int]
) -> Flow[None]:
    """Read users who joined or left a group, since that changes their roles and their version.

    Of who is not found any more `user.deleted` tells.
    """
    wanted = {
        user_id
        for user_id, version in versions.items()
        if draft.is_user_newer(user_id, version) and not draft.is_user_gone(user_id)
    }
    if len(wanted) > _WALK_FROM:
        yield from _walk_for(requests, draft, wanted)
        return
    for user_id in sorted(wanted):
        document = yield from requests.user(user_id)
        if document is not None:
            draft.put_user(user_id, version_of(document), document)


def _walk_for(requests: TenantRequests, draft: Draft, wanted: Collection[str]) -> Flow[None]:
    """Read many users by walking all."""
    cursor: str | None = ""
    while cursor is not None:
        page = yield from requests.page("Users", cursor)
        for document in page.resources:
            if document["id"] in wanted:
                draft.put_user(document["id"], version_of(document), document)
        cursor = page.cursor


def _apply_to_group(
    requests: TenantRequests, draft: Draft, group_id: str, events: Collection[Event]
) -> Flow[None]:
    """Apply all events about a group itself: what is read now is what counts."""
    if draft.is_group_gone(group_id):
        return
    document: Document | None = None
    if not any(each.type == "group.deleted" for each in events):
        document = yield from requests.group(group_id)
    known = draft.groups.get(group_id, GroupRecord(group_id, None))
    draft.groups[group_id] = replace(known, document=document)


def copying(requests: TenantRequests, replica: AnyReplica) -> Flow[str]:
    """Copy the directory over what the replica holds, and return the cursor to go on from.

    The cursor is taken first, so that what changes meanwhile is told by the feed. Groups come
    before users, so that it is known which groups a user's memberships were read for.

    Raises:
        ServiceError: it could not be read to the end. The replica holds some of it; copy again.
    """
    beginning = yield from requests.events(after=NOW)
    before: Ids = yield from call(replica.ids)
    groups = yield from _copy_groups(requests, replica)
    yield from _bury(replica, Ids(frozenset(), before.groups - groups))
    users = yield from _copy_users(requests, replica)
    yield from _bury(replica, Ids(before.users - users, frozenset()))
    yield from _copy_nested(requests, replica, groups)
    return beginning.cursor


def _copy_groups(requests: TenantRequests, replica: AnyReplica) -> Flow[set[str]]:
    seen = set[str]()
    cursor: str | None = ""
    while cursor is not None:
        page = yield from requests.page("Groups", cursor, WITHOUT_MEMBERS)
        found = [GroupRecord(each["id"], each, listed=True) for each in page.resources]
        seen |= {each.id for each in found}
        yield from _write(replica, Records(groups=found))
        cursor = page.cursor
    return seen


def _copy_users(requests: TenantRequests, replica: AnyReplica) -> Flow[set[str]]:
    seen = set[str]()
    cursor: str | None = ""
    while cursor is not None:
        page = yield from requests.page("Users", cursor)
        users = {each["id"]: each for each in page.resources}
        seen |= users.keys()
        draft = yield from _load_with_groups(replica, users)
        for user_id, document in users.items():
            draft.put_user(user_id, version_of(document), document)
            if draft.users[user_id].document is not None:
                groups = _direct_groups(document)
                draft.list_memberships(user_id, version_of(document), groups)
        yield from _save(replica, draft)
        cursor = page.cursor
    return seen


def _load_with_groups(replica: AnyReplica, users: Mapping[str, Document]) -> Flow[Draft]:
    """Load users with their memberships, and the groups of these."""
    of_users: Records = yield from call(lambda: replica.load([*users], []))
    groups = {each.group_id for each in of_users.memberships}
    groups |= {group_id for document in users.values() for group_id in _direct_groups(document)}
    of_groups: Records = yield from call(lambda: replica.load([], groups))
    return Draft(replace(of_users, groups=of_groups.groups))


def _copy_nested(requests: TenantRequests, replica: AnyReplica, groups: set[str]) -> Flow[None]:
    """Copy which groups are in others: the service finds those that have any."""
    parents: dict[str, set[str]] = defaultdict(set)
    cursor: str | None = ""
    while cursor is not None:
        page = yield from requests.page("Groups", cursor, _NESTED)
        for group in page.resources:
            members: Iterable[Member] = (yield from requests.group_members(group["id"])) or ()
            for member in members:
                if member.type == "Group":
                    parents[member.id].add(group["id"])
        cursor = page.cursor
    ids = sorted(groups | parents.keys())
    for start in range(0, len(ids), 1_000):
        part = ids[start : start + 1_000]
        draft = yield from _load(replica, part)
        for group_id in part:
            draft.put_parents(group_id, parents[group_id])
        yield from _save(replica, draft)


def _bury(replica: AnyReplica, gone: Ids) -> Flow[None]:
    """Record of some users and groups that they are gone."""
    if not gone.users and not gone.groups:
        return
    known: Records = yield from call(lambda: replica.load(gone.users, gone.groups))
    users = [UserRecord(each.id, each.version, None) for each in known.users]
    groups = [GroupRecord(each.id, None) for each in known.groups]
    yield from _write(replica, Records(users, groups))


def _load(replica: AnyReplica, groups: Collection[str]) -> Flow[Draft]:
    """Load groups with the memberships that they have, and the groups of these."""
    of_groups: Records = yield from call(lambda: replica.load([], groups))
    above = {each.group_id for each in of_groups.memberships}
    of_above: Records = yield from call(lambda: replica.load([], above))
    every = {each.id: each for each in (*of_groups.groups, *of_above.groups)}
    return Draft(replace(of_groups, groups=[*every.values()]))


def _save(replica: AnyReplica, draft: Draft) -> Flow[None]:
    yield from _write(replica, draft.changes())


def _write(replica: AnyReplica, records: Records) -> Flow[None]:
    if records.users or records.groups or records.memberships:
        saved: Any = replica.save
        yield from call(lambda: saved(records))


def _direct_groups(user: Document) -> frozenset[str]:
    """List the groups of which a user is a member, not those that these are in."""
    groups = user.get("groups", ())
    return frozenset(each["value"] for each in groups if each.get("type") != "indirect")
