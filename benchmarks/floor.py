"""The floor of an operation: the same requests to storage, sent by a bare loop.

What the operation sent is sent again to a tenant in the same state: the same methods, paths,
headers and bodies, but for the partition and for ETags, which became `*`. Bytes and signatures are
made before the clock starts. What is left is HTTP itself: to send a request and to read its whole
answer.
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass, replace
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import aiohttp

from shared.store.batches import CONTENT_TYPE, entity_url, write_batch
from shared.store.operations import Delete, Insert, Merge, Operation, Replace
from shared.store.rows import ANY_ETAG
from shared.store.signing import SharedKeyLite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.instance import Call
    from shared.store.table_service import Account

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


async def raw(account: Account, table: str, tenant: str, calls: Sequence[Call]) -> list[Raw]:
    """Write recorded calls for another tenant."""
    held = account.credential
    if not isinstance(held, tuple):
        raise TypeError("the floor is measured on an emulator, which has a key")
    signer, base = SharedKeyLite(*held), urlsplit(account.endpoint).path
    date = formatdate(time.time(), usegmt=True)
    requests: list[Raw] = []
    for call in calls:
        method, path, body, query = "GET", f"{base}/{table}", None, ""
        headers = {**_HEADERS, "x-ms-date": date}
        if call.operations:
            operations = [_unconditional(each) for each in call.operations]
            body = write_batch(f"{account.endpoint}/{table}", tenant, operations)
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
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(endpoint))
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        skip_auto_headers={"User-Agent", "Accept-Encoding", "Content-Type"},
    ) as session:
        await _got(session, origin, requests[0])  # connects
        begun = time.process_time()
        for each in requests:
            async with session.request(
                each.method, origin + each.path, data=each.body, headers=each.headers
            ) as answer:
                check(answer.status, await answer.read())
        return time.process_time() - begun


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


async def _got(session: aiohttp.ClientSession, origin: str, like: Raw) -> None:
    """Send a read that changes nothing, signed wrongly, so that the connection is there."""
    async with session.get(origin + like.path.partition("?")[0]) as answer:
        await answer.read()


def _unconditional(operation: Operation) -> Operation:
    if isinstance(operation, Insert):
        return operation
    if isinstance(operation, Delete | Merge | Replace):
        return replace(operation, etag=ANY_ETAG)
    raise TypeError(type(operation))
