"""`tenants`: which there are, which have changed; one is created, one is closed."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.spec.api.conftest import READER, SOME
from tests.support.oauth import SIGNING_KEY, client_secret, private_key
from tests.support.production import TOKEN, bearer

if TYPE_CHECKING:
    from tests.spec.api.conftest import Managed

DAY = 86_400


async def page(manage: Managed, query: str = "", key: str | None = None) -> dict[str, Any]:
    response = await manage("GET", query, key=key)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def found(manage: Managed, name: str, query: str = "?limit=1000") -> dict[str, Any] | None:
    """A tenant as it is listed; None if it is not."""
    listed = (await page(manage, query))["tenants"]
    return next((each for each in listed if each["name"] == name), None)


def ago(**duration: float) -> str:
    return (datetime.now(UTC) - timedelta(**duration)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def add_user(manage: Managed, tenant: str, token: str) -> None:
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ana@x.test"}
    url = f"/tenants/{tenant}/scim/v2/Users"
    created = await manage.app.client.post(url, json=body, headers=bearer(token))
    assert created.status_code == 201, created.text


async def tenant_with_client(manage: Managed) -> tuple[str, str]:
    """Create a tenant that has an OAuth client; return its name and the client's secret."""
    tenant, _ = await manage.new_tenant()
    vault, secret = manage.azure.vault, client_secret()
    if SIGNING_KEY not in vault.secrets:
        vault.put(SIGNING_KEY, private_key())
    vault.put(f"scim-client--{tenant}--entra", secret)
    await manage.new_tenant()  # so that the list is read again
    return tenant, secret


async def access_token_of(manage: Managed, tenant: str, secret: str) -> str:
    """What the token endpoint gives the client; "" if it refuses it."""
    form = {"grant_type": "client_credentials", "client_id": "entra", "client_secret": secret}
    url = f"/tenants/{tenant}/scim/v2/oauth2/token"
    response = await manage.app.client.post(url, data=form)
    assert response.status_code in {200, 401}, response.text
    return str(response.json().get("access_token", ""))


async def test_a_tenant_is_created_with_its_first_token(manage: Managed) -> None:
    response = await manage("POST", "", {"name": "Initrode", "validDays": 30})
    assert response.status_code == 201, response.text
    answer = response.json()
    assert answer["name"] == "initrode"
    assert answer["tenantUrl"] == "https://id.example.com/tenants/initrode/scim/v2"
    assert response.headers["location"] == "https://id.example.com/api/v1/tenants/initrode"
    assert await manage.opens("initrode", answer["token"]["value"])
    listed = await found(manage, "initrode")
    assert listed == {
        "name": "initrode",
        "tenantUrl": answer["tenantUrl"],
        "state": "open",
        "tokenExpires": answer["token"]["expires"],
    }


async def test_there_is_one_tenant_of_a_name(manage: Managed) -> None:
    responses = await asyncio.gather(
        *(manage("POST", "", {"name": "twins"}) for _ in range(4)),
        *(manage("POST", "", {"name": name}) for name in ("default", "ACME")),
    )
    assert sorted(each.status_code for each in responses) == [201, 409, 409, 409, 409, 409]
    (won,) = (each.json() for each in responses if each.status_code == 201)
    assert await manage.opens("twins", won["token"]["value"])
    tokens = (await manage("GET", "/twins/tokens")).json()["tokens"]
    assert [each["version"] for each in tokens if each["state"] == "valid"] == [
        won["token"]["version"]
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a--b"},
        {"name": "-a"},
        {"name": "a_b"},
        {"name": "a.b"},
        {"name": "a b"},
        {"name": "a\n"},
        {"name": "\u212aelvin"},
        {"name": "x" * 41},
        {"name": 7},
        {"name": None},
        {"name": "nobody", "token": "a-token-that-i-have-chosen"},
        {"name": "nobody", "existingData": "true"},
    ],
)
async def test_a_name_that_no_tenant_can_have_creates_nothing(manage: Managed, body: Any) -> None:
    writes = len(manage.azure.vault.written)
    response = await manage("POST", "", body)
    assert (response.status_code, response.json()["type"]) == (400, "/problems/invalid-value")
    assert len(manage.azure.vault.written) == writes


async def test_data_of_a_former_tenant_are_not_taken_over_unasked(manage: Managed) -> None:
    tenant, token = await manage.new_tenant()
    await add_user(manage, tenant, token["value"])
    del manage.azure.vault.secrets[f"scim-token--{tenant}"]
    await manage("DELETE", f"/{tenant}")  # what is remembered of it is read again
    refused = await manage("POST", "", {"name": tenant})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/conflict")
    assert "existingData" in refused.json()["detail"]
    taken = await manage("POST", "", {"name": tenant, "existingData": True})
    assert taken.status_code == 201


async def test_a_closed_tenant_lets_nobody_in_and_its_identities_stay(manage: Managed) -> None:
    tenant, token = await manage.new_tenant()
    await add_user(manage, tenant, token["value"])
    closed = await manage("DELETE", f"/{tenant}")
    assert closed.json() == {
        "name": tenant,
        "state": "closed",
        "disabled": [token["version"]],
        "data": "kept",
    }
    assert not await manage.opens(tenant, token["value"])
    access = await manage("GET", f"/{tenant}/access?userName=ana@x.test")
    assert access.json()["decision"] == "allow"
    listed = await found(manage, tenant)
    assert listed is not None
    assert listed["state"] == "closed"


async def test_a_tenant_is_closed_to_its_oauth_clients_and_no_token_brings_them_back(
    manage: Managed,
) -> None:
    tenant, secret = await tenant_with_client(manage)
    access_token = await access_token_of(manage, tenant, secret)
    assert access_token
    assert await manage.opens(tenant, access_token)
    assert (await manage("DELETE", f"/{tenant}")).status_code == 200
    assert not await manage.opens(tenant, access_token)
    assert not await access_token_of(manage, tenant, secret)
    drawn = await manage("POST", f"/{tenant}/tokens", {})
    assert drawn.status_code == 201, drawn.text
    assert await manage.opens(tenant, drawn.json()["value"])
    assert not await manage.opens(tenant, access_token)
    assert not await access_token_of(manage, tenant, secret)


async def test_a_tenant_that_is_created_again_has_none_of_the_clients_of_before(
    manage: Managed,
) -> None:
    """Where its secret was deleted from the vault, and those of its clients were not."""
    tenant, secret = await tenant_with_client(manage)
    assert await access_token_of(manage, tenant, secret)
    del manage.azure.vault.secrets[f"scim-token--{tenant}"]
    await manage("DELETE", f"/{tenant}")  # what is remembered of it is read again
    created = await manage("POST", "", {"name": tenant})
    assert created.status_code == 201, created.text
    assert await manage.opens(tenant, created.json()["token"]["value"])
    assert not await access_token_of(manage, tenant, secret)


@pytest.mark.parametrize("query", ["?limit=1000", "?limit=1000&changedAfter=2026-01-01T00:00:00Z"])
async def test_clients_and_signing_keys_are_no_tenants(manage: Managed, query: str) -> None:
    tenant, _ = await tenant_with_client(manage)
    secrets = manage.azure.vault.secrets.keys()
    assert {f"scim-client--{tenant}--entra", SIGNING_KEY} < secrets
    names = {each["name"] for each in (await page(manage, query))["tenants"]}
    held = {name.removeprefix("scim-token").removeprefix("--") or "default" for name in secrets}
    assert names <= held
    assert (await manage("GET", f"/client--{tenant}--entra")).status_code == 404


async def test_the_states_of_tenants_are_told_apart(manage: Managed) -> None:
    now = time.time()
    vault = manage.azure.vault
    vault.put("scim-token--expired", "a-token-of-an-operator", expires=now - DAY)
    vault.put("scim-token--to-come", "a-token-of-an-operator", not_before=now + DAY)
    vault.put("scim-token--older", "a-token-of-an-operator")
    vault.put("scim-token--older", "another-token-of-an-operator", expires=now - DAY)
    vault.put("scim-token--switched-off", "a-token-of-an-operator", tags={"token": "off"})
    await manage("DELETE", "/nobody-at-all")
    new, _ = await manage.new_tenant()  # so that the list is read again
    states = {each["name"]: each["state"] for each in (await page(manage))["tenants"]}
    named = ("expired", "to-come", "older", "switched-off", new)
    assert {name: states[name] for name in named} == {
        "expired": "noValidToken",
        "to-come": "noValidToken",
        "older": "open",
        "switched-off": "noValidToken",
        new: "open",
    }


async def test_pages_go_by_name_and_a_key_sees_its_own_tenants_alone(manage: Managed) -> None:
    for _ in range(3):
        await manage.new_tenant()
    names = [each["name"] for each in (await page(manage, "?limit=1000"))["tenants"]]
    assert names == sorted(names)
    assert {"acme", "default"} < set(names)
    walked: list[str] = []
    answer = await page(manage, "?limit=2")
    while True:
        assert len(answer["tenants"]) <= 2
        walked += [each["name"] for each in answer["tenants"]]
        if "cursor" not in answer:
            break
        answer = await page(manage, f"?limit=2&after={answer['cursor']}")
    assert walked == names
    assert [each["name"] for each in (await page(manage, key=SOME))["tenants"]] == ["acme"]
    created = await manage("POST", "", {"name": "other"}, key=SOME)
    assert created.status_code == 403
    assert (await manage("GET", "", key=READER)).status_code == 403
    assert (await manage("GET", "", key=TOKEN)).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0",
        "?limit=1001",
        "?limit=x",
        "?limit=",
        "?limit=1&limit=2",
        "?after=",
        "?changedAfter=",
        "?changedAfter=yesterday",
        "?changedAfter=2026-11-29",
        "?changedAfter=2026-11-29T13:45:00",
        "?changedAfter=2026-13-29T13:45:00Z",
        "?changedAfter=1764424800",
        "?changedAfter=2026-11-29T13:45:00+01:00",
    ],
)
async def test_a_query_that_is_not_understood_is_refused(manage: Managed, query: str) -> None:
    response = await manage("GET", query)
    assert (response.status_code, response.json()["type"]) == (400, "/problems/invalid-value")


async def test_only_tenants_with_changes_are_listed_with_the_time_of_the_last(
    manage: Managed,
) -> None:
    idle, _ = await manage.new_tenant()
    busy, token = await manage.new_tenant()
    await add_user(manage, busy, token["value"])
    before = ago(minutes=10)
    listed = await found(manage, busy, f"?limit=1000&changedAfter={before}")
    assert listed is not None
    last = datetime.fromisoformat(listed["lastChange"])
    assert timedelta() <= datetime.now(UTC) - last < timedelta(seconds=30)
    assert await found(manage, idle, f"?limit=1000&changedAfter={before}") is None
    # A change may become visible two minutes late: who asks from its time on still finds it.
    asked = (last + timedelta(seconds=100)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert await found(manage, busy, f"?limit=1000&changedAfter={asked}")
    later = (last + timedelta(seconds=130)).strftime("%Y-%m-%dt%H:%M:%S%%2B00:00")
    assert await found(manage, busy, f"?limit=1000&changedAfter={later}") is None


async def test_what_has_changed_costs_a_call_for_each_tenant_that_is_looked_at(
    manage: Managed,
) -> None:
    for query, calls in (("?limit=3", 0), (f"?limit=3&changedAfter={ago(days=1)}", 3)):
        response = await manage("GET", query)
        mark = json.dumps({"request": response.headers["request-id"]})[:-1]
        line = json.loads((await manage.app.log.until_matched(rf"\{mark}.*\}}"))[0])
        assert line["calls"] == calls
        assert line["token"].startswith("scim-apikey--manager/")


async def test_capabilities_of_a_token_are_none(manage: Managed) -> None:
    tenant, token = await manage.new_tenant()
    for method, path in (("GET", ""), ("POST", ""), ("DELETE", f"/{tenant}")):
        assert (await manage(method, path, {}, key=token["value"])).status_code == 401
    assert await manage.opens(tenant, token["value"])
