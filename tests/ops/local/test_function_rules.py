"""Mistakes in an app for which the host would refuse a function, or all of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest

from local.errors import LocalError
from local.functions import index, load

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal
    from pathlib import Path


async def good(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse()


def renamed(request: func.HttpRequest) -> str:
    return ""


def greedy(req: func.HttpRequest, more: str) -> str:
    return ""


def untold(req: func.HttpRequest) -> dict[str, Any]:
    return {}


def unseen(req: func.HttpRequest, context: Decimal) -> str:
    return ""


@pytest.mark.parametrize("name", ["1st", "a b", "host", "HOST", "a" * 129])
def test_names_that_the_host_does_not_take(app: func.FunctionApp, name: str) -> None:
    app.function_name(name)(app.route(route="a")(good))
    with pytest.raises(LocalError, match="no name for a function"):
        index(app, "")


def test_two_functions_of_one_name(app: func.FunctionApp) -> None:
    app.function_name("same")(app.route(route="a")(good))
    app.function_name("same")(app.route(route="b")(good))
    with pytest.raises(LocalError, match="unique"):
        index(app, "")


@pytest.mark.parametrize("route", ["admin", "administrators/{id}", "Runtime/x", "/admin"])
def test_routes_that_belong_to_the_host_whatever_the_prefix(
    app: func.FunctionApp, route: str
) -> None:
    app.route(route=route)(good)
    with pytest.raises(LocalError, match="are the host's"):
        index(app, "scim/v2")


def test_two_functions_on_one_route_with_a_method_in_common(app: func.FunctionApp) -> None:
    app.function_name("a")(app.route(route="Users", methods=["GET"])(good))
    app.function_name("b")(app.route(route="users")(good))
    with pytest.raises(LocalError, match="b: its route conflicts with that of a"):
        index(app, "")


def test_two_functions_on_one_route_may_divide_the_methods(app: func.FunctionApp) -> None:
    app.function_name("a")(app.route(route="Users", methods=["GET"])(good))
    app.function_name("b")(app.route(route="Users", methods=["POST"])(good))
    assert [each.methods for each in index(app, "").http] == [{"GET"}, {"POST"}]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (renamed, "it must take req"),
        (greedy, "it must take req"),
        (untold, "annotated to return"),
        (unseen, "cannot evaluate its annotations"),
    ],
)
def test_signatures_that_the_worker_does_not_take(
    app: func.FunctionApp, function: Callable[..., Any], said: str
) -> None:
    app.route(route="a")(function)
    with pytest.raises(LocalError, match=said):
        index(app, "")


def test_the_request_may_be_called_otherwise_when_the_trigger_says_so(
    app: func.FunctionApp,
) -> None:
    app.route(route="a", trigger_arg_name="request")(renamed)
    assert index(app, "").http[0].function.trigger_argument == "request"


def test_triggers_that_the_stand_in_does_not_serve(app: func.FunctionApp) -> None:
    @app.service_bus_queue_trigger(arg_name="msg", queue_name="q", connection="Bus")
    def take(msg: func.ServiceBusMessage) -> None: ...

    with pytest.raises(LocalError, match="no serviceBusTrigger"):
        index(app, "")


def test_a_message_of_a_queue_is_taken_as_one(app: func.FunctionApp) -> None:
    @app.queue_trigger(arg_name="msg", queue_name="q", connection="AzureWebJobsStorage")
    def take(msg: bytes) -> None: ...

    with pytest.raises(LocalError, match=r"take: msg must be annotated as func\.QueueMessage"):
        index(app, "")


def test_an_app_can_be_indexed_again(app: func.FunctionApp) -> None:
    app.route(route="a")(good)
    assert index(app, "") == index(app, "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "it holds 0"),
        ("app = func.FunctionApp()\nalias = app", None),
        ("app = func.FunctionApp()\nother = func.FunctionApp()", "it holds 2"),
        (None, "is missing"),
    ],
)
def test_a_module_must_hold_one_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, said: str | None
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "held_app", raising=False)
    if content is not None:
        (tmp_path / "held_app.py").write_text(f"import azure.functions as func\n{content}\n")
    if said is None:
        assert isinstance(load("held_app"), func.FunctionApp)
    else:
        with pytest.raises(LocalError, match=said):
            load("held_app")
