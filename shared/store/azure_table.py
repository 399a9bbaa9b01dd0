"""`Table` on azure-data-tables: the one module that talks to Table Storage.

The SDK's own retry is off, because it repeats a transaction on 500 and 503 without knowing whether
the first one was committed, and does not see the status inside a 202 at all. Reads are repeated
here; transactions in `commits`, which can tell its own success.

The module costs some 100 ms to import; the app imports it when the first request needs it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables import RequestTooLargeError, TableTransactionError
from azure.data.tables.aio import TableClient

from shared.scim.errors import PayloadTooLarge, Unavailable
from shared.store.keys import Span
from shared.store.operations import (
    Delete,
    Insert,
    Merge,
    Operation,
    Refused,
    Replace,
    Unclear,
)
from shared.store.rows import ANY_ETAG, Row
from shared.store.session import Session
from shared.store.table import PAGE_ROWS, Page, Token, given_up, pause

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_ATTEMPT_SECONDS = 10.0
_READ_ATTEMPTS = 4
_REFUSALS = frozenset({404, 409, 412})
_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_TOO_LARGE = frozenset(
    {"EntityTooLarge", "PropertyValueTooLarge", "RequestBodyTooLarge", "TooManyProperties"}
)
_KEY_PROPERTIES = frozenset({"PartitionKey", "RowKey"})


@dataclass(frozen=True, slots=True)
class TableAddress:
    """Where the table is: an endpoint reached by identity, or a connection string (development)."""

    name: str
    endpoint: str | None = None
    connection_string: str | None = None


class AzureTable:
    """`Table` on azure-data-tables (aio): one client and one connection pool a process."""

    def __init__(
        self,
        address: TableAddress,
        credential: "AsyncTokenCredential | None" = None,
        *,
        creates_table: bool = True,
        **client_options: Any,
    ) -> None:
        """Prepare the client; nothing is sent.

        Args:
            address: where the table is.
            credential: required with an endpoint, not used with a connection string; closed with
                the table.
            creates_table: create the table when it is missing; otherwise it reads as an empty one.
            client_options: passed on to the SDK's client and its transport.
        """
        self._address = address
        self._credential = credential
        self._creates_table = creates_table
        self._options = client_options
        self._opened: TableClient | None = None

    async def get(self, session: Session, key: str) -> Row | None:
        """Read one row; None when there is none."""

        async def read() -> Row | None:
            try:
                entity = await self._client.get_entity(session.tenant, key)
            except ResourceNotFoundError as error:
                await self._create_missing_table(error)
                return None
            return _row(entity)

        return await self._repeated(session, read)

    async def page(
        self, session: Session, span: Span, limit: int = PAGE_ROWS, token: Token | None = None
    ) -> Page:
        """Read one page of a span."""
        query = (
            f"PartitionKey eq '{session.tenant}' "
            f"and RowKey ge '{span.start}' and RowKey lt '{span.end}'"
        )

        async def read() -> Page:
            pages = self._client.query_entities(query, results_per_page=limit).by_page(
                continuation_token=token  # type: ignore[arg-type] # the SDK's tokens are dicts
            )
            try:
                rows = [_row(entity) async for entity in await anext(pages)]
            except ResourceNotFoundError as error:
                await self._create_missing_table(error)
                return Page([], None)
            following = pages.continuation_token  # type: ignore[attr-defined] # of AsyncPageIterator
            return Page(rows, following or None)

        return await self._repeated(session, read)

    async def transact(self, session: Session, operations: Sequence[Operation]) -> list[str]:
        """Commit the operations as one entity group transaction; sent once."""
        seconds = min(_ATTEMPT_SECONDS, session.remaining())
        session.meter.calls += 1
        try:
            async with asyncio.timeout(seconds):
                answers = await self._submit(session, operations)
        except TimeoutError as error:
            raise Unclear("no answer in time") from error
        except AzureError as error:
            raise _lost(error) from error
        session.meter.entities += len(operations)
        return [str(answer.get("etag", "")) for answer in answers]

    async def close(self) -> None:
        """Close the client, if one was opened, and the credential."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None
        if self._credential is not None:
            await self._credential.close()

    @property
    def _client(self) -> TableClient:
        """The SDK's client, built at first use, because it belongs to the running event loop."""
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _open(self) -> TableClient:
        options: dict[str, Any] = {
            "transport": AioHttpTransport(use_env_settings=False, **self._options),
            "retry_total": 0,
        }
        if self._address.connection_string is not None:
            return TableClient.from_connection_string(
                self._address.connection_string, self._address.name, **options
            )
        if self._address.endpoint is None or self._credential is None:
            raise Unavailable("The service has no table configured; its operator must set one.")
        return TableClient(
            self._address.endpoint, self._address.name, credential=self._credential, **options
        )

    async def _submit(
        self, session: Session, operations: Sequence[Operation]
    ) -> Sequence[Mapping[str, Any]]:
        """Send a transaction and tell a refusal of an operation from faults, which are raised."""
        batch = [_batched(session.tenant, operation) for operation in operations]
        try:
            return await self._client.submit_transaction(batch)
        except RequestTooLargeError as error:
            raise PayloadTooLarge("The change is too large to be stored; send less.") from error
        except TableTransactionError as error:
            if _code(error) == "TableNotFound":
                await self._create_missing_table(error)
                raise Unclear("the table did not exist yet") from error
            status = error.status_code
            if status in _REFUSALS:
                raise Refused(error.index, status, operations[error.index]) from error
            raise

    async def _create_missing_table(self, error: HttpResponseError) -> None:
        """Create the table when that is what was not found (a new Azurite, a new account)."""
        if _code(error) == "TableNotFound" and self._creates_table:
            try:
                await self._client.create_table()
            except ResourceExistsError:
                return
            _log.info("created table %s", self._address.name)

    async def _repeated(self, session: Session, read: Callable[[], Awaitable[_T]]) -> _T:
        """Run a read, again after a fault that may pass, within the session's deadline."""
        for attempt in range(_READ_ATTEMPTS):
            if attempt:
                await pause(session, attempt - 1)
            seconds = min(_ATTEMPT_SECONDS, session.remaining())
            session.meter.calls += 1
            try:
                async with asyncio.timeout(seconds):
                    return await read()
            except TimeoutError:
                failure = Unclear("no answer in time")
            except AzureError as error:
                failure = _lost(error)
        raise given_up(failure) from failure


def _lost(error: Exception) -> Unclear:
    """Classify a fault that may pass.

    Raises:
        PayloadTooLarge: a row or a value is larger than the service takes.
        Unavailable: the fault will not pass by itself, such as missing rights.
    """
    if _code(error) in _TOO_LARGE:
        raise PayloadTooLarge("The resource is too large to be stored; send less.") from error
    status = getattr(error, "status_code", None)
    if status is not None and status not in _TRANSIENT:
        _log.error("table storage refused a request: %s %s", status, _code(error))
        raise Unavailable(
            "The storage refused the service; its operator finds the reason in the log.",
            retry_after=60,
        ) from error
    throttled = _code(error) == "ServerBusy" or status == 429
    return Unclear(f"{type(error).__name__} {status or ''}".strip(), throttled=throttled)


def _code(error: Exception) -> str:
    """Read the service's error code, which the SDK gives as a string or as an enum of strings."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code))


def _row(entity: Any) -> Row:
    values = {name: value for name, value in entity.items() if name not in _KEY_PROPERTIES}
    return Row(entity["RowKey"], values, entity.metadata["etag"])


def _batched(tenant: str, operation: Operation) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Put an operation in the form of the SDK; no condition there means `If-Match: *`."""
    entity: dict[str, Any] = {"PartitionKey": tenant, "RowKey": operation.key}
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
