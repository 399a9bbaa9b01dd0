"""The functions as the host sees them: it sorts them by name and takes the first that matches."""

from __future__ import annotations

import inspect
import re
import typing
from dataclasses import dataclass
from itertools import combinations, zip_longest

import azure.functions as func
import pytest

from function_app import app

ENDPOINTS = {
    "Users": "users",
    "Users/.search": "users_dot_search",
    "Users/{id}": "users_id",
    "Groups": "groups",
    "Groups/.search": "groups_dot_search",
    "Groups/{id}": "groups_id",
    "Bulk": "bulk",
    "ServiceProviderConfig": "service_provider_config",
    "ResourceTypes": "resource_types",
    "ResourceTypes/{id}": "resource_types_id",
    "Schemas": "schemas",
    "Schemas/{id}": "schemas_id",
    "": "root",
    ".search": "root_dot_search",
    "Me": "me",
    "{endpoint}": "zz_custom",
    "{endpoint}/.search": "zz_custom_dot_search",
    "{endpoint}/{id}": "zz_custom_id",
}
HEALTH = {"healthz": "healthz", "readyz": "readyz"}
CATCH_ALL = "{*path}"


@dataclass(frozen=True, slots=True)
class Route:
    """An HTTP function; `template` is in lower case, as the host compares it."""

    name: str
    template: str
    trigger: typing.Any
    function: typing.Any

    @property
    def segments(self) -> list[str]:
        return self.template.split("/")

    @property
    def specificity(self) -> tuple[bool, int, tuple[bool, ...]]:
        """Greater for the route that means less: no catch-all, longer, literals further left."""
        literals = tuple(not segment.startswith("{") for segment in self.segments)
        return "{*" not in self.template, len(self.segments), literals


def declared() -> list[Route]:
    app.functions_bindings = {}  # get_functions() takes a second look for a second app
    routes = []
    for function in app.get_functions():
        trigger: typing.Any = function.get_trigger()
        template = str(trigger.route).lower()
        name = str(function.get_function_name())
        routes.append(Route(name, template, trigger, function.get_user_function()))
    return routes


ROUTES = declared()
EACH = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)


def meet(one: Route, other: Route) -> bool:
    """Tell whether a path exists that both routes match."""
    for left, right in zip_longest(one.segments, other.segments):
        if "{*" in (left or "") or "{*" in (right or ""):
            return True
        if left is None or right is None:
            return False
        if left != right and not left.startswith("{") and not right.startswith("{"):
            return False
    return True


OVERLAPS = [pair for pair in combinations(ROUTES, 2) if meet(*pair)]


def test_routes_overlap_where_they_are_expected_to() -> None:
    # The order below would be shown of nothing if no two routes could match one path.
    assert len(OVERLAPS) >= len(ROUTES) - 1
    literal, parameter = (
        Route(template, template, ROUTES[0].trigger, None)
        for template in ("scim/v2/users/.search", "scim/v2/users/{id}")
    )
    assert meet(literal, parameter)
    assert literal.specificity > parameter.specificity


# The host compares names without regard to case; `_` sorts before lower-case letters and after
# capitals, so both foldings must agree.
@pytest.mark.parametrize("folded", [str.lower, str.upper])
@pytest.mark.parametrize("pair", OVERLAPS, ids=lambda pair: f"{pair[0].name}+{pair[1].name}")
def test_of_two_routes_that_match_one_path_the_more_specific_is_tried_first(
    pair: tuple[Route, Route], folded: typing.Callable[[str], str]
) -> None:
    first, second = sorted(pair, key=lambda route: folded(route.name))
    assert first.specificity > second.specificity


@pytest.mark.parametrize("folded", [str.lower, str.upper])
def test_the_catch_all_is_tried_last_and_is_the_only_one(
    folded: typing.Callable[[str], str],
) -> None:
    *others, last = sorted(ROUTES, key=lambda route: folded(route.name))
    assert last.template == CATCH_ALL
    assert all("{*" not in route.template for route in others)


def test_every_endpoint_is_served_for_the_default_tenant_and_for_the_others_and_health() -> None:
    expected = {CATCH_ALL: "zz_no_such_path", **HEALTH}
    for path, name in ENDPOINTS.items():
        expected[f"scim/v2/{path}".rstrip("/").lower()] = name
        expected[f"tenants/{{tenant}}/scim/v2/{path}".rstrip("/").lower()] = f"tenant_{name}"
    assert {route.template: route.name for route in ROUTES} == expected


@EACH
def test_the_host_takes_the_name(route: Route) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_-]{0,127}", route.name)
    assert route.name != "host"
    assert [each.name.lower() for each in ROUTES].count(route.name.lower()) == 1


@EACH
def test_no_method_is_listed_because_the_host_answers_others_with_an_empty_404(
    route: Route,
) -> None:
    assert not route.trigger.methods


@EACH
def test_the_host_asks_for_no_key_because_the_secret_token_is_ours(route: Route) -> None:
    assert route.trigger.auth_level is func.AuthLevel.ANONYMOUS


@EACH
def test_the_route_is_none_of_the_hosts_own(route: Route) -> None:
    assert not route.template.startswith(("admin", "runtime", "/"))


@EACH
def test_the_function_is_what_the_worker_can_call_without_a_thread(route: Route) -> None:
    assert inspect.iscoroutinefunction(route.function)
    assert typing.get_type_hints(route.function) == {
        "req": func.HttpRequest,
        "context": func.Context,
        "return": func.HttpResponse,
    }
