"""The sign-in decision: who may enter the product, by what the identity provider has said."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.support.fixtures.api_client import KEYS, Api, hold_problem
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import RunningService

NOT_FOUND = {"decision": "unknown", "reason": "notFound"}
AMBIGUOUS = {"decision": "deny", "reason": "ambiguous"}


@pytest.fixture
def api(running_service: RunningService, scim: Scim) -> Api:
    return running_service.api_of(scim)


def work(address: str) -> list[dict[str, str]]:
    return [{"type": "work", "value": address}]


async def calls_of(service: RunningService, response: httpx.Response) -> int:
    calls: int = (await service.log_line(response))["calls"]
    return calls


async def test_an_active_user_is_let_in_by_each_of_the_three(scim: Scim, api: Api) -> None:
    user = await scim.create_user(externalId="X-1", emails=work("Ana@contoso.test"), active=True)
    decision = {
        "decision": "allow",
        "reason": "active",
        "since": user["meta"]["created"],
        "id": user["id"],
        "version": 1,
    }
    assert await api.access(userName="ana@contoso.test") == decision
    assert await api.access(externalId="X-1") == decision
    assert await api.access(email="ana@contoso.test") == decision


async def test_a_disabled_user_is_denied_and_an_enabled_one_let_in_again(
    scim: Scim, api: Api
) -> None:
    user = await scim.create_user(active=True)
    for active, decision, reason in (
        (False, "deny", "deactivated"),
        (True, "allow", "active"),
        (False, "deny", "deactivated"),
    ):
        change = {"op": "replace", "path": "active", "value": active}
        user = await scim.patched_user(user, change)
        told = await api.access(userName="ana@contoso.test")
        assert (told["decision"], told["reason"], told["id"]) == (decision, reason, user["id"])
        assert "since" not in told  # the last change of the user need not be that of `active`


async def test_the_version_grows_with_every_change(scim: Scim, api: Api) -> None:
    user = await scim.create_user()
    versions = [(await api.access(userName="ana@contoso.test"))["version"]]
    for title in ("a", "b"):
        await scim.patched_user(user, {"op": "replace", "path": "title", "value": title})
        versions.append((await api.access(userName="ana@contoso.test"))["version"])
    assert versions == sorted(set(versions))


async def test_a_user_without_active_is_not_let_in(scim: Scim, api: Api) -> None:
    """Only a PATCH that removes the attribute leaves one so."""
    user = await scim.create_user()
    await scim.patched_user(user, {"op": "remove", "path": "active"})
    told = await api.access(userName="ana@contoso.test")
    assert (told["decision"], told["reason"]) == ("deny", "deactivated")


async def test_nobody_is_unknown_and_so_is_who_has_another_name_now(scim: Scim, api: Api) -> None:
    assert await api.access(userName="ana@contoso.test") == NOT_FOUND
    user = await scim.create_user()
    await scim.patched_user(user, {"op": "replace", "path": "userName", "value": "bo@contoso.test"})
    assert await api.access(userName="ana@contoso.test") == NOT_FOUND
    assert (await api.access(userName="BO@Contoso.test"))["id"] == user["id"]


async def deleted(scim: Scim, user: dict[str, Any]) -> None:
    assert (await scim.delete(f"/Users/{user['id']}")).status_code == 204


async def test_who_was_deleted_is_denied_by_each_of_the_three(scim: Scim, api: Api) -> None:
    """As far as the history goes, so that a sign-in does not create the account anew."""
    user = await scim.create_user(externalId="X-1", emails=work("Ana@contoso.test"))
    await deleted(scim, user)
    told = await api.access(userName="ANA@contoso.test")
    since = told.pop("since")
    assert since >= user["meta"]["created"]
    assert told == {"decision": "deny", "reason": "deleted", "id": user["id"], "version": 2}
    for query in ({"externalId": "X-1"}, {"email": "ana@CONTOSO.test"}):
        assert await api.access(**query) == told | {"since": since}
    assert await api.access(externalId="x-1") == NOT_FOUND


async def test_of_a_user_who_was_renamed_and_deleted_the_last_name_tells(
    scim: Scim, api: Api
) -> None:
    user = await scim.create_user(externalId="X-1")
    await scim.patched_user(user, {"op": "replace", "path": "userName", "value": "bo@contoso.test"})
    await deleted(scim, user)
    assert (await api.access(userName="bo@contoso.test"))["reason"] == "deleted"
    assert (await api.access(externalId="X-1"))["id"] == user["id"]
    assert await api.access(userName="ana@contoso.test") == NOT_FOUND


async def test_who_was_deleted_is_told_of_though_another_had_the_name_since_and_is_there(
    scim: Scim, api: Api
) -> None:
    first = await scim.create_user()
    await deleted(scim, first)
    second = await scim.create_user()
    rename = {"op": "replace", "path": "userName", "value": "bo@contoso.test"}
    await scim.patched_user(second, rename)
    told = await api.access(userName="ana@contoso.test")
    assert (told["reason"], told["id"]) == ("deleted", first["id"])
    told = await api.access(userName="bo@contoso.test")
    assert (told["reason"], told["id"]) == ("active", second["id"])


async def test_who_is_created_anew_counts_and_not_who_was_deleted(scim: Scim, api: Api) -> None:
    first = await scim.create_user(externalId="X-1")
    await deleted(scim, first)
    second = await scim.create_user(externalId="X-1", active=True)
    told = await api.access(userName="ana@contoso.test")
    assert (told["decision"], told["id"]) == ("allow", second["id"])
    assert (await api.access(externalId="X-1"))["id"] == second["id"]
    await deleted(scim, second)
    told = await api.access(userName="ana@contoso.test")
    assert (told["reason"], told["id"]) == ("deleted", second["id"])


async def test_of_a_value_that_several_had_who_is_left_counts(scim: Scim, api: Api) -> None:
    users = [
        await scim.create_user(f"{number}@contoso.test", emails=work("info@contoso.test"))
        for number in range(2)
    ]
    await deleted(scim, users[0])
    assert (await api.access(email="info@contoso.test"))["id"] == users[1]["id"]
    await deleted(scim, users[1])
    told = await api.access(email="info@contoso.test")
    assert (told["reason"], told["id"]) == ("deleted", users[1]["id"])


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ("Straße@contoso.test", "STRASSE@CONTOSO.TEST"),
        ("ana+tag@contoso.test", "ana+tag@contoso.test"),
        ("ana b@contoso.test", "Ana B@contoso.test"),
        ("名前@例え.test", "名前@例え.test"),
        ("a&b=c%2B#?/@contoso.test", "a&b=c%2B#?/@contoso.test"),
        ("o'brien@contoso.test", "O'BRIEN@contoso.test"),
    ],
)
async def test_a_user_name_is_folded_as_scim_folds_it(
    scim: Scim, api: Api, kept: str, asked: str
) -> None:
    user = await scim.create_user(kept)
    assert (await api.access(userName=asked))["id"] == user["id"]


async def test_an_external_id_is_compared_exactly(scim: Scim, api: Api) -> None:
    await scim.create_user(externalId="X-1")
    assert await api.access(externalId="x-1") == NOT_FOUND


@pytest.mark.parametrize("actives", [(True, True), (True, False), (False, False)])
async def test_what_several_users_have_lets_none_of_them_in(
    scim: Scim, api: Api, actives: tuple[bool, bool]
) -> None:
    for number, active in enumerate(actives):
        await scim.create_user(
            f"{number}@contoso.test",
            active=active,
            externalId="shared",
            emails=work("info@contoso.test"),
        )
    assert await api.access(externalId="shared") == AMBIGUOUS
    assert await api.access(email="INFO@contoso.test") == AMBIGUOUS
    assert (await api.access(userName="1@contoso.test"))["reason"] != "ambiguous"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?other=x",
        "?userName=",
        "?userName",
        "?externalId=&email=",
        "?userName=ana&externalId=x1",
        "?userName=ana&email=",
        "?userName=ana&userName=bo",
        "?userName=ana&USERNAME=bo",
        "?id=1",
    ],
)
async def test_exactly_one_of_them_is_to_be_sent_once(
    running_service: RunningService, api: Api, query: str
) -> None:
    response = await api.request("GET", f"/access{query}")
    assert response.status_code == 400
    assert response.json()["type"] == "/problems/invalid-value"
    assert "ana" not in response.text
    assert (await running_service.log_line(response))["calls"] == 0


@pytest.mark.parametrize("query", ["?username=ana%40x", "?UserName=ana%40x"])
async def test_names_are_read_in_any_case(api: Api, query: str) -> None:
    response = await api.request("GET", f"/access{query}")
    assert (response.status_code, response.json()) == (200, NOT_FOUND)


async def test_two_reads_at_most_whoever_asks_for_whom(
    running_service: RunningService, scim: Scim, api: Api
) -> None:
    """Of a user in groups too: which are deleted makes no difference here."""
    ana = await scim.create_user(externalId="x1", emails=work("ana@contoso.test"))
    await scim.create_user("bo@contoso.test", externalId="x2", emails=work("info@contoso.test"))
    await scim.create_user("cy@contoso.test", externalId="x2", emails=work("info@contoso.test"))
    await scim.create_group("Sales", ana["id"])
    await deleted(scim, await scim.create_user("dee@contoso.test"))
    for query, calls in {
        "userName=ana@contoso.test": 2,
        "externalId=x1": 2,
        "email=ana@contoso.test": 2,
        "externalId=x2": 1,
        "email=info@contoso.test": 1,
        "userName=nobody": 2,
        "externalId=nobody": 2,
        "email=nobody": 2,
        "userName=dee@contoso.test": 2,
    }.items():
        response = await api.request("GET", f"/access?{query}")
        assert await calls_of(running_service, response) == calls, query


async def test_a_decision_is_kept_by_nobody_and_names_no_one_in_the_log(
    running_service: RunningService, scim: Scim, api: Api
) -> None:
    user = await scim.create_user()
    response = await api.request("GET", "/access?userName=ana@contoso.test")
    assert response.headers["cache-control"] == "no-store"
    line = await running_service.log_line(response)
    assert line["route"] == "api/v1/tenants/{tenant}/access"
    assert (line["tenant"], line["token"]) == (api.tenant, "development/reader")
    assert line["resource"] == user["id"]
    assert "contoso" not in str(line)


async def test_head_says_what_get_says_without_the_body(scim: Scim, api: Api) -> None:
    await scim.create_user()
    response = await api.request("HEAD", "/access?userName=ana@contoso.test")
    assert response.status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
async def test_another_method_is_told_what_is_served(api: Api, method: str) -> None:
    response = await api.request(method, "/access")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")
    assert response.json()["type"] == "/problems/method-not-allowed"


@pytest.mark.parametrize("path", ["", "/", "/tenants/acme/access/x", "/tenants/acme/x", "/x?y=z"])
async def test_nothing_else_is_served_below_the_api(
    running_service: RunningService, path: str
) -> None:
    http = running_service.default.http
    response = await http.get(f"{running_service.base_url}/api/v1{path}")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    hold_problem(response)


async def test_a_renamed_user_is_not_let_in_by_the_old_name_while_it_is_renamed(
    scim: Scim, api: Api
) -> None:
    """Each decision is of one moment, whatever goes on: never another user's under this name."""
    names = ["ana@contoso.test", "bo@contoso.test"]
    user = await scim.create_user(names[0])

    async def rename() -> None:
        for number in range(10):
            name = names[(number + 1) % 2]
            await scim.patched_user(user, {"op": "replace", "path": "userName", "value": name})

    renaming = asyncio.create_task(rename())
    while not renaming.done():
        for told in await asyncio.gather(*(api.access(userName=name) for name in names)):
            assert told == NOT_FOUND or told["id"] == user["id"]
    await renaming


async def test_a_tenant_that_does_not_exist_is_none(api: Api) -> None:
    for tenant in ("nobody", "a--b", "%20", "t0000x", "%e2%84%aa"):
        response = await Api(api.http, api.base_url, tenant).request("GET", "/access?userName=ana")
        assert response.status_code == 404, tenant


async def test_the_default_tenant_is_named_so(running_service: RunningService, api: Api) -> None:
    told = await Api(api.http, api.base_url, "Default").access(userName="nobody-of-the-default")
    assert told == NOT_FOUND


async def test_a_key_of_some_tenants_learns_nothing_of_others_nor_which_there_are(
    running_service: RunningService,
) -> None:
    names = [f"t{number:04}" for number in range(1490, 1500)]
    for number, name in enumerate([*names, "nobody", "a--b"]):
        api = Api(running_service.default.http, running_service.base_url, name, KEYS["even"])
        response = await api.request("GET", "/access?userName=ana")
        is_own = number < len(names) and number % 2 == 0
        assert response.status_code == (200 if is_own else 403), name
        if not is_own:
            assert response.json()["detail"].startswith("The API key is not for this tenant.")


@pytest.mark.parametrize("name", ["events", "idle"])
async def test_a_key_without_the_scope_is_told_which_it_needs(api: Api, name: str) -> None:
    other = Api(api.http, api.base_url, api.tenant, KEYS[name])
    response = await other.request("GET", "/access?userName=ana")
    assert response.status_code == 403
    assert response.json()["type"] == "/problems/insufficient-scope"
    challenge = 'Bearer error="insufficient_scope", scope="identities.read"'
    assert response.headers["www-authenticate"] == challenge


async def test_a_customers_token_opens_nothing(scim: Scim, api: Api) -> None:
    headers = {"Authorization": f"Bearer {scim.token}"}
    response = await api.request("GET", "/access?userName=ana", headers)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
