"""The read-back against this service: a directory arrives whole, and faults in the store show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from function_app import app
from local import host
from shared.settings import Settings
from shared.store import layout
from shared.store.layout import pack_document
from shared.store.resources import user_from
from shared.tables.operations import Delete, Replace, RowOperation
from shared.web import services
from tools.provision.client import ScimClient
from tools.provision.generator import generate
from tools.provision.readback import ReadBack, Verification, expect
from tools.provision.report import Silence
from tools.provision.results import Ledger
from tools.provision.run import Plan, evolutions, provision
from tools.provision.state import State
from tools.provision.wire import Dialect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local.azurite import Azurite
    from shared.tables.azure_table import AzureTable
    from shared.tables.request_context import RequestContext
    from tools.provision.directory import Directory
    from tools.provision.readback import Difference

TOKEN = "a-token-of-these-tests-alone"
EVERYTHING = Verification(samples=100)


@pytest.fixture
async def tenant_url(
    storage: Azurite, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """The service over HTTP, on the table that the test can reach into."""
    environ = {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "TABLE_CONNECTION_STRING": storage.connection_string,
        f"SCIM_SECRET_TOKEN__{tenant.upper()}": TOKEN,
    }
    built = services.build(Settings.from_environment(environ))
    monkeypatch.setattr(services, "_current", built)
    async with host.serve(app) as base_url:
        yield f"{base_url}/tenants/{tenant}/scim/v2"
    await built.close()


async def provisioned(url: str, directory: Directory) -> State:
    state = State(url)
    async with ScimClient(url, TOKEN, Ledger()) as client:
        report = await provision(client, Plan([directory]), state, Silence())
    assert report.ok
    return state


async def read_back(url: str, directory: Directory, state: State) -> list[Difference]:
    async with ScimClient(url, TOKEN, Ledger()) as client:
        expectation = expect(directory, state)
        return await ReadBack(client, expectation, Silence(), EVERYTHING).compare()


async def plant(table: AzureTable, context: RequestContext, *operations: RowOperation) -> None:
    await table.transact(context, operations)


@pytest.mark.parametrize("dialect", Dialect)
async def test_a_directory_and_its_next_states_arrive_whole(
    tenant_url: str, dialect: Dialect
) -> None:
    states = evolutions(generate(users=20, groups=6, seed=3), count=2, seed=3)
    settings = replace(Plan(states).settings, dialect=dialect)
    async with ScimClient(tenant_url, TOKEN, Ledger()) as client:
        plan = Plan(states, settings, EVERYTHING)
        report = await provision(client, plan, State(tenant_url), Silence())
    assert report.failures == []
    assert report.differences == []


@pytest.mark.parametrize("dialect", Dialect)
async def test_groups_in_groups_arrive_whole_and_stay_so(tenant_url: str, dialect: Dialect) -> None:
    states = evolutions(generate(users=20, groups=16, seed=3, nested=True), count=2, seed=3)
    assert any(group.groups for group in states[-1].groups)
    settings = replace(Plan(states).settings, dialect=dialect)
    async with ScimClient(tenant_url, TOKEN, Ledger()) as client:
        plan = Plan(states, settings, EVERYTHING)
        report = await provision(client, plan, State(tenant_url), Silence())
    assert report.failures == []
    assert report.differences == []


async def test_a_document_that_lost_an_update_shows(
    tenant_url: str, table: AzureTable, context: RequestContext
) -> None:
    directory = generate(users=5, groups=2, seed=3)
    state = await provisioned(tenant_url, directory)
    uid = state.users[directory.users[0].id].target_id
    row = await table.get(context, layout.user_key(uid))
    assert row is not None
    stale = {**user_from(row).document, "displayName": "Someone Else", "active": False}
    await plant(table, context, Replace(row.key, {**row.values, **pack_document(stale)}, row.etag))
    differences = await read_back(tenant_url, directory, state)
    assert {difference.what for difference in differences} == {"displayName", "active"}


async def test_a_membership_without_its_row_shows(
    tenant_url: str, table: AzureTable, context: RequestContext
) -> None:
    directory = generate(users=5, groups=2, seed=3)
    state = await provisioned(tenant_url, directory)
    group = directory.groups[0]
    uid = state.users[group.members[0]].target_id
    gid = state.groups[group.id].target_id
    await plant(table, context, Delete(layout.membership_key(gid, uid)))
    (difference,) = await read_back(tenant_url, directory, state)
    assert (difference.subject, difference.what) == (f"group {group.display_name}", "members")


async def test_a_user_without_its_claim_shows(
    tenant_url: str, table: AzureTable, context: RequestContext
) -> None:
    directory = generate(users=5, groups=2, seed=3)
    state = await provisioned(tenant_url, directory)
    uid = state.users[directory.users[0].id].target_id
    row = await table.get(context, layout.user_key(uid))
    assert row is not None
    await plant(table, context, Delete(layout.claim_key("un", str(row.values["un"]))))
    differences = await read_back(tenant_url, directory, state)
    assert [difference.subject for difference in differences] == [
        f"user {user_from(row).document['userName']}"
    ]
