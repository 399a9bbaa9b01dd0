"""`access`: who is let in, by the answer of the service and by nothing else."""

import asyncio
from dataclasses import replace

import pytest

from scim_on_functions import (
    Access,
    AsyncTenant,
    Client,
    ForbiddenError,
    NotFoundError,
    Tenant,
    UnauthorizedError,
)
from scim_on_functions.exchange import Exchange
from tests.support.fixtures.api_client import KEYS
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import RunningService


async def test_an_active_user_is_let_in_by_each_value(scim: Scim, tenant: AsyncTenant) -> None:
    emails = [{"value": "ana@work.test"}]
    ana = await scim.create_user("ana@contoso.test", active=True, externalId="7", emails=emails)
    for value in (
        {"user_name": "ANA@contoso.test"},
        {"external_id": "7"},
        {"email": "ana@work.test"},
    ):
        access = await tenant.access(**value)
        assert access.is_allowed
        assert (access.id, access.version, access.reason) == (ana["id"], 1, "active")
        assert access.since is not None


async def test_code_that_waits_is_answered_the_same(scim: Scim, waiting_tenant: Tenant) -> None:
    ana = await scim.create_user("ana+1@contoso.test", active=False)
    access = await asyncio.to_thread(waiting_tenant.access, user_name="ana+1@contoso.test")
    assert (access.decision, access.reason, access.id) == ("deny", "deactivated", ana["id"])
    assert not access.is_allowed


async def test_nobody_is_unknown_and_not_let_in(tenant: AsyncTenant) -> None:
    assert await tenant.access(user_name="nobody") == Access("unknown", "notFound")


def test_a_decision_that_is_not_known_yet_lets_nobody_in() -> None:
    assert not Access.read({"decision": "allowed-for-now", "reason": "trial"}).is_allowed


def test_roles_are_read_where_there_are_any() -> None:
    document = {"decision": "allow", "reason": "active", "roles": ["admin", "editor"]}
    assert Access.read(document).roles == ("admin", "editor")


async def test_exactly_one_value_is_given(tenant: AsyncTenant) -> None:
    with pytest.raises(TypeError, match="exactly one"):
        await tenant.access()
    with pytest.raises(TypeError, match="exactly one"):
        await tenant.access(user_name="ana", email="ana@contoso.test")


async def test_what_a_key_may_not_do_is_an_error_and_no_decision(
    running_service: RunningService, scim: Scim
) -> None:
    name = scim.tenant_url.split("/")[4]

    def ask(key: str, tenant: str) -> Access:
        with Client(running_service.base_url, key) as client:
            return client.tenant(tenant).access(user_name="ana")

    with pytest.raises(UnauthorizedError) as unauthorized:
        await asyncio.to_thread(ask, "scimkey_none_" + "n" * 43, name)
    assert unauthorized.value.type == "/problems/unauthorized"
    assert unauthorized.value.request_id
    with pytest.raises(ForbiddenError) as forbidden:
        await asyncio.to_thread(ask, KEYS["events"], name)
    assert forbidden.value.type == "/problems/insufficient-scope"
    with pytest.raises(NotFoundError):
        await asyncio.to_thread(ask, KEYS["product"], "nosuchtenant")


@pytest.mark.parametrize(
    "address",
    ["http://id.example.com", "id.example.com", "ftp://id.example.com", "https://", "https://a?b"],
)
def test_an_address_that_would_give_the_key_away_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        Client(address, KEYS["product"])


@pytest.mark.parametrize("key", ["", "token", "scimkey_crm_\n", "scimkey_crm_\u00e9"])
def test_what_is_no_api_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="api_key"):
        Client("https://id.example.com", key)


def test_the_key_is_not_shown() -> None:
    exchange = Exchange(KEYS["product"], "agent", 1, 1, 1)
    assert KEYS["product"] not in repr(exchange)
    assert KEYS["product"] not in repr(replace(exchange, attempts=2))
