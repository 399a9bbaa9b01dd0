"""What serves the functions: every route has an endpoint, and every endpoint a route."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import azure.functions as func
import pytest

import endpoints
from background.queues import WEBHOOK_QUEUES
from background.timers import TIMERS, WEBHOOK_TIMERS
from endpoints import ENDPOINTS, JOBS, MESSAGE_JOBS
from scim_protocol.root import no_such_path
from shared.errors import NotFound
from shared.scim import custom_schemas
from shared.scim.core_schemas import GROUP, USER
from shared.telemetry.request_record import RequestRecord
from tests.support.deployed import MODULES, PACKAGES, ROOT, routes

if TYPE_CHECKING:
    from pathlib import Path

    from shared.web.loading import Endpoints


def test_routes_and_endpoints_bear_the_same_names() -> None:
    named = {route.name for route in routes()}
    unserved, unrouted = sorted(named - ENDPOINTS.keys()), sorted(ENDPOINTS.keys() - named)
    assert not unserved, f"endpoints.py serves no route of these names: {unserved}"
    assert not unrouted, f"no routes.py has a route for these endpoints: {unrouted}"


def test_timers_and_jobs_bear_the_same_names() -> None:
    assert [timer.name for timer in (*TIMERS, *WEBHOOK_TIMERS)] == list(JOBS)


def test_queues_and_jobs_bear_the_same_names() -> None:
    assert [queue.name for queue in WEBHOOK_QUEUES] == list(MESSAGE_JOBS)


def test_no_two_routes_bear_one_name() -> None:
    names = [route.name for route in routes()]
    assert sorted(names) == sorted(set(names))


def test_the_module_is_what_a_function_waits_for() -> None:
    loaded: Endpoints = endpoints  # mypy holds the module against the protocol
    served = (
        *loaded.ENDPOINTS.values(),
        *loaded.JOBS.values(),
        *loaded.MESSAGE_JOBS.values(),
    )
    assert all(map(callable, (loaded.respond, loaded.prepare, *served)))


def test_what_checks_a_jwt_is_not_loaded_before_one_is_met() -> None:
    """It takes a tenth of a second, which a start with a secret token does not pay."""
    code = "import sys, endpoints; print([m for m in ('jwt', 'cryptography') if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout == "[]\n"


def first_segments() -> set[str]:
    """Return what the paths below a Tenant URL begin with, but for those that take any."""
    segments = {route.path.partition("/")[0] for route in routes() if route.per_tenant}
    return {segment for segment in segments if segment and "{" not in segment}


def test_no_custom_type_may_have_the_path_of_a_route() -> None:
    built_in = {resource_type.endpoint.lower() for resource_type in (USER, GROUP)}
    reserved = custom_schemas._PATHS_OF_THE_SERVICE | built_in
    taken = {f"/{each.lower()}" for each in first_segments() - {".search"}}
    assert taken - reserved == set(), "add them to _PATHS_OF_THE_SERVICE in custom_schemas.py"


async def test_who_asks_for_no_path_is_told_those_that_there_are() -> None:
    with pytest.raises(NotFound) as refusal:
        await no_such_path(func.HttpRequest("GET", "/", body=b""), RequestRecord("1", "GET", "x"))
    served = first_segments() - {"Me"}
    told = refusal.value.detail
    assert [path for path in served if f"/{path}" not in told] == []


HANDLER = '''

async def ping(request: ScimRequest, services: Services) -> ScimResponse:
    """GET /Ping."""
    del request, services
    return ScimResponse(200, {"pong": True})
'''
CALL = """
import asyncio
from types import SimpleNamespace
import azure.functions as func
from function_app import app

functions = {each.get_function_name(): each.get_user_function() for each in app.get_functions()}
trace = SimpleNamespace(trace_parent="")
context = SimpleNamespace(invocation_id="1", trace_context=trace)

async def call(name, token, **path):
    headers = {"authorization": f"Bearer {token}"}
    request = func.HttpRequest("GET", "https://x/", headers=headers, route_params=path, body=b"")
    response = await functions[name](request, context)
    print(response.status_code, response.get_body().decode())

async def main():
    await call("ping", "the-token-of-the-default-tenant")
    await call("tenant_ping", "the-token-of-acme-and-no-other", tenant="acme")
    await call("ping", "another-token")

asyncio.run(main())
"""


def test_an_endpoint_is_added_by_a_route_a_handler_and_an_entry(tmp_path: Path) -> None:
    for module in MODULES:
        shutil.copy(ROOT / f"{module}.py", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package)
    insert(tmp_path / "scim_protocol/routes.py", "PROTOCOL_ROUTES = (\n", 'Route("ping", "Ping"),')
    with (tmp_path / "scim_protocol/discovery.py").open("a", encoding="utf-8") as handlers:
        handlers.write(HANDLER)
    insert(tmp_path / "endpoints.py", "from scim_protocol.discovery import (\n", "ping,")
    entry = '"ping": authenticated({"GET": ping}),'
    insert(tmp_path / "endpoints.py", "ENDPOINTS: Mapping[str, Endpoint] = {\n", entry)

    environ = {
        "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
        "SCIM_SECRET_TOKEN": "the-token-of-the-default-tenant",
        "SCIM_SECRET_TOKEN__ACME": "the-token-of-acme-and-no-other",
    }
    run = subprocess.run(
        [sys.executable, "-c", CALL],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    one, other, stranger = run.stdout.splitlines()
    assert one == other == '200 {"pong":true}'
    assert stranger.startswith("401 ")


def insert(file: Path, behind: str, line: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(behind) == 1
    file.write_text(text.replace(behind, f"{behind}    {line}\n"), "utf-8")
