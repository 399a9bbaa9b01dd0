"""Every operation of `/api/v1` with a query that it does not describe: each is refused, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from endpoints import API
from vendor_api.openapi import describe
from vendor_api.queries import parameters_of
from vendor_api.routes import API_ROUTES

if TYPE_CHECKING:
    from tests.spec.api.conftest import Managed
    from vendor_api.operations import Operation

OPERATIONS: dict[tuple[str, str], Operation] = {
    (method, route.path): operation
    for route in API_ROUTES
    if route.name in API
    for method, operation in API[route.name].operations.items()
}
PAGED = [place for place, each in OPERATIONS.items() if "limit" in parameters_of(each.query)]


async def refused(manage: Managed, place: tuple[str, str], query: str) -> str:
    """Send a request that is refused for its query; what is said of it.

    What its path names need not be there: the query is read before.
    """
    method, template = place
    path = template.format(tenant="default", id="0" * 32)
    at_root = replace(manage, place="")
    response = await at_root(method, f"/{path}?{query}", None if method == "GET" else {})
    problem = response.json()
    told = (response.status_code, problem["type"])
    assert told == (400, "/problems/invalid-value"), (place, query, problem)
    detail: str = problem["detail"]
    return detail


@pytest.mark.parametrize("place", OPERATIONS, ids=" ".join)
async def test_what_is_no_parameter_is_refused_with_those_that_are(
    manage: Managed, place: tuple[str, str]
) -> None:
    names = parameters_of(OPERATIONS[place].query)
    for unknown in ("frobnicate", "$filter", "%C3%A9", "%FF", "", *(f"{name}x" for name in names)):
        said = await refused(manage, place, f"{unknown}=1")
        assert said.startswith("There is no parameter"), said
        assert all(name in said for name in names)
    for name in names:
        assert f"did you mean {name}?" in await refused(manage, place, f"{name}_=1")


@pytest.mark.parametrize("place", OPERATIONS, ids=" ".join)
async def test_a_parameter_is_sent_once_in_whatever_letter_case(
    manage: Managed, place: tuple[str, str]
) -> None:
    for name in parameters_of(OPERATIONS[place].query):
        for query in (f"{name}=1&{name}=1", f"{name}=1&{name}=2", f"{name}&{name}="):
            assert f"{name} was sent twice" in await refused(manage, place, query)
        for other in {name.upper(), name.lower(), name.title()} - {name}:
            assert f"{name} was sent twice" in await refused(manage, place, f"{name}=1&{other}=1")


@pytest.mark.parametrize("place", PAGED, ids=" ".join)
async def test_the_cursor_of_the_next_page_is_not_sent_under_another_name(
    manage: Managed, place: tuple[str, str]
) -> None:
    names = {*parameters_of(OPERATIONS[place].query)} & {"after", "cursor"}
    (other,) = {"after", "cursor"} - names
    assert f"did you mean {names.pop()}?" in await refused(manage, place, f"{other}=x")


@pytest.mark.parametrize("place", OPERATIONS, ids=" ".join)
def test_what_is_taken_is_what_is_described(place: tuple[str, str]) -> None:
    method, template = place
    described = describe(API)["paths"][f"/{template}"][method.lower()]["parameters"]
    names = [name for each in described for name in each["schema"]["properties"]]
    assert names == parameters_of(OPERATIONS[place].query)
    assert all(each["schema"]["additionalProperties"] is False for each in described)
