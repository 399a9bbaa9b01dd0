"""Every line of the log that a document, an alert or an answer promises reaches the operator.

`PROMISES` lists them. Each is caused in the app as it is deployed, once on the stand-in host and
once in the runtime library of Python 3.13, which both drop what the host drops: what is logged at
import, in a thread or after the invocation. So a line is there because the host takes its record
(`RECORD`), or because the app has written it to standard error (`CONSOLE`).
"""

from __future__ import annotations

import ast
import asyncio
import json
import re
import sys
import time
import uuid
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

import pytest

from background.timers import SWEEPER
from shared.settings import describe
from tests.support.deployed import MODULES, PACKAGES
from tests.support.production import (
    ROOT,
    SWEEPER_OFF,
    TOKEN,
    Azure,
    Deployed,
    Log,
    azure_in,
    bearer,
    deployed,
)
from tests.support.timers import missed_in_azure

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from local.azurite import Azurite

pytestmark = pytest.mark.server

RUNBOOK, ARCHITECTURE, README = "docs/operate.md", "docs/architecture.md", "README.md"
ALERTS = "infra/queries/alerts"
WEEK = 7 * 86_400
WORKER = ROOT / "tests" / "support" / "fakes" / "worker.py"
RECORD, CONSOLE = "taken by the host", "written to standard error"
DEVELOPMENT = {
    "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    "SCIM_SECRET_TOKEN": TOKEN,
    "KEY_VAULT_URL": "",
    "TABLE_ENDPOINT": "",
    "TABLE_CONNECTION_STRING": "of Azurite",
}
HASTY = {"sitecustomize.py": "import shared.auth.cached as cached\ncached.FRESH_SECONDS = 0.01\n"}
"""What was read of the vault is old at the next request."""


def broken(module: str) -> dict[str, str]:
    """Put a module that cannot be imported before the one that is installed."""
    return {f"{module}.py": f"raise ModuleNotFoundError('none here', name={module!r})\n"}


class App(Protocol):
    """The app in one of the processes that stand for the host and its worker."""

    @property
    def log(self) -> Log:
        """What the operator gets to see."""
        ...

    async def ask(self, *, tenant: str = "", path: str = "Users", token: str = TOKEN) -> int:
        """Ask for a path of a tenant, or `healthz`; return the status."""
        ...

    async def send(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send a request of the default tenant; return the body of the answer."""
        ...

    async def draw_token(self, key: str) -> None:
        """Draw a token of the tenant `drawn` with an API key."""
        ...

    async def create_webhook(self, key: str) -> None:
        """Create a webhook endpoint with an API key."""
        ...

    async def ask_for_an_access_token(self, client_id: str, secret: str) -> None:
        """Ask the token endpoint of the default tenant."""
        ...

    async def sweep(self) -> None:
        """Let the sweeper's timer fire."""
        ...

    def line(self, way: str, text: str) -> str:
        """Give the pattern of a line whose message a pattern begins, by the way that it comes."""
        ...


@dataclass(frozen=True, slots=True)
class Promise:
    """A line that is promised.

    Attributes:
        text: pattern of the beginning of its message.
        level: of the record.
        way: how it reaches the operator.
        cause: makes the app log it.
        promised: quotes of the promise, by file.
        settings: beside those of production.
        modules: files that are found before all other modules.
    """

    text: str
    level: str
    way: str
    cause: Callable[[App, Azure], Awaitable[None]]
    promised: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)


async def start(app: App, azure: Azure) -> None:
    """Do nothing but let the process begin."""


async def ask(app: App, azure: Azure) -> None:
    await app.ask()


async def ask_for_an_access_token(app: App, azure: Azure) -> None:
    """As a client of a service without a signing key."""
    azure.vault.put("scim-client--default--entra", f"scimsecret_{'s' * 43}")
    await app.ask_for_an_access_token("entra", f"scimsecret_{'s' * 43}")


async def be_refused(app: App, azure: Azure) -> None:
    assert await app.ask() == 503


async def probe(app: App, azure: Azure) -> None:
    assert await app.ask(path="healthz") == 500


async def nest_twelve_groups(app: App, azure: Azure) -> None:
    """Put a user into a group, that into another, and so on, and read the user."""
    name = uuid.uuid4().hex
    user = (await app.send("POST", "Users", {"userName": name}))["id"]
    member = user
    for level in range(12):
        group = {"displayName": f"{name} {level}", "members": [{"value": member}]}
        member = (await app.send("POST", "Groups", group))["id"]
    shown = await app.send("GET", f"Users/{user}")
    assert len(shown["groups"]) == 11


async def remove_twelve_users(app: App, azure: Azure) -> None:
    """Disable twelve users; the guard looks at it when they are answered."""
    name = uuid.uuid4().hex
    for number in range(12):
        user = (await app.send("POST", "Users", {"userName": f"{name} {number}"}))["id"]
        document = {"userName": f"{name} {number}", "active": False}
        await app.send("PUT", f"Users/{user}", document)


async def find_the_vault_closed(app: App, azure: Azure) -> None:
    with azure.vault.failing(403, code="Forbidden", inner="ForbiddenByRbac"):
        assert await app.ask() == 503


async def read_after_a_refusal(app: App, azure: Azure) -> None:
    """Let the tokens be read by a task that no request waits for."""
    assert await app.ask() == 200
    assert await app.ask(token=f"{TOKEN}-that-is-wrong") == 401


async def fail_after_a_refusal(app: App, azure: Azure) -> None:
    assert await app.ask() == 200
    with azure.vault.failing(500, only="/secrets/scim-token/versions"):
        assert await app.ask(token=f"{TOKEN}-that-is-wrong") == 401
        await app.log.until_matched(app.line(CONSOLE, "Reading the tokens of default failed"))


async def expire_soon(app: App, azure: Azure) -> None:
    azure.vault.put("scim-token--near", f"{TOKEN}-of-near", expires=time.time() + WEEK)
    assert await app.ask(tenant="near", token=f"{TOKEN}-of-near") == 200


async def expire_soon_unseen(app: App, azure: Azure) -> None:
    """Shorten the life of a token, so that a reading that no request waits for finds it out.

    It is not the newest, of which the list of secrets tells, too.
    """
    version = azure.vault.put("scim-token--late", f"{TOKEN}-before-late")
    azure.vault.put("scim-token--late", f"{TOKEN}-of-late")
    assert await app.ask(tenant="late", token=f"{TOKEN}-of-late") == 200
    version.expires = int(time.time() + WEEK)
    assert await app.ask(tenant="late", token=f"{TOKEN}-that-is-wrong") == 401


async def leave_old_versions(app: App, azure: Azure) -> None:
    for number in range(3):
        azure.vault.put("scim-token--old", f"{TOKEN}-of-old-{number}")
    assert await app.ask(tenant="old", token=f"{TOKEN}-of-old-2") == 200


async def store_no_token(app: App, azure: Azure) -> None:
    azure.vault.put("scim-token--short", "short")
    assert await app.ask(tenant="short", token=f"{TOKEN}-that-is-wrong") == 401


async def tag_a_key_wrongly(app: App, azure: Azure) -> None:
    key = f"scimkey_tagged_{'k' * 43}"
    azure.vault.put("scim-apikey--tagged", key, tags={"scopes": "identities.reed"})
    assert await app.ask(token=key) == 403


async def draw_a_token(app: App, azure: Azure) -> None:
    key = f"scimkey_manager_{'m' * 43}"
    azure.vault.put("scim-apikey--manager", key, tags={"scopes": "tenants.manage"})
    azure.vault.secrets.pop("scim-token--drawn", None)
    for number in range(2):
        azure.vault.put("scim-token--drawn", f"a-token-of-the-tenant-{number}")
    await app.draw_token(key)


async def create_a_webhook(app: App, azure: Azure) -> None:
    key = f"scimkey_manager_{'m' * 43}"
    azure.vault.put("scim-apikey--manager", key, tags={"scopes": "tenants.manage"})
    await app.create_webhook(key)


async def create_a_user_with_a_webhook(app: App, azure: Azure) -> None:
    """Let a request give a hint, which goes on by itself after the answer."""
    await create_a_webhook(app, azure)
    await app.send("POST", "Users", {"userName": uuid.uuid4().hex})


async def draw_without_the_right(app: App, azure: Azure) -> None:
    azure.vault.is_read_only = True
    await draw_a_token(app, azure)
    azure.vault.is_read_only = False


async def draw_half(app: App, azure: Azure) -> None:
    azure.vault.writes = 1
    await draw_a_token(app, azure)
    azure.vault.writes = None


async def lose_the_role(app: App, azure: Azure) -> None:
    with azure.identity.refused_by_storage(azure.settings["AZURE_CLIENT_ID"]):
        assert await app.ask() == 503


async def sweep_without_a_role(app: App, azure: Azure) -> None:
    """Refuse the app its table. The host keeps its own storage, where the timer's lease lies."""
    with azure.identity.refused_by_storage(azure.settings["AZURE_CLIENT_ID"]):
        await app.sweep()
        await app.log.until('{"sweep":')


async def sweep_without_a_vault(app: App, azure: Azure) -> None:
    with azure.vault.failing(500):
        await app.sweep()
        await app.log.until("they cannot be named")


HOST_APART = {"AzureWebJobsStorage__clientId": "22222222-3333-4444-5555-666666666666"}
"""The host has an identity of its own, so that its storage stays open when the app's is refused."""

WITH_WEBHOOKS = {
    "SCIM_WEBHOOKS": "on",
    "AzureWebJobsStorage__queueServiceUri": "https://account.queue.core.windows.net",
}
ENDPOINT = {"url": "https://hooks.example.com/scim"}
OF_SETTINGS = {
    README: "the log has a line for each",
    RUNBOOK: "`setting refused: <name> ...`",
    ARCHITECTURE: "wrong settings are in the log as soon as the process starts",
    "shared/web/services.py": "its operator finds the settings in the log",
}
OF_LOADING = {
    ARCHITECTURE: "What cannot be imported is one error in the log",
    "shared/web/routes.py": "its operator finds the reason in the log",
}
OF_THE_VAULT = {RUNBOOK: "`Reading ... failed`", f"{ALERTS}/vault-failures.kql": "^Reading "}
OF_EXPIRY = {
    "SECURITY.md": "of tokens that expire within 30 days",
    f"{ALERTS}/token-expiry.kql": "^The token ",
}
NO_TABLE = {"TABLE_ENDPOINT": ""}
HANGING_STORAGE = DEVELOPMENT | {
    "TABLE_CONNECTION_STRING": "of a storage that never answers",
    "SCIM_REQUEST_DEADLINE_SECONDS": "1",
}

PROMISES = {
    "no table, as the process starts": Promise(
        "setting refused: TABLE_ENDPOINT", "error", CONSOLE, start, OF_SETTINGS, NO_TABLE
    ),
    "no table, in the request that is refused": Promise(
        "setting refused: TABLE_ENDPOINT", "error", RECORD, be_refused, OF_SETTINGS, NO_TABLE
    ),
    "webhooks without the address of the queues": Promise(
        "setting refused: AzureWebJobsStorage__queueServiceUri is not set, and SCIM_WEBHOOKS is on",
        "error",
        CONSOLE,
        start,
        OF_SETTINGS,
        {"SCIM_WEBHOOKS": "on", "AzureWebJobsStorage__queueServiceUri": ""},
    ),
    "a token among the settings of production": Promise(
        "setting refused: SCIM_SECRET_TOKEN",
        "error",
        CONSOLE,
        start,
        OF_SETTINGS,
        {"SCIM_SECRET_TOKEN": TOKEN},
    ),
    "no file of schemas": Promise(
        "setting refused: SCIM_SCHEMAS: ",
        "error",
        CONSOLE,
        start,
        OF_SETTINGS,
        {"SCIM_SCHEMAS": "nowhere.json"},
    ),
    "an import that fails, ahead of requests": Promise(
        "what requests need could not be loaded ahead of them.*none here",
        "error",
        CONSOLE,
        start,
        OF_LOADING,
        modules=broken("pydantic"),
    ),
    "an import that fails, in the request that is answered 500": Promise(
        "what requests need could not be loaded; the next one tries again",
        "error",
        RECORD,
        probe,
        OF_LOADING,
        modules=broken("pydantic"),
    ),
    "services that cannot be built, as the process starts": Promise(
        "the services could not be built ahead of the first request.*none here",
        "error",
        CONSOLE,
        start,
        {RUNBOOK: "`request ... failed with <type>` and a stack"},
        modules=broken("msal"),
    ),
    "a fault of ours, in the request": Promise(
        "request [0-9a-f-]{36} failed with ModuleNotFoundError",
        "error",
        RECORD,
        ask,
        {RUNBOOK: "`request ... failed with <type>` and a stack"},
        modules=broken("msal"),
    ),
    "no signing key": Promise(
        "There is no signing key",
        "error",
        RECORD,
        ask_for_an_access_token,
        {
            RUNBOOK: "The log says `There is no signing key`",
            "shared/oauth/authorization_server.py": "its operator finds it in the log",
        },
    ),
    "no vault": Promise(
        "KEY_VAULT_URL is not set",
        "error",
        RECORD,
        be_refused,
        {
            RUNBOOK: "`KEY_VAULT_URL is not set`",
            "shared/auth/configured.py": "its operator finds the setting in the log",
        },
        {"KEY_VAULT_URL": ""},
    ),
    "no token on a developer's machine": Promise(
        "SCIM_SECRET_TOKEN is not set",
        "error",
        RECORD,
        be_refused,
        {"shared/auth/configured.py": "its operator finds the setting in the log"},
        DEVELOPMENT | {"SCIM_SECRET_TOKEN": ""},
    ),
    "telemetry without its packages": Promise(
        "SCIM_TELEMETRY is on, but no telemetry is sent: no module opentelemetry",
        "error",
        CONSOLE,
        start,
        {RUNBOOK: "`SCIM_TELEMETRY is on, but no telemetry is sent`"},
        {"SCIM_TELEMETRY": "on"},
        broken("opentelemetry"),
    ),
    "telemetry with an exporter that is not deployed": Promise(
        "SCIM_TELEMETRY is on, but no telemetry is sent: OTEL_TRACES_EXPORTER names",
        "error",
        CONSOLE,
        start,
        {RUNBOOK: "If packages or exporters are missing or refuse their variables"},
        {"SCIM_TELEMETRY": "on", "OTEL_TRACES_EXPORTER": "carrier-pigeon"},
    ),
    "a vault that refuses, in the request": Promise(
        "Reading the tenants failed, no one can enter: .*403/Forbidden/ForbiddenByRbac",
        "error",
        RECORD,
        find_the_vault_closed,
        OF_THE_VAULT | {RUNBOOK: "`403/Forbidden/ForbiddenByRbac`"},
    ),
    "a vault that fails while tokens are refreshed in the background": Promise(
        "Reading the tokens of default failed, the last good value serves: ",
        "error",
        CONSOLE,
        fail_after_a_refusal,
        OF_THE_VAULT,
        modules=HASTY,
    ),
    "a vault that does not name the tenants to the sweeper": Promise(
        "Reading the tenants failed, they cannot be named: ",
        "error",
        RECORD,
        sweep_without_a_vault,
        OF_THE_VAULT | {RUNBOOK: "runs fail, `Reading the tenants failed`"},
    ),
    "a token near its end": Promise(
        r"The token scim-token--near/[0-9a-f]{8} expires on [0-9-]{10};",
        "warning",
        RECORD,
        expire_soon,
        OF_EXPIRY,
    ),
    "a token near its end, found in the background": Promise(
        r"The token scim-token--late/[0-9a-f]{8} expires on [0-9-]{10};",
        "warning",
        CONSOLE,
        expire_soon_unseen,
        OF_EXPIRY,
        modules=HASTY,
    ),
    "versions left over": Promise(
        "scim-token--old has 1 enabled versions older than the two that are valid",
        "warning",
        RECORD,
        leave_old_versions,
        {"SECURITY.md": "The app warns in the log once a day of such"},
    ),
    "a secret that is no token": Promise(
        r"scim-token--short/[0-9a-f]{8} is no token and opens nothing",
        "warning",
        RECORD,
        store_no_token,
        {RUNBOOK: "`... is no token and opens nothing`"},
    ),
    "tags of an API key that mean nothing": Promise(
        "The tags of scim-apikey--tagged name no scope or tenant by 'identities.reed'",
        "warning",
        RECORD,
        tag_a_key_wrongly,
        {RUNBOOK: "`The tags of scim-apikey--... name no scope or tenant by`"},
    ),
    "a token that is drawn": Promise(
        r'\{"tokens": "draw", "tenant": "drawn", "version": "[0-9a-f]{32}",'
        r' "disabled": \["[0-9a-f]{32}"\], "by": "scim-apikey--manager/[0-9a-f]{8}", "request": ',
        "information",
        RECORD,
        draw_a_token,
        {RUNBOOK: '`{"tokens": "draw", "tenant": "acme", '},
    ),
    "a webhook endpoint that is created": Promise(
        r'\{"webhook": "create", "endpoint": "[0-9a-f]{32}", "changed": \[\],'
        r' "by": "scim-apikey--manager/[0-9a-f]{8}", "request": ',
        "information",
        RECORD,
        create_a_webhook,
        {RUNBOOK: '`{"webhook": "update", "endpoint": "..."'},
        settings=WITH_WEBHOOKS,
    ),
    "a secret of a webhook endpoint that is drawn": Promise(
        r'\{"webhookSecret": "create", "endpoint": "[0-9a-f]{32}", "version": "[0-9a-f]{32}",'
        r' "by": "scim-apikey--manager/[0-9a-f]{8}", "request": ',
        "information",
        RECORD,
        create_a_webhook,
        {RUNBOOK: '`{"webhookSecret": "rotate", "endpoint": "..."'},
        settings=WITH_WEBHOOKS,
    ),
    "a queue that takes no hints": Promise(
        "hints of changes cannot be put into the queue: TimeoutError; webhooks are up to 5",
        "warning",
        CONSOLE,
        create_a_user_with_a_webhook,
        {RUNBOOK: "`hints of changes cannot be put into the queue`"},
        settings=WITH_WEBHOOKS
        | {"AzureWebJobsStorage__queueServiceUri": "of queues that never answer"},
    ),
    "a token that is not drawn": Promise(
        r'\{"tokens": "draw", "tenant": "drawn", "refused": "WriteRefusedError", "by":',
        "warning",
        RECORD,
        draw_without_the_right,
        {RUNBOOK: "`refused`"},
    ),
    "a vault that takes no tokens": Promise(
        "Key Vault does not let the service write tokens",
        "error",
        RECORD,
        draw_without_the_right,
        {RUNBOOK: "`Key Vault does not let the service write tokens`"},
    ),
    "a token that supersedes what cannot be disabled": Promise(
        "scim-token--drawn: what a new version supersedes was not disabled",
        "warning",
        RECORD,
        draw_half,
        {RUNBOOK: "`what a new version supersedes was not disabled`"},
    ),
    "storage that refuses": Promise(
        "table storage refused a request: 403",
        "error",
        RECORD,
        lose_the_role,
        {
            RUNBOOK: "`table storage refused a request: 403`",
            "shared/tables/retry.py": "its operator finds the reason in the log",
        },
    ),
    "a provisioning log that cannot be written": Promise(
        "the provisioning log of tenant default could not be written: Unavailable",
        "warning",
        CONSOLE,
        lose_the_role,
        {RUNBOOK: "`the provisioning log of tenant ... could not be written`"},
    ),
    "a request": Promise(
        r'\{"request": .*"status": 200, .*"tenant": "default"',
        "info",
        RECORD,
        ask,
        {RUNBOOK: "The service writes one line of JSON for each request"},
    ),
    "a request that the deadline ends": Promise(
        r'\{"request": .*"status": 503, .*"calls": [1-9]',
        "warning",
        RECORD,
        be_refused,
        {RUNBOOK: "nothing but lines with status 503 and many `calls`"},
        HANGING_STORAGE,
    ),
    "a run of the sweeper": Promise(
        r'\{"sweep": .*"failed": [1-9]',
        "info",
        RECORD,
        sweep_without_a_role,
        {
            RUNBOOK: """startswith '{"sweep":'""",
            ARCHITECTURE: "A run that did something leaves one line of numbers in the log",
        },
        HOST_APART,
    ),
    "a user in groups beyond ten levels": Promise(
        "user [0-9a-f]{32} is shown without the indirect groups beyond 200 groups or 10 levels",
        "warning",
        RECORD,
        nest_twelve_groups,
        {
            ARCHITECTURE: "is shown without the indirect groups beyond 200 groups or 10 levels",
        },
        DEVELOPMENT,
    ),
    "many users who are removed": Promise(
        r"guard: \d+ of \d+ active users of tenant default were removed within an hour; ",
        "warning",
        CONSOLE,
        remove_twelve_users,
        {
            f"{ALERTS}/guard.kql": "were removed within an hour; ",
            RUNBOOK: "were removed within an hour",
        },
        DEVELOPMENT,
    ),
    "a tenant that cannot be swept": Promise(
        "tenant default could not be swept: Unavailable",
        "error",
        RECORD,
        sweep_without_a_role,
        {
            RUNBOOK: "runs fail, `tenant ... could not be swept: <type>`",
            ARCHITECTURE: "The log names it with the reason",
        },
        HOST_APART,
    ),
}
"""Every line, by what happens."""

UNPROMISED = {
    "Reading the versions of %s failed: %s": "whoever asked was answered 503, and asks again",
    "created the table": "a good thing, of which nothing follows",
    "the sweep of a deleted member waits: %s": "the sweeper takes it over",
    "the sweep of a deleted group waits: %s": "the sweeper takes it over",
    "roles are computed without the groups beyond %d or 10 levels": "a role less opens nothing",
    "The activity of %s lacks that a token was %s by %s: %s": "the line of the token tells it",
    "the guard could not look at tenant %s: %s": "the next removal, or a reader, has it look again",
    "request %s could not be noted in the provisioning log": "a fault of ours; it was answered",
    "the keys of issuers could not be fetched ahead of the first request": "a token fetches them",
    "request %s could not be traced: %s": "likewise",
    "the trace of tenant %s could not be written: %s": "the trace counts what it lacks",
    "a hint of changes named no tenant and was passed over": "only somebody else puts such a hint",
    "webhooks were not sent: %s\n%s": "the timer sends them, and logs what it meets itself",
    "the hints that were put aside could not be looked at: %s": "the timer looks again",
    "records %s of %d tenants are of a later version and were passed over: its instances sweep"
    " them": "they do, and nobody has to act",
    "%s: the version %s was to end and goes on, rotate again: %s": "`previousUntil` of the answer",
}
"""Lines that nobody relies on, and why."""

OF_SENDING, OF_RUNS = "test_dispatch.py", "test_webhooks_on.py"
OF_WEBHOOKS = {
    "webhook endpoint %s has no valid secret in the vault; nothing is sent to it": OF_SENDING,
    "webhook endpoint %s: %d events of tenant %s are dead letters, after the last attempt has"
    " failed": OF_SENDING,
    "webhook endpoint %s fails: %d attempts in a row for tenant %s; it is tried once in a while,"
    " and its events wait": OF_SENDING,
    "webhook endpoint %s is switched off: it has answered 410 Gone": OF_SENDING,
    "webhook endpoint %s: events of tenant %s from before %s are lost, because they are no longer"
    " kept; copy all users and groups anew, as docs/integrate.md says": OF_SENDING,
    "webhooks of tenant %s to %s were not sent: %s\n%s": OF_SENDING,
    "%d hints of changes could not be run and were put aside by the host; their queue is emptied,"
    " and what they told of is sent now": OF_RUNS,
}
"""What the runbook promises of runs that send webhooks, and the test below `tests/unit/webhooks`
that causes it. It is logged within the invocation of a timer or a message, as the sweeper's lines
are, so the host takes it.
"""


# The processes


@dataclass(frozen=True, slots=True)
class OnTheStandIn:
    """The app on the stand-in host, which writes time and level before a message."""

    app: Deployed
    log: Log

    async def ask(self, *, tenant: str = "", path: str = "Users", token: str = TOKEN) -> int:
        root = f"/tenants/{tenant}/scim/v2" if tenant else "/scim/v2"
        asked = "/healthz" if path == "healthz" else f"{root}/{path}"
        return (await self.app.client.get(asked, headers=bearer(token))).status_code

    async def send(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = await self.app.client.request(
            method, f"/scim/v2/{path}", headers=bearer(TOKEN), json=body
        )
        sent: dict[str, Any] = answer.json()
        return sent

    async def draw_token(self, key: str) -> None:
        url = "/api/v1/tenants/drawn/tokens"
        await self.app.client.post(url, headers=bearer(key), json={})

    async def create_webhook(self, key: str) -> None:
        await self.app.client.post("/api/v1/webhooks", headers=bearer(key), json=ENDPOINT)

    async def ask_for_an_access_token(self, client_id: str, secret: str) -> None:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        await self.app.client.post("/scim/v2/oauth2/token", data=form)

    async def sweep(self) -> None:
        """Wait for the run that is past due."""
        await self.log.until("sweeper: its timer fires")

    def line(self, way: str, text: str) -> str:
        return of_console(text) if way == CONSOLE else rf"^(?:\d\S+ \S+ [A-Z]+ )?(?:{text})"


@dataclass(slots=True)
class InTheLibrary:
    """The app in the runtime library, whose worker writes the logger's name before a message."""

    process: Process
    log: Log

    async def ask(self, *, tenant: str = "", path: str = "Users", token: str = TOKEN) -> int:
        function = "healthz" if path == "healthz" else path.lower()
        told = await self.exchanged(
            function=f"tenant_{function}" if tenant else function,
            method="GET",
            url="https://id.example.com/scim/v2/Users",
            headers=bearer(token) | {"authorization": f"Bearer {token}"},
            route={"tenant": tenant} if tenant else {},
            body="",
            invocation_id=str(uuid.uuid4()),
        )
        return int(told["status"])

    async def send(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        endpoint, _, resource_id = path.partition("/")
        told = await self.exchanged(
            function=f"{endpoint.lower()}_id" if resource_id else endpoint.lower(),
            method=method,
            url=f"https://id.example.com/scim/v2/{path}",
            headers=bearer(TOKEN) | {"authorization": f"Bearer {TOKEN}"},
            route={"id": resource_id} if resource_id else {},
            body="" if body is None else json.dumps(body),
            invocation_id=str(uuid.uuid4()),
        )
        sent: dict[str, Any] = json.loads(told["body"])
        return sent

    async def draw_token(self, key: str) -> None:
        await self.exchanged(
            function="api_tokens",
            method="POST",
            url="https://id.example.com/api/v1/tenants/drawn/tokens",
            headers={"authorization": f"Bearer {key}"},
            route={"tenant": "drawn"},
            body="{}",
            invocation_id=str(uuid.uuid4()),
        )

    async def create_webhook(self, key: str) -> None:
        await self.exchanged(
            function="api_webhooks",
            method="POST",
            url="https://id.example.com/api/v1/webhooks",
            headers={"authorization": f"Bearer {key}"},
            route={},
            body=json.dumps(ENDPOINT),
            invocation_id=str(uuid.uuid4()),
        )

    async def ask_for_an_access_token(self, client_id: str, secret: str) -> None:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        await self.exchanged(
            function="oauth2_token",
            method="POST",
            url="https://id.example.com/scim/v2/oauth2/token",
            headers={"content-type": "application/x-www-form-urlencoded"},
            route={},
            body=urlencode(form),
            invocation_id=str(uuid.uuid4()),
        )

    async def sweep(self) -> None:
        await self.exchanged(timer="sweeper")

    def line(self, way: str, text: str) -> str:
        return of_console(text) if way == CONSOLE else rf"^(?:shared|scim|background)\S* (?:{text})"

    async def exchanged(self, **message: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps(message)}\n".encode())
        return await self.answer()

    async def answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            told: dict[str, Any] = json.loads(await self.process.stdout.readline())
        return told


def of_console(text: str) -> str:
    """Give the pattern of a line that the app has written, the level behind its message."""
    return rf"^(?:{text}).*\[(?P<level>error|warning)\]$"


@asynccontextmanager
async def on_the_stand_in(settings: Mapping[str, str], _: Path) -> AsyncIterator[App]:
    missed = await missed_in_azure(settings, SWEEPER.name, SWEEPER.schedule)
    async with deployed({**settings, **missed}) as app:
        yield OnTheStandIn(app, app.log)


@asynccontextmanager
async def in_the_library(settings: Mapping[str, str], _: Path) -> AsyncIterator[App]:
    command = [sys.executable, "-m", "tests.support.fakes.azure_names", "--worker", str(ROOT)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=settings, stdin=PIPE, stdout=PIPE, stderr=PIPE, limit=2**24
    )
    log = Log()
    following = asyncio.create_task(log.follow(process.stderr))
    app = InTheLibrary(process, log)
    try:
        await app.answer()  # the index
        yield app
    finally:
        process.terminate()
        await process.wait()
        await following


PROCESSES = {"stand-in": on_the_stand_in, "runtime library": in_the_library}


@pytest.fixture(scope="module")
async def azure_of_module(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Azure]:
    async with azure_in(tmp_path_factory.mktemp("azure")) as running:
        yield running


@pytest.fixture
def azure(azure_of_module: Azure) -> Azure:
    """What stands around the app, with the one token that every test uses."""
    azure_of_module.vault.secrets.clear()
    azure_of_module.vault.put("scim-token", TOKEN)
    return azure_of_module


@pytest.fixture
async def storages(storage: Azurite) -> AsyncIterator[dict[str, str]]:
    """What is put for the storages that `PROMISES` names."""
    ended = asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(wait, "127.0.0.1")
    place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}/devstoreaccount1"
    silent = f"http://{place}"
    yield {
        "of Azurite": storage.connection_string,
        "of a storage that never answers": f"UseDevelopmentStorage=true;TableEndpoint={silent}",
        "of queues that never answer": f"https://{place}",
    }
    ended.set()
    server.close()


@pytest.fixture(params=PROCESSES)
def process(request: pytest.FixtureRequest) -> str:
    if request.param == "runtime library" and sys.version_info < (3, 13):
        pytest.skip("Azure runs this library on Python 3.13 and newer alone")
    name: str = request.param
    return name


# The lines


@pytest.mark.parametrize("name", PROMISES)
async def test_the_line_arrives(
    name: str, process: str, azure: Azure, storages: dict[str, str], tmp_path: Path
) -> None:
    promise = PROMISES[name]
    settings = {**azure.settings, **promise.settings}
    settings = {name: storages.get(value, value) for name, value in settings.items()}
    if "sweep" in promise.cause.__name__:
        del settings[SWEEPER_OFF]
    for file, code in promise.modules.items():
        (tmp_path / file).write_text(code)
    settings["PYTHONPATH"] = f"{tmp_path}:{ROOT}"
    async with PROCESSES[process](settings, tmp_path) as app:
        await promise.cause(app, azure)
        line = await app.log.until_matched(app.line(promise.way, promise.text))
    if promise.way == CONSOLE:
        assert line["level"] == promise.level
    assert TOKEN not in app.log.text


async def test_each_wrong_setting_has_its_line(process: str, azure: Azure, tmp_path: Path) -> None:
    wrong = {setting.name: "x" for setting in describe()} | {"SCIM_SECRET_TOKEN__ACME": "x"}
    free = {  # any text is right
        "AZURE_FUNCTIONS_ENVIRONMENT",
        "AZURE_CLIENT_ID",
        "SCIM_PORTAL_PRODUCT",
        "SCIM_PORTAL_STAFF_ROLE",
        "SCIM_SCHEMAS",
    }
    # The app looks at them where webhooks are on. Of one that is missing there is a promise.
    of_the_host = {"AzureWebJobsStorage", "AzureWebJobsStorage__queueServiceUri"}
    expected = wrong.keys() - free - of_the_host - {"SCIM_SECRET_TOKEN__<TENANT>"}
    settings = {**azure.settings, **dict.fromkeys(expected, "x")}
    async with PROCESSES[process](settings, tmp_path) as app:
        for name in expected:
            await app.log.until_matched(app.line(CONSOLE, f"setting refused: {name}"))
        assert await app.ask() == 503
        for name in expected:
            await app.log.until_matched(app.line(RECORD, f"setting refused: {name}"))


async def test_a_probe_that_meets_a_failed_import_does_not_fill_the_log(
    process: str, azure: Azure, tmp_path: Path
) -> None:
    (tmp_path / "pydantic.py").write_text(broken("pydantic")["pydantic.py"])
    async with PROCESSES[process]({**azure.settings, "PYTHONPATH": str(tmp_path)}, tmp_path) as app:
        for _ in range(5):
            await probe(app, azure)
    assert len(re.findall("the next one tries again", app.log.text)) == 1


async def test_an_import_that_fails_at_indexing_is_told_to_the_host(tmp_path: Path) -> None:
    """Nothing of the service runs then. The worker tells the host, which logs it."""
    (tmp_path / "function_app.py").write_text("import none_here\n")
    (tmp_path / "host.json").write_bytes((ROOT / "host.json").read_bytes())
    async with deployed({}, root=tmp_path) as app:
        await app.log.until("ModuleNotFoundError: No module named 'none_here'")
    if sys.version_info >= (3, 13):
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-P", str(WORKER), str(tmp_path), stdout=PIPE, stderr=PIPE
        )
        _, said = await worker.communicate()
        # What the library answers the host with; the host makes an error of it in its log.
        assert re.search(r"FunctionFailed: .*none_here", said.decode(), re.DOTALL)


# The list


def log_calls() -> dict[str, str]:
    """Return the message of every call of a logger in the deployed code, by its place."""
    files = [ROOT / f"{module}.py" for module in MODULES]
    files += [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    found = {}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="_log")), args=arguments):
                    place = f"{file.relative_to(ROOT)}:{node.lineno}"
                    found[place] = next(
                        each.value
                        for each in arguments
                        if isinstance(each, ast.Constant) and isinstance(each.value, str)
                    )
    return found


def is_listed(message: str) -> bool:
    """Say whether the words of a message that stand between its values are those of a promise.

    What is nothing but values is a line of JSON, and has the promises of its own fields.
    """
    words = [part.strip(" :,;") for part in re.split(r"%[sd]|\n", message)]
    long = [each[:10] for each in words if len(each) >= 8]
    texts = [each.text for each in PROMISES.values()]
    listed = {*UNPROMISED, *OF_WEBHOOKS}
    return message in listed or not long or any(w in text for w in long for text in texts)


def test_no_line_of_the_service_is_forgotten() -> None:
    assert {place: said for place, said in log_calls().items() if not is_listed(said)} == {}
    assert {*UNPROMISED, *OF_WEBHOOKS} <= set(log_calls().values())
    assert len(log_calls()) >= 15


@pytest.mark.parametrize("name", PROMISES)
def test_what_promises_the_line_still_does(name: str) -> None:
    for file, quote in PROMISES[name].promised.items():
        flat = " ".join((ROOT / file).read_text("utf-8").split())
        assert quote in flat, file


@pytest.mark.parametrize("message", OF_WEBHOOKS)
def test_what_the_runbook_says_of_webhooks_is_what_a_test_finds_in_the_log(message: str) -> None:
    text = (ROOT / RUNBOOK).read_text("utf-8")
    test = (ROOT / "tests" / "unit" / "webhooks" / OF_WEBHOOKS[message]).read_text("utf-8")
    phrases = [part.strip(" :;,") for part in re.split(r"%[sd]|\n|[:;,] ", message)]
    long = [phrase for phrase in phrases if len(phrase) >= 8]
    assert any(phrase in text for phrase in long)
    assert any(phrase in test for phrase in long)


def test_every_line_that_the_runbook_names_is_listed() -> None:
    text = (ROOT / RUNBOOK).read_text("utf-8")
    rows = re.findall(r"(?m)^\| the log says \|.*\n\|[-| ]+\n((?:\|.*\n)+)", text)
    named = {line for row in rows for line in re.findall(r"(?m)^\| `([^`]+)`", row)}
    quotes = " ".join(quote for each in PROMISES.values() for quote in each.promised.values())
    texts = " ".join(each.text for each in PROMISES.values())
    of_answers = {"404", "429", "no answer", "check that the app has an identity"}
    unlisted = {each for each in named if each not in quotes and each not in texts}
    assert {each for each in unlisted if not each.startswith("403/")} <= of_answers
    assert len(named) >= 8


def test_the_alert_on_server_errors_knows_each_line_of_a_service_that_serves_nobody() -> None:
    query = (ROOT / ALERTS / "server-errors.kql").read_text("utf-8")
    looked_for = re.findall(r'Message (?:startswith|has) "([^"]+)"', query)
    lines = [said.replace("%s", "KEY_VAULT_URL") for said in log_calls().values()]
    assert len(looked_for) == 4
    for text in looked_for:
        assert any(text in line for line in lines), text


@pytest.mark.parametrize("alert", ["vault-failures", "token-expiry"])
def test_what_alerts_look_for_is_found_by_either_way(alert: str) -> None:
    (pattern,) = re.findall(
        r'Message matches regex @"([^"]+)"', (ROOT / ALERTS / f"{alert}.kql").read_text("utf-8")
    )
    ways = {each.way for each in PROMISES.values() if f"{ALERTS}/{alert}.kql" in each.promised}
    assert ways == {RECORD, CONSOLE}
    assert pattern.startswith("^")  # a line of either way begins with its message
