"""The cookie of a session: held to this host and to TLS, but on a machine of a developer."""

from __future__ import annotations

import azure.functions as func
import pytest

from portal.visit import Visit, visit_of
from shared.portal_codes import STAFF, PortalCode, read_code
from shared.settings import Settings
from shared.telemetry.request_record import RequestRecord
from shared.web import services

CODE = PortalCode("acme", "0" * 32, "s" * 43)
DEVELOPMENT = {
    "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    "SCIM_SECRET_TOKEN": "a-token-that-opens-the-tenant",
}
PRODUCTION = {"TABLE_ENDPOINT": "https://contoso.table.core.windows.net", "AZURE_CLIENT_ID": "7"}


def visit(url: str, environ: dict[str, str], headers: dict[str, str] | None = None) -> Visit:
    req = func.HttpRequest(method="GET", url=url, headers=headers or {}, body=b"")
    process = services.build(Settings.from_environment(environ))
    return visit_of(req, RequestRecord("request", "GET", "portal"), process)


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("https://scim.example.com/portal", PRODUCTION),
        ("http://scim.example.com/portal", PRODUCTION),
        ("https://localhost/portal", DEVELOPMENT),
    ],
    ids=["deployed", "behind-a-gateway", "developer-with-tls"],
)
async def test_it_is_held_to_the_host_and_to_tls(url: str, environ: dict[str, str]) -> None:
    cookie = visit(url, environ).session_cookie(CODE)
    assert cookie.startswith(f"__Host-portal={CODE}; ")
    assert {part.strip() for part in cookie.split(";")[1:]} == {
        "Path=/",
        "Max-Age=28800",
        "HttpOnly",
        "SameSite=Strict",
        "Secure",
    }


async def test_on_loopback_without_tls_a_browser_keeps_it_too() -> None:
    cookie = visit("http://127.0.0.1:7071/portal", DEVELOPMENT).session_cookie(CODE)
    assert cookie.startswith(f"portal={CODE}; ")
    assert "Secure" not in cookie


async def test_the_address_behind_a_gateway_is_that_of_the_setting() -> None:
    environ = {**PRODUCTION, "SCIM_BASE_URL": "https://id.example.com"}
    assert visit("http://inner.example.net/portal", environ).base_url == "https://id.example.com"


@pytest.mark.parametrize("cookie", ["", "portal", "portal=", '"', "=;=;=", "portal=x; " * 500])
async def test_a_cookie_that_is_none_is_no_fault(cookie: str) -> None:
    found = visit("http://127.0.0.1/portal", DEVELOPMENT, {"cookie": cookie})
    assert found.session is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "acme",
        f"acme.{'0' * 32}",
        f"acme.{'0' * 32}.{'s' * 42}",
        f"acme.{'0' * 31}g.{'s' * 43}",
        f"AC_ME.{'0' * 32}.{'s' * 43}",
        f"a--b.{'0' * 32}.{'s' * 43}",
        f"{STAFF}.{'0' * 32}.{'s' * 43}",
        f".{'0' * 32}.{'s' * 43}",
        f"acme.{'0' * 32}.{'s' * 42}\N{GREEK SMALL LETTER ALPHA}",
    ],
)
def test_what_has_not_the_form_is_no_code(text: str) -> None:
    assert read_code(text) is None


def test_a_code_of_staff_names_no_tenant() -> None:
    code = PortalCode(STAFF, "0" * 32, "s" * 43)
    assert str(code) == f"{'0' * 32}.{'s' * 43}"
    assert read_code(code.url("http://127.0.0.1:7071")) == code


def test_a_code_is_read_out_of_its_link() -> None:
    assert read_code(CODE.url("https://scim.example.com")) == CODE
    assert read_code(f"  {CODE}\n") == CODE
    assert CODE.secret not in repr(CODE)
