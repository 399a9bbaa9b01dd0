"""What serves the functions: every route has an endpoint, and every endpoint a route."""

from __future__ import annotations

from typing import TYPE_CHECKING

import endpoints
from endpoints import ENDPOINTS
from tests.support.deployed import routes

if TYPE_CHECKING:
    from shared.web.loading import Endpoints


def test_routes_and_endpoints_bear_the_same_names() -> None:
    named = {route.name for route in routes()}
    unserved, unrouted = sorted(named - ENDPOINTS.keys()), sorted(ENDPOINTS.keys() - named)
    assert not unserved, f"endpoints.py serves no route of these names: {unserved}"
    assert not unrouted, f"no routes.py has a route for these endpoints: {unrouted}"


def test_no_two_routes_bear_one_name() -> None:
    names = [route.name for route in routes()]
    assert sorted(names) == sorted(set(names))


def test_the_module_is_what_a_function_waits_for() -> None:
    loaded: Endpoints = endpoints  # mypy holds the module against the protocol
    assert all(map(callable, (loaded.respond, loaded.prepare, *loaded.ENDPOINTS.values())))
