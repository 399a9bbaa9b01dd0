"""`webhooks`: endpoints are created, changed, paused and deleted; a secret is shown once."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.spec.api.conftest import READER, SOME
from tests.support.production import deployed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.spec.api.conftest import Managed

URL = "https://hooks.example.com/scim?customer=ana"
ABSENT = "0" * 32


@pytest.fixture
async def hooks(manage: Managed) -> AsyncIterator[Managed]:
    """Sends requests below `/api/v1/webhooks`, where only the test's own endpoints are."""
    below = replace(manage, place="/api/v1/webhooks")
    await delete_all(below)
    yield below
    await delete_all(below)


async def delete_all(hooks: Managed) -> None:
    for each in await ids(hooks):
        assert (await hooks("DELETE", f"/{each}")).status_code == 200


async def created(hooks: Managed, **more: Any) -> dict[str, Any]:
    response = await hooks("POST", "", {"url": URL, **more})
    assert response.status_code == 201, response.text
    endpoint: dict[str, Any] = response.json()
    return endpoint


async def ids(hooks: Managed, key: str | None = None) -> list[str]:
    response = await hooks("GET", "", key=key)
    assert response.status_code == 200, response.text
    return [each["id"] for each in response.json()["webhooks"]]


# --- an endpoint


async def test_an_endpoint_is_created_with_a_secret_that_is_shown_once(hooks: Managed) -> None:
    response = await hooks("POST", "", {"url": URL, "description": "The CRM"})
    assert response.status_code == 201
    endpoint = response.json()
    secret = endpoint.pop("secret")
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    assert secret.startswith("whsec_")
    assert len(key) == 32
    place = f"https://id.example.com/api/v1/webhooks/{endpoint['id']}"
    assert (response.headers["location"], response.headers["etag"]) == (place, 'W/"1"')
    shown = await hooks("GET", f"/{endpoint['id']}")
    assert shown.json() == endpoint
    assert endpoint == {
        "id": endpoint["id"],
        "url": URL,
        "description": "The CRM",
        "state": "enabled",
        "created": endpoint["created"],
        "modified": endpoint["created"],
    }
    listed = await hooks("GET", "")
    assert endpoint in listed.json()["webhooks"]
    (version,) = hooks.azure.vault.secrets[f"scim-webhook--{endpoint['id']}"]
    assert (version.value, version.content_type) == (secret, "SCIM webhook secret")


async def test_it_is_of_the_tenants_and_the_types_that_are_named(hooks: Managed) -> None:
    endpoint = await created(
        hooks, tenants=["ACME", "default", "acme"], types=["user.deleted", "group.updated"]
    )
    assert endpoint["tenants"] == ["acme", "default"]
    assert endpoint["types"] == ["group.updated", "user.deleted"]


async def test_a_merge_patch_changes_what_it_names(hooks: Managed) -> None:
    endpoint = await created(hooks, tenants=["acme"], types=["user.deleted"], description="CRM")
    patch = {"url": "https://other.example.com/", "types": None, "description": None}
    changed = await hooks(
        "PATCH",
        f"/{endpoint['id']}",
        patch,
        headers={"content-type": "application/merge-patch+json", "If-Match": 'W/"1"'},
    )
    assert (changed.status_code, changed.headers["etag"]) == (200, 'W/"2"')
    shown = changed.json()
    assert (shown["url"], shown["tenants"]) == ("https://other.example.com/", ["acme"])
    assert not {"types", "description", "secret"} & shown.keys()
    same = await hooks("PATCH", f"/{endpoint['id']}", {"url": "https://other.example.com/"})
    assert same.headers["etag"] == 'W/"2"', "nothing has changed"


async def test_it_is_paused_and_resumed(hooks: Managed) -> None:
    endpoint = await created(hooks)
    for state in ("paused", "enabled"):
        changed = await hooks("PATCH", f"/{endpoint['id']}", {"state": state})
        assert changed.json()["state"] == state
    assert (await hooks("PATCH", f"/{endpoint['id']}", {"state": "disabled"})).status_code == 400


async def test_what_is_deleted_is_gone_and_its_secret_signs_nothing(hooks: Managed) -> None:
    endpoint = await created(hooks)
    assert (await hooks("DELETE", f"/{endpoint['id']}")).json()["id"] == endpoint["id"]
    (version,) = hooks.azure.vault.secrets[f"scim-webhook--{endpoint['id']}"]
    assert not version.enabled
    for method in ("GET", "PATCH", "DELETE"):
        body = {"state": "paused"} if method == "PATCH" else None
        assert (await hooks(method, f"/{endpoint['id']}", body)).status_code == 404
    assert await ids(hooks) == []


@pytest.mark.parametrize("endpoint_id", [ABSENT, "x", "%20", "..%2fx", "0" * 31])
async def test_what_is_no_endpoint_is_not_found(hooks: Managed, endpoint_id: str) -> None:
    for path, method, body in (
        ("", "GET", None),
        ("", "PATCH", {}),
        ("", "DELETE", None),
        ("/secrets", "GET", None),
        ("/secrets", "POST", {}),
        ("/deliveries", "GET", None),
        ("/redeliver", "POST", {"dead": True}),
    ):
        assert (await hooks(method, f"/{endpoint_id}{path}", body)).status_code == 404, path


# --- understood or refused

REFUSED_URLS = {
    "http://hooks.example.com/": "https://",
    "ftp://hooks.example.com/": "https://",
    "hooks.example.com": "absolute URL",
    "https:///x": "absolute URL",
    "https://hooks.example.com:0/": "absolute URL",
    "https://hooks.example.com:99999/": "absolute URL",
    "https://user@hooks.example.com/": "no user",
    "https://user:secret@hooks.example.com/": "no user",
    "https://hooks.example.com/#top": "no fragment",
    "https://hooks.example.com/#": "no fragment",
    "https://hooks.example.com/a b": "ASCII",
    "https://hööks.example.com/": "ASCII",
    "https://hooks.example.com/\\x": "ASCII",
    f"https://hooks.example.com/{'x' * 2_048}": "2,048 characters",
    "https://localhost/": "no host of the internet",
    "https://crm/": "no host of the internet",
    "https://crm.internal/": "no host of the internet",
    "https://crm.local./": "no host of the internet",
    "https://127.0.0.1/": "no host of the internet",
    "https://127.1/": "no host of the internet",
    "https://2130706433/": "no host of the internet",
    "https://0x7f.0.0.1/": "no host of the internet",
    "https://10.0.0.1/": "no host of the internet",
    "https://169.254.169.254/": "no host of the internet",
    "https://168.63.129.16/": "no host of the internet",
    "https://[::1]/": "no host of the internet",
    "https://[::ffff:10.0.0.1]/": "no host of the internet",
    "https://[fe80::1%25eth0]/": "no host of the internet",
    "https://[3fff::1]/": "no host of the internet",
    "https://a_b!.example.com/": "name a host",
}


@pytest.mark.parametrize(("url", "said"), REFUSED_URLS.items())
async def test_a_url_to_which_nothing_is_sent_is_refused(
    hooks: Managed, url: str, said: str
) -> None:
    endpoint = await created(hooks)
    for response in (
        await hooks("POST", "", {"url": url}),
        await hooks("PATCH", f"/{endpoint['id']}", {"url": url}),
    ):
        assert response.status_code == 400, response.text
        assert said in response.json()["detail"]
        assert "secret@" not in response.text
    assert await ids(hooks) == [endpoint["id"]]
    assert (await hooks("GET", f"/{endpoint['id']}")).json()["url"] == URL


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com",
        "https://hooks.example.com:8443/a/b?c=d",
        "https://xn--hks-6qaa.example.com/",
        "https://20.50.1.2/",
        "https://[2a01:111:f100::1]/",
    ],
)
async def test_any_other_is_taken_as_it_is(hooks: Managed, url: str) -> None:
    response = await hooks("POST", "", {"url": url})
    assert (response.status_code, response.json().get("url")) == (201, url)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "url: is missing"),
        ([], "JSON object"),
        ({"url": URL, "uri": "x"}, "none of these"),
        ({"url": 5}, "url: should be a string"),
        ({"url": URL, "tenants": []}, "tenants: should not be empty"),
        ({"url": URL, "tenants": ["nobody"]}, "there is no tenant nobody"),
        ({"url": URL, "tenants": ["a--b"]}, "tenants[0]"),
        ({"url": URL, "tenants": ["acme"] * 201}, "at most 200"),
        ({"url": URL, "tenants": "acme"}, "should be a list"),
        ({"url": URL, "types": []}, "types: should not be empty"),
        ({"url": URL, "types": ["user.deleted", "user.gone"]}, "types[1]"),
        ({"url": URL, "types": ["User.deleted"]}, "types[0]"),
        ({"url": URL, "state": "disabled"}, "state"),
        ({"url": URL, "reason": "x"}, "none of these"),
        ({"url": URL, "description": "x" * 201}, "at most 200"),
    ],
)
async def test_what_is_not_understood_creates_nothing(hooks: Managed, body: Any, said: str) -> None:
    written = len(hooks.azure.vault.written)
    response = await hooks("POST", "", body)
    assert response.status_code == 400, response.text
    assert said in response.json()["detail"]
    assert await ids(hooks) == []
    assert len(hooks.azure.vault.written) == written


@pytest.mark.parametrize(
    "patch",
    [
        [],
        {"url": None},
        {"state": None},
        {"id": "x"},
        {"secret": "whsec_x"},
        {"tenants": []},
        {"tenants": ["nobody"]},
        {"types": []},
        {"types": ["user.gone"]},
    ],
    ids=str,
)
async def test_a_patch_that_is_not_understood_changes_nothing(hooks: Managed, patch: Any) -> None:
    endpoint = await created(hooks, tenants=["acme"], types=["user.deleted"])
    assert (await hooks("PATCH", f"/{endpoint['id']}", patch)).status_code == 400
    shown = await hooks("GET", f"/{endpoint['id']}")
    assert shown.headers["etag"] == 'W/"1"'


# --- keys of some tenants


async def test_a_key_of_some_tenants_neither_sees_nor_makes_what_reaches_others(
    hooks: Managed,
) -> None:
    of_all, of_default = await created(hooks), await created(hooks, tenants=["default"])
    of_both = await created(hooks, tenants=["acme", "default"])
    own = await created(hooks, tenants=["acme"])
    assert await ids(hooks, key=SOME) == [own["id"]]
    for other in (of_all, of_default, of_both):
        for path, method, body in (
            ("", "GET", None),
            ("", "PATCH", {"state": "paused"}),
            ("", "DELETE", None),
            ("/secrets", "POST", {}),
            ("/deliveries?tenant=acme", "GET", None),
            ("/redeliver", "POST", {"tenant": "acme", "dead": True}),
        ):
            response = await hooks(method, f"/{other['id']}{path}", body, key=SOME)
            assert response.status_code == 404, (path, method)
    for tenants in (None, ["default"], ["acme", "nobody"]):
        named = {} if tenants is None else {"tenants": tenants}
        refused = await hooks("POST", "", {"url": URL, **named}, key=SOME)
        assert refused.status_code == 403, tenants
        patched = await hooks("PATCH", f"/{own['id']}", {"tenants": tenants}, key=SOME)
        assert patched.status_code == 403, tenants
    assert (await hooks("GET", f"/{own['id']}")).headers["etag"] == 'W/"1"'
    assert len(await ids(hooks)) == 4


async def test_a_key_without_the_scope_comes_nowhere(hooks: Managed) -> None:
    for key, status in ((READER, 403), ("a-token-of-no-one", 401)):
        assert (await hooks("GET", "", key=key)).status_code == status
        assert (await hooks("POST", "", {"url": URL}, key=key)).status_code == status


# --- conditions


@pytest.mark.parametrize("condition", [{"If-Match": 'W/"7"'}, {"If-None-Match": "*"}], ids=str)
async def test_a_write_whose_condition_is_false_changes_nothing(
    hooks: Managed, condition: dict[str, str]
) -> None:
    endpoint = await created(hooks)
    for path, method, body in (
        ("", "PATCH", {"state": "paused"}),
        ("", "DELETE", None),
        ("/secrets", "POST", {}),
        ("/redeliver", "POST", {"tenant": "acme", "dead": True}),
    ):
        response = await hooks(method, f"/{endpoint['id']}{path}", body, headers=condition)
        assert response.status_code == 412, (path, method)
    assert (await hooks("GET", f"/{endpoint['id']}")).headers["etag"] == 'W/"1"'
    assert len(hooks.azure.vault.secrets[f"scim-webhook--{endpoint['id']}"]) == 1


async def test_of_changes_at_once_under_one_version_one_is_done(hooks: Managed) -> None:
    endpoint = await created(hooks)
    headers = {"If-Match": 'W/"1"'}
    statuses = await asyncio.gather(
        *(
            hooks("PATCH", f"/{endpoint['id']}", {"description": str(n)}, headers=headers)
            for n in range(4)
        )
    )
    assert sorted(each.status_code for each in statuses) == [200, 412, 412, 412]


# --- secrets


async def test_a_rotation_leaves_the_present_secret_beside_the_new_one_for_a_while(
    hooks: Managed,
) -> None:
    endpoint = await created(hooks)
    response = await hooks("POST", f"/{endpoint['id']}/secrets", {"overlapHours": 2})
    assert response.status_code == 201
    new = response.json()
    assert new["secret"].startswith("whsec_")
    assert new["secret"] != endpoint["secret"]
    left = datetime.fromisoformat(new["previousUntil"]) - datetime.now(UTC)
    assert timedelta(hours=1.9) < left < timedelta(hours=2)
    listed = await hooks("GET", f"/{endpoint['id']}/secrets")
    assert [each["state"] for each in listed.json()["secrets"]] == ["valid", "valid"]
    assert "whsec_" not in listed.text


async def test_where_the_vault_has_lost_the_secret_a_rotation_draws_the_first(
    hooks: Managed,
) -> None:
    """As on a developer's machine, where secrets end with the process."""
    endpoint = await created(hooks)
    del hooks.azure.vault.secrets[f"scim-webhook--{endpoint['id']}"]
    response = await hooks("POST", f"/{endpoint['id']}/secrets", {})
    assert response.status_code == 201, response.text
    assert "previousUntil" not in response.json()
    listed = (await hooks("GET", f"/{endpoint['id']}/secrets")).json()["secrets"]
    assert [each["state"] for each in listed] == ["valid"]


async def test_two_secrets_are_live_at_most(hooks: Managed) -> None:
    endpoint = await created(hooks)
    for _ in range(2):
        last = await hooks("POST", f"/{endpoint['id']}/secrets", {})
        assert last.status_code == 201
    assert len(last.json()["disabled"]) == 1
    listed = (await hooks("GET", f"/{endpoint['id']}/secrets")).json()["secrets"]
    assert [each["state"] for each in listed] == ["valid", "valid", "disabled"]


async def test_a_secret_that_has_leaked_is_ended_at_once(hooks: Managed) -> None:
    endpoint = await created(hooks)
    await hooks("POST", f"/{endpoint['id']}/secrets", {"overlapHours": 0})
    listed = (await hooks("GET", f"/{endpoint['id']}/secrets")).json()["secrets"]
    assert [each["state"] for each in listed] == ["valid", "expired"]


@pytest.mark.parametrize("body", [{"overlapHours": -1}, {"overlapHours": 721}, {"hours": 1}, []])
async def test_a_rotation_that_is_not_understood_draws_nothing(hooks: Managed, body: Any) -> None:
    endpoint = await created(hooks)
    assert (await hooks("POST", f"/{endpoint['id']}/secrets", body)).status_code == 400
    assert len(hooks.azure.vault.secrets[f"scim-webhook--{endpoint['id']}"]) == 1


async def test_a_vault_that_must_not_be_written_to_is_told_of_and_nothing_changes(
    hooks: Managed,
) -> None:
    endpoint = await created(hooks)
    vault = hooks.azure.vault
    vault.is_read_only = True
    try:
        for path, method, body in (
            ("", "POST", {"url": URL}),
            (f"/{endpoint['id']}/secrets", "POST", {}),
            (f"/{endpoint['id']}", "DELETE", None),
        ):
            response = await hooks(method, path, body)
            assert response.status_code == 501, (path, method)
            assert "tokensByApi" in response.json()["detail"]
            assert "tools.admin webhook" in response.json()["detail"]
        paused = await hooks("PATCH", f"/{endpoint['id']}", {"state": "paused"})
        assert paused.status_code == 200, "what needs no vault is served"
    finally:
        vault.is_read_only = False
    assert await ids(hooks) == [endpoint["id"]]


async def test_a_rotation_whose_answers_the_vault_loses_is_answered_all_the_same(
    hooks: Managed,
) -> None:
    """Its version is found by its receipt, however often a client has sent it."""
    endpoint = await created(hooks)
    vault = hooks.azure.vault
    vault.loses_answers = True
    try:
        response = await hooks("POST", f"/{endpoint['id']}/secrets", {})
    finally:
        vault.loses_answers = False
    assert response.status_code == 201, response.text
    drawn = response.json()
    values = {each.value for each in vault.secrets[f"scim-webhook--{endpoint['id']}"]}
    assert values == {endpoint["secret"], drawn["secret"]}
    assert "previousUntil" in drawn


async def test_a_rotation_that_the_vault_fails_leaves_the_present_secret(hooks: Managed) -> None:
    endpoint = await created(hooks)
    hooks.azure.vault.writes = 0
    try:
        response = await hooks("POST", f"/{endpoint['id']}/secrets", {})
    finally:
        hooks.azure.vault.writes = None
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert "nobody has seen it" in response.json()["detail"]
    (version,) = hooks.azure.vault.secrets[f"scim-webhook--{endpoint['id']}"]
    assert version.enabled


async def test_the_vault_is_called_three_times_for_a_first_secret_and_five_for_another(
    hooks: Managed,
) -> None:
    endpoint = await created(hooks)
    name = f"scim-webhook--{endpoint['id']}"
    assert len([each for each in hooks.azure.vault.calls if name in each]) == 3
    await hooks("POST", f"/{endpoint['id']}/secrets", {})
    assert len([each for each in hooks.azure.vault.calls if name in each]) == 3 + 5


async def test_a_secret_whose_draw_fails_leaves_no_endpoint(hooks: Managed) -> None:
    with hooks.azure.vault.failing(500, only="/secrets/scim-webhook--"):
        response = await hooks("POST", "", {"url": URL})
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert await ids(hooks) == []


# --- deliveries


async def test_an_endpoint_that_was_sent_nothing_has_no_deliveries(hooks: Managed) -> None:
    endpoint = await created(hooks, tenants=["acme"])
    response = await hooks("GET", f"/{endpoint['id']}/deliveries")
    assert response.json() == {"deliveries": []}
    for state in ("pending", "delivered", "dead"):
        one = await hooks("GET", f"/{endpoint['id']}/deliveries?state={state}&tenant=acme")
        assert one.json() == {"deliveries": []}
    again = await hooks("POST", f"/{endpoint['id']}/redeliver", {"dead": True})
    assert again.json() == {"redelivered": 0, "more": False}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?tenant=a--b",
        "?tenant=acme&state=lost",
        "?tenant=acme&limit=0",
        "?tenant=acme&cursor=x",
    ],
)
async def test_a_question_that_is_not_understood_is_refused(hooks: Managed, query: str) -> None:
    endpoint = await created(hooks)
    assert (await hooks("GET", f"/{endpoint['id']}/deliveries?{query}")).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"tenant": "acme"},
        {"dead": True},
        {"tenant": "acme", "dead": False},
        {"tenant": "acme", "ids": []},
        {"tenant": "acme", "ids": None},
        {"tenant": "acme", "ids": ["x"]},
        {"tenant": "acme", "ids": [ABSENT], "dead": True},
        {"tenant": "acme", "since": "yesterday"},
        {"tenant": "acme", "until": "2026-11-29T12:00:00Z"},
        {"tenant": "acme", "since": "2026-11-29T12:00:00Z", "ids": [ABSENT]},
        {"tenant": "acme", "since": "2026-11-29T12:00:00Z", "until": "2026-11-29T11:00:00Z"},
        {"tenant": "acme", "since": "2026-11-29T12:00:00Z", "until": "2026-11-29T12:00:00Z"},
        {"tenant": "acme", "dead": 1},
        {"tenant": "acme", "all": True},
        {"tenant": "acme", "dead": "true"},
        {"tenant": "acme", "dead": True, "since": "2026-11-29T12:00:00Z"},
        {"tenant": "acme", "since": "2026-11-29T12:00:00Z", "until": "2026-11-29T11:59:59Z"},
        {"tenant": "acme", "since": 1764417600},
        {"tenant": 1, "dead": True},
    ],
    ids=str,
)
async def test_a_redelivery_that_says_nothing_clear_sends_nothing(
    hooks: Managed, body: dict[str, Any]
) -> None:
    endpoint = await created(hooks)
    assert (await hooks("POST", f"/{endpoint['id']}/redeliver", body)).status_code == 400


# --- what is told


async def test_the_log_tells_who_did_what_and_neither_secret_nor_query(hooks: Managed) -> None:
    endpoint = await created(hooks)
    new = (await hooks("POST", f"/{endpoint['id']}/secrets", {})).json()
    await hooks("PATCH", f"/{endpoint['id']}", {"state": "paused"})
    await hooks("DELETE", f"/{endpoint['id']}")
    for action in ("create", "rotate", "close"):
        pattern = rf'\{{"webhookSecret": "{action}", "endpoint": "{endpoint["id"]}".*\}}'
        line = json.loads((await hooks.app.log.until_matched(pattern))[0])
        assert line["by"].startswith("scim-apikey--manager/")
        assert line["request"]
    for action in ("create", "update", "delete"):
        pattern = rf'\{{"webhook": "{action}", "endpoint": "{endpoint["id"]}".*\}}'
        line = json.loads((await hooks.app.log.until_matched(pattern))[0])
        assert line["by"].startswith("scim-apikey--manager/")
    assert not re.search("customer=ana|hooks.example.com", hooks.app.log.text)
    for secret in (endpoint["secret"], new["secret"]):
        assert secret not in hooks.app.log.text


async def test_where_webhooks_are_off_the_answer_says_what_to_set(hooks: Managed) -> None:
    async with deployed({**hooks.azure.settings, "SCIM_WEBHOOKS": "off"}) as app:
        off = replace(hooks, app=app)
        for path, method, body in (
            ("", "GET", None),
            ("", "POST", {"url": URL}),
            (f"/{ABSENT}", "PATCH", {}),
            (f"/{ABSENT}/deliveries", "GET", None),
        ):
            response = await off(method, path, body)
            assert response.status_code == 501
            assert "SCIM_WEBHOOKS=on" in response.json()["detail"]
