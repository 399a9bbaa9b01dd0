"""What an API key opens, over every route of the app: in its tenants what its scopes say.

What is asked for is taken from the functions of the app, so that no route can be forgotten. The
keys lie in a vault on loopback; storage answers nothing, so whoever comes as far as that was let
in.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from function_app import app
from local.functions import index
from shared.auth.key_vault import KeyVault
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

FUNCTIONS = {each.function.name: each.template.text for each in index(app, "").http}
OPEN = {"healthz", "openapi", "api_zz_no_such_path", "zz_no_such_path"}
OPEN |= {name for name, template in FUNCTIONS.items() if is_open_of_oauth(template)}
"""They say the same to everybody."""
OF_A_TENANT = sorted(
    name for name, template in FUNCTIONS.items() if "{tenant}" in template and name not in OPEN
)
OF_THE_API = sorted(name for name in OF_A_TENANT if FUNCTIONS[name].startswith("api/v1/"))
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
    built = Services(settings, tokens, open_store(broken_table, changed_names))
    monkeypatch.setattr(services, "_current", built)
    return built


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
        url = f"https://x/{template.format(**values)}?userName=ana"
        return await call(name, method, url=url, headers=headers, **given)

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

MALFORMED = (
    None,
    "",
    "Bearer",
    f"Basic {KEY}",
    KEY,
    f"Bearer {KEY} x",
    f"Bearer {KEY}, Bearer {KEY}",
    f"Bearer {KEY}\u00e9",
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
    assert OF_THE_API == ["api_access"]
    assert len(UNDER_SCIM) > 30


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
    for name in (*UNDER_SCIM, *OF_THE_API):
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


@pytest.mark.parametrize("name", OF_THE_API)
async def test_under_the_api_a_key_comes_as_far_as_the_storage(
    ask: Call, vault: FakeKeyVault, name: str
) -> None:
    vault.put(SECRET, KEY, tags={**READS, "tenants": "acme"})
    response = await ask(name)
    assert (response.status_code, response.mimetype) == (503, "application/problem+json")
    assert (await ask(name, tenant="globex")).status_code == 403


@pytest.mark.parametrize("name", OF_THE_API)
async def test_a_key_of_all_tenants_is_told_which_there_are_not(
    ask: Call, vault: FakeKeyVault, name: str
) -> None:
    vault.put(SECRET, KEY, tags=READS)
    vault.put("scim-token--closed", TOKEN, enabled=False)
    assert (await ask(name, tenant="nobody")).status_code == 404
    # A closed tenant lets no identity provider in; its identities are there, and so is the product.
    assert (await ask(name, tenant="closed")).status_code == 503


async def test_readiness_is_not_told_to_a_key(ask: Call, vault: FakeKeyVault) -> None:
    vault.put(SECRET, KEY, tags=ALL)
    assert (await ask("readyz")).status_code == 401


async def test_a_key_counts_against_the_rate_limit_of_the_tenant(
    ask: Call, vault: FakeKeyVault, process: Services
) -> None:
    vault.put(SECRET, KEY, tags=READS)
    process.rate_limit.take_bulk("acme", 1_000)
    response = await ask("api_access")
    assert (response.status_code, seen(response)[2]["type"]) == (429, "/problems/rate-limited")
    assert int(response.headers["retry-after"]) > 1
    assert response.headers["ratelimit"]


@pytest.mark.parametrize("fault", [KeyError("x"), RecursionError(), OSError("ana@contoso.test")])
async def test_a_fault_of_ours_is_a_problem_and_says_nothing_of_it(
    ask: Call, vault: FakeKeyVault, broken_table: BrokenTable, fault: Exception
) -> None:
    vault.put(SECRET, KEY, tags=READS)
    broken_table.fault = fault
    status, _, problem = seen(await ask("api_access"))
    assert (status, problem["type"]) == (500, "/problems/internal-error")
    assert "contoso" not in str(problem)
