"""`StorageClient` over HTTP, on one aiohttp session: a fifth of the CPU that the SDK takes.

Written after the REST reference of the Table service,
held against the SDK in tests/unit/tables/test_storage_clients.py.
"""

import json
import re
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp

from shared.tables.account import StorageAccount
from shared.tables.client import StorageError, check_etags, error_of_answer, error_of_operation
from shared.tables.operations import RowOperation
from shared.tables.rest.authorization import Bearer, SharedKeyLite, Signer
from shared.tables.rest.batch import CONTENT_TYPE, entity_url, read_error, read_outcome, write_batch
from shared.tables.rest.entities import read_entity, read_selected
from shared.tables.rows import Row, Span
from shared.tables.table import ContinuationToken, Page, Selection

_VERSION = {"x-ms-version": "2019-02-02", "DataServiceVersion": "3.0"}
_JSON = {**_VERSION, "Accept": "application/json;odata=minimalmetadata"}
_BARE = {**_VERSION, "Accept": "application/json;odata=nometadata"}
_MULTIPART = {**_VERSION, "Accept": "application/json", "Content-Type": CONTENT_TYPE}
_TABLE = {**_JSON, "Content-Type": "application/json", "Prefer": "return-no-content"}
_CONTINUED_BY = ("PartitionKey", "RowKey")
_XML_CODE = re.compile(rb"<(?:\w+:)?code>(\w+)<", re.IGNORECASE)

_T = TypeVar("_T")


class RestClient:
    """A client of one table of Table Storage or of Azurite."""

    def __init__(
        self, endpoint: str, table: str, signer: Signer, tls: ssl.SSLContext | None = None
    ) -> None:
        """Prepare; the session is opened at first use, because it belongs to the event loop.

        Args:
            endpoint: URL of the account's Table service, without a slash at its end.
            table: name of the table.
            signer: writes the Authorization headers; closed with the client.
            tls: whom to trust; the system's authorities when None.
        """
        self._table = table
        self._table_url = f"{endpoint}/{table}"
        self._base_path = urlsplit(endpoint).path
        self._origin = endpoint.removesuffix(self._base_path)
        self._signer = signer
        self._tls = tls or True
        self._session: aiohttp.ClientSession | None = None
        self._date = (0, "")

    async def get(self, partition: str, key: str) -> Row | None:
        """Read one row; see `StorageClient.get`."""
        path = entity_url(f"{self._base_path}/{self._table}", partition, key)
        status, _, body = await self._send("GET", path, _JSON)
        if status == 200:
            return _read(body, read_entity)
        answered = _storage_error(status, body)
        if answered.code == "ResourceNotFound":
            return None
        raise answered

    async def query(
        self,
        partition: str,
        span: Span,
        limit: int,
        token: ContinuationToken | None,
        select: Selection = None,
    ) -> Page:
        """Read one page of a span; see `StorageClient.query`."""
        condition = (
            f"PartitionKey eq '{partition}' and RowKey ge '{span.start}' and RowKey lt '{span.end}'"
        )
        query = {"$filter": condition, "$top": str(limit)}
        headers, read = _JSON, read_entity
        if select is not None:
            query["$select"] = ",".join(("RowKey", *select))
            headers, read = _BARE, read_selected
        query |= {f"Next{name}": value for name, value in (token or {}).items()}
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        path = f"{self._base_path}/{self._table}()"
        status, answered, body = await self._send("GET", path, headers, query=text)
        if status != 200:
            raise _storage_error(status, body)
        rows = _read(body, lambda page: [read(entity) for entity in page["value"]])
        return Page(rows, _following(answered))

    async def submit(self, partition: str, operations: Sequence[RowOperation]) -> list[str]:
        """Commit a transaction; see `StorageClient.submit`."""
        path = f"{self._base_path}/$batch"
        batch = write_batch(self._table_url, partition, operations)
        status, _, body = await self._send("POST", path, _MULTIPART, batch)
        if status != 202:
            raise _storage_error(status, body)
        try:
            outcome = read_outcome(body)
        except ValueError as error:
            raise StorageError(None, reason="garbled answer") from error
        if outcome.status >= 300:
            raise error_of_operation(operations, outcome.status, outcome.code, outcome.message)
        return check_etags(operations, outcome.etags)

    async def create_table(self) -> None:
        """Create the table; see `StorageClient.create_table`."""
        body = json.dumps({"TableName": self._table}).encode()
        status, _, answer = await self._send("POST", f"{self._base_path}/Tables", _TABLE, body)
        if status not in {201, 204}:
            raise _storage_error(status, answer)

    async def close(self) -> None:
        """Close the connections, if any were opened, and the credential."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        await self._signer.close()

    async def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        query: str = "",
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send one request; return status, headers and body of the answer.

        Raises:
            StorageError: there was no whole answer, or no token to ask with.
        """
        date = self._http_date()
        signed = {
            **headers,
            "x-ms-date": date,
            "Authorization": await self._signer.authorization(path, date),
        }
        url = f"{self._origin}{path}?{query}" if query else self._origin + path
        try:
            async with self._opened().request(
                method, url, data=body, headers=signed, allow_redirects=False
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, OSError) as error:
            raise StorageError(None, reason=type(error).__name__) from error
        if answer.status == 401:
            self._signer.reject()
        return answer.status, answer.headers, content

    def _http_date(self) -> str:
        """Write the present second as an HTTP date."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True))
        return self._date[1]

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = open_session(self._tls)
        return self._session


def open_session(tls: ssl.SSLContext | bool) -> aiohttp.ClientSession:
    """Open a session for a service of a storage account; it belongs to the event loop."""
    return aiohttp.ClientSession(
        # How many requests a tenant has under way, and for how long, `AzureTable` decides.
        connector=aiohttp.TCPConnector(limit=0, ssl=tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        skip_auto_headers={"User-Agent", "Accept-Encoding", "Content-Type"},
    )


def open_rest_client(account: StorageAccount, table: str) -> RestClient:
    """Open a table of an account; nothing is sent."""
    held = account.credential
    signer: Signer = SharedKeyLite(*held) if isinstance(held, tuple) else Bearer(held)
    return RestClient(account.endpoint, table, signer)


def _read(body: bytes, read: Callable[[Any], _T]) -> _T:
    """Read the JSON of an answer.

    Raises:
        StorageError: it is no JSON, or not what was asked for.
    """
    try:
        return read(json.loads(body))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StorageError(None, reason="garbled answer") from error


def _storage_error(status: int, body: bytes) -> StorageError:
    """Read the error of an answer: JSON, or XML where the format wanted was not read yet."""
    code, _ = read_error(body)
    xml = None if code else _XML_CODE.search(body)
    return error_of_answer(status, xml[1].decode() if xml else code)


def _following(headers: Mapping[str, str]) -> ContinuationToken | None:
    """Read the continuation token: the keys of the next page."""
    keys = ((name, headers.get(f"x-ms-continuation-Next{name}")) for name in _CONTINUED_BY)
    return {name: value for name, value in keys if value} or None
