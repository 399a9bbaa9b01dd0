"""What the service answers, as values. Members that this version does not know are passed over."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

Document = Mapping[str, Any]
"""A SCIM resource as the service shows it."""

_ROLES = "urn:ietf:params:scim:schemas:extension:scim-on-functions:2.0:User"


@dataclass(frozen=True, slots=True)
class Access:
    """Whether somebody may sign in.

    Attributes:
        decision: `allow`, `deny` or `unknown`.
        reason: as `active`, `deactivated`, `notFound`.
        id: SCIM id of the user; None where there is none, or there are several.
        version: grows with every change of the user.
        since: since when it is so, where that is known.
        roles: of the user in the product, by the tenant's role map.
    """

    decision: str
    reason: str
    id: str | None = None
    version: int | None = None
    since: datetime | None = None
    roles: tuple[str, ...] = ()

    @property
    def is_allowed(self) -> bool:
        """Whether to let them in: for `allow` alone, also of decisions yet to be invented."""
        return self.decision == "allow"

    @classmethod
    def read(cls, document: Document) -> Self:
        """Read an answer."""
        since = document.get("since")
        return cls(
            document["decision"],
            document["reason"],
            document.get("id"),
            document.get("version"),
            None if since is None else datetime.fromisoformat(since),
            tuple(document.get("roles", ())),
        )


@dataclass(frozen=True, slots=True)
class Member:
    """Who joined a group or left it.

    Attributes:
        id: SCIM id.
        type: `User` or `Group`.
        version: the user's version since then; a group has none.
    """

    id: str
    type: str
    version: int | None = None


@dataclass(frozen=True, slots=True)
class GuardNotice:
    """That the removal of many is held back by the service until somebody decides.

    Attributes:
        id: of what is held.
        users: how many are held who were disabled or deleted, so far.
        active_users: how many users were active before.
        groups: how many are held who were taken out of each group.
        removed: how many were disabled or deleted in all: those who are held, and those of the hour
            before who are not active again, of whom the feed has told.
    """

    id: str
    users: int
    active_users: int
    groups: tuple[tuple[str, int], ...] = ()
    removed: int = 0

    @classmethod
    def read(cls, document: Document) -> Self:
        """Read the notice of an event."""
        groups = tuple((each["id"], each["users"]) for each in document["groups"])
        users, removed = document["users"], document["removed"]
        return cls(document["id"], users, document["activeUsers"], groups, removed)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one resource; `guard.held` is of none.

    Attributes:
        id: the same whenever the event comes.
        type: as `user.deactivated`.
        time: when, by the clock of one of the service's instances; it orders nothing.
        resource_type: `User`, `Group`, or a type of the deployment's own; "" of none.
        resource_id: SCIM id.
        version: orders the events of one resource; a group has none.
        external_id: of what was deleted.
        active: whether the user may come in, where that changed or the user is new.
        attributes: names of those that changed.
        added: members who joined the group.
        removed: members who left it.
        document: the resource as it was when the feed was read, where that was asked for.
        transaction: id of the request that caused it.
        actor: label of the token that was used.
        guard: in `guard.held`, what is held; there is nothing to be changed.
    """

    id: str
    type: str
    time: datetime
    resource_type: str
    resource_id: str
    version: int | None = None
    external_id: str | None = None
    active: bool | None = None
    attributes: tuple[str, ...] = ()
    added: tuple[Member, ...] = ()
    removed: tuple[Member, ...] = ()
    document: Document | None = None
    transaction: str = ""
    actor: str = ""
    guard: GuardNotice | None = None

    @classmethod
    def read(cls, document: Document) -> Self:
        """Read an event, of the feed or of a webhook."""
        guard = document.get("guard")
        # Further types of events may be of no resource either.
        resource = document.get("resource", {})
        members = document.get("members", {})
        return cls(
            id=document["id"],
            type=document["type"],
            time=datetime.fromisoformat(document["time"]),
            resource_type=resource.get("type", ""),
            resource_id=resource.get("id", ""),
            version=resource.get("version"),
            external_id=resource.get("externalId"),
            active=document.get("active"),
            attributes=tuple(document.get("attributes", ())),
            added=_members(members.get("added", ())),
            removed=_members(members.get("removed", ())),
            document=resource.get("document"),
            transaction=document.get("txn", ""),
            actor=document.get("actor", ""),
            guard=None if guard is None else GuardNotice.read(guard),
        )


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, the cursor behind them, and whether there are more to be read at once."""

    events: tuple[Event, ...]
    cursor: str
    more: bool

    @classmethod
    def read(cls, document: Document) -> Self:
        """Read a page of the feed."""
        events = tuple(Event.read(each) for each in document["events"])
        return cls(events, document["cursor"], document["more"])


def _members(documents: Any) -> tuple[Member, ...]:
    return tuple(Member(each["id"], each["type"], each.get("version")) for each in documents)


def version_of(user: Document) -> int:
    """Read the version of a user out of its entity tag, `W/"7"`."""
    tag: str = user["meta"]["version"]
    return int(tag.removeprefix("W/").strip('"'))


def roles_of(user: Document) -> tuple[str, ...]:
    """Read the roles of a user by priority; as `access` says, who may not come in has none."""
    if user.get("active") is not True:
        return ()
    return tuple(user.get(_ROLES, {}).get("roles", ()))
