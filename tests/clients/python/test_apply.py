"""Applying events: what histories of requests, one after the other, do not show."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from scim_on_functions import (
    Client,
    Event,
    Feed,
    Member,
    MemoryCheckpoint,
    MemoryReplica,
    Tenant,
    apply,
    resynchronise,
    roles_of,
)
from tests.clients.python.conftest import API_KEY

ANA, SALES, STAFF = "a" * 32, "b" * 32, "c" * 32
ROLES = "urn:ietf:params:scim:schemas:extension:scim-on-functions:2.0:User"
Resources = dict[str, Any]


def user(version: int, *groups: str, active: bool = True) -> Resources:
    listed = [{"value": each, "type": "direct"} for each in groups]
    meta = {"version": f'W/"{version}"'}
    return {"id": ANA, "userName": "ana", "active": active, "meta": meta, "groups": listed}


def group(group_id: str, **members: str) -> Resources:
    listed = [{"value": value, "type": kind} for kind, value in members.items()]
    return {"id": group_id, "displayName": group_id[:1], "members": listed}


def event(kind: str, resource_id: str, version: int | None = None, **values: Any) -> Event:
    name = kind.partition(".")[0].capitalize()
    mark = f"{kind}{resource_id}{version}{values}"
    return Event(mark, kind, datetime.now(UTC), name, resource_id, version, **values)


class Directory:
    """A directory that shows what it is given, a list on one page."""

    def __init__(self, *resources: Resources) -> None:
        self.show(*resources)
        self.reads: list[str] = []
        http = httpx.Client(transport=httpx.MockTransport(self._answer))
        self.tenant: Tenant = Client("https://id.example.com", API_KEY, http=http).tenant()

    def show(self, *resources: Resources) -> None:
        self._shown = {each["id"]: each for each in resources}

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.reads.append(request.url.path)
        if request.url.path.endswith("/events"):
            return httpx.Response(200, json={"events": [], "cursor": "c", "more": True})
        kind, _, resource_id = request.url.path.partition("/scim/v2/")[2].partition("/")
        if resource_id:
            found = self._shown.get(resource_id)
            return httpx.Response(404 if found is None else 200, json=found or {})
        wanted = request.url.params.get("filter", "").partition(" eq ")[2].strip('"')
        listed = [
            each
            for each in self._shown.values()
            if ("userName" in each) == (kind == "Users")
            and (not wanted or any(wanted in member.values() for member in each["members"]))
        ]
        return httpx.Response(200, json={"Resources": listed})


def added(group_id: str, version: int | None, member: str = ANA) -> Event:
    kind = "User" if version else "Group"
    return event("group.member_added", group_id, added=(Member(member, kind, version),))


def removed(group_id: str, version: int) -> Event:
    return event("group.member_removed", group_id, removed=(Member(ANA, "User", version),))


def test_a_group_that_was_hidden_in_its_making_keeps_who_joined_meanwhile() -> None:
    """While it is made, Ana's own row already counts her membership, and nobody shows it."""
    directory, replica = Directory(user(2)), MemoryReplica()
    resynchronise(directory.tenant, replica)
    directory.show(user(2, SALES), group(SALES, User=ANA))
    apply(directory.tenant, replica, [added(SALES, 2)])
    apply(directory.tenant, replica, [event("group.created", SALES)])
    assert replica.memberships == {(SALES, ANA)}


def test_so_does_a_group_in_a_group() -> None:
    directory, replica = Directory(group(SALES)), MemoryReplica()
    resynchronise(directory.tenant, replica)
    apply(directory.tenant, replica, [added(STAFF, None, SALES)])
    assert replica.memberships == set()
    directory.show(group(SALES), group(STAFF, Group=SALES))
    apply(directory.tenant, replica, [event("group.created", STAFF)])
    assert replica.memberships == {(STAFF, SALES)}


def test_what_a_copy_has_seen_is_not_undone_by_what_comes_late() -> None:
    """Clocks of instances differ: the feed may begin between a joining and the leaving after it."""
    directory, replica = Directory(user(3), group(SALES)), MemoryReplica()
    resynchronise(directory.tenant, replica)
    apply(directory.tenant, replica, [added(SALES, 2)])
    assert replica.memberships == set()


def test_a_user_who_is_gone_does_not_come_back_by_a_late_event() -> None:
    directory, replica = Directory(group(SALES)), MemoryReplica()
    resynchronise(directory.tenant, replica)
    apply(directory.tenant, replica, [event("user.deleted", ANA, 4)])
    before = len(directory.reads)
    late = [event("user.created", ANA, 1), event("user.deactivated", ANA, 3), added(SALES, 2)]
    apply(directory.tenant, replica, late)
    assert (replica.users, replica.memberships) == ({}, set())
    assert len(directory.reads) == before  # nothing was asked either


def test_one_who_was_restored_comes_back_with_all_memberships() -> None:
    directory, replica = Directory(user(3, SALES), group(SALES)), MemoryReplica()
    resynchronise(directory.tenant, replica)
    directory.show(group(SALES))
    apply(directory.tenant, replica, [event("user.deleted", ANA, 4)])
    directory.show(user(5, SALES), group(SALES))
    apply(directory.tenant, replica, [event("user.restored", ANA, 5)])
    assert replica.users[ANA]["userName"] == "ana"
    assert replica.memberships == {(SALES, ANA)}


def test_a_document_that_an_event_brings_is_not_read_again() -> None:
    directory, replica = Directory(), MemoryReplica()
    brought = event("user.created", ANA, 1, document=user(1))
    apply(directory.tenant, replica, [brought])
    assert replica.users[ANA]["userName"] == "ana"
    assert directory.reads == []


def test_of_many_events_about_a_user_one_read_comes() -> None:
    directory, replica = Directory(user(3)), MemoryReplica()
    kinds = ("user.created", "user.deactivated", "user.activated")
    apply(directory.tenant, replica, [event(each, ANA, n) for n, each in enumerate(kinds, 1)])
    assert len(directory.reads) == 1


def test_other_roles_are_read_although_the_version_is_the_one_that_is_known() -> None:
    directory, replica = Directory(user(3)), MemoryReplica()
    resynchronise(directory.tenant, replica)
    directory.show(user(3) | {ROLES: {"roles": ["admin", "editor"]}})
    before = user(3) | {ROLES: {"roles": ["viewer"]}}
    told = event("user.updated", ANA, 3, attributes=("roles",), document=before)
    apply(directory.tenant, replica, [told])
    (record,) = replica.load([ANA], []).users
    assert record.roles == ("admin", "editor")
    directory.reads.clear()
    apply(directory.tenant, replica, [event("user.updated", ANA, 2, attributes=("roles",))])
    assert directory.reads == []  # who was read since has the roles of the map


def test_who_may_not_come_in_has_no_roles() -> None:
    directory, replica = (
        Directory(user(1, active=False) | {ROLES: {"roles": ["a"]}}),
        MemoryReplica(),
    )
    resynchronise(directory.tenant, replica)
    assert roles_of(replica.users[ANA]) == ()


def test_who_joins_a_group_is_read_and_many_are_walked() -> None:
    people = [user(2, SALES) | {"id": f"{number:032}"} for number in range(201)]
    directory, replica = Directory(*people, group(SALES)), MemoryReplica()
    apply(directory.tenant, replica, [added(SALES, 2, people[0]["id"])] * 2)
    assert directory.reads == [f"/scim/v2/Users/{people[0]['id']}"]
    apply(directory.tenant, replica, [added(SALES, 2, each["id"]) for each in people[1:]])
    assert len(directory.reads) == 201
    apply(directory.tenant, MemoryReplica(), [added(SALES, 2, each["id"]) for each in people])
    assert directory.reads[201:] == ["/scim/v2/Users"]


def test_an_expanded_feed_asks_for_as_many_events_as_the_service_gives() -> None:
    asked: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        return httpx.Response(200, json={"events": [], "cursor": "c", "more": False})

    http = httpx.Client(transport=httpx.MockTransport(answer))
    tenant = Client("https://id.example.com", API_KEY, http=http).tenant()
    for expand in (False, True):
        Feed(tenant, MemoryCheckpoint(), expand=expand).poll()
    assert [(each.get("expand"), each["limit"]) for each in asked] == [
        (None, "1000"),
        ("resource", "100"),
    ]


def test_resource_types_of_the_deployment_are_passed_over() -> None:
    directory, replica = Directory(), MemoryReplica()
    apply(directory.tenant, replica, [event("device.created", ANA, 1)])
    assert (replica.users, replica.groups, directory.reads) == ({}, {}, [])


def test_leaving_and_joining_count_by_version_and_not_by_their_order() -> None:
    directory, replica = Directory(user(4, SALES), group(SALES, User=ANA)), MemoryReplica()
    apply(directory.tenant, replica, [event("user.created", ANA, 1), event("group.created", SALES)])
    for late in (added(SALES, 4), added(SALES, 2), removed(SALES, 3)):
        apply(directory.tenant, replica, [late])
    assert replica.memberships == {(SALES, ANA)}


def test_a_replica_is_given_events_of_all_types() -> None:
    directory = Directory()
    with pytest.raises(ValueError, match="all types"):
        Feed(directory.tenant, MemoryCheckpoint(), replica=MemoryReplica(), types=["user.deleted"])
