"""The functions as the host sees them: it sorts them by name and takes the first that matches."""

from __future__ import annotations

import inspect
import re
import typing
from dataclasses import dataclass
from itertools import combinations, zip_longest

import azure.functions as func
import pytest

from endpoints import API
from function_app import app
from portal.routes import PORTAL_ROUTES
from shared.web.routes import Route
from tests.support.deployed import routes

CATCH_ALL, CATCH_ALL_OF_THE_API = "{*path}", "api/v1/{*path}"
CATCH_ALL_OF_THE_PORTAL = "portal/{*path}"
CATCH_ALL_OF_TENANTS = "portal/tenants/{tenant}/{*page}"
"""The pages of a tenant, for staff."""


@dataclass(frozen=True, slots=True)
class Function:
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


def registered() -> list[Function]:
    app.functions_bindings = {}  # get_functions() takes a second look for a second app
    functions = []
    for function in app.get_functions():
        trigger: typing.Any = function.get_trigger()
        if trigger.type != "httpTrigger":
            continue
        template = str(trigger.route).lower()
        name = str(function.get_function_name())
        functions.append(Function(name, template, trigger, function.get_user_function()))
    return functions


REGISTERED = registered()
EACH = pytest.mark.parametrize("function", REGISTERED, ids=lambda function: function.name)


def meet(one: Function, other: Function) -> bool:
    """Tell whether a path exists that both routes match."""
    for left, right in zip_longest(one.segments, other.segments):
        if "{*" in (left or "") or "{*" in (right or ""):
            return True
        if left is None or right is None:
            return False
        if left != right and not left.startswith("{") and not right.startswith("{"):
            return False
    return True


OVERLAPS = [pair for pair in combinations(REGISTERED, 2) if meet(*pair)]


def test_routes_overlap_where_they_are_expected_to() -> None:
    # The order below would be shown of nothing if no two routes could match one path.
    assert len(OVERLAPS) >= len(REGISTERED) - 1
    literal, parameter = (
        Function(template, template, REGISTERED[0].trigger, None)
        for template in ("scim/v2/users/.search", "scim/v2/users/{id}")
    )
    assert meet(literal, parameter)
    assert literal.specificity > parameter.specificity


# The host compares names without regard to case; `_` sorts before lower-case letters and after
# capitals, so both foldings must agree.
@pytest.mark.parametrize("folded", [str.lower, str.upper])
@pytest.mark.parametrize("pair", OVERLAPS, ids=lambda pair: f"{pair[0].name}+{pair[1].name}")
def test_of_two_routes_that_match_one_path_the_more_specific_is_tried_first(
    pair: tuple[Function, Function], folded: typing.Callable[[str], str]
) -> None:
    first, second = sorted(pair, key=lambda route: folded(route.name))
    assert first.specificity > second.specificity


@pytest.mark.parametrize("folded", [str.lower, str.upper])
def test_what_takes_every_path_is_tried_last_there_is_one_for_the_api_and_two_for_the_portal(
    folded: typing.Callable[[str], str],
) -> None:
    """They are tried after the other routes of API and portal, by the test above."""
    *others, last = sorted(REGISTERED, key=lambda route: folded(route.name))
    assert last.template == CATCH_ALL
    takes_all = [route.template for route in others if "{*" in route.template]
    assert takes_all == [CATCH_ALL_OF_THE_API, CATCH_ALL_OF_TENANTS, CATCH_ALL_OF_THE_PORTAL]


def test_every_route_of_the_packages_is_registered() -> None:
    expected = {
        name: template.lower() for route in routes() for name, template in route.templates.items()
    }
    found = {function.name: function.template for function in REGISTERED}
    assert found == expected, "function_app.py registers other routes than the packages declare"


def test_scim_is_served_for_the_default_tenant_and_for_the_others() -> None:
    assert Route("users_id", "Users/{id}").templates == {
        "users_id": "scim/v2/Users/{id}",
        "tenant_users_id": "tenants/{tenant}/scim/v2/Users/{id}",
    }
    assert Route("root", "").templates == {
        "root": "scim/v2",
        "tenant_root": "tenants/{tenant}/scim/v2",
    }


def test_what_is_of_no_tenant_is_served_once_at_the_root_of_the_host() -> None:
    assert Route("healthz", "healthz", per_tenant=False).templates == {"healthz": "healthz"}
    of_the_portal = {route.name for route in PORTAL_ROUTES}
    assert {route.name for route in routes() if not route.per_tenant} - of_the_portal == {
        *API,
        "inserted_oauth_authorization_server",
        "inserted_oauth_protected_resource",
        "tenant_inserted_oauth_authorization_server",
        "tenant_inserted_oauth_protected_resource",
        "api_zz_no_such_path",
        "healthz",
        "openapi",
        "readyz",
        "zz_no_such_path",
    }


@EACH
def test_the_host_takes_the_name(function: Function) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_-]{0,127}", function.name)
    assert function.name != "host"
    assert [each.name.lower() for each in REGISTERED].count(function.name.lower()) == 1


@EACH
def test_no_method_is_listed_because_the_host_answers_others_with_an_empty_404(
    function: Function,
) -> None:
    assert not function.trigger.methods


@EACH
def test_the_host_asks_for_no_key_because_the_secret_token_is_ours(function: Function) -> None:
    assert function.trigger.auth_level is func.AuthLevel.ANONYMOUS


@EACH
def test_the_route_is_none_of_the_hosts_own(function: Function) -> None:
    assert not function.template.startswith(("admin", "runtime", "/"))


@EACH
def test_the_function_is_what_the_worker_can_call_without_a_thread(function: Function) -> None:
    assert inspect.iscoroutinefunction(function.function)
    assert typing.get_type_hints(function.function) == {
        "req": func.HttpRequest,
        "context": func.Context,
        "return": func.HttpResponse,
    }
