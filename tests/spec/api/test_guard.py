"""The guard against mass removal over HTTP: the writes are accepted, and the product waits."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.fixtures.api_client import KEYS, Api
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import RunningService
from vendor_api.events import Events
from vendor_api.guard import GuardReport, HoldSummary
from vendor_api.tenant import TenantDocument


@pytest.fixture
def api(running_service: RunningService, scim: Scim) -> Api:
    return replace(running_service.api_of(scim), key=KEYS["events"])


async def report(api: Api) -> dict[str, Any]:
    response = await api.request("GET", "/guard")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    GuardReport.model_validate(body)
    return body


async def told(api: Api) -> list[dict[str, Any]]:
    """All events, from the first one on."""
    events: list[dict[str, Any]] = []
    query = ""
    while True:
        response = await api.request("GET", f"/events?limit=1000{query}")
        page = response.json()
        Events.model_validate(page)
        events += page["events"]
        if not page["more"]:
            return events
        query = f"&after={page['cursor']}"


async def types_told(api: Api) -> list[str]:
    return [each["type"] for each in await told(api) if each["type"] != "user.created"]


async def disable(scim: Scim, users: list[dict[str, Any]]) -> None:
    for each in users:
        off = {"op": "replace", "path": "active", "value": False}
        assert (await scim.patched_user(each, off))["active"] is False


async def held(scim: Scim, api: Api) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Eight users of whom six are disabled, where two may be; and what is held then."""
    await api.patched({"guard": {"users": 2, "percent": 10, "hold": True}})
    users = [await scim.create_user(f"user{n}@contoso.test", active=True) for n in range(8)]
    await disable(scim, users[:6])
    assert await types_told(api) == ["user.deactivated", "user.deactivated", "guard.held"]
    return users, (await report(api))["held"]


async def test_by_default_the_guard_holds_nothing(scim: Scim, api: Api) -> None:
    users = [await scim.create_user(f"user{n}@contoso.test", active=True) for n in range(12)]
    await disable(scim, users)
    body = await report(api)
    assert body == {
        "settings": {"users": 10, "percent": 10, "hold": False},
        "lastHour": {"users": 12, "activeUsers": 12, "passed": True},
        "decided": [],
    }
    assert await types_told(api) == 12 * ["user.deactivated"]


async def test_what_is_held_is_released_once(scim: Scim, api: Api) -> None:
    _, hold = await held(scim, api)
    assert (hold["state"], hold["users"], hold["activeUsers"]) == ("held", 4, 8)
    assert hold["removed"] == 6
    assert "first" not in hold, "this key may not read identities"
    for _ in range(2):
        response = await api.request("POST", f"/guard/{hold['id']}/release")
        assert response.status_code == 200, response.text
        done = response.json()
        HoldSummary.model_validate(done)
        assert (done["state"], done["changesTold"]) == ("released", 4)
        assert done["decidedBy"].endswith("events")
    assert (await types_told(api))[3:] == 4 * ["user.deactivated"]
    refused = await api.request("POST", f"/guard/{hold['id']}/undo")
    assert refused.status_code == 409
    body = await report(api)
    assert "held" not in body
    assert [each["id"] for each in body["decided"]] == [hold["id"]]


async def test_an_undo_brings_all_back(scim: Scim, api: Api) -> None:
    users, hold = await held(scim, api)
    response = await api.request("POST", f"/guard/{hold['id']}/undo")
    assert response.status_code == 200, response.text
    done = response.json()
    assert (done["enabled"], done["changesTold"]) == (4, 0)
    assert done["leftOut"] == {"changed": 0, "deleted": 0}
    active = [(await scim.user(each["id"]))["active"] for each in users]
    assert active == [False, False, *(6 * [True])]
    assert (await types_told(api))[3:] == 4 * ["user.activated"]


async def test_the_notice_is_of_no_resource(scim: Scim, api: Api) -> None:
    _, hold = await held(scim, api)
    [notice] = [each for each in await told(api) if each["type"] == "guard.held"]
    assert notice["guard"] == {
        "id": hold["id"],
        "users": 4,
        "removed": 6,
        "activeUsers": 8,
        "groups": [],
    }
    assert "resource" not in notice


async def test_what_is_not_held_is_not_found(api: Api) -> None:
    for name in ("0" * 32, "x"):
        for decision in ("release", "undo"):
            response = await api.request("POST", f"/guard/{name}/{decision}")
            assert response.status_code == 404
            path = f"/api/v1/tenants/{api.tenant}/guard"
            said = f"Nothing is held under this id. GET {path} shows the ids."
            assert response.json()["detail"] == said


@pytest.mark.parametrize(
    ("guard", "said"),
    [
        ({"users": 0}, "at least 1"),
        ({"percent": 101}, "at most 100"),
        ({"hold": "yes"}, "true or false"),
        ({"releaseAfterHours": 2}, "set hold to true"),
        ({"seconds": 2}, "not known"),
        (5, "an object"),
    ],
)
async def test_a_setting_that_is_wrong_is_refused_in_words(
    api: Api, guard: object, said: str
) -> None:
    response = await api.request("PATCH", "", body={"guard": guard})
    assert response.status_code == 400
    assert said in response.json()["detail"]


async def test_a_patch_of_the_guard_leaves_what_it_does_not_name(api: Api) -> None:
    await api.patched({"guard": {"users": 5, "hold": True, "releaseAfterHours": 4}})
    changed = await api.patched({"guard": {"percent": 20, "releaseAfterHours": None}})
    assert changed["guard"] == {"users": 5, "percent": 20, "hold": True}


async def test_a_hold_is_switched_off_as_the_refusal_says(api: Api) -> None:
    await api.patched({"guard": {"hold": True, "releaseAfterHours": 4}})
    refused = await api.request("PATCH", "", body={"guard": {"hold": False}})
    assert refused.status_code == 400
    assert refused.json()["detail"] == (
        "guard: has releaseAfterHours without hold; set hold to true, or send releaseAfterHours as"
        " null as well."
    )
    changed = await api.patched({"guard": {"hold": False, "releaseAfterHours": None}})
    assert changed["guard"] == {"users": 10, "percent": 10, "hold": False}


@pytest.mark.parametrize("off", [None, {"hold": False}])
async def test_the_settings_say_what_is_held_still_and_how_to_decide(
    scim: Scim, api: Api, off: object
) -> None:
    users, hold = await held(scim, api)
    response = await api.request("PATCH", "", body={"guard": off})
    assert response.status_code == 200, response.text
    answer = response.json()
    TenantDocument.model_validate(answer)
    assert (answer["held"]["id"], answer["held"]["users"]) == (hold["id"], 4)
    detail = answer["held"]["detail"]
    (path,) = re.findall(r"POST /api/v1/tenants/[^/]+(/guard/\S+/release)", detail)
    assert (await api.request("GET", "")).json()["held"] == answer["held"]
    # Nothing more is held, but what happens to those who are.
    await disable(scim, users[6:])
    on = {"op": "replace", "path": "active", "value": True}
    await scim.patched_user(users[5], on)
    assert (await types_told(api))[3:] == 2 * ["user.deactivated"]
    assert (await api.request("POST", path)).status_code == 200
    assert (await types_told(api))[5:] == [*(4 * ["user.deactivated"]), "user.activated"]
    assert "held" not in (await api.request("GET", "")).json()


async def test_it_is_said_when_it_is_released_by_itself(scim: Scim, api: Api) -> None:
    await api.patched({"guard": {"users": 2, "hold": True, "releaseAfterHours": 24}})
    users = [await scim.create_user(f"user{n}@contoso.test", active=True) for n in range(8)]
    await disable(scim, users[:6])
    await types_told(api)
    hold = (await report(api))["held"]
    day = parsed(hold["releaseAt"]) - parsed(hold["since"])
    assert day == timedelta(hours=24)
    changed = await api.patched({"guard": {"releaseAfterHours": 1}})
    assert changed["held"]["releaseAt"] == hold["releaseAt"]


def parsed(text: str) -> datetime:
    return datetime.fromisoformat(text)
