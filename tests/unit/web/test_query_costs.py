"""What a query costs, in storage calls, whatever the tenant's size (docs/architecture.md)."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from scim_groups.source import GroupSource
from scim_users.handlers import UserSource
from shared.scim.catalogue import Catalogue
from shared.scim.documents import changed_names
from shared.scim.queries import from_parameters
from shared.store.store import open_store
from shared.tables.request_context import RequestContext
from shared.web.listing import list_resources
from shared.web.matching import Bounds
from shared.web.requests import ScimRequest
from tests.support.seeds import seed

if TYPE_CHECKING:
    from shared.store.store import Store
    from shared.tables.azure_table import AzureTable
    from shared.web.sources import Source

USERS, GROUPS = 1_150, 12
WIDE = Bounds(10_000, 60)


class Page(NamedTuple):
    body: dict[str, Any]
    calls: int


@dataclass(frozen=True, slots=True)
class Queries:
    """Asks queries of a tenant of 1,150 users and 12 groups without members."""

    store: Store
    tenant: str

    async def ask(self, where: str, bounds: Bounds = WIDE, /, **query: str) -> Page:
        context = RequestContext(self.tenant, "of a test", "test", time.monotonic() + 60)
        request = ScimRequest(
            method="GET",
            tenant_url="https://scim.example.com/scim/v2",
            context=context,
            query={name.lower(): value for name, value in query.items()},
            headers={},
            resource_id="",
            read=dict,
            cursor_keys=(b"the digest of a token",),
        )
        sources: dict[str, Source[Any]] = {
            "Users": UserSource(request, self.store, Catalogue()),
            "Groups": GroupSource(request, self.store, Catalogue()),
        }
        searched = [sources[where]] if where else list(sources.values())
        asked = from_parameters(request.query)
        answer = await list_resources(request, asked, searched, bounds)
        return Page(answer.body or {}, context.meter.calls)


@pytest.fixture(scope="module")
async def queries(table: AzureTable) -> Queries:
    """A tenant that no test changes."""
    tenant = f"t{secrets.token_hex(8)}"
    for users, groups in ((USERS, 0), (0, GROUPS)):
        context = RequestContext(tenant, "of a test", "test", time.monotonic() + 60)
        await seed(table, context, users=users, groups=groups)
    return Queries(open_store(table, changed_names), tenant)


async def test_what_queries_cost(queries: Queries) -> None:
    no_members = {"excludedAttributes": "members"}
    costs: dict[str, tuple[Page, int]] = {
        "count=0": (await queries.ask("Users", count="0"), 1),
        "a page by index": (await queries.ask("Users", startIndex="700"), 2),
        "the first page by cursor": (await queries.ask("Users", cursor=""), 2),
        "the root, count=0": (await queries.ask("", count="0"), 2),
        "the root, the first page": (await queries.ask("", count="10"), 2 + 1),
        "the root, a page across both": (await queries.ask("", startIndex="1145", **no_members), 4),
        "the root, a page past the users": (
            await queries.ask("", startIndex="1151", **no_members),
            1 + 2,
        ),
        "the root, the first page by cursor": (await queries.ask("", cursor=""), 2 + 1),
        "a scan of the users": (await queries.ask("Users", filter="id pr"), 2),
        "a page of a list sorted by id": (await queries.ask("Users", sortBy="id"), 2),
        "a sorted list": (await queries.ask("Users", sortBy="userName"), 2),
        "a scan of the root": (await queries.ask("", filter="userName sw user or id pr"), 2 + 1),
        "a scan by cursor": (await queries.ask("Users", filter="id pr", cursor=""), 1),
        "the root, by an index of the users": (
            await queries.ask("", filter='userName eq "user7@example.com"'),
            2,
        ),
        "the root, a name of groups": (
            await queries.ask(
                "", filter='meta.resourceType eq "Group" and displayName eq "group 1"'
            ),
            2 + 1,
        ),
        "an indexed term in any place": (
            await queries.ask(
                "Users", filter='active eq true and (id pr and (userName eq "user7@example.com"))'
            ),
            2,
        ),
        "an indexed term, sorted, by cursor": (
            await queries.ask(
                "Users", filter='userName eq "user7@example.com"', sortBy="id", cursor=""
            ),
            2,
        ),
        "what nothing can satisfy": (await queries.ask("Users", filter='shoeSize eq "39"'), 0),
    }
    assert {name: page.calls for name, (page, _) in costs.items()} == {
        name: calls for name, (_, calls) in costs.items()
    }


@pytest.mark.rfc("9865-4-misuse")
async def test_a_page_by_cursor_costs_one_call(queries: Queries) -> None:
    page = await queries.ask("Users", cursor="", count="200")
    read = page.body["Resources"]
    while cursor := page.body.get("nextCursor"):
        page = await queries.ask("Users", cursor=cursor, count="200")
        assert page.calls == 1
        assert page.body["totalResults"] == USERS
        read = read + page.body["Resources"]
    assert len(read) == len({user["id"] for user in read}) == USERS


async def test_a_page_of_the_root_by_cursor_costs_a_call_for_each_type_on_it(
    queries: Queries,
) -> None:
    page = await queries.ask("", cursor="", count="200", excludedAttributes="members")
    calls = []
    read = len(page.body["Resources"])
    while cursor := page.body.get("nextCursor"):
        page = await queries.ask("", cursor=cursor, count="200", excludedAttributes="members")
        calls.append(page.calls)
        read += len(page.body["Resources"])
    assert calls == [1, 1, 1, 1, 2]
    assert read == USERS + GROUPS


async def test_a_scan_by_cursor_reads_no_row_twice(queries: Queries) -> None:
    """A call for each 1,000 rows, and one more for each page that ends early."""
    query = {"filter": 'userName ew "9@example.com"', "count": "200"}
    bounds = Bounds(500, 60)
    page = await queries.ask("Users", bounds, cursor="", **query)
    pages = [page]
    while cursor := page.body.get("nextCursor"):
        page = await queries.ask("Users", bounds, cursor=cursor, **query)
        pages.append(page)
    assert [page.calls for page in pages] == [1, 1, 1]
    assert sum(page.body["itemsPerPage"] for page in pages) == USERS // 10
