"""The guides for customers' administrators, played: the log shows the lines that their tables name.

The tables are read from the English pages; `test_translations.py` holds the French one to the same
code. A row that has no scenario here fails, and so does a scenario that has no row.
"""

from __future__ import annotations

import json
import logging
import os
import re
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import azure.functions as func
import pytest

from function_app import app
from local.functions import index
from shared import errors
from shared.web import services
from tests.ops.docs import markdown
from tests.ops.docs.markdown import ROOT
from tests.support.fixtures.scim_client import ENTERPRISE, GROUP, USER, Resource, Scim
from tests.support.fixtures.service import SCAN_MAX_ROWS
from tools.provision.client import Limits, ScimClient
from tools.provision.cycle import Cycle, Settings
from tools.provision.directory import Directory, Group, User
from tools.provision.report import Silence
from tools.provision.results import Ledger
from tools.provision.state import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    import httpx

    from tests.ops.docs.markdown import Text
    from tests.support.fixtures.service import RunningService

    Play = Callable[[Scim], Awaitable[list[httpx.Response]]]

ENTRA = ROOT / "docs" / "connect-entra.md"
OKTA = ROOT / "docs" / "connect-okta.md"
CONNECTION = markdown.section(ENTRA, "4-enter-the-values-and-test-the-connection").tables[0].rows
LOG = markdown.section(ENTRA, "what-the-services-log-shows")
ON_DEMAND = markdown.section(ENTRA, "7-provision-the-test-user-on-demand").tables[0].rows
CYCLES = markdown.section(ENTRA, "what-the-cycles-do").tables[1].rows
REFUSALS = markdown.section(ENTRA, "read-the-reports").tables[0].rows
OKTA_LOG = markdown.section(OKTA, "what-the-services-log-shows").tables[0].rows

LINE = re.compile(r"[A-Z]+ \S+ \d{3}")
OF_A_TENANT = "tenants/{tenant}/"
NAME = "ana@contoso.test"


def named(*cells: Text) -> list[str]:
    """Return the lines of the log that cells name, in their order."""
    for cell in cells:
        assert LINE.fullmatch((*cell.codes, "")[0]) or cell.plain.startswith("none"), cell
    return [code for cell in cells for code in cell.codes if LINE.fullmatch(code)]


def told(line: Resource) -> str:
    """Return a line of the log as the guides write it."""
    return f"{line['method']} {line['route'].removeprefix(OF_A_TENANT)} {line['status']}"


@dataclass(frozen=True, slots=True)
class Told:
    """A tenant, and what the log says of its requests."""

    scim: Scim
    service: RunningService

    async def each(self, answers: Iterable[httpx.Response]) -> list[Resource]:
        """Return the lines of requests that were answered."""
        return [await self.service.log_line(answer) for answer in answers]

    async def all(self) -> list[Resource]:
        """Return every line of the tenant so far, in order."""
        last = await self.service.log_line(await self.scim.get("/ServiceProviderConfig"))
        mark = json.dumps({"tenant": last["tenant"]})[1:-1]
        mine = (line for line in self.service.output if mark in line)
        lines = [json.loads(line[line.index("{") :]) for line in mine]
        return [line for line in lines if not line["route"].endswith("/ServiceProviderConfig")]


@pytest.fixture
def tenant(scim: Scim, running_service: RunningService) -> Told:
    speaks = scim.speaking(
        {"Accept": "*/*"}, {"Content-Type": "application/scim+json; charset=utf-8"}
    )
    return Told(speaks, running_service)


# ---- Test Connection


async def probe(scim: Scim) -> httpx.Response:
    """Ask for a user that does not exist, as Entra does."""
    return await scim.get(f"/Users?filter=userName+eq+%22{uuid.uuid4()}%22")


async def with_another_token(scim: Scim) -> list[httpx.Response]:
    return [await probe(replace(scim, token="x" * 43))]


async def with_another_url(scim: Scim) -> list[httpx.Response]:
    """Leave out what the Tenant URL ends in, and write it twice."""
    missing = scim.tenant_url.removesuffix("/scim/v2")
    twice = f"{scim.tenant_url}/scim/v2"
    return [await probe(replace(scim, tenant_url=url)) for url in (missing, twice)]


async def with_both_right(scim: Scim) -> list[httpx.Response]:
    return [await probe(scim)]


CONNECTIONS: dict[int, Play] = {
    200: with_both_right,
    401: with_another_token,
    404: with_another_url,
}


@pytest.mark.parametrize("status", CONNECTIONS)
async def test_a_test_of_the_connection_leaves_the_line_of_its_row(
    tenant: Told, status: int
) -> None:
    lines = await tenant.each(await CONNECTIONS[status](tenant.scim))
    (row,) = (row for row in CONNECTION if named(row[3])[:1] == [told(lines[0])])
    for line in lines:
        assert [told(line)] == named(row[3])
        assert line["status"] == status
        assert (line.get("tenant"), line.get("token")) == (
            (tenant.scim.tenant_url.split("/")[4], "development") if status == 200 else (None, None)
        )


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace that the host says an invocation belongs to."""

    trace_parent: str = ""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What the worker passes a function beside the request."""

    invocation_id: str
    trace_context: Trace = field(default_factory=Trace)


async def test_a_service_that_is_not_ready_leaves_the_line_of_its_row(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without settings it can neither check tokens nor reach its storage."""
    ours = [name for name in os.environ if name.startswith(("SCIM_", "TABLE_", "KEY_VAULT"))]
    for name in ours:
        monkeypatch.delenv(name)
    monkeypatch.setattr(services, "_current", None)
    (users,) = (each.function for each in index(app, "").http if each.function.name == "users")
    request = func.HttpRequest("GET", "https://id.example.com/scim/v2/Users", body=b"")
    with caplog.at_level(logging.INFO, "scim.requests"):
        await users.call(req=request, context=Invocation(str(uuid.uuid4())))

    lines = [each.getMessage() for each in caplog.records if each.name == "scim.requests"]
    (row,) = (row for row in CONNECTION if row[0].plain == "503")
    assert [told(json.loads(line)) for line in lines] == named(row[3])


def test_every_line_of_the_table_of_connections_is_played() -> None:
    statuses = [int(line.split()[-1]) for row in CONNECTION for line in named(row[3])]
    assert sorted(statuses) == sorted([*CONNECTIONS, 503])


async def test_the_line_that_is_shown_in_full_is_one(running_service: RunningService) -> None:
    (shown,) = (json.loads(fence) for fence in LOG.fences)
    line = await running_service.log_line(await probe(running_service.default))
    of_one_request = {"request", "ms", "token", "trace"}
    assert list(shown) == list(line)
    assert {name: value for name, value in shown.items() if name not in of_one_request} == {
        name: value for name, value in line.items() if name not in of_one_request
    }
    assert re.fullmatch(r"scim-token/[0-9a-f]{8}", shown["token"])


# ---- on demand


ANA: Resource = {
    "schemas": [USER, ENTERPRISE],
    "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    "userName": NAME,
    "active": True,
    "displayName": "Ana Ruiz",
    "roles": [],
}


async def look(scim: Scim, endpoint: str, attribute: str, value: str) -> httpx.Response:
    members = "excludedAttributes=members&" if endpoint == "/Groups" else ""
    return await scim.get(f"{endpoint}?{members}filter={attribute}+eq+%22{value}%22")


async def a_new_user(scim: Scim) -> list[httpx.Response]:
    return [
        await probe(scim),
        await look(scim, "/Users", "userName", NAME),
        await scim.post("/Users", ANA),
    ]


async def one_who_has_an_account(scim: Scim) -> list[httpx.Response]:
    user = await scim.create_user(NAME.upper())
    answers = [await probe(scim), await look(scim, "/Users", "userName", NAME)]
    assert answers[-1].json()["Resources"][0]["id"] == user["id"]
    operation = {"op": "Add", "path": "displayName", "value": "Ana Ruiz"}
    return [*answers, await scim.patch(f"/Users/{user['id']}", operation)]


async def a_new_group(scim: Scim) -> list[httpx.Response]:
    users = [await scim.create_user(name) for name in ("ana@x.test", "bo@x.test")]
    members = [{"$ref": None, "value": user["id"]} for user in users]
    answers = [await probe(scim), await look(scim, "/Groups", "displayName", "Sales")]
    answers.append(await scim.post("/Groups", {"schemas": [GROUP], "displayName": "Sales"}))
    add = {"op": "Add", "path": "members", "value": members}
    group = answers[-1].json()["id"]
    return [*answers, await scim.patch(f"/Groups/{group}", add)]


@pytest.mark.parametrize(
    ("column", "play"), [(1, a_new_user), (2, one_who_has_an_account), (3, a_new_group)]
)
async def test_provisioning_on_demand_leaves_the_lines_of_its_column(
    tenant: Told, column: int, play: Play
) -> None:
    answers = await play(tenant.scim)
    lines = await tenant.each(answers)

    assert [told(line) for line in lines] == named(*(row[column] for row in ON_DEMAND))
    assert len({line["token"] for line in lines}) == 1
    for line, answer in zip(lines, answers, strict=True):
        if line["method"] == "POST":
            assert line["resource"] == answer.json()["id"]


# ---- cycles


def person(name: str, *, active: bool = True, manager: str | None = None, **values: str) -> User:
    return User(name, {"userName": f"{name}@contoso.test", **values}, active, manager)


ANA_IN_ENTRA, BO_IN_ENTRA = person("ana"), person("bo")
BOTH = (ANA_IN_ENTRA, BO_IN_ENTRA)

Change = tuple[Directory, Directory]


def users(*changed: User, before: Sequence[User] = BOTH) -> Change:
    return Directory(tuple(before), ()), Directory(changed, ())


def groups(before: Sequence[Group], after: Sequence[Group]) -> Change:
    return Directory(BOTH, tuple(before)), Directory(BOTH, tuple(after))


CHANGES: dict[str, Change] = {
    "it begins: a random user and a random group are asked for": users(before=()),
    "a new user": users(ANA_IN_ENTRA, before=()),
    "a user who has an account already": users(person("dora", title="Lead"), before=()),
    "a new group with members": groups([], [Group("g", "Sales", ("ana", "bo"))]),
    "a changed user": users(person("ana", title="Lead"), BO_IN_ENTRA),
    "a user who gets a manager": users(person("ana", manager="bo"), BO_IN_ENTRA),
    "a user who is disabled": users(person("ana", active=False), BO_IN_ENTRA),
    "a user who is restored": users(ANA_IN_ENTRA, before=[ANA_IN_ENTRA]),
    "a user who is deleted for good": users(BO_IN_ENTRA),
    "a renamed group": groups([Group("g", "Sales", ("ana",))], [Group("g", "Shop", ("ana",))]),
    "members who join": groups([Group("g", "Sales")], [Group("g", "Sales", ("ana", "bo"))]),
    "members who leave": groups([Group("g", "Sales", ("ana", "bo"))], [Group("g", "Sales")]),
    "a deleted group": groups([Group("g", "Sales", ("ana",))], []),
    "nothing has changed": groups([Group("g", "Sales", ("ana",))], [Group("g", "Sales", ("ana",))]),
}


async def cycle(scim: Scim, state: State, directory: Directory) -> None:
    ledger = Ledger()
    limits = Limits(connections=1)
    async with ScimClient(scim.tenant_url, scim.token, ledger, limits) as client:
        await Cycle(client, state, Settings(), Silence()).run(directory)
    assert ledger.failures == []


@pytest.mark.parametrize("row", CYCLES, ids=lambda row: row[0].plain)
async def test_a_cycle_leaves_the_lines_of_its_row(tenant: Told, row: tuple[Text, ...]) -> None:
    before, after = CHANGES[row[0].plain]
    state = State(tenant.scim.tenant_url)
    if row[0].plain == "a user who has an account already":
        await tenant.scim.create_user("dora@contoso.test")
    await cycle(tenant.scim, state, before)
    if row[0].plain == "a user who is restored":
        disabled = [replace(user, active=False) for user in before.users]
        await cycle(tenant.scim, state, replace(before, users=tuple(disabled)))
    earlier = len(await tenant.all())

    await cycle(tenant.scim, state, after)

    lines = [told(line) for line in (await tenant.all())[earlier:]]
    beginning = named(CYCLES[0][1])
    assert lines[: len(beginning)] == beginning
    if row is not CYCLES[0]:
        assert lines[len(beginning) :] == named(row[1])


def test_every_row_of_the_cycles_is_played() -> None:
    assert [row[0].plain for row in CYCLES] == list(CHANGES)


# ---- refusals


async def many(scim: Scim) -> None:
    """Create more users than the service of these tests searches."""
    create = {"method": "POST", "path": "/Users"}
    operations = [
        {**create, "bulkId": f"b{n}", "data": {"userName": f"u{n}@x.test"}}
        for n in range(SCAN_MAX_ROWS + 5)
    ]
    bulk = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    answer = await scim.post("/Bulk", {"schemas": [bulk], "Operations": operations})
    assert {each["status"] for each in answer.json()["Operations"]} == {"201"}


async def patched(scim: Scim, operation: Resource) -> httpx.Response:
    return await scim.patch(f"/Users/{(await scim.create_user(NAME))['id']}", operation)


async def a_name_that_is_taken(scim: Scim) -> httpx.Response:
    await scim.create_user(NAME)
    return await scim.post("/Users", {**ANA, "userName": NAME.title()})


async def a_blank_name(scim: Scim) -> httpx.Response:
    return await scim.post("/Users", {**ANA, "userName": " "})


async def a_broken_target(scim: Scim) -> httpx.Response:
    return await patched(scim, {"op": "Add", "path": "emails[type eq", "value": "x"})


async def a_broken_matching_attribute(scim: Scim) -> httpx.Response:
    return await look(scim, "/Users", "emails[type", "x")


async def an_unfit_matching_attribute(scim: Scim) -> httpx.Response:
    await many(scim)
    return await look(scim, "/Users", "title", "x")


async def an_account_that_is_gone(scim: Scim) -> httpx.Response:
    user = f"/Users/{(await scim.create_user(NAME))['id']}"
    await scim.delete(user)
    return await scim.patch(user, {"op": "Replace", "path": "title", "value": "x"})


async def too_much(scim: Scim) -> httpx.Response:
    """Add what one request may hold and one user may not."""
    roles = [{"value": f"role{n}", "display": "x" * 1000} for n in range(900)]
    return await patched(scim, {"op": "Add", "path": "roles", "value": roles})


REFUSED: dict[str, Callable[[Scim], Awaitable[httpx.Response]]] = {
    "409 uniqueness": a_name_that_is_taken,
    "400 invalidValue": a_blank_name,
    "400 invalidPath": a_broken_target,
    "400 invalidFilter": a_broken_matching_attribute,
    "400 tooMany": an_unfit_matching_attribute,
    "404": an_account_that_is_gone,
    "413": too_much,
}


@pytest.mark.parametrize("row", REFUSALS[:-1], ids=lambda row: row[0].plain)
async def test_a_refusal_is_answered_and_logged_as_its_row_says(
    tenant: Told, row: tuple[Text, ...]
) -> None:
    answer = await REFUSED[row[0].plain](tenant.scim)
    line = await tenant.service.log_line(answer)
    status, _, scim_type = row[0].plain.partition(" ")

    assert (str(answer.status_code), answer.json().get("scimType", "")) == (status, scim_type)
    assert (str(line["status"]), line.get("scimType", "")) == (status, scim_type)


def test_every_row_of_the_refusals_is_played() -> None:
    assert [row[0].plain for row in REFUSALS[:-1]] == list(REFUSED)


def test_the_refusals_of_a_busy_service_are_those_that_it_has() -> None:
    busy = (errors.TooManyRequests.status, errors.Unavailable.status)
    assert REFUSALS[-1][0].plain == ", ".join(map(str, busy))


# ---- mappings


def targets(anchor: str) -> list[tuple[str, bool]]:
    """Return the SCIM attributes of a mapping table, and whether one may match by them."""
    table = markdown.section(ENTRA, anchor).tables[0]
    return [(row[1].plain, bool(row[2].plain)) for row in table.rows]


VALUES: dict[str, tuple[Any, str]] = {
    "active": ("False", "active eq false"),
    "roles": (
        [{"primary": False, "value": "Admin", "display": "Admin"}],
        'roles[value eq "Admin"].display eq "Admin"',
    ),
}
"""What is written to an attribute that is not text, and what finds it."""


@pytest.mark.parametrize(
    ("endpoint", "path"),
    [
        (endpoint, path)
        for endpoint in ("Users", "Groups")
        for path, _ in targets(endpoint.lower())
        if path != "members"
    ],
)
async def test_an_attribute_of_the_mapping_is_set_and_found(
    scim: Scim, endpoint: str, path: str
) -> None:
    make = scim.create_user if endpoint == "Users" else scim.create_group
    mine, _ = (await make("one"))["id"], await make("two")
    value, condition = VALUES.get(path, ("Grüße 7", f'{path} eq "Grüße 7"'))

    answer = await scim.patch(f"/{endpoint}/{mine}", {"op": "Add", "path": path, "value": value})

    assert answer.status_code == (200 if endpoint == "Users" else 204)
    assert await scim.found(f"/{endpoint}", condition) == [mine]


async def test_matching_attributes_are_found_at_once_and_no_others(scim: Scim) -> None:
    await many(scim)
    statuses = {}
    for path, _ in targets("users"):
        _, condition = VALUES.get(path, ("", f'{path} eq "x"'))
        statuses[path] = (await scim.get(f"/Users?filter={quote_plus(condition)}")).status_code
    assert statuses == {path: 200 if may_match else 400 for path, may_match in targets("users")}


# ---- Okta


async def okta_tests(scim: Scim) -> list[httpx.Response]:
    return [
        await scim.get("/Users?startIndex=1&count=2"),
        await scim.get("/Groups?startIndex=1&count=100"),
    ]


async def okta_assigns(scim: Scim) -> list[httpx.Response]:
    return [
        await look(scim, "/Users", "userName", NAME),
        await scim.post("/Users", {**ANA, "groups": [], "password": "1mz050nq"}),
    ]


async def okta_updates(scim: Scim) -> list[httpx.Response]:
    user = (await scim.create_user(NAME))["id"]
    read = await scim.get(f"/Users/{user}")
    return [read, await scim.put(f"/Users/{user}", {**read.json(), "title": "Lead"})]


async def okta_unassigns(scim: Scim) -> list[httpx.Response]:
    user = (await scim.create_user(NAME))["id"]
    return [await scim.patch(f"/Users/{user}", {"op": "replace", "value": {"active": False}})]


async def okta_pushes(scim: Scim) -> list[httpx.Response]:
    user = (await scim.create_user(NAME))["id"]
    body = {"schemas": [GROUP], "displayName": "Sales", "members": [{"value": user}]}
    return [await scim.post("/Groups", body)]


async def okta_moves(scim: Scim) -> list[httpx.Response]:
    user, group = (await scim.create_user(NAME))["id"], (await scim.create_group())["id"]
    operation = {"op": "add", "path": "members", "value": [{"value": user}]}
    answer = await scim.patch(f"/Groups/{group}", operation)
    assert await scim.members(group) == {user}
    return [answer]


OKTA_DOES: dict[str, Play] = {
    "Test Connector Configuration": okta_tests,
    "a person is assigned": okta_assigns,
    "a profile changes": okta_updates,
    "a person is unassigned": okta_unassigns,
    "a group is pushed": okta_pushes,
    "members join or leave it": okta_moves,
}


@pytest.mark.parametrize("row", OKTA_LOG, ids=lambda row: row[0].plain)
async def test_okta_leaves_the_lines_of_its_row(tenant: Told, row: tuple[Text, ...]) -> None:
    lines = await tenant.each(await OKTA_DOES[row[0].plain](tenant.scim))
    assert [told(line) for line in lines] == named(row[1])


def test_every_row_of_okta_is_played() -> None:
    assert [row[0].plain for row in OKTA_LOG] == list(OKTA_DOES)
