"""The policy around every function: who comes in, and what becomes of a refusal or a fault."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from shared.errors import TooManyRequests
from shared.web import services
from tests.support.challenges import ANYWHERE, without_address
from tests.support.deployed import is_open_of_oauth, routes

if TYPE_CHECKING:
    from collections.abc import Callable

    import azure.functions as func

    from shared.telemetry.request_record import RequestRecord
    from shared.web.services import Services
    from tests.unit.web.conftest import BrokenTable

    Call = Callable[..., Any]

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
ID = "0123456789abcdef0123456789abcdef"
REQUEST_ID = "8f14e45f-ceea-467f-a0e6-62a1d6b4a5c1"
TOKEN = "the-token-of-these-tests"
GUARDED = [route for route in routes() if route.per_tenant and not is_open_of_oauth(route.path)]
OF_TENANTS = [route.name for route in GUARDED]
OF_THE_SERVICE = [route.name for route in GUARDED if "{endpoint}" not in route.path]
"""Those that serve every tenant of every deployment the same methods."""


@pytest.fixture(autouse=True)
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def error_of(response: func.HttpResponse) -> dict[str, Any]:
    """Return the SCIM error of an answer."""
    body: dict[str, Any] = json.loads(response.get_body())
    assert response.mimetype == "application/scim+json"
    assert response.headers["Request-Id"] == REQUEST_ID
    assert body["schemas"] == [ERROR]
    assert body["status"] == str(response.status_code)
    assert body["detail"]
    return body


def lines(log: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the request lines of the log."""
    messages = [record.getMessage() for record in log.records if record.name == "scim.requests"]
    return [json.loads(message) for message in messages if message.startswith("{")]


@pytest.mark.parametrize("name", OF_TENANTS)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer the-token-of-another-tenant"}])
@pytest.mark.usefixtures("process")
async def test_no_function_of_scim_answers_without_the_token(
    call: Call, log: pytest.LogCaptureFixture, name: str, headers: dict[str, str]
) -> None:
    for prefix, tenant in (("", {}), ("tenant_", {"tenant": "acme"})):
        response = await call(prefix + name, headers=headers, id=ID, **tenant)
        assert response.status_code == 401
        assert without_address(response.headers["WWW-Authenticate"]) == ANYWHERE
        error_of(response)
    assert [line["status"] for line in lines(log)] == [401, 401]
    assert all("tenant" not in line and "resource" not in line for line in lines(log))


@pytest.mark.parametrize("tenant", ["default", "DEFAULT", "a--b", "-a", "a_b", "x" * 41, "é"])
@pytest.mark.usefixtures("process")
async def test_a_path_that_can_name_no_tenant_is_answered_as_a_wrong_token(
    call: Call, tenant: str
) -> None:
    unknown = await call("tenant_users", tenant=tenant)
    wrong = await call("tenant_users", tenant="acme", headers={"authorization": "Bearer x"})
    assert unknown.status_code == wrong.status_code == 401
    assert unknown.get_body() == wrong.get_body()


@pytest.mark.parametrize("name", OF_THE_SERVICE)
@pytest.mark.usefixtures("process")
async def test_a_method_that_is_not_served_is_refused_with_those_that_are(
    call: Call, name: str
) -> None:
    for method in ("TRACE", "PROPFIND", "LINK"):
        response = await call(name, method, id=ID)
        assert response.status_code == 405
        allowed = response.headers["Allow"].split(", ")
        assert {"GET", "POST"} & set(allowed)
        assert method not in allowed
        assert response.headers["Allow"] in error_of(response)["detail"]


@pytest.mark.usefixtures("process")
async def test_every_method_of_every_endpoint_is_allowed_where_rfc_7644_has_it(call: Call) -> None:
    collection = await call("users", "DELETE")
    assert collection.headers["Allow"] == "GET, HEAD, POST"
    resource = await call("groups_id", "POST", id=ID)
    assert resource.headers["Allow"] == "GET, HEAD, PUT, PATCH, DELETE"
    description = await call("schemas", "POST")
    assert description.headers["Allow"] == "GET, HEAD"


async def test_the_catch_all_needs_no_token_and_no_settings(
    call: Call, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(services, "_current", None)
    monkeypatch.setenv("TABLE_ENDPOINT", "nonsense")
    for method in ("GET", "POST", "OPTIONS"):
        response = await call("zz_no_such_path", method, headers={}, path="scim/v3/ana@x")
        assert response.status_code == 404
        assert "/scim/v2" in error_of(response)["detail"]
    assert {line["route"] for line in lines(log)} == {"{*path}"}
    assert "ana" not in log.text


@pytest.mark.usefixtures("process")
async def test_a_fault_of_ours_is_a_scim_error_and_says_nothing_of_what_was_sent(
    call: Call, broken_table: BrokenTable, log: pytest.LogCaptureFixture
) -> None:
    broken_table.fault = ValueError("cannot store ana@contoso.test")
    response = await call("users_id", id=ID)
    assert response.status_code == 500
    assert "Request-Id" in error_of(response)["detail"]
    fault = next(record for record in log.records if record.levelno == logging.ERROR)
    assert fault.getMessage().startswith(f"request {REQUEST_ID} failed with ValueError\n")
    assert lines(log)[0]["status"] == 500
    assert "contoso" not in log.text + response.get_body().decode()


@pytest.mark.parametrize("fault", [KeyError("x"), RecursionError(), MemoryError(), OSError("x")])
@pytest.mark.usefixtures("process")
async def test_no_exception_reaches_the_host(
    call: Call, broken_table: BrokenTable, fault: Exception
) -> None:
    broken_table.fault = fault
    assert (await call("groups_id", id=ID)).status_code == 500


@dataclass(slots=True)
class Recorder:
    """Takes requests, until a test says that it fails."""

    fault: Exception | None = None
    requests: list[RequestRecord] = field(default_factory=list)
    is_closed: bool = False

    def record(self, request: RequestRecord) -> None:
        self.requests.append(request)
        if self.fault is not None:
            raise self.fault

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def recorder(process: Services, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(services, "_current", replace(process, telemetry=recorder))
    return recorder


async def test_the_telemetry_learns_what_the_log_says(
    call: Call, recorder: Recorder, log: pytest.LogCaptureFixture
) -> None:
    await call("tenant_schemas", tenant="acme", headers={"authorization": f"Bearer {TOKEN}"})
    await call("users", headers={})
    served, refused = recorder.requests
    assert (served.tenant, served.route) == ("acme", "tenants/{tenant}/scim/v2/Schemas")
    assert (refused.status, refused.tenant, refused.calls) == (401, "", None)
    for request, line in zip(recorder.requests, lines(log), strict=True):
        assert (line["request"], line["status"]) == (request.request_id, request.status)
        assert line["ms"] == round(request.seconds * 1000, 1)


async def test_telemetry_that_fails_is_no_fault_of_the_request(
    call: Call, recorder: Recorder, log: pytest.LogCaptureFixture
) -> None:
    recorder.fault = RuntimeError("ana@contoso.test")
    assert (await call("schemas")).status_code == 200
    assert f"request {REQUEST_ID} failed with RuntimeError" in log.text
    assert "contoso" not in log.text


async def test_what_telemetry_holds_back_is_sent_at_the_end(recorder: Recorder) -> None:
    await services.current().close()
    assert recorder.is_closed


@pytest.mark.usefixtures("process")
async def test_a_request_that_is_cancelled_is_not_answered(
    call: Call, broken_table: BrokenTable
) -> None:
    broken_table.fault = asyncio.CancelledError()  # type: ignore[assignment] # as the host does
    with pytest.raises(asyncio.CancelledError):
        await call("users_id", id=ID)


@pytest.mark.usefixtures("process")
async def test_what_the_store_refuses_is_answered_and_logged_with_the_id(
    call: Call, broken_table: BrokenTable, log: pytest.LogCaptureFixture
) -> None:
    broken_table.fault = TooManyRequests("slower", retry_after=10)
    response = await call("tenant_users_id", "DELETE", tenant="ACME", id=ID)
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "10"
    (line,) = lines(log)
    assert line["tenant"] == "acme"
    assert line["token"] == "label-of-the-token"
    assert line["resource"] == ID
    assert line["route"] == "tenants/{tenant}/scim/v2/Users/{id}"
    assert line["method"] == "DELETE"


@pytest.mark.usefixtures("process")
async def test_a_refused_patch_is_logged_by_its_place_without_its_values(
    call: Call, log: pytest.LogCaptureFixture, log_fields: frozenset[str]
) -> None:
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": "replace", "path": "userName", "value": "ana@contoso.test"},
            {"op": "dance", "path": 'emails[value eq "ana@contoso.test"]', "value": "x"},
        ],
    }
    response = await call("users_id", "PATCH", id=ID, body=json.dumps(body).encode())
    assert response.status_code == 400
    (line,) = lines(log)
    assert (line["scimType"], line["operation"]) == ("invalidSyntax", 1)
    assert line.keys() <= log_fields
    assert "contoso" not in log.text


@pytest.mark.usefixtures("process")
async def test_a_refused_filter_is_not_logged(call: Call, log: pytest.LogCaptureFixture) -> None:
    url = "https://scim.example.com/scim/v2/Users?filter=userName+eq+%22ana%22+ana"
    response = await call("users", url=url)
    assert error_of(response)["scimType"] == "invalidFilter"
    assert lines(log)[0]["scimType"] == "invalidFilter"
    assert "ana" not in log.text


async def test_discovery_shows_the_address_that_the_setting_names(
    call: Call, process: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = process.settings.model_copy(update={"base_url": "https://id.example.com"})
    public = services.Services(settings, process.authenticator, process.store)
    monkeypatch.setattr(services, "_current", public)
    response = await call("tenant_service_provider_config", tenant="acme")
    location = json.loads(response.get_body())["meta"]["location"]
    assert location == "https://id.example.com/tenants/acme/scim/v2/ServiceProviderConfig"


@pytest.mark.usefixtures("process")
async def test_descriptions_of_the_service_take_no_filter(call: Call) -> None:
    for name in ("service_provider_config", "schemas", "resource_types", "schemas_id"):
        response = await call(name, url=f"https://x/scim/v2/{name}?filter=id+pr", id="urn:x")
        assert response.status_code == 403
        error_of(response)
