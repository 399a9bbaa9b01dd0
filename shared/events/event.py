"""Events: what a change row tells the product, in the terms of SCIM events (RFC 9967)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.clock import rfc3339
from shared.store import layout
from shared.store.changes import (
    ADMINISTRATIVE,
    GUARD,
    Change,
    MemberVersion,
    RecordedChange,
)

Aspect = Literal[
    "created", "updated", "activated", "deactivated", "deleted", "member_removed", "member_added"
]

_OF_ALL: tuple[Aspect, ...] = ("created", "updated", "deleted")
_OF_SOME: dict[str, tuple[Aspect, ...]] = {
    "User": ("activated", "deactivated"),
    "Group": ("member_removed", "member_added"),
}
_PROVISIONING = "urn:ietf:params:scim:event:prov:"
_NOTICES = {"created": "create:notice", "deleted": "delete"}
_STATES = {"activated": "activate", "deactivated": "deactivate"}
_MEMBERS = "members"
GUARD_HELD = "guard.held"
"""The type of the event that tells that the removal of many is held back."""

_GUARD_URI = "urn:scim-on-functions:event:guard:held"
"""RFC 9967 has no event for it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one resource; a transaction makes up to three.

    Attributes:
        id: the same whenever the event is told, and of no other event of the tenant.
        type: `user.created`; the name of the resource type with a small first letter, then what
            happened.
        uri: of the event (RFC 9967 section 2); without values, so always a notice.
        recorded: the change.
        attributes: names of the attributes that changed, without `members`.
        added: members that joined, each user with its new version.
        removed: members that left, in the same form.
    """

    id: str
    type: str
    uri: str
    recorded: RecordedChange
    attributes: tuple[str, ...] = ()
    added: tuple[MemberVersion, ...] = ()
    removed: tuple[MemberVersion, ...] = ()

    @property
    def resource(self) -> tuple[str, str]:
        """The name of the type of what it is about, and its id."""
        return self.recorded.change.resource, self.recorded.change.id

    @property
    def is_of_guard(self) -> bool:
        """Whether it is about what the guard holds, and so about no resource."""
        return self.type == GUARD_HELD

    def document(
        self, paths: Mapping[str, str], current: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Write the event as the feed and the webhooks show it.

        Args:
            paths: of the endpoints, by the name of the resource type, as `/Users`.
            current: the SCIM document of what it is about, as that is now; None leaves it out.
        """
        change = self.recorded.change
        if self.is_of_guard:
            return self._of_guard(change)
        resource: dict[str, Any] = {"type": change.resource, "id": change.id}
        if change.external_id is not None:
            resource["externalId"] = change.external_id
        resource["uri"] = f"{paths[change.resource]}/{change.id}"
        if change.version is not None:
            resource["version"] = change.version
        if current is not None:
            resource["document"] = current
        document: dict[str, Any] = {
            "id": self.id,
            "type": self.type,
            "event": self.uri,
            "txn": self.recorded.request_id,
            "time": rfc3339(self.recorded.time / 1000),
            "resource": resource,
        }
        if change.active is not None and not (self.added or self.removed):
            document["active"] = change.active
        document["attributes"] = list(self.attributes)
        document["members"] = {"added": _members(self.added), "removed": _members(self.removed)}
        return document | {"actor": self.recorded.actor}

    def _of_guard(self, change: Change) -> dict[str, Any]:
        """Write what is of no resource: how many are held, in the place of what changed."""
        return {
            "id": self.id,
            "type": self.type,
            "event": self.uri,
            "txn": self.recorded.request_id,
            "time": rfc3339(self.recorded.time / 1000),
            "attributes": [],
            "members": {"added": [], "removed": []},
            "guard": {"id": change.id, **(change.numbers or {})},
            "actor": self.recorded.actor,
        }


def events_of(recorded: RecordedChange) -> list[Event]:
    """Tell what a change row means to the product, in this order: the resource, its members.

    Nothing comes of rows by which the store keeps its own house: of a sweep, whose deletion was
    told before; of a transaction that was given up; of the mark of a replace. What the guard holds
    back is told by another row, with the same id. Settings of the
    tenant are no resource that the product keeps, and what is done at the portal is for the audit
    alone.
    """
    return list(_events(recorded))


def types_of(resource: str) -> list[str]:
    """List the types of the events that there are about resources of a type."""
    return [_type_of(resource, aspect) for aspect in (*_OF_ALL, *_OF_SOME.get(resource, ()))]


def _type_of(resource: str, aspect: Aspect) -> str:
    """Name the type of an event about a resource of a type: `user.created`."""
    return f"{resource[0].lower()}{resource[1:]}.{aspect}"


def _events(recorded: RecordedChange) -> Iterator[Event]:
    change = recorded.change
    is_of_the_house = change.verb in {"sweep", "settings", "void"}
    if is_of_the_house or change.resource in ADMINISTRATIVE:
        return
    if change.resource == GUARD:
        if change.verb == "hold":
            yield Event(layout.id_in(recorded.key), GUARD_HELD, _GUARD_URI, recorded)
        return
    # Of a group only who has left it is held; of a user everything is.
    is_held = bool(recorded.held)
    if is_held and change.resource == "User":
        return
    attributes = tuple(name for name in change.names if name != _MEMBERS)
    aspect = _aspect(change, attributes)
    if aspect is not None:
        yield _event(recorded, aspect, attributes=attributes)
    if change.removed and not is_held:
        yield _event(recorded, "member_removed", removed=change.removed)
    if change.added:
        yield _event(recorded, "member_added", added=change.added)


def _aspect(change: Change, attributes: tuple[str, ...]) -> Aspect | None:
    """Tell what happened to the resource itself; None if only to its members."""
    if change.verb == "create":
        return "created"
    if change.verb == "delete":
        return "deleted"
    if not attributes:
        return None
    if change.active is None:
        return "updated"
    return "activated" if change.active else "deactivated"


def _event(recorded: RecordedChange, aspect: Aspect, **of: Any) -> Event:
    resource = recorded.change.resource
    is_of_members = aspect.startswith("member_")
    number = recorded.number
    return Event(
        # One transaction makes one event of each aspect at most.
        id=f"{number}-{aspect.replace('_', '-')}" if is_of_members else number,
        type=_type_of(resource, aspect),
        uri=_PROVISIONING + _notice(recorded, aspect),
        recorded=recorded,
        **of,
    )


def _notice(recorded: RecordedChange, aspect: Aspect) -> str:
    """Name the event as RFC 9967 does, which tells a PUT from a PATCH."""
    by_method = "put:notice" if recorded.method == "PUT" else "patch:notice"
    return (_NOTICES | _STATES).get(aspect, by_method)


def _members(members: tuple[MemberVersion, ...]) -> list[dict[str, Any]]:
    return [_member(*each) for each in members]


def _member(member_id: str, version: int | None) -> dict[str, Any]:
    """Write a member; a group has no version, which is how it is told from a user."""
    if version is None:
        return {"id": member_id, "type": "Group"}
    return {"id": member_id, "type": "User", "version": version}
