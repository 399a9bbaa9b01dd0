"""Histories of a directory, recorded from the service, with the directory at any moment."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from scim_on_functions import AsyncTenant, Event
from tests.support.fixtures.scim_client import Resource, Scim

Snapshot = dict[str, dict[str, Resource]]
"""Resources by type and id, members of groups included."""


@dataclass(frozen=True, slots=True)
class History:
    """What a directory was after each of its changes, and what the feed has told of it.

    Attributes:
        snapshots: Before the first change, and after each.
        events: Each with the number of the change that it tells of; the first is 1.
    """

    snapshots: list[Snapshot]
    events: list[tuple[int, Event]]

    @property
    def end(self) -> int:
        return len(self.snapshots) - 1


async def record(scim: Scim, tenant: AsyncTenant, seed: int, changes: int) -> History:
    """Changes a directory at random, one request after the other."""
    chance = random.Random(seed)
    snapshots = [await _snapshot(scim)]
    requests: dict[str, int] = {}
    while len(snapshots) <= changes:
        method, path, body = _change(chance, snapshots[-1], len(snapshots))
        answer = await scim.request(method, path, body)
        assert answer.is_success, answer.text
        requests[answer.headers["request-id"]] = len(snapshots)
        snapshots.append(await _snapshot(scim))
    page = await tenant.events(limit=1_000)
    assert not page.more
    return History(snapshots, [(requests[event.transaction], event) for event in page.events])


async def _snapshot(scim: Scim) -> Snapshot:
    shown: Snapshot = {"User": {}, "Group": {}}
    for each in await scim.everything():
        shown[each["meta"]["resourceType"]][each["id"]] = each
    return shown


def _change(chance: random.Random, now: Snapshot, number: int) -> tuple[str, str, Any]:
    """Draws a request: who comes and goes, who is renamed, disabled, joins and leaves."""
    users, groups = [*now["User"]], [*now["Group"]]
    if len(users) < 2 or chance.random() < 0.1:
        return "POST", "/Users", {"userName": f"u{number}", "active": chance.random() < 0.8}
    if len(groups) < 2 or chance.random() < 0.1:
        members = [{"value": each} for each in _some(chance, users + groups)]
        return "POST", "/Groups", {"displayName": f"g{number}", "members": members}
    user, group = chance.choice(users), chance.choice(groups)
    is_active = now["User"][user].get("active")
    others = [each for each in users + groups if each != group]
    members = [{"value": each} for each in _some(chance, others)]
    changes = {
        "delete a user": ("DELETE", f"/Users/{user}", None),
        "delete a group": ("DELETE", f"/Groups/{group}", None),
        "disable or restore": ("PATCH", f"/Users/{user}", _patch("active", not is_active)),
        "give a title": ("PATCH", f"/Users/{user}", _patch("title", f"t{number}")),
        "rename": ("PATCH", f"/Groups/{group}", _patch("displayName", f"g{number}")),
        "add": ("PATCH", f"/Groups/{group}", _patch("members", members, "add")),
        "remove": ("PATCH", f"/Groups/{group}", _patch("members", members, "remove")),
        "replace": ("PATCH", f"/Groups/{group}", _patch("members", members)),
    }
    return changes[chance.choices([*changes], [4, 4, 12, 6, 4, 12, 6, 6])[0]]


def _some(chance: random.Random, ids: list[str]) -> list[str]:
    return chance.sample(ids, chance.randint(1, min(len(ids), 4)))


def _patch(path: str, value: Any, operation: str = "replace") -> Resource:
    return {"Operations": [{"op": operation, "path": path, "value": value}]}


@dataclass(slots=True)
class RecordedDirectory:
    """Answers what the service would have answered after a number of changes.

    Attributes:
        history: What is shown.
        now: After how many changes.
        passes: How many changes pass before a read; after the last one, none.
    """

    history: History
    now: int = 0
    passes: Iterator[int] = field(default_factory=lambda: iter(()))

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.now = min(self.now + next(self.passes, 0), self.history.end)
        path, query = request.url.path, request.url.params
        if path.endswith("/events"):
            assert query["after"] == "now"
            return httpx.Response(200, json={"events": [], "cursor": "c", "more": True})
        name, _, resource_id = path.partition("/scim/v2/")[2].partition("/")
        shown = self.history.snapshots[self.now][name.removesuffix("s")]
        if resource_id:
            found = shown.get(resource_id)
            return (
                httpx.Response(404, json={}) if found is None else httpx.Response(200, json=found)
            )
        return self._list(shown, _condition(query.get("filter")), query["cursor"])

    def _list(
        self, shown: dict[str, Resource], holds: Callable[[Resource], bool], cursor: str
    ) -> httpx.Response:
        """Shows two resources on a page, in the order of their ids."""
        found = [shown[each] for each in sorted(shown) if each > cursor and holds(shown[each])]
        body: Resource = {"Resources": found[:2]}
        if len(found) > 2:
            body["nextCursor"] = found[1]["id"]
        return httpx.Response(200, json=body)


def _condition(text: str | None) -> Callable[[Resource], bool]:
    """Understands the filters that the library sends."""
    if text is None:
        return lambda _: True
    path, _, wanted = text.partition(" eq ")
    name = path.removeprefix("members.")
    return lambda each: any(member[name] == wanted.strip('"') for member in each.get("members", ()))
