"""A product in Node.js beside the running service: its copy is what the directory is."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.typescript.conftest import Product
from tests.support.fixtures.api_client import KEYS
from tests.support.fixtures.scim_client import Resource, Scim
from tests.support.fixtures.service import RunningService
from tests.support.role_map import entry, set_role_map, tell_role_changes

PROGRAM = Path(__file__).with_name("product.mjs")
DECISION = """
import { Client } from "scim-on-functions-client";
const { SCIM_URL, SCIM_API_KEY, TENANT } = process.env;
const tenant = new Client(SCIM_URL, SCIM_API_KEY).tenant(TENANT);
const asked = process.argv.slice(2).map((each) => tenant.access(JSON.parse(each)));
console.log(JSON.stringify(await Promise.all(asked)));
"""
REFUSAL = """
import { Client } from "scim-on-functions-client";
const { SCIM_URL, SCIM_API_KEY } = process.env;
const { name, status, type } = await new Client(SCIM_URL, SCIM_API_KEY)
  .tenant("nobody").access({ email: "a@b" }).catch((error) => error);
console.log(JSON.stringify({ name, status, type }));
"""

Copy = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunningProduct:
    """A product whose copy follows a tenant."""

    process: asyncio.subprocess.Process

    async def poll(self, command: str = "poll") -> Copy:
        """What it holds after a poll; `forget` has it copy all anew."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\n".encode())
        async with asyncio.timeout(60):
            line = await self.process.stdout.readline()
        copy: Copy = json.loads(line)
        return copy


@asynccontextmanager
async def running(product: Product, environ: Mapping[str, str]) -> AsyncIterator[RunningProduct]:
    (product.folder / PROGRAM.name).write_bytes(PROGRAM.read_bytes())
    process = await asyncio.create_subprocess_exec(
        *("node", PROGRAM.name),
        cwd=product.folder,
        env={**product.environ, **environ},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    try:
        yield RunningProduct(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@pytest.fixture
def environ(running_service: RunningService, scim: Scim) -> dict[str, str]:
    """Where the service is, for a product with a key that reads identities and events."""
    return {
        "SCIM_URL": running_service.base_url,
        "SCIM_API_KEY": KEYS["product"],
        "TENANT": scim.tenant_url.split("/")[4],
    }


async def hold_equal(copy: Copy, scim: Scim) -> None:
    """The copy has the users, the groups and the direct memberships of the directory."""
    resources = await scim.everything()
    users = {each["id"]: each for each in resources if each["meta"]["resourceType"] == "User"}
    groups = {each["id"]: each for each in resources if each["meta"]["resourceType"] == "Group"}
    assert _shown(copy["users"]) == _shown(users)
    assert _shown(copy["groups"]) == _shown(groups)
    assert {(group, member) for group, member in copy["memberships"]} == {
        (group["id"], member["value"]) for group in groups.values() for member in group["members"]
    }


def _shown(resources: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a copy holds of a resource itself: its version moves with memberships too."""
    apart = {"meta", "groups", "members", "roles"}
    return {
        each: {name: value for name, value in resource.items() if name not in apart}
        for each, resource in resources.items()
    }


async def test_a_sign_in_is_decided(product: Product, environ: dict[str, str], scim: Scim) -> None:
    ana = await scim.create_user("ana+1@contoso.test", externalId="a b&c", active=True)
    await scim.create_user("bo@contoso.test", active=False)
    (product.folder / "decision.mjs").write_text(DECISION)
    asked = [{"externalId": "a b&c"}, {"userName": "BO@contoso.test"}, {"email": "x@y"}]
    asked.append({"userName": "ana+1@contoso.test"})
    asking = Product(product.folder, product.archive, {**product.environ, **environ})
    printed = await asyncio.to_thread(asking.run, "node", "decision.mjs", *map(json.dumps, asked))
    answers = json.loads(printed)
    assert [each["decision"] for each in answers] == ["allow", "deny", "unknown", "allow"]
    assert answers[0]["id"] == answers[3]["id"] == ana["id"]


async def test_a_refusal_has_its_kind_and_its_problem(
    product: Product, environ: dict[str, str]
) -> None:
    (product.folder / "refusal.mjs").write_text(REFUSAL)
    asking = Product(product.folder, product.archive, {**product.environ, **environ})
    printed = await asyncio.to_thread(asking.run, "node", "refusal.mjs")
    assert json.loads(printed) == {
        "name": "NotFoundError",
        "status": 404,
        "type": "/problems/not-found",
    }


@pytest.mark.parametrize("expand", ["0", "1"])
async def test_a_copy_follows_the_directory(
    product: Product, environ: dict[str, str], scim: Scim, expand: str
) -> None:
    ana, bo = [
        await scim.create_user(f"{name}@contoso.test", active=True) for name in ("ana", "bo")
    ]
    east = await scim.create_group("East", ana["id"])
    sales = await scim.create_group("Sales", east["id"], bo["id"])
    async with running(product, environ | {"EXPAND": expand}) as copying:
        await hold_equal(await copying.poll(), scim)
        await scim.patched_user(ana, {"op": "replace", "path": "active", "value": False})
        await scim.patch(f"/Groups/{sales['id']}", {"op": "remove", "path": "members"})
        await scim.create_user("cy@contoso.test", active=True)
        copy = await copying.poll()
        assert "user.deactivated" in copy["types"]
        assert copy["users"][ana["id"]]["active"] is False
        await hold_equal(copy, scim)
        await scim.delete(f"/Users/{ana['id']}")
        await scim.delete(f"/Groups/{east['id']}")
        copy = await copying.poll()
        assert [*copy["groups"]] == [sales["id"]]
        await hold_equal(copy, scim)
        await hold_equal(await copying.poll("forget"), scim)


@pytest.mark.parametrize("expand", ["0", "1"])
async def test_the_copy_has_the_roles_that_access_has(
    *,
    product: Product,
    environ: dict[str, str],
    running_service: RunningService,
    scim: Scim,
    expand: str,
) -> None:
    ana, bo, cy = [await scim.create_user(name, active=True) for name in ("ana", "bo", "cy")]
    east, south = await scim.create_group("East"), await scim.create_group("South")
    # A process learns within a minute that there are groups in groups.
    sales = await scim.create_group("Sales", ana["id"], south["id"])
    await set_role_map(running_service, scim, entry("editor", 2, displayName="Sales"))
    api = running_service.api_of(scim)

    async def roles_in(copy: Copy) -> dict[str, list[str]]:
        """The roles of the copy by user name, which are those of `access`."""
        copied = {copy["users"][uid]["userName"]: roles for uid, roles in copy["roles"].items()}
        decisions = {name: await api.access(userName=name) for name in copied}
        assert copied == {name: each.get("roles", []) for name, each in decisions.items()}
        return copied

    async with running(product, environ | {"EXPAND": expand}) as copying:
        assert await roles_in(await copying.poll()) == {"ana": ["editor"], "bo": [], "cy": []}
        await scim.patch(f"/Groups/{sales['id']}", change_of_members("add", bo))
        assert (await roles_in(await copying.poll()))["bo"] == ["editor"]
        await scim.patch(f"/Groups/{sales['id']}", change_of_members("add", east))
        await scim.patch(f"/Groups/{east['id']}", change_of_members("add", cy))
        assert (await roles_in(await copying.poll()))["cy"] == ["editor"]
        entries = entry("editor", 2, displayName="Sales"), entry("admin", 1, displayName="East")
        await set_role_map(running_service, scim, *entries)
        assert await tell_role_changes(running_service, scim) > 0
        assert (await roles_in(await copying.poll()))["cy"] == ["admin", "editor"]
        await scim.patch(f"/Groups/{sales['id']}", change_of_members("remove", east))
        await copying.poll()  # nothing is told of Cy
        assert (await roles_in(await copying.poll("forget")))["cy"] == ["admin"]


def change_of_members(operation: str, *members: Resource) -> Resource:
    return {
        "op": operation,
        "path": "members",
        "value": [{"value": each["id"]} for each in members],
    }


async def test_a_copy_follows_a_thousand_changes_of_several_at_once(
    product: Product, environ: dict[str, str], scim: Scim
) -> None:
    """More users and groups than fit into a page, and groups that exceed a transaction."""
    names = [f"u{number}@contoso.test" for number in range(250)]
    users = []
    for start in range(0, len(names), 10):
        created = (scim.create_user(name, active=True) for name in names[start : start + 10])
        users += [each["id"] for each in await asyncio.gather(*created)]
    groups = [(await scim.create_group(f"g{number}"))["id"] for number in range(8)]

    async def change(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(12):
            group, others = chance.choice(groups), chance.sample(users, chance.randint(1, 60))
            operation = chance.choice(["add", "add", "remove", "replace"])
            members = [{"value": each} for each in others]
            members += [{"value": each} for each in groups[: chance.randint(0, 2)] if each != group]
            answer = await scim.patch(
                f"/Groups/{group}", {"op": operation, "path": "members", "value": members}
            )
            assert answer.status_code in {204, 429}, answer.text
            user = {"op": "replace", "path": "active", "value": chance.choice([True, False])}
            await scim.patch(f"/Users/{chance.choice(users)}", user)

    async with running(product, environ) as copying:
        changing = asyncio.gather(*map(change, range(4)))
        while not changing.done():
            await copying.poll()
        await changing
        await hold_equal(await copying.poll(), scim)
        await hold_equal(await copying.poll("forget"), scim)
