"""The floor of an operation: the same requests to storage, sent by a bare loop.

What the operation sent is sent again to a tenant in the same state: the same methods, paths,
headers and bodies, but for the partition and for ETags, which became `*`. Bytes and signatures are
made before the clock starts. What is left is HTTP itself: to send a request and to read its whole
answer.
"""

from __future__ import annotations

import http.client
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import aiohttp

from benchmarks.tables import NAME
from shared.tables.operations import Delete, Insert, Merge, Replace, RowOperation
from shared.tables.rest.authorization import SharedKeyLite
from shared.tables.rest.batch import CONTENT_TYPE, entity_url, write_batch
from shared.tables.rows import ANY_ETAG

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from benchmarks.instance import Call
    from shared.tables.account import StorageAccount

_HEADERS = {
    "x-ms-version": "2019-02-02",
    "DataServiceVersion": "3.0",
    "Accept": "application/json;odata=minimalmetadata",
}


@dataclass(frozen=True, slots=True)
class Raw:
    """A request to storage as it goes out."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None


async def raw(account: StorageAccount, tenant: str, calls: Sequence[Call]) -> list[Raw]:
    """Write recorded calls for another tenant."""
    held = account.credential
    if not isinstance(held, tuple):
        raise TypeError("the floor is measured on an emulator, which has a key")
    signer, base = SharedKeyLite(*held), urlsplit(account.endpoint).path
    date = formatdate(time.time(), usegmt=True)
    requests: list[Raw] = []
    for call in calls:
        method, path, body, query = "GET", f"{base}/{NAME}", None, ""
        headers = {**_HEADERS, "x-ms-date": date}
        if call.operations:
            operations = [_unconditional(each) for each in call.operations]
            body = write_batch(f"{account.endpoint}/{NAME}", tenant, operations)
            method, path = "POST", f"{base}/$batch"
            headers |= {"Content-Type": CONTENT_TYPE, "Accept": "application/json"}
        elif call.span is not None:
            path += "()"
            condition = (
                f"PartitionKey eq '{tenant}' and RowKey ge '{call.span.start}'"
                f" and RowKey lt '{call.span.end}'"
            )
            query = f"?$filter={quote(condition, safe='')}&$top={call.limit}"
            if call.select is not None:
                query += f"&$select={quote(','.join(('RowKey', *call.select)), safe='')}"
                headers["Accept"] = "application/json;odata=nometadata"
        else:
            path = entity_url(path, tenant, call.key)
        headers["Authorization"] = await signer.authorization(path, date)
        requests.append(Raw(method, path + query, headers, body))
    return requests


async def by_aiohttp(endpoint: str, requests: Sequence[Raw]) -> float:
    """Send requests over one connection of aiohttp; return the CPU seconds of all of them."""
    async with connected(endpoint, connections=1) as connections:
        await connections.open(requests[0])
        begun = time.process_time()
        for each in requests:
            await connections.send(each)
        return time.process_time() - begun


class Connections:
    """Connections of aiohttp to a storage; each sends one request at a time."""

    def __init__(self, session: aiohttp.ClientSession, endpoint: str) -> None:
        self._session = session
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(endpoint))

    async def open(self, like: Raw) -> None:
        """Send a read that changes nothing, signed wrongly, so that a connection is there."""
        async with self._session.get(self._origin + like.path.partition("?")[0]) as answer:
            await answer.read()

    async def send(self, request: Raw) -> None:
        """Send a request and read its whole answer.

        Raises:
            RuntimeError: As `check` has it.
        """
        async with self._session.request(
            request.method, self._origin + request.path, data=request.body, headers=request.headers
        ) as answer:
            check(answer.status, await answer.read())


@asynccontextmanager
async def connected(endpoint: str, connections: int) -> AsyncIterator[Connections]:
    """Have connections of aiohttp to a storage, until the block ends."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        skip_auto_headers={"User-Agent", "Accept-Encoding", "Content-Type"},
    ) as session:
        yield Connections(session, endpoint)


def by_http_client(endpoint: str, requests: Sequence[Raw]) -> float:
    """Send requests over one connection of http.client; return the CPU seconds of all of them."""
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc)
    connection.connect()
    try:
        begun = time.process_time()
        for each in requests:
            connection.request(each.method, each.path, each.body, each.headers)
            answer = connection.getresponse()
            check(answer.status, answer.read())
        return time.process_time() - begun
    finally:
        connection.close()


def check(status: int, body: bytes) -> None:
    """Refuse an answer that is not the one that the operation had.

    Raises:
        RuntimeError: It is an error, or a transaction that was refused.
    """
    is_missing = status == 404 and b"ResourceNotFound" in body
    if not (status < 300 or is_missing) or b"HTTP/1.1 4" in body:
        raise RuntimeError(f"the floor is not like the operation: {status} {body[:400]!r}")


def _unconditional(operation: RowOperation) -> RowOperation:
    if isinstance(operation, Insert):
        return operation
    if isinstance(operation, Delete | Merge | Replace):
        return replace(operation, etag=ANY_ETAG)
    raise TypeError(type(operation))
