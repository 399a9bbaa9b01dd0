"""Reads everything back from the service and compares it with the source.

Users come by paging, a sample of them again by id and by filter; groups by paging without
members, then one by one with members. Memberships are compared from both ends.
"""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote

from tools.provision import wire
from tools.provision.client import ScimClient
from tools.provision.directory import Directory, Group, User
from tools.provision.mapping import (
    ENTERPRISE_SCHEMA,
    SELECTED_ATTRIBUTES,
    TARGETS,
    matching,
    values_at,
)
from tools.provision.results import Operation, ServiceError
from tools.provision.state import State, SyncedUser
from tools.provision.watch import Watch, for_each
from tools.provision.wire import Json

PAGE: Final = 100
_ABSENT: Final = "absent"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as the source says.

    Attributes:
        subject: `user <userName>` or `group <displayName>`, or an id when the source has none.
        what: an attribute path, `members`, `groups`, or the way it was read.
        expected: text; `absent` when it should not be there.
        found: text, likewise.
    """

    subject: str
    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class ExpectedUser:
    """A user as the service must show it; manager and groups are target ids.

    The service shows `indirect` groups, which the direct ones are in, with the user by itself.
    """

    target_id: str
    values: Mapping[str, str]
    active: bool
    manager: str | None
    groups: frozenset[str]
    indirect: frozenset[str] = frozenset()

    @property
    def subject(self) -> str:
        """How a difference names this user."""
        return f"user {self.values['userName']}"


@dataclass(frozen=True, slots=True)
class ExpectedGroup:
    """A group as the service must show it; members are target ids."""

    target_id: str
    external_id: str
    display_name: str
    members: frozenset[str]

    @property
    def subject(self) -> str:
        """How a difference names this group."""
        return f"group {self.display_name}"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the service must hold, by target id, and who never got there."""

    users: Mapping[str, ExpectedUser]
    groups: Mapping[str, ExpectedGroup]
    missing: tuple[Difference, ...]


def expect(directory: Directory, state: State) -> Expectation:
    """Translate a directory to target ids.

    From the state come the ids and those values that the source lost: they stay, because no
    null is ever sent. A user that was disabled before it was sent is not expected at all.
    """
    targets = {source_id: user.target_id for source_id, user in state.users.items()}
    group_targets = {source_id: group.target_id for source_id, group in state.groups.items()}
    groups = {
        known.target_id: _expected_group(group, known.target_id, targets, group_targets)
        for group in directory.groups
        if (known := state.groups.get(group.id)) is not None
    }
    joined: dict[str, set[str]] = {}
    for group in groups.values():
        for member in group.members:
            joined.setdefault(member, set()).add(group.target_id)
    users = {
        sent.target_id: _expected_user(user, sent, targets, joined)
        for user in directory.users
        if (sent := state.users.get(user.id)) is not None
    }
    return Expectation(users, groups, tuple(_missing(directory, state)))


def _expected_group(
    group: Group, target_id: str, targets: Mapping[str, str], group_targets: Mapping[str, str]
) -> ExpectedGroup:
    users = (targets[member] for member in group.members if member in targets)
    groups = (group_targets[child] for child in group.groups if child in group_targets)
    members = frozenset((*users, *groups))
    return ExpectedGroup(target_id, group.id, group.display_name, members)


def _expected_user(
    user: User, known: SyncedUser, targets: Mapping[str, str], joined: Mapping[str, set[str]]
) -> ExpectedUser:
    direct = frozenset(joined.get(known.target_id, ()))
    return ExpectedUser(
        target_id=known.target_id,
        values={**known.values, **user.values},
        active=user.active,
        manager=targets.get(user.manager or ""),
        groups=direct,
        indirect=_above(direct, joined) - direct,
    )


def _above(groups: frozenset[str], joined: Mapping[str, set[str]]) -> frozenset[str]:
    """Find the groups that some groups are in, directly or not."""
    found: set[str] = set()
    level = set(groups)
    while level:
        level = {parent for gid in level for parent in joined.get(gid, ())} - found
        found |= level
    return frozenset(found)


def _missing(directory: Directory, state: State) -> Iterator[Difference]:
    for user in directory.users:
        if user.active and user.id not in state.users:
            yield Difference(f"user {user.user_name}", "user", "present", "never created")
    for group in directory.groups:
        if group.id not in state.groups:
            yield Difference(f"group {group.display_name}", "group", "present", "never created")


_Item = TypeVar("_Item", ExpectedUser, ExpectedGroup)


@dataclass(frozen=True, slots=True)
class Verification:
    """How to read back.

    Attributes:
        samples: how many users are read again by id and by filter.
        user_groups: whether the service shows the groups of a user; RFC 7643 section 4.1.2
            leaves that open.
    """

    samples: int = 20
    user_groups: bool = True


class ReadBack:
    """Compares a service with an expectation.

    Args:
        client: reaches the service.
        expectation: what it must hold, and nothing else.
        watch: sees the progress.
        verification: how to read back.
    """

    def __init__(
        self,
        client: ScimClient,
        expectation: Expectation,
        watch: Watch,
        verification: Verification,
    ) -> None:
        self._client = client
        self._expectation = expectation
        self._watch = watch
        self._verification = verification
        self._differences: list[Difference] = []

    async def compare(self) -> list[Difference]:
        """Read everything and return what differs, each once and in a stable order."""
        self._differences = list(self._expectation.missing)
        await self._compare_users()
        await self._compare_samples()
        await self._compare_group_list()
        await self._compare_groups()
        # A sample shows again what its page has shown.
        return sorted(set(self._differences), key=astuple)

    async def _compare_users(self) -> None:
        users = self._expectation.users
        shown = await self._list("users read back", "/Users?")
        self._compare_presence("user", users, shown, "userName")
        for target_id in users.keys() & shown.keys():
            self._differences += self._compare_user(users[target_id], shown[target_id])

    def _compare_user(self, expected: ExpectedUser, shown: Json) -> Iterator[Difference]:
        yield from compare_user(expected, shown)
        if self._verification.user_groups:
            groups = _groups_of(shown, are_indirect=False)
            yield from _compare_references(expected.subject, "groups", expected.groups, groups)

    async def _compare_samples(self) -> None:
        users = list(self._expectation.users.values())
        step = max(1, len(users) // max(1, self._verification.samples))
        chosen = users[::step][: self._verification.samples]
        await self._each("samples read back", chosen, self._compare_sample)

    async def _compare_sample(self, expected: ExpectedUser) -> None:
        path = f"/Users/{quote(expected.target_id, safe='')}"
        shown = await self._client.call(Operation.READ_BACK, "GET", path)
        self._differences += self._compare_user(expected, shown)
        if self._verification.user_groups:
            groups = _groups_of(shown, are_indirect=True)
            self._differences += _compare_references(
                expected.subject, "indirect groups", expected.indirect, groups
            )
        by_name = wire.equals("userName", expected.values["userName"])
        answer = await self._client.call(
            Operation.READ_BACK, "GET", f"/Users?{wire.query(filter=by_name)}"
        )
        found = [each.get("id") for each in _resources(answer)]
        if found != [expected.target_id]:
            self._differences.append(
                Difference(expected.subject, by_name, f"['{expected.target_id}']", str(found))
            )

    async def _compare_group_list(self) -> None:
        shown = await self._list("groups listed", "/Groups?excludedAttributes=members&")
        self._compare_presence("group", self._expectation.groups, shown, "displayName")
        for target_id, group in shown.items():
            if group.get("members"):
                subject = f"group {group.get('displayName', target_id)}"
                self._differences.append(
                    Difference(subject, "excludedAttributes=members", _ABSENT, "members")
                )

    async def _compare_groups(self) -> None:
        groups = list(self._expectation.groups.values())
        await self._each("groups read back", groups, self._compare_group)

    async def _compare_group(self, expected: ExpectedGroup) -> None:
        path = f"/Groups/{quote(expected.target_id, safe='')}"
        shown = await self._client.call(Operation.READ_BACK, "GET", path)
        self._differences += compare_group(expected, shown)

    def _compare_presence(
        self,
        kind: str,
        expected: Mapping[str, ExpectedUser] | Mapping[str, ExpectedGroup],
        shown: Mapping[str, Json],
        name: str,
    ) -> None:
        for target_id in expected.keys() - shown.keys():
            subject = expected[target_id].subject
            self._differences.append(Difference(subject, f"list of {kind}s", "present", _ABSENT))
        for target_id in shown.keys() - expected.keys():
            subject = f"{kind} {shown[target_id].get(name, target_id)}"
            self._differences.append(Difference(subject, f"list of {kind}s", _ABSENT, "present"))

    async def _list(self, stage: str, endpoint: str) -> dict[str, Json]:
        """Page through an endpoint (RFC 7644 section 3.4.2.4) and return its resources by id."""
        shown: dict[str, Json] = {}
        read, total = 0, 1
        with self._watch.stage(stage, None) as advance:
            while read < total:
                path = f"{endpoint}startIndex={read + 1}&count={PAGE}"
                answer = await self._client.call(Operation.READ_BACK, "GET", path)
                resources, total = _resources(answer), int(answer.get("totalResults", 0))
                for resource in resources:
                    shown[str(resource.get("id"))] = resource
                    advance()
                if not resources:
                    break
                read += len(resources)
        if not len(shown) == read == total:
            found = f"{read} resources with {len(shown)} ids"
            self._differences.append(Difference(endpoint, "paging", f"totalResults {total}", found))
        return shown

    async def _each(
        self,
        stage: str,
        items: Sequence[_Item],
        work: Callable[[_Item], Awaitable[None]],
    ) -> None:
        def refused(item: _Item, error: ServiceError) -> None:
            self._differences.append(Difference(item.subject, "read", "present", error.detail))

        with self._watch.stage(stage, len(items)) as advance:
            await for_each(items, work, refused, advance, self._client.limits.connections)


def compare_user(expected: ExpectedUser, shown: Json) -> Iterator[Difference]:
    """Compare a user as shown with the expected one: every attribute, active and manager."""
    for path, target in TARGETS.items():
        wanted = [expected.values[path]] if path in expected.values else []
        found = values_at(shown, target)
        if found != wanted:
            yield Difference(expected.subject, path, _listed(wanted), _listed(found))
    for attribute in SELECTED_ATTRIBUTES:
        yield from _compare_elements(expected.subject, attribute, shown.get(attribute) or [])
    if shown.get("active") is not expected.active:
        found_active = json.dumps(shown.get("active"))
        yield Difference(expected.subject, "active", json.dumps(expected.active), found_active)
    manager = _manager(shown)
    if manager != expected.manager:
        yield Difference(
            expected.subject, "manager", expected.manager or _ABSENT, manager or _ABSENT
        )


def compare_group(expected: ExpectedGroup, shown: Json) -> Iterator[Difference]:
    """Compare a group as shown with the expected one: its names and its members."""
    for attribute, wanted in (
        ("displayName", expected.display_name),
        ("externalId", expected.external_id),
    ):
        found = shown.get(attribute)
        if found != wanted:
            yield Difference(expected.subject, attribute, wanted, str(found or _ABSENT))
    members = shown.get("members", [])
    yield from _compare_references(expected.subject, "members", expected.members, members)


def _groups_of(shown: Json, *, are_indirect: bool) -> list[Any]:
    """Return the direct groups that a user shows, or the indirect ones."""
    return [
        each
        for each in shown.get("groups", [])
        if (isinstance(each, dict) and each.get("type") == "indirect") is are_indirect
    ]


def _compare_elements(subject: str, attribute: str, elements: Any) -> Iterator[Difference]:
    """Find elements of a multi-valued attribute that no path of the mapping has made."""
    known = [
        element
        for target in TARGETS.values()
        if target.attribute == attribute
        for element in matching(elements, target)
    ]
    strangers = [element for element in elements if element not in known]
    if strangers:
        found = json.dumps(strangers, ensure_ascii=False)
        yield Difference(subject, attribute, "no other elements", found)


def _compare_references(
    subject: str, attribute: str, expected: frozenset[str], shown: Any
) -> Iterator[Difference]:
    """Compare a list of {"value": id}, and find an id that is listed twice."""
    found = [str(each.get("value")) for each in shown if isinstance(each, dict)]
    for missing in sorted(expected.difference(found)):
        yield Difference(subject, attribute, missing, _ABSENT)
    for extra in sorted(set(found) - expected):
        yield Difference(subject, attribute, _ABSENT, extra)
    if len(found) != len(set(found)):
        twice = sorted(each for each, times in Counter(found).items() if times > 1)
        yield Difference(subject, attribute, "each once", f"several times: {', '.join(twice)}")


def _manager(shown: Json) -> str | None:
    extension = shown.get(ENTERPRISE_SCHEMA) or {}
    manager = extension.get("manager")
    value = manager.get("value") if isinstance(manager, dict) else manager
    return str(value) if value else None


def _resources(answer: Json) -> list[Json]:
    return [each for each in answer.get("Resources", []) if isinstance(each, dict)]


def _listed(values: list[Any]) -> str:
    return ", ".join(map(str, values)) or _ABSENT
