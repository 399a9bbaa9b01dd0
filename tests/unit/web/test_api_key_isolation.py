"""What an API key opens, over every route of the app: in its tenants what its scopes say.

What is asked for is taken from the functions of the app, so that no route can be forgotten. The
keys lie in a vault on loopback; storage answers nothing, so whoever comes as far as that was let
in.
"""

from __future__ import annotations

import base64
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from endpoints import API
from function_app import app
from local.functions import index
from shared.api_keys import Scope
from shared.auth.key_vault import DeletedSecretError, KeyVault, WriteRefusedError
from shared.auth.tenant_tokens import VaultTenantTokens
from shared.auth.vault import VaultTokens
from shared.errors import Unavailable
from shared.identity import open_credential
from shared.scim.documents import changed_names
from shared.settings import Settings
from shared.store.store import open_store
from shared.web import services
from shared.web.services import Services
from tests.support.challenges import without_address
from tests.support.deployed import is_open_of_oauth
from vendor_api.queries import parameters_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import azure.functions as func

    from tests.support.fakes.clock import Time
    from tests.support.fakes.key_vault import FakeIdentity, FakeKeyVault
    from tests.support.fixtures.key_vault import Certificates
    from tests.unit.web.conftest import BrokenTable

    Call = Callable[..., Awaitable[func.HttpResponse]]

KEY = f"scimkey_crm_{'k' * 43}"
RIGHT = f"Bearer {KEY}"
SECRET = "scim-apikey--crm"
TOKEN = "the-token-of-the-tenant-acme"
DAY = 86_400
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
READS = {"scopes": "identities.read"}
ALL = {"scopes": "identities.read events.read tenants.manage"}

FUNCTIONS = {
    each.function.name: each.template.text
    for each in index(app, "").http
    if not each.template.text.startswith("portal")
}
"""Without those of the portal, which takes neither keys nor tokens."""
OPEN = {"healthz", "openapi", "api_zz_no_such_path", "zz_no_such_path"}
OPEN |= {name for name, template in FUNCTIONS.items() if is_open_of_oauth(template)}
"""They say the same to everybody."""
OF_A_TENANT = sorted(
    name for name, template in FUNCTIONS.items() if "{tenant}" in template and name not in OPEN
)
OF_THE_API = sorted(API)
OPERATIONS = sorted((name, method) for name in API for method in API[name].operations)
"""Of each route of the API, by the code that serves it, the methods."""
OF_A_TENANT_OF_THE_API = sorted({*OF_THE_API} & {*OF_A_TENANT})
OF_ROWS = [
    "api_access",
    "api_events",
    "api_explain",
    "api_group_differences",
    "api_group_members",
    "api_provisioning_log",
]
"""Those that read the rows of a tenant at once, closed or not."""
OTHER_SCOPES = {each: " ".join(other for other in Scope if other != each) for each in Scope}
UNDER_SCIM = sorted(FUNCTIONS.keys() - OPEN - {*OF_THE_API, "readyz"})
GUARDED = sorted(FUNCTIONS.keys() - OPEN)


@pytest.fixture
async def tokens(
    vault: FakeKeyVault, identity: FakeIdentity, certificates: Certificates, clock: Time
) -> AsyncIterator[VaultTokens]:
    """Keys and tokens in a vault, which is opened with the app's identity."""
    assert identity.endpoint
    settings = Settings.from_environment(
        {"KEY_VAULT_URL": vault.url, "TABLE_ENDPOINT": "https://account.table.core.windows.net"}
    )
    key_vault = KeyVault(
        vault.url,
        partial(open_credential, settings),
        connection_verify=str(certificates.authority),
        verify_challenge_resource=False,
    )
    vault.put("scim-token--acme", TOKEN)
    vault.put("scim-token--globex", "the-token-of-the-tenant-globex")
    vault.put("scim-token", "the-token-of-the-default-tenant")
    opened = VaultTokens(key_vault, clock=clock.clock())
    yield opened
    await opened.close()


@pytest.fixture
def process(
    tokens: VaultTokens,
    settings: Settings,
    broken_table: BrokenTable,
    monkeypatch: pytest.MonkeyPatch,
) -> Services:
    """The services of the process, with storage that never answers."""
    broken_table.fault = Unavailable("The storage was reached.")
    built = Services(
        settings,
        tokens,
        open_store(broken_table, changed_names),
        tenant_tokens=VaultTenantTokens(
            tokens.vault, tokens, WriteRefusedError, DeletedSecretError
        ),
    )
    monkeypatch.setattr(services, "_current", built)
    return built


def query_for(name: str) -> str:
    """A query that a function takes; `/api/v1` takes none that it does not describe."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    query = {"userName": "ana", "user": "ana", "since": now}
    if name in API:
        reading = API[name].operations.get("GET")
        known = [] if reading is None else parameters_of(reading.query)
        query = {each: value for each, value in query.items() if each in known}
    return "?" + "&".join(f"{each}={value}" for each, value in query.items())


@pytest.fixture
def ask(call: Call, process: Services) -> Call:
    """Asks a function as the holder of the key does."""

    async def asked(
        name: str,
        method: str = "GET",
        *,
        header: str | None = RIGHT,
        tenant: str = "acme",
    ) -> func.HttpResponse:
        template = FUNCTIONS[name]
        values = {"tenant": tenant, "id": "0" * 32, "endpoint": "Devices"}
        given = {key: value for key, value in values.items() if f"{{{key}}}" in template}
        headers = {} if header is None else {"authorization": header}
        url = f"https://x/{template.format(**values)}{query_for(name)}"
        body = BODIES.get((name, method), b"")
        return await call(name, method, url=url, headers=headers, body=body, **given)

    return asked


def seen(response: func.HttpResponse) -> tuple[int, dict[str, str], Any]:
    """All that a client can see of an answer, but for the id and the address of the request."""
    body = json.loads(response.get_body() or b"{}")
    body.pop("instance", None)
    headers = {name.lower(): without_address(value) for name, value in response.headers.items()}
    return response.status_code, headers, body


def put_key(vault: FakeKeyVault, clock: Time, state: str) -> None:
    """Put the key into the vault as it is in a state in which it opens nothing."""
    match state:
        case "disabled":
            vault.put(SECRET, KEY, tags=ALL, enabled=False)
        case "closed":
            vault.put(SECRET, KEY, tags=ALL)
            vault.put(SECRET, KEY.replace("k", "n"), tags=ALL, enabled=False)
        case "expired":
            vault.put(SECRET, KEY, tags=ALL, expires=clock.wall - 1)
        case "not yet valid":
            vault.put(SECRET, KEY, tags=ALL, not_before=clock.wall + DAY)
        case "superseded":
            for version in (KEY, KEY.replace("k", "n"), KEY.replace("k", "o")):
                vault.put(SECRET, version, tags=ALL)
        case "under another name":
            vault.put("scim-apikey--erp", KEY, tags=ALL)
        case "of a tenant":
            vault.put("scim-token--acme", KEY)
        case "nowhere":
            pass


STATES = (
    "disabled",
    "closed",
    "expired",
    "not yet valid",
    "superseded",
    "under another name",
    "of a tenant",
    "nowhere",
)

BODIES = {
    ("api_setup_links", "POST"): b"{}",
    ("api_tenants", "POST"): b'{"name": "hooli", "existingData": true}',
    ("api_tokens", "POST"): b"{}",
    ("api_webhooks", "POST"): b'{"url": "https://hooks.example.com/"}',
    ("api_webhooks_id", "PATCH"): b'{"state": "paused"}',
    ("api_webhooks_redeliver", "POST"): b'{"tenant": "acme", "dead": true}',
    ("api_webhooks_secrets", "POST"): b"{}",
}

MALFORMED = (
    None,
    "",
    "Bearer",
    f"Basic {KEY}",
    KEY,
    f"Bearer {KEY} x",
    f"Bearer {KEY}, Bearer {KEY}",
    f"Bearer {KEY}\u00e9",
    "Bearer " + KEY.replace("crm", "cr\u043c"),
    f"Bearer  \t{KEY} ",
    f"Bearer {KEY}\x00",
    f"Bearer {KEY} {KEY}",
    f"Basic {base64.b64encode(KEY.encode()).decode()}",
    f"Digest username={KEY}",
    "Bearer " + "x" * 100_000,
    " ",
    f"Bearer {KEY[:-1]}",
    f"Bearer {KEY}x",
    f"Bearer {KEY.upper()}",
    f"Bearer {KEY.replace('crm', 'Crm')}",
    f"Bearer {KEY.replace('crm', '../crm')}",
    f"Bearer {KEY.replace('crm', '')}",
    f"Bearer {KEY.replace('crm', 'nobody')}",
    "Bearer scimkey_crm_",
    f"Bearer scimkey_crm_{'k' * 5_000}",
    f"Bearer {TOKEN}x",
)


def test_every_route_is_tried_or_open() -> None:
    assert set(OPEN) < FUNCTIONS.keys()
    assert set(OF_THE_API) == {
        name for name, template in FUNCTIONS.items() if template.startswith("api/v1/")
    } - {"api_zz_no_such_path"}
    assert len(UNDER_SCIM) > 30


async def test_no_route_of_the_api_writes_or_reads_for_who_is_not_let_in(
    ask: Call, vault: FakeKeyVault, clock: Time
) -> None:
    """Whatever the operation, nothing of a tenant is asked of the vault, and nothing written."""
    headers = [f"Bearer {TOKEN}", *MALFORMED]
    for state in ("disabled", "expired"):
        vault.secrets.pop(SECRET, None)
        put_key(vault, clock, state)
        clock.advance(120)
        for name, method in OPERATIONS:
            before = len(vault.calls)
            for header in (RIGHT, *headers):
                assert (await ask(name, method, header=header)).status_code == 401, (name, method)
            asked = vault.calls[before:]
            assert not [path for path in asked if "scim-token" in path], (name, method)
    assert vault.written == []


@pytest.mark.parametrize(("name", "method"), OPERATIONS)
async def test_an_operation_takes_its_scope_and_no_other_does(
    ask: Call, vault: FakeKeyVault, name: str, method: str
) -> None:
    scope = API[name].scope
    vault.put(SECRET, KEY, tags={"scopes": OTHER_SCOPES[scope]})
    response = await ask(name, method)
    challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
    assert (response.status_code, response.headers["www-authenticate"]) == (403, challenge)
    detail = seen(response)[2]["detail"]
    assert "python -m tools.admin apikey rotate crm --scopes" in detail
    assert vault.written == []


@pytest.mark.parametrize("name", OF_A_TENANT_OF_THE_API)
async def test_an_operation_does_nothing_in_the_tenant_of_another_key(
    ask: Call, vault: FakeKeyVault, name: str
) -> None:
    vault.put(SECRET, KEY, tags={**ALL, "tenants": "acme"})
    for method in API[name].operations:
        for tenant in ("globex", "default", "nobody"):
            response = await ask(name, method, tenant=tenant)
            assert response.status_code == 403, (name, method)
            assert "--tenants" in seen(response)[2]["detail"]
    assert vault.written == []


async def test_a_key_of_some_tenants_creates_and_lists_no_other(
    ask: Call, vault: FakeKeyVault
) -> None:
    vault.put(SECRET, KEY, tags={**ALL, "tenants": "acme"})
    assert (await ask("api_tenants", "POST")).status_code == 403
    listed = seen(await ask("api_tenants"))[2]["tenants"]
    assert [each["name"] for each in listed] == ["acme"]
    assert vault.written == []


@pytest.mark.parametrize("state", STATES)
async def test_a_key_that_is_not_valid_opens_nothing(
    ask: Call, vault: FakeKeyVault, clock: Time, state: str
) -> None:
    """On every route, and in the same words as what is no key."""
    put_key(vault, clock, state)
    for name in GUARDED:
        wrong = seen(await ask(name, header=f"Bearer {KEY.replace('crm', 'nobody')}"))
        assert wrong[0] == 401, name
        for method in METHODS:
            assert seen(await ask(name, method)) == wrong, (name, method)


async def test_what_is_malformed_opens_nothing(ask: Call, vault: FakeKeyVault) -> None:
    vault.put(SECRET, KEY, tags=ALL)
    for name in GUARDED:
        for header in MALFORMED:
            assert (await ask(name, header=header)).status_code == 401, (name, header)


@pytest.mark.parametrize("name", OF_THE_API)
async def test_under_the_api_whatever_is_wrong_is_answered_alike(
    ask: Call, vault: FakeKeyVault, name: str
) -> None:
    vault.put(SECRET, KEY, tags=ALL)
    answers = [seen(await ask(name, header=header)) for header in (*MALFORMED, f"Bearer {TOKEN}")]
    for answer in answers:
        assert answer == answers[0]
    assert answers[0][0] == 401
    assert answers[0][1]["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("tenants", ["acme", "acme,default", "", "a--b"])
async def test_a_key_of_some_tenants_opens_no_other(
    ask: Call, vault: FakeKeyVault, tenants: str
) -> None:
    """And is told the same of one that exists and of one that does not."""
    vault.put(SECRET, KEY, tags={**ALL, "tenants": tenants})
    for name in OF_A_TENANT:
        before = len(vault.calls)
        answers = [seen(await ask(name, tenant=tenant)) for tenant in ("globex", "nobody", "a--b")]
        assert [status for status, *_ in answers] == [403] * 3, name
        assert answers == [answers[0]] * 3, name
        # Reading the key, the first time; nothing about those tenants.
        assert not [path for path in vault.calls[before:] if "scim-token" in path], name


async def test_a_key_without_the_scope_opens_nothing(ask: Call, vault: FakeKeyVault) -> None:
    vault.put(SECRET, KEY, tags={"scopes": "events.read tenants.manage"})
    for name in UNDER_SCIM:
        response = await ask(name)
        assert response.status_code == 403, name
        assert "insufficient_scope" in response.headers["www-authenticate"]


async def test_a_key_with_the_scope_reads_and_writes_nothing(
    ask: Call, vault: FakeKeyVault
) -> None:
    vault.put(SECRET, KEY, tags=ALL)
    for name in UNDER_SCIM:
        searches = name.endswith("_dot_search")
        for method in METHODS:
            status = (await ask(name, method)).status_code
            may_read = method in {"GET", "HEAD"} or (searches and method == "POST")
            assert (status == 403) != may_read, (name, method, status)
            assert status != 401


@pytest.mark.parametrize("name", OF_ROWS)
async def test_under_the_api_a_key_comes_as_far_as_the_storage(
    ask: Call, vault: FakeKeyVault, name: str
) -> None:
    vault.put(SECRET, KEY, tags={"scopes": API[name].scope, "tenants": "acme"})
    response = await ask(name)
    assert (response.status_code, response.mimetype) == (503, "application/problem+json")
    assert (await ask(name, tenant="globex")).status_code == 403


@pytest.mark.parametrize("name", OF_A_TENANT_OF_THE_API)
async def test_a_key_of_all_tenants_is_told_which_there_are_not(
    ask: Call, vault: FakeKeyVault, name: str
) -> None:
    vault.put(SECRET, KEY, tags=ALL)
    for method in API[name].operations:
        assert (await ask(name, method, tenant="nobody")).status_code == 404


@pytest.mark.parametrize("name", OF_ROWS)
async def test_the_identities_of_a_closed_tenant_are_read(
    ask: Call, vault: FakeKeyVault, name: str
) -> None:
    vault.put(SECRET, KEY, tags={"scopes": API[name].scope})
    vault.put("scim-token--closed", TOKEN, enabled=False)
    # A closed tenant lets no identity provider in; its identities are there, and so is the product.
    assert (await ask(name, tenant="closed")).status_code == 503


async def test_readiness_is_not_told_to_a_key(ask: Call, vault: FakeKeyVault) -> None:
    vault.put(SECRET, KEY, tags=ALL)
    assert (await ask("readyz")).status_code == 401


async def test_a_product_that_asks_too_much_is_refused_and_takes_nothing_from_the_tenant(
    ask: Call, vault: FakeKeyVault, process: Services
) -> None:
    vault.put(SECRET, KEY, tags=READS)
    process.key_rate_limit.take_bulk("acme", 1_000)
    response = await ask("api_access")
    assert (response.status_code, seen(response)[2]["type"]) == (429, "/problems/rate-limited")
    assert int(response.headers["retry-after"]) > 1
    assert response.headers["ratelimit"].startswith('"apiKeys";r=0;')
    assert "API keys" in seen(response)[2]["detail"]
    under_scim = await ask("tenant_users")
    assert under_scim.status_code == 429, "a key counts as one, whatever it asks for"
    assert (await ask("tenant_users", header=f"Bearer {TOKEN}")).status_code == 503
    assert (await ask("api_access", tenant="globex")).status_code == 503


async def test_a_tenant_that_sends_too_much_takes_nothing_from_the_product(
    ask: Call, vault: FakeKeyVault, process: Services
) -> None:
    vault.put(SECRET, KEY, tags=READS)
    process.rate_limit.take_bulk("acme", 1_000)
    assert (await ask("tenant_users", header=f"Bearer {TOKEN}")).status_code == 429
    assert (await ask("tenant_users")).status_code == 503
    assert (await ask("api_access")).status_code == 503


@pytest.mark.parametrize("fault", [KeyError("x"), RecursionError(), OSError("ana@contoso.test")])
async def test_a_fault_of_ours_is_a_problem_and_says_nothing_of_it(
    ask: Call, vault: FakeKeyVault, broken_table: BrokenTable, fault: Exception
) -> None:
    vault.put(SECRET, KEY, tags=READS)
    broken_table.fault = fault
    status, _, problem = seen(await ask("api_access"))
    assert (status, problem["type"]) == (500, "/problems/internal-error")
    assert "contoso" not in str(problem)
