"""Clients that write to several instances at once, and know what must be there.

A client sends each request to any instance that runs. While it is not answered, or with 5xx, it is
sent again, as identity providers do. After each answer the client looks at what it has changed
through any instance, which must show just that.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from tests.support.fixtures.scim_client import GROUP, PATCH_OP, USER, listed, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.fixtures.scim_client import Scim

_TRIES = 100
_PAUSE = 0.05

Document = dict[str, Any]


@dataclass(slots=True)
class Instances:
    """The instances that run, and what they were asked.

    Attributes:
        running: a client of the tenant on each.
        answers: how often a method was answered with a status.
        repeated: requests that were sent again.
    """

    running: list[Scim]
    answers: Counter[str] = field(default_factory=Counter)
    repeated: int = 0

    async def send(
        self, drawn: random.Random, method: str, path: str, body: Document | None = None
    ) -> tuple[httpx.Response, bool]:
        """Send a request until it is answered; tell whether it was sent more than once."""
        for tries in range(_TRIES):
            response = await _send_once(drawn.choice(self.running), method, path, body)
            if response is not None and response.status_code < 500:
                self.answers[f"{method} {response.status_code}"] += 1
                return response, tries > 0
            self.repeated += 1
            await asyncio.sleep(_PAUSE)
        raise AssertionError(f"{method} {path} was never answered")


async def _send_once(
    scim: Scim, method: str, path: str, body: Document | None
) -> httpx.Response | None:
    """Send a request; None where its answer was lost with the instance."""
    headers = {"Authorization": f"Bearer {scim.token}", **scim.write_headers}
    try:
        url = scim.tenant_url + path
        return await scim.http.request(method, url, json=body, headers=headers)
    except httpx.TransportError:
        return None


@dataclass(slots=True)
class Shared:
    """What all clients change.

    Attributes:
        users: ids of users whom nobody deletes.
        joined: id of the group that clients add their own users to and remove them from.
        replaced: id of the group whose list they replace.
    """

    users: Sequence[str]
    joined: str
    replaced: str


class Client:
    """One identity provider: users and groups of its own, and a share in those of all.

    Attributes:
        titles: of its users, by id.
        members: of its groups, and which of its users are in the group that all join.
        gone: ids of its users and groups that were deleted.
        last_list: of the group that all replace, as it has sent it last.
    """

    def __init__(self, name: str, instances: Instances, shared: Shared) -> None:
        self.titles: dict[str, str | None] = {}
        self.members: dict[str, set[str]] = {shared.joined: set()}
        self.gone: list[str] = []
        self.last_list: set[str] = set()
        self._name = name
        self._instances = instances
        self._shared = shared
        self._random = random.Random(name)
        self._numbers = iter(range(10**6))

    async def work(self, steps: int) -> None:
        """Make some changes, one after the other."""
        for _ in range(steps):
            kinds = [self._create_user, self._create_group]
            if self.titles:
                kinds += [self._change_title, self._join, self._leave, self._delete_user]
            if self._own_groups:
                kinds += [self._replace_group, self._delete_group]
            large = [self._create_large_group, self._replace_shared_list]
            await self._random.choice([*kinds, *kinds, *large])()

    async def check(self) -> None:
        """Look at all that it has changed."""
        for uid in self.titles:
            await self._check_user(uid)
        for gid in self.members:
            await self._check_group(gid)
        for resource_id in self.gone:
            for endpoint in ("Users", "Groups"):
                response, _ = await self._send("GET", f"/{endpoint}/{resource_id}")
                assert response.status_code == 404, response.text

    @property
    def _own_groups(self) -> list[str]:
        return [gid for gid in self.members if gid != self._shared.joined]

    async def _create_user(self) -> None:
        name = f"{self._name}-{next(self._numbers)}@example.com"
        uid = await self._create("/Users", "userName", name, USER, {"active": True})
        self.titles[uid] = None
        await self._check_user(uid)

    async def _change_title(self) -> None:
        uid, title = self._any_user(), f"No. {next(self._numbers)}"
        response = await self._patch(f"/Users/{uid}", "replace", "title", title)
        assert response.status_code == 200, response.text
        self.titles[uid] = title
        await self._check_user(uid)

    async def _delete_user(self) -> None:
        uid = self._any_user()
        await self._delete(f"/Users/{uid}")
        del self.titles[uid]
        groups = [gid for gid, members in self.members.items() if uid in members]
        for gid in groups:
            self.members[gid].discard(uid)
            await self._check_group(gid)

    async def _create_group(self) -> None:
        await self._create_group_of(self._some_users())

    async def _create_large_group(self) -> None:
        """Create a group that takes several transactions."""
        await self._create_group_of({*self._random.sample(self._shared.users, 41)})

    async def _create_group_of(self, members: set[str]) -> None:
        name = f"{self._name} {next(self._numbers)}"
        gid = await self._create("/Groups", "displayName", name, GROUP, _list_of(members))
        self.members[gid] = members
        await self._check_group(gid)

    async def _replace_group(self) -> None:
        gid, members = self._random.choice(self._own_groups), self._some_users()
        body = {"schemas": [GROUP], "displayName": f"{self._name} of {gid}", **_list_of(members)}
        response, _ = await self._send("PUT", f"/Groups/{gid}", body)
        assert response.status_code == 200, response.text
        left = self.members[gid] - members
        self.members[gid] = members
        await self._check_group(gid)
        for uid in left & self.titles.keys():
            await self._check_user(uid)

    async def _delete_group(self) -> None:
        gid = self._random.choice(self._own_groups)
        await self._delete(f"/Groups/{gid}")
        for uid in self.members.pop(gid) & self.titles.keys():
            await self._check_user(uid)

    async def _join(self) -> None:
        await self._change_member("add", self._any_user())

    async def _leave(self) -> None:
        await self._change_member("remove", self._any_user())

    async def _change_member(self, op: str, uid: str) -> None:
        gid = self._random.choice([*self.members])
        response = await self._patch(f"/Groups/{gid}", op, "members", [{"value": uid}])
        assert response.status_code == 204, response.text
        if op == "add":
            self.members[gid].add(uid)
        else:
            self.members[gid].discard(uid)
        await self._check_user(uid)

    async def _replace_shared_list(self) -> None:
        self.last_list = {*self._random.sample(self._shared.users, self._random.randint(1, 50))}
        members = [{"value": uid} for uid in self.last_list]
        response = await self._patch(
            f"/Groups/{self._shared.replaced}", "replace", "members", members
        )
        assert response.status_code == 204, response.text

    async def _check_user(self, uid: str) -> None:
        response, _ = await self._send("GET", f"/Users/{uid}")
        user = shown(response)
        assert user.get("title") == self.titles[uid]
        groups = {group["value"] for group in user.get("groups", [])}
        assert groups == {gid for gid, members in self.members.items() if uid in members}

    async def _check_group(self, gid: str) -> None:
        response, _ = await self._send("GET", f"/Groups/{gid}")
        members = {member["value"] for member in shown(response).get("members", [])}
        if gid == self._shared.joined:
            members &= self.titles.keys() | {*self.gone}
        assert members == self.members[gid]

    async def _create(
        self, path: str, key: str, name: str, schema: str, attributes: Document
    ) -> str:
        """Create a resource, or find it where an answer was lost; return its id."""
        body = {"schemas": [schema], key: name, **attributes}
        response, is_repeated = await self._send("POST", path, body)
        if response.status_code == 409 and is_repeated:
            query = httpx.QueryParams({"filter": f'{key} eq "{name}"'})
            (found,) = listed((await self._send("GET", f"{path}?{query}"))[0])["Resources"]
            return str(found["id"])
        assert response.status_code == 201, response.text
        return str(response.json()["id"])

    async def _delete(self, path: str) -> None:
        response, is_repeated = await self._send("DELETE", path)
        assert response.status_code == 204 or (is_repeated and response.status_code == 404)
        self.gone.append(path.rpartition("/")[2])

    async def _patch(self, path: str, op: str, attribute: str, value: Any) -> httpx.Response:
        operation = {"op": op, "path": attribute, "value": value}
        body = {"schemas": [PATCH_OP], "Operations": [operation]}
        return (await self._send("PATCH", path, body))[0]

    async def _send(
        self, method: str, path: str, body: Document | None = None
    ) -> tuple[httpx.Response, bool]:
        return await self._instances.send(self._random, method, path, body)

    def _any_user(self) -> str:
        return self._random.choice([*self.titles])

    def _some_users(self) -> set[str]:
        return {uid for uid in self.titles if self._random.random() < 0.5}


def _list_of(members: set[str]) -> Document:
    return {"members": [{"value": uid} for uid in members]}
