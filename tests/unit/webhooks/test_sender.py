"""One attempt: what counts as taken, and whom a webhook may be sent to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme
from aiohttp import web

from shared.webhooks import sender as sending
from shared.webhooks.sender import WebhookSender
from tests.support.fixtures.webhook_receiver import receiving, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.fixtures.webhook_receiver import Receiver


@pytest.fixture
async def sender() -> AsyncIterator[WebhookSender]:
    opened = WebhookSender(to_loopback=True)
    yield opened
    await opened.close()


async def test_a_2xx_is_taken(sender: WebhookSender, receiver: Receiver) -> None:
    attempt = await sender.send(receiver.url, {"webhook-id": "1"}, b"{}")
    assert attempt.has_succeeded
    assert (attempt.status, attempt.error) == (204, None)
    [(headers, body)] = receiver.requests
    assert (headers["webhook-id"], body) == ("1", b"{}")
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 429, 500, 503])
async def test_everything_else_is_not(
    sender: WebhookSender, receiver: Receiver, status: int
) -> None:
    async with receiving() as elsewhere:
        receiver.answer = refused(status, Location=elsewhere.url, Retry_After="7")
        attempt = await sender.send(receiver.url, {}, b"{}")
        assert not attempt.has_succeeded
        assert (attempt.status, attempt.answer, attempt.retry_after) == (status, "not today", "7")
        assert elsewhere.requests == [], "a redirect is not followed"


async def test_the_first_kilobyte_of_an_answer_is_kept_and_the_rest_not_read(
    sender: WebhookSender, receiver: Receiver
) -> None:
    async def long(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=200)
        await response.prepare(request)
        try:
            while True:  # until the sender has had enough
                await response.write(b"x" * 65_536)
        except (ConnectionError, asyncio.CancelledError):
            return response

    receiver.answer = long
    attempt = await sender.send(receiver.url, {}, b"{}")
    assert attempt.has_succeeded
    assert attempt.answer == "x" * 1_024


async def test_half_an_answer_is_no_answer(sender: WebhookSender, receiver: Receiver) -> None:
    async def half(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=200, headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"only this")
        assert request.transport is not None
        request.transport.abort()
        return response

    receiver.answer = half
    attempt = await sender.send(receiver.url, {}, b"{}")
    assert not attempt.has_succeeded
    assert attempt.error is not None
    assert "cut or garbled" in attempt.error


ENDLESS = {
    "a header of 1 MB and more": (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 1_000_000, b"a" * 4_096),
    "headers without end": (b"HTTP/1.1 200 OK\r\n", b"x: " + b"a" * 4_000 + b"\r\n"),
    "a status line without end": (b"HTTP/1.1 200 ", b"a" * 4_096),
    "trailers without end": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
        b"x: " + b"a" * 4_000 + b"\r\n",
    ),
    "informational answers without end": (b"", b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"),
    "a chunk extension without end": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        b"a" * 4_096,
    ),
}


@pytest.mark.parametrize("case", ENDLESS)
async def test_an_answer_without_end_ends_with_the_attempt_and_is_not_kept(
    sender: WebhookSender, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning, rest = ENDLESS[case]

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(beginning)
            while True:
                writer.write(rest)
                await writer.drain()

    monkeypatch.setattr(sending, "ATTEMPT_SECONDS", 0.5)
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    attempt = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert not attempt.has_succeeded
    assert attempt.answer == ""
    assert attempt.latency_ms < 5_000
    server.close()


async def test_an_answer_of_a_byte_at_a_time_has_the_time_of_any_other(
    sender: WebhookSender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drip(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(1_000):
                await response.write(b"a")
                await asyncio.sleep(0.01)
        return response

    monkeypatch.setattr(sending, "ATTEMPT_SECONDS", 0.2)
    receiver.answer = drip
    attempt = await sender.send(receiver.url, {}, b"{}")
    assert attempt.error == "no answer within 0.2 s"


async def test_an_answer_that_does_not_come_in_time_is_none(
    sender: WebhookSender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = asyncio.Event()

    async def hang(_: web.BaseRequest) -> web.StreamResponse:
        await goes_on.wait()
        return web.Response()

    monkeypatch.setattr(sending, "ATTEMPT_SECONDS", 0.05)
    receiver.answer = hang
    attempt = await sender.send(receiver.url, {}, b"{}")
    goes_on.set()
    assert attempt.error == "no answer within 0.05 s"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "0x7f.1", "127.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"],
)
async def test_this_machine_is_not_asked_however_it_is_written(
    receiver: Receiver, host: str
) -> None:
    closed = WebhookSender()
    port = receiver.url.split(":")[2].split("/")[0]
    attempt = await closed.send(f"https://{host}:{port}/hook", {}, b"{}")
    await closed.close()
    assert not attempt.has_succeeded
    # Where there is no IPv6 it ends before; two forms are no URLs to the HTTP library.
    assert attempt.error in {
        "the address is not public",
        "the URL cannot be asked",
        "no connection",
    }
    assert receiver.requests == []


async def test_what_a_name_resolves_to_when_it_is_connected_to_is_what_counts(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name whose address was public when it was looked at, and is not when it is used."""
    answers = iter(["8.8.8.8", "127.0.0.1", "127.0.0.1"])
    port = int(receiver.url.split(":")[2].split("/")[0])

    async def resolve(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    loop = asyncio.get_running_loop()
    await resolve()  # whoever has checked the name before was told of a public address
    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    closed = WebhookSender()
    attempt = await closed.send(f"https://moving.example:{port}/hook", {}, b"{}")
    await closed.close()
    assert attempt.error == "the address is not public"
    assert receiver.requests == []


async def test_plain_http_is_for_loopback_alone(
    sender: WebhookSender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = WebhookSender()
    assert (await closed.send(receiver.url, {}, b"{}")).error == "only https is sent to"
    await closed.close()
    attempt = await sender.send("http://8.8.8.8/hook", {}, b"{}")
    assert attempt.error == "the address is not public"
    assert (await sender.send("ftp://8.8.8.8/hook", {}, b"{}")).error == "only https is sent to"


async def test_no_proxy_of_the_environment_is_asked(
    sender: WebhookSender, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as proxy:
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert (await sender.send(receiver.url, {}, b"{}")).has_succeeded
        assert proxy.requests == []


async def test_a_certificate_is_checked(sender: WebhookSender) -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        raise AssertionError("nothing is sent to whom it was not meant for")

    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    port = runner.addresses[0][1]
    attempt = await sender.send(f"https://localhost:{port}/hook", {}, b"{}")
    assert attempt.error == "the certificate is not trusted, or TLS failed"

    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    knowing = WebhookSender(to_loopback=True, tls=trusting)
    attempt = await knowing.send(f"https://127.0.0.1:{port}/hook", {}, b"{}")
    assert attempt.error == "the certificate is not trusted, or TLS failed", "of another name"
    await knowing.close()
    await runner.cleanup()


async def test_a_name_that_nobody_has_is_told_so(sender: WebhookSender) -> None:
    attempt = await sender.send("https://nobody.invalid/hook", {}, b"{}")
    assert attempt.error == "the name was not found"
