"""Setup links by `/api/v1`: made, listed and revoked by the product."""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from shared.portal_codes import read_code
from tests.support.fixtures.api_client import KEYS, Api, hold_to_the_rules
from tests.support.fixtures.scim_client import Scim
from tests.support.fixtures.service import RunningService
from vendor_api.setup_links import SetupLinkList, SetupLinkSummary

PATH = "/setup-links"


@pytest.fixture
def api(running_service: RunningService, scim: Scim) -> Api:
    return replace(running_service.api_of(scim), key=KEYS["events"])


async def post(api: Api, body: Any) -> httpx.Response:
    response = await api.http.post(
        f"{api.base_url}/api/v1/tenants/{api.tenant}{PATH}",
        headers={"Authorization": f"Bearer {api.key}"},
        content=json.dumps(body),
    )
    hold_to_the_rules(response)
    return response


async def test_a_link_is_shown_once(api: Api) -> None:
    made = await post(api, {"rights": ["watch"], "days": 3})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    SetupLinkSummary.model_validate(made.json())
    code = read_code(made.json()["url"])
    assert code is not None
    assert (code.tenant, code.link) == (api.tenant, made.json()["id"])
    assert made.json()["url"].startswith(f"{api.base_url}/portal/open#")
    listed = (await api.request("GET", PATH)).json()
    SetupLinkList.model_validate(listed)
    assert listed["links"] == [{k: v for k, v in made.json().items() if k != "url"}]


async def test_location_names_the_link_which_shows_what_has_become_of_it(api: Api) -> None:
    made = await post(api, {})
    place = made.headers["location"]
    assert place == f"{api.base_url}/api/v1/tenants/{api.tenant}{PATH}/{made.json()['id']}"
    shown = await api.request("GET", f"{PATH}/{made.json()['id']}")
    assert shown.status_code == 200
    assert shown.json() == {k: v for k, v in made.json().items() if k != "url"}
    await api.request("DELETE", f"{PATH}/{made.json()['id']}")
    revoked = (await api.request("GET", f"{PATH}/{made.json()['id']}")).json()
    assert revoked["state"] == "revoked"


async def test_a_link_allows_everything_for_a_week_unless_told(api: Api) -> None:
    made = (await post(api, {})).json()
    assert made["rights"] == ["connect", "rotate", "watch"]
    assert made["expires"][:10] > made["created"][:10]


async def test_a_revoked_link_stays_listed(api: Api) -> None:
    made = (await post(api, {})).json()
    revoked = await api.request("DELETE", f"{PATH}/{made['id']}")
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    listed = (await api.request("GET", PATH)).json()["links"]
    assert [link["state"] for link in listed] == ["revoked"]


@pytest.mark.parametrize(
    "body",
    [
        {"rights": []},
        {"rights": ["everything"]},
        {"rights": "watch"},
        {"days": 0},
        {"days": 91},
        {"days": "7"},
        {"right": ["watch"]},
    ],
    ids=json.dumps,
)
async def test_what_is_not_understood_makes_no_link(api: Api, body: Any) -> None:
    refused = await post(api, body)
    assert (refused.status_code, refused.json()["type"]) == (400, "/problems/invalid-value")
    assert (await api.request("GET", PATH)).json()["links"] == []


async def test_a_refusal_speaks_of_json(api: Api) -> None:
    for body, said in (
        ({"rights": 7}, "rights: should be a list."),
        ({"rights": []}, "rights: should not be empty."),
        ({"rights": ["all"]}, 'rights[0]: should be "connect", "watch" or "rotate".'),
        ({"days": 91}, "days: should be at most 90."),
    ):
        assert (await post(api, body)).json()["detail"] == said


async def test_a_link_that_is_not_there_is_404(api: Api) -> None:
    for link_id in ("0" * 32, "x"):
        for method in ("GET", "DELETE"):
            refused = await api.request(method, f"{PATH}/{link_id}")
            assert (refused.status_code, refused.json()["type"]) == (404, "/problems/not-found")


async def test_a_key_without_the_scope_makes_none(
    running_service: RunningService, scim: Scim
) -> None:
    refused = await post(running_service.api_of(scim), {})
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/insufficient-scope")


@pytest.mark.parametrize(
    "url", ["https://app.example.com/", "http://app.example.com", "//x", "", 7, "x" * 2_000]
)
async def test_the_portal_leads_back_to_no_host_that_the_settings_do_not_name(
    api: Api, url: Any
) -> None:
    refused = await post(api, {"returnUrl": url})
    assert refused.status_code == 400
    assert "returnUrl" in refused.text
    assert (await api.request("GET", PATH)).json() == {"links": []}
