"""What a function sees of a request."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest

from tests.ops.local.wire import connect, raw

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.ops.local.conftest import Serving, Wire


@pytest.fixture
def echo(app: func.FunctionApp) -> None:
    @app.route(route="echo/{*path}")
    async def tell(req: func.HttpRequest) -> func.HttpResponse:
        seen = {
            "method": req.method,
            "url": req.url,
            "params": dict(req.params),
            "headers": dict(req.headers),
            "body": req.get_body().decode("latin-1"),
        }
        return func.HttpResponse(json.dumps(seen), mimetype="application/json")


async def seen(wire: Wire, target: str, method: str = "GET", **options: object) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(await wire.text(target, method, **options))
    return told


async def in_pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("", {}),
        ("filter=", {}),
        ("filter", {}),
        ("filter=&count=2", {"count": "2"}),
        ("a=1&a=2", {"a": "1,2"}),
        ("a=1&A=2", {"a": "1,2"}),
        ("a=1&a=", {"a": "1"}),
        ("filter=userName+eq+%22x%22", {"filter": 'userName eq "x"'}),
        ("filter=a%2Bb", {"filter": "a+b"}),
        ("q=%C3%A9", {"q": "é"}),
        ("a=b=c", {"a": "b=c"}),
    ],
)
async def test_query_parameters_without_a_value_disappear(
    echo: None, serving: Serving, query: str, params: dict[str, str]
) -> None:
    async with serving() as wire:
        assert (await seen(wire, f"/echo?{query}"))["params"] == params


async def test_the_url_holds_the_query_as_it_came_and_the_path_encoded_anew(
    echo: None, serving: Serving
) -> None:
    async with serving() as wire:
        told = await seen(wire, "/echo/%41%20%C3%A9%2F?filter=&x=a+%22b")
        assert told["url"] == f"{wire.base_url}/echo/A%20%C3%A9%2F?filter=&x=a+%22b"


async def test_the_front_end_says_what_scheme_and_host_the_client_asked_for(
    echo: None, serving: Serving
) -> None:
    headers = {"X-Forwarded-Proto": "https", "DISGUISED-HOST": "scim.example.com"}
    async with serving() as wire:
        told = await seen(wire, "/echo/a", headers=headers)
        assert told["url"] == "https://scim.example.com/echo/a"
    async with serving(environ={"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}) as wire:
        told = await seen(wire, "/echo/a", headers=headers)  # Core Tools have no front end
        assert told["url"] == f"{wire.base_url}/echo/a"


async def test_a_target_that_is_a_whole_url_is_taken_by_its_path(
    echo: None, serving: Serving
) -> None:
    async with serving() as wire:
        reply = await raw(wire, b"GET http://h/echo/a?b=1 HTTP/1.1", b"Host: h")
        assert b"200 OK" in reply
        assert b'"params": {"b": "1"}' in reply


async def test_header_names_are_lower_case_and_repeated_ones_joined(
    echo: None, serving: Serving
) -> None:
    async with serving() as wire:
        lines = [b"GET /echo HTTP/1.1", b"Host: h", b"X-One: 1", b"x-one: 2", b"IF-MATCH: *"]
        reply = await raw(wire, *lines)
        assert b'"x-one": "1,2"' in reply
        assert b'"if-match": "*"' in reply


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_body_arrives_as_it_was_sent(echo: None, serving: Serving, method: str) -> None:
    sent = bytes(range(256)) * 9000
    async with serving() as wire:
        told = await seen(wire, "/echo", method, data=sent)
        assert told["body"].encode("latin-1") == sent


async def test_a_body_without_a_length_arrives_empty(echo: None, serving: Serving) -> None:
    async with serving() as wire:
        told = await seen(wire, "/echo", "POST", data=in_pieces(b'{"a"', b": 1}"))
        assert told["body"] == ""
        assert told["headers"]["transfer-encoding"] == "chunked"
        assert (await seen(wire, "/echo", "POST", data=b"{}"))["body"] == "{}"


async def test_a_compressed_body_is_not_unpacked(echo: None, serving: Serving) -> None:
    async with serving() as wire:
        headers = {"Content-Encoding": "gzip"}
        assert (await seen(wire, "/echo", "POST", data=b"raw", headers=headers))["body"] == "raw"


async def test_a_body_over_the_limit_is_refused_before_it_is_read(
    echo: None, serving: Serving
) -> None:
    async with serving(environ={"FUNCTIONS_REQUEST_BODY_SIZE_LIMIT": "10"}) as wire:
        assert (await seen(wire, "/echo", "POST", data=b"x" * 10))["body"] == "x" * 10
        lines = [b"POST /echo HTTP/1.1", b"Host: h", b"Content-Length: 11"]
        reply = await raw(wire, *lines, body=b"x" * 11)
        assert reply.startswith(b"HTTP/1.1 500 ")
        assert reply.endswith(b"\r\n\r\n")


async def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(
    echo: None, serving: Serving
) -> None:
    async with serving() as wire:
        told = await seen(wire, "/echo", "POST", data=b"later", expect100=True)
        assert told["body"] == "later"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["GET /echo/é HTTP/1.1".encode()], b"400"),
        ([b"GET /echo HTTP/1.1", b"X-A: \xff\xfe"], b"400"),
        ([b"GET /echo HTTP/1.1", b"no colon"], b"400"),
        ([b"GET /echo?filter=" + b"x" * 9000 + b" HTTP/1.1"], b"414"),
        ([b"GET /echo HTTP/1.1", b"X-A: " + b"x" * 40000], b"431"),
    ],
)
async def test_what_is_no_request_is_refused_without_a_body(
    echo: None, serving: Serving, lines: list[bytes], status: bytes
) -> None:
    async with serving() as wire:
        reply = await raw(wire, *lines, b"Host: h")
        assert reply.split(b" ")[1] == status
        assert reply.endswith(b"\r\n\r\n")


TOKEN = b"a-token-that-nobody-must-see"
CHUNKED = b"Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        ([b"GET / HTTP/1.1", b"Authorization Bearer " + TOKEN], b""),
        ([b"GET / HTTP/1.1", b"Authorization : Bearer " + TOKEN], b""),
        ([b"GET / HTTP/1.1", b"Authorization: Bearer " + TOKEN + b"\0"], b""),
        ([b"GET / HTTP/1.1", b"Authorization: Bearer", b" " + TOKEN], b""),
        ([b"GET / HTTP/1.1", b"Authorization: Bearer " + TOKEN + b"\xff"], b""),
        ([b"GET / HTTP/1.1", b"Authorization: Bearer " + TOKEN + b"x" * 40_000], b""),
        ([b"GET /" + TOKEN + b"\xff HTTP/1.1"], b""),
        ([b"GET http://[::1" + TOKEN + b" HTTP/1.1"], b""),
        ([b"GET / HTTP/" + TOKEN], b""),
        ([TOKEN + b"\x01 / HTTP/1.1"], b""),
        ([b"POST / HTTP/1.1", b"Content-Length: " + TOKEN], b""),
        ([b"POST / HTTP/1.1", CHUNKED], TOKEN + b"\r\n\r\n"),
        ([b"POST / HTTP/1.1", CHUNKED], b"0\r\nAuthorization Bearer " + TOKEN + b"\r\n\r\n"),
        ([b"GET / HTTP/1.1"], b"Authorization Bearer " + TOKEN + b"\r\n\r\n"),
    ],
)
async def test_what_is_no_request_is_logged_without_what_it_says(
    echo: None, serving: Serving, caplog: pytest.LogCaptureFixture, lines: list[bytes], body: bytes
) -> None:
    caplog.set_level("DEBUG")
    async with serving() as wire:
        reader, writer = await connect(wire)
        writer.write(b"\r\n".join([*lines, b"Host: h", b"", body]))
        assert b" 4" in await reader.readline()
        writer.close()
    assert TOKEN.decode() not in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_connection_serves_one_request_after_the_other(
    echo: None, serving: Serving
) -> None:
    async with serving() as wire:
        reader, writer = await connect(wire)
        for method in (b"GET", b"HEAD", b"DELETE", b"GET"):
            writer.write(method + b" /echo HTTP/1.1\r\nHost: h\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            if method != b"HEAD":
                await reader.readuntil(b"0\r\n\r\n")
        writer.close()


async def test_functions_that_are_not_async_run_side_by_side_in_threads(
    app: func.FunctionApp, serving: Serving
) -> None:
    both = threading.Barrier(2, timeout=10)

    @app.route(route="meet")
    def meet(req: func.HttpRequest) -> str:
        both.wait()
        return threading.current_thread().name

    async with serving(environ={"PYTHON_THREADPOOL_THREAD_COUNT": "2"}) as wire:
        names = await asyncio.gather(wire.text("/meet"), wire.text("/meet"))
        assert len(set(names)) == 2


async def test_the_context_tells_the_call_and_its_trace(
    app: func.FunctionApp, serving: Serving
) -> None:
    @app.function_name("told")
    @app.route(route="context")
    def tell(req: func.HttpRequest, context: func.Context) -> str:
        same = context.thread_local_storage.invocation_id == context.invocation_id  # type: ignore[attr-defined]  # set by the worker
        trace = context.trace_context.trace_parent
        return json.dumps([context.invocation_id, same, context.function_name, trace])

    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with serving() as wire:
        first = json.loads(await wire.text("/context", headers={"traceparent": parent}))
        second = json.loads(await wire.text("/context"))
    assert first[0] != second[0]
    assert first[1:] == [True, "told", parent]
    assert second[3] != parent
