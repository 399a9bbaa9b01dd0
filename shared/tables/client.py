"""What `AzureTable` needs of a client of Table Storage: one request each, without retry.

Two clients do the same: `RestClient`, which serves, and `SdkClient`, which is its oracle.
"""

from collections.abc import Sequence
from typing import Protocol

from shared.tables.operations import RowOperation
from shared.tables.rows import Row, Span
from shared.tables.table import ContinuationToken, Page, Selection


class StorageError(Exception):
    """An error of the Table service, or no answer: the request may be done, or not.

    Attributes:
        status: HTTP status; None when there was no answer that could be read.
        code: error code of the service, such as `ServerBusy`; "" without one.
    """

    def __init__(self, status: int | None, code: str = "", reason: str = "") -> None:
        super().__init__(f"{status or 'no answer'} {code or reason}".strip())
        self.status = status
        self.code = code


class StorageClient(Protocol):
    """A client of one table."""

    async def get(self, partition: str, key: str) -> Row | None:
        """Read one row; None when there is none.

        Raises:
            StorageError: anything else than 200 or `ResourceNotFound`, `TableNotFound` among it.
        """
        ...

    async def query(
        self,
        partition: str,
        span: Span,
        limit: int,
        token: ContinuationToken | None,
        select: Selection = None,
    ) -> Page:
        """Read one page of a span.

        Raises:
            StorageError: anything else than 200.
        """
        ...

    async def submit(self, partition: str, operations: Sequence[RowOperation]) -> list[str]:
        """Commit an entity group transaction; return the new ETags, "" for deleted rows.

        Raises:
            OperationRejected: an operation met 404, 409 or 412.
            StorageError: anything else than success.
        """
        ...

    async def create_table(self) -> None:
        """Create the table.

        Raises:
            StorageError: anything else than success, `TableAlreadyExists` among it.
        """
        ...

    async def close(self) -> None:
        """Close the connections and the credential."""
        ...
