"""`StorageClient` on azure-data-tables, Microsoft's own client.

It costs five times the CPU of `RestClient`, twenty times for a large transaction, and 100 ms to
import. It is here to be compared with, and to be switched to (`SCIM_TABLE_CLIENT=sdk`) should the
service ever answer the other one differently.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPException
from typing import Any

import aiohttp
from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables import RequestTooLargeError, TableTransactionError
from azure.data.tables.aio import TableClient

from shared.tables.account import StorageAccount
from shared.tables.client import StorageError, check_etags, error_of_answer, error_of_operation
from shared.tables.operations import Delete, Insert, Merge, Replace, RowOperation
from shared.tables.rows import ANY_ETAG, Row, Span
from shared.tables.table import ContinuationToken, Page, Selection

_KEY_PROPERTIES = frozenset({"PartitionKey", "RowKey"})

_UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    HTTPException,
    OSError,
    aiohttp.ClientError,
)
"""What the SDK raises, besides its own errors, of answers that it cannot read."""


class SdkClient:
    """A client of one table."""

    def __init__(
        self, endpoint: str, table: str, credential: AzureNamedKeyCredential | AsyncTokenCredential
    ) -> None:
        """Prepare; the client is opened at first use, because it belongs to the event loop.

        Args:
            endpoint: URL of the account's Table service.
            table: name of the table.
            credential: a shared key, or an identity, which is closed with the client.
        """
        self._address = (endpoint, table)
        self._credential = credential
        self._opened: TableClient | None = None

    async def get(self, partition: str, key: str) -> Row | None:
        """Read one row; see `StorageClient.get`."""
        with _storage_errors():
            try:
                return _row(await self._client.get_entity(partition, key))
            except ResourceNotFoundError as error:
                if _code(error) == "ResourceNotFound":
                    return None
                raise

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
        pages = self._client.query_entities(
            condition,
            results_per_page=limit,
            select=None if select is None else ["RowKey", *select],
        ).by_page(
            continuation_token=token  # type: ignore[arg-type] # the SDK's tokens are dicts
        )
        read = _row if select is None else _selected
        with _storage_errors():
            rows = [read(entity) async for entity in await anext(pages)]
        following = pages.continuation_token  # type: ignore[attr-defined] # of AsyncPageIterator
        return Page(rows, following or None)

    async def submit(self, partition: str, operations: Sequence[RowOperation]) -> list[str]:
        """Commit a transaction; see `StorageClient.submit`."""
        batch = [_batched(partition, operation) for operation in operations]
        with _storage_errors():
            try:
                answers: Sequence[Mapping[str, Any]] = await self._client.submit_transaction(batch)
            except RequestTooLargeError as error:
                raise StorageError(413, "RequestBodyTooLarge") from error
            except TableTransactionError as error:
                status = error.status_code or 0
                raise error_of_operation(operations, status, _code(error), error.message) from error
        return check_etags(operations, [str(answer.get("etag") or "") for answer in answers])

    async def create_table(self) -> None:
        """Create the table; see `StorageClient.create_table`."""
        with _storage_errors():
            await self._client.create_table()

    async def close(self) -> None:
        """Close the client, if one was opened, and the credential."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None
        if not isinstance(self._credential, AzureNamedKeyCredential):
            await self._credential.close()

    @property
    def _client(self) -> TableClient:
        if self._opened is None:
            endpoint, table = self._address
            self._opened = TableClient(
                endpoint,
                table,
                credential=self._credential,
                transport=AioHttpTransport(session=_connections()),
                # It would repeat a transaction without knowing whether it was committed.
                retry_total=0,
            )
        return self._opened


def _connections() -> aiohttp.ClientSession:
    """Open a pool without a limit, which the transport closes; else as the transport's own."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )


def open_sdk_client(account: StorageAccount, table: str) -> SdkClient:
    """Open a table of an account; nothing is sent."""
    held = account.credential
    credential = AzureNamedKeyCredential(*held) if isinstance(held, tuple) else held
    return SdkClient(account.endpoint, table, credential)


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Make a `StorageError` of whatever the SDK raises of an answer, or of none."""
    try:
        yield
    except AzureError as error:
        raise _storage_error(error) from error
    except _UNREADABLE as error:
        raise StorageError(None, reason=type(error).__name__) from error


def _storage_error(error: AzureError) -> StorageError:
    status: int | None = getattr(error, "status_code", None)
    if status is None:
        return StorageError(None, reason=type(error).__name__)
    return error_of_answer(status, _code(error), type(error).__name__)


def _code(error: AzureError) -> str:
    """Read the service's error code, which the SDK gives as a string or as an enum of strings."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _row(entity: Any) -> Row:
    values = {name: value for name, value in entity.items() if name not in _KEY_PROPERTIES}
    return Row(entity["RowKey"], values, entity.metadata["etag"])


def _selected(entity: Any) -> Row:
    return replace(_row(entity), etag="")


def _batched(partition: str, operation: RowOperation) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Put an operation in the form of the SDK; no condition there means `If-Match: *`."""
    entity: dict[str, Any] = {"PartitionKey": partition, "RowKey": operation.key}
    match operation:
        case Insert(values=values):
            return "create", {**entity, **values}, {}
        case Replace(values=values, etag=etag):
            return "update", {**entity, **values}, {"mode": "replace", **_condition(etag)}
        case Merge(values=values, etag=etag):
            return "update", {**entity, **values}, {"mode": "merge", **_condition(etag)}
        case Delete(etag=etag):
            return "delete", entity, _condition(etag)


def _condition(etag: str) -> dict[str, Any]:
    if etag == ANY_ETAG:
        return {}
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}
