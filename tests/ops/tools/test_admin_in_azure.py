"""`tools.admin` as a process of its own, on the names of Azure, by the sign-in alone.

Key Vault and the identity endpoint are fakes on loopback; the storage is Azurite over TLS that
takes access tokens. `tests/support/fakes/azure_names.py` makes the names of Azure lead to them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import signal
import ssl
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from shared.scim.documents import changed_names
from shared.store import layout
from shared.store.layout import Column
from shared.store.store import open_store
from shared.tables.azure_table import AzureTable
from shared.tables.operations import Merge
from shared.tables.request_context import RequestContext
from shared.tables.rest.authorization import SharedKeyLite
from shared.tables.rest.client import RestClient
from shared.tables.table import collect
from shared.telemetry.request_record import RequestRecord
from shared.web.bodies import Body
from shared.web.trace_recorder import TraceRecorder
from tests.ops.tools.conftest import Ended
from tests.support.documents import user
from tests.support.fakes.azure import (
    STORAGE,
    TABLES,
    VAULT,
    Identity,
    access_token,
    certificates,
    table_storage,
)
from tests.support.fakes.key_vault import FakeKeyVault, serving

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

    from shared.store.store import Store
    from shared.tables.rows import Row

ROOT = Path(__file__).parents[3]
ARM = "https://management.azure.com"
OBJECT_ID = "99999999-8888-7777-6666-555555555555"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
MAIN = """
import json, os, runpy
from tests.support.fakes.azure_names import lead_to_loopback
lead_to_loopback(json.loads(os.environ["PORTS_OF_NAMES"]))
runpy.run_module("tools.admin", run_name="__main__")
"""


class Person(Identity):
    """Answers as for a person whom the tokens name."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.query["resource"] not in {ARM, STORAGE}:
            return await super().answer(request)
        audience = self.audience if request.query["resource"] == STORAGE else ARM
        token = access_token(audience, upn="ana@contoso.test", oid=OBJECT_ID, idtyp="user")
        return web.json_response(
            {
                "access_token": token,
                "token_type": "Bearer",
                "resource": request.query["resource"],
                "expires_on": str(int(time.time()) + 3_600),
            }
        )


@dataclass(slots=True)
class Azure:
    """A vault and a storage account, and whoever is signed in."""

    environ: dict[str, str]
    vault: FakeKeyVault
    person: Person
    store: Store
    processes: list[Process] = field(default_factory=list)

    async def start(self, *arguments: str, **environ: str) -> Process:
        """Start a command with these variables and no others."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            MAIN,
            *arguments,
            cwd=ROOT,
            env={**self.environ, **environ},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def admin(self, *arguments: str, **environ: str) -> Ended:
        process = await self.start(*arguments, **environ)
        out, err = await process.communicate()
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    def context(self, tenant: str) -> RequestContext:
        return RequestContext(tenant, secrets.token_hex(8), "test", time.monotonic() + 60)


@pytest.fixture(scope="module")
async def azure(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Azure]:
    folder = tmp_path_factory.mktemp("azure")
    tls = certificates(folder)
    vault, person = FakeKeyVault(url=f"https://{VAULT}"), Person()
    async with (
        serving(vault.answer, tls) as vault_url,
        serving(person.answer) as identity_url,
        table_storage(folder) as table_port,
    ):
        environ = {
            "KEY_VAULT_URL": vault.url,
            "TABLE_ENDPOINT": f"https://{TABLES}/devstoreaccount1",
            "PORTS_OF_NAMES": json.dumps(
                {VAULT: int(vault_url.rpartition(":")[2]), TABLES: table_port}
            ),
            "IDENTITY_ENDPOINT": f"{identity_url}/msi/token",
            "IDENTITY_HEADER": person.header,
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "SSL_CERT_FILE": str(folder / "authority.pem"),
            "PATH": os.environ["PATH"],
            "COLUMNS": "80",
        }
        endpoint = f"https://127.0.0.1:{table_port}/devstoreaccount1"
        trust = ssl.create_default_context(cafile=str(folder / "authority.pem"))
        key = SharedKeyLite("devstoreaccount1", KEY)
        table = AzureTable(RestClient(endpoint, "scim", key, trust))
        yield Azure(environ, vault, person, open_store(table, changed_names))
        await table.close()


async def test_a_tenant_is_created_provisioned_looked_at_and_closed(azure: Azure) -> None:
    new = await azure.admin("token", "new", "--tenant", "acme")
    assert new.status == 0, new.err
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n", new.out)
    assert new.out.strip() not in new.err
    assert azure.vault.secrets["scim-token--acme"][0].value == new.out.strip()

    await azure.store.users.create(azure.context("acme"), user("ana@contoso.test"))
    stats = await azure.admin("tenant", "stats", "--json")
    assert stats.status == 0, stats.err
    assert [(each["tenant"], each["users"]) for each in stats.json] == [("acme", 1)]
    shown = await azure.admin("user", "show", "ana@contoso.test", "--tenant", "acme")
    assert shown.status == 0, shown.err
    assert "history: 1, complete" in shown.out

    closed = await azure.admin("token", "revoke", "--all", "--yes", "--tenant", "acme")
    assert closed.status == 0, closed.err
    tenants = await azure.admin("tenant", "list", "--json")
    assert [(each["tenant"], each["open"]) for each in tenants.json] == [("acme", False)]


async def test_a_new_tenant_does_not_take_over_the_data_of_a_former_one(azure: Azure) -> None:
    await azure.store.users.create(azure.context("former"), user("bo@contoso.test"))
    refused = await azure.admin("token", "new", "--tenant", "former")
    assert (refused.status, refused.out) == (1, "")
    assert "the table holds data of a tenant former" in refused.err
    assert "scim-token--former" not in azure.vault.secrets
    taken = await azure.admin("token", "new", "--tenant", "former", "--existing-data")
    assert taken.status == 0, taken.err
    unchecked = await azure.admin("token", "new", "--tenant", "other", TABLE_ENDPOINT="")
    assert unchecked.status == 0
    assert "without --storage it was not checked" in unchecked.err


async def test_whoami_names_the_person_and_both_places(azure: Azure) -> None:
    ended = await azure.admin("whoami", "--json")
    assert ended.status == 0, ended.err
    assert ended.json["signed_in"] == {
        "name": "ana@contoso.test",
        "object_id": OBJECT_ID,
        "is_application": False,
    }
    assert [(each["what"], each["answer"]) for each in ended.json["access"]] == [
        ("vault", "yes"),
        ("storage", "yes"),
    ]


async def test_whoami_says_how_to_get_what_is_missing(
    azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Identity, "audience", "https://of.another.service")
    with azure.vault.failing(403, code="Forbidden", inner="ForbiddenByRbac"):
        ended = await azure.admin("whoami")
    assert ended.status == 1, ended.err
    lines = ended.out.replace("\n", " ")
    assert 'az role assignment create --role "Key Vault Secrets Officer"' in lines
    assert '--scope "$(az keyvault show --name contoso --query id --output tsv)"' in lines
    assert (
        f'--role "Storage Table Data Reader" --assignee-object-id {OBJECT_ID}'
        " --assignee-principal-type User"
        ' --scope "$(az storage account show --name contoso --query id --output tsv)"'
    ) in lines


async def test_a_table_that_does_not_exist_is_said_and_not_created(azure: Azure) -> None:
    azure.vault.put("scim-token--acme", "a-token-of-acme-itself")
    for _ in range(2):
        ended = await azure.admin("tenant", "stats", "acme", "--table", "mistyped", "--json")
        assert (ended.status, ended.out) == (3, "")
        assert ended.err.startswith(f"error: there is no table mistyped in https://{TABLES}/")
    with_access = await azure.admin("whoami", "--table", "mistyped")
    assert with_access.status == 1
    assert "there is no table mistyped" in with_access.out


async def test_a_new_tenant_holds_nothing_and_one_that_the_vault_does_not_know_is_not_there(
    azure: Azure,
) -> None:
    azure.vault.put("scim-token--empty", "a-token-of-the-empty-one")
    await azure.store.users.count(azure.context("empty"))  # the first read creates the table
    new = await azure.admin("tenant", "stats", "empty", "--json")
    assert new.status == 0, new.err
    assert (new.json[0]["users"], new.json[0]["last_change"]) == (0, None)
    assert (await azure.admin("changes", "--tenant", "empty")).status == 0
    for arguments in (("tenant", "stats", "unknown"), ("changes", "--tenant", "unknown")):
        ended = await azure.admin(*arguments)
        assert (ended.status, ended.out) == (3, "")
        assert ended.err.startswith("error: there is no tenant unknown: the vault ")
    without_vault = await azure.admin("tenant", "stats", "empty", KEY_VAULT_URL="")
    assert (without_vault.status, without_vault.out) == (3, "")
    assert "KEY_VAULT_URL names the vault that knows" in without_vault.err


async def test_changes_are_followed_until_ctrl_c(azure: Azure) -> None:
    context = azure.context("followed")
    await azure.store.users.create(context, user("first"))
    arguments = ("changes", "--tenant", "followed", "--follow", "--interval", "0.5", "--json")
    process = await azure.start(*arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.timeout(60):
        first = json.loads(await process.stdout.readline())
        second_user = await azure.store.users.create(context, user("second"))
        second = json.loads(await process.stdout.readline())
        process.send_signal(signal.SIGINT)
        rest, said = await process.communicate()
    assert (first["verb"], second["id"]) == ("create", second_user.id)
    assert (process.returncode, rest, said) == (130, b"", b"")


async def test_a_webhook_endpoint_is_created_rotated_and_deleted(azure: Azure) -> None:
    assert (await azure.admin("token", "new", "--tenant", "hooked")).status == 0
    await azure.store.users.create(azure.context("hooked"), user("ana@contoso.test"))
    url = "https://hooks.example.com/scim"
    nobody = await azure.admin("webhook", "new", url, "--tenant", "nobody")
    assert (nobody.status, nobody.out) == (3, "")
    new = await azure.admin("webhook", "new", url, "--tenant", "hooked", "--type", "user.deleted")
    assert new.status == 0, new.err
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=\n", new.out)
    assert new.out.strip() not in new.err
    (endpoint,) = (await azure.admin("webhook", "list", "--json")).json
    assert (endpoint["tenants"], endpoint["types"]) == (["hooked"], ["user.deleted"])
    name = f"scim-webhook--{endpoint['id']}"
    assert [each.value for each in azure.vault.secrets[name]] == [new.out.strip()]
    rotated = await azure.admin("webhook", "rotate", endpoint["id"])
    assert rotated.status == 0, rotated.err
    deleted = await azure.admin("webhook", "delete", endpoint["id"], "--yes")
    assert deleted.status == 0, deleted.err
    assert not any(each.enabled for each in azure.vault.secrets[name])
    assert (await azure.admin("webhook", "list", "--json")).json == []


# --- traces


def request_of(tenant: str, name: str) -> RequestRecord:
    """A request that the service has answered."""
    body = Body(json.dumps({"userName": name, "password": "hunter2"}).encode(), None, 10_000)
    body.read()
    record = RequestRecord("request-1", "POST", "scim/v2/Users", "entra-1", tenant=tenant)
    record.url = f"https://scim.example.com/tenants/{tenant}/scim/v2/Users?attributes=userName"
    record.body, record.answer, record.status = body, {"id": "1", "userName": name}, 201
    return record


async def serve(azure: Azure, tenant: str, *names: str) -> None:
    """What the service does with requests that it has answered, once it has read the settings."""
    store = open_store(azure.store.table, changed_names)
    await store.settings.current(azure.context(tenant))
    recorder = TraceRecorder(store.traces)
    for name in names:
        recorder.take(request_of(tenant, name))
    await recorder.drain()


async def sealed_rows(azure: Azure, tenant: str) -> list[Row]:
    (trace,) = await azure.store.traces.kept(azure.context(tenant))
    span = layout.trace_entries_span(trace.id)
    return await collect(azure.store.table, azure.context(tenant), span)


async def open_trace(azure: Azure, tenant: str, *options: str) -> None:
    azure.vault.put(f"scim-token--{tenant}", "a-token-of-this-tenant")
    await azure.store.users.count(azure.context(tenant))  # the first read creates the table
    ended = await azure.admin("trace", "on", "--tenant", tenant, *options)
    assert (ended.status, ended.out) == (0, ""), ended.err


async def test_a_trace_is_opened_written_shown_and_ended(azure: Azure) -> None:
    named = ("--tenant", "traced")
    await open_trace(azure, "traced", "--hours", "2", "--user", "Ana@contoso.test")
    (version,) = azure.vault.secrets["scim-trace--traced"]
    await serve(azure, "traced", "ana@contoso.test", "bo@contoso.test")
    shown = await azure.admin("trace", "show", *named, "--json")
    assert shown.status == 0, shown.err
    entry = json.loads(shown.out)
    assert entry["body"] == {"userName": "ana@contoso.test", "password": "(left out)"}
    assert entry["answer"] == {"id": "1", "userName": "ana@contoso.test"}
    assert (entry["method"], entry["status"]) == ("POST", 201)
    assert entry["target"] == "/tenants/traced/scim/v2/Users?attributes=userName"
    assert (entry["request"], entry["clientRequest"]) == ("request-1", "entra-1")
    assert '> {"userName":"ana@contoso.test"' in (await azure.admin("trace", "show", *named)).out
    assert (await azure.admin("trace", "show", *named, "--since", "0s")).out == ""

    again = await azure.admin("trace", "on", *named)
    assert (again.status, len(azure.vault.secrets["scim-trace--traced"])) == (1, 1)
    assert "is open: `trace list` shows it" in again.err
    (listed,) = (await azure.admin("trace", "list", "--json")).json
    assert (listed["tenant"], listed["state"], listed["user"]) == (
        "traced",
        "open",
        "Ana@contoso.test",
    )
    assert listed["by"] == "admin/ana@contoso.test"

    assert (await azure.admin("trace", "off", *named)).status == 0
    assert (await azure.admin("trace", "off", *named)).status == 1
    await serve(azure, "traced", "ana@contoso.test")
    assert len(await sealed_rows(azure, "traced")) == 1
    (listed,) = (await azure.admin("trace", "list", *named, "--json")).json
    assert listed["state"] == "ended"
    changes = await azure.admin("changes", *named, "--json")
    told = [json.loads(line) for line in changes.out.splitlines()]
    assert [each["token"] for each in told] == 2 * ["admin/ana@contoso.test"]
    assert version.value not in shown.out + shown.err + changes.out


async def test_a_trace_of_one_tenant_keeps_nothing_of_another(azure: Azure) -> None:
    await open_trace(azure, "one")
    await serve(azure, "two", "ana@contoso.test")
    assert await sealed_rows(azure, "one") == []
    assert await azure.store.traces.kept(azure.context("two")) == []


async def test_an_entry_that_was_changed_in_the_table_is_not_shown(azure: Azure) -> None:
    await open_trace(azure, "changed")
    await serve(azure, "changed", "ana@contoso.test", "bo@contoso.test")
    row = (await sealed_rows(azure, "changed"))[0]
    sealed = row.values[Column.SEALED]
    assert isinstance(sealed, bytes)
    forged = Merge(row.key, {Column.SEALED: sealed[:-1] + bytes([sealed[-1] ^ 1])}, row.etag)
    await azure.store.table.transact(azure.context("changed"), [forged])
    shown = await azure.admin("trace", "show", "--tenant", "changed", "--json")
    assert (shown.status, len(shown.out.splitlines())) == (1, 1)
    assert f"the entry {row.key} was changed" in shown.err
    assert "error: 1 entries were not shown" in shown.err


async def test_another_key_than_that_of_the_trace_opens_nothing(azure: Azure) -> None:
    for tenant in ("mine", "yours"):
        await open_trace(azure, tenant)
        await serve(azure, tenant, "ana@contoso.test")
    (mine,), (yours,) = (azure.vault.secrets[f"scim-trace--{each}"] for each in ("mine", "yours"))
    mine.value = yours.value
    shown = await azure.admin("trace", "show", "--tenant", "mine")
    assert (shown.status, shown.out) == (1, "")
    with azure.vault.failing(403, code="Forbidden", inner="ForbiddenByRbac"):
        refused = await azure.admin("trace", "show", "--tenant", "yours")
    assert (refused.status, refused.out) == (3, "")
    assert "Key Vault Secrets Officer" in refused.err


async def test_no_trace_is_opened_without_its_key(azure: Azure) -> None:
    azure.vault.put("scim-token--keyless", "a-token-of-this-tenant")
    azure.vault.is_read_only = True
    refused = await azure.admin("trace", "on", "--tenant", "keyless")
    azure.vault.is_read_only = False
    assert (refused.status, refused.out) == (3, "")
    assert await azure.store.traces.read(azure.context("keyless")) is None


@pytest.mark.parametrize("hours", ["0", "25"])
async def test_a_trace_is_open_for_a_day_at_most(azure: Azure, hours: str) -> None:
    ended = await azure.admin("trace", "on", "--tenant", "long", "--hours", hours)
    assert (ended.status, ended.out) == (2, "")


async def test_there_is_no_trace_of_a_tenant_that_does_not_exist(azure: Azure) -> None:
    for command in ("on", "show", "off", "list"):
        ended = await azure.admin("trace", command, "--tenant", "nobody")
        assert (ended.status, ended.out) == (3, ""), command
    assert "scim-trace--nobody" not in azure.vault.secrets
