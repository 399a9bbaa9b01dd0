"""A trace from end to end: the service and the commands are processes, the requests real HTTP."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.ops.tools.conftest import Ended
from tests.support.production import ROOT, TOKEN, Azure, Deployed, azure_in, bearer, deployed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ACME, DEFAULT = "/tenants/acme/scim/v2", "/scim/v2"
OF_ACME = bearer(f"{TOKEN}-of-acme")
MAIN = """
import json, os, runpy
from tests.support.fakes.azure_names import lead_to_loopback
lead_to_loopback(json.loads(os.environ["PORTS_OF_NAMES"]))
runpy.run_module("tools.admin", run_name="__main__")
"""


@pytest.fixture(scope="module")
async def azure(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Azure]:
    async with azure_in(tmp_path_factory.mktemp("azure")) as around:
        yield around


async def admin(azure: Azure, *arguments: str) -> Ended:
    """Run a command as a process of its own, of whoever the platform signs in."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MAIN, *arguments),
        cwd=ROOT,
        env={**azure.settings, "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def trace(azure: Azure, command: str, *options: str) -> Ended:
    ended = await admin(azure, "trace", command, "--tenant", "acme", *options)
    assert ended.status == 0, ended.err
    return ended


async def shown(azure: Azure, count: int) -> list[dict[str, Any]]:
    """The entries of the trace, once there are so many: they are written after the answers."""
    entries: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while len(entries) < count:
            lines = (await trace(azure, "show", "--json")).out.splitlines()
            entries = [json.loads(line) for line in lines]
    return entries


async def create(app: Deployed, root: str, headers: dict[str, str], name: str) -> dict[str, Any]:
    sent = {**headers, "client-request-id": f"cycle-1-of-{name}"}
    body = {"userName": f"{name}@contoso.test", "password": "hunter2"}
    response = await app.client.post(f"{root}/Users", headers=sent, json=body)
    assert response.status_code == 201, response.text
    user: dict[str, Any] = response.json()
    return user


async def test_a_trace_is_opened_fills_with_requests_and_ends(azure: Azure) -> None:
    async with deployed(azure.settings) as app:
        # The first request makes the table, and is of before the trace.
        await create(app, ACME, OF_ACME, "before")
    said = await trace(azure, "on", "--hours", "1")
    assert "is open until" in said.err
    async with deployed(azure.settings) as app:
        ana = await create(app, ACME, OF_ACME, "ana")
        await create(app, DEFAULT, bearer(TOKEN), "elsewhere")
        off = {"Operations": [{"op": "replace", "path": "active", "value": "perhaps"}]}
        refused = await app.client.patch(f"{ACME}/Users/{ana['id']}", headers=OF_ACME, json=off)
        assert refused.status_code == 400, refused.text
        created, changed = await shown(azure, 2)
    await trace(azure, "off")
    async with deployed(azure.settings) as app:
        await create(app, ACME, OF_ACME, "after")
    assert len(await shown(azure, 2)) == 2

    assert (created["method"], created["status"]) == ("POST", 201)
    assert created["target"] == f"{ACME}/Users"
    assert created["clientRequest"] == "cycle-1-of-ana"
    assert created["body"] == {"userName": "ana@contoso.test", "password": "(left out)"}
    assert created["answer"] == ana
    assert (changed["method"], changed["status"], changed["body"]) == ("PATCH", 400, off)
    assert changed["answer"] == refused.json()
    in_words = (await trace(azure, "show")).out
    assert "ana@contoso.test" in in_words
    assert "elsewhere" not in in_words
    assert "hunter2" not in in_words
