"""`tokens`: drawn, listed and revoked; whatever the vault does, the answer is true."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.spec.api.conftest import READER, SOME

if TYPE_CHECKING:
    from tests.spec.api.conftest import Managed

ABSENT = "0" * 32


async def listed(manage: Managed, tenant: str) -> dict[str, str]:
    """The states of the tokens of a tenant by version, the newest first."""
    response = await manage("GET", f"/{tenant}/tokens")
    assert response.status_code == 200, response.text
    assert "value" not in response.text
    return {each["version"]: each["state"] for each in response.json()["tokens"]}


async def drawn(manage: Managed, tenant: str) -> dict[str, Any]:
    response = await manage("POST", f"/{tenant}/tokens", {})
    assert response.status_code == 201, response.text
    token: dict[str, Any] = response.json()
    return token


async def test_a_token_is_shown_once_and_opens_the_tenant_at_once(manage: Managed) -> None:
    tenant, first = await manage.new_tenant()
    response = await manage("POST", f"/{tenant}/tokens", {"validDays": 7})
    token = response.json()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token["value"])  # 256 bits in base64url
    assert token["disabled"] == []
    life = datetime.fromisoformat(token["expires"]) - datetime.now(UTC)
    assert timedelta(days=6.9) < life < timedelta(days=7)
    place = response.headers["location"]
    assert place == f"https://id.example.com/api/v1/tenants/{tenant}/tokens/{token['version']}"
    shown = await manage("GET", place.partition("/tenants")[2])
    assert (shown.json()["version"], shown.json()["state"]) == (token["version"], "valid")
    assert "value" not in shown.json()
    assert await manage.opens(tenant, token["value"])
    assert await manage.opens(tenant, first["value"])  # nothing is interrupted
    assert token["value"] not in manage.app.log.text


async def test_the_third_token_ends_the_first(manage: Managed) -> None:
    tenant, first = await manage.new_tenant()
    second, third = await drawn(manage, tenant), await drawn(manage, tenant)
    assert third["disabled"] == [first["version"]]
    assert not await manage.opens(tenant, first["value"])
    assert await manage.opens(tenant, second["value"])
    states = await listed(manage, tenant)
    assert states == {
        third["version"]: "valid",
        second["version"]: "valid",
        first["version"]: "disabled",
    }


async def test_a_revoked_token_is_refused_at_once_and_the_newest_is_not_revoked(
    manage: Managed,
) -> None:
    tenant, first = await manage.new_tenant()
    second = await drawn(manage, tenant)
    refused = await manage("DELETE", f"/{tenant}/tokens/{second['version']}")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/conflict")
    assert await manage.opens(tenant, first["value"])
    assert await manage.opens(tenant, second["value"])
    for disabled in ([first["version"]], []):  # and again
        revoked = await manage("DELETE", f"/{tenant}/tokens/{first['version']}")
        assert (revoked.status_code, revoked.json()["disabled"]) == (200, disabled)
    assert not await manage.opens(tenant, first["value"])
    assert await manage.opens(tenant, second["value"])


async def test_a_revocation_takes_along_what_would_come_back(manage: Managed) -> None:
    tenant, _ = await manage.new_tenant()
    secret = f"scim-token--{tenant}"
    versions = [manage.azure.vault.put(secret, f"a-token-of-the-operator-{n}") for n in range(3)]
    revoked = await manage("DELETE", f"/{tenant}/tokens/{versions[1].id}")
    (first, *_) = manage.azure.vault.secrets[secret]
    assert revoked.json()["disabled"] == [versions[1].id, versions[0].id, first.id]
    assert not await manage.opens(tenant, "a-token-of-the-operator-0")


async def test_a_token_of_a_closed_tenant_opens_it_to_itself_alone(manage: Managed) -> None:
    tenant, first = await manage.new_tenant()
    second = await drawn(manage, tenant)
    assert (await manage("DELETE", f"/{tenant}")).status_code == 200
    third = await drawn(manage, tenant)
    opened = [await manage.opens(tenant, each["value"]) for each in (first, second, third)]
    assert opened == [False, False, True]


@pytest.mark.parametrize("version", [ABSENT, "x", "0" * 31, "%20", "..%2fx", "scim-token"])
async def test_what_is_no_token_of_the_tenant_is_not_found(manage: Managed, version: str) -> None:
    tenant, _ = await manage.new_tenant()
    other, token = await manage.new_tenant()
    for method in ("GET", "DELETE"):
        for named in (version, token["version"], token["version"][:8]):
            assert (await manage(method, f"/{tenant}/tokens/{named}")).status_code == 404
    assert await manage.opens(other, token["value"])


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "x",
        {"validDays": 0},
        {"validDays": 3_651},
        {"validDays": "7"},
        {"validDays": 7.5},
        {"validDays": None},
        {"validDays": True},
        {"valid_days": 7},
        {"expires": "2030-01-01T00:00:00Z"},
        {"validDays": 7, "value": "a-token-that-i-have-chosen"},
    ],
)
async def test_what_is_not_understood_draws_nothing(manage: Managed, body: Any) -> None:
    writes = len(manage.azure.vault.written)
    response = await manage("POST", "/acme/tokens", body)
    assert response.status_code == 400, response.text
    assert "chosen" not in response.text
    assert len(manage.azure.vault.written) == writes


async def test_draws_at_once_leave_the_newest_two_valid(manage: Managed) -> None:
    tenant, first = await manage.new_tenant()
    responses = await asyncio.gather(*(manage("POST", f"/{tenant}/tokens", {}) for _ in range(5)))
    tokens = [each.json() for each in responses if each.status_code == 201]
    assert tokens
    assert {each.status_code for each in responses} <= {201, 409}
    states = await listed(manage, tenant)
    valid = [version for version, state in states.items() if state == "valid"]
    assert valid == list(states)[:2]
    opened = {each["version"] for each in tokens if await manage.opens(tenant, each["value"])}
    assert opened == set(valid) & {each["version"] for each in tokens}
    assert not await manage.opens(tenant, first["value"])


async def test_draws_and_a_closing_at_once_open_nothing_that_was_closed(manage: Managed) -> None:
    tenant, first = await manage.new_tenant()
    second = await drawn(manage, tenant)
    closed, *_ = await asyncio.gather(
        manage("DELETE", f"/{tenant}"),
        *(manage("POST", f"/{tenant}/tokens", {}) for _ in range(3)),
    )
    assert closed.status_code == 200
    for token in (first, second):
        assert not await manage.opens(tenant, token["value"])


async def test_without_the_right_to_write_it_is_said_what_to_deploy(manage: Managed) -> None:
    tenant, token = await manage.new_tenant()
    second = await drawn(manage, tenant)
    manage.azure.vault.is_read_only = True
    try:
        responses = [
            await manage("POST", f"/{tenant}/tokens", {}),
            await manage("DELETE", f"/{tenant}/tokens/{token['version']}"),
            await manage("DELETE", f"/{tenant}"),
            await manage("POST", "", {"name": "a-new-one"}),
        ]
        assert [each.status_code for each in responses] == [501] * 4
        for response in responses:
            assert response.json()["type"] == "/problems/not-served"
            assert "tokensByApi=true" in response.json()["detail"]
        assert list((await listed(manage, tenant)).values()) == ["valid", "valid"]
    finally:
        manage.azure.vault.is_read_only = False
    assert await manage.opens(tenant, token["value"])
    assert await manage.opens(tenant, second["value"])
    await manage.app.log.until("Key Vault does not let the service write tokens")


async def test_a_draw_whose_answer_the_vault_loses_is_answered_all_the_same(
    manage: Managed,
) -> None:
    """Because its version is found by its receipt, however often a client has sent it."""
    tenant, first = await manage.new_tenant()
    manage.azure.vault.loses_answers = True
    try:
        token = await drawn(manage, tenant)
    finally:
        manage.azure.vault.loses_answers = False
    assert await manage.opens(tenant, token["value"])
    assert await manage.opens(tenant, first["value"])
    assert list((await listed(manage, tenant)).values()).count("valid") == 2


async def test_a_draw_that_the_vault_fails_changes_nothing(manage: Managed) -> None:
    tenant, first = await manage.new_tenant()
    manage.azure.vault.writes = 0
    try:
        response = await manage("POST", f"/{tenant}/tokens", {})
    finally:
        manage.azure.vault.writes = None
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert "nobody has seen it" in response.json()["detail"]
    assert list(await listed(manage, tenant)) == [first["version"]]
    assert await manage.opens(tenant, first["value"])


async def test_a_token_is_answered_where_what_it_supersedes_could_not_be_disabled(
    manage: Managed,
) -> None:
    tenant, first = await manage.new_tenant()
    await drawn(manage, tenant)
    manage.azure.vault.writes = 1
    try:
        third = await drawn(manage, tenant)
    finally:
        manage.azure.vault.writes = None
    assert third["disabled"] == []
    assert (await listed(manage, tenant))[first["version"]] == "superseded"
    assert not await manage.opens(tenant, first["value"])
    assert first["version"] in (await drawn(manage, tenant))["disabled"]


async def test_a_closing_that_fails_half_way_has_closed_and_is_repeated(manage: Managed) -> None:
    tenant, first = await manage.new_tenant()
    second = await drawn(manage, tenant)
    manage.azure.vault.writes = 1
    try:
        response = await manage("DELETE", f"/{tenant}")
    finally:
        manage.azure.vault.writes = None
    assert response.status_code == 503
    assert "may be closed already: repeat" in response.json()["detail"]
    for token in (first, second):
        assert not await manage.opens(tenant, token["value"])
    again = await manage("DELETE", f"/{tenant}")
    assert (again.status_code, again.json()["disabled"]) == (200, [first["version"]])


async def test_while_the_vault_hangs_other_requests_are_served(manage: Managed) -> None:
    tenant, first = await manage.new_tenant()
    assert await manage.opens(tenant, first["value"])
    with manage.azure.vault.hanging(f"/secrets/scim-token--{tenant}"):
        drawing = asyncio.create_task(manage("POST", f"/{tenant}/tokens", {}))
        await asyncio.wait_for(manage.azure.vault.is_called.wait(), 10)
        assert (await manage("GET", "?limit=1")).status_code == 200
        response = await drawing
    assert response.status_code == 503
    assert list(await listed(manage, tenant)) == [first["version"]]


async def test_a_deleted_secret_keeps_its_name_and_the_answer_says_so(manage: Managed) -> None:
    manage.azure.vault.deleted.add("scim-token--deleted-one")
    response = await manage("POST", "", {"name": "deleted-one"})
    assert response.status_code == 409
    assert "az keyvault secret recover" in response.json()["detail"]


async def test_the_log_tells_who_did_what_and_no_secret(manage: Managed) -> None:
    tenant, first = await manage.new_tenant()
    second = await drawn(manage, tenant)
    await manage("DELETE", f"/{tenant}/tokens/{first['version']}")
    await manage("DELETE", f"/{tenant}")
    lines = []
    for action in ("create", "draw", "revoke", "close"):
        pattern = rf'\{{"tokens": "{action}", "tenant": "{tenant}".*\}}'
        lines.append(json.loads((await manage.app.log.until_matched(pattern))[0]))
    for line in lines:
        assert line["by"].startswith("scim-apikey--manager/")
        assert line["request"]
    assert [line.get("version") for line in lines] == [
        first["version"],
        second["version"],
        first["version"],
        None,
    ]
    assert lines[3]["disabled"] == [second["version"]]
    for token in (first, second):
        assert token["value"] not in manage.app.log.text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_key_manages_its_own_tenants_alone(manage: Managed, method: str) -> None:
    tenant, _ = await manage.new_tenant()
    for key, status in ((SOME, 403), (READER, 403), ("a-token-of-no-one", 401)):
        response = await manage(method, f"/{tenant}/tokens", {}, key=key)
        assert response.status_code == status
        if status == 403:
            assert "python -m tools.admin apikey rotate" in response.json()["detail"]
