"""What the token endpoint takes and answers (RFC 6749 sections 3.2, 4.4 and 5)."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.spec.oauth.conftest import Tenant

pytestmark = pytest.mark.server

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PRINTABLE = {chr(code) for code in range(0x20, 0x7F)} - {'"', "\\"}


def basic(client_id: str, secret: str) -> str:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def error_of(response: httpx.Response, status: int = 400) -> str:
    """The code of a refusal, whose form is held."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["pragma"] == "no-cache"
    body = response.json()
    assert body.keys() == {"error", "error_description"}
    assert set(body["error_description"]) <= PRINTABLE
    code: str = body["error"]
    return code


async def test_a_token_is_answered_as_the_rfc_says_and_is_not_stored(tenant: Tenant) -> None:
    response = await tenant.ask(scope="scim")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (await tenant.get("/Users", body["access_token"])).status_code == 200


async def test_the_gallerys_validation_gets_a_token_and_is_served(tenant: Tenant) -> None:
    """B2.21: by `client_secret_post`, for 60 to 360 minutes, and SCIM answers 2xx with it."""
    body = (await tenant.ask()).json()
    assert 60 <= body["expires_in"] / 60 <= 360
    probe = f"/Users?filter=userName+eq+%22{tenant.name}%22"
    assert (await tenant.get(probe, body["access_token"])).status_code == 200


@pytest.mark.parametrize("scope", ["", "scim", "scim scim"])
async def test_no_scope_means_the_one_that_there_is(tenant: Tenant, scope: str) -> None:
    assert (await tenant.ask(scope=scope)).json()["scope"] == "scim"


async def test_the_secret_comes_in_the_header_the_body_or_both(tenant: Tenant) -> None:
    """Entra offers the three; the RFC has the client choose one."""
    http, url = tenant.world.http, tenant.token_endpoint
    form = {"grant_type": "client_credentials"}
    whole = {**form, "client_id": "entra", "client_secret": tenant.secret}
    header = {"Authorization": basic("entra", tenant.secret)}
    for data, headers in ((form, header), (whole, {}), (whole, header)):
        assert (await http.post(url, data=data, headers=headers)).status_code == 200
    named = {**form, "client_id": "entra"}
    assert (await http.post(url, data=named, headers=header)).status_code == 200
    for other in ({**whole, "client_secret": "another"}, {**whole, "client_id": "okta"}):
        refused = await http.post(url, data=other, headers=header)
        assert error_of(refused) == "invalid_request"
    assert error_of(await http.post(url, data={**form, "client_id": "okta"}, headers=header)) == (
        "invalid_request"
    )


async def test_the_parts_of_the_header_are_percent_decoded(tenant: Tenant) -> None:
    """Some clients encode every character that is neither a letter nor a digit."""
    encoded = "".join(each if each.isalnum() else f"%{ord(each):02x}" for each in tenant.secret)
    header = f"basic   {base64.b64encode(f'entra:{encoded}'.encode()).decode()}"
    response = await tenant.world.http.post(
        tenant.token_endpoint,
        data={"grant_type": "client_credentials"},
        headers={"Authorization": header},
    )
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"client_id": ""}, "invalid_request"),
        ({"scope": "scim.readwrite"}, "invalid_scope"),
        ({"scope": "scim openid"}, "invalid_scope"),
        ({"resource": "https://other.example.com"}, "invalid_target"),
        ({"client_assertion": "eyJ"}, "invalid_request"),
        ({"client_assertion_type": ASSERTION_TYPE}, "invalid_request"),
        ({"client_assertion_type": "saml", "client_assertion": "x"}, "invalid_request"),
        ({"client_assertion_type": ASSERTION_TYPE, "client_assertion": "eyJ"}, "invalid_request"),
    ],
)
async def test_each_parameter_is_understood_or_refused(
    tenant: Tenant, form: dict[str, str], code: str
) -> None:
    assert error_of(await tenant.ask(**form)) == code


@pytest.mark.parametrize(
    "form",
    [
        {"client_secret": "x"},
        {"client_secret": f"scimsecret_{'w' * 43}"},
        {"client_secret": "x" * 10_000},
        {"client_id": "nobody"},
        {"client_id": "a--b"},
        {"client_id": "Ünicode"},
    ],
)
async def test_a_client_that_is_not_known_is_told_nothing_else(
    tenant: Tenant, form: dict[str, str]
) -> None:
    refused = await tenant.ask(**form)
    assert error_of(refused, 401) == "invalid_client"
    assert "www-authenticate" not in refused.headers
    assert refused.json() == (await tenant.ask(client_id="none")).json()


async def test_who_has_tried_the_header_is_told_its_scheme(tenant: Tenant) -> None:
    http, form = tenant.world.http, {"grant_type": "client_credentials"}
    for header in (basic("entra", "wrong"), "Basic !", "Bearer x", "Basic", "Basic ZW50cmE="):
        headers = {"Authorization": header}
        refused = await http.post(tenant.token_endpoint, data=form, headers=headers)
        assert error_of(refused, 401) == "invalid_client"
        assert refused.headers["www-authenticate"] == 'Basic realm="scim", charset="UTF-8"'


async def test_without_anything_that_authenticates_there_is_no_client(tenant: Tenant) -> None:
    refused = await tenant.ask(client_id="", client_secret="")
    assert error_of(refused, 401) == "invalid_client"


@pytest.mark.parametrize("name", ["nobody", "a--b", "a%20b", "acme"])
async def test_another_address_gives_no_token(tenant: Tenant, name: str) -> None:
    """A tenant without a client, one that there is not, and a name that none can have."""
    form = {"grant_type": "client_credentials", "client_id": "entra"}
    refused = await tenant.world.http.post(
        f"{tenant.world.url}/tenants/{name}/scim/v2/oauth2/token",
        data={**form, "client_secret": tenant.secret},
    )
    assert error_of(refused, 401) == "invalid_client"
    assert refused.json() == (await tenant.ask(client_id="none")).json()


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"", FORM, 400),
        (b"grant_type=client_credentials&grant_type=client_credentials", FORM, 400),
        (b"grant_type=client_credentials&client_secret=a&client_secret=a", FORM, 400),
        (b"grant_type=%zz", FORM, 400),
        (b"grant_type=%ff", FORM, 400),
        ("grant_type=ü".encode(), FORM, 400),
        (b"&".join(b"p%d=1" % n for n in range(60)), FORM, 400),
        (b"grant_type=client_credentials&x=" + b"x" * 20_000, FORM, 413),
        (b'{"grant_type": "client_credentials"}', "application/json", 400),
        (b"grant_type=client_credentials", "multipart/form-data; boundary=x", 400),
        (b"grant_type=client_credentials", "", 400),
    ],
)
async def test_a_body_that_is_no_form_is_refused(
    tenant: Tenant, content: bytes, media_type: str, status: int
) -> None:
    headers = {"Content-Type": media_type}
    refused = await tenant.world.http.post(tenant.token_endpoint, content=content, headers=headers)
    assert error_of(refused, status) == "invalid_request"


FIELDS = {
    "grant_type": "client_credentials",
    "client_id": "entra",
    "client_secret": f"scimsecret_{'x' * 43}",
    "client_assertion_type": ASSERTION_TYPE,
    "client_assertion": "eyJ.eyJ.eyJ",
    "scope": "scim",
    "resource": "https://other.example.com",
}
BY_SECRET = ("grant_type", "client_id", "client_secret")
BY_ASSERTION = ("grant_type", "client_assertion_type", "client_assertion")


async def posted(tenant: Tenant, pairs: list[tuple[str, str]]) -> httpx.Response:
    headers = {"Content-Type": FORM}
    return await tenant.world.http.post(
        tenant.token_endpoint, content=urlencode(pairs), headers=headers
    )


@pytest.mark.parametrize("field", FIELDS)
async def test_no_parameter_may_be_there_twice(tenant: Tenant, field: str) -> None:
    """Section 3.2; also where both say the same."""
    refused = await posted(tenant, [*FIELDS.items(), (field, FIELDS[field])])
    assert error_of(refused) == "invalid_request"
    assert "twice" in refused.json()["error_description"]


@pytest.mark.parametrize("field", FIELDS)
async def test_no_parameter_may_stand_in_the_url(tenant: Tenant, field: str) -> None:
    """Section 2.3.1; also beside a form that has all of them."""
    form = {name: FIELDS[name] for name in BY_SECRET}
    url = f"{tenant.token_endpoint}?{urlencode({field: FIELDS[field]})}"
    refused = await tenant.world.http.post(url, data=form)
    assert error_of(refused) == "invalid_request"
    assert "URL" in refused.json()["error_description"]


@pytest.mark.parametrize(
    ("way", "field", "code"),
    [
        (BY_SECRET, "grant_type", "invalid_request"),
        (BY_SECRET, "client_id", "invalid_request"),
        (BY_SECRET, "client_secret", "invalid_client"),
        (BY_ASSERTION, "grant_type", "invalid_request"),
        (BY_ASSERTION, "client_assertion_type", "invalid_request"),
        (BY_ASSERTION, "client_assertion", "invalid_request"),
    ],
)
async def test_no_parameter_that_is_needed_may_be_missing(
    tenant: Tenant, way: tuple[str, ...], field: str, code: str
) -> None:
    """Nor be empty, which is the same (section 3.2)."""
    held = [(name, FIELDS[name]) for name in way if name != field]
    status = 401 if code == "invalid_client" else 400
    for pairs in (held, [*held, (field, "")]):
        assert error_of(await posted(tenant, pairs), status) == code


@pytest.mark.parametrize(
    ("way", "field", "code"),
    [
        (BY_SECRET, "grant_type", "unsupported_grant_type"),
        (BY_SECRET, "client_id", "invalid_client"),
        (BY_SECRET, "client_secret", "invalid_client"),
        (BY_SECRET, "scope", "invalid_scope"),
        (BY_SECRET, "resource", "invalid_target"),
        (BY_ASSERTION, "client_assertion_type", "invalid_request"),
        (BY_ASSERTION, "client_assertion", "invalid_client"),
    ],
)
async def test_a_parameter_of_any_size_is_refused_as_one_that_is_wrong(
    tenant: Tenant, way: tuple[str, ...], field: str, code: str
) -> None:
    status = 401 if code == "invalid_client" else 400
    for text in ("x" * 15_000, "x\x00y", "{}", "[1]"):
        pairs = {**{name: FIELDS[name] for name in way}, field: text}
        assert error_of(await posted(tenant, list(pairs.items())), status) == code
    pairs = {**{name: FIELDS[name] for name in way}, field: "x" * 1_000_000}
    assert error_of(await posted(tenant, list(pairs.items())), 413) == "invalid_request"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_only_post_is_served(tenant: Tenant, method: str) -> None:
    refused = await tenant.world.http.request(method, tenant.token_endpoint)
    assert error_of(refused, 405) == "invalid_request"
    assert refused.headers["allow"] == "POST"


async def test_an_access_token_opens_its_tenant_and_nothing_else(tenant: Tenant) -> None:
    token = (await tenant.ask()).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    for path in ("/scim/v2/Users", "/tenants/acme/scim/v2/Users", "/readyz"):
        refused = await tenant.world.http.get(tenant.world.url + path, headers=headers)
        assert refused.status_code == 401, path
    api = f"{tenant.world.url}/api/v1/tenants/{tenant.name}/access?userName=ana"
    assert (await tenant.world.http.get(api, headers=headers)).status_code == 401


async def test_a_client_secret_is_no_bearer_token_and_a_token_no_client_secret(
    tenant: Tenant,
) -> None:
    assert (await tenant.get("/Users", tenant.secret)).status_code == 401
    assert error_of(await tenant.ask(client_secret=tenant.token), 401) == "invalid_client"
    assert (await tenant.get("/Users", tenant.token)).status_code == 200


async def test_the_log_names_the_credential_and_the_check_that_failed_and_no_secret(
    tenant: Tenant,
) -> None:
    issued = await tenant.ask()
    token = issued.json()["access_token"]
    used = await tenant.get("/Users", token)
    other = f"{tenant.world.url}/tenants/acme/scim/v2/Users"
    refused = await tenant.world.http.get(other, headers={"Authorization": f"Bearer {token}"})

    async def line_of(response: httpx.Response) -> dict[str, Any]:
        request = response.headers["request-id"]
        found = await tenant.world.app.log.until_matched(f'^.*"request": "{request}".*$')
        line: dict[str, Any] = json.loads(found[0][found[0].index("{") : found[0].rindex("}") + 1])
        return line

    label = f"scim-client--{tenant.name}--entra/"
    for response in (issued, used):
        line = await line_of(response)
        assert (line["tenant"], line["token"][: len(label)]) == (tenant.name, label)
    line = await line_of(refused)
    assert "tenant" not in line
    expected = f"{tenant.world.url}/tenants/acme/scim/v2"
    assert line["failedCheck"] == f"iss: expected '{expected}', received '{tenant.url}'"
    assert tenant.secret not in tenant.world.app.log.text
    assert token not in tenant.world.app.log.text
