"""`Table` on Azure Table Storage: a one-shot client with retry, time-outs and limits around it.

Reads are repeated here. A transaction is sent once: to repeat it on 500 and 503 takes a sender
that can tell whether the first one was committed (`shared.store.commits`).

The clients cost time to import; that of the settings is imported when the services are built.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

from shared.tables.account import StorageAccount, TableAddress
from shared.tables.client import StorageClient, StorageError
from shared.tables.operations import OutcomeUnknown, RowOperation
from shared.tables.request_context import RequestContext
from shared.tables.retry import attempt_timeout, outcome_of, retry_read
from shared.tables.rows import Row, Span
from shared.tables.table import PAGE_ROWS, ContinuationToken, Page, Selection
from shared.tables.tenant_queue import TenantQueue

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

ClientName = Literal["rest", "sdk"]

CONCURRENT_CALLS = 100
"""Calls that a tenant has under way; further ones wait for each other, not those of others."""

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class AzureTable:
    """`Table` on one table: one client and one connection pool a process.

    The pool has no limit of its own: a tenant whose storage does not answer would soon hold all of
    its connections. What a tenant may have under way is limited.
    """

    def __init__(self, client: StorageClient, *, creates_table: bool = True) -> None:
        """Prepare; nothing is sent.

        Args:
            client: a client of the table; closed with this object.
            creates_table: create the table when it is missing; otherwise it reads as an empty one.
        """
        self._client = client
        self._creates_table = creates_table
        self._queue = TenantQueue(capacity=CONCURRENT_CALLS)

    async def get(self, context: RequestContext, key: str) -> Row | None:
        """Read one row; None when there is none."""
        return await self._read(context, lambda: self._client.get(context.tenant, key), None)

    async def page(
        self,
        context: RequestContext,
        span: Span,
        limit: int = PAGE_ROWS,
        token: ContinuationToken | None = None,
        select: Selection = None,
    ) -> Page:
        """Read one page of a span."""

        def query() -> Awaitable[Page]:
            return self._client.query(context.tenant, span, limit, token, select)

        return await self._read(context, query, Page([], None))

    async def transact(
        self, context: RequestContext, operations: Sequence[RowOperation]
    ) -> list[str]:
        """Commit the operations as one entity group transaction; sent once."""
        etags = await self._send(context, lambda: self._submit(context, operations))
        context.meter.entities += len(operations)
        return etags

    def beside(self) -> "AzureTable":
        """Return the same table with calls of its own, for what no request waits for.

        It shares the connections, which this table closes, and takes none of the calls that a
        tenant may have under way here.
        """
        return AzureTable(self._client, creates_table=self._creates_table)

    async def close(self) -> None:
        """Close the connections and the credential."""
        await self._client.close()

    def _read(
        self, context: RequestContext, read: Callable[[], Awaitable[_T]], of_no_table: _T
    ) -> Awaitable[_T]:
        """Run a read, again after an error that may pass; no coroutine itself, to be quick.

        Args:
            context: the request.
            read: one call.
            of_no_table: what is read of a table that did not exist, and was created.
        """

        async def read_once() -> _T:
            try:
                return await read()
            except StorageError as error:
                if error.code != "TableNotFound":
                    raise
                await self._create_table(error)
            return of_no_table

        return retry_read(context, lambda: self._send(context, read_once))

    async def _send(self, context: RequestContext, request: Callable[[], Awaitable[_T]]) -> _T:
        """Send one request, when the tenant has a call to spare, and wait for its answer."""
        async with self._queue.place(context):
            seconds = attempt_timeout(context)
            context.meter.calls += 1
            try:
                async with asyncio.timeout(seconds):
                    return await request()
            except TimeoutError as error:
                raise OutcomeUnknown("no answer in time") from error
            except StorageError as error:
                raise outcome_of(error) from error

    async def _submit(
        self, context: RequestContext, operations: Sequence[RowOperation]
    ) -> list[str]:
        try:
            return await self._client.submit(context.tenant, operations)
        except StorageError as error:
            if error.code == "TableNotFound":
                await self._create_table(error)
                raise OutcomeUnknown("the table did not exist yet") from error
            raise

    async def _create_table(self, missing: StorageError) -> None:
        """Create the table that was not found: a new Azurite, a new account.

        Raises:
            StorageError: it may not be created; the cause is that it is missing.
        """
        if not self._creates_table:
            return
        try:
            await self._client.create_table()
        except StorageError as error:
            if error.code != "TableAlreadyExists":
                raise error from missing
        else:
            _log.info("created the table")


def open_table(
    address: TableAddress,
    credential: "AsyncTokenCredential | None" = None,
    client: ClientName = "rest",
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
    account = StorageAccount.of(address, credential)
    if client == "sdk":
        from shared.tables.sdk import open_sdk_client  # noqa: PLC0415 - costs 100 ms

        opened: StorageClient = open_sdk_client(account, address.name)
    else:
        from shared.tables.rest.client import open_rest_client  # noqa: PLC0415 - costs 80 ms

        opened = open_rest_client(account, address.name)
    return AzureTable(opened, creates_table=creates_table)
