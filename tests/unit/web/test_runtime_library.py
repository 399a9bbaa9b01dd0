"""The app in the code that Azure runs it in: `azure-functions-runtime` indexes and invokes it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from background.timers import SWEEPER
from shared.store import layout
from shared.tables.account import TableAddress
from shared.tables.azure_table import open_table
from shared.tables.operations import Insert
from shared.tables.request_context import RequestContext
from tests.support.deployed import FUNCTIONS, MODULES, PACKAGES, TIMERS
from tests.support.seeds import write

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

    from local.azurite import Azurite
    from local.functions import HttpFunction

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="Azure runs this library on Python 3.13 and newer alone"
)

ROOT = Path(__file__).parents[3]
DEPLOYED = (*(f"{module}.py" for module in MODULES), "host.json", *PACKAGES)
TABLE = "runtimelibrary"
TOKEN = "a-token-for-the-runtime-library"
URL = "https://scim.example.com/scim/v2"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

NOT_AT_INDEXING = [
    "aiohttp",
    "azure.core",
    "azure.data",
    "azure.identity",
    "azure.keyvault",
    "cryptography",
    "jinja2",
    "jwt",
    "msal",
    "opentelemetry",
    "pydantic",
    "requests",
    "shared.auth",
    "shared.oauth",
    "shared.scim",
    "shared.settings",
    "shared.store",
    "shared.telemetry",
]
"""What requests need and indexing does not; together it takes some four times as long."""

AT_INDEXING = {
    *PACKAGES,
    *(f"{package}.routes" for package in FUNCTIONS),
    f"{TIMERS}.queues",
    f"{TIMERS}.timers",
    "function_app",
    "shared.clock",
    "shared.notices",
    "shared.queues",
    "shared.queues.names",
    "shared.web",
    "shared.web.host_log",
    "shared.web.loading",
    "shared.web.package_check",
    "shared.web.routes",
}
"""All that is imported of ours."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


class Worker:
    """A process with the app in it; messages are lines, see `tests/support/fakes/worker.py`."""

    def __init__(self, process: Process, index: dict[str, Any], log: Path) -> None:
        self._process = process
        self.index = index
        self.log = log
        self._invocations = 0

    async def call(
        self,
        function: str,
        method: str,
        path: str = "",
        *,
        token: str = TOKEN,
        body: Any = None,
        **route_params: str,
    ) -> Answer:
        self._invocations += 1
        message = {
            "function": function,
            "invocation_id": f"invocation-{self._invocations}",
            "method": method,
            "url": URL + path,
            "headers": {
                "authorization": f"Bearer {token}",
                "content-type": "application/scim+json",
            },
            "route": route_params,
            "body": "" if body is None else json.dumps(body),
        }
        answer = await exchanged(self._process, json.dumps(message))
        assert answer["headers"]["request-id"] == message["invocation_id"]
        return Answer(int(answer["status"]), answer["headers"], answer["body"])

    async def fire(self, timer: str, **call: Any) -> str | None:
        """Let a timer fire; return why the run failed, None if it did not."""
        answer = await exchanged(self._process, json.dumps({"timer": timer, **call}))
        failure: str | None = answer["failure"]
        return failure


async def exchanged(process: Process, line: str = "") -> dict[str, Any]:
    """Send a line, if there is one, and return the next answer."""
    assert process.stdin is not None
    assert process.stdout is not None
    if line:
        process.stdin.write(f"{line}\n".encode())
    async with asyncio.timeout(30):
        answer: dict[str, Any] = json.loads(await process.stdout.readline())
    return answer


@pytest.fixture(scope="module")
async def worker(
    tmp_path_factory: pytest.TempPathFactory, storage: Azurite
) -> AsyncIterator[Worker]:
    """The app as it is deployed, without the rest of the project, in a process of its own."""
    folder = tmp_path_factory.mktemp("deployed")
    for name in DEPLOYED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    log = folder / "log"
    environ = {
        "PATH": os.environ["PATH"],
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "TABLE_CONNECTION_STRING": storage.connection_string,
        "TABLE_NAME": TABLE,
        "SCIM_SECRET_TOKEN": TOKEN,
        "SCIM_SECRET_TOKEN__ACME": f"{TOKEN}-of-acme",
    }
    command = [
        sys.executable,
        "-P",
        str(ROOT / "tests/support/fakes/worker.py"),
        str(folder),
    ]
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environ, stdin=PIPE, stdout=PIPE, stderr=stderr, limit=2**24
        )
        try:
            yield Worker(process, await exchanged(process), log)
        finally:
            process.terminate()
            await process.wait()


@pytest.fixture
async def user(worker: Worker, tenant: str) -> dict[str, Any]:
    created = await worker.call("users", "POST", body={"userName": f"{tenant}@contoso.test"})
    assert created.status == 201
    body: dict[str, Any] = created.body
    return body


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


def test_the_library_takes_every_function(
    worker: Worker, functions: dict[str, HttpFunction]
) -> None:
    assert worker.index["bindings"].keys() == {*functions, SWEEPER.name}


def test_the_host_learns_when_the_sweeper_is_to_run(worker: Worker) -> None:
    (trigger,) = worker.index["bindings"][SWEEPER.name]
    assert (trigger["type"], trigger["name"]) == ("timerTrigger", "timer")
    assert trigger["schedule"] == SWEEPER.schedule
    assert trigger["runOnStartup"] is False


def test_the_host_learns_routes_without_methods_that_need_no_key(
    worker: Worker, functions: dict[str, HttpFunction]
) -> None:
    for name, function in functions.items():
        trigger, answer = worker.index["bindings"][name]
        assert trigger["type"] == "httpTrigger"
        assert trigger["route"] == function.template.text
        assert trigger["authLevel"].lower() == "anonymous"
        assert not trigger.get("methods")
        assert answer == {"direction": "OUT", "type": "http", "name": "$return"}


@pytest.mark.parametrize("heavy", NOT_AT_INDEXING)
def test_indexing_imports_nothing_that_only_requests_need(worker: Worker, heavy: str) -> None:
    loaded = [
        name for name in worker.index["modules"] if name == heavy or name.startswith(f"{heavy}.")
    ]
    assert loaded == []


def test_of_ours_indexing_imports_the_routes_alone(worker: Worker) -> None:
    roots = {*MODULES, *PACKAGES}
    ours = {name for name in worker.index["modules"] if name.partition(".")[0] in roots}
    assert ours == AT_INDEXING


async def test_a_user_is_created_and_read(worker: Worker) -> None:
    sent = {"userName": "ana@contoso.test", "displayName": "Ana Ruíz", "active": True}
    created = await worker.call("users", "POST", "/Users", body=sent)
    assert created.status == 201
    assert created.headers["content-type"] == "application/scim+json"
    location = f"{URL}/Users/{created.body['id']}"
    assert created.headers["location"] == created.body["meta"]["location"] == location
    assert created.headers["etag"] == created.body["meta"]["version"] == 'W/"1"'
    assert sent.items() <= created.body.items()

    read = await worker.call("users_id", "GET", id=created.body["id"])
    assert (read.status, read.body) == (200, created.body)
    assert read.headers["content-type"] == "application/scim+json"


async def test_a_user_is_found_by_a_filter_in_the_url(worker: Worker, user: dict[str, Any]) -> None:
    found = await worker.call("users", "GET", f"/Users?filter=userName+eq+%22{user['userName']}%22")
    assert found.status == 200
    assert found.body["totalResults"] == 1
    assert found.body["Resources"] == [user]


async def test_a_user_is_patched_and_comes_back(worker: Worker, user: dict[str, Any]) -> None:
    disable = patch({"op": "Replace", "path": "active", "value": "False"})
    patched = await worker.call("users_id", "PATCH", body=disable, id=user["id"])
    assert patched.status == 200
    assert patched.body["active"] is False
    assert patched.headers["etag"] == 'W/"2"'


async def test_a_patch_of_a_group_is_answered_without_a_body(
    worker: Worker, user: dict[str, Any], tenant: str
) -> None:
    group = (await worker.call("groups", "POST", body={"displayName": tenant})).body
    add = patch({"op": "Add", "path": "members", "value": [{"value": user["id"]}]})
    added = await worker.call("groups_id", "PATCH", body=add, id=group["id"])
    assert (added.status, added.text) == (204, "")
    assert added.headers["content-type"] == "application/scim+json"
    assert added.headers["etag"] != group["meta"]["version"]
    members = (await worker.call("groups_id", "GET", id=group["id"])).body["members"]
    assert [member["value"] for member in members] == [user["id"]]


async def test_a_deleted_user_is_gone(worker: Worker, user: dict[str, Any]) -> None:
    deleted = await worker.call("users_id", "DELETE", id=user["id"])
    assert (deleted.status, deleted.text) == (204, "")
    assert (await worker.call("users_id", "GET", id=user["id"])).status == 404


async def test_every_other_path_is_a_404_in_scim(worker: Worker) -> None:
    missed = await worker.call("zz_no_such_path", "GET", path="scim/v3/Users")
    assert missed.status == 404
    assert missed.headers["content-type"] == "application/scim+json"
    assert missed.body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


async def test_a_wrong_token_and_a_wrong_method_are_answered_with_their_headers(
    worker: Worker,
) -> None:
    stranger = await worker.call("users", "GET", token=f"{TOKEN}-of-acme")
    assert stranger.status == 401
    described = f"{URL}/.well-known/oauth-protected-resource"
    assert stranger.headers["www-authenticate"] == f'Bearer resource_metadata="{described}"'
    wrong = await worker.call("users", "PUT")
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET, HEAD, POST")


async def test_another_tenant_sees_nothing_of_it(worker: Worker, user: dict[str, Any]) -> None:
    acme = {"token": f"{TOKEN}-of-acme", "tenant": "acme"}
    assert (await worker.call("tenant_users_id", "GET", **acme, id=user["id"])).status == 404
    described = await worker.call("tenant_service_provider_config", "GET", **acme)
    assert described.status == 200
    location = "https://scim.example.com/tenants/acme/scim/v2/ServiceProviderConfig"
    assert described.body["meta"]["location"] == location


async def test_the_log_says_what_was_done_and_not_to_whom(
    worker: Worker, user: dict[str, Any]
) -> None:
    malformed = patch(
        {"op": "replace", "path": f'emails[value eq "{user["userName"]}"', "value": 1}
    )
    refused = await worker.call("users_id", "PATCH", body=malformed, id=user["id"])
    assert (refused.status, refused.body["scimType"]) == (400, "invalidPath")
    log = worker.log.read_text("utf-8")
    last = [line for line in log.splitlines() if line.startswith("scim.requests {")][-1]
    fields = json.loads(last.partition(" ")[2])
    assert fields["resource"] == user["id"]
    assert (fields["status"], fields["scimType"], fields["operation"]) == (400, "invalidPath", 0)
    assert "contoso" not in log
    assert TOKEN not in log


async def test_the_sweeper_runs_when_its_timer_fires(worker: Worker, storage: Azurite) -> None:
    table = open_table(TableAddress(TABLE, connection_string=storage.connection_string))
    context = RequestContext("acme", "test", "test", time.monotonic() + 30)
    old = Insert("l-0190000000000123456789abcdef01234567", {"rt": "User"})
    await write(table, context, [old])

    assert await worker.fire(SWEEPER.name, is_past_due=True, invocation_id="first-run") is None
    assert (await table.page(context, layout.changes_span(until=2**41))).rows == []
    assert await worker.fire(SWEEPER.name, invocation_id="second-run") is None
    await table.close()

    lines = [line for line in worker.log.read_text("utf-8").splitlines() if "scim.sweeper" in line]
    (line,) = lines  # a run that finds nothing to do leaves none
    told = json.loads(line.partition(" ")[2])
    assert (told["sweep"], told["tenants"], told["changes"]) == ("first-run", 2, 1)
