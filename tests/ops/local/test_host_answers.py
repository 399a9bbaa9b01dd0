"""What goes out on the wire for what a function returns."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest

from local.host_json import HostJson

if TYPE_CHECKING:
    from tests.ops.local.conftest import Serving


def returning(app: func.FunctionApp, result: Any) -> None:
    @app.route(route="answer")
    async def answer(req: func.HttpRequest) -> func.HttpResponse:
        if isinstance(result, Exception):
            raise result
        returned: func.HttpResponse = result
        return returned


async def test_an_answer_is_chunked_and_has_no_length(
    app: func.FunctionApp, serving: Serving
) -> None:
    returning(app, func.HttpResponse("{}", mimetype="application/scim+json", status_code=201))
    async with serving() as wire, wire.request("GET", "/answer") as answer:
        assert answer.status == 201
        assert answer.headers["Content-Type"] == "application/scim+json"
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert "Content-Length" not in answer.headers
        assert await answer.text() == "{}"


@pytest.mark.parametrize(
    ("response", "content_type"),
    [
        (func.HttpResponse("a"), "text/plain; charset=utf-8"),
        (func.HttpResponse("a", mimetype="text/csv", charset="ascii"), "text/csv; charset=ascii"),
        (func.HttpResponse("a", mimetype="application/json"), "application/json"),
        (func.HttpResponse("a", headers={"content-type": "a/b"}, mimetype="c/d"), "a/b"),
        ("a", "text/plain; charset=utf-8"),
    ],
)
async def test_a_content_type_header_stands_and_text_gets_a_charset(
    app: func.FunctionApp, serving: Serving, response: Any, content_type: str
) -> None:
    returning(app, response)
    async with serving() as wire, wire.request("GET", "/answer") as answer:
        assert answer.headers.getall("Content-Type") == [content_type]


async def test_a_204_has_a_content_type_and_no_body(
    app: func.FunctionApp, serving: Serving
) -> None:
    returning(app, func.HttpResponse(status_code=204, mimetype="application/scim+json"))
    async with serving() as wire, wire.request("DELETE", "/answer") as answer:
        assert (answer.status, await answer.read()) == (204, b"")
        assert answer.headers["Content-Type"] == "application/scim+json"
        assert "Transfer-Encoding" not in answer.headers


async def test_the_answer_to_head_is_its_headers(app: func.FunctionApp, serving: Serving) -> None:
    returning(app, func.HttpResponse("{}", headers={"ETag": 'W/"1"'}))
    async with serving() as wire, wire.request("HEAD", "/answer") as answer:
        assert (answer.status, answer.headers["ETag"]) == (200, 'W/"1"')
        assert await answer.read() == b""


@pytest.mark.parametrize(
    "result",
    [
        ValueError("what only the log may tell"),
        None,
        {"a": 1},
        func.HttpResponse("body", status_code=204),
        func.HttpResponse("body", status_code=304),
        func.HttpResponse(headers={"Location": "http://é"}),
    ],
)
async def test_what_cannot_be_sent_is_an_empty_500(
    app: func.FunctionApp, serving: Serving, result: Any, caplog: pytest.LogCaptureFixture
) -> None:
    returning(app, result)
    async with serving() as wire, wire.request("GET", "/answer") as answer:
        assert (answer.status, await answer.read()) == (500, b"")
        assert "content-type" not in answer.headers
    assert "answer failed" in caplog.text


async def test_a_function_over_its_time_is_an_empty_500(
    app: func.FunctionApp, serving: Serving
) -> None:
    @app.route(route="slow")
    async def slow(req: func.HttpRequest) -> func.HttpResponse:
        await asyncio.Event().wait()
        return func.HttpResponse()

    async with serving(HostJson(route_prefix="", function_timeout=0.01)) as wire:
        assert await wire.status("/slow") == 500


async def test_cookies_may_come_twice_and_framing_is_the_hosts(
    app: func.FunctionApp, serving: Serving
) -> None:
    response = func.HttpResponse("abc", headers={"Content-Length": "1", "X-A": "1"})
    response.headers.add("Set-Cookie", "a=1")
    response.headers.add("Set-Cookie", "b=2")
    response.headers.add("X-A", "2")
    returning(app, response)
    async with serving() as wire, wire.request("GET", "/answer") as answer:
        assert await answer.text() == "abc"
        assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]
        assert answer.headers.getall("X-A") == ["2"]


async def test_custom_headers_of_host_json_are_on_every_answer(
    app: func.FunctionApp, serving: Serving
) -> None:
    returning(app, func.HttpResponse())
    settings = HostJson(route_prefix="", custom_headers={"X-Content-Type-Options": "nosniff"})
    async with serving(settings) as wire:
        for path in ("/answer", "/unknown"):
            async with wire.request("GET", path) as answer:
                assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_client_that_hangs_up_does_not_stop_the_function(
    app: func.FunctionApp, serving: Serving
) -> None:
    arrived, leave, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @app.route(route="long")
    async def long(req: func.HttpRequest) -> func.HttpResponse:
        arrived.set()
        await leave.wait()
        finished.set()
        return func.HttpResponse()

    async with serving() as wire:
        asking = asyncio.create_task(wire.status("/long"))
        await arrived.wait()
        asking.cancel()
        await asyncio.wait({asking})
        leave.set()
        async with asyncio.timeout(10):
            await finished.wait()
