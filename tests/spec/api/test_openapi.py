"""The description of `/api/v1` says what is served, and OpenAPI understands it."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from endpoints import API
from tests.support.fixtures.service import RunningService
from vendor_api.access import _LOOKUPS, AccessQuery
from vendor_api.openapi import describe
from vendor_api.queries import parameters_of
from vendor_api.routes import API_ROUTES

DOCUMENT = describe(API)


def test_it_is_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_route_of_the_api_is_described() -> None:
    described = set(DOCUMENT["paths"])
    assert described == {
        f"/{route.path}"
        for route in API_ROUTES
        if route.path.startswith("api/v1/") and "{*" not in route.path
    }


def test_every_reference_leads_somewhere() -> None:
    found = list(references(DOCUMENT))
    assert found
    for reference in found:
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def references(part: Any) -> Any:
    if isinstance(part, dict):
        for name, value in part.items():
            yield from [value] if name == "$ref" else references(value)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def test_the_parameters_are_those_that_are_read() -> None:
    assert parameters_of(AccessQuery) == list(_LOOKUPS)


async def test_it_is_served_to_everybody(running_service: RunningService) -> None:
    http = running_service.default.http
    response = await http.get(f"{running_service.base_url}/openapi.json")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == DOCUMENT


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
async def test_it_is_read_alone(running_service: RunningService, method: str) -> None:
    http = running_service.default.http
    response = await http.request(method, f"{running_service.base_url}/openapi.json")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")
    assert response.json()["type"] == "/problems/method-not-allowed"
