"""How staff sign in: the platform turns nobody away, and makes what it says believed."""

from __future__ import annotations

import re
from fnmatch import fnmatch

import pytest

from portal.routes import PORTAL_ROUTES
from tests.ops.infra.bicep import INFRA, of_kind, source
from tests.support.deployed import routes

FILE = INFRA / "modules" / "staff-sign-in.bicep"
MAIN = INFRA / "main.bicep"
PATHS = re.findall(r"'(/[^']*)'", of_kind(FILE, "variable")["excludedPaths"].text)
OF_THE_PORTAL = [f"/{route.path}" for route in PORTAL_ROUTES]
OTHERS = [
    f"/{template}".replace("{*path}", "x")
    for route in routes()
    if route not in PORTAL_ROUTES
    for template in route.templates.values()
    if template not in {"", "{*path}"}
]


def is_excluded(path: str) -> bool:
    return any(fnmatch(path, pattern) for pattern in PATHS)


def test_the_platform_lets_every_request_through_to_the_service() -> None:
    text = source(FILE)
    assert "requireAuthentication: false" in text
    assert "unauthenticatedClientAction: 'AllowAnonymous'" in text


@pytest.mark.parametrize("path", OTHERS)
def test_it_leaves_alone_what_has_credentials_of_its_own(path: str) -> None:
    assert is_excluded(path)


@pytest.mark.parametrize("path", OF_THE_PORTAL)
def test_it_looks_at_every_page_so_that_nobody_sends_its_headers(path: str) -> None:
    assert not is_excluded(path)


def test_what_makes_its_headers_believed_goes_with_it() -> None:
    main = source(MAIN)
    assert "module staffSignIn 'modules/staff-sign-in.bicep' = if (hasStaffSignIn)" in main
    assert "portalStaff: hasStaffSignIn ? 'entra' : 'off'" in main
    assert "var hasStaffSignIn = !empty(portalStaffClientId)" in main
    assert "param portalStaffClientId string = ''" in main


def test_it_keeps_no_secret_and_no_token() -> None:
    text = source(FILE)
    assert "clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'" in text
    settings = of_kind(INFRA / "modules" / "app.bicep", "variable")["hostSettings"].body
    assert settings["OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"].text == "clientId", "of the identity"
    assert re.search(r"tokenStore: \{\s*enabled: false", text)


def test_it_leads_nowhere_else_and_ends_in_a_working_day() -> None:
    text = source(FILE)
    assert "allowedExternalRedirectUrls: []" in text
    assert "timeToExpiration: '08:00:00'" in text
    assert "validateNonce: true" in text
    assert "requireHttps: true" in text
