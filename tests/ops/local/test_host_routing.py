"""Which function answers a request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import azure.functions as func
import pytest

from local import templates
from local.errors import LocalError
from local.host_json import HostJson

if TYPE_CHECKING:
    from tests.ops.local.conftest import Serving


def add(
    app: func.FunctionApp, name: str, route: str | None = None, methods: list[str] | None = None
) -> None:
    """A function that tells its name and its route parameters."""

    @app.function_name(name)
    @app.route(route=route, methods=methods)
    async def tell(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(json.dumps([name, dict(req.route_params)]))


async def test_the_name_decides_which_of_two_matching_routes_wins(
    app: func.FunctionApp, serving: Serving
) -> None:
    add(app, "b_search", "Users/.search")
    add(app, "A_item", "Users/{id}")
    async with serving() as wire:
        assert json.loads(await wire.text("/Users/.search")) == ["A_item", {"id": ".search"}]


async def test_a_method_that_is_not_listed_makes_the_next_route_match(
    app: func.FunctionApp, serving: Serving
) -> None:
    add(app, "a", "Users", ["POST"])
    add(app, "b", "{*path}", ["GET"])
    async with serving() as wire:
        assert json.loads(await wire.text("/Users", "POST"))[0] == "a"
        assert json.loads(await wire.text("/Users", "GET"))[0] == "b"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT"])
async def test_a_method_listed_nowhere_is_an_empty_404(
    app: func.FunctionApp, serving: Serving, method: str
) -> None:
    add(app, "a", "Users", ["GET"])
    async with serving() as wire, wire.request(method, "/Users") as answer:
        assert answer.status == 404
        assert await answer.read() == b""
        assert "content-type" not in answer.headers
        assert "allow" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
async def test_a_function_without_methods_takes_all(
    app: func.FunctionApp, serving: Serving, method: str
) -> None:
    add(app, "a", "Users")
    async with serving() as wire:
        assert await wire.status("/Users", method) == 200


async def test_an_unknown_path_is_an_empty_404(app: func.FunctionApp, serving: Serving) -> None:
    add(app, "a", "Users")
    async with serving() as wire, wire.request("GET", "/Users/1") as answer:
        assert (answer.status, await answer.read()) == (404, b"")


async def test_the_prefix_of_host_json_stands_before_every_route(
    app: func.FunctionApp, serving: Serving
) -> None:
    add(app, "a", "Users")
    add(app, "named")
    async with serving(HostJson(route_prefix="scim/v2")) as wire:
        assert await wire.status("/scim/v2/Users") == 200
        assert await wire.status("/scim/v2/named") == 200
        assert await wire.status("/Users") == 404


async def test_the_root_is_the_home_page_of_the_host_where_no_function_has_it(
    app: func.FunctionApp, serving: Serving
) -> None:
    add(app, "a", "Users/{*path}")
    async with serving() as wire, wire.request("GET", "/") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
    async with serving(environ={"AzureWebJobsDisableHomepage": "true"}) as wire:
        assert await wire.status("/") == 204


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
@pytest.mark.parametrize("target", ["/", "/?a=1", "/Users/.."])
async def test_the_root_is_that_of_the_function_that_has_it(
    app: func.FunctionApp, serving: Serving, method: str, target: str
) -> None:
    add(app, "a", "{*path}")
    async with serving() as wire, wire.request(method, target) as answer:
        assert answer.status == 200
        assert await answer.text() == ("" if method == "HEAD" else '["a", {}]')


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "//Users", 404),
        ("GET", "//", 404),
        ("GET", "/admin/host/ping", 200),
        ("POST", "/Admin/Host/PING", 200),
        ("GET", "/admin/host/status", 401),
        ("GET", "/admin/host/keys", 401),
        ("GET", "/admin/functions", 401),
        ("GET", "/admin/vfs/", 401),
        ("GET", "/admin/instance/info", 401),
        ("GET", "/runtime/webhooks/x", 401),
    ],
)
async def test_what_the_host_answers_itself_reaches_no_function(
    app: func.FunctionApp, serving: Serving, method: str, target: str, status: int
) -> None:
    add(app, "a", "{*path}")
    async with serving() as wire, wire.request(method, target) as answer:
        assert (answer.status, await answer.read()) == (status, b"")


@pytest.mark.parametrize(
    ("method", "target"), [("GET", "/admin/other"), ("POST", "/admin/host/status")]
)
async def test_other_paths_below_admin_reach_a_function(
    app: func.FunctionApp, serving: Serving, method: str, target: str
) -> None:
    add(app, "a", "{*path}")
    async with serving() as wire:
        assert await wire.status(target, method) == 200


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("/users/A", "A"),
        ("/USERS/a/", "a"),
        ("/Users/a%20b", "a b"),
        ("/Users/a%2Fb%20c", "a%2Fb c"),
        ("/Users/a%2fb", "a%2fb"),
        ("/Users/%C3%A9", "é"),
        ("/Users/%ff", "%FF"),
        ("/Users/%zz", "%zz"),
        ("/Users/a+b", "a+b"),
        ("/Users/%252F", "%2F"),
        ("/Other/../Users/./a", "a"),
        ("/Other/%2e%2e/Users/a", "a"),
        ("/../Users/a", "a"),
        ("/Users/a%0Ab", "a\nb"),
    ],
)
async def test_a_path_is_decoded_once_before_it_is_matched(
    app: func.FunctionApp, serving: Serving, sent: str, seen: str
) -> None:
    add(app, "a", "Users/{id}")
    async with serving() as wire:
        assert json.loads(await wire.text(sent)) == ["a", {"id": seen}]


@pytest.mark.parametrize("sent", ["/Users/a%00b", "/Users/a//", "/Users//a", "//Users/a"])
async def test_a_path_that_only_resembles_a_route_does_not_match(
    app: func.FunctionApp, serving: Serving, sent: str
) -> None:
    add(app, "a", "Users/{id}")
    async with serving() as wire:
        assert await wire.status(sent) in {400, 404}


@pytest.mark.parametrize(
    ("route", "path", "expected"),
    [
        ("Users/{id}", "Users", None),
        ("Users/{id}", "Users/", None),
        ("Users/{id}", "Users/1/2", None),
        ("Users/{id?}", "Users", {}),
        ("Users/{id?}", "Users/", {}),
        ("Users/{id?}", "Users/1", {"id": "1"}),
        ("Users/{*rest}", "Users", {}),
        ("Users/{*rest}", "Users/1/2/", {"rest": "1/2/"}),
        ("{*rest}", "a/b", {"rest": "a/b"}),
        ("{**rest}", "a/b", {"rest": "a/b"}),
        ("v{version}/Users", "V2/users", {"version": "2"}),
        ("{name}.{kind}", "a.json", {"name": "a", "kind": "json"}),
        ("{id:int}", "-12", {"id": "-12"}),
        ("{id:int}", "a", None),
        ("{id:guid}", "0f8fad5b-d9cb-469f-a165-70867728950e", {"id": "*"}),
        ("{id:guid}", "0f8fad5bd9cb469fa16570867728950e", {"id": "*"}),
        ("{id:guid}", "0f8fad5b", None),
        ("{id:bool}", "TRUE", {"id": "TRUE"}),
        ("{id:alpha}", "abc", {"id": "abc"}),
        ("{id:alpha}", "a1", None),
        ("a.b/{x}", "a-b/1", None),
        ("{tenant}/Users/{id}", "one/Users/2", {"tenant": "one", "id": "2"}),
    ],
)
def test_templates_match_as_in_the_host(
    route: str, path: str, expected: dict[str, str] | None
) -> None:
    found = templates.parse(route, "").match(path)
    assert found == (expected if expected != {"id": "*"} else {"id": path})


@pytest.mark.parametrize("route", ["{id", "id}", "{}", "{id:colour}", "{a}/{A}", "{a b}", "{id=7}"])
def test_templates_that_cannot_be_understood_are_refused(route: str) -> None:
    with pytest.raises(LocalError):
        templates.parse(route, "")
