"""The client of every measurement over HTTP: bounded in requests, in time and in concurrency."""

from __future__ import annotations

import asyncio
import json
import math
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

_T = TypeVar("_T")
_R = TypeVar("_R")

_SCIM = "application/scim+json"
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        method: HTTP method.
        path: Below the SCIM root, encoded, with its query.
        body: Of JSON; None for none.
        subject: Id of the resource that the request is about, for what comes after it.
    """

    method: str
    path: str
    body: bytes | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """A request with its answer.

    Attributes:
        request: As it was sent.
        status: Of the answer.
        content: Body of the answer.
        seconds: From before the request until the whole answer was read.
    """

    request: Request
    status: int
    content: bytes
    seconds: float

    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.content)


class UnexpectedAnswer(Exception):  # noqa: N818 - what came, not what is wrong with it
    """A service refused what it was to be measured with."""


class Client:
    """Sends requests to one service over connections that stay open."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def send(self, request: Request) -> Answered:
        """Send one request.

        Raises:
            UnexpectedAnswer: It was not answered with success.
        """
        answered = await self._sent(request)
        if answered.status >= 300:
            raise UnexpectedAnswer(
                f"{request.method} {request.path}: {answered.status} {answered.content[:300]!r}"
            )
        return answered

    async def create(self, request: Request) -> str:
        """Send a creation; return the id of what was created.

        Raises:
            UnexpectedAnswer: It was not answered with success.
        """
        return str((await self.send(request)).json()["id"])

    async def burst(
        self, requests: Iterable[Request], *, clients: int, seconds: float
    ) -> list[Answered]:
        """Send requests, some at a time, and begin no more after a while.

        Raises:
            UnexpectedAnswer: One of them was not answered with success.
        """
        return await side_by_side(requests, self.send, clients=clients, seconds=seconds)

    async def _sent(self, request: Request) -> Answered:
        headers = {} if request.body is None else {"Content-Type": _SCIM}
        begun = time.perf_counter()
        async with self._http.request(
            request.method, self._url + request.path, data=request.body, headers=headers
        ) as answer:
            content = await answer.read()
        return Answered(request, answer.status, content, time.perf_counter() - begun)


async def side_by_side(
    work: Iterable[_T],
    do: Callable[[_T], Awaitable[_R]],
    *,
    clients: int,
    seconds: float = math.inf,
) -> list[_R]:
    """Do work, some of it at a time, and begin no more after a while."""
    left = iter(work)
    until = time.perf_counter() + seconds
    done: list[_R] = []

    async def go_on() -> None:
        for each in left:
            done.append(await do(each))
            if time.perf_counter() > until:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(go_on())
    return done


@asynccontextmanager
async def connected(url: str, token: str, connections: int) -> AsyncIterator[Client]:
    """Open a client of a SCIM root; it has no more connections than are asked for."""
    headers = {"Authorization": f"Bearer {token}", "Accept": _SCIM}
    async with aiohttp.ClientSession(
        headers=headers,
        connector=aiohttp.TCPConnector(limit=connections),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=_PATIENCE_SECONDS),
        skip_auto_headers={"User-Agent", "Accept-Encoding"},
    ) as http:
        yield Client(http, url)
