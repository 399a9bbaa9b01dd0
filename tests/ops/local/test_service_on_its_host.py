"""What the service and its host answer together, byte by byte, to what no client of SCIM sends.

Each row was measured on a host 4.1037. `SCIM_HOST=core-tools` sends them to `func start` instead of
the stand-in, rows included that the HTTP library of the stand-in answers otherwise.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.fixtures.service import RunningService

HOST = b"Host: 127.0.0.1"
OF_THE_APP = b"urn:ietf:params:scim:api:messages:2.0:Error"
ON_CORE_TOOLS = os.environ.get("SCIM_HOST") == "core-tools"

ROWS: list[tuple[str, list[bytes], int, bool]] = [
    # what, lines, status, whether it is the service that answers
    ("root", [b"GET / HTTP/1.1", HOST], 404, True),
    ("root by POST", [b"POST / HTTP/1.1", HOST, b"Content-Length: 0"], 404, True),
    ("two slashes", [b"GET //scim/v2/Users HTTP/1.1", HOST], 404, False),
    ("Host empty", [b"GET /healthz HTTP/1.1", b"Host:"], 500, False),
    ("Host a..b", [b"GET /healthz HTTP/1.1", b"Host: a..b"], 500, False),
    ("Host with port 99999", [b"GET /healthz HTTP/1.1", b"Host: a:99999"], 500, False),
    ("Host too long", [b"GET /healthz HTTP/1.1", b"Host: " + b"a" * 300], 500, False),
    ("HTTP/1.0 without Host", [b"GET /healthz HTTP/1.0"], 500, False),
    *(
        (f"Host {host.decode()}", [b"GET /healthz HTTP/1.1", b"Host: " + host], 400, False)
        for host in [b"ex ample", b"a,b", b"h:abc", b"[::1", b"a/b", b"user@h", b"h?x"]
    ),
    ("another host", [b"GET http://other.example/healthz HTTP/1.1", HOST], 400, False),
    ("the same host", [b"GET http://127.0.0.1/healthz HTTP/1.1", HOST], 200, True),
    ("CONNECT", [b"CONNECT h:443 HTTP/1.1", b"Host: h:443"], 400, False),
    ("OPTIONS *", [b"OPTIONS * HTTP/1.1", HOST], 404, True),
    ("TRACE", [b"TRACE /scim/v2/Users HTTP/1.1", HOST], 405, True),
    (
        "101 headers",
        [b"GET /healthz HTTP/1.1", HOST, *(b"X-%d: 1" % n for n in range(97)), b"X: 1"],
        431,
        False,
    ),
    ("a line over 8 KB", [b"GET /healthz?" + b"x" * 8180 + b" HTTP/1.1", HOST], 414, False),
    ("HTTP/0.9", [b"GET /healthz HTTP/0.9", HOST], 400, False),
    ("HTTP/1.2", [b"GET /healthz HTTP/1.2", HOST], 505, False),
    ("HTTP/2.0", [b"GET /healthz HTTP/2.0", HOST], 505, False),
]
OTHERWISE: list[tuple[str, list[bytes], int, int]] = [
    # what, lines, status of the host, status of the stand-in
    ("get", [b"get /healthz HTTP/1.1", HOST], 200, 400),
    ("FOO", [b"FOO /scim/v2/Users HTTP/1.1", HOST], 405, 400),
    ("GET *", [b"GET * HTTP/1.1", HOST], 405, 400),
    ("two blanks", [b"GET  /healthz HTTP/1.1", HOST], 400, 200),
    ("bare LF", [b"GET /healthz HTTP/1.1\n" + HOST], 200, 400),
    ("X(A):", [b"GET /healthz HTTP/1.1", HOST, b"X(A): 1"], 200, 400),
]
"""What the HTTP library of the stand-in cannot do as the web server of the host does."""


async def sent(service: RunningService, lines: list[bytes], body: bytes = b"") -> bytes:
    """Return the whole reply to what is sent with a token, on a connection of its own."""
    token = f"Authorization: Bearer {service.default.token}".encode()
    port = int(service.base_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\r\n".join([*lines, token, b"Connection: close", b"", body]))
    async with asyncio.timeout(60):
        reply = await reader.read()
    writer.close()
    return reply


def status(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("lines", "expected", "is_of_the_app"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
async def test_what_the_host_answers(
    running_service: RunningService, lines: list[bytes], expected: int, is_of_the_app: bool
) -> None:
    reply = await sent(running_service, lines)
    assert status(reply) == expected, reply[:200]
    if expected >= 400:
        assert (OF_THE_APP in reply) == is_of_the_app


@pytest.mark.parametrize(
    ("lines", "host", "stand_in"), [r[1:] for r in OTHERWISE], ids=[r[0] for r in OTHERWISE]
)
async def test_what_the_stand_in_answers_otherwise(
    running_service: RunningService, lines: list[bytes], host: int, stand_in: int
) -> None:
    reply = await sent(running_service, lines)
    assert status(reply) == (host if ON_CORE_TOOLS else stand_in)


async def test_a_hundred_headers_are_taken(running_service: RunningService) -> None:
    more = [b"X-%d: 1" % number for number in range(97)]  # and the three of every request
    assert status(await sent(running_service, [b"GET /healthz HTTP/1.1", HOST, *more])) == 200


async def test_http_1_0_is_answered_without_a_length_and_closed(
    running_service: RunningService,
) -> None:
    lines = [b"GET /healthz HTTP/1.0", HOST, b"Connection: keep-alive"]
    port = int(running_service.base_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\r\n".join([*lines, b"", b""]))
    async with asyncio.timeout(60):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert status(head) == 200
    assert b"content-length" not in head.lower()
    assert b"transfer-encoding" not in head.lower()
    assert body


async def test_a_body_that_never_comes_is_an_empty_500(running_service: RunningService) -> None:
    lines = [b"POST /scim/v2/Users HTTP/1.1", HOST, b"Content-Length: 2"]
    reply = await sent(running_service, lines)
    assert (status(reply), reply.partition(b"\r\n\r\n")[2]) == (500, b"")
