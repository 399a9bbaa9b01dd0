"""Without `SCIM_PORTAL=on` there is no portal, and no link that would lead to it."""

from __future__ import annotations

import azure.functions as func
import pytest

from portal.entrance import portal_endpoints
from portal.routes import PORTAL_ROUTES
from shared.errors import Conflict, NotFound
from shared.settings import Settings
from shared.telemetry.request_record import RequestRecord
from shared.web import services
from vendor_api.operations import opened_by_key
from vendor_api.setup_links import SETUP_LINKS

KEY = f"scimkey_crm_{'x' * 43}"
ENVIRON = {
    "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    "SCIM_SECRET_TOKEN": "a-token-that-opens-the-tenant",
    "SCIM_API_KEY__CRM": f"{KEY} scopes=tenants.manage",
}


@pytest.fixture(autouse=True)
def service_without_portal(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.from_environment(ENVIRON)
    monkeypatch.setattr(services, "_current", services.build(settings))


def request(method: str, path: str, **route_params: str) -> func.HttpRequest:
    return func.HttpRequest(
        method=method,
        url=f"https://scim.example.com{path}",
        headers={"authorization": f"Bearer {KEY}"},
        route_params=route_params,
        body=b"{}" if method == "POST" else b"",
    )


@pytest.mark.parametrize("name", [route.name for route in PORTAL_ROUTES])
async def test_every_page_is_served_as_if_it_were_none(name: str) -> None:
    record = RequestRecord("request", "GET", "portal")
    with pytest.raises(NotFound):
        await portal_endpoints()[name](request("GET", "/portal"), record)


async def test_no_link_is_made_and_the_refusal_says_what_to_set() -> None:
    path = "/api/v1/tenants/default/setup-links"
    record = RequestRecord("request", "POST", path)
    with pytest.raises(Conflict, match="SCIM_PORTAL=on"):
        await opened_by_key(SETUP_LINKS)(request("POST", path, tenant="default"), record)
