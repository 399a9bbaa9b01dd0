"""Events: what each kind of change row tells the product."""

from __future__ import annotations

from typing import Any

import pytest

from shared.events.event import events_of
from shared.store.changes import Change, RecordedChange

GID, UID = "a" * 32, "b" * 32
PATHS = {"User": "/Users", "Group": "/Groups", "Device": "/Devices"}


def recorded(change: Change, method: str = "PATCH") -> RecordedChange:
    return RecordedChange(f"l-{1:012x}{7:020x}", 1, "label", "request", change, method)


def told(change: Change, method: str = "PATCH") -> list[str]:
    return [event.type for event in events_of(recorded(change, method))]


NUMBER = f"{1:012x}{7:020x}"


@pytest.mark.parametrize(
    ("change", "types"),
    [
        (Change("User", UID, "create", ("userName", "active"), 1, active=True), ["user.created"]),
        (Change("User", UID, "create", ("userName",), 1, active=False), ["user.created"]),
        (Change("User", UID, "update", ("title",), 2), ["user.updated"]),
        (Change("User", UID, "update", ("active",), 2, active=False), ["user.deactivated"]),
        (Change("User", UID, "update", ("title", "active"), 2, active=True), ["user.activated"]),
        (Change("User", UID, "update", ("active",), 2), ["user.updated"]),
        (Change("User", UID, "delete", version=3, left=(GID,)), ["user.deleted"]),
        (Change("User", UID, "sweep", left=(GID,)), []),
        (Change("User", UID, "void"), []),
        (Change("SetupLink", UID, "create"), []),
        (Change("SetupLink", UID, "update", ("opened",)), []),
        (Change("SecretToken", UID, "create", ("drawn",)), []),
        (Change("SecretToken", UID, "delete", ("revoked",)), []),
        (Change("Group", GID, "create", ("displayName",)), ["group.created"]),
        (
            Change("Group", GID, "create", ("displayName", "members"), added=((UID, 2),)),
            ["group.created", "group.member_added"],
        ),
        (Change("Group", GID, "update", ("displayName",)), ["group.updated"]),
        (
            Change(
                "Group",
                GID,
                "update",
                ("displayName", "members"),
                added=((UID, 2),),
                removed=((GID, 3),),
            ),
            ["group.updated", "group.member_removed", "group.member_added"],
        ),
        (Change("Group", GID, "members", ("members",), added=((UID, 2),)), ["group.member_added"]),
        (Change("Group", GID, "members"), []),
        (Change("Group", GID, "delete"), ["group.deleted"]),
        (Change("Group", GID, "sweep", removed=((UID, 2),)), []),
        (Change("Device", GID, "create", ("label",), 1), ["device.created"]),
    ],
)
def test_a_change_is_told_as(change: Change, types: list[str]) -> None:
    assert told(change) == types


@pytest.mark.parametrize(
    ("change", "method", "uri"),
    [
        (Change("User", UID, "create", ("userName",), 1), "POST", "create:notice"),
        (Change("User", UID, "update", ("title",), 2), "PATCH", "patch:notice"),
        (Change("User", UID, "update", ("title",), 2), "PUT", "put:notice"),
        (Change("User", UID, "update", ("active",), 2, active=False), "PUT", "deactivate"),
        (Change("User", UID, "update", ("active",), 2, active=True), "PATCH", "activate"),
        (Change("User", UID, "delete", version=2), "DELETE", "delete"),
        (Change("Group", GID, "members", ("members",), added=((UID, 2),)), "PUT", "put:notice"),
    ],
)
def test_it_has_the_name_that_rfc_9967_gives_it(change: Change, method: str, uri: str) -> None:
    [event] = events_of(recorded(change, method))
    assert event.uri == f"urn:ietf:params:scim:event:prov:{uri}"


def test_the_events_of_a_transaction_have_ids_of_their_own_which_never_change() -> None:
    names = ("displayName", "members")
    change = Change("Group", GID, "update", names, added=((UID, 2),), removed=((GID, 3),))
    ids = [event.id for event in events_of(recorded(change))]
    assert ids == [NUMBER, f"{NUMBER}-member-removed", f"{NUMBER}-member-added"]
    assert ids == [event.id for event in events_of(recorded(change))]


def document(change: Change) -> dict[str, Any]:
    [event] = events_of(recorded(change))
    return event.document(PATHS)


def test_a_deactivation_is_written_as() -> None:
    assert document(Change("User", UID, "update", ("active", "title"), 4, active=False)) == {
        "id": NUMBER,
        "type": "user.deactivated",
        "event": "urn:ietf:params:scim:event:prov:deactivate",
        "txn": "request",
        "time": "1970-01-01T00:00:00.001Z",
        "resource": {"type": "User", "id": UID, "uri": f"/Users/{UID}", "version": 4},
        "active": False,
        "attributes": ["active", "title"],
        "members": {"added": [], "removed": []},
        "actor": "label",
    }


def test_a_deletion_has_the_external_id_that_can_be_read_nowhere_else() -> None:
    shown = document(Change("User", UID, "delete", version=5, external_id="7"))["resource"]
    uri = f"/Users/{UID}"
    assert shown == {"type": "User", "id": UID, "externalId": "7", "uri": uri, "version": 5}


def test_members_are_written_with_their_versions_and_attributes_without_them() -> None:
    shown = document(Change("Group", GID, "members", ("members",), removed=((UID, 9),)))
    assert shown["attributes"] == []
    assert shown["members"] == {
        "added": [],
        "removed": [{"id": UID, "type": "User", "version": 9}],
    }
    assert "version" not in shown["resource"]
