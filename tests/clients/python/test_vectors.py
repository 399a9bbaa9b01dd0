"""The vectors that all client libraries share: any order of a history, and webhooks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from scim_on_functions import (
    Client,
    Event,
    MemoryReplica,
    Tenant,
    VerificationError,
    apply,
    roles_of,
    verify,
)
from tests.clients.python.conftest import API_KEY

FOLDER = Path(__file__).parents[3] / "clients" / "vectors"
HISTORIES = sorted((FOLDER / "histories").glob("*.json"))
SIGNATURES = json.loads((FOLDER / "signatures.json").read_bytes())
ROLES = "urn:ietf:params:scim:schemas:extension:scim-on-functions:2.0:User"


@dataclass(frozen=True, slots=True)
class Directory:
    """The directory in the end, which is what a read finds."""

    state: Mapping[str, Any]

    @property
    def tenant(self) -> Tenant:
        http = httpx.Client(transport=httpx.MockTransport(self._answer))
        return Client("https://id.example.com", API_KEY, http=http).tenant()

    def _answer(self, request: httpx.Request) -> httpx.Response:
        kind, _, resource_id = request.url.path.partition("/scim/v2/")[2].partition("/")
        if not resource_id:
            member_id = request.url.params["filter"].partition(" eq ")[2].strip('"')
            listed = [{"id": each} for each in self._groups_of(member_id)]
            return httpx.Response(200, json={"schemas": [], "Resources": listed})
        if resource_id not in self.state[kind.lower()]:
            return httpx.Response(404, json={})
        if kind == "Groups":
            return httpx.Response(200, json={"id": resource_id, "displayName": resource_id})
        return httpx.Response(200, json=self._user(resource_id))

    def _user(self, user_id: str) -> dict[str, Any]:
        user = self.state["users"][user_id]
        return {
            "id": user_id,
            "userName": user.get("userName", user_id),
            "active": user["active"],
            "groups": [{"value": each, "type": "direct"} for each in self._groups_of(user_id)],
            "meta": {"version": f'W/"{user["version"]}"'},
            ROLES: {"roles": user.get("roles", [])},
        }

    def _groups_of(self, member_id: str) -> list[str]:
        groups, pairs = self.state["groups"], self.state["memberships"]
        return [group for group, member in pairs if member == member_id and group in groups]


def hold_after(history: Mapping[str, Any], pages: Sequence[Sequence[int]]) -> None:
    """A copy that is told a history in some order is the directory."""
    state, replica = history["state"], MemoryReplica()
    tenant = Directory(state).tenant
    for page in pages:
        apply(tenant, replica, [Event.read(history["events"][each]) for each in page])
    copied = {uid: user["active"] for uid, user in replica.users.items()}
    assert copied == {uid: user["active"] for uid, user in state["users"].items()}, pages
    for uid, user in state["users"].items():
        if "userName" in user:
            assert replica.users[uid]["userName"] == user["userName"], pages
        if "roles" in user:
            assert roles_of(replica.users[uid]) == tuple(user["roles"]), pages
    assert replica.groups.keys() == set(state["groups"]), pages
    assert replica.memberships == {(group, member) for group, member in state["memberships"]}, pages


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_a_history_ends_in_the_directory_in_every_order(path: Path) -> None:
    history = json.loads(path.read_bytes())
    for order in history["orders"]:
        hold_after(history, [[each] for each in order])
        hold_after(history, [order])


@pytest.mark.parametrize("vector", SIGNATURES, ids=lambda vector: vector["description"])
def test_a_webhook_is_genuine_or_refused(vector: Mapping[str, Any]) -> None:
    sent = (vector["payload"], vector["headers"], vector["secrets"])
    if vector["verdict"] == "valid":
        assert verify(*sent, now=vector["now"]) == json.loads(vector["payload"])
    else:
        with pytest.raises(VerificationError):
            verify(*sent, now=vector["now"])
