"""A proxy before Table Storage that, when told to, loses, delays and refuses requests."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

import aiohttp
from aiohttp import web
from yarl import URL

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

Kind = Literal["transaction", "read", "table"]
"""POST of a transaction; GET of a row or a page; POST of a new table."""

Forward = Callable[[], Awaitable[web.Response]]
Fault = Callable[[web.BaseRequest, Forward], Awaitable[web.StreamResponse]]


_HOP_HEADERS = frozenset(
    {"host", "connection", "keep-alive", "transfer-encoding", "content-length"}
)

_SIGNED = ("Content-Type",)


@dataclass(slots=True)
class Order:
    """A fault that is to befall the next requests of a kind, after some that pass unharmed."""

    fault: Fault
    kind: Kind
    after: int
    times: float


@dataclass(slots=True)
class StorageProxy:
    """Passes requests on; `received` and `forwarded` hold their kinds in order.

    `bodies` holds method, target and body of each request as it came.
    """

    port: int = 0
    received: list[Kind] = field(default_factory=list)
    forwarded: list[Kind] = field(default_factory=list)
    bodies: list[tuple[str, str, bytes]] = field(default_factory=list)
    _orders: list[Order] = field(default_factory=list)

    def order(
        self, fault: Fault, kind: Kind = "transaction", *, after: int = 0, times: float = 1
    ) -> None:
        """Let a fault befall `times` requests of a kind, after `after` others of it."""
        self._orders.append(Order(fault, kind, after, times))

    def instead_of(self, storage_port: int, connection_string: str) -> str:
        """Lead a connection string through the proxy."""
        return connection_string.replace(f":{storage_port}/", f":{self.port}/")

    def heal(self) -> None:
        """Forget all orders."""
        self._orders.clear()

    def due(self, kind: Kind) -> Fault | None:
        """The fault that befalls the request of this kind that has just come."""
        for order in self._orders:
            if order.kind == kind and order.times > 0:
                if order.after > 0:
                    order.after -= 1
                    return None
                order.times -= 1
                return order.fault
        return None


async def lose_request(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
    """Break the connection before the storage has seen the request."""
    return _break(request)


async def lose_answer(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
    """Let the storage do its work, and break the connection before the client hears of it."""
    await forward()
    return _break(request)


async def cut_answer(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
    """Break the connection in the middle of the answer."""
    whole = await forward()
    body = whole.body if isinstance(whole.body, bytes) else b""
    part = web.StreamResponse(status=whole.status, headers=whole.headers)
    part.content_length = len(body)
    await part.prepare(request)
    await part.write(body[: len(body) // 2])
    _break(request)
    return part


@dataclass(slots=True)
class Delayed:
    """A request that is held in the network: the client gives it up, and it arrives later."""

    _forward: Forward | None = None

    async def fault(self, request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        self._forward = forward
        return await lose_request(request, forward)

    async def arrive(self) -> str:
        """Let the storage do what it was sent; return what nobody hears of."""
        assert self._forward is not None, "nothing was sent"
        response = await self._forward()
        return response.body.decode() if isinstance(response.body, bytes) else ""


def answer(status: int, code: str) -> Fault:
    """Refuse in place of the storage."""

    async def refuse(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        return web.Response(status=status, body=_error(code), content_type="application/json")

    return refuse


def answer_in_xml(status: int, code: str) -> Fault:
    """Refuse as the storage does before it has read which format the client wants."""
    namespace = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"
    text = (
        '<?xml version="1.0" encoding="utf-8" standalone="yes"?>'
        f'<m:error xmlns:m="{namespace}"><m:code>{code}</m:code>'
        f'<m:message xml:lang="en-US">Refused.</m:message></m:error>'
    )

    async def refuse(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        return web.Response(status=status, text=text, content_type="application/xml")

    return refuse


def answer_inside(status: int, code: str, index: int = 0) -> Fault:
    """Refuse an operation of a transaction the other way that the storage has: inside a 202."""

    async def refuse(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        return _refused_batch(status, code, index)

    return refuse


def commit_but_answer(status: int, code: str, *, inside: bool = False, index: int = 0) -> Fault:
    """Let the storage do its work and say that it did not."""

    async def deny(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        await forward()
        refuse = answer_inside(status, code, index) if inside else answer(status, code)
        return await refuse(request, forward)

    return deny


def garble(
    body: Callable[[bytes], bytes] = bytes,
    *,
    status: int | None = None,
    content_type: str | None = None,
) -> Fault:
    """Let the storage do its work, and answer with something else in whole HTTP.

    Args:
        body: makes the body of that of the storage.
        status: instead of the storage's.
        content_type: instead of the storage's.
    """

    async def spoil(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        whole = await forward()
        content = whole.body if isinstance(whole.body, bytes) else b""
        headers = {"Content-Type": content_type or whole.headers.getone("Content-Type")}
        return web.Response(status=status or whole.status, headers=headers, body=body(content))

    return spoil


def hold(until: asyncio.Event) -> Fault:
    """Let the storage do its work and hold the answer back."""

    async def wait(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        response = await forward()
        await until.wait()
        return response

    return wait


def first(action: Callable[[], Awaitable[object]], fault: Fault | None = None) -> Fault:
    """Do something else just before the storage sees the request, such as to win a race."""

    async def act(request: web.BaseRequest, forward: Forward) -> web.StreamResponse:
        await action()
        return await (forward() if fault is None else fault(request, forward))

    return act


@asynccontextmanager
async def serving(storage_port: int) -> AsyncIterator[StorageProxy]:
    """Stand between a client and the storage on a free port of loopback."""
    proxy = StorageProxy()
    # A connection of its own for each request: one that Azurite has closed would be a fault that
    # nobody ordered.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as client:

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            kind = _kind(request)
            proxy.received.append(kind)
            body = await request.content.read()  # request.read() refuses what is above 1 MiB
            proxy.bodies.append((request.method, request.path_qs, body))

            async def forward() -> web.Response:
                proxy.forwarded.append(kind)
                url = f"http://127.0.0.1:{storage_port}{request.raw_path}"
                return await _forwarded(client, request, url, body)

            fault = proxy.due(kind)
            return await (forward() if fault is None else fault(request, forward))

        runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        proxy.port = runner.addresses[0][1]
        try:
            yield proxy
        finally:
            await runner.cleanup()


async def _forwarded(
    client: aiohttp.ClientSession, request: web.BaseRequest, url: str, body: bytes
) -> web.Response:
    headers = {n: v for n, v in request.headers.items() if n.lower() not in _HOP_HEADERS}
    target = URL(url, encoded=True)
    # No header may be added: the signature covers Content-Type.
    async with client.request(
        request.method, target, headers=headers, data=body or None, skip_auto_headers=_SIGNED
    ) as response:
        kept = {n: v for n, v in response.headers.items() if n.lower() not in _HOP_HEADERS}
        return web.Response(status=response.status, headers=kept, body=await response.read())


def _kind(request: web.BaseRequest) -> Kind:
    if request.method == "GET":
        return "read"
    return "transaction" if request.path.endswith("$batch") else "table"


def _break(request: web.BaseRequest) -> web.StreamResponse:
    with suppress(AttributeError):
        request.transport.abort()  # type: ignore[union-attr] # None once the client is gone
    return web.Response()


def _error(code: str, index: str = "") -> bytes:
    value = {"lang": "en-US", "value": f"{index}refused by the test"}
    return json.dumps({"odata.error": {"code": code, "message": value}}).encode()


def _refused_batch(status: int, code: str, index: int) -> web.Response:
    error = _error(code, f"{index}:")
    part = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n\r\n"
    ).encode() + error
    body = b"\r\n".join(
        [
            b"--batchresponse_1\r\nContent-Type: multipart/mixed; boundary=changesetresponse_1\r\n",
            b"--changesetresponse_1\r\nContent-Type: application/http",
            b"Content-Transfer-Encoding: binary\r\n",
            part,
            b"--changesetresponse_1--\r\n",
            b"--batchresponse_1--\r\n",
        ]
    )
    headers = {"Content-Type": "multipart/mixed; boundary=batchresponse_1"}
    return web.Response(status=202, headers=headers, body=body)
