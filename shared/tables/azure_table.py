"""`Table` on Azure Table Storage: the patience with which its one-shot clients are used.

A transaction is never repeated on 500 and 503 without knowing whether the first one was committed:
reads are repeated here, transactions in `commits`, which can tell its own success.

The clients cost time to import; that of the settings is imported when the services are built.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

from shared.errors import PayloadTooLarge, Unavailable
from shared.tables.operations import Operation, OutcomeUnknown
from shared.tables.request_context import RequestContext
from shared.tables.rows import Row, Span
from shared.tables.service import Account, ServiceFault, TableAddress, TableService
from shared.tables.table import PAGE_ROWS, Page, Selection, Token, backoff, retries_exhausted
from shared.tables.tenant_queue import TenantQueue

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

Client = Literal["rest", "sdk"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_ATTEMPT_SECONDS = 10.0
_READ_ATTEMPTS = 4
_CALLS_OF_A_TENANT = 100
"""Calls that a tenant has under way; further ones wait for each other, not those of others."""

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_TOO_LARGE = frozenset(
    {"EntityTooLarge", "PropertyValueTooLarge", "RequestBodyTooLarge", "TooManyProperties"}
)


class AzureTable:
    """`Table` on one table: one client and one connection pool a process.

    The pool has no limit of its own: a tenant whose storage does not answer would soon hold all of
    its connections. What a tenant may have under way is limited.
    """

    def __init__(self, service: TableService, *, creates_table: bool = True) -> None:
        """Prepare; nothing is sent.

        Args:
            service: a client of the table; closed with this object.
            creates_table: create the table when it is missing; otherwise it reads as an empty one.
        """
        self._service = service
        self._creates_table = creates_table
        self._queue = TenantQueue(_CALLS_OF_A_TENANT)

    async def get(self, context: RequestContext, key: str) -> Row | None:
        """Read one row; None when there is none."""

        async def read() -> Row | None:
            return await self._service.get(context.tenant, key)

        return await self._retry(context, read, None)

    async def page(
        self,
        context: RequestContext,
        span: Span,
        limit: int = PAGE_ROWS,
        token: Token | None = None,
        select: Selection = None,
    ) -> Page:
        """Read one page of a span."""

        async def read() -> Page:
            return await self._service.query(context.tenant, span, limit, token, select)

        return await self._retry(context, read, Page([], None))

    async def transact(self, context: RequestContext, operations: Sequence[Operation]) -> list[str]:
        """Commit the operations as one entity group transaction; sent once."""
        async with self._queue.place(context):
            seconds = min(_ATTEMPT_SECONDS, context.remaining())
            context.meter.calls += 1
            try:
                async with asyncio.timeout(seconds):
                    etags = await self._submitted(context, operations)
            except TimeoutError as error:
                raise OutcomeUnknown("no answer in time") from error
            except ServiceFault as fault:
                raise _lost(fault) from fault
        context.meter.entities += len(operations)
        return etags

    async def close(self) -> None:
        """Close the connections and the credential."""
        await self._service.close()

    async def _submitted(
        self, context: RequestContext, operations: Sequence[Operation]
    ) -> list[str]:
        try:
            return await self._service.submit(context.tenant, operations)
        except ServiceFault as fault:
            if fault.code == "TableNotFound":
                await self._create_table()
                raise OutcomeUnknown("the table did not exist yet") from fault
            raise

    async def _create_table(self) -> None:
        """Create the table that was not found: a new Azurite, a new account."""
        if not self._creates_table:
            return
        try:
            await self._service.create_table()
        except ServiceFault as fault:
            if fault.code != "TableAlreadyExists":
                raise
        else:
            _log.info("created the table")

    async def _retry(
        self, context: RequestContext, read: Callable[[], Awaitable[_T]], of_no_table: _T
    ) -> _T:
        """Run a read, again after a fault that may pass, within the context's deadline.

        Args:
            context: the request.
            read: one call.
            of_no_table: what is read of a table that did not exist, and was created.
        """
        for attempt in range(_READ_ATTEMPTS):
            if attempt:
                await backoff(context, attempt - 1)
            async with self._queue.place(context):
                seconds = min(_ATTEMPT_SECONDS, context.remaining())
                context.meter.calls += 1
                try:
                    async with asyncio.timeout(seconds):
                        return await self._read(read, of_no_table)
                except TimeoutError:
                    failure = OutcomeUnknown("no answer in time")
                except ServiceFault as fault:
                    failure = _lost(fault)
        raise retries_exhausted(failure) from failure

    async def _read(self, read: Callable[[], Awaitable[_T]], of_no_table: _T) -> _T:
        try:
            return await read()
        except ServiceFault as fault:
            if fault.code != "TableNotFound":
                raise
        await self._create_table()
        return of_no_table


def open_table(
    address: TableAddress,
    credential: "AsyncTokenCredential | None" = None,
    client: Client = "rest",
    *,
    creates_table: bool = True,
) -> AzureTable:
    """Open a table; nothing is sent yet.

    Args:
        address: where the table is.
        credential: required with an endpoint, not used with a connection string; closed with the
            table.
        client: `rest` is this project's own, `sdk` Microsoft's.
        creates_table: as `AzureTable` has it.

    Raises:
        Unavailable: there is neither a connection string, nor an endpoint and a credential.
    """
    account = Account.of(address, credential)
    if client == "sdk":
        from shared.tables.sdk import open_sdk_service  # noqa: PLC0415 - costs 100 ms

        service: TableService = open_sdk_service(account, address.name)
        return AzureTable(service, creates_table=creates_table)
    from shared.tables.rest.client import open_rest_service  # noqa: PLC0415 - costs 80 ms

    return AzureTable(open_rest_service(account, address.name), creates_table=creates_table)


def _lost(fault: ServiceFault) -> OutcomeUnknown:
    """Classify a fault that may pass.

    Raises:
        PayloadTooLarge: a row or a value is larger than the service takes.
        Unavailable: the fault will not pass by itself, such as missing rights.
    """
    if fault.code in _TOO_LARGE:
        raise PayloadTooLarge("The resource is too large to be stored; send less.") from fault
    if fault.status is not None and fault.status not in _TRANSIENT:
        _log.error("table storage refused a request: %s", fault)
        raise Unavailable(
            "The storage refused the service; its operator finds the reason in the log.",
            retry_after=60,
        ) from fault
    throttled = fault.code == "ServerBusy" or fault.status == 429
    return OutcomeUnknown(str(fault), throttled=throttled)
