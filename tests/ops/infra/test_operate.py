"""The runbook: its queries parse, its shell is shell, and its program copies a table."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from background.sweeper import KeptDays, Sweep
from infra.package_app import LOCKS
from shared.auth.configured import tenant_tokens
from shared.auth.secret_changes import Requester
from shared.auth.tokens import DevelopmentTokens
from shared.errors import Conflict
from shared.scim.documents import changed_names
from shared.settings import Settings, describe
from shared.store.store import Store, open_store
from shared.tables.account import TableAddress
from shared.tables.azure_table import AzureTable, open_table
from shared.tables.operations import Insert
from shared.tables.request_context import Meter, RequestContext
from shared.tables.rows import Span
from shared.tables.table import collect
from shared.telemetry.request_record import RequestRecord
from shared.web.request_log import write_line
from tests.ops.infra import kql
from tests.support.dependency_groups import requirements
from tests.support.seeds import seed, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local.azurite import Azurite
    from tests.conftest import NewContext
    from tests.support.fakes.clock import Time

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "operate.md").read_text("utf-8")
DEVELOPMENT = {
    "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    "SCIM_SECRET_TOKEN": "a-token-of-nobody",
}
EVERYTHING = Span("0", "zz")
BLOCK = re.compile(r"^ *```(?P<kind>\w+)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)

TABLES = {
    "AppMetrics": {
        "TimeGenerated": "datetime",
        "ItemCount": "int",
        "Max": "real",
        "Min": "real",
        "Name": "string",
        "Properties": "dynamic",
        "Sum": "real",
    },
    "AppRequests": {
        "TimeGenerated": "datetime",
        "ItemCount": "int",
        "DurationMs": "real",
        "Name": "string",
        "OperationId": "string",
        "Properties": "dynamic",
        "ResultCode": "string",
        "Success": "bool",
        "Url": "string",
    },
    "AppExceptions": {
        "TimeGenerated": "datetime",
        "AppRoleInstance": "string",
        "ExceptionType": "string",
        "ItemCount": "int",
        "OuterMessage": "string",
    },
    "Usage": {
        "TimeGenerated": "datetime",
        "DataType": "string",
        "IsBillable": "bool",
        "Quantity": "real",
    },
    "AZKVAuditLogs": {
        "TimeGenerated": "datetime",
        "CallerIpAddress": "string",
        "OperationName": "string",
        "ResultSignature": "string",
    },
}
"""Tables that only the runbook reads, as the reference of Azure Monitor Logs has them."""

ALERTS = {
    "server-errors",
    "unauthorized",
    "storage-throttling",
    "rate-limit",
    "refusals",
    "host-refusals",
    "vault-failures",
    "token-expiry",
    "guard",
    "silence",
    "log-cap",
}


def blocks(kind: str, text: str = TEXT) -> list[str]:
    """Return the fenced blocks of a kind."""
    found = [each for each in BLOCK.finditer(text) if each["kind"] == kind]
    return [textwrap.dedent(each["text"]) for each in found]


def sections(level: str, text: str = TEXT) -> dict[str, str]:
    """Return what stands under each heading of a level, as `## `."""
    bare = re.split(rf"^{level} ", text, flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in bare}


QUERIES = blocks("kusto")
SHELL = blocks("sh")


SLIPS = {
    "syntax": "AppTraces | where",
    "column": "AppTraces | where Mesage == ''",
    "table": "AppTrace | take 1",
}
TRANSFORMATIONS = [
    query.replace("source", "AppRequests", 1)
    for query in re.findall(r'"transformKql": "(.*?)"', TEXT)
]


@pytest.fixture(scope="module")
def problems() -> dict[str, list[str]]:
    """What is wrong with each query, against the tables of the workspace."""
    queries = [*QUERIES, *TRANSFORMATIONS, *SLIPS.values()]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kql, "TABLES", kql.TABLES | TABLES)
        return kql.problems({query: query for query in queries})


def test_every_query_parses_against_the_tables_of_the_workspace(
    problems: dict[str, list[str]],
) -> None:
    assert len(QUERIES) >= 15
    assert len(TRANSFORMATIONS) == 1
    assert {each: problems[each] for each in (*QUERIES, *TRANSFORMATIONS) if problems[each]} == {}


def test_a_query_with_a_slip_would_be_found(problems: dict[str, list[str]]) -> None:
    assert all(problems[slip] for slip in SLIPS.values())


def test_queries_ask_for_fields_that_the_service_writes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    record = RequestRecord(
        "request", "GET", "route", "client-1", f"00-{'a' * 32}-{'b' * 16}-01", "tenant", "token"
    )
    record.resource_id, record.meter = "0" * 32, Meter()
    record.scim_type, record.operation, record.path = "invalidValue", 0, "active"
    record.refused_by = "rateLimit"
    record.failed_check = "aud: expected a, received b"
    record.finish(400)
    write_line(record)
    written = json.loads(caplog.records[-1].getMessage())
    asked = set(re.findall(r"\bline\.(\w+)", "\n".join(QUERIES)))
    assert asked <= written.keys()
    documented = sections("##")["Read the logs"]
    rows = [line for line in documented.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == written.keys()
    assert caplog.records[-1].getMessage().startswith('{"request":')


async def test_the_query_about_tokens_asks_for_what_their_line_holds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    tokens = DevelopmentTokens({"acme": SecretStr("a-token-of-nobody")})
    managed = tenant_tokens(Settings.from_environment(DEVELOPMENT), tokens)
    by = Requester("portal/1a2b3c4d", "request", time.monotonic() + 30)
    newest = (await managed.draw("acme", time.time() + 86_400, by)).drawn.version.id
    with pytest.raises(Conflict):
        await managed.revoke("acme", newest, by)
    drawn, refused = (json.loads(each) for each in caplog.messages if each.startswith('{"tokens":'))
    asked = set(re.findall(r"\bchange\.(\w+)|\bchange\['(\w+)'\]", "\n".join(QUERIES)))
    fields = {dotted or quoted for dotted, quoted in asked}
    assert fields == {"tokens", "tenant", "version", "by", "refused"}
    assert fields - {"refused"} <= drawn.keys()
    assert fields <= refused.keys()
    (shown,) = re.findall(r'`(\{"tokens":.*?\})`', TEXT)
    assert json.loads(shown.replace("[...]", "[]")).keys() == drawn.keys()


async def test_the_queries_about_the_sweeper_ask_for_what_it_writes(
    caplog: pytest.LogCaptureFixture, store: Store, tenant: str, clock: Time
) -> None:
    caplog.set_level(logging.INFO)
    old = int((clock.wall - 500 * 86_400) * 1_000)
    context = RequestContext(tenant, "request", "token", time.monotonic() + 30)
    await write(store.table, context, [Insert(f"l-{old:012x}{0:020x}", {"rt": "User"})])
    only = DevelopmentTokens({tenant: SecretStr("a-token-of-nobody")})
    await Sweep(store, "run", KeptDays(400, 30), clock=clock.clock()).run(only)
    (line,) = (each for each in caplog.messages if each.startswith('{"sweep":'))
    asked = set(re.findall(r"\brun\.(\w+)", "\n".join(QUERIES)))
    assert {"sweep", *asked} == json.loads(line).keys()


def test_each_alert_has_its_cause_its_remedy_and_a_query() -> None:
    alerts = sections("###", sections("##")["Alerts"])
    assert alerts.keys() == ALERTS
    for text in alerts.values():
        assert blocks("kusto", text)
        assert (
            re.search(r"cause", text, re.IGNORECASE) or "- **" in text or "| the log says |" in text
        )


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.split("\n")[0][:40])
def test_shell_is_shell(block: str) -> None:
    ran = subprocess.run(["sh", "-n"], input=block, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "<" not in re.sub(r"<<'END'.*", "", block, flags=re.DOTALL)  # nothing to be filled in


def test_the_packages_of_telemetry_come_to_those_of_the_app() -> None:
    assert "python3 infra/package_app.py --telemetry app.zip\n" in "\n".join(SHELL)
    locks = {each: (ROOT / "infra" / name).read_text("utf-8") for each, name in LOCKS.items()}
    for pin in requirements("telemetry"):
        assert f"\n{pin} --hash=" in locks[True]
        assert pin not in locks[False]
    pins = re.findall(r"(?m)^[^#].*$", locks[False])
    assert pins
    assert set(pins) <= set(locks[True].splitlines())


def test_variables_are_set_before_they_are_used() -> None:
    known = {"HOME"}
    for block in SHELL:
        for line in block.splitlines():
            used = set(re.findall(r"\$\{?([A-Z][A-Z_]+)", line))
            assigned = set(re.findall(r"\b([A-Z][A-Z_]+)=", line))
            looped = set(re.findall(r"\bfor ([A-Z]+) in", line))
            assert used <= known | assigned | looped, line
            known |= assigned | looped


def test_links_lead_somewhere() -> None:
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL), re.MULTILINE
    )
    anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
    linked = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    assert linked <= anchors
    assert {f"- [{title}](#" for title in sections("##")} == {
        line.partition("#")[0] + "#" for line in TEXT.splitlines() if line.startswith("- [")
    }


def test_settings_are_those_of_the_service() -> None:
    named = set(re.findall(r"\b(?:SCIM|TABLE)_[A-Z_]+\b", TEXT))
    of_this_page = {"SCIM_ALERT_EMAIL", "SCIM_ALERT_WEBHOOK", "TABLE_ENDPOINT"}
    assert named - of_this_page <= {setting.name for setting in describe()}


@pytest.fixture
def program() -> str:
    """The program that copies a table, out of the page."""
    (found,) = (block for block in SHELL if "submit_transaction" in block)
    return found.partition("<<'END'\n")[2].removesuffix("END\n")


@pytest.fixture
async def tables(storage: Azurite, tenant: str) -> AsyncIterator[tuple[AzureTable, AzureTable]]:
    """Two tables of the test's own, the second of which is empty."""
    address = storage.connection_string
    names = (f"from{tenant}", f"to{tenant}")
    opened = [open_table(TableAddress(name, connection_string=address)) for name in names]
    for table in opened:
        await table.page(
            RequestContext(tenant, "r", "test", float("inf")), EVERYTHING
        )  # creates it
    yield opened[0], opened[1]
    for table in opened:
        await table.close()


async def copied(program: str, storage: Azurite, source: str, target: str) -> str:
    """Run the program from a table into another, and return what it says."""
    environ = {
        "PATH": os.environ["PATH"],
        "FROM": storage.connection_string,
        "FROM_TABLE": source,
        "TO": storage.connection_string,
        "TO_TABLE": target,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-",
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await process.communicate(program.encode())
    assert process.returncode == 0, said.decode()
    return said.decode()


async def test_the_copy_of_a_table_is_the_table(
    program: str,
    storage: Azurite,
    tables: tuple[AzureTable, AzureTable],
    tenant: str,
    new_context: NewContext,
) -> None:
    source, target = tables
    mine, other = new_context(seconds=120), replace(new_context(seconds=120), tenant="another")
    await seed(source, mine, users=150, groups=3)
    users = open_store(source, changed_names).users
    long = "Zoë 😀" * 25_000  # five of them are more than a transaction should carry
    for number in range(5):
        await users.create(mine, {"userName": f"{number}@contoso.test", "displayName": long})
    zoe = await users.create(other, {"userName": "zoe@contoso.test", "displayName": "Zoë 😀"})

    for _ in range(2):  # a copy that was broken off is made again
        said = await copied(program, storage, f"from{tenant}", f"to{tenant}")
        for context in (mine, other):
            before = await collect(source, context, EVERYTHING)
            after = await collect(target, context, EVERYTHING)
            assert [(row.key, row.values) for row in after] == [
                (row.key, row.values) for row in before
            ]
            assert f"{context.tenant}: {len(before)} rows" in said
    there = open_store(target, changed_names).users
    assert await there.count(mine) == 155
    assert await there.get(other, zoe.id) == zoe
