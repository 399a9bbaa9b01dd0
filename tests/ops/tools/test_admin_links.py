"""`tools.admin link`: setup links by the operator, on the table itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from shared.portal_codes import STAFF, read_code

if TYPE_CHECKING:
    from local.azurite import Azurite
    from shared.store.store import Store
    from shared.tables.request_context import RequestContext
    from tests.ops.tools.conftest import Admin

from tests.ops.tools.conftest import admin_with

URL = ("--url", "https://scim.example.com")


@pytest.fixture
async def link_admin(
    operator: None, storage: Azurite, store: Store, context: RequestContext, tenant: str
) -> Admin:
    """The operator of a table that exists, and of settings with a token of the test's tenant."""
    await store.setup_links.list_links(context)
    token = {f"SCIM_SECRET_TOKEN__{tenant.upper()}": "a-token-of-sixteen-characters-or-more"}
    return admin_with({"TABLE_CONNECTION_STRING": storage.connection_string, **token})


async def test_a_link_is_printed_alone_and_opens_the_portal(
    link_admin: Admin, store: Store, context: RequestContext, tenant: str
) -> None:
    ended = await link_admin("link", "new", "--tenant", tenant, "--right", "watch", *URL)
    assert ended.status == 0, ended.err
    (line,) = ended.out.splitlines()
    code = read_code(line)
    assert code is not None
    assert line.startswith("https://scim.example.com/portal/open#")
    assert code.secret not in ended.err
    (link,) = await store.setup_links.list_links(context)
    assert (link.id, sorted(link.rights), link.maker) == (code.link, ["watch"], "admin")


async def test_links_are_listed_without_what_opens_them_and_revoked(
    link_admin: Admin, tenant: str
) -> None:
    made = await link_admin("link", "new", "--tenant", tenant, "--json", *URL)
    assert made.status == 0, made.err
    link_id = made.json["id"]
    listed = await link_admin("link", "list", "--tenant", tenant, "--json")
    assert listed.json == [{k: v for k, v in made.json.items() if k != "url"}]
    revoked = await link_admin("link", "revoke", link_id, "--tenant", tenant, "--json")
    assert revoked.json["state"] == "revoked"


async def test_what_is_not_there_is_said(link_admin: Admin, tenant: str) -> None:
    unknown = await link_admin("link", "new", "--tenant", "nobody", *URL)
    assert (unknown.status, unknown.out) == (3, "")
    absent = await link_admin("link", "revoke", "0" * 32, "--tenant", tenant)
    assert absent.status == 1
    nowhere = await link_admin("link", "new", "--tenant", tenant)
    assert nowhere.status == 1
    assert "--url" in nowhere.err
    wrong = await link_admin("link", "new", "--tenant", tenant, "--url", "scim.example.com")
    assert wrong.status == 2


async def test_a_link_of_staff_is_of_no_tenant(link_admin: Admin) -> None:
    ended = await link_admin("link", "new", "--staff", *URL)
    assert ended.status == 0, ended.err
    assert re.search(r"/portal/open#[0-9a-f]{32}\.[\w-]{43}\n", ended.out)
    code = read_code(ended.out.strip())
    assert code is not None
    assert code.tenant == STAFF
    assert "of staff" in ended.err


async def test_a_link_of_staff_names_no_tenant(link_admin: Admin, tenant: str) -> None:
    refused = await link_admin("link", "new", "--staff", "--tenant", tenant, *URL)
    assert (refused.status, refused.out) == (2, "")
    assert "leave --tenant out" in refused.err


async def test_in_azure_staff_sign_in(link_admin: Admin) -> None:
    vault = ("--vault", "https://contoso.vault.azure.net")
    refused = await link_admin("link", "new", "--staff", *vault, *URL)
    assert (refused.status, refused.out) == (2, "")
    assert "in Azure staff sign in" in refused.err
