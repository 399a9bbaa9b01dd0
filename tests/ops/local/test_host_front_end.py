"""What the front end of Azure says of a request, and what a client does that goes away or waits."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import azure.functions as func
import pytest

from local import host
from local.host_json import HostJson
from tests.ops.local.wire import connect

if TYPE_CHECKING:
    from tests.ops.local.conftest import Serving

HSTS = HostJson(route_prefix="", hsts_seconds=31_536_000)
DEVELOPMENT = {"AZURE_FUNCTIONS_ENVIRONMENT": "Development"}


@pytest.fixture
def calls(app: func.FunctionApp) -> list[str]:
    """The URLs that the function of the app was called with."""
    urls: list[str] = []

    @app.route(route="url")
    async def tell(req: func.HttpRequest) -> func.HttpResponse:
        urls.append(req.url)
        return func.HttpResponse(req.url)

    return urls


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        ({"X-Forwarded-Proto": "javascript"}, "http://a.example/url"),
        ({"X-Forwarded-Proto": "HTTPS"}, "https://a.example/url"),
        ({"DISGUISED-HOST": "é.example"}, "http://xn--9ca.example/url"),
        ({"DISGUISED-HOST": "b.example:8443"}, "http://b.example:8443/url"),
    ],
)
async def test_scheme_and_host_are_made_plain(
    calls: list[str], serving: Serving, headers: dict[str, str], url: str
) -> None:
    async with serving() as wire:
        assert await wire.text("/url", headers={"Host": "a.example", **headers}) == url


@pytest.mark.parametrize(
    "headers", [{"X-Forwarded-Proto": "https, http"}, {"DISGUISED-HOST": "a b"}]
)
async def test_what_makes_no_url_is_an_empty_500_but_under_core_tools(
    calls: list[str], serving: Serving, headers: dict[str, str]
) -> None:
    async with serving() as wire, wire.request("GET", "/url", headers=headers) as answer:
        assert (answer.status, await answer.read()) == (500, b"")
    async with serving(environ=DEVELOPMENT) as wire:
        assert await wire.text("/url", headers=headers) == f"{wire.base_url}/url"
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("proto", "name", "is_told"),
    [
        ("https", "a.example", True),
        ("https", "localhost:7071", False),
        ("https", "127.0.0.1", False),
        ("https", "[::1]:443", False),
        ("http", "a.example", False),
    ],
)
async def test_a_public_host_is_to_be_asked_by_https(
    calls: list[str], serving: Serving, proto: str, name: str, is_told: bool
) -> None:
    headers = {"X-Forwarded-Proto": proto, "Host": name}
    async with serving(HSTS) as wire:
        for path in ("/url", "/unknown"):
            async with wire.request("GET", path, headers=headers) as answer:
                told = answer.headers.get("Strict-Transport-Security")
                assert told == ("max-age=31536000" if is_told else None)


async def test_a_client_that_goes_at_once_is_not_served(calls: list[str], serving: Serving) -> None:
    async with serving() as wire:
        port = int(wire.base_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"POST /url HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        assert await wire.status("/url") == 200  # the other one has been read before
    assert len(calls) == 1


async def test_headers_that_do_not_end_are_a_408(
    calls: list[str], serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_HEADERS_SECONDS", 0.1)
    async with serving() as wire:
        reader, writer = await connect(wire)
        writer.write(b"GET /url HTTP/1.1\r\nHost: a\r\n")
        async with asyncio.timeout(30):
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_a_connection_that_says_nothing_is_left_alone(
    calls: list[str], serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_HEADERS_SECONDS", 0.0)
    request = b"GET /url HTTP/1.1\r\nHost: a\r\n\r\n"
    async with serving() as wire:
        reader, writer = await connect(wire)
        for _ in range(2):
            writer.write(request)
            assert b" 200 " in await reader.readline()
            await reader.readuntil(b"0\r\n\r\n")
        writer.close()


async def test_a_body_that_stops_is_an_empty_500(
    calls: list[str], serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "_BODY_SECONDS", 0.1)
    async with serving() as wire:
        reader, writer = await connect(wire)
        writer.write(b"POST /url HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n{}")
        async with asyncio.timeout(30):
            reply = await reader.read()
        writer.close()
    assert reply.startswith(b"HTTP/1.1 500 ")
    assert calls == []
