"""Stands for the front end of Azure before a function app: TLS, its refusals, and a log.

It reads the head of a request and joins the connection to the app, unless a fault is set for the
path: then it answers in the app's place, or swallows the app's answer.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

LOST = b"lost"
"""A fault by which the app does what it is asked and nobody hears of it."""


def refusal(status: str, body: str = "<html>", content_type: str = "text/html") -> bytes:
    """Return an answer as the front end gives it."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


@dataclass(slots=True)
class AzureFront:
    """The requests that came, as `METHOD target`, and what is to go wrong.

    Attributes:
        app: Host and port of the app.
        requests: Request lines without their version, in order.
        faults: Begin of a request line, and the answers or LOST that such requests get in turn.
        ready_token: Token of the tenant `default`, with which `/readyz` below any path is asked.
    """

    app: tuple[str, int]
    requests: list[str] = field(default_factory=list)
    faults: dict[str, list[bytes]] = field(default_factory=dict)
    ready_token: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            request = head.partition(b"\r\n")[0].decode().rpartition(" ")[0]
            self.requests.append(request)
            if request.endswith("/readyz"):
                head = self._readiness_request()
            fault = self._next_fault(request)
            if fault not in (b"", LOST):
                writer.write(fault)
                await writer.drain()
            else:
                await self._join(head, reader, writer, is_lost=fault == LOST)
        writer.close()

    def _readiness_request(self) -> bytes:
        """Each test takes a tenant of its own for the default one; the service has one default."""
        head = f"GET /readyz HTTP/1.1\r\nHost: app\r\nAuthorization: Bearer {self.ready_token}"
        return f"{head}\r\n\r\n".encode()

    def _next_fault(self, request: str) -> bytes:
        for begin, faults in self.faults.items():
            if request.startswith(begin) and faults:
                return faults.pop(0)
        return b""

    async def _join(
        self,
        head: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_lost: bool,
    ) -> None:
        app_reader, app_writer = await asyncio.open_connection(*self.app)
        app_writer.write(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        sending = asyncio.create_task(_pass_on(reader, app_writer))
        try:
            while data := await app_reader.read(65_536):
                if not is_lost:
                    writer.write(data)
                    await writer.drain()
        finally:
            sending.cancel()
            app_writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def fronting(front: AzureFront, tls: ssl.SSLContext) -> AsyncIterator[str]:
    """Serve on a free port of loopback and give the base URL."""
    server = await asyncio.start_server(front.serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
